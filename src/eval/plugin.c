/* The plugin evaluator: a function in a shared library, called in a process of its own for each
 * evaluation. The result comes back through a pipe in frames (wire.h), so that stdout stays the
 * plugin's; another pipe has something to read when it is to stop. With `isolate = false` the rank
 * calls it instead: rank.c. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "dh_mpi/surroundings.h"
#include "launcher.h"
#include "plugin_call.h"
#include "pool.h"
#include "run.h"
#include "value.h"
#include "wire.h"

struct plugin_options {
    struct eval_options shared;
    const char *library;
    bool isolate;
    int64_t ranks;
};

#define FIELD(name) offsetof(struct plugin_options, name)
static const struct dh_option options[] = {
    {"library", DH_OPTION_TEXT, FIELD(library), true, 0, 0, 0, NULL,
     "the shared library, relative to the configuration's folder"},
    {"isolate", DH_OPTION_BOOL, FIELD(isolate), false, 1, 0, 0, NULL,
     "false: call it in the rank, where a crash ends the worker"},
    {"ranks", DH_OPTION_INT, FIELD(ranks), false, 1, 1, 1 << 20, NULL,
     "ranks that evaluate together, with a communicator of their own; needs isolate = false"},
};
#undef FIELD

/* What needs a process cannot be promised without one. */
static dh_status check_without_process(const struct eval_plan *plan, struct dh_error *err)
{
    static const char *const needs[] = {"timeout",      "runs",          "kill_after",
                                        "memory_limit", "process_limit", "output_limit",
                                        "resources",    "environment"};
    for (size_t i = 0; i < DH_COUNT_OF(needs); i++) {
        const struct dh_node *node = dh_node_child(plan->settings->evaluator, needs[i]);
        if (node)
            return dh_node_fail(err, node, "evaluator: %s needs a process: isolate = true",
                                needs[i]);
    }
    if (plan->options->slots != 1)
        return dh_node_fail(err, eval_plan_node(plan, "slots"),
                            "evaluator: with isolate = false the rank itself evaluates, one at a "
                            "time: slots must be 1, not %lld",
                            (long long)plan->options->slots);
    return DH_OK;
}

/* Can it be loaded? Where that cannot be tried, the configuration is not to blame. */
static dh_status try(const struct eval_plan *plan, const char *path, struct dh_error *err)
{
    struct dh_launcher *launcher = plan->probe->launcher;
    struct dh_error detail;
    dh_status status =
        launcher ? eval_launcher_try(launcher, path, &detail) : eval_plugin_try(path, &detail);
    if (status == DH_CONFIG)
        return dh_node_fail(err, eval_plan_node(plan, "library"), "evaluator: %s", detail.text);
    return status == DH_OK ? DH_OK : dh_fail(err, status, "evaluator: %s", detail.text);
}

static dh_status prepare(struct eval_plan *plan, struct dh_error *err)
{
    const struct plugin_options *own = (const struct plugin_options *)plan->options;
    const struct dh_node *node = eval_plan_node(plan, "library");
    struct eval_plugin *plugin = plan->prepared = dh_alloc(1, sizeof *plugin);
    plugin->path = eval_plan_path(plan, own->library);
    plugin->isolate = own->isolate;
    if (plan->objective_count > DH_PLUGIN_OBJECTIVES)
        return dh_node_fail(err, node, "evaluator: a plugin has at most %d objectives, not %zu",
                            DH_PLUGIN_OBJECTIVES, plan->objective_count);
    if (own->isolate && own->ranks > 1)
        return dh_node_fail(err, eval_plan_node(plan, "ranks"),
                            "evaluator: ranks = %lld needs isolate = false: a process of its own "
                            "has no communicator",
                            (long long)own->ranks);
    dh_status status = own->isolate ? DH_OK : check_without_process(plan, err);
    if (status != DH_OK || !plan->probe)
        return status;
    if (access(plugin->path, R_OK) != 0)
        return dh_node_fail(err, node, "evaluator: plugin %s: %s", plugin->path, strerror(errno));
    return try(plan, plugin->path, err);
}

static void release(struct eval_plan *plan)
{
    struct eval_plugin *plugin = plan->prepared;
    if (plugin)
        free(plugin->path);
    free(plugin);
}

static void send_frame(int fd, enum eval_wire kind, const struct dh_buffer *payload)
{
    struct dh_buffer frame = {0};
    eval_wire_put(&frame, 0, kind, payload);
    /* if it fails the launcher is gone, and soon this process, too */
    dh_file_write(fd, frame.data, frame.size, NULL);
    dh_buffer_free(&frame);
}

