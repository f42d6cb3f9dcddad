/* The way up from a point to a maximum of an acquisition function, and how far a variance near a
 * bound counts: see acquisition.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/acquisition.h"
#include "dh_mpi/alloc.h"
#include "lbfgs.h"

#define LEAST_GAIN 1e-7        /* a step that gains less is the last */
#define LONGEST 0.2            /* change of a feature in a step */
#define LEAST_DEVIATION 1e-150 /* below, there is no way to tell where up is */

/* Of a tent with its peak at u and its feet at u ± DH_REACH, the share within [0, 1]. */
static double inside(double u)
{
    double outside = fmax(1 - fmin(u, 1 - u) / DH_REACH, 0);
    return 1 - 0.5 * outside * outside;
}

/* Derivative of its logarithm. */
static double inside_slope(double u)
{
    double outside = fmax(1 - fmin(u, 1 - u) / DH_REACH, 0);
    return (u < 0.5 ? outside : -outside) / (DH_REACH * inside(u));
}

double dh_acquisition_inside(const bool *wide, size_t feature_count, const double *x)
{
    double share = 1;
    for (size_t j = 0; j < feature_count; j++)
        if (wide[j] && !isnan(x[j]))
            share *= inside(x[j]);
    return share;
}

struct ascent {
    const struct dh_ascent *setup;
    const size_t *moving; /* features that move */
    size_t count;
    double *x;                   /* the whole row */
    struct dh_gradient gradient; /* of the whole row */
};

/* -score at the moving features `values`, and its gradient. */
static double downhill(void *context, const double *values, double *gradient)
{
    struct ascent *a = context;
    struct dh_gradient *g = &a->gradient;
    const bool *wide = a->setup->wide;
    for (size_t k = 0; k < a->count; k++)
        a->x[a->moving[k]] = values[k];
    a->setup->model->kind->gradient(a->setup->model, a->x, g);
    double share = wide ? dh_acquisition_inside(wide, a->setup->feature_count, a->x) : 1;
    double epistemic = share * g->epistemic;
    double deviation = sqrt(epistemic + (a->setup->epistemic ? 0 : g->aleatoric));
    if (!(deviation > LEAST_DEVIATION))
        return INFINITY;
    double by_mean, by_deviation;
    dh_acquisition_slope(a->setup->acquisition, g->mean, deviation, &by_mean, &by_deviation);
    for (size_t k = 0; k < a->count; k++) {
        size_t j = a->moving[k];
        double by_x = share * g->by_epistemic[j]; /* of the variance */
        by_x += wide && wide[j] ? epistemic * inside_slope(a->x[j]) : 0;
        gradient[k] = -by_mean * g->by_mean[j] - by_deviation * by_x / (2 * deviation);
    }
    return -dh_acquisition_score(a->setup->acquisition, g->mean, deviation);
}

bool dh_acquisition_ascend(const struct dh_ascent *setup, const bool *moves, double *x)
{
    size_t width = setup->feature_count, count = 0;
    size_t *moving = dh_alloc(width, sizeof *moving);
    for (size_t j = 0; j < width; j++)
        if (moves[j] && !isnan(x[j]))
            moving[count++] = j;
    bool found = false;
    if (count > 0 && setup->model->kind->gradient) {
        double *memory = dh_alloc(3 * width + 3 * count, sizeof *memory);
        double *values = memory + 3 * width, *lower = values + count, *upper = lower + count;
        memcpy(memory, x, width * sizeof *x);
        for (size_t k = 0; k < count; k++) {
            values[k] = x[moving[k]];
            lower[k] = 0;
            upper[k] = 1;
        }
        struct ascent ascent = {setup,
                                moving,
                                count,
                                memory,
                                {.by_mean = memory + width, .by_epistemic = memory + 2 * width}};
        struct dh_lbfgs problem = {.count = count,
                                   .lower = lower,
                                   .upper = upper,
                                   .value = downhill,
                                   .context = &ascent,
                                   .steps = setup->steps,
                                   .longest = LONGEST,
                                   .tolerance = LEAST_GAIN};
        found = isfinite(dh_lbfgs_minimise(&problem, values));
        for (size_t k = 0; found && k < count; k++)
            x[moving[k]] = values[k];
        free(memory);
    }
    free(moving);
    return found;
}
