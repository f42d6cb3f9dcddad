/* What the benchmarks of the models have in common: 10 mixed parameters, a function of them to
 * learn, and processor time. */
#ifndef DH_MPI_BENCHMARKS_WORKLOAD_H
#define DH_MPI_BENCHMARKS_WORKLOAD_H

#include <stddef.h>

#include "dh_mpi/model.h"

#define FEATURES 10

extern const struct dh_feature features[FEATURES];

/* Seconds of this thread. */
double now(void);

/* `measure` for so many rows x, y as each argument says, or each of `sizes` where there is none;
 * `pool` holds `pool_rows` further rows to predict. Returns the exit code. */
int measure_sizes(int argc, char **argv, const size_t *sizes, size_t size_count, size_t pool_rows,
                  void (*measure)(const double *x, const double *y, size_t count,
                                  const double *pool));

#endif
