/* Reading the evaluator's settings: the table of kinds, the options they share. */
#include "plan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"
#include "dh_mpi/text.h"
#include "job.h"
#include "pool.h"
#include "run_process.h"
#include "template.h"

static const struct eval_kind *const kinds[] = {&eval_kind_builtin, &eval_kind_plugin,
                                                &eval_kind_command, &eval_kind_python};

#define FIELD(name) offsetof(struct eval_options, name)
static const struct dh_option shared_options[] = {
    {"type", DH_OPTION_TEXT, FIELD(type), true, 0, 0, 0, NULL,
     "builtin, plugin, command or python"},
    {"slots", DH_OPTION_INT, FIELD(slots), false, 1, 1, 4096, NULL,
     "evaluations that one worker runs at once"},
    {"timeout", DH_OPTION_DURATION, FIELD(timeout), false, 0, 0, 1e9, NULL,
     "time limit of one evaluation; 0: none"},
    {"retries", DH_OPTION_INT, FIELD(retries), false, 0, 0, 1000, NULL,
     "further attempts after a failed evaluation"},
};
static const struct dh_option process_options[] = {
    {"runs", DH_OPTION_TEXT, FIELD(runs), false, 0, 0, 0, NULL,
     "folder that gets a folder for each evaluation: its working directory"},
    {"kill_after", DH_OPTION_DURATION, FIELD(kill_after), false, 5, 0, 1e6, NULL,
     "time to end after a cancellation or timeout: SIGTERM (of Python: job.stopped(), and SIGTERM "
     "after half of it), then SIGKILL"},
    {"memory_limit", DH_OPTION_BYTES, FIELD(memory_limit), false, 0, 0, 1e18, NULL,
     "resident memory of an evaluation's processes together; 0: no limit"},
    {"process_limit", DH_OPTION_INT, FIELD(process_limit), false, 0, 0, 1e6, NULL,
     "processes of an evaluation at one time; 0: no limit"},
    {"output_limit", DH_OPTION_BYTES, FIELD(output_limit), false, 10 * 0x1p20, 0, 1e18, NULL,
     "bytes kept of stdout, and of stderr, in a run folder"},
    {"metadata_limit", DH_OPTION_BYTES, FIELD(metadata_limit), false, 0x1p20, 0, 0x1p25, NULL,
     "bytes of metadata kept of one evaluation"},
    {"resources", DH_OPTION_NODE, FIELD(resources), false, 0, 0, 0, NULL,
     "environment variables with one entry a slot"},
    {"environment", DH_OPTION_NODE, FIELD(environment), false, 0, 0, 0, NULL,
     "environment variables"},
};
#undef FIELD

const struct eval_backend *eval_plan_backend(const struct eval_plan *plan)
{
    return plan->kind->backend ? plan->kind->backend(plan) : &eval_backend_remote;
}

void eval_plan_warn(struct eval_plan *plan, const struct dh_node *node, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dh_buffer_printf(&plan->warnings, "%s:%d: %s\n", node->file, node->line, text);
}

const struct dh_node *eval_plan_node(const struct eval_plan *plan, const char *name)
{
    const struct dh_node *node = dh_node_child(plan->settings->evaluator, name);
    return node ? node : plan->settings->evaluator;
}

char *eval_node_text(const struct dh_node *node)
{
    struct dh_buffer text = {0};
    switch (node->kind) {
    case DH_NODE_TEXT:
        return dh_strdup(node->text);
    case DH_NODE_BOOL:
        return dh_strdup(node->integer ? "true" : "false");
    case DH_NODE_INT:
        return dh_strprintf("%lld", (long long)node->integer);
    case DH_NODE_REAL:
        dh_text_put_number(&text, node->number);
        return dh_buffer_take(&text);
    default:
        return NULL;
    }
}

char *eval_plan_path(const struct eval_plan *plan, const char *path)
{
    return *path == '/' ? dh_strdup(path) : dh_strprintf("%s/%s", plan->folder, path);
}

