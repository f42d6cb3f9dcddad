/* The guard: a small process between the launcher and one evaluation (or one slot's persistent
 * process). It is a subreaper, so every process that the evaluation starts stays below it, even
 * one that has made itself a daemon. When the main process ends, or the launcher says so or goes
 * away, it kills all of them before it reports and ends; those that clean up after others may do
 * that for some seconds more (see eval_spared), and those that pass on what the main process wrote,
 * when it has ended by itself, for a moment (see passing.h). If the main process ends since it was
 * told to (EVAL_GUARD_TERM), the others have the time until EVAL_GUARD_KILL to end as well. */
#ifndef DH_EVAL_GUARD_H
#define DH_EVAL_GUARD_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "job.h"

#define EVAL_GUARD_KEPT 1000 /* most processes that a sweep spares beside the main one */

/* Launcher → guard: one byte, with SWEEP followed by the pids (u32) that are to be spared, too. */
enum eval_guard_order {
    EVAL_GUARD_TERM = 'T',  /* SIGTERM to the evaluation's process group */
    EVAL_GUARD_KILL = 'K',  /* end everything now */
    EVAL_GUARD_SWEEP = 'S', /* kill all but the main process, then answer SWEPT */
};

/* Guard → launcher: one message each, of a kind and its fields. */
enum eval_guard_news {
    EVAL_GUARD_REFUSED = 1, /* text: the evaluation could not be started */
    EVAL_GUARD_UNABLE,      /* text: nor could any other, here and now: it is not to blame */
    EVAL_GUARD_MISSING,     /* text: nor any other, since what is to be run cannot be */
    EVAL_GUARD_SWEPT,       /* u8: did it kill any that the main process may count on? */
    EVAL_GUARD_ASKED,       /* somebody has sent it a request, as to the whole job */
    EVAL_GUARD_ENDED, /* u32 status of waitpid, f64 CPU seconds, u64 peak bytes; the last message */
};

/* What the evaluation's process is given. */
struct eval_child {
    const struct eval_job *job;
    int control;           /* message socket to the launcher: see eval_guard_refuse */
    int requests, answers; /* its ends of the channel, or -1 */
};

struct eval_guard_spec {
    struct eval_child child;
    int output, errors;                           /* to write to */
    struct rlimit files;                          /* that the evaluation may have open */
    const char *folder;                           /* to enter; NULL: none */
    void (*main)(const struct eval_child *child); /* of the evaluation; does not return */
};

/* The guard's life; for a freshly forked process. */
void eval_guard_run(const struct eval_guard_spec *spec, pid_t launcher) __attribute__((noreturn));

/* In the evaluation's process: it cannot run; says why (printf) and exits. */
void eval_guard_refuse(const struct eval_child *child, enum eval_guard_news kind,
                       const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));

/* The same where exec of `program`, which the setting `key` names and all evaluations run, has
 * failed (errno). */
void eval_guard_miss(const struct eval_child *child, const char *key, const char *program)
    __attribute__((noreturn));

/* Is the signal a request to end, which batch systems and launchers send to every process of a job:
 * SIGTERM, SIGINT, SIGUSR1 (before the walltime), SIGUSR2? */
bool eval_guard_is_request(int number);

/* Default actions for all signals, none blocked: what a forked process has to begin with. But
 * SIGUSR1 and SIGUSR2 are ignored: srun passes them on to every process of a job, and evaluations
 * are to end in peace while the search stops. (R, Node and Java handle them all the same.) */
void eval_guard_reset_signals(void);

/* Ignore what else could come with the end of a job or a terminal: it is meant for the rank.
 * Requests and SIGCHLD are left to a signalfd, which is returned. */
int eval_guard_take_signals(void);

#endif
