/* The scheduler: which trial runs where, and when the search is over.
 *
 * A pure state machine. Events and the time go in; actions come out, in order, through
 * dh_sched_next. There is no clock, no message and no file in here, so the same code runs under
 * MPI, in one process, and in a simulation of thousands of workers.
 *
 * A trial is READY (queued) → RUNNING on a slot → ended; a failed one may go back to the front of
 * the queue (retries), as does one whose worker was lost. A slot waits (it has claimed, or its
 * last evaluation has ended) or runs; both queues are first in, first out. The budget is exact:
 * trials that have ended (but cancelled ones) plus running ones never exceed max_evaluations,
 * whatever is offered and whatever the history held.
 *
 * A trial can also be published instead of being started: then some slot takes it by itself, and
 * the scheduler hears of it afterwards (board.h). A published trial counts as running for the
 * budget and for the end of the search; when the search stops, or too little of its time is left,
 * publications have to be recalled, and what comes back is READY again.
 *
 * A trial is not started if it would probably not end within max_time and grace, as far as the
 * durations of earlier ones tell; it stays pending, and shorter ones may still start. Once nothing
 * runs and nothing fits, time is up. No trial counts as longer than DH_SCHED_WHOLE of the job, so
 * that at least its beginning is used whatever the durations say.
 *
 * Every event costs constant time (amortised) but stops and the loss of a worker, which look at
 * every slot once. `now` is in seconds from any start; one that lies before the latest event counts
 * as that event's.
 */
#ifndef DH_MPI_SCHED_H
#define DH_MPI_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/history.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"
#include "dh_mpi/usage.h"

#define DH_SCHED_WHOLE 0.9

struct dh_sched_settings {
    uint64_t max_evaluations;     /* 0: no limit */
    double max_time;              /* seconds from dh_sched_create; 0: no limit */
    double grace;                 /* seconds after max_time in which what still runs may end */
    double span;                  /* the whole job's seconds, if this run has only the rest of them;
                                     0: max_time + grace */
    const struct dh_space *space; /* to judge durations by parameters; NULL: not so. Borrowed */
    double target;                /* of the first objective; NaN: none */
    bool maximize;                /* the first objective */
    uint64_t patience;            /* ended trials since the incumbent improved; 0: no limit */
    uint64_t max_failures;        /* failures in a row in this run; 0: no limit */
    uint32_t retries;             /* of a failed or timed-out evaluation, in this run */
    uint32_t lost_retries;        /* of a trial whose worker was lost: then it counts as failed */
    uint64_t workers;             /* that are expected; 0: those that have joined are all */
    double epoch; /* what outcomes' times say at the `now` of dh_sched_create: the wall clock's time
                     there. Only differences matter; clocks of workers may be off */
};

/* Why a search ends; NONE: it goes on. FINISHED ones give exit code 0, the others 75 but FAILURES
 * and ERROR, which call for a human. SIGNAL and ERROR come from the caller, the others follow from
 * the events; LOST once every worker that has joined is lost, and so many as were expected. */
#define DH_STOP_MAP(X)                                                                             \
    X(NONE, false, "running")                                                                      \
    X(BUDGET, true, "all evaluations done")                                                        \
    X(TARGET, true, "target reached")                                                              \
    X(PATIENCE, true, "no improvement any more")                                                   \
    X(EXHAUSTED, true, "nothing is left to propose")                                               \
    X(TIME, false, "out of time")                                                                  \
    X(SIGNAL, false, "stopped by a signal")                                                        \
    X(FAILURES, false, "too many failures in a row")                                               \
    X(LOST, false, "no worker left")                                                               \
    X(ERROR, false, "an error")

enum dh_stop {
#define DH_STOP_ENUM(name, finished, text) DH_STOP_##name,
    DH_STOP_MAP(DH_STOP_ENUM)
#undef DH_STOP_ENUM
};
const char *dh_stop_text(enum dh_stop stop);
bool dh_stop_finished(enum dh_stop stop);

enum dh_action_kind {
    DH_ACTION_START,  /* send `trial` to (worker, slot) */
    DH_ACTION_CANCEL, /* stop the evaluation of `trial` on (worker, slot); its result is awaited */
    DH_ACTION_RETRY,  /* `trial` failed or was lost and went back to the queue, for the next run if
                         the search is stopping: for the log; the outcome says why */
    DH_ACTION_END,    /* `trial` has ended with `outcome`: record it, tell the search */
    DH_ACTION_STOP,   /* the search is stopping because of `stop`: for the log; once */
    DH_ACTION_DONE,   /* nothing runs any more and nothing will: let the workers go; once, last.
                         `stop` is final */
    DH_ACTION_HOLD,   /* `trial` is the first that is not started because it would not end in time:
                         for the log; once */
};

struct dh_action {
    enum dh_action_kind kind;
    uint64_t trial;
    int32_t worker, slot;
    uint32_t retries;           /* failed attempts before this one (RETRY: before the next) */
    struct dh_outcome *outcome; /* END and RETRY: borrowed until the next dh_sched_next */
    enum dh_stop stop;
    double expected, left; /* HOLD: seconds that it should take, and that there are */
    bool by_parameters;    /* HOLD: `expected` is for trials like this one, not for any */
};

struct dh_sched_counts {
    uint64_t ready, running, waiting_slots, slots, workers; /* not counting lost workers */
    uint64_t published;                                     /* and not yet known to run */
    uint64_t by_status[DH_TRIAL_STATUS_COUNT];              /* of the whole history */
    uint64_t ended_here;                                    /* in this run, but cancelled ones */
    uint64_t retried, lost; /* failed and tried again (or left to be), lost; in this run */
    uint64_t incumbent;     /* id of the best trial, or UINT64_MAX */
    enum dh_stop stop;
};

