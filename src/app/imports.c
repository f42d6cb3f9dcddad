/* Old results: see imports.h. */
#include "imports.h"

#include <string.h>
#include <sys/stat.h>

#include "dh_mpi/alloc.h"

/* Of lines, without the end of the last one. */
static int length_of(const char *lines)
{
    int length = (int)strlen(lines);
    return length - (length > 0 && lines[length - 1] == '\n');
}

/* Its points, for the setting `node` that names it. Where only points are wanted nobody has to be
 * warned of their values. */
static dh_status read_file(const struct dh_app_setup *setup, const struct dh_node *node,
                           enum dh_import_rows rows, const struct dh_log *log,
                           struct dh_import *out, struct dh_error *err)
{
    dh_status status = dh_import_read(node->text, setup->space, &setup->settings, rows, out, err);
    if (status == DH_OK) {
        int length = length_of(out->notes), warned = length_of(out->warnings);
        dh_log_info(log, "%zu point%s from %s%s%.*s", out->count, out->count == 1 ? "" : "s",
                    node->text, length ? "\n" : "", length, out->notes);
        if (warned && rows == DH_IMPORT_RESULTS)
            dh_log_warn(log, "%.*s", warned, out->warnings);
        if (*out->losses)
            dh_log_warn(log, "%.*s", length_of(out->losses), out->losses);
        if (*out->moved)
            dh_log_warn(log, "%.*s", length_of(out->moved), out->moved);
        return DH_OK;
    }
    if (node->line > 0)
        return dh_fail_context(err, "%s:%d", node->file, node->line);
    return dh_fail_context(err, "%s", node->file);
}

static void *append(void *array, size_t count, const void *more, size_t more_count, size_t size)
{
    char *whole = dh_realloc(array, (count + more_count) * size + 1);
    if (more_count)
        memcpy(whole + count * size, more, more_count * size);
    return whole;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static dh_status read_warm(const struct dh_app_setup *setup, const struct dh_node *entry,
                           const struct dh_log *log, struct dh_import *warm, struct dh_error *err)
{
    if (entry->kind != DH_NODE_TEXT)
        return dh_node_fail(err, entry, "warm_start: expected the name of a file, found a %s",
                            dh_node_kind_name(entry->kind));
    if (same_file(entry->text, setup->settings.checkpoint.file))
        dh_log_warn(log,
                    "warm_start: %s is this search's own checkpoint: where it goes on with "
                    "it, its results count twice",
                    entry->text);
    struct dh_import one = {0};
    bool learns = dh_search_learns(&setup->settings); /* others only do not try them again */
    dh_status status =
        read_file(setup, entry, learns ? DH_IMPORT_RESULTS : DH_IMPORT_TRIED, log, &one, err);
    if (status != DH_OK)
        return status;
    size_t width = dh_space_count(setup->space) * sizeof(double);
    size_t depth = setup->settings.objective_count * sizeof(double);
    warm->points = append(warm->points, warm->count, one.points, one.count, width);
    warm->objectives = append(warm->objectives, warm->count, one.objectives, one.count, depth);
    warm->count += one.count;
    warm->skipped += one.skipped;
    warm->left_out += one.left_out;
    dh_import_free(&one);
    return DH_OK;
}

dh_status dh_imports_read(const struct dh_app_setup *setup, const struct dh_log *log,
                          struct dh_imports *imports, struct dh_search_context *context,
                          struct dh_error *err)
{
    *imports = (struct dh_imports){0};
    dh_status status = DH_OK;
    if (dh_search_list_file(&setup->settings))
        status = read_file(setup, dh_node_child(setup->settings.optimizer, "file"),
                           DH_IMPORT_POINTS, log, &imports->list, err);
    const struct dh_node *files = setup->settings.warm_start;
    for (size_t i = 0; files && i < files->child_count && status == DH_OK; i++)
        status = read_warm(setup, files->children[i], log, &imports->warm, err);
    context->points = imports->list.points;
    context->point_count = imports->list.count;
    context->warm_points = imports->warm.points;
    context->warm_objectives = imports->warm.objectives;
    context->warm_count = imports->warm.count;
    return status;
}

void dh_imports_free(struct dh_imports *imports)
{
    dh_import_free(&imports->list);
    dh_import_free(&imports->warm);
}
