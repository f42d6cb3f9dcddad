/* Evaluations on a worker: a pool of slots behind one interface, whatever the kind.
 *
 * The launcher is a small process that is forked before MPI_Init; it forks every evaluation, so
 * nothing is ever forked from a process that holds a fabric's memory. (Between the two sleeps the
 * nursery, which forks another launcher if that one is killed.) It gives each evaluation a
 * guard (a subreaper) and a process group, enforces time and memory limits, collects output, and
 * ends everything when the rank goes away. Builtin functions and plugins with isolate = false run
 * in the rank itself.
 *
 * The pool is an event loop: start, cancel and poll never block (but for an in-rank plugin, which
 * runs inside poll).
 */
#ifndef DH_MPI_EVAL_H
#define DH_MPI_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/comm.h"
#include "dh_mpi/config.h"
#include "dh_mpi/history.h"
#include "dh_mpi/log.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"

struct dh_launcher;

/* Fork the launcher. Call before MPI_Init and before any thread. The child never returns. */
dh_status dh_launcher_start(struct dh_launcher **out, struct dh_error *err);
/* A new launcher in place of one that is gone: DH_INTERNAL if there can be none. What the old one
 * ran is ended. A pool of the old one cannot evaluate any more; make another. */
dh_status dh_launcher_replace(struct dh_launcher *launcher, struct dh_error *err);
/* Ends it, and with it every process of every evaluation; waits for that (bounded). */
void dh_launcher_stop(struct dh_launcher **launcher);

/* The part of `evaluator` that other rooms need. */
struct dh_eval_plan {
    const char *type; /* "builtin", … (borrowed) */
    int32_t slots;    /* a worker */
    uint32_t retries;
    double timeout; /* seconds; 0: none */
    int32_t ranks;  /* that evaluate together; 1 for all but plugins in the rank */
    bool in_rank;   /* evaluations run in the rank itself */
    bool cores;     /* an evaluation takes a core: all but test functions */
    bool threads;   /* it is told by OMP_NUM_THREADS how many threads to use: see dh_eval_create */
};
/* Validate the whole `evaluator` group (all settings of its type; that the builtin exists, that
 * the plugin, program or interpreter can be found) against the space. For the manager and
 * --check, on the machine it runs on. `launcher` loads the plugin, in a process of its own (no pool
 * may be open); NULL, where MPI is not initialised: a child of this process does. DH_CONFIG, or
 * DH_UNABLE where no process can be started for that. */
dh_status dh_eval_check(const struct dh_settings *settings, const struct dh_space *space,
                        struct dh_launcher *launcher, struct dh_eval_plan *out,
                        struct dh_error *err);
/* Does /proc show the processes of this PID namespace? Without, what evaluations start cannot be
 * found: it is not ended with them, and limits of memory and processes do not hold. */
bool dh_eval_sees_processes(void);
/* Start what evaluations run in, where that stays for the next one (Python, with its imports), wait
 * until it could evaluate, and end it. Nothing is evaluated; no run folder is made. DH_CONFIG where
 * it says what is wrong with the user's function, a traceback behind the text's first line;
 * DH_UNABLE where it does not get that far, behind the first line the last ones of its stderr. */
dh_status dh_eval_rehearse(const struct dh_settings *settings, const struct dh_space *space,
                           struct dh_error *err);

/* Where the newest attempt of the trial ran, by `runs` as seen from the working directory; NULL if
 * there is no folder of it. The caller frees it. */
char *dh_eval_run_folder(const struct dh_settings *settings, const struct dh_trial *trial);

/* What is allowed in it and probably not meant: lines "file:line: text". */
void dh_eval_warnings(const struct dh_settings *settings, const struct dh_space *space,
                      struct dh_buffer *out);

enum dh_eval_event_kind { DH_EVAL_DONE, DH_EVAL_REPORT };

