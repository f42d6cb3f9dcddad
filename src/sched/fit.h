/* How long an evaluation will probably take, from those that succeeded.
 *
 * The last FIT_MEMORY durations are kept with their points in the unit cube. Where the points
 * explain at least half of the variance of the durations' logarithms (nearest neighbours, each
 * judged without itself), the answer is the second longest of the FIT_NEIGHBOURS nearest ones;
 * elsewhere it is the 90 % quantile of all. Both err on the long side.
 */
#ifndef DH_MPI_SCHED_FIT_H
#define DH_MPI_SCHED_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/history.h"
#include "dh_mpi/space.h"

#define FIT_MEMORY 512
#define FIT_NEIGHBOURS 10
#define FIT_FEWEST 40 /* durations from which parameters are looked at */
#define FIT_EXPLAINED 0.5

struct fit {
    const struct dh_space *space; /* borrowed; NULL: durations alone */
    size_t dimensions;
    double *seconds; /* ring of FIT_MEMORY, with a point of `dimensions` each */
    double *units;
    uint64_t count; /* learnt, ever */
    double longest; /* of those */

    uint64_t judged; /* `count` when what follows was found out */
    double quantile;
    bool by_parameters;
};

void fit_open(struct fit *fit, const struct dh_space *space);
void fit_close(struct fit *fit);
/* `trial` ended with `outcome`: only successes with both times teach anything. */
void fit_learn(struct fit *fit, const struct dh_trial *trial, const struct dh_outcome *outcome);
/* The newest of what the history holds. */
void fit_learn_history(struct fit *fit, const struct dh_history *history);
/* Seconds that an evaluation at `values` should take; 0: nothing is known. `by_parameters`: were
 * they what it was judged by? */
double fit_expect(struct fit *fit, const double *values, bool *by_parameters);

#endif
