/* The scheduler's state, and what its files do for one another. See sched.h for the contract.
 *
 * sched.c   events and questions
 * trials.c  what becomes of a trial when it ends, is retried or lost
 * slots.c   workers, their slots and their time
 * start.c   what may be started, and on which slot
 * stop.c    why and how the search ends
 * publish.c trials that slots take by themselves
 * actions.c the queue of what the caller is to do
 * fit.c     how long a trial will probably take
 * tally.c   counts and the incumbent
 * occupation.c  what the time of a trial on its slot was used for
 */
#ifndef DH_MPI_SCHED_STATE_H
#define DH_MPI_SCHED_STATE_H

#include "deque.h"
#include "dh_mpi/sched.h"
#include "fit.h"
#include "occupation.h"
#include "tally.h"

/* STARTING from its worker's join to its first claim; then IDLE and RUNNING in turn; GONE with its
 * worker. */
enum slot_state { SLOT_STARTING, SLOT_IDLE, SLOT_RUNNING, SLOT_GONE, SLOT_STATES };

struct slot {
    int32_t worker, number;
    enum slot_state state;
    bool sent;      /* RUNNING: its START was handed out, so a result can come */
    bool cancelled; /* RUNNING: its CANCEL was queued */
    bool taken;     /* RUNNING: it was published, and ran before we knew */
    int64_t since;  /* RUNNING: when it was handed out, in ticks */
    uint64_t trial; /* RUNNING */
    enum { NEXT_ANY, NEXT_START, NEXT_STARTED } next; /* is it settled what comes after this? */
    uint64_t next_trial;
};

struct worker {
    bool joined, lost;
    size_t first_slot;
    int32_t slot_count;
    struct clock_gap gap;
};

/* NEW: proposed, not yet offered. */
enum trial_phase { TRIAL_NEW, TRIAL_READY, TRIAL_PUBLISHED, TRIAL_RUNNING, TRIAL_ENDED };

struct trial_state {
    uint32_t retries;
    uint32_t gone, losses; /* how often it came back without an outcome; so often it is to blame */
    int32_t decliner;      /* the last worker that could not begin it, so often in a row */
    uint32_t declined;
    enum trial_phase phase;
};

struct queued_action {
    struct dh_action action;
    struct dh_outcome outcome;
    size_t slot; /* of START and CANCEL */
};

struct dh_sched {
    struct dh_sched_settings settings;
    const struct dh_history *history;
    struct tally tally;
    double start, now; /* `now`: the latest event */
    int64_t ticks;     /* `now` in microseconds since start */
    enum dh_stop stop;
    bool exhausted, done;
    bool held_before; /* a HOLD was said */
    bool draining;    /* idle slots will get nothing any more, as far as can be seen */

    struct worker *workers; /* by number */
    size_t worker_count, joined, alive, gone;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    uint64_t by_state[SLOT_STATES]; /* slots in each state */
    struct dh_usage usage;          /* up to `now` */

    struct trial_state *trials; /* by id */
    size_t trial_count;
    struct deque ready; /* trials */
    struct deque held;  /* ready ones that would not end in time; never started in this run */
    uint64_t published;
    bool cancelling; /* what runs was cancelled, and so is what turns out to run */
    struct fit fit;
    struct deque waiting; /* slots, in order of claim; those no longer IDLE are skipped */

    struct queued_action *actions; /* FIFO: actions[taken … action_count) */
    size_t taken, action_count, action_capacity;
    struct queued_action current; /* last handed out */

    uint64_t ended_here, retried, lost;
};

/* ---- actions.c ---- */

struct queued_action *action_push(struct dh_sched *sched, enum dh_action_kind kind);
void action_push_slot(struct dh_sched *sched, enum dh_action_kind kind, size_t slot);
/* Takes what `outcome` owns. */
void action_push_trial(struct dh_sched *sched, enum dh_action_kind kind, uint64_t trial,
                       struct dh_outcome *outcome);
void actions_free(struct dh_sched *sched);

/* ---- slots.c ---- */

