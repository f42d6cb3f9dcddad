/* What is proposed when a method has nothing new: see front.h.
 *
 * When a method only repeats itself, a finite space is enumerated (every point of it comes up, so
 * its end is exact) and an infinite one is sampled. Once begun, an enumeration goes on: a resumed
 * search knows it by the origin of the last trials.
 *
 * Constraints that hold almost nowhere are met by steps from the last point where they did. Before
 * there is one, a finite space is enumerated until it is found; then the method has its turn again.
 */
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"
#include "front.h"

/* Draws of one trial that are the front's own (see dh_draw_index): from the prior, then near. */
#define LAST_DRAWS 23
#define NEAR_DRAW (DH_SEARCH_ATTEMPTS + LAST_DRAWS)
#define LEAST_STEP 1e-8 /* near a known point, in the unit cube */

static void start_enumeration(struct dh_search *search)
{
    const struct dh_space *space = search->context.space;
    size_t count = dh_space_count(space);
    search->axes = dh_alloc(count, sizeof *search->axes);
    for (size_t i = 0; i < count; i++)
        search->axes[i].count = (uint64_t)dh_parameter_levels(dh_space_parameter(space, i));
    search->enumeration =
        dh_enumeration_create(space, search->axes, DH_ORDER_SHUFFLED, search->context.seed);
}

dh_status dh_front_ask_enumeration(struct dh_search *search, struct dh_proposal *proposal,
                                   struct dh_error *err)
{
    if (!search->enumeration)
        start_enumeration(search);
    proposal->origin = search->enumerating ? DH_ORIGIN_ENUMERATED : DH_ORIGIN_METHOD;
    proposal->level = 0;
    for (unsigned left = DH_SEARCH_STEPS; left > 0;) {
        if (!dh_enumeration_point(search->enumeration, search->enumerated, proposal->point)) {
            search->exhausted = true;
            return DH_EXHAUSTED;
        }
        search->enumerated++;
        enum dh_verdict verdict = dh_front_judge(search, proposal);
        if (verdict == DH_FRESH)
            return DH_OK;
        left = verdict == DH_SEEN ? DH_SEARCH_STEPS : left - 1;
    }
    return dh_node_fail(err, search->context.settings->constraints,
                        "constraints: none of %d points in a row satisfies them", DH_SEARCH_STEPS);
}

void dh_front_remember(struct dh_search *search, uint64_t trial, const double *point)
{
    size_t width = dh_space_count(search->context.space);
    if (!search->last)
        search->last = dh_alloc(width, sizeof *search->last);
    else if (trial < search->last_trial)
        return;
    search->last_trial = trial;
    memcpy(search->last, point, width * sizeof *point);
}

bool dh_front_ask_near(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                       const struct dh_error *why)
{
    const struct dh_space *space = search->context.space;
    struct dh_random random =
        dh_random_at(search->context.seed, DH_STREAM_SAMPLE, dh_draw_index(id, NEAR_DRAW));
    proposal->origin = DH_ORIGIN_METHOD;
    proposal->level = 0;
    for (unsigned i = 0; search->last && i < DH_SPACE_TRIES; i++) {
        double scale = dh_power(LEAST_STEP, dh_random_uniform(&random));
        dh_space_perturb(space, &random, search->last, scale, proposal->point);
        if (dh_front_judge(search, proposal) != DH_FRESH)
            continue;
        if (!search->said_rare)
            dh_log_warn(search->context.log, "%s; some proposals are now looked for near others",
                        why->text);
        search->said_rare = true;
        return true;
    }
    return false;
}

/* Uniform in every parameter's scale, whatever the prior. */
static void draw_uniform(const struct dh_space *space, struct dh_random *random, double *point)
{
    for (size_t i = 0; i < dh_space_count(space); i++)
        point[i] = dh_random_uniform(random);
    dh_space_decode(space, point, point);
}

dh_status dh_front_ask_anywhere(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                                struct dh_error *err)
{
    const struct dh_space *space = search->context.space;
    struct dh_random random;
    proposal->origin = DH_ORIGIN_METHOD;
    proposal->level = 0;
    for (unsigned i = 0; i < LAST_DRAWS; i++) {
        random = dh_random_at(search->context.seed, DH_STREAM_SAMPLE,
                              dh_draw_index(id, DH_SEARCH_ATTEMPTS + i));
        dh_status status = dh_space_sample(space, &random, proposal->point, err);
        if (status)
            return dh_front_ask_near(search, id, proposal, err) ? DH_OK : status;
        if (dh_front_judge(search, proposal) == DH_FRESH)
            return DH_OK;
    }
    for (unsigned i = 0; i < DH_SPACE_TRIES; i++) {
        draw_uniform(space, &random, proposal->point);
        if (dh_front_judge(search, proposal) == DH_FRESH)
            return DH_OK;
    }
    return DH_EXHAUSTED;
}
