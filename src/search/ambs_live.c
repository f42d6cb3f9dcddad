/* Keeping a model current, and what it says of points: see ambs_live.h. */
#include "ambs_live.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "dh_mpi/acquisition.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"

#define FEW 16           /* points whose prediction needs no memory from the heap */
#define LEAST_DOUBT 1e-6 /* variance of what is said of failing */

/* The lie told of a pending trial; handle -1: none. */
struct ambs_lie {
    int64_t handle[AMBS_MEMBERS];
};
static const struct ambs_lie no_lie = {{-1, -1, -1}};
_Static_assert(AMBS_MEMBERS == 3, "no_lie has a handle for each member");

/* A lie that a member was told, of a trial that may have ended since. */
struct ambs_told {
    uint32_t slot;
    int64_t handle; /* -1: none yet */
};

void ambs_member_free(struct ambs_member *member)
{
    dh_model_destroy(&member->model);
    ambs_transform_free(&member->scale.transform);
    free(member->recent.told);
}

void ambs_live_destroy(struct ambs_live **handle)
{
    struct ambs_live *live = *handle;
    if (!live)
        return;
    for (size_t k = 0; k < live->member_count; k++)
        ambs_member_free(&live->members[k]);
    dh_model_destroy(&live->failing);
    free(live->lies);
    free(live);
    *handle = NULL;
}

bool ambs_leaves_out_failed(const struct ambs_options *options)
{
    return options->failures == AMBS_FAILED_IGNORE || options->failures == AMBS_FAILED_AUTO;
}

double ambs_failed_value(const struct ambs_options *options, const struct ambs_scale *scale)
{
    return options->failures == AMBS_FAILED_MEAN ? scale->mean : scale->high;
}

/* What member `view` is told of a trial that has no value yet. */
static double lie_of(const struct ambs_live *live, size_t view, const double *x)
{
    const struct ambs_scale *scale = &live->members[view].scale;
    switch (live->options->liar) {
    case AMBS_LIE_MIN:
        return scale->low;
    case AMBS_LIE_MEAN:
        return scale->mean;
    case AMBS_LIE_MAX:
        return scale->high;
    default:
        break;
    }
    double mean, deviation;
    ambs_live_predict(live, view, x, 1, true, &mean, &deviation);
    return fmax(fmin(mean, scale->high), scale->low);
}

void ambs_member_limit(struct ambs_member *member, size_t most, size_t passed_over)
{
    struct ambs_recent *recent = &member->recent;
    member->intake.limited = true;
    *recent = (struct ambs_recent){.most = most, .passed_over = passed_over};
    recent->told = dh_alloc(most, sizeof *recent->told);
    for (size_t i = 0; i < most; i++)
        recent->told[i].handle = -1;
}

/* Take a lie back, if there is one. */
static void take_back(struct dh_model *model, int64_t handle)
{
    if (handle >= 0)
        model->kind->remove(model, handle);
}

/* Take back the oldest lie, if its trial is still pending: there is to be room for another. */
static struct ambs_told *make_room(struct ambs_live *live, size_t k)
{
    struct ambs_recent *recent = &live->members[k].recent;
    struct ambs_told *oldest = &recent->told[recent->next];
    recent->next = (recent->next + 1) % recent->most;
    if (oldest->handle >= 0 && live->lies[oldest->slot].handle[k] == oldest->handle) {
        take_back(live->members[k].model, oldest->handle);
        live->lies[oldest->slot].handle[k] = -1;
    }
    return oldest;
}

static void tell_member(struct ambs_live *live, size_t k, uint32_t slot, const double *x)
{
    struct dh_model *model = live->members[k].model;
    struct ambs_recent *recent = &live->members[k].recent;
    if (recent->passed_over > 0) {
        recent->passed_over--;
        return;
    }
    struct ambs_told *told = recent->most > 0 ? make_room(live, k) : NULL;
    int64_t handle = model->kind->add(model, x, lie_of(live, k, x));
    live->lies[slot].handle[k] = handle;
    if (told)
        *told = (struct ambs_told){slot, handle};
}

static void tell_lie(struct ambs_live *live, uint32_t slot, const double *x)
{
    while (live->lie_count <= slot)
        *DH_PUSH(live->lies, live->lie_count, live->lie_capacity) = no_lie;
    for (size_t k = 0; k < live->member_count; k++)
        tell_member(live, k, slot, x);
}

/* The lie told of this slot; its handles are -1 if there is none. It counts as taken back. */
static struct ambs_lie forget_lie(struct ambs_live *live, uint32_t slot)
{
    if (slot >= live->lie_count)
        return no_lie;
    struct ambs_lie lie = live->lies[slot];
    live->lies[slot] = no_lie;
    return lie;
}

