/* The settings of the program as a whole: top level, search, objectives, checkpoint, scheduler,
 * comm.
 *
 * Defaults: search.name is the file's name without its ending; seed 0; no limit of any kind (such
 * a search ends with the walltime, a signal, or an exhausted space); one objective "objective",
 * maximised; checkpoint NAME.h5 in the working directory, written every 60 s, its journal synced
 * every second. A relative checkpoint.file is relative to the working directory.
 */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/path.h"
#include "dh_mpi/text.h"
#include "tree.h"

#define MOST_OBJECTIVES 16

/* The file's groups before they are unpacked themselves. */
struct top {
    const struct dh_node *search, *objectives, *parameters, *constraints, *initial, *warm_start;
    const struct dh_node *optimizer, *evaluator, *checkpoint, *scheduler, *comm;
};

#define TOP(field, is_required, text)                                                              \
    {                                                                                              \
        .name = #field, .type = DH_OPTION_NODE, .offset = offsetof(struct top, field),             \
        .required = (is_required), .help = (text)                                                  \
    }

static const struct dh_option top_options[] = {
    TOP(search, false, "name, seed, budgets"),
    TOP(objectives, false, "what is measured, and its goal"),
    TOP(parameters, true, "the space: a list of { name, type, … }"),
    TOP(constraints, false, "a list of expressions that must hold"),
    TOP(initial, false, "a list of points to try first"),
    TOP(warm_start, false, "files of older results"),
    TOP(optimizer, false, "the search method"),
    TOP(evaluator, true, "what evaluates a point"),
    TOP(checkpoint, false, "where and how often the state is kept"),
    TOP(scheduler, false, "what becomes of ranks that are lost"),
    TOP(comm, false, "how ranks talk to each other"),
};

#define SEARCH(field) offsetof(struct dh_search_settings, field)

static const struct dh_option search_options[] = {
    {"name", DH_OPTION_TEXT, SEARCH(name), false, 0, 0, 0, NULL,
     "names the checkpoint and the report (default: the configuration's file name)"},
    {"seed", DH_OPTION_INT, SEARCH(seed), false, 0, 0, 0x1p53, NULL,
     "of all random numbers (default 0)"},
    {"max_evaluations", DH_OPTION_INT, SEARCH(max_evaluations), false, 0, 0, 0x1p53, NULL,
     "stop after so many finished evaluations (0: no limit)"},
    {"max_time", DH_OPTION_DURATION, SEARCH(max_time), false, 0, 0, INFINITY, NULL,
     "stop after this time (0: no limit); the end of a Slurm or PBS job is known by itself"},
    {"grace", DH_OPTION_DURATION, SEARCH(grace), false, 30, 0, INFINITY, NULL,
     "after a stop by time or signal: how long running evaluations may still end (default 30 s)"},
    {"walltime_margin", DH_OPTION_DURATION, SEARCH(walltime_margin), false, 30, 0, INFINITY, NULL,
     "kept free before the job's end, for the last checkpoint (default 30 s)"},
    {"target", DH_OPTION_REAL, SEARCH(target), false, NAN, 0, 0, NULL,
     "stop when the first objective is as good as this"},
    {"patience", DH_OPTION_INT, SEARCH(patience), false, 0, 0, 0x1p53, NULL,
     "stop after so many evaluations without improvement (0: no limit)"},
    {"max_failures", DH_OPTION_INT, SEARCH(max_failures), false, 0, 0, 0x1p53, NULL,
     "stop after so many failures in a row (0: no limit)"},
};

#define CHECKPOINT(field) offsetof(struct dh_checkpoint_settings, field)

static const struct dh_option checkpoint_options[] = {
    {"file", DH_OPTION_TEXT, CHECKPOINT(file), false, 0, 0, 0, NULL, "default NAME.h5"},
    {"interval", DH_OPTION_DURATION, CHECKPOINT(interval), false, 60, 1, INFINITY, NULL,
     "between checkpoints (default 60 s)"},
    {"sync", DH_OPTION_DURATION, CHECKPOINT(sync), false, 1, 0, INFINITY, NULL,
     "between syncs of the journal (default 1 s; 0: after each write)"},
};

#define SCHEDULER(field) offsetof(struct dh_scheduler_settings, field)

static const struct dh_option scheduler_options[] = {
    {"lost_after", DH_OPTION_DURATION, SCHEDULER(lost_after), false, 60, 0.5, INFINITY, NULL,
     "a rank silent for so long is lost, its trials go to others (default 60 s)"},
    {"lost_in_rank", DH_OPTION_DURATION, SCHEDULER(lost_in_rank), false, 0, 0, INFINITY, NULL,
     "the same while a plugin with isolate = false runs in it (default 0: no limit)"},
    {"lost_retries", DH_OPTION_INT, SCHEDULER(lost_retries), false, 3, 0, 1000000, NULL,
     "further attempts of a trial whose worker was lost or unable, then it failed (default 3)"},
};

static const char *const window_uses[] = {
    [DH_WINDOW_AUTO] = "auto", [DH_WINDOW_ON] = "on", [DH_WINDOW_OFF] = "off", NULL};

