/* Evaluations of a simulation: what they give, and how long they take. */
#ifndef DH_MPI_APP_IMAGINED_H
#define DH_MPI_APP_IMAGINED_H

#include "dh_mpi/simulate.h"

struct dh_imagined;

/* For the simulation's configuration, durations and old history; borrows it. DH_CONFIG or DH_USAGE
 * where it does not say what evaluations give or how long they take. */
dh_status dh_imagined_create(const struct dh_simulation *simulation, struct dh_imagined **out,
                             struct dh_error *err);
void dh_imagined_destroy(struct dh_imagined **imagined);
/* The first objective at `values`, and the seconds that it takes to get it. */
double dh_imagined_evaluate(const struct dh_imagined *imagined, const double *values, uint64_t seed,
                            uint32_t retries, double *duration);

#endif
