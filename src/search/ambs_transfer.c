/* Option `transfer`: old results of a task like this one say where to look, and their values are
 * not learnt. See ambs_transfer.h.
 *
 * - top: a density that is fitted to the best tenth of the old successes. It is a product kernel
 *   density: one of those points, each number of it moved by a normal step. The step's deviation
 *   is that of the points times n^(-1/(d+4)) for n points and d numbers, in the unit cube (Scott
 *   1992, "Multivariate Density Estimation"). A category is kept with probability n / (n + its
 *   levels).
 * - best: the best old point, each number moved by a tenth of its range, each category kept in
 *   four cases of five.
 * What is not kept, and what becomes active through that, is drawn from its prior; and so is a
 * parameter that was the same in all old results: most likely they did not have it, and that is
 * its default.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_transfer.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"

#define TOP_SHARE 0.1
#define TOP_LEAST 3 /* points, if there are so many: one alone has no spread */
#define STEP 0.1    /* deviation of a number where points give none */
#define LEAST_STEP 0.02
#define MOST_STEP 0.2886751345948129 /* that of a number anywhere in [0, 1] */
#define KEEP 0.8
#define PRIOR_SHARE 0.1 /* of draws, so that nothing is excluded */
#define TRIES 16        /* for a point that satisfies the constraints */

struct ambs_transfer {
    const struct dh_space *space;
    double *points; /* count × dh_space_count, settled */
    size_t count;
    double *steps; /* one a parameter: of a number, the step's deviation; otherwise NaN */
    double *keeps; /* … probability that its value is kept (moved, if it is a number) */
};

/* An old success. */
struct success {
    double y; /* to be minimised */
    size_t index;
};

static int best_first(const void *a, const void *b)
{
    const struct success *x = a, *y = b;
    int by_value = (x->y > y->y) - (x->y < y->y);
    return by_value ? by_value : (x->index > y->index) - (x->index < y->index);
}

/* The successes, best first; how many is in `count`. */
static struct success *rank_successes(const struct ambs *ambs, size_t *count)
{
    const struct dh_search_context *c = ambs->context;
    struct success *list = dh_alloc(c->warm_count, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < c->warm_count; i++) {
        double y = ambs->sign * c->warm_objectives[i * c->settings->objective_count];
        if (isfinite(y))
            list[(*count)++] = (struct success){y, i};
    }
    qsort(list, *count, sizeof *list, best_first);
    return list;
}

static size_t top_count(size_t successes)
{
    size_t tenth = (size_t)ceil(TOP_SHARE * (double)successes);
    size_t least = successes < TOP_LEAST ? successes : TOP_LEAST;
    return tenth > least ? tenth : least;
}

/* Have the old results different values of parameter `i`? Of a single one nobody can tell. */
static bool varied(const struct dh_search_context *c, size_t i)
{
    size_t width = dh_space_count(c->space);
    double first = NAN;
    for (size_t k = 0; k < c->warm_count; k++) {
        double value = c->warm_points[k * width + i];
        if (isnan(first))
            first = value;
        else if (!isnan(value) && value != first)
            return true;
    }
    return c->warm_count == 1;
}

/* Deviation of the top points in parameter `i`, in [0, 1]; NaN where it is active in less than
 * two. */
static double spread(const struct ambs_transfer *t, size_t i)
{
    double sum = 0, squares = 0, n = 0;
    for (size_t k = 0; k < t->count; k++) {
        double value = t->points[k * dh_space_count(t->space) + i];
        if (isnan(value))
            continue;
        double u = dh_parameter_encode(dh_space_parameter(t->space, i), value);
        n++;
        sum += u;
        squares += u * u;
    }
    return n < 2 ? NAN : sqrt(fmax(squares - sum * sum / n, 0) / (n - 1));
}

/* Scott's factor; d counts the numbers that old results tell something of. */
static double narrowing(const struct ambs_transfer *t, const struct dh_search_context *c)
{
    size_t numbers = 0;
    for (size_t i = 0; i < dh_space_count(t->space); i++)
        numbers += !dh_parameter_nominal(dh_space_parameter(t->space, i)) && varied(c, i);
    return dh_power((double)t->count, -1 / ((double)numbers + 4));
}

/* A step that is not lost between two neighbouring values. */
static double bound_step(const struct dh_parameter *p, double step)
{
    return fmin(fmax(step, fmax(LEAST_STEP, dh_parameter_cell(p) / 2)), MOST_STEP);
}

