/* The lowest level of effort: a pool that is kept between asks. See ambs.h.
 *
 * Each ask replaces a few of its rows, in turn, and predicts again only those and the few that
 * look best; so its time does not depend on the pool's size, and hardly on the model's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs.h"
#include "dh_mpi/alloc.h"

#define POOL 512
#define FRESH 8
#define AGAIN 4

struct ambs_pool {
    struct ambs_points points;
    size_t next; /* row to be replaced */
};

void ambs_pool_destroy(struct ambs_pool **pool)
{
    if (*pool)
        ambs_points_free(&(*pool)->points);
    free(*pool);
    *pool = NULL;
}

static struct ambs_points rows(struct ambs_points *points, size_t first, size_t count)
{
    return (struct ambs_points){count,
                                points->width,
                                points->x + first * points->width,
                                points->mean + first,
                                points->deviation + first,
                                points->score + first};
}

/* A few new rows in place of the oldest. */
static void renew(struct ambs_ask *ask, struct ambs_pool *pool)
{
    struct ambs_points part = rows(&pool->points, pool->next, 0);
    ambs_candidates(ask, FRESH, &part);
    ambs_score(ask, &part, 0);
    pool->next = (pool->next + part.count) % (POOL - POOL % FRESH);
    if (pool->next + FRESH > POOL)
        pool->next = 0;
}

/* Predict the best rows again, with the model as it is now. */
static void look_again(struct ambs_ask *ask, struct ambs_points *points)
{
    for (size_t i = 0; i < points->count; i++)
        points->score[i] =
            dh_acquisition_score(&ask->acquisition, points->mean[i], points->deviation[i]);
    for (size_t k = 0; k < AGAIN; k++) {
        size_t best = 0;
        for (size_t i = 1; i < points->count; i++)
            if (points->score[i] > points->score[best])
                best = i;
        double before = points->score[best];
        struct ambs_points one = rows(points, best, 1);
        ambs_score(ask, &one, 0);
        if (points->score[best] >= before)
            break;
    }
}

bool ambs_choose_pooled(struct ambs_ask *ask, double *point)
{
    struct ambs *ambs = ask->ambs;
    if (!ambs->pool) {
        ambs->pool = dh_alloc(1, sizeof *ambs->pool);
        ambs_points_make(&ambs->pool->points, POOL, ambs->features.count);
        ambs_candidates(ask, POOL, &ambs->pool->points);
        ambs_score(ask, &ambs->pool->points, 0);
    }
    struct ambs_points *points = &ambs->pool->points;
    if (points->count < POOL) /* constraints hold rarely: all anew each time */
        return ambs_choose(ask, point);
    renew(ask, ambs->pool);
    look_again(ask, points);
    return ambs_pick(ask, points, point) != SIZE_MAX;
}
