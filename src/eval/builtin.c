/* The builtin evaluator: a test function, evaluated in the rank.
 *
 * The value is there at once; with a `duration` the slot is busy until that time has passed (no
 * process, no sleep), which is how scaling studies imitate trainings. Noise and durations follow
 * from the trial's seed alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/text.h"
#include "functions.h"
#include "pool.h"
#include "timers.h"
#include "value.h"

struct builtin_options {
    struct eval_options shared;
    const char *function;
    double duration, duration_spread, noise;
};

#define FIELD(name) offsetof(struct builtin_options, name)
static const struct dh_option options[] = {
    {"function", DH_OPTION_TEXT, FIELD(function), true, 0, 0, 0, NULL, "name of the test function"},
    {"duration", DH_OPTION_DURATION, FIELD(duration), false, 0, 0, 1e9, NULL,
     "time that an evaluation pretends to take; with a spread, the median"},
    {"duration_spread", DH_OPTION_REAL, FIELD(duration_spread), false, 0, 0, 10, NULL,
     "durations are lognormal with this deviation of the logarithm; 0: all alike"},
    {"noise", DH_OPTION_REAL, FIELD(noise), false, 0, 0, 1e300, NULL,
     "deviation of normal noise that is added to the value"},
};
#undef FIELD

static dh_status unknown_function(const struct eval_plan *plan, const char *name,
                                  struct dh_error *err)
{
    size_t count;
    const struct dh_function *all = dh_function_list(&count);
    const char **names = dh_alloc(count, sizeof *names);
    struct dh_buffer known = {0};
    for (size_t i = 0; i < count; i++) {
        names[i] = all[i].name;
        dh_buffer_printf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    int near = dh_text_nearest(name, names, count);
    const struct dh_node *node = eval_plan_node(plan, "function");
    if (near >= 0)
        dh_node_fail(err, node, "evaluator: unknown function \"%s\"; did you mean \"%s\"?", name,
                     names[near]);
    else
        dh_node_fail(err, node, "evaluator: unknown function \"%s\"; known are %s", name,
                     known.data);
    free(names);
    dh_buffer_free(&known);
    return DH_CONFIG;
}

static dh_status prepare(struct eval_plan *plan, struct dh_error *err)
{
    const struct builtin_options *own = (const struct builtin_options *)plan->options;
    const struct dh_function *function = dh_function_find(own->function);
    if (!function)
        return unknown_function(plan, own->function, err);
    const struct dh_node *node = eval_plan_node(plan, "function");
    if (plan->objective_count != 1)
        return dh_node_fail(err, node, "evaluator: builtin functions have one objective, not %zu",
                            plan->objective_count);
    struct dh_error detail;
    if (dh_function_check(function, plan->space, &detail) != DH_OK)
        return dh_node_fail(err, node, "evaluator: %s", detail.text);
    plan->prepared = (void *)function; /* constant; never written to */
    return DH_OK;
}

static void release(struct eval_plan *plan)
{
    plan->prepared = NULL;
}

/* An evaluation whose time has not passed. */
struct pending {
    struct dh_moment started;
    struct dh_eval_event event;
};

struct builtin_state {
    struct pending *pending; /* by slot */
    struct eval_timers timers;
};

static dh_status create(struct dh_eval *pool, struct dh_error *err)
{
    (void)err;
    struct builtin_state *state = pool->state = dh_alloc(1, sizeof *state);
    state->pending = dh_alloc((size_t)dh_eval_slots(pool), sizeof *state->pending);
    eval_timers_open(&state->timers, dh_eval_slots(pool));
    return DH_OK;
}

static void destroy(struct dh_eval *pool)
{
    struct builtin_state *state = pool->state;
    if (!state)
        return;
    for (int32_t slot = 0; slot < dh_eval_slots(pool); slot++)
        dh_outcome_free(&state->pending[slot].event.outcome);
    free(state->pending);
    eval_timers_close(&state->timers);
    free(state);
}

