/* Candidates: draws from the prior, and changed copies of the best results. See ambs_ask.h. */
#include <math.h>
#include <stdlib.h>

#include "ambs_ask.h"
#include "ambs_transfer.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"

#define PRIOR_SHARE 0.4   /* of candidates: draws; the others are changed copies … */
#define CROSS_SHARE 0.2   /* … of which so many have two parents */
#define LEAST_PARENTS 4   /* best results to choose parents from, and … */
#define SUCCESSES 20      /* … one more for so many successes */
#define TRIES 4           /* for each candidate, where constraints hold rarely */
#define LEAST_SCALE 0.003 /* deviation of a number's step, log-uniform up to … */
#define MOST_SCALE 0.4
#define NUMBER_CHANGES 4 /* of a number: to the next values on both sides; two by chance */
#define LATTICE 1e9      /* a number of so many values has no next one */

void ambs_points_make(struct ambs_points *points, size_t capacity, size_t width)
{
    *points = (struct ambs_points){.width = width};
    points->x = dh_alloc(capacity * width, sizeof *points->x);
    points->mean = dh_alloc(capacity, sizeof *points->mean);
    points->deviation = dh_alloc(capacity, sizeof *points->deviation);
    points->score = dh_alloc(capacity, sizeof *points->score);
}

void ambs_points_free(struct ambs_points *points)
{
    free(points->x);
    free(points->mean);
    free(points->deviation);
    free(points->score);
}

/* Settle ambs->point and make it a row; false if it is infeasible. */
static bool make_row(struct ambs *ambs, double *x)
{
    dh_space_settle(ambs->context->space, ambs->point);
    if (!dh_space_feasible(ambs->context->space, ambs->point))
        return false;
    ambs_features_encode(&ambs->features, ambs->point, x);
    return true;
}

static double draw_value(struct ambs_ask *ask, size_t parameter)
{
    return dh_parameter_quantile(dh_space_parameter(ask->ambs->context->space, parameter),
                                 dh_random_uniform(&ask->random));
}

static bool draw_anew(struct ambs_ask *ask, double *x)
{
    struct ambs *ambs = ask->ambs;
    if (!ambs_transfer_draw(ambs->transfer, &ask->random, ambs->point))
        for (size_t i = 0; i < dh_space_count(ambs->context->space); i++)
            ambs->point[i] = draw_value(ask, i);
    return make_row(ambs, x);
}

/* What becomes active through another's change gets a value from its prior. */
static void wake_inactive(struct ambs_ask *ask)
{
    struct ambs *ambs = ask->ambs;
    for (size_t j = 0; j < ambs->features.count; j++) {
        size_t i = ambs->features.parameter[j];
        if (isnan(ambs->point[i]))
            ambs->point[i] = draw_value(ask, i);
    }
}

/* Another value near `value`; on a lattice at least one step away. */
static double step_from(struct ambs_ask *ask, const struct dh_parameter *p, double value,
                        double scale)
{
    double u = dh_parameter_encode(p, value);
    double next = dh_parameter_decode(p, dh_unit_step(&ask->random, u, scale));
    double levels = dh_parameter_levels(p);
    if (next != value || levels > LATTICE || levels <= 1)
        return next;
    int side = dh_random_uniform(&ask->random) < 0.5 ? -1 : 1;
    double there = dh_parameter_next(p, value, side);
    return isnan(there) ? dh_parameter_next(p, value, -side) : there;
}

static void change_feature(struct ambs_ask *ask, size_t feature, double scale)
{
    struct ambs *ambs = ask->ambs;
    size_t i = ambs->features.parameter[feature];
    const struct dh_parameter *p = dh_space_parameter(ambs->context->space, i);
    uint32_t levels = ambs->features.list[feature].levels;
    if (isnan(ambs->point[i]))
        return;
    if (levels == 0)
        ambs->point[i] = step_from(ask, p, ambs->point[i], scale);
    else if (levels > 1) {
        double other = (double)dh_random_below(&ask->random, levels - 1);
        ambs->point[i] = other >= ambs->point[i] ? other + 1 : other;
    }
}

/* A changed copy of the row `parent`; false if what came out is infeasible. `scale`: deviation of
 * a number's step; `changes`: expected number of features changed. */
static bool mutate(struct ambs_ask *ask, const double *parent, double scale, double changes,
                   double *x)
{
    struct ambs *ambs = ask->ambs;
    size_t count = ambs->features.count;
    if (count == 0)
        return false;
    ambs_features_decode(&ambs->features, parent, ambs->point);
    double share = fmin(changes / (double)count, 1);
    size_t always = (size_t)dh_random_below(&ask->random, count);
    for (size_t j = 0; j < count; j++) {
        /* categories change less often than numbers when many change: a flip is a long way */
        double own = ambs->features.list[j].levels ? share * 0.5 : share;
        if (j == always || dh_random_uniform(&ask->random) < own)
            change_feature(ask, j, scale);
    }
    wake_inactive(ask);
    return make_row(ambs, x);
}

