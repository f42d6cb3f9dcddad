/* The space as a whole: reading the parameters, their conditions and the constraints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/text.h"
#include "parts.h"

static dh_status read_parameters(struct dh_space *space, const struct dh_node *list,
                                 struct dh_error *err)
{
    if (!list || list->kind != DH_NODE_LIST || list->child_count == 0)
        return dh_node_fail(err, list, "parameters has to be a list of at least one group");
    if (list->child_count > DH_SPACE_MOST_PARAMETERS)
        return dh_node_fail(err, list, "%zu parameters are more than the limit of %d",
                            list->child_count, DH_SPACE_MOST_PARAMETERS);
    space->parameters = dh_alloc(list->child_count, sizeof *space->parameters);
    space->conditions = dh_alloc(list->child_count, sizeof *space->conditions);
    for (size_t i = 0; i < list->child_count; i++) {
        space->count++;
        dh_status status = dh_parameter_unpack(list->children[i], &space->parameters[i], err);
        if (status != DH_OK)
            return status;
    }
    return DH_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct dh_named *)a)->name, ((const struct dh_named *)b)->name);
}

static void index_names(struct dh_space *space)
{
    free(space->names);
    space->names = dh_alloc(space->count, sizeof *space->names);
    for (size_t i = 0; i < space->count; i++)
        space->names[i] = (struct dh_named){space->parameters[i].name, i};
    qsort(space->names, space->count, sizeof *space->names, by_name);
}

static dh_status refuse_duplicates(const struct dh_space *space, struct dh_error *err)
{
    for (size_t i = 1; i < space->count; i++) {
        const struct dh_named *a = &space->names[i - 1], *b = &space->names[i];
        if (strcmp(a->name, b->name) != 0)
            continue;
        size_t first = a->index < b->index ? a->index : b->index;
        size_t second = a->index < b->index ? b->index : a->index;
        const struct dh_node *earlier = space->parameters[first].node;
        return dh_node_fail(err, dh_node_child(space->parameters[second].node, "name"),
                            "the parameter \"%s\" is there already, at %s:%d", a->name,
                            earlier->file, earlier->line);
    }
    return DH_OK;
}

/* Bring the parameters into the order, and their conditions with them. */
static void reorder(struct dh_space *space, const size_t *order)
{
    struct dh_parameter *parameters = dh_alloc(space->count, sizeof *parameters);
    struct dh_expr **conditions = dh_alloc(space->count, sizeof *conditions);
    size_t *place = dh_alloc(space->count, sizeof *place);
    for (size_t k = 0; k < space->count; k++) {
        parameters[k] = space->parameters[order[k]];
        conditions[k] = space->conditions[order[k]];
        place[order[k]] = k;
    }
    for (size_t k = 0; k < space->count; k++)
        if (conditions[k])
            dh_expr_renumber(conditions[k], place);
    free(place);
    free(space->parameters);
    free(space->conditions);
    space->parameters = parameters;
    space->conditions = conditions;
}

static dh_status read_conditions(struct dh_space *space, struct dh_error *err)
{
    for (size_t i = 0; i < space->count; i++) {
        const struct dh_parameter *parameter = &space->parameters[i];
        if (!parameter->conditional)
            continue;
        const struct dh_node *when = dh_node_child(parameter->node, "when");
        dh_status status = dh_expr_compile(when->text, when, space->parameters, space->count,
                                           &space->conditions[i], err);
        if (status != DH_OK)
            return status;
        space->conditional = true;
    }
    size_t *order = dh_alloc(space->count, sizeof *order);
    dh_status status = dh_order_parents_first(space, order, err);
    if (status == DH_OK)
        reorder(space, order);
    free(order);
    return status;
}

