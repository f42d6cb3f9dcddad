/* The process of a run and the pipes to it: opening, reading, closing. For run.c. */
#ifndef DH_EVAL_RUN_PROCESS_H
#define DH_EVAL_RUN_PROCESS_H

#include "run.h"

/* DH_CONFIG if the slots of `plan` need more descriptors in the launcher than a process may have
 * on this machine, by its hard limit. */
dh_status eval_run_check_files(const struct eval_plan *plan, struct dh_error *err);
/* Fork a guard with the evaluation below it. */
dh_status eval_run_spawn(struct eval_run *run, struct dh_error *err);
void eval_run_close_process(struct eval_run *run);
/* Read what is in the pipes now: one piece of each, or all that there is (bounded). */
void eval_run_read(struct eval_run *run);
void eval_run_drain(struct eval_run *run);
/* The next message of the guard: 1 with it in `out`, 0 none now, -1 the guard is gone. */
int eval_run_news(struct eval_run *run, struct dh_buffer *out);

#endif
