/* A model, and keeping it current: see ambs.h. A fit needs nothing but its struct, so it can run
 * on another thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs.h"
#include "dh_mpi/alloc.h"

/* Rows to learn from: what failed gets the value that the options say, or is left out. */
struct learnt {
    double *x, *y;
    size_t count;
};

static double failed_value(const struct ambs_live *live)
{
    return live->options->failures == AMBS_FAILED_MEAN ? live->mean : live->high;
}

/* Fit the transform to the successes, and note what they come to. */
static void learn_values(struct ambs_live *live, const struct ambs_fit *fit)
{
    double *good = dh_alloc(fit->count, sizeof *good), sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < fit->count; i++)
        if (!isnan(fit->y[i]))
            good[count++] = fit->y[i];
    ambs_transform_fit(&live->transform, (enum ambs_scaling)live->options->scaling, good, count);
    live->low = INFINITY;
    live->high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = ambs_transform_apply(&live->transform, good[i]);
        live->low = fmin(live->low, value);
        live->high = fmax(live->high, value);
        sum += value;
    }
    live->mean = sum / (double)count;
    live->best = live->low;
    free(good);
}

static struct learnt learn_rows(const struct ambs_live *live, const struct ambs_fit *fit)
{
    size_t width = fit->features->count;
    struct learnt rows = {dh_alloc(fit->count * width, sizeof(double)),
                          dh_alloc(fit->count, sizeof(double)), 0};
    for (size_t i = 0; i < fit->count; i++) {
        bool failed = isnan(fit->y[i]);
        if (failed && live->options->failures == AMBS_FAILED_IGNORE)
            continue;
        memcpy(rows.x + rows.count * width, fit->x + i * width, width * sizeof(double));
        rows.y[rows.count++] =
            failed ? failed_value(live) : ambs_transform_apply(&live->transform, fit->y[i]);
    }
    return rows;
}

void ambs_fit_run(struct ambs_fit *fit)
{
    struct ambs_live *live = dh_alloc(1, sizeof *live);
    live->options = fit->options;
    live->fitted = fit->count;
    learn_values(live, fit);
    struct learnt learnt = learn_rows(live, fit);
    struct dh_rows rows = {learnt.x, learnt.y, learnt.count};
    struct dh_model_setup setup = {.features = fit->features->list,
                                   .feature_count = fit->features->count,
                                   .seed = fit->seed,
                                   .threads = fit->threads,
                                   .tune.trees = (size_t)fit->options->trees};
    for (size_t k = 0; k < fit->kind_count; k++) {
        struct dh_model *model = NULL;
        if (fit->kinds[k]->fit(&setup, &rows, &model, &fit->error) == DH_OK)
            live->members[live->member_count++] = model;
    }
    free(learnt.x);
    free(learnt.y);
    if (live->member_count == 0)
        ambs_live_destroy(&live);
    fit->live = live;
    atomic_store_explicit(&fit->done, true, memory_order_release);
}

void ambs_live_destroy(struct ambs_live **handle)
{
    struct ambs_live *live = *handle;
    if (!live)
        return;
    for (size_t k = 0; k < live->member_count; k++)
        dh_model_destroy(&live->members[k]);
    ambs_transform_free(&live->transform);
    free(live->lies);
    free(live);
    *handle = NULL;
}

static size_t find_lie(const struct ambs_live *live, uint64_t id)
{
    size_t low = 0, high = live->lie_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (live->lies[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What the model is told of a trial that has no value yet. */
static double lie(const struct ambs_live *live, const double *x)
{
    switch (live->options->liar) {
    case AMBS_LIE_MIN:
        return live->low;
    case AMBS_LIE_MEAN:
        return live->mean;
    case AMBS_LIE_MAX:
        return live->high;
    default:
        break;
    }
    double mean;
    ambs_live_predict(live, x, 1, false, &mean, NULL);
    return fmax(fmin(mean, live->high), live->low);
}

static void tell_lie(struct ambs_live *live, uint64_t id, const double *x)
{
    size_t at = find_lie(live, id);
    double value = lie(live, x);
    struct ambs_lie told = {.id = id};
    for (size_t k = 0; k < live->member_count; k++)
        told.handle[k] = live->members[k]->kind->add(live->members[k], x, value);
    live->lies = dh_grow(live->lies, live->lie_count, &live->lie_capacity, sizeof *live->lies);
    memmove(&live->lies[at + 1], &live->lies[at], (live->lie_count - at) * sizeof told);
    live->lies[at] = told;
    live->lie_count++;
}

static void take_back(struct ambs_live *live, uint64_t id)
{
    size_t at = find_lie(live, id);
    if (at == live->lie_count || live->lies[at].id != id)
        return;
    for (size_t k = 0; k < live->member_count; k++)
        live->members[k]->kind->remove(live->members[k], live->lies[at].handle[k]);
    live->lie_count--;
    memmove(&live->lies[at], &live->lies[at + 1], (live->lie_count - at) * sizeof live->lies[0]);
}

void ambs_live_hear(struct ambs_live *live, const struct ambs_event *event)
{
    if (event->kind == AMBS_PROPOSED) {
        tell_lie(live, event->id, event->x);
        return;
    }
    take_back(live, event->id);
    bool failed = isnan(event->y);
    if (event->kind == AMBS_GONE || (failed && live->options->failures == AMBS_FAILED_IGNORE))
        return;
    double value = failed ? failed_value(live) : ambs_transform_apply(&live->transform, event->y);
    if (!failed)
        live->best = fmin(live->best, value);
    for (size_t k = 0; k < live->member_count; k++)
        live->members[k]->kind->add(live->members[k], event->x, value);
}

/* Of a mixture of the members: mean of means; mean of variances plus variance of means. */
static void blend(const struct ambs_live *live, const double *x, size_t count, bool epistemic,
                  double *mean, double *variance)
{
    double share = 1 / (double)live->member_count;
    double *buffer = dh_alloc(count * 3, sizeof *buffer), *square = dh_alloc(count, sizeof *square);
    for (size_t i = 0; i < count; i++)
        mean[i] = variance[i] = 0;
    for (size_t k = 0; k < live->member_count; k++) {
        struct dh_prediction out = {buffer, buffer + count, buffer + 2 * count};
        live->members[k]->kind->predict(live->members[k], x, count, &out);
        for (size_t i = 0; i < count; i++) {
            mean[i] += share * out.mean[i];
            square[i] += share * out.mean[i] * out.mean[i];
            variance[i] += share * (out.epistemic[i] + (epistemic ? 0 : out.aleatoric[i]));
        }
    }
    for (size_t i = 0; i < count; i++)
        variance[i] += fmax(square[i] - mean[i] * mean[i], 0);
    free(buffer);
    free(square);
}

void ambs_live_predict(const struct ambs_live *live, const double *x, size_t count, bool epistemic,
                       double *mean, double *deviation)
{
    double *spare = deviation ? NULL : dh_alloc(count, sizeof *spare);
    double *variance = deviation ? deviation : spare;
    blend(live, x, count, epistemic, mean, variance);
    for (size_t i = 0; i < count; i++)
        variance[i] = sqrt(fmax(variance[i], 0));
    free(spare);
}
