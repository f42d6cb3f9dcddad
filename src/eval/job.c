/* Environment and files of an evaluation: see job.h. */
#include "job.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "dh_mpi/path.h"
#include "dh_mpi/text.h"
#include "folder.h"
#include "threads.h"

void eval_job_free(struct eval_job *job)
{
    if (job->held > 0)
        close(job->held - 1);
    free(job->values);
    free(job->folder);
    free(job->previous);
    free(job->parameters_path);
    *job = (struct eval_job){0};
}

void eval_job_set_variable(void *context, const char *name, const char *value)
{
    (void)context;
    setenv(name, value, 1);
}

static void put_number(eval_variable_function *put, void *context, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put(context, name, text);
}

void eval_job_resources(const struct eval_plan *plan, int32_t slot, eval_variable_function *put,
                        void *context)
{
    const struct dh_node *resources = plan->options->resources;
    for (size_t i = 0; resources && i < resources->child_count; i++) {
        char *text = eval_node_text(resources->children[i]->children[slot]);
        put(context, resources->children[i]->name, text);
        free(text);
    }
}

void eval_job_slot_variables(const struct eval_plan *plan, int32_t slot,
                             eval_variable_function *put, void *context)
{
    put_number(put, context, "DH_WORKER", (uint64_t)plan->worker);
    put_number(put, context, "DH_SLOT", (uint64_t)slot);
    put(context, "DH_FOLDER", plan->folder);
    if (plan->threads > 0)
        put_number(put, context, EVAL_THREADS_VARIABLE, plan->threads);
    eval_job_resources(plan, slot, put, context);
    const struct dh_node *environment = plan->options->environment;
    for (size_t i = 0; environment && i < environment->child_count; i++) {
        char *text = eval_node_text(environment->children[i]);
        put(context, environment->children[i]->name, text);
        free(text);
    }
}

char *eval_job_variable_name(const char *parameter)
{
    char *name = dh_strprintf("DH_PARAM_%s", parameter);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return name;
}

struct named {
    char *variable; /* owned */
    const struct dh_parameter *parameter;
};

static int by_variable(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->variable, y->variable);
    return order ? order : x->parameter->node->line - y->parameter->node->line;
}

dh_status eval_job_check_names(const struct eval_plan *plan, struct dh_error *err)
{
    size_t count = dh_space_count(plan->space);
    struct named *all = dh_alloc(count, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[i].parameter = dh_space_parameter(plan->space, i);
        all[i].variable = eval_job_variable_name(all[i].parameter->name);
    }
    qsort(all, count, sizeof *all, by_variable);
    dh_status status = DH_OK;
    for (size_t i = 1; i < count && status == DH_OK; i++) {
        const struct dh_parameter *one = all[i - 1].parameter, *other = all[i].parameter;
        if (strcmp(all[i - 1].variable, all[i].variable) == 0)
            status = dh_node_fail(err, dh_node_child(other->node, "name"),
                                  "the parameter \"%s\" would be the evaluations' variable %s, as "
                                  "is \"%s\", at %s:%d: one needs another name",
                                  other->name, all[i].variable, one->name, one->node->file,
                                  one->node->line);
    }
    for (size_t i = 0; i < count; i++)
        free(all[i].variable);
    free(all);
    return status;
}

void eval_job_variables(const struct eval_job *job, eval_variable_function *put, void *context)
{
    const struct dh_space *space = job->plan->space;
    put_number(put, context, "DH_ID", job->trial);
    put_number(put, context, "DH_SEED", job->seed);
    put_number(put, context, "DH_RETRIES", job->retries);
    if (job->parameters_path)
        put(context, "DH_PARAMETERS", job->parameters_path);
    if (job->previous)
        put(context, "DH_PREVIOUS_FOLDER", job->previous);
    for (size_t i = 0; i < dh_space_count(space); i++) {
        if (isnan(job->values[i]))
            continue;
        const struct dh_parameter *parameter = dh_space_parameter(space, i);
        char *name = eval_job_variable_name(parameter->name);
        struct dh_buffer value = {0};
        dh_parameter_format(parameter, job->values[i], &value);
        put(context, name, value.data ? value.data : "");
        dh_buffer_free(&value);
        free(name);
    }
}

void eval_job_put_json(const struct eval_job *job, struct dh_buffer *out)
{
    dh_buffer_printf(out,
                     "{\"id\": %" PRIu64 ", \"seed\": %" PRIu64 ", \"retries\": %" PRIu32
                     ", \"slot\": %" PRId32 ", \"worker\": %" PRId32 ", \"parameters\": ",
                     job->trial, job->seed, job->retries, job->slot, job->plan->worker);
    dh_space_format_json(job->plan->space, job->values, out);
}

/* Into the new file `fd`, which it closes. False with errno. */
static bool write_parameters(const struct eval_job *job, int fd)
{
    struct dh_buffer text = {0};
    eval_job_put_json(job, &text);
    if (job->folder) /* what tells it from the folders of other searches */
        dh_buffer_printf(&text, ", \"proposed\": %.17g", job->proposed);
    if (job->previous) {
        dh_buffer_text(&text, ", \"previous\": ");
        dh_text_put_json(&text, job->previous);
    }
    dh_buffer_text(&text, "}\n");
    int cause = dh_file_write(fd, text.data, text.size, NULL);
    dh_buffer_free(&text);
    if (close(fd) != 0 && !cause)
        cause = errno;
    errno = cause;
    return !cause;
}

static dh_status make_run_folder(struct eval_job *job, struct dh_error *err)
{
    dh_status status = eval_folder_make(job, err);
    if (status != DH_OK)
        return status;
    job->parameters_path = dh_strprintf("%s/parameters.json", job->folder);
    int fd = open(job->parameters_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0 || !write_parameters(job, fd))
        return dh_fail(err, DH_IO, "cannot write %s: %s", job->parameters_path, strerror(errno));
    job->held = eval_folder_hold(job);
    return DH_OK;
}

/* A name that nobody else has. */
static void name_temporary(struct eval_job *job)
{
    const char *folder = getenv("TMPDIR");
    uint64_t number = 0;
    while (getrandom(&number, sizeof number, 0) < 0 && errno == EINTR)
        continue;
    job->temporary = true;
    job->parameters_path =
        dh_strprintf("%s/dh_mpi-%016" PRIx64 ".json", folder && *folder ? folder : "/tmp", number);
}

dh_status eval_job_make_temporary(const struct eval_job *job, struct dh_error *err)
{
    if (!job->temporary)
        return DH_OK;
    int fd = open(job->parameters_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && write_parameters(job, fd))
        return DH_OK;
    int problem = errno;
    const char *variable = getenv("TMPDIR");
    /* its name would make each of these failures another one in the summary */
    return dh_fail(err, DH_IO, "cannot make a file in %.*s (%s): %s",
                   (int)(dh_path_name(job->parameters_path) - 1 - job->parameters_path),
                   job->parameters_path, variable && *variable ? "TMPDIR" : "there is no TMPDIR",
                   strerror(problem));
}

dh_status eval_job_files(struct eval_job *job, bool file, struct dh_error *err)
{
    if (job->plan->options->runs)
        return make_run_folder(job, err);
    if (file)
        name_temporary(job);
    return DH_OK;
}

void eval_job_remove_temporary(const struct eval_job *job)
{
    if (job->temporary)
        unlink(job->parameters_path);
}
