/* The plan of a search, for --check. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/app.h"
#include "dh_mpi/path.h"
#include "dh_mpi/search.h"
#include "dh_mpi/store.h"
#include "dh_mpi/text.h"
#include "imports.h"
#include "placement.h"

static const char *const prior_names[] = {
    [DH_PRIOR_UNIFORM] = "uniform",
    [DH_PRIOR_NORMAL] = "normal",
    [DH_PRIOR_TRUNCATED] = "truncated normal",
};

static void put_range(const struct dh_parameter *parameter, struct dh_buffer *out)
{
    if (parameter->choice_count == 0) {
        dh_text_put_number(out, parameter->low);
        dh_buffer_text(out, " .. ");
        dh_text_put_number(out, parameter->high);
        if (parameter->step > 0) {
            dh_buffer_text(out, " step ");
            dh_text_put_number(out, parameter->step);
        }
        if (parameter->scale == DH_SCALE_LOG)
            dh_buffer_text(out, " (log)");
    }
    for (size_t i = 0; i < parameter->choice_count; i++) {
        dh_buffer_text(out, i ? ", " : "");
        dh_parameter_format(parameter, (double)i, out);
        if (parameter->probabilities)
            dh_buffer_printf(out, " (%.3g%%)", 100 * parameter->probabilities[i]);
    }
    if (parameter->prior != DH_PRIOR_UNIFORM)
        dh_buffer_printf(out, ", %s: mean %.6g, deviation %.6g%s", prior_names[parameter->prior],
                         parameter->mean, parameter->deviation,
                         parameter->scale == DH_SCALE_LOG ? " of the logarithm" : "");
}

static void put_space(const struct dh_app_setup *setup, struct dh_buffer *out)
{
    size_t count = dh_space_count(setup->space);
    double size = dh_space_size(setup->space);
    dh_buffer_printf(out, "space       %zu parameter%s", count, count == 1 ? "" : "s");
    if (isfinite(size))
        dh_buffer_printf(out, ", at most %.15g points", size);
    dh_buffer_text(out, "\n");
    for (size_t i = 0; i < count; i++) {
        const struct dh_parameter *parameter = dh_space_parameter(setup->space, i);
        dh_buffer_printf(out, "  %-20s %-11s ", parameter->name,
                         dh_parameter_type_name(parameter->type));
        put_range(parameter, out);
        const struct dh_node *when = dh_node_child(parameter->node, "when");
        if (when)
            dh_buffer_printf(out, "   when %s", when->text);
        dh_buffer_text(out, "\n");
    }
    const struct dh_node *constraints = setup->settings.constraints;
    for (size_t i = 0; constraints && i < constraints->child_count; i++)
        dh_buffer_printf(out, "  constraint  %s\n", constraints->children[i]->text);
}

static void put_limits(const struct dh_settings *settings, struct dh_buffer *out)
{
    const struct dh_search_settings *search = &settings->search;
    dh_buffer_text(out, "limits     ");
    size_t before = out->size;
    if (search->max_evaluations > 0)
        dh_buffer_printf(out, " %" PRId64 " evaluation%s", search->max_evaluations,
                         search->max_evaluations == 1 ? "" : "s");
    if (search->max_time > 0) {
        dh_buffer_text(out, " time ");
        dh_text_put_duration(out, search->max_time);
    }
    if (!isnan(search->target))
        dh_buffer_printf(out, " target %.15g", search->target);
    if (search->patience > 0)
        dh_buffer_printf(out, " patience %" PRId64, search->patience);
    if (search->max_failures > 0)
        dh_buffer_printf(out, " failures in a row %" PRId64, search->max_failures);
    if (out->size == before)
        dh_buffer_text(out, " none: runs until the job ends");
    dh_buffer_text(out, "\n");
}

static void put_evaluator(const struct dh_eval_plan *plan, struct dh_buffer *out)
{
    dh_buffer_printf(out, "evaluator   %s, %d slot%s a worker, %u %s, ", plan->type, plan->slots,
                     plan->slots == 1 ? "" : "s", plan->retries,
                     plan->retries == 1 ? "retry" : "retries");
    if (plan->timeout > 0) {
        dh_buffer_text(out, "timeout ");
        dh_text_put_duration(out, plan->timeout);
    } else {
        dh_buffer_text(out, "no timeout");
    }
    if (plan->ranks > 1)
        dh_buffer_printf(out, ", %d ranks each", plan->ranks);
    dh_buffer_text(out, "\n");
}

/* How claims travel; what MPI offers is found out when the ranks meet. */
static void put_claims(const struct dh_settings *settings, const struct dh_eval_plan *plan,
                       struct dh_buffer *out)
{
    static const char *const texts[] = {
        [DH_WINDOW_AUTO] = "through rank 0's window where MPI can, else by message",
        [DH_WINDOW_ON] = "through rank 0's window",
        [DH_WINDOW_OFF] = "by message",
    };
    dh_buffer_printf(out, "claims      %s\n",
                     texts[plan->ranks > 1 ? DH_WINDOW_OFF : settings->comm.window]);
}

