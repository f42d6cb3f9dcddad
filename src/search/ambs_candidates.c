/* Candidates: draws from the prior, and changed copies of the best results. See ambs.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs.h"
#include "dh_mpi/alloc.h"

#define PRIOR_SHARE 0.4
#define CROSS_SHARE 0.2
#define TRIES 4 /* for each candidate, where constraints hold rarely */
#define LEAST_SCALE 0.003
#define MOST_SCALE 0.4

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
static bool finish(struct ambs *ambs, double *x)
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

static bool draw(struct ambs_ask *ask, double *x)
{
    struct ambs *ambs = ask->ambs;
    for (size_t i = 0; i < dh_space_count(ambs->context->space); i++)
        ambs->point[i] = draw_value(ask, i);
    return finish(ambs, x);
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
static double step(struct ambs_ask *ask, const struct dh_parameter *p, double value, double scale)
{
    double u = dh_parameter_encode(p, value), v = u + scale * dh_random_normal(&ask->random);
    if (v < 0 || v > 1) /* reflected, then held */
        v = fmin(fmax(v < 0 ? -v : 2 - v, 0), 1);
    double next = dh_parameter_decode(p, v);
    double levels = dh_parameter_levels(p);
    if (next != value || levels > 1e9 || levels <= 1)
        return next;
    double cell = p->choice_count ? 1 / levels : 1 / (levels - 1);
    double side = dh_random_uniform(&ask->random) < 0.5 ? -cell : cell;
    if (u + side < -1e-9 || u + side > 1 + 1e-9)
        side = -side;
    return dh_parameter_decode(p, fmin(fmax(u + side, 0), 1));
}

static void change(struct ambs_ask *ask, size_t feature, double scale)
{
    struct ambs *ambs = ask->ambs;
    size_t i = ambs->features.parameter[feature];
    const struct dh_parameter *p = dh_space_parameter(ambs->context->space, i);
    uint32_t levels = ambs->features.list[feature].levels;
    if (isnan(ambs->point[i]))
        return;
    if (levels == 0)
        ambs->point[i] = step(ask, p, ambs->point[i], scale);
    else if (levels > 1) {
        double other = (double)dh_random_below(&ask->random, levels - 1);
        ambs->point[i] = other >= ambs->point[i] ? other + 1 : other;
    }
}

bool ambs_mutate(struct ambs_ask *ask, const double *parent, double scale, double changes,
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
            change(ask, j, scale);
    }
    wake_inactive(ask);
    return finish(ambs, x);
}

/* Each value from one of two parents. */
static bool cross(struct ambs_ask *ask, const double *a, const double *b, double *x)
{
    struct ambs *ambs = ask->ambs;
    for (size_t j = 0; j < ambs->features.count; j++) {
        bool first = dh_random_uniform(&ask->random) < 0.5;
        x[j] = isnan(a[j]) || (!first && !isnan(b[j])) ? b[j] : a[j];
    }
    ambs_features_decode(&ambs->features, x, ambs->point);
    wake_inactive(ask);
    return finish(ambs, x);
}

/* One of the best results, the better the likelier. */
static const double *parent(struct ambs_ask *ask)
{
    const struct ambs_data *data = &ask->ambs->data;
    size_t few =
        data->top_count < 4 + data->succeeded / 20 ? data->top_count : 4 + data->succeeded / 20;
    double u = dh_random_uniform(&ask->random);
    size_t place = (size_t)(u * u * (double)few);
    return ambs_data_x(data, data->top[place]);
}

static bool vary(struct ambs_ask *ask, double *x)
{
    const double *first = parent(ask);
    if (dh_random_uniform(&ask->random) < CROSS_SHARE)
        return cross(ask, first, parent(ask), x);
    double scale =
        LEAST_SCALE * dh_power(MOST_SCALE / LEAST_SCALE, dh_random_uniform(&ask->random));
    double changes = dh_random_uniform(&ask->random) < 0.5
                         ? 1
                         : (double)ask->ambs->features.count * dh_random_uniform(&ask->random);
    return ambs_mutate(ask, first, scale, changes, x);
}

void ambs_candidates(struct ambs_ask *ask, size_t count, struct ambs_points *points)
{
    size_t room = points->count + count, tries = TRIES * count;
    bool parents = ask->ambs->data.top_count > 0;
    while (points->count < room && tries-- > 0) {
        double *x = points->x + points->count * points->width;
        bool prior = !parents || dh_random_uniform(&ask->random) < PRIOR_SHARE;
        points->count += prior ? draw(ask, x) : vary(ask, x);
    }
}
