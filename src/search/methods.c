/* The table of search methods: see methods.h. A new method is one file and one line here. */
#include "methods.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"

static const struct dh_search_method *const methods[] = {
    &dh_search_ambs, /* the default */
    &dh_search_random, &dh_search_sobol, &dh_search_halton, &dh_search_hammersley,
    &dh_search_lhs,    &dh_search_grid,  &dh_search_list,   NULL,
};
#define METHOD_COUNT (DH_COUNT_OF(methods) - 1)

const struct dh_search_method *const *dh_search_methods(void)
{
    return methods;
}

/* Unknown name: which is nearest, or which there are. */
static dh_status fail_unknown(const struct dh_node *node, struct dh_error *err)
{
    const char *names[METHOD_COUNT];
    struct dh_buffer all = {0};
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        names[i] = methods[i]->name;
        dh_buffer_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    int nearest = dh_text_nearest(node->text, names, METHOD_COUNT);
    if (nearest >= 0)
        dh_node_fail(err, node, "unknown search method \"%s\"; did you mean \"%s\"? (there are %s)",
                     node->text, names[nearest], all.data);
    else
        dh_node_fail(err, node, "unknown search method \"%s\"; there are %s", node->text, all.data);
    dh_buffer_free(&all);
    return DH_CONFIG;
}

dh_status dh_method_find(const struct dh_settings *settings, const struct dh_search_method **out,
                         struct dh_error *err)
{
    const struct dh_node *group = settings->optimizer;
    *out = methods[0];
    if (group && group->kind != DH_NODE_GROUP)
        return dh_node_fail(err, group, "optimizer: expected a group, found a %s",
                            dh_node_kind_name(group->kind));
    const struct dh_node *node = dh_node_child(group, "method");
    if (!node)
        return DH_OK;
    if (node->kind != DH_NODE_TEXT)
        return dh_node_fail(err, node,
                            "optimizer.method: expected the name of a search method, "
                            "found a %s",
                            dh_node_kind_name(node->kind));
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (strcmp(methods[i]->name, node->text) == 0) {
            *out = methods[i];
            return DH_OK;
        }
    return fail_unknown(node, err);
}

bool dh_search_learns(const struct dh_settings *settings)
{
    const struct dh_search_method *method;
    return dh_method_find(settings, &method, NULL) == DH_OK && method->learns;
}

void *dh_method_unpack(const struct dh_search_method *method, const struct dh_settings *settings,
                       struct dh_error *err)
{
    /* "method" goes behind the method's own fields. */
    size_t align = sizeof(const char *);
    size_t offset = (method->options_size + align - 1) / align * align;
    size_t count = method->option_count + 1;
    struct dh_option *options = dh_alloc(count, sizeof *options);
    if (method->option_count)
        memcpy(options, method->options, method->option_count * sizeof *options);
    options[count - 1] = (struct dh_option){
        .name = "method", .type = DH_OPTION_TEXT, .offset = offset, .help = "how to search"};
    void *out = dh_alloc(1, offset + align);
    char *what = dh_strprintf("optimizer (method %s)", method->name);
    if (dh_config_unpack(settings->optimizer, what, options, count, out, err)) {
        free(out);
        out = NULL;
    }
    free(what);
    free(options);
    return out;
}

uint64_t dh_set_size(const struct dh_search_context *context, int64_t size)
{
    int64_t budget = context->settings->search.max_evaluations;
    return (uint64_t)(size > 0 ? size : budget > 0 ? budget : DH_SET_SIZE);
}
