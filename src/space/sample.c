/* Random points: each parameter through its prior, conditions on the way, constraints by
 * rejection. A parameter uses one random number whether or not it is active. And points near
 * another. */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "parts.h"

#define CHANGE 0.5 /* chance that a parameter changes at all */
#define JUMP 0.1   /* … and that it goes anywhere */

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

double dh_unit_step(struct dh_random *random, double u, double deviation)
{
    double v = u + deviation * dh_random_normal(random);
    return fmin(fmax(v < 0 ? -v : v > 1 ? 2 - v : v, 0), 1);
}

void dh_space_perturb(const struct dh_space *space, struct dh_random *random, const double *from,
                      double scale, double *point)
{
    size_t always = (size_t)dh_random_below(random, space->count);
    dh_space_encode(space, from, point);
    for (size_t i = 0; i < space->count; i++) {
        if (isnan(point[i]) || (i != always && dh_random_uniform(random) >= CHANGE))
            continue;
        bool jump = dh_random_uniform(random) < JUMP;
        point[i] = jump ? dh_random_uniform(random) : dh_unit_step(random, point[i], scale);
    }
    dh_space_decode(space, point, point);
}
