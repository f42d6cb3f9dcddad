/* The account of the slots' time. */
#ifndef DH_MPI_USAGE_H
#define DH_MPI_USAGE_H

#include <stdint.h>

/* What the time of a slot is used for: at every moment exactly one of these.
 *
 * EVALUATING from an evaluation's start to its end, as its worker measured them; STARTING from the
 * run's beginning to the slot's first claim, and from the handing out of a trial to the
 * evaluation's start; REPORTING from an evaluation's end to the arrival of its result; WAITING for
 * a trial; DRAINING when there is nothing more to wait for (the budget is handed out, the space
 * exhausted, or the search is stopping); LOST once the worker is gone, and before that in the
 * evaluations that it took with it. While an evaluation runs, all its time counts as EVALUATING. */
#define DH_USE_MAP(X)                                                                              \
    X(EVALUATING, "evaluating", "evaluating")                                                      \
    X(WAITING, "waiting", "waiting for a proposal")                                                \
    X(STARTING, "starting", "starting")                                                            \
    X(REPORTING, "reporting", "reporting")                                                         \
    X(DRAINING, "draining", "draining")                                                            \
    X(LOST, "lost", "lost")

enum dh_use {
#define DH_USE_ENUM(name, key, text) DH_USE_##name,
    DH_USE_MAP(DH_USE_ENUM)
#undef DH_USE_ENUM
        DH_USE_COUNT
};
const char *dh_use_key(enum dh_use use);  /* "waiting", for programs */
const char *dh_use_text(enum dh_use use); /* "waiting for a proposal" */

#define DH_TICKS 1e6 /* a second */

/* Slot-microseconds by use. They are whole numbers, so that their sum is exactly that of slots ×
 * time since the run's beginning, over all slots that have joined, gone or not. */
struct dh_usage {
    int64_t by_use[DH_USE_COUNT];
    int64_t failed; /* of EVALUATING: what failed, timed out or was cancelled */
};
int64_t dh_usage_total(const struct dh_usage *usage);
double dh_usage_seconds(const struct dh_usage *usage, enum dh_use use);
/* Share of `use` in the total; 0 if there is none. */
double dh_usage_share(const struct dh_usage *usage, enum dh_use use);
void dh_usage_add(struct dh_usage *to, const struct dh_usage *usage);

#endif
