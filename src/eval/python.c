/* The python evaluator: one Python process a slot, which imports the user's function once.
 *
 * The process runs driver.py (embedded into the program); requests and answers are JSON lines over
 * two pipes of their own, see there. If it cannot import the function at all, or dies before it
 * can, this rank cannot evaluate; if it dies in an evaluation, that is this evaluation's failure,
 * and the next one gets a new process. So it does where processes had to be killed after an
 * evaluation that the old one may go on with, such as a pool in a global variable.
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "program.h"
#include "run.h"
#include "value.h"

extern const unsigned char eval_driver_start[], eval_driver_text[];

struct python_options {
    struct eval_options shared;
    const char *function, *python;
    double startup;
};

#define FIELD(name) offsetof(struct python_options, name)
static const struct dh_option options[] = {
    {"function", DH_OPTION_TEXT, FIELD(function), true, 0, 0, 0, NULL,
     "module.function, found beside the configuration or on PYTHONPATH"},
    {"python", DH_OPTION_TEXT, FIELD(python), false, 0, 0, 0, NULL,
     "the interpreter; default python3"},
    {"startup", DH_OPTION_DURATION, FIELD(startup), false, 300, 0.01, 1e6, NULL,
     "time limit of starting the interpreter and importing the module"},
};
#undef FIELD

static const struct python_options *own_options(const struct eval_plan *plan)
{
    return (const struct python_options *)plan->options;
}

static dh_status prepare(struct eval_plan *plan, struct dh_error *err)
{
    const struct python_options *own = own_options(plan);
    const char *dot = strchr(own->function, '.');
    if (!dot || dot == own->function || !dot[1])
        return dh_node_fail(err, eval_plan_node(plan, "function"),
                            "evaluator: function must be \"module.function\", not \"%s\"",
                            own->function);
    if (!plan->probe)
        return DH_OK;
    const char *name = own->python ? own->python : "python3";
    plan->prepared = eval_plan_program(plan, name);
    if (!plan->prepared) {
        char *why = eval_plan_no_program(plan, name);
        dh_node_fail(err, eval_plan_node(plan, "python"), "evaluator: %s", why);
        free(why);
        return DH_CONFIG;
    }
    char *problem = eval_program_problem(plan->prepared);
    dh_status status =
        problem ? dh_node_fail(err, eval_plan_node(plan, "python"),
                               "evaluator: %s cannot be run: %s", (char *)plan->prepared, problem)
                : DH_OK;
    free(problem);
    return status;
}

static void release(struct eval_plan *plan)
{
    free(plan->prepared);
}

static void set_number(const char *name, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    setenv(name, text, 1);
}

/* In the process. */
static void run_driver(const struct eval_child *child)
{
    const char *program = child->job->plan->prepared;
    /* copies, which outlive exec and have low numbers: select takes none from 1024 on */
    set_number("DH_DRIVER_IN", dup(child->requests));
    set_number("DH_DRIVER_OUT", dup(child->answers));
    set_number("DH_DRIVER_GUARD", getppid());
    execl(program, program, "-u", "-c", (const char *)eval_driver_start,
          (const char *)eval_driver_text, (char *)NULL);
    eval_guard_miss(child, "python", program);
}

static double startup_limit(const struct eval_plan *plan)
{
    return own_options(plan)->startup;
}

static char *not_ready(const struct eval_plan *plan, const char *reason)
{
    struct dh_error err;
    dh_node_fail(&err, eval_plan_node(plan, "python"),
                 "evaluator: %s ended before it could evaluate (%s)", (const char *)plan->prepared,
                 reason);
    return dh_strdup(err.text);
}

static char *too_slow(const struct eval_plan *plan, const char *limit)
{
    struct dh_error err;
    dh_node_fail(&err, eval_plan_node(plan, "startup"),
                 "evaluator: %s was not ready to evaluate after %s, the limit of imports that "
                 "evaluator.startup sets",
                 (const char *)plan->prepared, limit);
    return dh_strdup(err.text);
}

/* The bytes of a path or a variable as characters: they need not be UTF-8. */
static void put_bytewise(struct dh_buffer *out, const char *text)
{
    dh_buffer_text(out, "\"");
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
        dh_buffer_printf(
            out, (*byte < 0x80 && isalnum(*byte)) || strchr("/._- ", *byte) ? "%c" : "\\u%04x",
            *byte);
    dh_buffer_text(out, "\"");
}

