/* Limits of a run (time, memory, processes), and how its evaluation is told to end. For run.c. */
#ifndef DH_EVAL_RUN_LIMITS_H
#define DH_EVAL_RUN_LIMITS_H

#include "run.h"

/* SIGKILL to its processes in `seconds`, if it is not due earlier. */
void eval_run_kill_within(struct eval_run *run, double seconds, double now);
/* Do what is due at `now`. */
void eval_run_enforce(struct eval_run *run, double now);

#endif
