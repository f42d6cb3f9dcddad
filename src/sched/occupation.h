/* What the time of a slot was used for while it had a trial.
 *
 * The manager knows when it handed the trial out and when the result came; the worker, when the
 * evaluation began and ended, by a clock of its own. The evaluation's length is the worker's word,
 * as far as it fits. How the rest divides before and behind it follows from the worker's clock too,
 * which is believed as long as nothing begins before it was handed out or ends after it came back;
 * where that happened the clock is off by at least so much, and is corrected by it.
 */
#ifndef DH_MPI_SCHED_OCCUPATION_H
#define DH_MPI_SCHED_OCCUPATION_H

#include "dh_mpi/sched.h"

/* What is known of a worker's clock: the shortest times from handing out to start and from end to
 * arrival that its outcomes claim. */
struct clock_gap {
    bool known;
    double lead, tail;
};

/* A slot had a trial. */
struct occupation {
    double handed_out; /* by the manager's wall clock */
    int64_t ticks;     /* from then to the result, or to the loss */
    bool taken;        /* it ran already then: the slot had taken it by itself */
};

/* `ticks` in `usage` that count as evaluating become what they were used for. `outcome` NULL: the
 * worker is gone, or has given up. */
void usage_release(struct dh_usage *usage, struct clock_gap *gap, const struct occupation *whole,
                   const struct dh_outcome *outcome);

#endif
