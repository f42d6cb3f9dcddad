/* Points: what is active in them, whether they are allowed, which one they are, and how to read
 * one from the configuration. */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/bits.h"
#include "dh_mpi/hash.h"
#include "parts.h"

bool dh_space_active(const struct dh_space *space, size_t index, const double *point)
{
    const struct dh_expr *condition = space->conditions[index];
    return !condition || dh_expr_holds(condition, point);
}

void dh_space_settle(const struct dh_space *space, double *point)
{
    for (size_t i = 0; i < space->count; i++)
        if (!dh_space_active(space, i, point))
            point[i] = NAN;
        else if (isnan(point[i]))
            point[i] = space->parameters[i].preset;
}

/* The first constraint that is known not to hold, or NULL. */
static const struct dh_constraint *violated(const struct dh_space *space, const double *point)
{
    for (size_t i = 0; i < space->constraint_count; i++)
        if (dh_expr_fails(space->constraints[i].expr, point))
            return &space->constraints[i];
    return NULL;
}

bool dh_space_feasible(const struct dh_space *space, const double *point)
{
    return !violated(space, point);
}

static dh_status check_constraints(const struct dh_space *space, const double *point,
                                   struct dh_error *err)
{
    const struct dh_constraint *constraint = violated(space, point);
    if (!constraint)
        return DH_OK;
    return dh_fail(err, DH_CONFIG, "the constraint \"%s\" (%s:%d) does not hold",
                   constraint->node->text, constraint->node->file, constraint->node->line);
}

dh_status dh_space_check(const struct dh_space *space, const double *point, struct dh_error *err)
{
    for (size_t i = 0; i < space->count; i++) {
        const struct dh_parameter *parameter = &space->parameters[i];
        bool active = dh_space_active(space, i, point);
        if (!active && isnan(point[i]))
            continue;
        if (!active)
            return dh_fail(err, DH_CONFIG, "%s has a value, but its condition does not hold: %s",
                           parameter->name, dh_node_child(parameter->node, "when")->text);
        if (isnan(point[i]))
            return dh_fail(err, DH_CONFIG, "%s has no value, but it is active", parameter->name);
        dh_status status = dh_value_check(parameter, point[i], err);
        if (status != DH_OK)
            return status;
    }
    return check_constraints(space, point, err);
}

/* Choices by their texts, numbers by their bits, so that neither the order of parameters nor that
 * of values matters. A sum, since it does not depend on the order either. */
uint64_t dh_space_identity(const struct dh_space *space, const double *point)
{
    uint64_t identity = 0;
    for (size_t i = 0; i < space->count; i++) {
        if (isnan(point[i]))
            continue;
        uint64_t value = space->choice_hashes[i] ? space->choice_hashes[i][(size_t)point[i]]
                                                 : dh_bits_of(point[i] + 0.0); /* -0 is 0 */
        identity += dh_hash_mix(space->name_hashes[i] ^ dh_hash_mix(value));
    }
    return dh_hash_mix(identity);
}

bool dh_space_equal(const struct dh_space *space, const double *a, const double *b)
{
    for (size_t i = 0; i < space->count; i++)
        if (!(a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
            return false;
    return true;
}

/* Is it a pair ("name", value)? Names that are no keys for libconfig can be given like that. */
static bool is_pair(const struct dh_node *node)
{
    return node->kind == DH_NODE_LIST && node->child_count == 2 &&
           node->children[0]->kind == DH_NODE_TEXT;
}

dh_status dh_point_collect(const struct dh_space *space, const struct dh_node *group,
                           const struct dh_node **given, struct dh_error *err)
{
    bool pairs = group->kind == DH_NODE_LIST;
    if (!pairs && group->kind != DH_NODE_GROUP)
        return dh_node_fail(err, group, "expected a group of values { name = value; }, not a %s",
                            dh_node_kind_name(group->kind));
    for (size_t i = 0; i < group->child_count; i++) {
        const struct dh_node *node = group->children[i];
        if (pairs && !is_pair(node))
            return dh_node_fail(err, node, "expected a pair (\"name\", value)");
        const char *name = pairs ? node->children[0]->text : node->name;
        int index = dh_space_find(space, name);
        if (index >= 0 && given[index])
            return dh_node_fail(err, node, "%s is given twice", name);
        if (index >= 0) {
            given[index] = pairs ? node->children[1] : node;
            continue;
        }
        const char *nearest = dh_space_nearest(space, name);
        return dh_node_fail(err, node, "there is no parameter \"%s\"%s%s%s", name,
                            nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                            nearest ? "\"?" : "");
    }
    return DH_OK;
}

static dh_status read_given(const struct dh_space *space, const struct dh_node *const *given,
                            double *point, struct dh_error *err)
{
    for (size_t i = 0; i < space->count; i++) {
        point[i] = NAN;
        if (!given[i])
            continue;
        dh_status status = dh_value_from_node(&space->parameters[i], given[i], &point[i], err);
        if (status != DH_OK)
            return status;
    }
    dh_space_settle(space, point);
    for (size_t i = 0; i < space->count; i++) {
        const struct dh_parameter *parameter = &space->parameters[i];
        if (given[i] && isnan(point[i]))
            return dh_node_fail(err, given[i],
                                "%s cannot have a value here, its condition does not hold: %s",
                                parameter->name, dh_node_child(parameter->node, "when")->text);
    }
    return DH_OK;
}

dh_status dh_space_read_point(const struct dh_space *space, const struct dh_node *group,
                              double *point, struct dh_error *err)
{
    const struct dh_node **given = dh_alloc(space->count, sizeof *given);
    dh_status status = dh_point_collect(space, group, given, err);
    if (status == DH_OK)
        status = read_given(space, given, point, err);
    free(given);
    if (status != DH_OK)
        return status;
    struct dh_error why = {0};
    status = check_constraints(space, point, &why);
    return status == DH_OK ? DH_OK : dh_node_fail(err, group, "%s", why.text);
}
