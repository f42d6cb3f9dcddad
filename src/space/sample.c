/* Random points: each parameter through its prior, conditions on the way, constraints by
 * rejection. A parameter uses one random number whether or not it is active. */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "parts.h"

static void draw(const struct dh_space *space, struct dh_random *random, double *point)
{
    for (size_t i = 0; i < space->count; i++) {
        double u = dh_random_uniform(random);
        bool active = dh_space_active(space, i, point);
        point[i] = active ? dh_parameter_quantile(&space->parameters[i], u) : NAN;
    }
}

/* Draw again until the constraints hold, counting in `failures` which ones did not. */
static bool rejection(const struct dh_space *space, struct dh_random *random, double *point,
                      size_t *failures)
{
    for (int i = 0; i < DH_SPACE_TRIES; i++) {
        if (i > 0)
            draw(space, random, point);
        bool feasible = true;
        for (size_t c = 0; c < space->constraint_count; c++)
            if (dh_expr_fails(space->constraints[c].expr, point)) {
                failures[c]++;
                feasible = false;
            }
        if (feasible)
            return true;
    }
    return false;
}

static dh_status never_held(const struct dh_space *space, const size_t *failures,
                            struct dh_error *err)
{
    size_t worst = 0;
    for (size_t c = 1; c < space->constraint_count; c++)
        if (failures[c] > failures[worst])
            worst = c;
    const struct dh_node *node = space->constraints[worst].node;
    dh_node_fail(err, node,
                 "the constraints held at none of %d random points; most often, at %zu of them, "
                 "\"%s\" did not",
                 DH_SPACE_TRIES, failures[worst], node->text);
    return DH_CONFIG;
}

dh_status dh_space_sample(const struct dh_space *space, struct dh_random *random, double *point,
                          struct dh_error *err)
{
    draw(space, random, point);
    if (dh_space_feasible(space, point))
        return DH_OK;
    size_t *failures = dh_alloc(space->constraint_count, sizeof *failures);
    dh_status status = DH_OK;
    if (!rejection(space, random, point, failures))
        status = never_held(space, failures, err);
    free(failures);
    return status;
}