static void greet(struct eval_run *run)
{
    const struct eval_plan *plan = run->host->plan;
    struct dh_buffer *out = &run->process.request_bytes;
    dh_buffer_text(out, "{\"function\": ");
    dh_text_put_json(out, own_options(plan)->function);
    dh_buffer_text(out, ", \"path\": [");
    put_bytewise(out, plan->folder);
    dh_buffer_printf(out, "], \"objectives\": %zu, \"reals\": [", plan->objective_count);
    bool first = true;
    for (size_t i = 0; i < dh_space_count(plan->space); i++) {
        const struct dh_parameter *parameter = dh_space_parameter(plan->space, i);
        if (parameter->type != DH_REAL)
            continue;
        dh_buffer_text(out, first ? "" : ", ");
        dh_text_put_json(out, parameter->name);
        first = false;
    }
    dh_buffer_printf(out, "], \"metadata_limit\": %.0f}\n", plan->options->metadata_limit);
}

static void put_member(void *context, const char *name, const char *value)
{
    struct dh_buffer *out = context;
    if (out->data[out->size - 1] != '{')
        dh_buffer_text(out, ", ");
    dh_text_put_json(out, name);
    dh_buffer_text(out, ": ");
    put_bytewise(out, value);
}

static void begin(struct eval_run *run)
{
    struct dh_buffer *out = &run->process.request_bytes;
    eval_job_put_json(&run->job, out);
    dh_buffer_text(out, ", \"cwd\": ");
    if (run->job.folder)
        put_bytewise(out, run->job.folder);
    else
        dh_buffer_text(out, "null");
    dh_buffer_text(out, ", \"env\": {");
    eval_job_variables(&run->job, put_member, out);
    eval_job_resources(run->job.plan, run->slot, put_member, out);
    dh_buffer_text(out, "}}\n");
}

static void stop(struct eval_run *run)
{
    dh_buffer_printf(&run->process.request_bytes, "{\"stop\": [%" PRIu64 ", %" PRIu32 "]}\n",
                     run->job.trial, run->job.retries);
}

static void fatal(struct eval_run *run, const char *text)
{
    struct dh_error err;
    const struct eval_plan *plan = run->host->plan;
    dh_node_fail(&err, eval_plan_node(plan, "function"),
                 "evaluator: Python cannot import \"%s\": %s", own_options(plan)->function, text);
    eval_run_fatal(run, err.text);
}

static double member_number(const json_t *message, const char *name, double fallback)
{
    const json_t *member = json_object_get(message, name);
    return json_is_number(member) ? json_number_value(member) : fallback;
}

/* A number, or a text that says "nan" or "inf". */
static double loose_number(const json_t *value)
{
    double number = NAN;
    if (json_is_string(value))
        dh_text_number(json_string_value(value), &number);
    return json_is_number(value) ? json_number_value(value) : number;
}

/* Processes that the interpreter needs, or that were there before its first evaluation. */
static void note_kept(struct eval_run *run, const json_t *list)
{
    size_t i;
    json_t *pid;
    run->process.kept_count = 0;
    json_array_foreach(list, i,
                       pid) if (json_is_integer(pid) && run->process.kept_count < EVAL_GUARD_KEPT)
        run->process.kept[run->process.kept_count++] = (uint32_t)json_integer_value(pid);
}

static void answer(struct eval_run *run, const json_t *message)
{
    const struct eval_plan *plan = run->host->plan;
    size_t objectives = plan->objective_count;
    struct dh_outcome *outcome = &run->outcome;
    const char *error = json_string_value(json_object_get(message, "error"));
    const char *trace = json_string_value(json_object_get(message, "traceback"));
    if (error) {
        eval_value_fail(outcome, objectives, DH_TRIAL_FAILED, "%s", error);
        size_t size = trace ? strlen(trace) : 0, cut = size > EVAL_TAIL_LIMIT;
        struct dh_buffer tail = {0};
        if (size) /* the end says what happened */
            eval_value_put_utf8(&tail, cut ? trace + size - EVAL_TAIL_LIMIT : trace,
                                cut ? EVAL_TAIL_LIMIT : size);
        outcome->stderr_tail = size ? dh_buffer_take(&tail) : NULL;
    } else {
        json_t *result = json_object();
        json_object_set(result, "objective", json_object_get(message, "objective"));
        json_object_set(result, "metadata", json_object_get(message, "metadata"));
        eval_value_json(outcome, objectives, plan->options->metadata_limit,
                        own_options(plan)->function, result);
        json_decref(result);
    }
    note_kept(run, json_object_get(message, "keep"));
    outcome->cpu_seconds = member_number(message, "cpu_seconds", NAN);
    outcome->peak_bytes = (uint64_t)fmin(fmax(0, member_number(message, "peak_bytes", 0)), 1e18);
    eval_run_answer(run);
}