/* Can files be made beside `file`? */
static dh_status check_folder(const char *file, struct dh_error *err)
{
    const char *name = dh_path_name(file);
    char *folder = name == file ? dh_strdup(".") : dh_strndup(file, (size_t)(name - file));
    dh_status status = DH_OK;
    if (access(folder, W_OK | X_OK) != 0)
        status = dh_fail(err, DH_IO, "checkpoint %s: cannot write in the folder %s: %s", file,
                         folder, strerror(errno));
    free(folder);
    return status;
}

/* What lies under the checkpoint's name, and whether this configuration can go on with it. */
static dh_status put_checkpoint(const struct dh_app_setup *setup, bool fresh, struct dh_buffer *out,
                                struct dh_error *err)
{
    const char *file = setup->settings.checkpoint.file;
    struct dh_store_image image = {0};
    dh_status status = dh_store_read(file, &image, err);
    if (status == DH_MISSING || fresh) {
        dh_buffer_printf(out, "checkpoint  %s (new%s)\n", file,
                         status == DH_MISSING ? "" : "; the one there is moved aside");
        status = check_folder(file, err);
    } else if (status == DH_OK) {
        uint64_t ended = dh_history_ended(image.history);
        dh_buffer_printf(out,
                         "checkpoint  %s (resume: %" PRIu64 " evaluations done, %" PRIu64
                         " to evaluate again)\n%s",
                         file, ended - dh_history_cancelled(image.history),
                         dh_history_count(image.history) - ended, image.notes);
        status = dh_space_compare(image.space, setup->space, err);
        if (status == DH_OK)
            status = dh_settings_compare(&image.settings, &setup->settings, err);
        if (status != DH_OK)
            dh_fail_context(err,
                            "%s cannot be continued (--fresh moves it aside; a search in another "
                            "checkpoint.file learns from it by warm_start)",
                            file);
    }
    dh_store_image_free(&image);
    return status;
}

/* Ask once as the search will, after the points that it was given: constraints that never hold
 * come out here. */
static dh_status try_ask(const struct dh_space *space, struct dh_search *search,
                         struct dh_error *err)
{
    struct dh_proposal proposal = {.budget = INFINITY};
    dh_status status;
    uint64_t id = 0;
    proposal.point = dh_alloc(dh_space_count(space), sizeof *proposal.point);
    do
        status = dh_search_ask(search, id++, &proposal, err);
    while (status == DH_OK && proposal.origin == DH_ORIGIN_USER);
    free(proposal.point);
    return status == DH_EXHAUSTED && id > 1 ? DH_OK : status;
}

