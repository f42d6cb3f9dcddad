/* What has been achieved so far: counts, the incumbent, and the runs that patience and
 * max_failures look at. */
#ifndef DH_MPI_SCHED_TALLY_H
#define DH_MPI_SCHED_TALLY_H

#include "dh_mpi/sched.h"

struct tally {
    bool maximize;
    uint64_t by_status[DH_TRIAL_STATUS_COUNT]; /* ended ones; PENDING stays 0 */
    uint64_t incumbent;                        /* UINT64_MAX: none */
    double best;                               /* its objective; NaN: none */
    uint64_t since_improvement;
    uint64_t failures_in_row;
};

/* The tally of everything in `history`, in the order in which it ended; a row of failures begins
 * anew. */
void tally_history(struct tally *tally, bool maximize, const struct dh_history *history);
/* One more trial has ended. */
void tally_end(struct tally *tally, uint64_t trial, const struct dh_outcome *outcome);
/* Ended trials that used up budget: all but the cancelled ones. */
uint64_t tally_spent(const struct tally *tally);

#endif
