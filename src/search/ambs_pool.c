/* The lowest level of effort: a pool that is kept between asks. See ambs_ask.h.
 *
 * Each ask replaces a few of its rows, in turn, and predicts again only those and the few that
 * look best; so its time does not depend on the pool's size, and hardly on the model's. Scores are
 * kept, too, as long as the acquisition stays the same: those of EI cost more than predictions.
 * Rows that were proposed are passed over until their turn comes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_ask.h"
#include "dh_mpi/alloc.h"

#define POOL 512       /* rows */
#define FRESH 8        /* rows replaced in an ask */
#define AGAIN 4        /* rows that look best, predicted again at most */
#define MINIMA_ROWS 64 /* from which minima are drawn, by MES */

struct ambs_pool {
    struct ambs_points points;
    size_t next; /* row to be replaced */
    bool taken[POOL];
    struct dh_acquisition judge; /* that gave the scores in `judged`; NaN: none yet */
    double judged[POOL];
    double minima[AMBS_MINIMA]; /* of MES, drawn once in a turn */
};

void ambs_pool_destroy(struct ambs_pool **pool)
{
    if (*pool)
        ambs_points_free(&(*pool)->points);
    free(*pool);
    *pool = NULL;
}

static struct ambs_points part_of(struct ambs_points *points, size_t first, size_t count)
{
    return (struct ambs_points){count,
                                points->width,
                                points->x + first * points->width,
                                points->mean + first,
                                points->deviation + first,
                                points->score + first};
}

/* Its scores are as good as free. */
static bool is_cheap(const struct dh_acquisition *a)
{
    return a->kind == DH_ACQUISITION_LCB;
}

/* Make this ask's acquisition the one whose scores are kept. */
static void appoint_judge(struct ambs_ask *ask, struct ambs_pool *pool)
{
    struct dh_acquisition *mine = &ask->acquisition, *judge = &pool->judge;
    if (mine->kind == DH_ACQUISITION_MES) {
        if (pool->next == 0 || judge->kind != DH_ACQUISITION_MES) {
            struct ambs_points some = part_of(&pool->points, 0, MINIMA_ROWS);
            ambs_draw_minima(ask, &some);
            memcpy(pool->minima, ask->minima, sizeof pool->minima);
            judge->best = NAN;
        }
        mine->minima = pool->minima;
        mine->minimum_count = DH_COUNT_OF(pool->minima);
    }
    if (is_cheap(mine) ||
        (judge->kind == mine->kind && judge->xi == mine->xi && judge->best == mine->best))
        return;
    *judge = *mine;
    for (size_t i = 0; i < POOL; i++)
        pool->judged[i] = NAN;
}

/* Predict and score rows anew. */
static void predict_rows(struct ambs_ask *ask, struct ambs_pool *pool, size_t first, size_t count)
{
    struct ambs_points part = part_of(&pool->points, first, count);
    ambs_score(ask, &part, 0);
    for (size_t i = 0; i < count; i++)
        pool->judged[first + i] = is_cheap(&ask->acquisition) ? NAN : part.score[i];
}

/* A few new rows in place of the oldest. */
static void renew_oldest(struct ambs_ask *ask, struct ambs_pool *pool)
{
    struct ambs_points part = part_of(&pool->points, pool->next, 0);
    ambs_candidates(ask, FRESH, &part);
    predict_rows(ask, pool, pool->next, part.count);
    memset(pool->taken + pool->next, 0, part.count * sizeof *pool->taken);
    pool->next += part.count;
    if (pool->next + FRESH > POOL)
        pool->next = 0;
}

/* Scores of all rows. */
static void score_all(struct ambs_ask *ask, struct ambs_pool *pool)
{
    const struct dh_acquisition *a = &ask->acquisition;
    struct ambs_points *points = &pool->points;
    for (size_t i = 0; i < POOL; i++)
        if (is_cheap(a))
            points->score[i] = dh_acquisition_bound(a, points->mean[i], points->deviation[i]);
        else if (isnan(pool->judged[i]))
            points->score[i] = pool->judged[i] =
                dh_acquisition_score(a, points->mean[i], points->deviation[i]);
        else
            points->score[i] = pool->judged[i];
}

/* The row with the best score, or POOL. */
static size_t best_row(const struct ambs_pool *pool)
{
    size_t best = POOL;
    double score = -INFINITY;
    for (size_t i = 0; i < POOL; i++)
        if (pool->points.score[i] > score && !pool->taken[i]) {
            score = pool->points.score[i];
            best = i;
        }
    return best;
}

/* Predict the best rows again, with the model as it is now. */
static void predict_best_again(struct ambs_ask *ask, struct ambs_pool *pool)
{
    for (size_t k = 0; k < AGAIN; k++) {
        size_t best = best_row(pool);
        if (best == POOL)
            break;
        double before = pool->points.score[best];
        predict_rows(ask, pool, best, 1);
        if (pool->points.score[best] >= before)
            break;
    }
}

static bool pick_row(struct ambs_ask *ask, struct ambs_pool *pool, double *point)
{
    if (ask->strategy == AMBS_SPREAD_TOPK || ask->strategy == AMBS_SPREAD_BOLTZMANN)
        return ambs_pick(ask, &pool->points, point) != SIZE_MAX;
    for (size_t best; (best = best_row(pool)) < POOL;) {
        pool->taken[best] = true;
        if (ambs_is_new(ask->ambs, pool->points.x + best * pool->points.width, point))
            return true;
    }
    return false;
}

bool ambs_choose_pooled(struct ambs_ask *ask, double *point)
{
    struct ambs *ambs = ask->ambs;
    if (!ambs->pool) {
        ambs->pool = dh_alloc(1, sizeof *ambs->pool);
        ambs->pool->judge.best = NAN;
        ambs_points_make(&ambs->pool->points, POOL, ambs->features.count);
        ambs_candidates(ask, POOL, &ambs->pool->points);
        ambs_score(ask, &ambs->pool->points, 0);
    }
    if (ambs->pool->points.count < POOL) /* constraints hold rarely: all anew each time */
        return ambs_choose(ask, point);
    appoint_judge(ask, ambs->pool);
    renew_oldest(ask, ambs->pool);
    score_all(ask, ambs->pool);
    predict_best_again(ask, ambs->pool);
    return pick_row(ask, ambs->pool, point);
}
