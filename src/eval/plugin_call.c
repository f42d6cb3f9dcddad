/* Plugins: see plugin_call.h. */
#include "plugin_call.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/surroundings.h"
#include "guard.h"
#include "value.h"

#define TRY_SECONDS 60

dh_status eval_plugin_load(const char *path, eval_plugin_function **out, struct dh_error *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return dh_fail(err, DH_CONFIG, "plugin %s cannot be loaded: %s", path, dlerror());
    const uint32_t *version = dlsym(handle, "dh_plugin_version");
    void *function = dlsym(handle, "dh_evaluate");
    if (version && *version != DH_PLUGIN_VERSION)
        return dh_fail(err, DH_CONFIG,
                       "plugin %s is for version %u of plugin.h; this program has %d", path,
                       *version, DH_PLUGIN_VERSION);
    if (!function)
        return dh_fail(err, DH_CONFIG,
                       "plugin %s has no function dh_evaluate (in C++ it needs extern \"C\")",
                       path);
    memcpy(out, &function, sizeof function); /* ISO C has no cast from object to function */
    return DH_OK;
}

/* What went wrong, or an empty text: who says nothing has ended in between. */
static void try_and_tell(const char *path, int fd)
{
    struct dh_error err = {.text = ""};
    eval_plugin_function *function;
    eval_guard_reset_signals();
    alarm(TRY_SECONDS);
    eval_plugin_load(path, &function, &err);
    size_t size = strlen(err.text) + 1;
    _exit(write(fd, err.text, size) == (ssize_t)size ? 0 : 1);
}

/* What it says fits into the pipe, so it is read when it has ended: the other end may be open for
 * ever, in what the library left running. */
dh_status eval_plugin_try(const char *path, struct dh_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return dh_fail(err, DH_UNABLE, "plugin %s: cannot make a pipe: %s", path, strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        try_and_tell(path, ends[1]);
    int problem = errno, status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    char text[sizeof err->text] = "";
    ssize_t size = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    close(ends[1]);
    if (pid < 0)
        return dh_fail(err, DH_UNABLE, "plugin %s: cannot start a process to try it: %s", path,
                       strerror(problem));
    if (size == 1)
        return DH_OK;
    if (size > 1)
        return dh_fail(err, DH_CONFIG, "%s", text);
    char *reason = eval_value_exit_reason(status);
    dh_fail(err, DH_CONFIG, "plugin %s %s when it is loaded: %s", path,
            WIFSIGNALED(status) ? "crashes" : "ends the process", reason ? reason : "exit code 0");
    free(reason);
    return DH_CONFIG;
}

/* REAL, INT or BOOL where every value is such a one, so that the kind does not change from trial to
 * trial. */
static dh_kind kind_of(const struct dh_parameter *parameter)
{
    if (parameter->choice_count == 0)
        return parameter->type == DH_INTEGER ? DH_KIND_INT : DH_KIND_REAL;
    bool truth = parameter->choices[0].kind == DH_CHOICE_TRUTH;
    dh_kind kind = truth ? DH_KIND_BOOL : DH_KIND_INT;
    for (size_t i = 0; i < parameter->choice_count; i++) {
        const struct dh_choice *choice = &parameter->choices[i];
        if (choice->kind == DH_CHOICE_TEXT || (choice->kind == DH_CHOICE_TRUTH) != truth)
            return DH_KIND_TEXT;
        if (choice->real || choice->number != floor(choice->number) ||
            fabs(choice->number) >= 0x1p53)
            kind = DH_KIND_REAL;
    }
    return kind;
}

static dh_argument argument_of(const struct dh_parameter *parameter, double value)
{
    struct dh_buffer text = {0};
    dh_parameter_format(parameter, value, &text);
    dh_argument argument = {.name = parameter->name,
                            .kind = kind_of(parameter),
                            .real = value,
                            .text = dh_buffer_take(&text)};
    if (parameter->choice_count)
        argument.real =
            argument.kind == DH_KIND_TEXT ? NAN : parameter->choices[(size_t)value].number;
    if (argument.kind == DH_KIND_INT || argument.kind == DH_KIND_BOOL)
        argument.integer = (int64_t)argument.real;
    return argument;
}

static dh_argument *arguments_of(const struct eval_job *job, size_t *count)
{
    const struct dh_space *space = job->plan->space;
    dh_argument *arguments = dh_alloc(dh_space_count(space), sizeof *arguments);
    *count = 0;
    for (size_t i = 0; i < dh_space_count(space); i++)
        if (!isnan(job->values[i]))
            arguments[(*count)++] = argument_of(dh_space_parameter(space, i), job->values[i]);
    return arguments;
}

void eval_plugin_call(const struct eval_job *job, eval_plugin_function *function,
                      const void *communicator,
                      int (*report)(const dh_job *job, double step, double value), void *reserved,
                      struct dh_outcome *outcome)
{
    size_t count, objectives = job->plan->objective_count;
    dh_argument *arguments = arguments_of(job, &count);
    const dh_job call = {.version = DH_PLUGIN_VERSION,
                         .retries = job->retries,
                         .id = job->trial,
                         .seed = job->seed,
                         .worker = job->plan->worker,
                         .slot = job->slot,
                         .argument_count = count,
                         .arguments = arguments,
                         .objective_count = objectives,
                         .communicator = communicator,
                         .report = report,
                         .reserved = reserved};
    dh_result *result = dh_alloc(1, sizeof *result);
    for (size_t i = 0; i < DH_PLUGIN_OBJECTIVES; i++)
        result->objective[i] = NAN;
    struct dh_surroundings kept;
    pid_t self = getpid();
    dh_surroundings_lend(&kept);
    int code = function(&call, result);
    dh_surroundings_restore(&kept);
    if (getpid() != self)
        _exit(0); /* a child that the function forked fell out of it: the parent answers */
    result->reason[sizeof result->reason - 1] = '\0';
    result->metadata[sizeof result->metadata - 1] = '\0';
    if (code != 0 && result->reason[0])
        eval_value_fail(outcome, objectives, DH_TRIAL_FAILED, "%s", result->reason);
    else if (code != 0)
        eval_value_fail(outcome, objectives, DH_TRIAL_FAILED, "dh_evaluate returned %d", code);
    else
        eval_value_numbers(outcome, objectives, result->objective);
    if (result->metadata[0])
        outcome->metadata =
            eval_value_metadata(result->metadata, job->plan->options->metadata_limit);
    for (size_t i = 0; i < count; i++)
        free((char *)arguments[i].text);
    free(arguments);
    free(result);
}
