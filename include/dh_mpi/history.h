/* Trials and the history of a search.
 *
 * A trial is one configuration and what became of it. The history is the append-only table of
 * all trials, by id (0, 1, 2 …, without gaps). Every change of it is an event, numbered 1, 2, …:
 * the proposal of a trial, and its end. The state of a search at any moment is therefore "all
 * events up to number E": a snapshot is taken by remembering E, while the table goes on growing.
 *
 * One thread (the manager's main thread) changes the history. Other threads may read trials up to
 * a mark: a trial never moves in memory, and one that has ended never changes again;
 * `dh_trial_ended_by` is the test that makes this safe.
 */
#ifndef DH_MPI_HISTORY_H
#define DH_MPI_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/status.h"

/* PENDING: proposed, not ended (queued or running). The others are final. */
#define DH_TRIAL_STATUS_MAP(X)                                                                     \
    X(PENDING, "pending")                                                                          \
    X(SUCCEEDED, "ok")                                                                             \
    X(FAILED, "failed")                                                                            \
    X(TIMEOUT, "timeout")                                                                          \
    X(PRUNED, "pruned")                                                                            \
    X(CANCELLED, "cancelled")

enum dh_trial_status {
#define DH_TRIAL_ENUM(name, text) DH_TRIAL_##name,
    DH_TRIAL_STATUS_MAP(DH_TRIAL_ENUM)
#undef DH_TRIAL_ENUM
        DH_TRIAL_STATUS_COUNT
};
const char *dh_trial_status_text(enum dh_trial_status status);
/* The status of that text, or -1. */
int dh_trial_status_parse(const char *text);

/* What an evaluation gave: made by a worker, carried in a message, kept in the trial. Texts are
 * owned (dh_outcome_free) and may be NULL. */
struct dh_outcome {
    enum dh_trial_status status; /* never PENDING in a finished one */
    double *objectives;          /* objective_count of the history; NaN where there is no value */
    char *reason;                /* why it did not succeed: "F_diverged", "signal 11 (…)", … */
    char *stderr_tail;           /* last lines of a failed evaluation's stderr */
    char *metadata;              /* a JSON object */
    char *reports;               /* intermediate results: JSON [[step, value], …] */
    double started, ended;       /* wall clock, seconds since 1970; NaN if it never ran */
    double cpu_seconds;          /* NaN: not known */
    uint64_t peak_bytes;         /* 0: not known */
    int32_t worker, slot;        /* where it ran; -1: nowhere */
    uint32_t retries;            /* attempts before this one */
};

/* Evaluations in a row in one slot that could not begin: CANCELLED by nobody, without a start but
 * with a reason. After so many it is the worker that cannot, not the trials: it takes no more. */
#define DH_UNABLE_LIMIT 3

void dh_outcome_free(struct dh_outcome *outcome); /* texts and objectives; then zeroed */
/* Members of a JSON object that has some: when, where, at what cost it ran; null where that is not
 * known. */
void dh_outcome_put_json_run(const struct dh_outcome *outcome, struct dh_buffer *out);
void dh_outcome_pack(const struct dh_outcome *outcome, size_t objective_count,
                     struct dh_buffer *out);
/* Allocates what `out` owns. False (and nothing allocated) if the bytes are not an outcome with
 * `objective_count` objectives and a known status. */
bool dh_outcome_unpack(struct dh_reader *reader, size_t objective_count, struct dh_outcome *out);

struct dh_trial {
    uint64_t id;
    double *values;    /* parameter_count native values; see space.h; owned by the history */
    uint64_t identity; /* dh_space_identity of the values */
    uint64_t seed;     /* handed to the evaluation */
    uint64_t cursor;   /* position of the search method after this proposal, for its resume */
    uint32_t origin;   /* which part of the search proposed it; see search.h */
    uint32_t level;    /* effort spent on the proposal; 0 where methods have no levels */
    double proposed;   /* wall clock */
    uint64_t proposed_event;
    struct dh_outcome outcome;    /* status PENDING until it has ended */
    _Atomic uint64_t ended_event; /* 0: not yet; written after everything else */
};

/* Had the trial ended when the event counter stood at `mark`? If so, its outcome can be read from
 * any thread. */
static inline bool dh_trial_ended_by(const struct dh_trial *trial, uint64_t mark)
{
    uint64_t event = atomic_load_explicit(&trial->ended_event, memory_order_acquire);
    return event != 0 && event <= mark;
}

/* Was it given up because the search was over? Nobody knows what its point is worth then. */
static inline bool dh_trial_cancelled(const struct dh_trial *trial)
{
    return dh_trial_ended_by(trial, UINT64_MAX) && trial->outcome.status == DH_TRIAL_CANCELLED;
}

/* Did it time out, sooner than a limit of `timeout` seconds would let it (the limit was raised)? It
 * is not known then what would become of it. */
static inline bool dh_trial_cut_short(const struct dh_trial *trial, double timeout)
{
    const struct dh_outcome *outcome = &trial->outcome;
    return outcome->status == DH_TRIAL_TIMEOUT &&
           outcome->ended - outcome->started < 0.99 * timeout; /* clocks differ a little */
}

struct dh_history;

/* An empty history of trials with so many parameters and objectives. */
struct dh_history *dh_history_create(size_t parameter_count, size_t objective_count);
void dh_history_destroy(struct dh_history **history);
/* Empty again, as created. For a load that failed half-way; no other thread may be reading. */
void dh_history_clear(struct dh_history *history);

size_t dh_history_parameter_count(const struct dh_history *history);
size_t dh_history_objective_count(const struct dh_history *history);
uint64_t dh_history_count(const struct dh_history *history);
/* Trials that have ended, and number of the last event. */
uint64_t dh_history_ended(const struct dh_history *history);
uint64_t dh_history_event(const struct dh_history *history);
/* Of those that have ended, the cancelled ones: they are no evaluations. Looks at every trial. */
uint64_t dh_history_cancelled(const struct dh_history *history);
/* `id` < count; the pointer stays valid until destroy. */
struct dh_trial *dh_history_trial(const struct dh_history *history, uint64_t id);

/* Append the next trial (id = count, event = event + 1, status pending); the values are copied.
 * The caller then fills identity, seed, cursor, origin, level and proposed, before any other
 * thread is told of the event. */
struct dh_trial *dh_history_propose(struct dh_history *history, const double *values);
/* End a pending trial (event = event + 1): takes the texts and the objectives of `outcome`, which
 * is zeroed. DH_INTERNAL if the id is unknown or the trial has ended already. */
dh_status dh_history_end(struct dh_history *history, uint64_t id, struct dh_outcome *outcome,
                         struct dh_error *err);
/* For loading: trials in order of id with the events they had; the counters follow. */
void dh_history_set_events(struct dh_history *history, struct dh_trial *trial,
                           uint64_t proposed_event, uint64_t ended_event);

/* Ids of all trials in the order in which they ended; the caller frees it. */
uint64_t *dh_history_ended_order(const struct dh_history *history, uint64_t *count);

#endif