/* What a thread or a forked process sends too late belongs to no other evaluation. */
static bool is_of_attempt(const struct eval_run *run, const json_t *attempt)
{
    const json_t *id = json_array_get(attempt, 0), *retries = json_array_get(attempt, 1);
    return run->busy && json_is_integer(id) && json_is_integer(retries) &&
           (uint64_t)json_integer_value(id) == run->job.trial &&
           (uint64_t)json_integer_value(retries) == run->job.retries;
}

static void take_message(struct eval_run *run, const json_t *message)
{
    const json_t *report = json_object_get(message, "report"), *id = json_object_get(message, "id");
    const char *text = json_string_value(json_object_get(message, "fatal"));
    if (text)
        fatal(run, text);
    else if (json_is_true(json_object_get(message, "ready")) && !run->process.ready)
        eval_run_ready(run);
    else if (json_is_array(report) && json_array_size(report) == 2 &&
             is_of_attempt(run, json_object_get(message, "attempt")))
        eval_run_report(run, loose_number(json_array_get(report, 0)),
                        loose_number(json_array_get(report, 1)));
    else if (json_is_integer(id) && run->busy && !run->answered &&
             (uint64_t)json_integer_value(id) == run->job.trial)
        answer(run, message);
}

/* An answer may have been in what cannot be read: nobody waits for it. */
static void lose_message(struct eval_run *run, const char *problem)
{
    if (!run->busy)
        return;
    char *text = dh_strprintf("the Python process sent what cannot be read: %s", problem);
    if (run->process.ready || run->host->ready_once)
        eval_run_break(run, text);
    else
        fatal(run, text);
    free(text);
}

/* User code can write to the pipe, too. What it writes as JSON is ignored unless it is a message;
 * so is other text, except where one of the driver's may be in it: those begin with {". */
static void take_line(struct eval_run *run, const char *line, size_t size)
{
    char *text = dh_strndup(line, size), *problem = NULL;
    bool whole = strlen(text) == size;
    json_t *message = whole ? eval_value_parse(text, true, &problem) : NULL;
    if (message)
        take_message(run, message);
    else if (memmem(line, size, "{\"", 2))
        lose_message(run, whole ? problem : "a NUL byte");
    json_decref(message);
    free(problem);
    free(text);
}

static void receive(struct eval_run *run)
{
    struct dh_buffer *in = &run->process.answer_bytes;
    size_t used = 0;
    for (const char *newline;
         in->size > used && (newline = memchr(in->data + used, '\n', in->size - used));) {
        size_t size = (size_t)(newline - in->data) - used;
        take_line(run, in->data + used, size);
        used += size + 1;
    }
    dh_buffer_consume(in, used);
}

static void silent(struct eval_run *run, struct dh_outcome *outcome)
{
    eval_value_fail(outcome, run->host->plan->objective_count, DH_TRIAL_FAILED,
                    "the Python process ended (exit code 0) without a result");
}

static const struct eval_runner runner = {
    .persistent = true,
    .requests = true,
    .answers = true,
    .main = run_driver,
    .startup_limit = startup_limit,
    .not_ready = not_ready,
    .too_slow = too_slow,
    .greet = greet,
    .begin = begin,
    .stop = stop,
    .receive = receive,
    .silent = silent,
};

const struct eval_kind eval_kind_python = {
    .name = "python",
    .options_size = sizeof(struct python_options),
    .options = options,
    .option_count = DH_COUNT_OF(options),
    .process = true,
    .prepare = prepare,
    .release = release,
    .runner = &runner,
};