/* A copy of `x` with one feature changed to `value`, or by a step where it is NaN. */
static bool change_one(struct ambs_ask *ask, const double *x, size_t feature, double value,
                       double scale, double *out)
{
    struct ambs *ambs = ask->ambs;
    ambs_features_decode(&ambs->features, x, ambs->point);
    if (isnan(value))
        change_feature(ask, feature, scale);
    else
        ambs->point[ambs->features.parameter[feature]] = value;
    wake_inactive(ask);
    return make_row(ambs, out);
}

/* How many rows differ from `x` in `feature` alone, as far as they are of interest. */
static size_t changes_of(const struct ambs *ambs, const double *x, size_t feature)
{
    if (isnan(x[feature]))
        return 0;
    uint32_t levels = ambs->features.list[feature].levels;
    return levels ? levels - 1 : NUMBER_CHANGES;
}

/* The k-th of them. */
static bool neighbour(struct ambs_ask *ask, const double *x, size_t feature, size_t k, double scale,
                      double *out)
{
    const struct ambs_features *features = &ask->ambs->features;
    size_t i = features->parameter[feature];
    const struct dh_parameter *p = dh_space_parameter(ask->ambs->context->space, i);
    double levels = dh_parameter_levels(p), value = NAN;
    if (features->list[feature].levels)
        value = (double)k + (k >= (size_t)x[feature]);
    else if (levels < LATTICE && k < 2) {
        value = dh_parameter_next(p, dh_parameter_decode(p, x[feature]), k ? 1 : -1);
        if (isnan(value))
            return false;
    }
    return change_one(ask, x, feature, value, scale, out);
}

void ambs_neighbours(struct ambs_ask *ask, const double *x, double scale, size_t count,
                     struct ambs_points *points)
{
    const struct ambs *ambs = ask->ambs;
    size_t width = ambs->features.count, all = 0;
    for (size_t j = 0; j < width; j++)
        all += changes_of(ambs, x, j);
    for (size_t j = 0; j < width && all <= count; j++)
        for (size_t k = 0; k < changes_of(ambs, x, j); k++)
            points->count +=
                neighbour(ask, x, j, k, scale, points->x + points->count * points->width);
    for (size_t i = all <= count ? all : 0; i < count; i++) {
        double changes = i % 3 == 0 ? (double)width : i % 3 == 1 ? 2 : 0;
        points->count += mutate(ask, x, i % 2 ? scale : scale / 4, changes,
                                points->x + points->count * points->width);
    }
}

/* Each value from one of two parents. */
static bool cross_parents(struct ambs_ask *ask, const double *a, const double *b, double *x)
{
    struct ambs *ambs = ask->ambs;
    for (size_t j = 0; j < ambs->features.count; j++) {
        bool first = dh_random_uniform(&ask->random) < 0.5;
        x[j] = isnan(a[j]) || (!first && !isnan(b[j])) ? b[j] : a[j];
    }
    ambs_features_decode(&ambs->features, x, ambs->point);
    wake_inactive(ask);
    return make_row(ambs, x);
}

/* One of the best results, the better the likelier. */
static const double *choose_parent(struct ambs_ask *ask)
{
    const struct ambs_data *data = &ask->ambs->data;
    size_t few = LEAST_PARENTS + data->succeeded / SUCCESSES;
    if (few > data->top_count)
        few = data->top_count;
    double u = dh_random_uniform(&ask->random);
    size_t place = (size_t)(u * u * (double)few);
    return ambs_data_x(data, data->top[place]);
}

static bool vary_best(struct ambs_ask *ask, double *x)
{
    const double *first = choose_parent(ask);
    if (dh_random_uniform(&ask->random) < CROSS_SHARE)
        return cross_parents(ask, first, choose_parent(ask), x);
    double scale =
        LEAST_SCALE * dh_power(MOST_SCALE / LEAST_SCALE, dh_random_uniform(&ask->random));
    double changes = dh_random_uniform(&ask->random) < 0.5
                         ? 1
                         : (double)ask->ambs->features.count * dh_random_uniform(&ask->random);
    return mutate(ask, first, scale, changes, x);
}

void ambs_candidates(struct ambs_ask *ask, size_t count, struct ambs_points *points)
{
    size_t room = points->count + count, tries = TRIES * count;
    bool parents = ask->ambs->data.top_count > 0;
    double prior_share = ask->local ? 0 : PRIOR_SHARE;
    while (points->count < room && tries-- > 0) {
        double *x = points->x + points->count * points->width;
        bool prior = !parents || ask->blind || dh_random_uniform(&ask->random) < prior_share;
        points->count += prior ? draw_anew(ask, x) : vary_best(ask, x);
    }
}