double eval_builtin_value(const struct eval_plan *plan, const double *values,
                          struct dh_random *random)
{
    const struct builtin_options *own = (const struct builtin_options *)plan->options;
    double value = dh_function_evaluate(plan->prepared, plan->space, values);
    if (plan->settings->objectives[0].maximize)
        value = -value;
    return own->noise > 0 ? value + own->noise * dh_random_normal(random) : value;
}

double eval_builtin_duration(const struct eval_plan *plan, struct dh_random *random)
{
    const struct builtin_options *own = (const struct builtin_options *)plan->options;
    if (own->duration <= 0 || own->duration_spread <= 0)
        return own->duration;
    return own->duration * exp(own->duration_spread * dh_random_normal(random));
}

static dh_status start(struct dh_eval *pool, const struct dh_task *task, struct dh_error *err)
{
    (void)err;
    struct builtin_state *state = pool->state;
    struct pending *pending = &state->pending[task->slot];
    struct dh_random random = dh_random_at(task->seed, DH_STREAM_BUILTIN, task->retries);
    double value = eval_builtin_value(pool->plan, task->values, &random);
    double duration = eval_builtin_duration(pool->plan, &random),
           timeout = pool->plan->options->timeout;
    *pending =
        (struct pending){.started = dh_moment_now(),
                         .event = {.kind = DH_EVAL_DONE, .slot = task->slot, .trial = task->trial}};
    struct dh_outcome *outcome = &pending->event.outcome;
    if (timeout > 0 && duration > timeout) {
        struct dh_buffer text = {0};
        dh_text_put_duration(&text, timeout);
        eval_value_fail(outcome, 1, DH_TRIAL_TIMEOUT, "timeout after %s", text.data);
        dh_buffer_free(&text);
        duration = timeout;
    } else {
        eval_value_numbers(outcome, 1, &value);
    }
    outcome->started = pending->started.wall;
    outcome->cpu_seconds = NAN;
    outcome->worker = -1;
    outcome->slot = task->slot;
    outcome->retries = task->retries;
    eval_timers_set(&state->timers, task->slot,
                    duration > 0 ? dh_clock_now(&dh_clock_monotonic) + duration : -INFINITY);
    return DH_OK;
}

static void finish(struct dh_eval *pool, int32_t slot)
{
    struct builtin_state *state = pool->state;
    struct pending *pending = &state->pending[slot];
    eval_timers_clear(&state->timers, slot);
    pending->event.outcome.ended = dh_moment_wall_since(&pending->started);
    eval_pool_push(pool, &pending->event);
    *pending = (struct pending){0};
}

static void cancel(struct dh_eval *pool, int32_t slot, uint64_t trial)
{
    (void)trial;
    struct builtin_state *state = pool->state;
    eval_value_fail(&state->pending[slot].event.outcome, 1, DH_TRIAL_CANCELLED, "cancelled");
    finish(pool, slot);
}

static dh_status poll_due(struct dh_eval *pool, struct dh_error *err)
{
    (void)err;
    const struct builtin_state *state = pool->state;
    double now = dh_clock_now(&dh_clock_monotonic), due;
    for (int32_t slot; (slot = eval_timers_first(&state->timers, &due)) >= 0 && due <= now;)
        finish(pool, slot);
    return DH_OK;
}

static double next_time(const struct dh_eval *pool)
{
    double due;
    eval_timers_first(&((const struct builtin_state *)pool->state)->timers, &due);
    return due;
}

static const struct eval_backend builtin_backend = {
    .create = create,
    .destroy = destroy,
    .start = start,
    .cancel = cancel,
    .poll = poll_due,
    .next_time = next_time,
};

static const struct eval_backend *backend(const struct eval_plan *plan)
{
    (void)plan;
    return &builtin_backend;
}

const struct eval_kind eval_kind_builtin = {
    .name = "builtin",
    .options_size = sizeof(struct builtin_options),
    .options = options,
    .option_count = DH_COUNT_OF(options),
    .prepare = prepare,
    .release = release,
    .backend = backend,
};
