/* Method "ambs": see ambs.h. This file hears the events and runs an ask. */
#include "ambs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_ask.h"
#include "ambs_design.h"
#include "ambs_live.h"
#include "ambs_model.h"
#include "ambs_transfer.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/cores.h"

#define LEAST_INITIAL 8 /* points of the design, and one more a parameter */
#define MOST_INITIAL 30
#define RANDOM_SHARE 0.02 /* of proposals: a draw from the prior, whatever the model thinks */
#define SMOOTHING 0.2     /* weight of the newest ask in what a level takes */
#define FORGETTING 0.999  /* of what a level above takes, each ask below it */
/* A cursor without this bit is the design's; with it, it grows with the trial's id, and its last
 * two bits are the proposal's source. */
#define MODEL_CURSOR ((uint64_t)1 << 63)

static uint64_t model_cursor(uint64_t id, enum ambs_source source)
{
    return MODEL_CURSOR | (id + 1) << 2 | source;
}

/* Of a trial that this or an earlier run has proposed. */
static enum ambs_source source_of(const struct dh_trial *trial)
{
    return trial->origin == DH_ORIGIN_METHOD ? (enum ambs_source)(trial->cursor & 3) : AMBS_BY_NONE;
}

/* ---- create, destroy ---- */

/* Old results: learnt, and not proposed again. */
static void learn_warm(struct ambs *ambs)
{
    const struct dh_search_context *c = ambs->context;
    size_t width = dh_space_count(c->space), depth = c->settings->objective_count;
    double *x = dh_alloc(ambs->features.count, sizeof *x);
    struct ambs_event event;
    for (size_t i = 0; i < c->warm_count; i++) {
        const double *point = c->warm_points + i * width;
        double value = ambs->sign * c->warm_objectives[i * depth];
        ambs_features_encode(&ambs->features, point, x);
        ambs_data_end(&ambs->data, UINT64_MAX, AMBS_ENDED, x, isfinite(value) ? value : NAN,
                      &event);
        dh_map_put(&ambs->seen, dh_space_identity(c->space, point), UINT64_MAX);
    }
    free(x);
    if (c->warm_count)
        dh_log_info(c->log, "ambs: learnt %zu old results, %zu of them with a value", c->warm_count,
                    ambs->data.succeeded);
}

static bool has_kappa(int acquisition)
{
    return acquisition != AMBS_EI && acquisition != AMBS_PI && acquisition != AMBS_MES;
}

static size_t initial_points(const struct ambs_options *options, size_t features)
{
    size_t usual = LEAST_INITIAL + features;
    if (options->initial_points)
        return (size_t)options->initial_points;
    return usual < MOST_INITIAL ? usual : MOST_INITIAL;
}

/* Results of the initial design say nothing of what a model finds. */
static void warn_of_patience(const struct ambs *ambs)
{
    const struct dh_search_context *c = ambs->context;
    int64_t patience = c->settings->search.patience;
    size_t known = ambs->data.results.count, points = ambs->initial_points;
    if (patience > 0 && known < points && (size_t)patience < points - known)
        dh_log_warn(c->log,
                    "search.patience = %lld may end the search within its %zu initial points "
                    "(optimizer.initial_points), before a model has proposed any",
                    (long long)patience, points - known);
}

static dh_status create(const struct dh_search_context *context, const void *options, void **state,
                        struct dh_error *err)
{
    static const double guesses[AMBS_LEVELS] = {1e-4, 2e-3, 1e-2, 3e-2};
    struct ambs *ambs = dh_alloc(1, sizeof *ambs);
    *state = ambs;
    ambs->context = context;
    ambs->options = *(const struct ambs_options *)options;
    ambs->sign = dh_search_sign(context->settings, 0);
    ambs_options_resolve(&ambs->options, ambs->sign);
    ambs->cores = dh_cores_usable() > 0 ? dh_cores_usable() : 1;
    memcpy(ambs->seconds, guesses, sizeof guesses);
    ambs->budget = INFINITY; /* no ask has been in a hurry */
    ambs_features_make(&ambs->features, context->space);
    ambs_data_make(&ambs->data, &ambs->features);
    ambs->point = dh_alloc(dh_space_count(context->space), sizeof *ambs->point);
    ambs->initial_points = initial_points(&ambs->options, ambs->features.count);
    if (context->settings->objective_count > 1)
        dh_log_warn(context->log,
                    "ambs learns only from the first of %zu objectives, \"%s\"; the others are "
                    "recorded",
                    context->settings->objective_count, context->settings->objectives[0].name);
    if (ambs->options.strategy == AMBS_SPREAD_QUCB && !has_kappa(ambs->options.acquisition))
        dh_log_warn(context->log,
                    "optimizer.multi_point = \"qucb\" draws kappa, which this "
                    "optimizer.acquisition does not use: only what pending trials are taken to be "
                    "worth keeps its proposals apart");
    dh_status status = DH_OK;
    if (ambs->options.transfer == AMBS_TRANSFER_MODEL)
        learn_warm(ambs);
    else
        status = ambs_transfer_create(ambs, &ambs->transfer, err);
    warn_of_patience(ambs);
    return status == DH_OK ? ambs_design_create(ambs, &ambs->design, err) : status;
}