/* Account for the time from the last event to `now`, which never goes back. */
void advance(struct dh_sched *sched, double now);
/* The worker is gone; its slots are still to be lost. False if there is no such worker, or it is
 * gone already. */
bool worker_lose(struct dh_sched *sched, int32_t worker);
/* Index of a live worker's slot, or SIZE_MAX. */
size_t slot_find(const struct dh_sched *sched, int32_t worker, int32_t number);
/* The slot claims: it runs what was assigned to it, or is IDLE and at the end of the queue. */
void slot_claim(struct dh_sched *sched, size_t index);
/* The longest-waiting slot, or SIZE_MAX; it is no longer in the queue. */
size_t slot_take(struct dh_sched *sched);
void slot_run(struct dh_sched *sched, size_t index, uint64_t trial);
/* What ran on the slot has ended with `outcome`, whose times say what its time was used for; NULL:
 * it is lost. slot_claim or slot_lose follows. */
void slot_release(struct dh_sched *sched, size_t index, const struct dh_outcome *outcome);
void slot_lose(struct dh_sched *sched, size_t index);

/* ---- trials.c ---- */

/* To the front of the ready queue. */
void trial_put_back(struct dh_sched *sched, uint64_t trial);
/* The state of trial `id`; valid until the next call. */
struct trial_state *trial_at(struct dh_sched *sched, uint64_t id);
/* Queue every pending trial of the history. */
void trials_resume(struct dh_sched *sched);
/* An evaluation of `trial` came back from (worker, slot). Takes what `outcome` owns. */
void trial_result(struct dh_sched *sched, uint64_t trial, struct dh_outcome *outcome,
                  bool cancelled);
/* `trial` ran on a worker that is gone. */
void trial_lost(struct dh_sched *sched, uint64_t trial, int32_t worker, int32_t slot, bool fit);
/* The search is over, and `trial` was not evaluated. */
void trial_drop(struct dh_sched *sched, uint64_t trial);
/* Give what came back a shape that the history can keep: a final status, numbers of a success
 * finite, numbers of anything else absent. */
void outcome_check(const struct dh_sched *sched, struct dh_outcome *outcome);

/* ---- publish.c ---- */

/* An IDLE slot runs the trial that was assigned to it. */
void publish_run(struct dh_sched *sched, size_t index);

/* ---- start.c ---- */

/* May a ready trial be started, in view of the budget? */
bool may_start(const struct dh_sched *sched);
/* The next ready trial that would end in time; those before it are held. */
bool take_ready(struct dh_sched *sched, uint64_t *trial);
/* Start ready trials on the slots that wait. */
void start_ready(struct dh_sched *sched);
/* Every slot that waits has been offered a trial, none of them would end in time, and nothing runs
 * of whose end more could be learnt. */
bool nothing_fits(const struct dh_sched *sched);

/* ---- stop.c ---- */

/* Only the first reason counts. */
void stop_begin(struct dh_sched *sched, enum dh_stop stop);
/* Begin to stop if what has ended, or the time, is a reason to. */
void stop_if_due(struct dh_sched *sched);
void stop_cancel_running(struct dh_sched *sched);
/* The search is stopping and nothing runs any more: it is done. */
void stop_conclude(struct dh_sched *sched);

/* ---- sched.c ---- */

/* The end of every event: start what can be, and see whether this is the end. */
void settle(struct dh_sched *sched);

/* Trials that are ready, whether or not they would end in time. */
static inline uint64_t ready_count(const struct dh_sched *sched)
{
    return sched->ready.count + sched->held.count;
}

/* Trials that run, or may do so unknown to us. */
static inline uint64_t in_hand(const struct dh_sched *sched)
{
    return sched->by_state[SLOT_RUNNING] + sched->published;
}

static inline bool stopping(const struct dh_sched *sched)
{
    return sched->stop != DH_STOP_NONE;
}

/* Stopping with work left for another run: what was taken back stays pending. */
static inline bool interrupted(const struct dh_sched *sched)
{
    return stopping(sched) && !dh_stop_finished(sched->stop);
}

#endif