/* Put a value in place of a lie, if there is one. */
static void learn_value(struct dh_model *model, int64_t handle, const double *x, double value)
{
    const struct dh_model_kind *kind = model->kind;
    if (handle >= 0 && kind->settle) {
        kind->settle(model, handle, value);
        return;
    }
    take_back(model, handle);
    if (kind->learn)
        kind->learn(model, x, value);
    else
        kind->add(model, x, value);
}

static bool takes_in(struct ambs_intake *intake)
{
    return !intake->limited || intake->results++ < AMBS_ROOM;
}

/* A trial whose lie has this handle came to `y`, NaN: it failed. */
static void hear_value(struct ambs_member *member, const struct ambs_options *options,
                       int64_t handle, const double *x, double y)
{
    struct ambs_scale *scale = &member->scale;
    double value =
        isnan(y) ? ambs_failed_value(options, scale) : ambs_transform_apply(&scale->transform, y);
    if (!isnan(y))
        scale->best = fmin(scale->best, value);
    if (takes_in(&member->intake))
        learn_value(member->model, handle, x, value);
    else
        take_back(member->model, handle);
}

void ambs_live_hear(struct ambs_live *live, const struct ambs_event *event)
{
    const double *x = ambs_array_at(live->rows, event->row);
    if (event->kind == AMBS_PROPOSED) {
        tell_lie(live, event->slot, x);
        return;
    }
    struct ambs_lie lie = forget_lie(live, event->slot);
    bool ended = event->kind == AMBS_ENDED, failed = isnan(event->y);
    if (ended && live->failing && takes_in(&live->failing_intake))
        learn_value(live->failing, -1, x, failed);
    bool teaches = ended && !(failed && ambs_leaves_out_failed(live->options));
    for (size_t k = 0; k < live->member_count; k++)
        if (teaches)
            hear_value(&live->members[k], live->options, lie.handle[k], x, event->y);
        else
            take_back(live->members[k].model, lie.handle[k]);
}

/* How likely trials are to fail: what a forest says; of a Gaussian process, which learnt 0 and 1
 * as if they were any numbers, how likely it is that the number is nearer to 1 (Rasmussen and
 * Williams 2006, section 6.5). */
static void predict_failing(const struct dh_model *model, const double *x, size_t count,
                            double *failing)
{
    if (!ambs_is_process(model->kind)) {
        struct dh_prediction share = {.mean = failing};
        model->kind->predict(model, x, count, &share);
        for (size_t i = 0; i < count; i++)
            failing[i] = fmin(fmax(failing[i], 0), 1);
        return;
    }
    double few[2 * FEW], *noise = count <= FEW ? few : dh_alloc(2 * count, sizeof *noise);
    double *doubt = noise + count;
    struct dh_prediction out = {failing, noise, doubt};
    model->kind->predict(model, x, count, &out);
    for (size_t i = 0; i < count; i++) {
        double deviation = sqrt(fmax(noise[i] + doubt[i], LEAST_DOUBT));
        failing[i] = dh_exp(dh_log_normal_cdf((failing[i] - 0.5) / deviation));
    }
    if (noise != few)
        free(noise);
}

/* What a point is worth that may fail: as if failing were a middling result. */
static void expect_failures(const struct ambs_live *live, size_t view, const double *x,
                            size_t count, double *mean, double *deviation)
{
    double few[FEW], *failing = count <= FEW ? few : dh_alloc(count, sizeof *failing);
    predict_failing(live->failing, x, count, failing);
    for (size_t i = 0; i < count; i++) {
        double share = failing[i];
        mean[i] += share * (live->members[view].scale.mean - mean[i]);
        deviation[i] *= 1 - share;
    }
    if (failing != few)
        free(failing);
}

const bool *ambs_live_bounded(const struct ambs_live *live, size_t view)
{
    return ambs_is_process(live->members[view].model->kind) ? live->features->wide : NULL;
}

void ambs_live_predict(const struct ambs_live *live, size_t view, const double *x, size_t count,
                       bool epistemic, double *mean, double *deviation)
{
    const struct dh_model *model = live->members[view].model;
    const bool *bounded = ambs_live_bounded(live, view);
    size_t width = live->features->count;
    double few[FEW], *aleatoric = count <= FEW ? few : dh_alloc(count, sizeof *aleatoric);
    struct dh_prediction out = {mean, aleatoric, deviation};
    model->kind->predict(model, x, count, &out);
    for (size_t i = 0; i < count; i++) {
        double share = bounded ? dh_acquisition_inside(bounded, width, x + i * width) : 1;
        double variance = share * deviation[i] + (epistemic ? 0 : aleatoric[i]);
        deviation[i] = sqrt(fmax(variance, 0));
    }
    if (aleatoric != few)
        free(aleatoric);
    if (live->failing)
        expect_failures(live, view, x, count, mean, deviation);
}
