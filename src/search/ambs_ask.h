/* One ask of the model: candidates, what it says of them, and the choice. */
#ifndef DH_SEARCH_AMBS_ASK_H
#define DH_SEARCH_AMBS_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ambs.h"
#include "dh_mpi/acquisition.h"
#include "dh_mpi/random.h"

#define AMBS_MINIMA 16 /* samples of the least value, by MES */

/* One ask: where its random numbers come from and how it judges points. */
struct ambs_ask {
    struct ambs *ambs;
    uint64_t id;
    unsigned level;
    struct dh_random random;
    struct dh_acquisition acquisition;
    enum ambs_source source; /* whom gp_hedge is to credit with it */
    size_t view;             /* which member of the model judges */
    bool epistemic;
    bool local; /* candidates come of the best results alone, if there are any; none climbs */
    bool blind; /* candidates come from the prior alone; none climbs */
    enum ambs_strategy strategy;
    double minima[AMBS_MINIMA];
};

/* ---- how it judges: ambs_judge.c ---- */

/* Choose the acquisition that judges this ask's candidates, what keeps them apart, and where they
 * come from. */
void ambs_judge_by(struct ambs_ask *ask);

/* ---- candidates: ambs_candidates.c ---- */

/* Points with what the model says of them. */
struct ambs_points {
    size_t count, width;
    double *x; /* count × width */
    double *mean, *deviation, *score;
};
void ambs_points_make(struct ambs_points *points, size_t capacity, size_t width);
void ambs_points_free(struct ambs_points *points);
/* Fill `points` with `count` candidates (fewer where constraints hold rarely). */
void ambs_candidates(struct ambs_ask *ask, size_t count, struct ambs_points *points);
/* Rows that differ from `x` in one feature (every other category, the next values on a lattice, a
 * step of deviation `scale`), at most `count` of them, into `points`; if there are more, chance
 * says which, and changes several at once now and then; if there are fewer, so it fills the rest.
 */
void ambs_neighbours(struct ambs_ask *ask, const double *x, double scale, size_t count,
                     struct ambs_points *points);

/* ---- the search among them: ambs_climb.c, ambs_choose.c, ambs_pool.c ---- */

/* What an ask does at a level. */
struct ambs_effort {
    size_t pool, starts; /* candidates, of which so many climb */
    size_t rounds, neighbours;
    size_t steps; /* by gradient */
};
/* Climb from row `start` to a local maximum of the score; it becomes a further row of `points`,
 * which has room for it. */
void ambs_climb(struct ambs_ask *ask, const struct ambs_effort *effort, struct ambs_points *points,
                size_t start);
/* Predict and score the rows from `first` on. */
void ambs_score(struct ambs_ask *ask, struct ambs_points *points, size_t first);
/* With MES: draw minima from what is known of `points`, and score them. */
void ambs_draw_minima(struct ambs_ask *ask, struct ambs_points *points);
/* Was the row never proposed? Leaves its point in `point`. */
bool ambs_is_new(const struct ambs *ambs, const double *x, double *point);
/* The best new row of `points`, by the ask's strategy, its point into `point`; SIZE_MAX if all were
 * proposed. */
size_t ambs_pick(struct ambs_ask *ask, const struct ambs_points *points, double *point);
/* Best point that is new, into `point`; false if there is none. */
bool ambs_choose(struct ambs_ask *ask, double *point);
/* The same from the kept pool, in bounded time. */
bool ambs_choose_pooled(struct ambs_ask *ask, double *point);
void ambs_pool_destroy(struct ambs_pool **pool);

#endif