static void fit_steps(struct ambs_transfer *t, const struct dh_search_context *c, bool best)
{
    double narrow = narrowing(t, c), n = (double)t->count;
    for (size_t i = 0; i < dh_space_count(t->space); i++) {
        const struct dh_parameter *p = dh_space_parameter(t->space, i);
        t->steps[i] = NAN;
        if (!varied(c, i))
            t->keeps[i] = 0;
        else if (dh_parameter_nominal(p))
            t->keeps[i] = best ? KEEP : n / (n + (double)p->choice_count);
        else {
            double deviation = best ? NAN : spread(t, i);
            t->keeps[i] = 1;
            t->steps[i] = bound_step(p, isnan(deviation) ? STEP : deviation * narrow);
        }
    }
}

/* Without old results it would do nothing. */
static dh_status need_old_results(const struct ambs *ambs, struct dh_error *err)
{
    const struct dh_settings *settings = ambs->context->settings;
    if (settings->warm_start)
        return DH_OK;
    return dh_node_fail(err, dh_node_child(settings->optimizer, "transfer"),
                        "optimizer.transfer: \"%s\" looks where old results were good; expected "
                        "warm_start = [ \"results.csv\", … ] to name some",
                        ambs_transfer_name(ambs->options.transfer));
}

dh_status ambs_transfer_create(const struct ambs *ambs, struct ambs_transfer **out,
                               struct dh_error *err)
{
    const struct dh_search_context *c = ambs->context;
    size_t successes, width = dh_space_count(c->space);
    *out = NULL;
    dh_status status = need_old_results(ambs, err);
    if (status)
        return status;
    struct success *list = rank_successes(ambs, &successes);
    if (successes == 0)
        dh_log_warn(c->log,
                    "ambs: none of %zu old results has a value: there is nothing to "
                    "transfer",
                    c->warm_count);
    else {
        bool best = ambs->options.transfer == AMBS_TRANSFER_BEST;
        struct ambs_transfer *t = *out = dh_alloc(1, sizeof *t);
        t->space = c->space;
        t->count = best ? 1 : top_count(successes);
        t->points = dh_alloc(t->count * width, sizeof *t->points);
        t->steps = dh_alloc(width, sizeof *t->steps);
        t->keeps = dh_alloc(width, sizeof *t->keeps);
        for (size_t k = 0; k < t->count; k++)
            memcpy(t->points + k * width, c->warm_points + list[k].index * width,
                   width * sizeof *t->points);
        fit_steps(t, c, best);
        dh_log_info(c->log,
                    "ambs: the best %zu of %zu old results say%s where to look; their "
                    "values are not learnt",
                    t->count, c->warm_count, t->count == 1 ? "s" : "");
    }
    free(list);
    return DH_OK;
}

void ambs_transfer_destroy(struct ambs_transfer **transfer)
{
    struct ambs_transfer *t = *transfer;
    if (!t)
        return;
    free(t->points);
    free(t->steps);
    free(t->keeps);
    free(t);
    *transfer = NULL;
}

/* `value`, moved by a step if it is a number. */
static double move(const struct ambs_transfer *t, struct dh_random *random, size_t i, double value)
{
    const struct dh_parameter *p = dh_space_parameter(t->space, i);
    if (isnan(t->steps[i]))
        return value;
    double u = dh_parameter_encode(p, value);
    return dh_parameter_decode(p, dh_unit_step(random, u, t->steps[i]));
}

static void draw_near(const struct ambs_transfer *t, struct dh_random *random, double *point)
{
    size_t width = dh_space_count(t->space);
    const double *old = t->points + dh_random_below(random, t->count) * width;
    for (size_t i = 0; i < width; i++) {
        const struct dh_parameter *p = dh_space_parameter(t->space, i);
        bool kept = !isnan(old[i]) && dh_random_uniform(random) < t->keeps[i];
        point[i] =
            kept ? move(t, random, i, old[i]) : dh_parameter_quantile(p, dh_random_uniform(random));
    }
    dh_space_settle(t->space, point);
}

bool ambs_transfer_draw(const struct ambs_transfer *transfer, struct dh_random *random,
                        double *point)
{
    if (!transfer || dh_random_uniform(random) < PRIOR_SHARE)
        return false;
    for (size_t i = 0; i < TRIES; i++) {
        draw_near(transfer, random, point);
        if (dh_space_feasible(transfer->space, point))
            return true;
    }
    return false;
}
