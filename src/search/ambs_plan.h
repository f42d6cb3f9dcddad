/* Which models learn the results, and how: what options and the level of effort make of auto. */
#ifndef DH_SEARCH_AMBS_PLAN_H
#define DH_SEARCH_AMBS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "ambs_live.h"

struct ambs;

/* Results and pending trials: most that a Gaussian process holds where it was asked for. Its time
 * grows with their cube. */
#define AMBS_GP_MOST 2000

/* How one member learns the results. */
struct ambs_learner {
    const struct dh_model_kind *kind;
    size_t most;       /* results it learns from, half of them the best; 0: all */
    size_t most_lies;  /* that it holds, and then it is limited as to results, too; 0: all */
    double most_noise; /* as in dh_model_setup; 0: no bound of its own */
    bool elects;       /* its values take the transform under which they are likeliest */
};

struct ambs_plan {
    struct ambs_learner members[AMBS_MEMBERS];
    size_t member_count;
    const struct dh_model_kind *failing; /* learns where trials fail; NULL: nothing does */
};

/* The models of a fit at this level, to what there is at the mark. */
struct ambs_plan ambs_plan_make(const struct ambs *ambs, unsigned level);
/* Is the model one that must not grow further? */
bool ambs_outgrown(const struct ambs *ambs);

#endif
