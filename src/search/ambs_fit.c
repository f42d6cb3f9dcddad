/* The fit of a model's members, and how the model catches up: see ambs_fit.h. A fit needs nothing
 * but its struct, so it can run on another thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_fit.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"

/* Results that a fit learns from: of more, a sample of so many. It says the same, and time and
 * memory have a bound. */
#define LEARN_MOST 262144
#define CLOSE 16         /* events: soon played, so that the new model takes over */
#define FOLLOW_ROUNDS 16 /* after which its thread leaves the rest to the asks */
#define ELECTORS 10      /* successes: fewer are not told from logarithms of anything */

/* Rows to learn from: what failed gets the value that the options say, or is left out. */
struct learnt {
    double *x, *y;
    size_t count;
};

/* A transform that values may be learnt by. */
struct warp {
    enum ambs_scaling scaling;
    double share; /* of LOG */
};

/* Fit the transform to the successes, and note what they come to. */
static void learn_values(struct ambs_scale *scale, const struct ambs_fit *fit,
                         const struct warp *warp)
{
    double *good = dh_alloc(fit->count, sizeof *good), sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < fit->count; i++) {
        good[count] = ambs_data_y(fit->data, i);
        count += !isnan(good[count]);
    }
    ambs_transform_fit(&scale->transform, warp->scaling, warp->share, good, count);
    scale->low = INFINITY;
    scale->high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = ambs_transform_apply(&scale->transform, good[i]);
        scale->low = fmin(scale->low, value);
        scale->high = fmax(scale->high, value);
        sum += value;
    }
    scale->mean = sum / (double)count;
    scale->best = scale->low;
    free(good);
}

/* The i-th of a sample of `count` of `all`: one of each of as many equal parts. */
static size_t sampled(uint64_t seed, size_t all, size_t i, size_t count)
{
    size_t begin = i * all / count, end = (i + 1) * all / count;
    return begin + (size_t)(dh_hash_mix(seed + i) % (end - begin));
}

struct result {
    size_t index;
    double y; /* NaN: it failed */
};

/* The least first, failures last. */
static int by_value(const void *a, const void *b)
{
    const struct result *x = a, *y = b;
    if (isnan(x->y) || isnan(y->y) || x->y == y->y)
        return isnan(x->y) != isnan(y->y) ? isnan(x->y) - isnan(y->y)
                                          : (x->index > y->index) - (x->index < y->index);
    return x->y < y->y ? -1 : 1;
}

/* Does a learner of at most so many results (0: all) learn only a part of them? */
static bool learns_part(const struct ambs_fit *fit, size_t most)
{
    return most > 0 && most < fit->count;
}

/* The best results as half of `count`, and picks among the others: where the optimum may be a model
 * is to be exact, and is to know of everything else. */
static void choose_best(const struct ambs_fit *fit, size_t *chosen, size_t count)
{
    struct result *all = dh_alloc(fit->count, sizeof *all);
    for (size_t i = 0; i < fit->count; i++)
        all[i] = (struct result){i, ambs_data_y(fit->data, i)};
    qsort(all, fit->count, sizeof *all, by_value);
    size_t best = count / 2;
    for (size_t i = 0; i < best; i++)
        chosen[i] = all[i].index;
    for (size_t i = best; i < count; i++)
        chosen[i] = all[best + sampled(fit->seed, fit->count - best, i - best, count - best)].index;
    free(all);
}

/* The results that a learner of at most `most` (0: all) learns from. The caller frees them. */
static size_t *choose_results(const struct ambs_fit *fit, size_t most, size_t *count)
{
    bool part = learns_part(fit, most);
    *count = part ? most : fit->count < LEARN_MOST ? fit->count : LEARN_MOST;
    size_t *chosen = dh_alloc(*count, sizeof *chosen);
    if (part)
        choose_best(fit, chosen, *count);
    else
        for (size_t i = 0; i < *count; i++)
            chosen[i] = sampled(fit->seed, fit->count, i, *count);
    return chosen;
}

static struct learnt make_rows(const struct ambs_fit *fit, size_t capacity)
{
    size_t width = fit->data->features->count;
    return (struct learnt){.x = dh_alloc(capacity * width, sizeof(double)),
                           .y = dh_alloc(capacity, sizeof(double))};
}

