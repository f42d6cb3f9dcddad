/* Which model, and when a new one: see ambs.h.
 *
 * At the two highest levels of effort an ask waits for the fit that is due. Below, the fit runs on
 * its own thread from copies of the results, the last model goes on answering, and the new one,
 * once ready, hears what has happened since its mark and takes over.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs.h"
#include "dh_mpi/alloc.h"

#define GP_RESULTS 400 /* most for which auto takes a Gaussian process when time allows */
#define GP_HURRIED 150 /* … and when claims come fast */
#define GP_FEATURES 40
#define LAZY_GROWTH 0.15 /* under load the results grow by so much before another fit */

/* Does a fit hold up the ask? With a fixed level always: the order of events then says all. */
static bool waits(const struct ambs *ambs, unsigned level)
{
    return level >= 2 || ambs->options.effort != AMBS_EFFORT_AUTO || !ambs->live;
}

static void choose_kinds(const struct ambs *ambs, unsigned level, struct ambs_fit *fit)
{
    const char *name = ambs_surrogate_name(ambs->options.surrogate);
    size_t limit = level >= 2 ? GP_RESULTS : GP_HURRIED;
    bool small = fit->count <= limit && ambs->features.count <= GP_FEATURES;
    if (!name && small && dh_model_find("gp"))
        name = "gp";
    fit->kinds[fit->kind_count++] = dh_model_find(name ? name : "et");
}

static void say(struct ambs *ambs, const struct ambs_fit *fit)
{
    const char *name = fit->live ? fit->live->members[0]->kind->name : "none";
    if (fit->live && fit->live->member_count < fit->kind_count)
        dh_log_debug(ambs->context->log, "ambs: %s", fit->error.text);
    if (ambs->said && strcmp(ambs->said, name) == 0)
        return;
    dh_log_info(ambs->context->log, "ambs: surrogate %s from %zu results of %zu parameters on%s%s",
                name, fit->count, ambs->features.count, fit->live ? "" : ": ",
                fit->live ? "" : fit->error.text);
    ambs->said = name;
}

/* The fit has ended: the events since its mark, and then it is the model. */
static void take_over(struct ambs *ambs, struct ambs_fit *fit)
{
    say(ambs, fit);
    if (fit->live) {
        for (size_t i = 0; i < ambs->data.since.count; i++)
            ambs_live_hear(fit->live, &ambs->data.since.items[i]);
        ambs_live_destroy(&ambs->live);
        ambs->live = fit->live;
    }
    if (fit->copied) {
        free(fit->x);
        free(fit->y);
    }
    free(fit);
}

static struct ambs_fit *make_fit(struct ambs *ambs, unsigned level, bool copied)
{
    struct ambs_fit *fit = dh_alloc(1, sizeof *fit);
    struct ambs_data *data = &ambs->data;
    fit->options = &ambs->options;
    fit->features = &ambs->features;
    fit->count = data->mark;
    fit->copied = copied;
    fit->x =
        copied ? dh_memdup(data->x, data->mark * ambs->features.count * sizeof *data->x) : data->x;
    fit->y = copied ? dh_memdup(data->y, data->mark * sizeof *data->y) : data->y;
    fit->seed = dh_hash_mix(ambs->context->seed ^ dh_hash_mix(data->mark));
    fit->threads = ambs->cores;
    choose_kinds(ambs, level, fit);
    return fit;
}

static void *run(void *argument)
{
    ambs_fit_run(argument);
    return NULL;
}

static void begin(struct ambs *ambs, unsigned level)
{
    struct ambs_fit *fit = make_fit(ambs, level, true);
    if (pthread_create(&ambs->thread, NULL, run, fit) == 0) {
        ambs->fit = fit;
        ambs->data.hold = true;
        return;
    }
    ambs_fit_run(fit); /* no thread to be had */
    take_over(ambs, fit);
}

/* Take over a model whose fit has ended; `wait` for its end. */
static void collect(struct ambs *ambs, bool wait)
{
    if (!ambs->fit || !(wait || atomic_load_explicit(&ambs->fit->done, memory_order_acquire)))
        return;
    pthread_join(ambs->thread, NULL);
    struct ambs_fit *fit = ambs->fit;
    ambs->fit = NULL;
    take_over(ambs, fit);
    ambs->data.hold = false;
    ambs_data_mark(&ambs->data);
}

static bool marked_success(const struct ambs_data *data)
{
    for (size_t i = 0; i < data->mark; i++)
        if (!isnan(data->y[i]))
            return true;
    return false;
}

static bool due(const struct ambs *ambs, bool lazy)
{
    const struct ambs_data *data = &ambs->data;
    if (!ambs->live)
        return data->succeeded > 0 && marked_success(data);
    if (!lazy)
        return data->mark > ambs->live->fitted;
    return (double)data->mark > (1 + LAZY_GROWTH) * (double)ambs->live->fitted;
}

void ambs_model_refresh(struct ambs *ambs, unsigned level)
{
    bool wait = waits(ambs, level);
    collect(ambs, wait);
    if (ambs->fit || !due(ambs, !wait))
        return;
    if (!wait) {
        begin(ambs, level);
        return;
    }
    struct ambs_fit *fit = make_fit(ambs, level, false);
    ambs_fit_run(fit);
    take_over(ambs, fit);
}

void ambs_model_hear(struct ambs *ambs, const struct ambs_event *event)
{
    if (ambs->live)
        ambs_live_hear(ambs->live, event);
}

void ambs_model_free(struct ambs *ambs)
{
    collect(ambs, true);
    ambs_live_destroy(&ambs->live);
}
