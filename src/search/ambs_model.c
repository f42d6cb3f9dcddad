/* When a new model is fitted, and how it takes over: see ambs_model.h.
 *
 * At the two highest levels of effort an ask waits for the fit that is due. Below, the fit runs on
 * its own thread while the last model goes on answering. There the new one also hears what has
 * happened since its mark; the few events that are then left are played to it in the asks, some
 * in each, and a pointer is changed. The model before is destroyed by the next fit's thread. So no
 * ask does work that grows with the number of results or of pending trials.
 */
#include <stdlib.h>
#include <string.h>

#include "ambs_model.h"
#include "ambs_plan.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/thread.h"

#define LAZY_GROWTH 0.15 /* under load the results grow by so much before another fit */
#define CATCH_UP 16      /* events an ask plays to a model that is about to take over */

/* Does a fit hold up the ask? With a fixed level always: the order of events then says all. */
static bool waits_for_fit(const struct ambs *ambs, unsigned level)
{
    return level >= 2 || ambs->options.effort != AMBS_EFFORT_AUTO || !ambs->live;
}

static void say_elected(const struct ambs *ambs, const struct ambs_fit *fit)
{
    const struct ambs_transform *t = &fit->live->members[0].scale.transform;
    if (t->scaling == AMBS_SCALING_QUANTILE && ambs->options.scaling == AMBS_SCALING_AUTO)
        dh_log_debug(
            ambs->context->log,
            "ambs: %zu results are learnt by their ranks: the better half is the same beside "
            "the rest",
            fit->count);
    if (!fit->live->members[0].scale.elected)
        return;
    if (t->scaling == AMBS_SCALING_LOG)
        dh_log_debug(ambs->context->log,
                     "ambs: %zu results are likeliest under a logarithm, with %g of their range "
                     "added to them",
                     fit->count, t->share);
    else
        dh_log_debug(ambs->context->log, "ambs: %zu results are likeliest under a power transform",
                     fit->count);
}

/* "gp, gp, et from 400 of 500 results", of which the first learnt so many. */
static void describe(const struct ambs_live *live, struct dh_buffer *text)
{
    for (size_t k = 0; k < live->member_count; k++)
        dh_buffer_printf(text, "%s%s", k ? ", " : "", live->members[k].model->kind->name);
    dh_buffer_text(text, " from ");
    if (live->learnt < live->fitted)
        dh_buffer_printf(text, "%zu of ", live->learnt);
    dh_buffer_printf(text, "%zu results", live->fitted);
}

/* Which models there are. How many changes with the load, so that is said in detail alone. */
static void say_model(struct ambs *ambs, const struct ambs_fit *fit)
{
    const char *name = fit->live ? fit->live->members[0].model->kind->name : "none";
    size_t count = fit->live ? fit->live->member_count : 0;
    if (fit->live && fit->live->member_count < fit->plan.member_count)
        dh_log_debug(ambs->context->log, "ambs: %s", fit->error.text);
    if (fit->live)
        say_elected(ambs, fit);
    bool same = ambs->said && strcmp(ambs->said, name) == 0;
    if (same && count == ambs->said_count)
        return;
    const char *wanted = ambs_surrogate_name(ambs->options.surrogate);
    if (!same && wanted && fit->live && strcmp(wanted, name) != 0)
        dh_log_warn(ambs->context->log,
                    "ambs: %s instead of surrogate %s, which takes too long for %d results and "
                    "more, pending ones included",
                    name, wanted, AMBS_GP_MOST);
    struct dh_buffer text = {0};
    if (fit->live)
        describe(fit->live, &text);
    else
        dh_buffer_printf(&text, "none from %zu results: %s", fit->count, fit->error.text);
    dh_log_at(ambs->context->log, same ? DH_LOG_DEBUG : DH_LOG_INFO, "ambs: surrogate %s",
              text.data);
    dh_buffer_free(&text);
    ambs->said = name;
    ambs->said_count = count;
}

static void prepare_fit(const struct ambs *ambs, unsigned level, struct ambs_fit *fit)
{
    const struct ambs_data *data = &ambs->data;
    fit->options = &ambs->options;
    fit->data = data;
    fit->plan = ambs_plan_make(ambs, level);
    fit->count = data->mark;
    fit->pending = data->pending_then;
    fit->seed = dh_hash_mix(ambs->context->seed ^ dh_hash_mix(data->mark));
    fit->threads = ambs->context->lanes ? 1 : ambs->cores; /* a lane is one thread */
    atomic_init(&fit->events, data->since.count);
}

/* The model, if there is one, takes over from the one before. */
static void take_over(struct ambs *ambs, struct ambs_live *live)
{
    if (!live)
        return;
    ambs_live_destroy(&ambs->retired);
    ambs->retired = ambs->live;
    ambs->live = live;
}

