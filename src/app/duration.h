/* How long simulated evaluations take: a distribution, written "normal:60,20". */
#ifndef DH_MPI_APP_DURATION_H
#define DH_MPI_APP_DURATION_H

#include "dh_mpi/random.h"
#include "dh_mpi/simulate.h"

/* Seconds, never negative. */
double dh_duration_draw(const struct dh_duration *duration, struct dh_random *random);

#endif