static dh_status read_constraints(struct dh_space *space, const struct dh_node *list,
                                  struct dh_error *err)
{
    if (!list)
        return DH_OK;
    if (list->kind != DH_NODE_LIST)
        return dh_node_fail(err, list, "constraints has to be a list of texts");
    space->constraints = dh_alloc(list->child_count, sizeof *space->constraints);
    for (size_t i = 0; i < list->child_count; i++) {
        const struct dh_node *node = list->children[i];
        if (node->kind != DH_NODE_TEXT)
            return dh_node_fail(err, node, "a constraint has to be a text, not a %s",
                                dh_node_kind_name(node->kind));
        struct dh_constraint *constraint = &space->constraints[space->constraint_count++];
        constraint->node = node;
        dh_status status = dh_expr_compile(node->text, node, space->parameters, space->count,
                                           &constraint->expr, err);
        if (status != DH_OK)
            return status;
    }
    return DH_OK;
}

static uint64_t hash_text(const char *text)
{
    return dh_hash_bytes(0, text, strlen(text));
}

static void hash_names(struct dh_space *space)
{
    space->name_hashes = dh_alloc(space->count, sizeof *space->name_hashes);
    space->choice_hashes = dh_alloc(space->count, sizeof *space->choice_hashes);
    for (size_t i = 0; i < space->count; i++) {
        const struct dh_parameter *parameter = &space->parameters[i];
        space->name_hashes[i] = hash_text(parameter->name);
        if (parameter->choice_count == 0)
            continue;
        uint64_t *hashes = dh_alloc(parameter->choice_count, sizeof *hashes);
        for (size_t k = 0; k < parameter->choice_count; k++)
            hashes[k] = hash_text(parameter->choices[k].text);
        space->choice_hashes[i] = hashes;
    }
}

static dh_status fill(struct dh_space *space, const struct dh_settings *settings,
                      struct dh_error *err)
{
    dh_status status = read_parameters(space, settings->parameters, err);
    if (status != DH_OK)
        return status;
    index_names(space);
    status = refuse_duplicates(space, err);
    if (status == DH_OK)
        status = read_conditions(space, err);
    if (status != DH_OK)
        return status;
    index_names(space);
    hash_names(space);
    return read_constraints(space, settings->constraints, err);
}

dh_status dh_space_create(const struct dh_settings *settings, struct dh_space **out,
                          struct dh_error *err)
{
    *out = NULL;
    struct dh_space *space = dh_alloc(1, sizeof *space);
    dh_status status = fill(space, settings, err);
    if (status == DH_OK)
        *out = space;
    else
        dh_space_destroy(&space);
    return status;
}

void dh_space_destroy(struct dh_space **handle)
{
    struct dh_space *space = *handle;
    if (!space)
        return;
    for (size_t i = 0; i < space->count; i++) {
        dh_parameter_free(&space->parameters[i]);
        dh_expr_destroy(&space->conditions[i]);
        if (space->choice_hashes)
            free(space->choice_hashes[i]);
    }
    for (size_t i = 0; i < space->constraint_count; i++)
        dh_expr_destroy(&space->constraints[i].expr);
    free(space->parameters);
    free(space->conditions);
    free(space->names);
    free(space->name_hashes);
    free(space->choice_hashes);
    free(space->constraints);
    free(space);
    *handle = NULL;
}

size_t dh_space_count(const struct dh_space *space)
{
    return space->count;
}

const struct dh_parameter *dh_space_parameter(const struct dh_space *space, size_t index)
{
    return &space->parameters[index];
}

int dh_space_find(const struct dh_space *space, const char *name)
{
    struct dh_named key = {.name = name};
    const struct dh_named *found =
        bsearch(&key, space->names, space->count, sizeof *space->names, by_name);
    return found ? (int)found->index : -1;
}

const char *dh_space_nearest(const struct dh_space *space, const char *word)
{
    const char **names = dh_alloc(space->count, sizeof *names);
    for (size_t i = 0; i < space->count; i++)
        names[i] = space->parameters[i].name;
    int nearest = dh_text_nearest(word, names, space->count);
    free(names);
    return nearest < 0 ? NULL : space->parameters[nearest].name;
}

double dh_space_size(const struct dh_space *space)
{
    double size = 1;
    for (size_t i = 0; i < space->count; i++) {
        size *= dh_parameter_levels(&space->parameters[i]);
        if (!(size <= 1e15))
            return INFINITY;
    }
    return size;
}

bool dh_space_conditional(const struct dh_space *space)
{
    return space->conditional;
}