struct dh_sched;

/* Scheduler over `history` (borrowed; it only reads it). Trials that are pending in it are put in
 * the ready queue first, in order of id, as if never tried. Counts, incumbent and patience continue
 * from it; a row of failures begins anew. Actions may be there at once: the search may be over. */
struct dh_sched *dh_sched_create(const struct dh_sched_settings *settings,
                                 const struct dh_history *history, double now);
void dh_sched_destroy(struct dh_sched **sched);

/* Events. Each may make actions available. Unknown or repeated ones (a result for a trial that
 * does not run there or was not handed out yet, a second claim, a worker that was lost) are ignored
 * and return false. */
bool dh_sched_join(struct dh_sched *sched, int32_t worker, int32_t slots, double now);
/* A slot's first claim; after that, each result claims for its slot. */
bool dh_sched_claim(struct dh_sched *sched, int32_t worker, int32_t slot, double now);
/* The history's trial `id` (just proposed) is ready to run. Once the search is stopping it is not
 * started: it ends CANCELLED if the search is finished and stays pending otherwise. */
bool dh_sched_offer(struct dh_sched *sched, uint64_t id, double now);
/* The next ready trial, to be published: true if no slot waits for it, the budget allows it and it
 * would certainly end in time. Then the slot that takes it is told of by dh_sched_assign, or it is
 * taken back. */
bool dh_sched_publish(struct dh_sched *sched, uint64_t *trial, uint32_t *retries, double now);
/* How many publications are to be recalled now: all of them (UINT64_MAX) when nothing may start by
 * itself any more; as many as slots wait for in vain, since they looked too early. */
uint64_t dh_sched_recall(const struct dh_sched *sched);
/* The publication of `trial` was withdrawn, before anybody could take it. */
void dh_sched_withdrawn(struct dh_sched *sched, uint64_t trial, double now);
/* Published `trial` was taken by a worker that is gone: it is lost, like what is known to run on a
 * worker that is lost. */
void dh_sched_orphaned(struct dh_sched *sched, uint64_t trial, double now);
/* Published `trial` is what (worker, slot) runs from its next claim on; a dh_sched_claim or
 * dh_sched_result of the slot must follow. `started`: it runs there already; otherwise there will
 * be a START. False if there is no such slot or it has one already. */
bool dh_sched_assign(struct dh_sched *sched, int32_t worker, int32_t slot, uint64_t trial,
                     bool started);
/* The search has no more points. */
void dh_sched_exhausted(struct dh_sched *sched, double now);
/* An evaluation ended. Takes what `outcome` owns if it returns true. A success whose objectives
 * are not all finite is a failure. CANCELLED that nobody asked for counts as lost: its worker is
 * being ended, or could not begin it (then the reason says why). What comes back otherwise than
 * CANCELLED after a cancel is what it says. A failure with retries left goes back to the queue: a
 * stop that is not a finished one only puts its next attempt off to the next run. */
bool dh_sched_result(struct dh_sched *sched, int32_t worker, int32_t slot, uint64_t trial,
                     struct dh_outcome *outcome, double now);
/* Worker `worker` is gone, with whatever it ran; it cannot join again. One that has not joined is
 * known only where a number of workers is expected. */
bool dh_sched_lost(struct dh_sched *sched, int32_t worker, double now);
/* The same of one that cannot begin any evaluation: its trials are not to blame for that, however
 * many such workers they meet. */
bool dh_sched_unfit(struct dh_sched *sched, int32_t worker, double now);
/* Stop: nothing is started any more. If the search is thereby finished, running evaluations are
 * cancelled and ready ones end CANCELLED; otherwise they stay pending, and running evaluations go
 * on until they end or, after a call of dh_sched_cancel_running, are cancelled. Only the first
 * reason counts, but what still ran at TIME or SIGNAL may finish the search: then that is the
 * reason in the end. */
void dh_sched_stop(struct dh_sched *sched, enum dh_stop stop, double now);
/* Once stopping: take running evaluations back. Trials stay PENDING in the history (they are
 * evaluated again by the next run) unless the search is finished, when they end CANCELLED. */
void dh_sched_cancel_running(struct dh_sched *sched, double now);
/* Let time pass: max_time. Returns the next moment at which a tick matters (INFINITY: none). */
double dh_sched_tick(struct dh_sched *sched, double now);

/* When max_time is up, or INFINITY. */
double dh_sched_deadline(const struct dh_sched *sched);

/* The next action, or false. Call until false after each event or batch of events; a START or
 * CANCEL that later events of the batch overtook is left out. */
bool dh_sched_next(struct dh_sched *sched, struct dh_action *action);

/* How many more trials may be offered now in view of the budget (UINT64_MAX: any number; 0 once
 * stopping or exhausted), and how many are wanted at least: slots that wait for one. The caller
 * subtracts what it has asked for and not offered yet. */
uint64_t dh_sched_room(const struct dh_sched *sched);
uint64_t dh_sched_short(const struct dh_sched *sched);

/* The trials that run on `worker`, at most `capacity` of them into `trials`; returns how many there
 * are. */
size_t dh_sched_running_on(const struct dh_sched *sched, int32_t worker, uint64_t *trials,
                           size_t capacity);
void dh_sched_counts(const struct dh_sched *sched, struct dh_sched_counts *out);
void dh_sched_usage(const struct dh_sched *sched, double now, struct dh_usage *out);

/* Is objective `a` better than `b`? NaN is never better. */
bool dh_objective_better(bool maximize, double a, double b);
/* The best succeeded trial of `history` by its first objective (earliest end on ties), or
 * UINT64_MAX. */
uint64_t dh_history_best(const struct dh_history *history, bool maximize);

#endif
