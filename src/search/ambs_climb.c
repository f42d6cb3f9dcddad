/* From a candidate uphill on the acquisition function: see ambs_ask.h.
 *
 * Where the model has a gradient, numbers follow it, those on a lattice as if they were real; then
 * steps to the best neighbour, until none is better; and once more. Without a gradient, steps to
 * the best neighbour do it all, and shrink when none is better; so they do where the gradient leads
 * out of the constraints.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_ask.h"
#include "ambs_live.h"
#include "dh_mpi/alloc.h"

#define TURNS 3
#define COARSEST 0.1 /* step of a number */
#define FINEST 1e-4

/* Where a climb stands. */
struct climb {
    struct ambs_ask *ask;
    const struct ambs_effort *effort;
    struct ambs_points here; /* one row */
    struct ambs_points near;
    bool stepless; /* the gradient does it all */
    bool gradient;
};

static void open_climb(struct climb *climb)
{
    const struct ambs *ambs = climb->ask->ambs;
    size_t width = ambs->features.count;
    ambs_points_make(&climb->here, 1, width);
    ambs_points_make(&climb->near, climb->effort->neighbours, width);
    climb->gradient = ambs->live->members[climb->ask->view].model->kind->gradient != NULL;
    climb->stepless = climb->gradient;
    for (size_t j = 0; j < width; j++) {
        const struct dh_parameter *p =
            dh_space_parameter(ambs->context->space, ambs->features.parameter[j]);
        climb->stepless = climb->stepless && isinf(dh_parameter_levels(p));
    }
}

static void close_climb(struct climb *climb)
{
    ambs_points_free(&climb->here);
    ambs_points_free(&climb->near);
}

/* A row of `points` takes the place of `here` if it is better. */
static bool take_if_better(struct climb *climb, const struct ambs_points *points, size_t row)
{
    if (!(points->score[row] > climb->here.score[0]))
        return false;
    memcpy(climb->here.x, points->x + row * points->width, points->width * sizeof(double));
    climb->here.score[0] = points->score[row];
    return true;
}

static bool follow_gradient(struct climb *climb)
{
    struct ambs_ask *ask = climb->ask;
    struct ambs *ambs = ask->ambs;
    struct dh_ascent ascent = {.acquisition = &ask->acquisition,
                               .model = ambs->live->members[ask->view].model,
                               .feature_count = ambs->features.count,
                               .steps = climb->effort->steps,
                               .epistemic = ask->epistemic,
                               .wide = ambs_live_bounded(ambs->live, ask->view)};
    struct ambs_points *near = &climb->near;
    memcpy(near->x, climb->here.x, near->width * sizeof(double));
    if (!dh_acquisition_ascend(&ascent, ambs->features.wide, near->x))
        return false;
    ambs_features_decode(&ambs->features, near->x, ambs->point);
    dh_space_settle(ambs->context->space, ambs->point);
    if (!dh_space_feasible(ambs->context->space, ambs->point)) {
        climb->gradient = climb->stepless = false; /* it leads out of the constraints */
        return false;
    }
    ambs_features_encode(&ambs->features, ambs->point, near->x);
    near->count = 1;
    ambs_score(ask, near, 0);
    return take_if_better(climb, near, 0);
}

static bool follow_neighbours(struct climb *climb)
{
    struct ambs_points *near = &climb->near;
    double scale = COARSEST;
    bool moved = false;
    for (size_t round = 0; round < climb->effort->rounds && scale > FINEST; round++) {
        near->count = 0;
        ambs_neighbours(climb->ask, climb->here.x, scale, climb->effort->neighbours, near);
        ambs_score(climb->ask, near, 0);
        size_t best = 0;
        for (size_t i = 1; i < near->count; i++)
            if (near->score[i] > near->score[best])
                best = i;
        bool better = near->count > 0 && take_if_better(climb, near, best);
        moved = moved || better;
        if (!better && climb->gradient)
            break;
        scale /= better ? 1 : 3;
    }
    return moved;
}

void ambs_climb(struct ambs_ask *ask, const struct ambs_effort *effort, struct ambs_points *points,
                size_t start)
{
    struct climb climb = {.ask = ask, .effort = effort};
    open_climb(&climb);
    memcpy(climb.here.x, points->x + start * points->width, points->width * sizeof(double));
    climb.here.score[0] = points->score[start];
    for (int turn = 0; turn < TURNS; turn++) {
        bool moved = climb.gradient && follow_gradient(&climb);
        bool stepped = !climb.stepless && follow_neighbours(&climb);
        if (!climb.gradient || !stepped || (turn > 0 && !moved))
            break;
    }
    memcpy(points->x + points->count * points->width, climb.here.x, points->width * sizeof(double));
    points->count++;
    ambs_score(ask, points, points->count - 1);
    close_climb(&climb);
}