/* What a job's `reserved` is here: the process's ends of its pipes. */
struct channel {
    int answers, requests;
};

/* What is there to be read is left there: it says the same next time. */
static bool told_to_stop(const struct channel *channel)
{
    struct pollfd requests = {.fd = channel->requests, .events = POLLIN};
    return poll(&requests, 1, 0) > 0 && (requests.revents & POLLIN);
}

static int report(const dh_job *job, double step, double value)
{
    const struct channel *channel = job->reserved;
    struct dh_buffer payload = {0};
    dh_put_f64(&payload, step);
    dh_put_f64(&payload, value);
    send_frame(channel->answers, EVAL_WIRE_REPORT, &payload);
    dh_buffer_free(&payload);
    return told_to_stop(channel);
}

/* As it does in the rank, the library meets the process's locale, and may change that: what the job
 * says has its points. */
static dh_status load(const char *path, eval_plugin_function **function, struct dh_error *err)
{
    uselocale(LC_GLOBAL_LOCALE);
    dh_status status = eval_plugin_load(path, function, err);
    dh_locale_own();
    return status;
}

/* In the evaluation's process. */
static void run_plugin(const struct eval_child *child)
{
    const struct eval_plugin *plugin = child->job->plan->prepared;
    struct dh_error err;
    eval_plugin_function *function;
    struct channel channel = {.answers = child->answers, .requests = child->requests};
    eval_job_variables(child->job, eval_job_set_variable, NULL);
    if (load(plugin->path, &function, &err) != DH_OK)
        eval_guard_refuse(child, EVAL_GUARD_REFUSED, "%s", err.text);
    close(child->control);
    struct dh_outcome outcome = {0};
    eval_plugin_call(child->job, function, NULL, report, &channel, &outcome);
    struct dh_buffer payload = {0};
    dh_outcome_pack(&outcome, child->job->plan->objective_count, &payload);
    /* Before the answer, while limits hold: this waits for every stream's lock, which a thread of
     * the plugin may keep for ever. */
    fflush(NULL);
    send_frame(channel.answers, EVAL_WIRE_DONE, &payload);
    /* Files of C++ and Fortran are written by destructors. Whatever these do, and for how long, the
     * result is there. Those of this program's libraries run, too (0.9 ms). */
    exit(0);
}

static void stop(struct eval_run *run)
{
    dh_put_u8(&run->process.request_bytes, 1);
}

/* A plugin may have written anything here: what is no outcome is none. */
static void receive(struct eval_run *run)
{
    const struct eval_plan *plan = run->host->plan;
    size_t offset = 0;
    struct eval_frame frame;
    while (eval_wire_next(&run->process.answer_bytes, &offset, &frame)) {
        struct dh_reader reader = dh_reader_of(frame.data, frame.size);
        if (frame.kind == EVAL_WIRE_REPORT) {
            double step = dh_get_f64(&reader), value = dh_get_f64(&reader);
            if (dh_reader_complete(&reader))
                eval_run_report(run, step, value);
        } else if (frame.kind == EVAL_WIRE_DONE && !run->answered &&
                   dh_outcome_unpack(&reader, plan->objective_count, &run->outcome)) {
            eval_value_trust(&run->outcome, plan->objective_count, plan->options->metadata_limit);
            eval_run_answer(run);
        }
    }
    dh_buffer_consume(&run->process.answer_bytes, offset);
}

static void silent(struct eval_run *run, struct dh_outcome *outcome)
{
    eval_value_fail(outcome, run->host->plan->objective_count, DH_TRIAL_FAILED,
                    "the plugin ended its process (exit code 0) without a result");
}

static const struct eval_runner runner = {
    .requests = true,
    .answers = true,
    .main = run_plugin,
    .stop = stop,
    .receive = receive,
    .silent = silent,
};

static const struct eval_backend *backend(const struct eval_plan *plan)
{
    const struct eval_plugin *plugin = plan->prepared;
    return plugin->isolate ? &eval_backend_remote : &eval_backend_rank;
}

static int32_t ranks(const struct eval_plan *plan)
{
    return (int32_t)((const struct plugin_options *)plan->options)->ranks;
}

const struct eval_kind eval_kind_plugin = {
    .name = "plugin",
    .options_size = sizeof(struct plugin_options),
    .options = options,
    .option_count = DH_COUNT_OF(options),
    .process = true,
    .prepare = prepare,
    .release = release,
    .backend = backend,
    .ranks = ranks,
    .runner = &runner,
};