struct dh_eval_event {
    enum dh_eval_event_kind kind;
    int32_t slot;
    uint64_t trial;
    struct dh_outcome outcome; /* DONE: the receiver's to free; worker is -1 */
    double step, value;        /* REPORT */
};

struct dh_eval;

/* A pool for worker `worker`. `launcher` may be NULL if the type runs in the rank. `communicator`
 * (may be NULL) is handed to in-rank plugins. Evaluations in processes have OMP_NUM_THREADS =
 * `threads`, unless the user set that; 0: the cores of this process divided by its slots, or with
 * one slot nothing. Everything is borrowed until destroy. */
dh_status dh_eval_create(const struct dh_settings *settings, const struct dh_space *space,
                         struct dh_launcher *launcher, int32_t worker, uint32_t threads,
                         const void *communicator, const struct dh_log *log, struct dh_eval **out,
                         struct dh_error *err);
void dh_eval_destroy(struct dh_eval **eval);

/* For a plugin that several ranks evaluate together: call `begin` right before each call of it in
 * this rank (an error takes its place, and ends the pool as one of poll does), and `end` right
 * after. */
struct dh_eval_hooks {
    dh_status (*begin)(void *context, const struct dh_task *task, struct dh_error *err);
    void (*end)(void *context);
    void *context;
};
void dh_eval_set_hooks(struct dh_eval *eval, const struct dh_eval_hooks *hooks);

int32_t dh_eval_slots(const struct dh_eval *eval);
/* Does `slot` run something? Then `*trial` is it. */
bool dh_eval_running(const struct dh_eval *eval, int32_t slot, uint64_t *trial);
/* Do evaluations run within poll, which then takes as long as they do? */
bool dh_eval_blocks(const struct dh_eval *eval);
/* Has it failed? What poll hands out until it says why is all that there will be. */
bool dh_eval_failed(const struct dh_eval *eval);
/* Start `task` on its free slot (values are copied). A failure to start one evaluation is an
 * outcome; an error means that the pool cannot evaluate at all (DH_INTERNAL: the launcher is gone),
 * or that the slot is not free (DH_COMM: whoever gave it the task is wrong). */
dh_status dh_eval_start(struct dh_eval *eval, const struct dh_task *task, struct dh_error *err);
/* End the evaluation of `trial` on `slot`, if it still runs: its event will have status CANCELLED.
 */
void dh_eval_cancel(struct dh_eval *eval, int32_t slot, uint64_t trial);
/* DH_OK with an event, DH_EMPTY if there is none now. CANCELLED that was not asked for: the
 * evaluation could not begin on this machine, or was ended with the job (SIGTERM or SIGINT to it
 * and the launcher); it is to be done again.
 * Errors end the pool, and come after all events that were there before: DH_CONFIG (it cannot be
 * loaded here, or ends the rank it is called in), DH_IO (no run folders), DH_UNABLE (no evaluation
 * begins on this machine), DH_INTERNAL (the launcher is gone; a plugin that has evaluated in this
 * rank would have ended it). */
dh_status dh_eval_poll(struct dh_eval *eval, struct dh_eval_event *out, struct dh_error *err);
/* A descriptor that is readable when poll may have something (-1: none), and the moment
 * (dh_clock_monotonic) at which it will have without one (INFINITY: none). */
int dh_eval_fd(const struct dh_eval *eval);
double dh_eval_next_time(const struct dh_eval *eval);

/* A builtin evaluator's results without a pool, for simulations. */
struct dh_imitation;
/* `*out` is NULL if the evaluator is of another type. Borrows until destroy. */
dh_status dh_imitation_create(const struct dh_settings *settings, const struct dh_space *space,
                              struct dh_imitation **out, struct dh_error *err);
void dh_imitation_destroy(struct dh_imitation **imitation);
/* The objective at `values`, and the seconds that the evaluation would take: what a pool gives for
 * a trial of that seed at that attempt. */
double dh_imitation_evaluate(const struct dh_imitation *imitation, const double *values,
                             uint64_t seed, uint32_t retries, double *duration);

#endif