static void add_row(struct learnt *rows, const struct ambs_fit *fit, size_t result, double y)
{
    size_t width = fit->data->features->count;
    memcpy(rows->x + rows->count * width, ambs_data_x(fit->data, result), width * sizeof *rows->x);
    rows->y[rows->count++] = y;
}

/* Fit to the rows, which are freed; NULL and `err` if that cannot be, or there are none. */
static struct dh_model *fit_rows(const struct dh_model_kind *kind,
                                 const struct dh_model_setup *setup, struct learnt *learnt,
                                 struct dh_error *err)
{
    struct dh_model *model = NULL;
    struct dh_rows rows = {learnt->x, learnt->y, learnt->count};
    if (learnt->count == 0 || kind->fit(setup, &rows, &model, err) != DH_OK)
        model = NULL;
    free(learnt->x);
    free(learnt->y);
    return model;
}

static struct learnt learn_rows(const struct ambs_fit *fit, size_t most,
                                const struct ambs_scale *scale)
{
    size_t count, *chosen = choose_results(fit, most, &count);
    struct learnt rows = make_rows(fit, count);
    for (size_t i = 0; i < count; i++) {
        double y = ambs_data_y(fit->data, chosen[i]);
        if (!isnan(y))
            add_row(&rows, fit, chosen[i], ambs_transform_apply(&scale->transform, y));
        else if (!ambs_leaves_out_failed(fit->options))
            add_row(&rows, fit, chosen[i], ambs_failed_value(fit->options, scale));
    }
    free(chosen);
    return rows;
}

/* `model` is NULL if it cannot be fitted. */
static struct ambs_member fit_under(struct ambs_fit *fit, const struct ambs_learner *learner,
                                    const struct dh_model_setup *setup, const struct warp *warp)
{
    struct ambs_member member = {.model = NULL};
    learn_values(&member.scale, fit, warp);
    struct learnt rows = learn_rows(fit, learner->most, &member.scale);
    member.model = fit_rows(learner->kind, setup, &rows, &fit->error);
    return member;
}

/* log p(y | x) of the values themselves. */
static double evidence_of(const struct ambs_member *member, const struct ambs_fit *fit)
{
    double sum = member->model->kind->evidence(member->model);
    for (size_t i = 0; i < fit->count; i++) {
        double y = ambs_data_y(fit->data, i);
        if (!isnan(y))
            sum += ambs_transform_log_slope(&member->scale.transform, y);
    }
    return sum;
}

/* The transform under which the values are likeliest (Snelson, Rasmussen and Ghahramani 2004,
 * "Warped Gaussian processes", where it is a family's parameters that are chosen so). Logarithms
 * tell good results apart where most are far worse, as of trainings. */
static struct ambs_member elect_transform(struct ambs_fit *fit, const struct ambs_learner *learner,
                                          const struct dh_model_setup *setup)
{
    static const struct warp warps[] = {{AMBS_SCALING_AUTO, 0},
                                        {AMBS_SCALING_LOG, 0.5},
                                        {AMBS_SCALING_LOG, 0.1},
                                        {AMBS_SCALING_LOG, 0.01},
                                        {AMBS_SCALING_LOG, 0.001}};
    struct ambs_member best = {.model = NULL};
    double most = -INFINITY;
    bool open = true; /* values that are all the same elect nothing, nor do those that need ranks */
    for (size_t i = 0; i < DH_COUNT_OF(warps) && open; i++) {
        struct ambs_member member = fit_under(fit, learner, setup, &warps[i]);
        open = member.scale.low < member.scale.high &&
               member.scale.transform.scaling != AMBS_SCALING_QUANTILE;
        double likelihood = member.model ? evidence_of(&member, fit) : -INFINITY;
        bool wins = member.model && (!best.model || likelihood > most);
        ambs_member_free(wins ? &best : &member);
        if (wins) {
            best = member;
            most = likelihood;
        }
    }
    best.scale.elected = open;
    return best;
}