static const struct dh_option comm_options[] = {
    {"window", DH_OPTION_CHOICE, offsetof(struct dh_comm_settings, window), false, DH_WINDOW_AUTO,
     0, 0, window_uses,
     "do slots take trials from rank 0's memory (default auto: where MPI can without rank 0)"},
};

struct raw_objective {
    const char *name;
    int goal;
};

static const char *const goals[] = {"maximize", "minimize", NULL};

static const struct dh_option objective_options[] = {
    {"name", DH_OPTION_TEXT, offsetof(struct raw_objective, name), true, 0, 0, 0, NULL,
     "in outputs"},
    {"goal", DH_OPTION_CHOICE, offsetof(struct raw_objective, goal), false, 0, 0, 0, goals,
     "default maximize"},
};

/* Can it be (part of) a file name and a label in tables? */
static bool name_usable(const char *name)
{
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (; *name; name++)
        if (*name == '/' || iscntrl((unsigned char)*name))
            return false;
    return true;
}

static dh_status check_kind(const struct dh_node *node, enum dh_node_kind kind, const char *hint,
                            struct dh_error *err)
{
    if (!node || node->kind == kind)
        return DH_OK;
    return dh_node_fail(err, node, "%s: expected a %s %s, found %s", node->name,
                        dh_node_kind_name(kind), hint, dh_node_kind_name(node->kind));
}

/* The shape of what other rooms unpack. */
static void check_shapes(const struct top *top, struct dh_problems *problems)
{
    const struct {
        const struct dh_node *node;
        enum dh_node_kind kind;
        const char *hint;
    } shapes[] = {
        {top->parameters, DH_NODE_LIST, "( { name = …; type = …; }, … )"},
        {top->constraints, DH_NODE_LIST, "( \"units <= 64\", … )"},
        {top->initial, DH_NODE_LIST, "( { lr = 1e-2; }, … )"},
        {top->warm_start, DH_NODE_LIST, "[ \"results.csv\", … ]"},
        {top->optimizer, DH_NODE_GROUP, "{ method = …; }"},
        {top->evaluator, DH_NODE_GROUP, "{ type = …; }"},
    };
    struct dh_error problem;
    for (size_t i = 0; i < DH_COUNT_OF(shapes); i++)
        if (check_kind(shapes[i].node, shapes[i].kind, shapes[i].hint, &problem))
            dh_problems_add(problems, &problem);
    if (top->parameters && top->parameters->kind == DH_NODE_LIST && !top->parameters->child_count) {
        dh_node_fail(&problem, top->parameters, "parameters: expected at least one, found none");
        dh_problems_add(problems, &problem);
    }
}

static dh_status read_search(const struct dh_node *node, struct dh_settings *out,
                             struct dh_error *err)
{
    dh_status status = dh_config_unpack(node, "search", search_options, DH_COUNT_OF(search_options),
                                        &out->search, err);
    if (status)
        return status;
    if (out->search.name && !name_usable(out->search.name))
        return dh_node_fail(err, dh_node_child(node, "name"),
                            "search: name: expected a text that can be a file name, found '%s'",
                            out->search.name);
    if (!out->search.name) {
        const char *base = dh_path_name(dh_config_path(out->config)), *dot = strrchr(base, '.');
        size_t length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
        out->search.name = out->owned_name =
            length ? dh_strndup(base, length) : dh_strdup("search");
    }
    return DH_OK;
}

/* The longest name beside a checkpoint is that of a dead search's lock, for the moment in which it
 * is replaced: the last is a process. What --fresh moves aside (NAME.N-journal.damaged) and
 * status.json.NAME.tmp are shorter. */
static dh_status check_length(const struct dh_node *node, const struct dh_settings *settings,
                              struct dh_error *err)
{
    size_t most = NAME_MAX - strlen("-lock.01234567.0123456789");
    size_t length = strlen(dh_path_name(settings->checkpoint.file));
    if (length <= most)
        return DH_OK;
    const struct dh_node *file = dh_node_child(node, "file");
    return dh_node_fail(err, file ? file : dh_config_root(settings->config),
                        "checkpoint: file: a name of %zu bytes; at most %zu leave room for the "
                        "names of the files beside it",
                        length, most);
}

static dh_status read_checkpoint(const struct dh_node *node, struct dh_settings *out,
                                 struct dh_error *err)
{
    dh_status status = dh_config_unpack(node, "checkpoint", checkpoint_options,
                                        DH_COUNT_OF(checkpoint_options), &out->checkpoint, err);
    if (status)
        return status;
    const char *file = out->checkpoint.file;
    if (file && (*file == '\0' || file[strlen(file) - 1] == '/'))
        return dh_node_fail(err, dh_node_child(node, "file"),
                            "checkpoint: file: expected the name of a file, found '%s'", file);
    if (!file && out->search.name)
        out->checkpoint.file = out->owned_file = dh_strprintf("%s.h5", out->search.name);
    return out->checkpoint.file ? check_length(node, out, err) : DH_OK;
}

