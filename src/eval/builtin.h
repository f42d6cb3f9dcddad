/* What an evaluation of a builtin function is, apart from the pool: for the pool, and for
 * simulations (imitation.c). */
#ifndef DH_EVAL_BUILTIN_H
#define DH_EVAL_BUILTIN_H

#include "dh_mpi/random.h"
#include "plan.h"

/* `random` is at the trial's position; the value draws from it first, then the duration. */
double eval_builtin_value(const struct eval_plan *plan, const double *values,
                          struct dh_random *random);
/* Seconds that it pretends to take. */
double eval_builtin_duration(const struct eval_plan *plan, struct dh_random *random);

#endif
