/* The search of the acquisition's maximum: see ambs_ask.h.
 *
 * A pool of candidates is scored, and the best of it that are not near each other climb, unless
 * the ask is to stay near the best results.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_ask.h"
#include "ambs_live.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"

#define TOP_CHOICES 10 /* of strategy topk */
#define SHARPNESS 3.0  /* of strategy boltzmann, by deviation of scores that are no logarithms */
#define NEAR 0.05      /* a number, on average */

#define MOST_STARTS 10
static const struct ambs_effort efforts[AMBS_LEVELS] = {
    {.pool = 64},
    {.pool = 128, .starts = 1, .rounds = 2, .neighbours = 16, .steps = 10},
    {.pool = 600, .starts = 4, .rounds = 8, .neighbours = 40, .steps = 25},
    {.pool = 2000, .starts = MOST_STARTS, .rounds = 20, .neighbours = 80, .steps = 60},
};

void ambs_score(struct ambs_ask *ask, struct ambs_points *points, size_t first)
{
    size_t count = points->count - first;
    if (count == 0)
        return;
    ambs_live_predict(ask->ambs->live, ask->view, points->x + first * points->width, count,
                      ask->epistemic, points->mean + first, points->deviation + first);
    for (size_t i = first; i < points->count; i++)
        points->score[i] =
            dh_acquisition_score(&ask->acquisition, points->mean[i], points->deviation[i]);
}

bool ambs_is_new(const struct ambs *ambs, const double *x, double *point)
{
    ambs_features_decode(&ambs->features, x, point);
    return !dh_map_get(&ambs->seen, dh_space_identity(ambs->context->space, point), NULL);
}

/* Scores as the strategy wants them maximised; `sharpness` of their softmax. */
static double preference(struct ambs_ask *ask, double score, double sharpness)
{
    if (ask->strategy != AMBS_SPREAD_BOLTZMANN)
        return score;
    double u = dh_random_uniform(&ask->random); /* Gumbel noise: its maximum is a softmax draw */
    return sharpness * score - dh_log(-dh_log(fmax(u, 1e-300)));
}

static double deviation_of_scores(const struct ambs_points *points)
{
    double sum = 0, squares = 0, n = (double)points->count;
    for (size_t i = 0; i < points->count; i++) {
        sum += points->score[i];
        squares += points->score[i] * points->score[i];
    }
    return sqrt(fmax(squares / n - sum * sum / (n * n), 0));
}

/* Improvement and probability are logarithms: points are drawn in proportion to what they are.
 * Other scores have a scale of their own. */
static double sharpness_for(const struct ambs_ask *ask, const struct ambs_points *points)
{
    if (dh_acquisition_is_logarithm(ask->acquisition.kind))
        return 1;
    double deviation = deviation_of_scores(points);
    return deviation > 0 ? SHARPNESS / deviation : 0;
}

struct wish {
    double wanted;
    size_t row;
};

static int better_first(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    if (x->wanted != y->wanted)
        return x->wanted > y->wanted ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Are two rows near each other? */
static bool are_near(const struct ambs_features *features, const double *a, const double *b)
{
    double distance = 0;
    for (size_t j = 0; j < features->count; j++) {
        bool both = !isnan(a[j]) && !isnan(b[j]);
        if (both && features->list[j].levels == 0)
            distance += (a[j] - b[j]) * (a[j] - b[j]);
        else if (both ? a[j] != b[j] : isnan(a[j]) != isnan(b[j]))
            return false;
    }
    return distance < NEAR * NEAR * (double)features->count;
}

/* Is a row near one of those? */
static bool is_near_any(const struct ambs_ask *ask, const struct ambs_points *points, size_t row,
                        const size_t *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (are_near(&ask->ambs->features, points->x + row * points->width,
                     points->x + others[i] * points->width))
            return true;
    return false;
}

size_t ambs_pick(struct ambs_ask *ask, const struct ambs_points *points, double *point)
{
    struct wish *order = dh_alloc(points->count, sizeof *order);
    double sharpness = sharpness_for(ask, points);
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++) {
        order[count] = (struct wish){preference(ask, points->score[i], sharpness), i};
        count += !isnan(order[count].wanted);
    }
    bool ranked = ask->strategy == AMBS_SPREAD_TOPK;
    size_t place = ranked ? (size_t)(ask->ambs->data.since_result % TOP_CHOICES) : 0;
    size_t found[TOP_CHOICES], founds = 0; /* none near a better one: climbs end at the same top */
    qsort(order, count, sizeof *order, better_first);
    for (size_t i = 0; i < count && founds <= place; i++)
        if (ambs_is_new(ask->ambs, points->x + order[i].row * points->width, point) &&
            !is_near_any(ask, points, order[i].row, found, founds))
            found[founds++] = order[i].row;
    free(order);
    if (founds == 0)
        return SIZE_MAX;
    size_t row = found[founds - 1];
    ambs_features_decode(&ask->ambs->features, points->x + row * points->width, point);
    return row;
}

/* Indices of the `count` best scores, best first, but none near a better one. */
static size_t best_of(const struct ambs_ask *ask, const struct ambs_points *points, size_t count,
                      size_t *best)
{
    double *wanted = dh_memdup(points->score, points->count * sizeof *wanted);
    size_t kept = 0, width = points->width;
    for (size_t tries = 0; kept < count && tries < points->count; tries++) {
        size_t top = SIZE_MAX;
        for (size_t i = 0; i < points->count; i++)
            if (!isnan(wanted[i]) && (top == SIZE_MAX || wanted[i] > wanted[top]))
                top = i;
        if (top == SIZE_MAX)
            break;
        best[kept++] = top;
        for (size_t i = 0; i < points->count; i++)
            if (!isnan(wanted[i]) &&
                are_near(&ask->ambs->features, points->x + i * width, points->x + top * width))
                wanted[i] = NAN;
    }
    free(wanted);
    return kept;
}

void ambs_draw_minima(struct ambs_ask *ask, struct ambs_points *points)
{
    if (ask->acquisition.kind != DH_ACQUISITION_MES || points->count == 0)
        return;
    ask->acquisition.minima = ask->minima;
    ask->acquisition.minimum_count = DH_COUNT_OF(ask->minima);
    dh_acquisition_draw_minima(&ask->random, points->mean, points->deviation, points->count,
                               ask->acquisition.best, ask->minima, DH_COUNT_OF(ask->minima));
    for (size_t i = 0; i < points->count; i++)
        points->score[i] =
            dh_acquisition_score(&ask->acquisition, points->mean[i], points->deviation[i]);
}

bool ambs_choose(struct ambs_ask *ask, double *point)
{
    const struct ambs_effort *effort = &efforts[ask->level];
    size_t wanted =
        ask->ambs->options.candidates ? (size_t)ask->ambs->options.candidates : effort->pool;
    size_t most = ask->local || ask->blind ? 0 : effort->starts;
    struct ambs_points points;
    ambs_points_make(&points, wanted + most, ask->ambs->features.count);
    ambs_candidates(ask, wanted, &points);
    ambs_score(ask, &points, 0);
    ambs_draw_minima(ask, &points);
    size_t best[MOST_STARTS], starts = best_of(ask, &points, most, best);
    for (size_t i = 0; i < starts; i++)
        ambs_climb(ask, effort, &points, best[i]);
    bool found = points.count > 0 && ambs_pick(ask, &points, point) != SIZE_MAX;
    ambs_points_free(&points);
    return found;
}