/* Make the search as it would be, and its first proposals. */
static dh_status make_search(const struct dh_app_setup *setup, const struct dh_log *log,
                             struct dh_buffer *out, struct dh_error *err)
{
    struct dh_search_context context = {.space = setup->space,
                                        .settings = &setup->settings,
                                        .seed = (uint64_t)setup->settings.search.seed,
                                        .log = log};
    struct dh_search *search = NULL;
    struct dh_imports imports;
    dh_status status = dh_imports_read(setup, log, &imports, &context, err);
    if (status == DH_OK)
        status = dh_search_create(&context, &search, err);
    if (status == DH_OK)
        status = try_ask(setup->space, search, err);
    if (status == DH_OK)
        dh_buffer_printf(out, "method      %s, seed %" PRId64 "\n", dh_search_name(search),
                         setup->settings.search.seed);
    dh_search_destroy(&search);
    dh_imports_free(&imports);
    return status;
}

/* `warnings` gets what the search would warn of, a line each. */
static dh_status check_search(const struct dh_app_setup *setup, struct dh_buffer *out,
                              struct dh_buffer *warnings, struct dh_error *err)
{
    char *lines = NULL;
    size_t size = 0;
    const struct dh_log log = {
        .stream = open_memstream(&lines, &size), .level = DH_LOG_WARN, .rank = -1, .bare = true};
    dh_status status = make_search(setup, &log, out, err);
    if (log.stream)
        fclose(log.stream);
    if (size)
        dh_buffer_append(warnings, lines, size);
    free(lines);
    return status;
}

static void put_warnings(const char *lines, struct dh_buffer *out)
{
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1)
        dh_buffer_printf(out, "  warning   %.*s\n", (int)(end - lines), lines);
}

/* Ranks, cores and GPUs, and what does not fit. */
static void put_places(const struct dh_app_setup *setup, const struct dh_eval_plan *plan,
                       const struct dh_place *places, int size, struct dh_buffer *out)
{
    struct dh_groups groups = {0};
    struct dh_buffer text = {0};
    dh_placement_table(places, size, plan, out);
    if (plan->cores && !plan->in_rank)
        dh_placement_say_threads(places, size, plan, "threads     ", out);
    if (plan->ranks > 1) {
        dh_groups_form(places, size, plan->ranks, &groups);
        dh_buffer_text(out, "groups      ");
        dh_groups_describe(&groups, places, out);
        dh_buffer_text(out, "\n");
    }
    dh_placement_judge(places, size, plan, &setup->settings, plan->ranks > 1 ? &groups : NULL,
                       &text);
    put_warnings(text.size ? text.data : "", out);
    dh_buffer_free(&text);
    dh_groups_free(&groups);
}

dh_status dh_app_plan(const struct dh_app_setup *setup, bool fresh, struct dh_launcher *launcher,
                      const struct dh_place *places, int size, struct dh_buffer *out,
                      struct dh_error *err)
{
    const struct dh_settings *settings = &setup->settings;
    struct dh_eval_plan plan;
    dh_buffer_printf(out, "search      %s\n", settings->search.name);
    for (size_t i = 0; i < settings->objective_count; i++)
        dh_buffer_printf(out, "objective   %s %s\n", dh_objective_goal(&settings->objectives[i]),
                         settings->objectives[i].name);
    put_space(setup, out);
    put_limits(settings, out);
    struct dh_buffer warnings = {0};
    dh_status status = check_search(setup, out, &warnings, err);
    if (status == DH_OK)
        status = dh_eval_check(settings, setup->space, launcher, &plan, err);
    if (status != DH_OK) {
        dh_buffer_free(&warnings);
        return status;
    }
    put_evaluator(&plan, out);
    put_claims(settings, &plan, out);
    if (places && size > 1)
        put_places(setup, &plan, places, size, out);
    dh_app_warnings(setup, &warnings);
    put_warnings(warnings.size ? warnings.data : "", out);
    dh_buffer_free(&warnings);
    return put_checkpoint(setup, fresh, out, err);
}
