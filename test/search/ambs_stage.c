/* See ambs_stage.h. */
#include "ambs_stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define PROBES 40
#define PROBE_IDS 1000000              /* trials that are only looked at */
#define NOT_DESIGN ((uint64_t)1 << 63) /* in a cursor */

void stage_open(struct stage *stage, const char *text)
{
    *stage = (struct stage){0};
    bench_open(&stage->bench, text, 1);
    struct dh_error err = {0};
    void *state = NULL;
    stage->options = dh_method_unpack(&dh_search_ambs, &stage->bench.settings, &err);
    if (!stage->options ||
        dh_search_ambs.create(&stage->bench.context, stage->options, &state, &err))
        fail_msg("%s", err.text);
    stage->ambs = state;
    assert_true(stage->bench.width <= STAGE_WIDTH);
}

void stage_close(struct stage *stage)
{
    dh_search_ambs.destroy(stage->ambs);
    free(stage->options);
    bench_close(&stage->bench);
}

void stage_point(const struct stage *stage, uint64_t id, double *point)
{
    struct dh_random random = dh_random_at(7, DH_STREAM_TEST, id);
    struct dh_error err = {0};
    if (dh_space_sample(stage->bench.space, &random, point, &err))
        fail_msg("%s", err.text);
}

void stage_row(const struct stage *stage, uint64_t id, double *x)
{
    double point[STAGE_WIDTH];
    stage_point(stage, id, point);
    ambs_features_encode(&stage->ambs->features, point, x);
}

double stage_value(const struct stage *stage, uint64_t id)
{
    double point[STAGE_WIDTH];
    stage_point(stage, id, point);
    return bench_value(&stage->bench, point);
}

uint64_t stage_propose(struct stage *stage)
{
    double point[STAGE_WIDTH];
    struct dh_trial trial = {.id = stage->next++, .values = point, .cursor = NOT_DESIGN};
    stage_point(stage, trial.id, point);
    trial.identity = dh_space_identity(stage->bench.space, point);
    trial.origin = DH_ORIGIN_METHOD;
    dh_search_ambs.propose(stage->ambs, &trial);
    return trial.id;
}

static void tell(struct stage *stage, uint64_t id, const struct dh_outcome *outcome,
                 unsigned source)
{
    double point[STAGE_WIDTH];
    stage_point(stage, id, point);
    struct dh_trial trial = {.id = id, .values = point, .cursor = NOT_DESIGN | source};
    trial.origin = DH_ORIGIN_METHOD;
    trial.outcome = *outcome;
    dh_search_ambs.tell(stage->ambs, &trial);
}

void stage_end(struct stage *stage, uint64_t id, enum dh_trial_status status, double y,
               unsigned source)
{
    tell(stage, id, &(struct dh_outcome){.status = status, .objectives = &y}, source);
}

void stage_time_out(struct stage *stage, uint64_t id, double seconds)
{
    double none = NAN;
    tell(stage, id,
         &(struct dh_outcome){.status = DH_TRIAL_TIMEOUT, .objectives = &none, .ended = seconds},
         3);
}

void stage_results(struct stage *stage, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t id = stage_propose(stage);
        stage_end(stage, id, DH_TRIAL_SUCCEEDED, stage_value(stage, id), 3);
    }
}

void stage_results_of(struct stage *stage, size_t count, double (*value)(const double *x))
{
    for (size_t i = 0; i < count; i++) {
        double x[STAGE_WIDTH];
        uint64_t id = stage_propose(stage);
        stage_row(stage, id, x);
        stage_end(stage, id, DH_TRIAL_SUCCEEDED, value(x), 3);
    }
}

double stage_smooth(const double *x)
{
    return sin(4 * x[0]) + x[1] * x[1];
}

double stage_steep(const double *x)
{
    return exp(8 * stage_smooth(x));
}

struct ambs_ask stage_ask(const struct stage *stage, uint64_t id, unsigned level)
{
    return (struct ambs_ask){.ambs = stage->ambs,
                             .id = id,
                             .level = level,
                             .source = AMBS_BY_NONE,
                             .random = dh_random_at(1, DH_STREAM_TEST, id),
                             .acquisition = {.kind = DH_ACQUISITION_LCB},
                             .strategy = AMBS_SPREAD_NONE};
}

struct dh_proposal stage_propose_by_method(struct stage *stage, uint64_t id, double budget,
                                           double *point)
{
    struct dh_error err = {0};
    struct dh_proposal proposal = {.point = point, .budget = budget, .origin = DH_ORIGIN_METHOD};
    if (dh_search_ambs.ask(stage->ambs, id, 0, &proposal, &err))
        fail_msg("trial %llu: %s", (unsigned long long)id, err.text);
    return proposal;
}

