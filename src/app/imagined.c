/* Evaluations of a simulation: see imagined.h.
 *
 * The value is the builtin function's, or, with an old history, what a forest fitted to it
 * predicts: the forest sees every parameter as a place in [0, 1]. Durations come from the
 * distribution asked for, otherwise from the builtin's settings, otherwise they are drawn from the
 * old ones. */
#include "imagined.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/model.h"
#include "dh_mpi/store.h"
#include "duration.h"

#define FOREST "et"

struct dh_imagined {
    const struct dh_simulation *simulation;
    struct dh_imitation *builtin;
    struct dh_feature *features;
    struct dh_model *model;
    double *seconds; /* of old evaluations */
    size_t count, capacity;
};

/* ---- an old history ---- */

static size_t encode_known(const struct dh_import *import, const struct dh_app_setup *setup,
                           double *x, double *y)
{
    size_t width = dh_space_count(setup->space), depth = setup->settings.objective_count, known = 0;
    for (size_t i = 0; i < import->count; i++) {
        if (!isfinite(import->objectives[i * depth]))
            continue;
        dh_space_encode(setup->space, import->points + i * width, x + known * width);
        y[known++] = import->objectives[i * depth];
    }
    return known;
}

static dh_status fit_model(struct dh_imagined *imagined, const struct dh_import *import,
                           struct dh_error *err)
{
    const struct dh_app_setup *setup = imagined->simulation->setup;
    size_t width = dh_space_count(setup->space);
    double *x = dh_alloc(import->count * width, sizeof *x);
    double *y = dh_alloc(import->count, sizeof *y);
    struct dh_rows rows = {x, y, encode_known(import, setup, x, y)};
    imagined->features = dh_alloc(width, sizeof *imagined->features);
    for (size_t i = 0; i < width; i++)
        imagined->features[i].optional = true;
    struct dh_model_setup how = {.features = imagined->features,
                                 .feature_count = width,
                                 .seed = (uint64_t)setup->settings.search.seed,
                                 .threads = 1};
    dh_status status =
        rows.count == 0
            ? dh_fail(err, DH_CONFIG, "%s: no evaluation with a value, nothing to imitate",
                      imagined->simulation->history)
            : dh_model_find(FOREST)->fit(&how, &rows, &imagined->model, err);
    free(x);
    free(y);
    return status;
}

/* What evaluations took is in checkpoints only; other files tell none. */
static void read_durations(struct dh_imagined *imagined)
{
    struct dh_store_image image;
    struct dh_error ignored;
    if (dh_store_read(imagined->simulation->history, &image, &ignored) != DH_OK)
        return;
    for (uint64_t id = 0; id < dh_history_count(image.history); id++) {
        const struct dh_outcome *outcome = &dh_history_trial(image.history, id)->outcome;
        double seconds = outcome->ended - outcome->started;
        if (outcome->status == DH_TRIAL_SUCCEEDED && seconds >= 0 && isfinite(seconds))
            *DH_PUSH(imagined->seconds, imagined->count, imagined->capacity) = seconds;
    }
    dh_store_image_free(&image);
}

static dh_status read_history(struct dh_imagined *imagined, struct dh_error *err)
{
    const struct dh_simulation *s = imagined->simulation;
    struct dh_import import = {0};
    dh_status status = dh_import_read(s->history, s->setup->space, &s->setup->settings,
                                      DH_IMPORT_POINTS, &import, err); /* values are asked for */
    if (status == DH_OK && import.notes && import.notes[0])
        dh_log_warn(s->log, "%s: %s", s->history, import.notes);
    if (status == DH_OK && import.losses[0])
        dh_log_warn(s->log, "%.*s", (int)strlen(import.losses) - 1, import.losses);
    if (status == DH_OK && import.warnings[0])
        dh_log_warn(s->log, "%.*s", (int)strcspn(import.warnings, "\n"), import.warnings);
    if (status == DH_OK)
        status = fit_model(imagined, &import, err);
    if (status == DH_OK)
        read_durations(imagined);
    dh_import_free(&import);
    return status;
}

/* ---- all kinds ---- */

static dh_status prepare(struct dh_imagined *imagined, struct dh_error *err)
{
    const struct dh_simulation *s = imagined->simulation;
    const struct dh_settings *settings = &s->setup->settings;
    if (settings->objective_count != 1)
        return dh_fail(err, DH_CONFIG, "a simulation has one objective, not %zu",
                       settings->objective_count);
    dh_status status = dh_imitation_create(settings, s->setup->space, &imagined->builtin, err);
    if (status != DH_OK)
        return status;
    if (s->history)
        status = read_history(imagined, err);
    else if (!imagined->builtin)
        status =
            dh_node_fail(err, settings->evaluator,
                         "evaluator: only builtin functions can be simulated as they are; give "
                         "an old history of this space (--history old.h5) to imitate");
    if (status == DH_OK && s->duration.kind == DH_DURATION_OWN && !imagined->builtin &&
        imagined->count == 0)
        status = dh_fail(err, DH_USAGE,
                         "%s does not say how long evaluations take: give a duration "
                         "(--duration normal:60,20)",
                         s->history);
    return status;
}

dh_status dh_imagined_create(const struct dh_simulation *simulation, struct dh_imagined **out,
                             struct dh_error *err)
{
    struct dh_imagined *imagined = dh_alloc(1, sizeof *imagined);
    imagined->simulation = simulation;
    dh_status status = prepare(imagined, err);
    if (status != DH_OK)
        dh_imagined_destroy(&imagined);
    *out = imagined;
    return status;
}

void dh_imagined_destroy(struct dh_imagined **handle)
{
    struct dh_imagined *imagined = *handle;
    if (!imagined)
        return;
    dh_imitation_destroy(&imagined->builtin);
    dh_model_destroy(&imagined->model);
    free(imagined->features);
    free(imagined->seconds);
    free(imagined);
    *handle = NULL;
}

static double predict(const struct dh_imagined *imagined, const double *values)
{
    const struct dh_space *space = imagined->simulation->setup->space;
    double *x = dh_alloc(dh_space_count(space), sizeof *x), mean;
    dh_space_encode(space, values, x);
    imagined->model->kind->predict(imagined->model, x, 1, &(struct dh_prediction){.mean = &mean});
    free(x);
    return mean;
}

double dh_imagined_evaluate(const struct dh_imagined *imagined, const double *values, uint64_t seed,
                            uint32_t retries, double *duration)
{
    const struct dh_duration *wanted = &imagined->simulation->duration;
    struct dh_random random = dh_random_at(seed, DH_STREAM_SIMULATE, retries);
    double value = NAN;
    *duration = 0;
    if (imagined->builtin)
        value = dh_imitation_evaluate(imagined->builtin, values, seed, retries, duration);
    if (imagined->model)
        value = predict(imagined, values);
    if (wanted->kind != DH_DURATION_OWN)
        *duration = dh_duration_draw(wanted, &random);
    else if (imagined->count > 0)
        *duration = imagined->seconds[dh_random_below(&random, imagined->count)];
    return value;
}