static void destroy(void *state)
{
    struct ambs *ambs = state;
    if (!ambs)
        return;
    ambs_model_free(ambs);
    ambs_pool_destroy(&ambs->pool);
    ambs_transfer_destroy(&ambs->transfer);
    ambs_design_destroy(&ambs->design);
    ambs_data_free(&ambs->data);
    ambs_features_free(&ambs->features);
    dh_map_free(&ambs->seen);
    free(ambs->point);
    free(ambs->sources);
    free(ambs);
}

/* ---- events ---- */

static bool same_row(const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

static bool withdraw(struct ambs *ambs, uint64_t id)
{
    if (!ambs_data_pending(&ambs->data, id))
        return false;
    struct ambs_event gone;
    ambs_data_end(&ambs->data, id, AMBS_GONE, NULL, NAN, &gone);
    ambs_model_hear(ambs, &gone);
    return true;
}

/* Trial `id` is pending at `values`; heard twice of those asked here. */
static void note_proposal(struct ambs *ambs, uint64_t id, const double *values)
{
    size_t width = ambs->features.count;
    double *x = dh_alloc(width, sizeof *x);
    ambs_features_encode(&ambs->features, values, x);
    const double *known = ambs_data_pending(&ambs->data, id);
    bool same = known && same_row(known, x, width);
    if (known && !same)
        withdraw(ambs, id);
    struct ambs_event event;
    if (!same && ambs_data_propose(&ambs->data, id, x, &event))
        ambs_model_hear(ambs, &event);
    free(x);
}

static void propose(void *state, const struct dh_trial *trial)
{
    struct ambs *ambs = state;
    if (!(trial->cursor & MODEL_CURSOR))
        ambs_design_propose(ambs->design, trial);
    note_proposal(ambs, trial->id, trial->values);
    if (!dh_trial_cancelled(trial)) /* of an earlier run: its point may come again */
        dh_map_put(&ambs->seen, trial->identity, trial->id);
}

static void tell(void *state, const struct dh_trial *trial)
{
    struct ambs *ambs = state;
    const struct dh_outcome *outcome = &trial->outcome;
    bool gone =
        outcome->status == DH_TRIAL_CANCELLED || dh_trial_cut_short(trial, ambs->context->timeout);
    double value = outcome->status == DH_TRIAL_SUCCEEDED && outcome->objectives
                       ? ambs->sign * outcome->objectives[0]
                       : NAN;
    double *x = dh_alloc(ambs->features.count, sizeof *x);
    ambs_features_encode(&ambs->features, trial->values, x);
    if (!gone)
        *DH_PUSH(ambs->sources, ambs->source_count, ambs->source_capacity) =
            (uint8_t)source_of(trial);
    struct ambs_event event;
    ambs_data_end(&ambs->data, trial->id, gone ? AMBS_GONE : AMBS_ENDED, x,
                  isfinite(value) ? value : NAN, &event);
    ambs_model_hear(ambs, &event);
    free(x);
}

/* ---- ask ---- */

double ambs_now(const struct ambs *ambs)
{
    const struct dh_clock *clock = ambs->context->clock;
    return dh_clock_now(clock ? clock : &dh_clock_monotonic);
}

/* The highest level that leaves half of the budget. */
static unsigned choose_level(struct ambs *ambs, double budget)
{
    if (ambs->options.effort != AMBS_EFFORT_AUTO)
        return (unsigned)ambs->options.effort;
    unsigned level = AMBS_LEVELS - 1;
    while (level > 0 && ambs->seconds[level] > budget / 2)
        level--;
    return level;
}

static void note_seconds(struct ambs *ambs, unsigned level, double seconds)
{
    if (level + 1 < AMBS_LEVELS)
        ambs->seconds[level + 1] *= FORGETTING; /* so that what was too slow is tried again */
    ambs->seconds[level] += SMOOTHING * (seconds - ambs->seconds[level]);
}

/* The model's point; false if it has none that is new. */
static bool ask_model(struct ambs_ask *ask, struct dh_proposal *proposal)
{
    struct ambs *ambs = ask->ambs;
    if (dh_random_uniform(&ask->random) < RANDOM_SHARE)
        return false;
    ask->view = ask->level >= 2 ? (size_t)(ask->id % ambs->live->member_count) : 0;
    ambs_judge_by(ask);
    bool found = ask->level == 0 && ambs->options.effort == AMBS_EFFORT_AUTO
                     ? ambs_choose_pooled(ask, proposal->point)
                     : ambs_choose(ask, proposal->point);
    if (!found && ask->local) { /* everything near the best has been proposed */
        ask->local = false;
        found = ambs_choose(ask, proposal->point);
    }
    proposal->cursor = model_cursor(ask->id, ask->source);
    return found;
}

static dh_status ask_prior(struct ambs *ambs, uint64_t id, unsigned attempt,
                           struct dh_proposal *proposal, struct dh_error *err)
{
    struct dh_random random =
        dh_random_at(ambs->context->seed, DH_STREAM_SAMPLE, dh_draw_index(id, attempt));
    proposal->cursor = model_cursor(id, AMBS_BY_NONE);
    return dh_space_sample(ambs->context->space, &random, proposal->point, err);
}

/* A point before there is a model: one near good old results, if they are transferred; else the
 * design's next, and where that has ended (a grid of which constraints left too little) a draw from
 * the prior. Whichever it is, its cursor tells a resumed search how far the design was walked. */
static dh_status ask_design(struct ambs *ambs, uint64_t id, unsigned attempt,
                            struct dh_proposal *proposal, struct dh_error *err)
{
    struct dh_random random =
        dh_random_at(ambs->context->seed, DH_STREAM_DESIGN, dh_draw_index(id, attempt));
    dh_status status = DH_OK;
    if (!ambs_transfer_draw(ambs->transfer, &random, proposal->point))
        status = ambs_design_ask(ambs->design, id, attempt, proposal, err);
    if (status == DH_EXHAUSTED)
        status = ask_prior(ambs, id, attempt, proposal, err);
    proposal->cursor = ambs_design_walked(ambs->design);
    proposal->origin = DH_ORIGIN_DESIGN;
    return status;
}

/* Results that there have to be before a model is asked. Where points of the design are pending,
 * fewer: by the time its proposals have results, those have theirs, too. */
static size_t results_needed(const struct ambs *ambs)
{
    size_t most = ambs->initial_points, pending = ambs->data.pending.count;
    if (ambs->options.initial_points)
        return most;
    return most - (pending < most / 2 ? pending : most / 2);
}

static dh_status ask_any(struct ambs *ambs, uint64_t id, unsigned attempt,
                         struct dh_proposal *proposal, struct dh_error *err)
{
    double start = ambs_now(ambs);
    bool designed = ambs->data.results.count >= results_needed(ambs);
    if (attempt == 0 && designed && ambs->features.count > 0) {
        unsigned level = proposal->level = choose_level(ambs, proposal->budget);
        ambs->budget = proposal->budget;
        struct ambs_ask ask = {.ambs = ambs,
                               .id = id,
                               .level = level,
                               .source = AMBS_BY_NONE,
                               .random = dh_random_at(ambs->context->seed, DH_STREAM_ASK, id)};
        ambs_model_refresh(ambs, level);
        /* Results that are all the same teach nothing but where trials fail. */
        const struct ambs_scale *scale = ambs->live ? &ambs->live->members[0].scale : NULL;
        bool differ = scale && (scale->low < scale->high || ambs->live->failing);
        bool found = differ && ask_model(&ask, proposal);
        if (!ask.local) /* which is shorter than the level's others */
            note_seconds(ambs, level, ambs_now(ambs) - start);
        if (found)
            return DH_OK;
    }
    if (!designed)
        return ask_design(ambs, id, attempt, proposal, err);
    return ask_prior(ambs, id, attempt, proposal, err);
}

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    struct ambs *ambs = state;
    if (withdraw(ambs, id) && ambs->data.since_result > 0)
        ambs->data.since_result--; /* the front did not take it, and no replay knows of it */
    dh_status status = ask_any(ambs, id, attempt, proposal, err);
    const struct dh_space *space = ambs->context->space;
    if (status == DH_OK && dh_space_feasible(space, proposal->point)) {
        note_proposal(ambs, id, proposal->point);
        dh_map_put(&ambs->seen, dh_space_identity(space, proposal->point), id);
    }
    return status;
}

/* Old results of another task do not say what this one's are. */
static bool retries(const void *options)
{
    return ((const struct ambs_options *)options)->transfer != AMBS_TRANSFER_MODEL;
}

const struct dh_search_method dh_search_ambs = {
    .name = "ambs",
    .summary = "model-based: a surrogate of the results says where to look next",
    .options = ambs_option_table,
    .option_count = AMBS_OPTION_COUNT,
    .options_size = sizeof(struct ambs_options),
    .learns = true,
    .retries = retries,
    .slow = true,
    .create = create,
    .destroy = destroy,
    .ask = ask,
    .propose = propose,
    .tell = tell,
};