double stage_apart(const struct stage *stage, const struct ambs_live *a, const struct ambs_live *b)
{
    double most = 0;
    assert_int_equal(a->member_count, b->member_count);
    for (uint64_t i = 0; i < PROBES; i++) {
        double x[STAGE_WIDTH], mean[2], deviation[2];
        stage_row(stage, PROBE_IDS + i, x);
        for (size_t view = 0; view < a->member_count; view++) {
            ambs_live_predict(a, view, x, 1, i % 2, &mean[0], &deviation[0]);
            ambs_live_predict(b, view, x, 1, i % 2, &mean[1], &deviation[1]);
            most = fmax(most, fabs(mean[0] - mean[1]));
            most = fmax(most, fabs(deviation[0] - deviation[1]));
        }
    }
    return most;
}

/* ---- models that say what a test wants ---- */

struct fake_model {
    struct dh_model model;
    struct fake *fake;
};

static struct fake *fake_of(const struct dh_model *model)
{
    return ((const struct fake_model *)model)->fake;
}

static void destroy(struct dh_model *model)
{
    fake_of(model)->destroyed++;
    free(model);
}

static void predict(const struct dh_model *model, const double *x, size_t count,
                    const struct dh_prediction *out)
{
    struct fake *fake = fake_of(model);
    fake->predicted += count;
    for (size_t i = 0; i < count; i++) {
        if (out->mean)
            out->mean[i] = fake->mean(x + i * fake->width);
        if (out->aleatoric)
            out->aleatoric[i] = fake->aleatoric;
        if (out->epistemic)
            out->epistemic[i] = fake->epistemic;
    }
}

static int64_t add(struct dh_model *model, const double *x, double y)
{
    (void)x;
    struct fake *fake = fake_of(model);
    fake->last = y;
    return (int64_t)fake->added++;
}

static void take_out(struct dh_model *model, int64_t handle)
{
    (void)handle;
    fake_of(model)->removed++;
}

static void gradient(const struct dh_model *model, const double *x, struct dh_gradient *out)
{
    struct fake *fake = fake_of(model);
    double near[STAGE_WIDTH], step = 1e-6;
    fake->gradients++;
    memcpy(near, x, fake->width * sizeof *near);
    for (size_t j = 0; j < fake->width; j++) {
        near[j] = x[j] + step;
        double above = fake->mean(near);
        near[j] = x[j] - step;
        out->by_mean[j] = isnan(x[j]) ? 0 : (above - fake->mean(near)) / (2 * step);
        out->by_epistemic[j] = 0;
        near[j] = x[j];
    }
    out->mean = fake->mean(x);
    out->aleatoric = fake->aleatoric;
    out->epistemic = fake->epistemic;
}

double fake_zero(const double *x)
{
    (void)x;
    return 0;
}

double fake_bowl(const double *x)
{
    return pow(x[0] - 0.3, 2) + pow(x[1] - 0.7, 2);
}

struct dh_model *fake_model(struct fake *fake)
{
    static const struct dh_model_kind kinds[] = {
        {.name = "fake", .destroy = destroy, .predict = predict, .add = add, .remove = take_out},
        {.name = "fake",
         .destroy = destroy,
         .predict = predict,
         .add = add,
         .remove = take_out,
         .gradient = gradient},
    };
    struct fake_model *model = dh_alloc(1, sizeof *model);
    *model = (struct fake_model){{&kinds[fake->differentiable]}, fake};
    return &model->model;
}

struct ambs_live *stage_fakes(struct stage *stage, struct fake *fakes, size_t count)
{
    static const double ends[] = {-1, 1};
    struct ambs *ambs = stage->ambs;
    ambs_live_destroy(&ambs->live);
    struct ambs_live *live = ambs->live = dh_alloc(1, sizeof *live);
    live->options = &ambs->options;
    live->features = &ambs->features;
    live->rows = &ambs->data.rows;
    live->fitted = SIZE_MAX;
    for (; live->member_count < count; live->member_count++) {
        struct ambs_scale *scale = &live->members[live->member_count].scale;
        scale->low = scale->best = ends[0];
        scale->high = ends[1];
        ambs_transform_fit(&scale->transform, AMBS_SCALING_IDENTITY, 0, ends, 2);
        fakes[live->member_count].width = ambs->features.count;
        live->members[live->member_count].model = fake_model(&fakes[live->member_count]);
    }
    return live;
}
