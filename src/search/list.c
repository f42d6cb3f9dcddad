/* Method "list": the points of a file, in its order. Reading the file is the caller's part: the
 * points come with the context. A resumed search reads it from its beginning again and passes what
 * was proposed before: the file may have been edited meanwhile. */
#include "methods.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

struct options {
    const char *file;
};

static const struct dh_option option_table[] = {
    {.name = "file",
     .type = DH_OPTION_TEXT,
     .offset = offsetof(struct options, file),
     .required = true,
     .help = "a results.csv or a checkpoint: its configurations are evaluated in order"},
};

struct state {
    uint64_t cursor; /* points passed */
    const struct dh_search_context *context;
};

const char *dh_search_list_file(const struct dh_settings *settings)
{
    const struct dh_search_method *method;
    if (dh_method_find(settings, &method, NULL) || method != &dh_search_list)
        return NULL;
    const struct dh_node *file = dh_node_child(settings->optimizer, "file");
    return file && file->kind == DH_NODE_TEXT ? file->text : NULL;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many points are there before. */
static size_t count_repeated(const struct dh_search_context *context)
{
    size_t width = dh_space_count(context->space), count = context->point_count, repeated = 0;
    uint64_t *identities = dh_alloc(count, sizeof *identities);
    for (size_t i = 0; i < count; i++)
        identities[i] = dh_space_identity(context->space, context->points + i * width);
    qsort(identities, count, sizeof *identities, by_number);
    for (size_t i = 1; i < count; i++)
        repeated += identities[i] == identities[i - 1];
    free(identities);
    return repeated;
}

static dh_status create(const struct dh_search_context *context, const void *options, void **state,
                        struct dh_error *err)
{
    const struct options *o = options;
    struct state *s = dh_alloc(1, sizeof *s);
    *state = s;
    s->context = context;
    size_t width = dh_space_count(context->space), infeasible = 0;
    for (size_t i = 0; i < context->point_count; i++)
        infeasible += !dh_space_feasible(context->space, context->points + i * width);
    const struct dh_node *node = dh_node_child(context->settings->optimizer, "file");
    if (infeasible == context->point_count)
        return dh_node_fail(err, node,
                            "%s has no point that this search can evaluate (%zu points, "
                            "%zu of them against the constraints)",
                            o->file, context->point_count, infeasible);
    dh_log_info(context->log, "list: %zu points from %s, %zu of them against the constraints",
                context->point_count, o->file, infeasible);
    size_t repeated = count_repeated(context);
    if (repeated)
        dh_log_info(context->log, "list: %zu of them are there before: no point is evaluated twice",
                    repeated);
    return DH_OK;
}

static void destroy(void *state)
{
    free(state);
}

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    struct state *s = state;
    (void)id;
    (void)attempt;
    size_t width = dh_space_count(s->context->space);
    if (s->cursor >= s->context->point_count)
        return dh_fail(err, DH_EXHAUSTED, "the list has ended after %zu points",
                       s->context->point_count);
    memcpy(proposal->point, s->context->points + s->cursor * width, width * sizeof(double));
    proposal->cursor = ++s->cursor;
    return DH_OK;
}

const struct dh_search_method dh_search_list = {
    .name = "list",
    .summary = "the configurations of a file, in its order (of a checkpoint: as they ended)",
    .options = option_table,
    .option_count = DH_COUNT_OF(option_table),
    .options_size = sizeof(struct options),
    .closed = true,
    .create = create,
    .destroy = destroy,
    .ask = ask,
};
