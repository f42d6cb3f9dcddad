/* Test functions: what `evaluator = { type = "builtin"; function = "…"; }` evaluates.
 *
 * Every function is the thing as published, to be minimised. With an objective whose goal is
 * "maximize" the builtin evaluator reports the negated value, as DeepHyper's benchmarks do, so
 * that the best configuration is the same for either goal. (builtin.c does the negating; nothing
 * here knows goals.)
 *
 * A plain function sees a vector: the active parameters in parameter order, a number as its value,
 * a choice as its number if it is numeric and otherwise as its index; constants that are texts
 * are no coordinates. A typed function sees the point itself.
 */
#ifndef DH_EVAL_FUNCTIONS_H
#define DH_EVAL_FUNCTIONS_H

#include <stddef.h>

#include "dh_mpi/space.h"
#include "dh_mpi/status.h"

struct dh_function {
    const char *name;
    const char *summary;                  /* one line: usual range, where the minimum is */
    size_t dimension_low, dimension_high; /* coordinates; high 0: any number */
    double minimum;                       /* NaN: depends on the bounds or on the dimension */
    double (*plain)(const double *x, size_t n);
    double (*typed)(const struct dh_space *space, const double *point); /* instead of plain */
    const char *const *needs; /* parameters that `typed` reads by name; NULL-terminated; or NULL */
};

/* The function of that name ("-" and "_" are alike), or NULL. */
const struct dh_function *dh_function_find(const char *name);
/* All of them, for help and for near misses. */
const struct dh_function *dh_function_list(size_t *count);

/* Can `function` be evaluated in `space`? Otherwise DH_CONFIG with what it wants. */
dh_status dh_function_check(const struct dh_function *function, const struct dh_space *space,
                            struct dh_error *err);
/* The value at a canonical point of a space that passed the check. Thread-safe. */
double dh_function_evaluate(const struct dh_function *function, const struct dh_space *space,
                            const double *point);

#endif