/* Only with all values, which have to be the same under every transform: failures' are not. */
static bool may_elect(const struct ambs_fit *fit, const struct ambs_learner *learner)
{
    size_t successes = 0;
    for (size_t i = 0; i < fit->count && successes < ELECTORS; i++)
        successes += !isnan(ambs_data_y(fit->data, i));
    return learner->elects && !learns_part(fit, learner->most) && learner->kind->evidence &&
           ambs_leaves_out_failed(fit->options) && successes >= ELECTORS;
}

/* Of the trials that were pending at the mark, whose proposals are the first events: those before
 * the newest that it has room for. */
static size_t passed_over(const struct ambs_fit *fit, const struct ambs_learner *learner)
{
    return fit->pending > learner->most_lies ? fit->pending - learner->most_lies : 0;
}

static void fit_member(struct ambs_live *live, struct ambs_fit *fit,
                       const struct ambs_learner *learner, const struct dh_model_setup *shared)
{
    struct warp warp = {(enum ambs_scaling)fit->options->scaling, 0};
    bool open = warp.scaling == AMBS_SCALING_AUTO;
    struct dh_model_setup setup = *shared;
    setup.tune.most_noise = learner->most_noise;
    struct ambs_member member = open && may_elect(fit, learner)
                                    ? elect_transform(fit, learner, &setup)
                                    : fit_under(fit, learner, &setup, &warp);
    if (!member.model) {
        ambs_member_free(&member);
        return;
    }
    if (learner->most_lies > 0)
        ambs_member_limit(&member, learner->most_lies, passed_over(fit, learner));
    live->members[live->member_count++] = member;
}

/* A model of what failed (1) and what did not (0); none if nothing has. */
static struct dh_model *learn_failing(const struct ambs_fit *fit,
                                      const struct dh_model_setup *setup)
{
    size_t count, *chosen = choose_results(fit, 0, &count), failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += isnan(ambs_data_y(fit->data, chosen[i])) != 0;
    struct learnt rows = make_rows(fit, failed ? count : 0);
    for (size_t i = 0; failed && i < count; i++)
        add_row(&rows, fit, chosen[i], isnan(ambs_data_y(fit->data, chosen[i])) != 0);
    free(chosen);
    struct dh_error err;
    return fit_rows(fit->plan.failing, setup, &rows, &err);
}

void ambs_fit_run(struct ambs_fit *fit)
{
    struct ambs_live *live = dh_alloc(1, sizeof *live);
    live->options = fit->options;
    live->features = fit->data->features;
    live->rows = &fit->data->rows;
    live->fitted = fit->count;
    const struct ambs_learner *first = &fit->plan.members[0];
    live->learnt = learns_part(fit, first->most) ? first->most : fit->count;
    struct dh_model_setup setup = {.features = fit->data->features->list,
                                   .feature_count = fit->data->features->count,
                                   .seed = fit->seed,
                                   .threads = fit->threads,
                                   .tune.trees = (size_t)fit->options->trees};
    for (size_t k = 0; k < fit->plan.member_count; k++)
        fit_member(live, fit, &fit->plan.members[k], &setup);
    if (fit->plan.failing)
        live->failing = learn_failing(fit, &setup);
    live->failing_intake.limited = fit->plan.failing == first->kind && first->most_lies > 0;
    if (live->member_count == 0)
        ambs_live_destroy(&live);
    fit->live = live;
}

bool ambs_fit_hear(struct ambs_fit *fit, size_t most)
{
    size_t events = atomic_load_explicit(&fit->events, memory_order_acquire);
    if (!fit->live)
        fit->heard = events;
    for (; fit->heard < events && most > 0; fit->heard++, most--)
        ambs_live_hear(fit->live, ambs_array_at(&fit->data->since, fit->heard));
    return fit->heard == events;
}

void ambs_fit_follow(struct ambs_fit *fit)
{
    for (unsigned round = 0; round < FOLLOW_ROUNDS; round++) {
        size_t events = atomic_load_explicit(&fit->events, memory_order_acquire);
        if (events - fit->heard <= CLOSE)
            break;
        ambs_fit_hear(fit, events - fit->heard);
    }
    atomic_store_explicit(&fit->done, true, memory_order_release);
}