static dh_status read_scheduler(const struct dh_node *node, struct dh_settings *out,
                                struct dh_error *err)
{
    return dh_config_unpack(node, "scheduler", scheduler_options, DH_COUNT_OF(scheduler_options),
                            &out->scheduler, err);
}

static dh_status read_comm(const struct dh_node *node, struct dh_settings *out,
                           struct dh_error *err)
{
    return dh_config_unpack(node, "comm", comm_options, DH_COUNT_OF(comm_options), &out->comm, err);
}

static dh_status read_objective(const struct dh_node *node, struct dh_settings *out,
                                struct dh_error *err)
{
    struct raw_objective raw;
    dh_status status = dh_config_unpack(node, "objectives", objective_options,
                                        DH_COUNT_OF(objective_options), &raw, err);
    if (status)
        return status;
    if (!name_usable(raw.name))
        return dh_node_fail(err, dh_node_child(node, "name"),
                            "objectives: name: expected a name without '/', found '%s'", raw.name);
    for (size_t i = 0; i < out->objective_count; i++)
        if (strcmp(out->objectives[i].name, raw.name) == 0)
            return dh_node_fail(err, dh_node_child(node, "name"),
                                "objectives: there are two named '%s'", raw.name);
    out->objectives[out->objective_count++] =
        (struct dh_objective){.name = raw.name, .maximize = raw.goal == 0};
    return DH_OK;
}

static void read_objectives(const struct dh_node *node, struct dh_settings *out,
                            struct dh_problems *problems)
{
    struct dh_error problem;
    out->objectives = dh_alloc(MOST_OBJECTIVES, sizeof *out->objectives);
    if (!node) {
        out->objectives[out->objective_count++] = (struct dh_objective){"objective", true};
        return;
    }
    if (check_kind(node, DH_NODE_LIST, "( { name = …; goal = …; }, … )", &problem)) {
        dh_problems_add(problems, &problem);
    } else if (node->child_count < 1 || node->child_count > MOST_OBJECTIVES) {
        dh_node_fail(&problem, node, "objectives: expected 1 to %d, found %zu", MOST_OBJECTIVES,
                     node->child_count);
        dh_problems_add(problems, &problem);
    } else {
        for (size_t i = 0; i < node->child_count; i++)
            if (read_objective(node->children[i], out, &problem))
                dh_problems_add(problems, &problem);
    }
}

dh_status dh_settings_unpack(const struct dh_config *config, struct dh_settings *out,
                             struct dh_error *err)
{
    struct dh_problems problems = {0};
    struct dh_error problem;
    struct top top;
    *out = (struct dh_settings){.config = config};
    if (dh_config_unpack(dh_config_root(config), "top level", top_options, DH_COUNT_OF(top_options),
                         &top, &problem))
        dh_problems_add(&problems, &problem);
    if (read_search(top.search, out, &problem))
        dh_problems_add(&problems, &problem);
    read_objectives(top.objectives, out, &problems);
    check_shapes(&top, &problems);
    if (read_checkpoint(top.checkpoint, out, &problem))
        dh_problems_add(&problems, &problem);
    if (read_scheduler(top.scheduler, out, &problem))
        dh_problems_add(&problems, &problem);
    if (read_comm(top.comm, out, &problem))
        dh_problems_add(&problems, &problem);
    out->parameters = top.parameters;
    out->constraints = top.constraints;
    out->initial = top.initial;
    out->warm_start = top.warm_start;
    out->optimizer = top.optimizer;
    out->evaluator = top.evaluator;
    dh_status status = dh_problems_end(&problems, err);
    if (status)
        dh_settings_free(out);
    return status;
}

const char *dh_objective_goal(const struct dh_objective *objective)
{
    return objective->maximize ? "maximize" : "minimize";
}

dh_status dh_settings_compare(const struct dh_settings *old, const struct dh_settings *now,
                              struct dh_error *err)
{
    if (old->objective_count != now->objective_count)
        return dh_fail(err, DH_CONFIG, "objectives: there were %zu, now there are %zu",
                       old->objective_count, now->objective_count);
    for (size_t i = 0; i < old->objective_count; i++) {
        const struct dh_objective *was = &old->objectives[i], *is = &now->objectives[i];
        if (strcmp(was->name, is->name) != 0 || was->maximize != is->maximize)
            return dh_fail(err, DH_CONFIG, "objective %zu was \"%s\" (%s), now it is \"%s\" (%s)",
                           i + 1, was->name, dh_objective_goal(was), is->name,
                           dh_objective_goal(is));
    }
    return DH_OK;
}

void dh_settings_free(struct dh_settings *settings)
{
    free(settings->objectives);
    free(settings->owned_name);
    free(settings->owned_file);
    *settings = (struct dh_settings){0};
}

void dh_objectives_format_json(const struct dh_settings *settings, const double *values,
                               struct dh_buffer *out)
{
    dh_buffer_text(out, "{");
    for (size_t i = 0; i < settings->objective_count; i++) {
        dh_buffer_text(out, i ? ", " : "");
        dh_text_put_json(out, settings->objectives[i].name);
        dh_buffer_text(out, ": ");
        dh_text_put_json_number(out, values ? values[i] : (double)NAN);
    }
    dh_buffer_text(out, "}");
}