static void fit_now(struct ambs *ambs, unsigned level)
{
    struct ambs_fit fit = {.live = NULL};
    prepare_fit(ambs, level, &fit);
    ambs_fit_run(&fit);
    say_model(ambs, &fit);
    ambs_fit_hear(&fit, SIZE_MAX);
    take_over(ambs, fit.live);
    ambs_live_destroy(&ambs->retired);
}

static void run_task(struct ambs_task *task)
{
    ambs_live_destroy(&task->old);
    ambs_fit_run(&task->fit);
    ambs_fit_follow(&task->fit);
}

static void *run_on_thread(void *argument)
{
    run_task(argument);
    return NULL;
}

/* In a simulation the fit is there at once, and is seen when its time has passed. */
static void run_on_lane(struct ambs *ambs, struct ambs_task *task)
{
    const struct dh_lanes *lanes = ambs->context->lanes;
    lanes->enter(lanes->context, DH_WORK_FIT);
    run_task(task);
    task->ready = ambs_now(ambs);
    lanes->leave(lanes->context);
}

static void begin_fit(struct ambs *ambs, unsigned level)
{
    struct ambs_task *task = dh_alloc(1, sizeof *task);
    prepare_fit(ambs, level, &task->fit);
    if (task->fit.threads > 1)
        task->fit.threads--; /* one core goes on asking */
    task->old = ambs->retired;
    if (ambs->context->lanes)
        run_on_lane(ambs, task);
    if (ambs->context->lanes || dh_thread_start(&task->thread, run_on_thread, task) == 0) {
        ambs->retired = NULL;
        ambs->task = task;
        ambs->data.hold = true;
        return;
    }
    free(task);
    fit_now(ambs, level); /* no thread to be had */
}

/* Has the lane's time come to the fit's end? If so, what has happened during the fit is played to
 * it on the lane, too, as its thread would have done. */
static bool lane_ended(struct ambs *ambs, struct ambs_task *task, bool wait)
{
    const struct dh_lanes *lanes = ambs->context->lanes;
    if (wait)
        lanes->wait(lanes->context, task->ready);
    if (ambs_now(ambs) < task->ready)
        return false;
    if (wait || task->followed)
        return true;
    task->followed = true;
    lanes->enter(lanes->context, DH_WORK_FIT);
    ambs_fit_follow(&task->fit);
    task->ready = ambs_now(ambs);
    lanes->leave(lanes->context);
    return false;
}

/* Has the thread of the fit ended, or almost? `wait` until it has. */
static bool thread_ended(struct ambs *ambs, struct ambs_task *task, bool wait)
{
    if (ambs->context->lanes)
        return lane_ended(ambs, task, wait);
    if (!wait && !atomic_load_explicit(&task->fit.done, memory_order_acquire))
        return false;
    pthread_join(task->thread, NULL);
    return true;
}

/* Take over a model whose fit has ended and that is current; `wait` until it is. */
static void collect_fit(struct ambs *ambs, bool wait)
{
    struct ambs_task *task = ambs->task;
    if (!task || !(task->joined || thread_ended(ambs, task, wait)))
        return;
    if (!task->joined) {
        task->joined = true;
        say_model(ambs, &task->fit);
    }
    if (!ambs_fit_hear(&task->fit, wait ? SIZE_MAX : CATCH_UP))
        return;
    ambs->task = NULL;
    take_over(ambs, task->fit.live);
    free(task);
    ambs->data.hold = false;
    ambs_data_mark(&ambs->data);
}

static bool is_due(const struct ambs *ambs, bool lazy)
{
    const struct ambs_data *data = &ambs->data;
    if (!ambs->live)
        return data->succeeded > 0 && data->first_success < data->mark;
    if (ambs_outgrown(ambs))
        return true;
    if (!lazy)
        return data->mark > ambs->live->fitted;
    return (double)data->mark > (1 + LAZY_GROWTH) * (double)ambs->live->fitted;
}

void ambs_model_refresh(struct ambs *ambs, unsigned level)
{
    bool wait = waits_for_fit(ambs, level);
    collect_fit(ambs, wait);
    if (ambs->task || !is_due(ambs, !wait))
        return;
    if (wait)
        fit_now(ambs, level);
    else
        begin_fit(ambs, level);
}

void ambs_model_hear(struct ambs *ambs, const struct ambs_event *event)
{
    if (ambs->task)
        atomic_store_explicit(&ambs->task->fit.events, ambs->data.since.count,
                              memory_order_release);
    if (ambs->live)
        ambs_live_hear(ambs->live, event);
}

void ambs_model_free(struct ambs *ambs)
{
    collect_fit(ambs, true);
    ambs_live_destroy(&ambs->live);
    ambs_live_destroy(&ambs->retired);
}
