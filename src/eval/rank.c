/* The pool's backend for plugins with isolate = false: the function is called in the rank, within
 * poll, and gets the rank's communicator, or that of its group. It has the process to itself: no
 * limits, no cancelling once it runs, and a crash is the rank's. If it calls exit, the rank does
 * not end with it (stay.h): the evaluation has failed, and the pool, since the plugin cannot be
 * called again. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/surroundings.h"
#include "plugin_call.h"
#include "pool.h"
#include "reports.h"
#include "stay.h"
#include "value.h"

struct rank_state {
    eval_plugin_function *function;
    bool returned; /* from a call */
    bool left;     /* a call by exit, with `code` */
    int code;
    bool waiting; /* `job` has been started and not been called */
    struct eval_job job;
    struct eval_reports reports;
};

static dh_status create(struct dh_eval *pool, struct dh_error *err)
{
    const struct eval_plugin *plugin = pool->plan->prepared;
    struct rank_state *state = pool->state = dh_alloc(1, sizeof *state);
    struct dh_surroundings kept;
    dh_surroundings_lend(&kept); /* to what the library does when it is loaded */
    dh_status status = eval_plugin_load(plugin->path, &state->function, err);
    dh_surroundings_restore(&kept);
    eval_stay_ready();
    return status;
}

static void destroy(struct dh_eval *pool)
{
    struct rank_state *state = pool->state;
    if (!state)
        return;
    eval_job_free(&state->job);
    eval_reports_clear(&state->reports);
    free(state);
}

static dh_status start(struct dh_eval *pool, const struct dh_task *task, struct dh_error *err)
{
    (void)err;
    struct rank_state *state = pool->state;
    size_t size = dh_space_count(pool->plan->space) * sizeof *task->values;
    state->waiting = true;
    state->job = (struct eval_job){.plan = pool->plan,
                                   .trial = task->trial,
                                   .seed = task->seed,
                                   .retries = task->retries,
                                   .slot = task->slot,
                                   .values = dh_memdup(task->values, size)};
    return DH_OK;
}

/* Queue the end of the job that was waiting. */
static void finish(struct dh_eval *pool, struct dh_outcome *outcome)
{
    struct rank_state *state = pool->state;
    outcome->worker = -1;
    outcome->slot = state->job.slot;
    outcome->retries = state->job.retries;
    eval_reports_hand_over(&state->reports, outcome);
    struct dh_eval_event event = {.kind = DH_EVAL_DONE,
                                  .slot = state->job.slot,
                                  .trial = state->job.trial,
                                  .outcome = *outcome};
    state->waiting = false;
    eval_job_free(&state->job);
    eval_pool_push(pool, &event);
}

static void cancel(struct dh_eval *pool, int32_t slot, uint64_t trial)
{
    (void)slot;
    (void)trial;
    struct dh_outcome outcome = {.started = NAN, .ended = NAN, .cpu_seconds = NAN};
    eval_value_fail(&outcome, pool->plan->objective_count, DH_TRIAL_CANCELLED, "cancelled");
    finish(pool, &outcome);
}

static int report(const dh_job *job, double step, double value)
{
    struct dh_eval *pool = job->reserved;
    struct rank_state *state = pool->state;
    locale_t before = dh_locale_own();
    bool kept = eval_reports_add(&state->reports, step, value);
    uselocale(before);
    if (!kept)
        return 0;
    struct dh_eval_event event = {
        .kind = DH_EVAL_REPORT, .slot = job->slot, .trial = job->id, .step = step, .value = value};
    eval_pool_push(pool, &event);
    return 0;
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static dh_status begin_call(const struct dh_eval *pool, struct dh_error *err)
{
    const struct eval_job *job = &((const struct rank_state *)pool->state)->job;
    struct dh_task task = {.trial = job->trial,
                           .seed = job->seed,
                           .retries = job->retries,
                           .slot = job->slot,
                           .values = job->values};
    return pool->hooks.begin ? pool->hooks.begin(pool->hooks.context, &task, err) : DH_OK;
}

/* The call as the plugin's failure, if it should end by exit. */
static int call_and_stay(const dh_job *job, dh_result *result)
{
    const struct dh_eval *pool = job->reserved;
    struct rank_state *state = pool->state;
    int code;
    state->left = !eval_stay(state->function, job, result, pool->log, &code);
    state->returned |= !state->left;
    if (!state->left)
        return code;
    state->code = code;
    snprintf(result->reason, sizeof result->reason,
             "the plugin called exit(%d) instead of returning", code);
    return 1;
}

/* It could not have been called once: then it is made like that, which is to be mended. Otherwise
 * it is this rank's bad luck. */
static dh_status fail_left(const struct rank_state *state, uint64_t trial, struct dh_error *err)
{
    return dh_fail(err, state->returned ? DH_INTERNAL : DH_CONFIG,
                   "the plugin called exit(%d) in trial %" PRIu64
                   ", as Fortran's STOP does; with isolate = true that ends one evaluation, but in "
                   "a rank no other can follow it",
                   state->code, trial);
}

static dh_status poll_call(struct dh_eval *pool, struct dh_error *err)
{
    struct rank_state *state = pool->state;
    if (!state->waiting)
        return DH_OK;
    if (begin_call(pool, err) != DH_OK)
        return err->status;
    struct dh_moment started = dh_moment_now();
    struct dh_outcome outcome = {.started = started.wall};
    double before = cpu_seconds();
    uint64_t trial = state->job.trial;
    eval_plugin_call(&state->job, call_and_stay, pool->communicator, report, pool, &outcome);
    outcome.cpu_seconds = cpu_seconds() - before;
    if (pool->hooks.end)
        pool->hooks.end(pool->hooks.context);
    outcome.ended = dh_moment_wall_since(&started);
    finish(pool, &outcome);
    return state->left ? fail_left(state, trial, err) : DH_OK;
}

static double next_time(const struct dh_eval *pool)
{
    return ((const struct rank_state *)pool->state)->waiting ? -INFINITY : INFINITY;
}

const struct eval_backend eval_backend_rank = {
    .create = create,
    .destroy = destroy,
    .start = start,
    .cancel = cancel,
    .poll = poll_call,
    .next_time = next_time,
};