static bool executable(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* The first executable `name` in the folders of PATH, or NULL. */
static char *search_path(const char *name)
{
    const char *path = getenv("PATH");
    for (const char *next = path ? path : "/usr/local/bin:/usr/bin:/bin"; next;) {
        size_t length = strcspn(next, ":");
        char *file = dh_strprintf("%.*s/%s", length ? (int)length : 1, length ? next : ".", name);
        if (executable(file))
            return file;
        free(file);
        next = next[length] ? next + length + 1 : NULL;
    }
    return NULL;
}

char *eval_plan_program(const struct eval_plan *plan, const char *name)
{
    char *file = strchr(name, '/') ? NULL : search_path(name);
    if (file || !*name)
        return file;
    file = eval_plan_path(plan, name);
    if (executable(file))
        return file;
    free(file);
    return NULL;
}

char *eval_plan_no_program(const struct eval_plan *plan, const char *name)
{
    char *path = eval_plan_path(plan, name);
    bool slash = strchr(name, '/'), there = access(path, F_OK) == 0;
    const char *hint = there ? ": what is there cannot be executed (chmod +x?)"
                       : slash && executable(name)
                           ? " (the one in the current folder is not looked for)"
                           : "";
    free(path);
    if (*name == '/')
        return dh_strprintf("there is no executable %s%s", name, there ? hint : "");
    return dh_strprintf("there is no executable \"%s\" in %s%s, the configuration's folder%s", name,
                        slash ? "" : "PATH nor in ", plan->folder, hint);
}

static dh_status find_kind(const struct dh_node *evaluator, const struct eval_kind **out,
                           struct dh_error *err)
{
    const struct dh_node *type = dh_node_child(evaluator, "type");
    if (!type && dh_node_misspelled(evaluator, "evaluator", "type", err) != DH_OK)
        return DH_CONFIG;
    if (!type || type->kind != DH_NODE_TEXT)
        return dh_node_fail(err, type ? type : evaluator,
                            "evaluator: `type` must be given: \"builtin\", \"plugin\", "
                            "\"command\" or \"python\"");
    const char *names[DH_COUNT_OF(kinds)];
    for (size_t i = 0; i < DH_COUNT_OF(kinds); i++) {
        names[i] = kinds[i]->name;
        if (strcmp(type->text, names[i]) == 0) {
            *out = kinds[i];
            return DH_OK;
        }
    }
    int near = dh_text_nearest(type->text, names, DH_COUNT_OF(kinds));
    return dh_node_fail(err, type,
                        near >= 0 ? "evaluator: unknown type \"%s\"; did you mean \"%s\"?"
                                  : "evaluator: unknown type \"%s\"; known are \"builtin\", "
                                    "\"plugin\", \"command\" and \"python\"%.0s",
                        type->text, near >= 0 ? names[near] : "");
}

/* A setting that only one type has, and that is easily looked for in the others. */
static dh_status check_ranks(const struct eval_plan *plan, struct dh_error *err)
{
    const struct dh_node *node = dh_node_child(plan->settings->evaluator, "ranks");
    if (!node || plan->kind->ranks)
        return DH_OK;
    return dh_node_fail(
        err, node,
        "evaluator: ranks is for type = \"plugin\" with isolate = false; evaluations "
        "of type %s run in one process, which may start an MPI program of its own",
        plan->kind->name);
}

/* Unpack through the shared tables and the kind's own, as one. */
static dh_status unpack(struct eval_plan *plan, struct dh_error *err)
{
    const struct eval_kind *kind = plan->kind;
    size_t processes = kind->process ? DH_COUNT_OF(process_options) : 0;
    size_t shared = DH_COUNT_OF(shared_options);
    struct dh_option *all = dh_alloc(shared + processes + kind->option_count, sizeof *all);
    memcpy(all, shared_options, sizeof shared_options);
    if (processes)
        memcpy(all + shared, process_options, sizeof process_options);
    if (kind->option_count)
        memcpy(all + shared + processes, kind->options, kind->option_count * sizeof *all);
    char what[64];
    snprintf(what, sizeof what, "evaluator (type %s)", kind->name);
    plan->options = dh_alloc(1, kind->options_size);
    dh_status status =
        dh_config_unpack(plan->settings->evaluator, what, all,
                         shared + processes + kind->option_count, plan->options, err);
    free(all);
    return status;
}

/* resources = { NAME = [entry of slot 0, entry of slot 1, …]; } */
static dh_status check_resources(const struct eval_plan *plan, struct dh_error *err)
{
    const struct dh_node *group = plan->options->resources;
    if (group && group->kind != DH_NODE_GROUP)
        return dh_node_fail(err, group, "resources must be a group, not a %s: { NAME = [\"0\"]; }",
                            dh_node_kind_name(group->kind));
    for (size_t i = 0; group && i < group->child_count; i++) {
        const struct dh_node *list = group->children[i];
        if (list->kind != DH_NODE_LIST)
            return dh_node_fail(err, list, "resources: %s must be a list with an entry a slot",
                                list->name);
        if ((int64_t)list->child_count < plan->options->slots)
            return dh_node_fail(err, list,
                                "resources: %s has %zu entries for %lld slots; each slot needs one",
                                list->name, list->child_count, (long long)plan->options->slots);
        for (size_t k = 0; k < list->child_count; k++) {
            enum dh_node_kind kind = list->children[k]->kind;
            if (kind == DH_NODE_GROUP || kind == DH_NODE_LIST)
                return dh_node_fail(err, list->children[k],
                                    "resources: entries of %s must be texts or numbers",
                                    list->name);
        }
    }
    return DH_OK;
}

/* Variables belong to a slot, and are the same for all of its evaluations. */
static void warn_of_placeholder(struct eval_plan *plan, const struct dh_node *node)
{
    char *name, *variable;
    if (node->kind != DH_NODE_TEXT || !eval_template_first(plan, node->text, &name, &variable))
        return;
    eval_plan_warn(plan, node,
                   "environment: %s = \"%s\" is passed as it stands: {%s} is put into `command` "
                   "alone; evaluations find it in the variable %s",
                   node->name, node->text, name, variable);
    free(variable);
    free(name);
}

static dh_status check_environment(struct eval_plan *plan, struct dh_error *err)
{
    const struct dh_node *group = plan->options->environment;
    if (group && group->kind != DH_NODE_GROUP)
        return dh_node_fail(err, group,
                            "environment must be a group, not a %s: { NAME = \"value\"; }",
                            dh_node_kind_name(group->kind));
    for (size_t i = 0; group && i < group->child_count; i++) {
        enum dh_node_kind kind = group->children[i]->kind;
        if (kind == DH_NODE_GROUP || kind == DH_NODE_LIST)
            return dh_node_fail(err, group->children[i],
                                "environment: %s must be a text or a number",
                                group->children[i]->name);
        warn_of_placeholder(plan, group->children[i]);
    }
    return DH_OK;
}

static char *absolute_folder(const char *folder)
{
    char *path = realpath(folder, NULL);
    return path ? path : dh_strdup(folder);
}

/* Of evaluations that the launcher runs. */
static dh_status check_processes(const struct eval_plan *plan, struct dh_error *err)
{
    dh_status status = eval_job_check_names(plan, err);
    return status == DH_OK && plan->probe ? eval_run_check_files(plan, err) : status;
}

dh_status eval_plan_create(const struct dh_settings *settings, const struct dh_space *space,
                           const char *folder, int32_t worker, const struct eval_probe *probe,
                           struct eval_plan **out, struct dh_error *err)
{
    *out = NULL;
    struct eval_plan *plan = dh_alloc(1, sizeof *plan);
    plan->settings = settings;
    plan->space = space;
    plan->worker = worker;
    plan->probe = probe;
    plan->objective_count = settings->objective_count;
    plan->folder = folder ? dh_strdup(folder) : absolute_folder(dh_config_folder(settings->config));
    dh_status status = find_kind(settings->evaluator, &plan->kind, err);
    if (status == DH_OK)
        status = check_ranks(plan, err);
    if (status == DH_OK)
        status = unpack(plan, err);
    if (status == DH_OK)
        status = check_resources(plan, err);
    if (status == DH_OK)
        status = check_environment(plan, err);
    if (status == DH_OK)
        status = plan->kind->prepare(plan, err);
    if (status == DH_OK && eval_plan_backend(plan) == &eval_backend_remote)
        status = check_processes(plan, err);
    plan->probe = NULL;
    if (status == DH_OK)
        *out = plan;
    else
        eval_plan_free(&plan);
    return status;
}

void eval_plan_free(struct eval_plan **plan)
{
    if (!*plan)
        return;
    if ((*plan)->kind && (*plan)->options)
        (*plan)->kind->release(*plan);
    dh_buffer_free(&(*plan)->warnings);
    free((*plan)->options);
    free((*plan)->folder);
    free(*plan);
    *plan = NULL;
}
