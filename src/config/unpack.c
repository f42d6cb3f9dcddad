/* Strict unpacking of a group by a table of options: see config.h.
 *
 * One function a type reads a node into the field; everything that is not its business (unknown
 * and missing keys, defaults, collecting) is common. All problems of a group are reported
 * together, because a job that waited a night in a queue should not reveal them one by one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "tree.h"

void dh_problems_add(struct dh_problems *problems, const struct dh_error *err)
{
    if (problems->lines.size)
        dh_buffer_text(&problems->lines, "\n");
    dh_buffer_text(&problems->lines, err->text);
}

dh_status dh_problems_end(struct dh_problems *problems, struct dh_error *err)
{
    dh_status status = DH_OK;
    if (problems->lines.size)
        status = dh_fail(err, DH_CONFIG, "%s", problems->lines.data);
    dh_buffer_free(&problems->lines);
    return status;
}

/* What is unpacked now. */
struct site {
    const char *what;
    const struct dh_option *option;
    const struct dh_node *node;
};

static dh_status expected(const struct site *site, const char *wanted, struct dh_error *err)
{
    return dh_node_fail(err, site->node, "%s: %s: expected %s, found %s", site->what,
                        site->option->name, wanted, dh_node_kind_name(site->node->kind));
}

/* `value` is wide enough for every integer, so that 2^53 + 1 is not taken for 2^53. */
static dh_status check_range(const struct site *site, long double value, struct dh_error *err)
{
    const struct dh_option *option = site->option;
    if (!dh_option_ranged(option) || (value >= option->low && value <= option->high))
        return DH_OK;
    struct dh_buffer range = {0}, found = {0};
    dh_option_put_range(option, &range);
    if (site->node->kind == DH_NODE_TEXT)
        dh_buffer_printf(&found, "'%s'", site->node->text);
    else if (site->node->kind == DH_NODE_INT)
        dh_buffer_printf(&found, "%lld", (long long)site->node->integer);
    else
        dh_text_put_number(&found, site->node->number);
    dh_status status = dh_node_fail(err, site->node, "%s: %s must be %s (found %s)", site->what,
                                    option->name, range.data, found.data);
    dh_buffer_free(&range);
    dh_buffer_free(&found);
    return status;
}

static dh_status read_bool(const struct site *site, void *field, struct dh_error *err)
{
    if (site->node->kind != DH_NODE_BOOL)
        return expected(site, "true or false", err);
    *(bool *)field = site->node->integer != 0;
    return DH_OK;
}

static dh_status read_int(const struct site *site, void *field, struct dh_error *err)
{
    const struct dh_node *node = site->node;
    if (node->kind == DH_NODE_REAL) { /* 1e6 is an integer as people write it */
        if (node->number != floor(node->number) || fabs(node->number) > 0x1p53)
            return dh_node_fail(err, node, "%s: %s: expected an integer, found %.15g", site->what,
                                site->option->name, node->number);
        *(int64_t *)field = (int64_t)node->number;
    } else if (node->kind == DH_NODE_INT) {
        *(int64_t *)field = node->integer;
    } else {
        return expected(site, "an integer", err);
    }
    return check_range(site, (long double)*(int64_t *)field, err);
}

static bool is_number(const struct dh_node *node)
{
    return node->kind == DH_NODE_INT || node->kind == DH_NODE_REAL;
}

static dh_status read_real(const struct site *site, void *field, struct dh_error *err)
{
    if (!is_number(site->node))
        return expected(site, "a number", err);
    *(double *)field = site->node->number;
    return check_range(site, site->node->number, err);
}

/* A number, or a text that `parse` understands. */
static dh_status read_quantity(const struct site *site, bool (*parse)(const char *, double *),
                               const char *wanted, void *field, struct dh_error *err)
{
    const struct dh_node *node = site->node;
    if (is_number(node))
        *(double *)field = node->number;
    else if (node->kind != DH_NODE_TEXT)
        return expected(site, wanted, err);
    else if (!parse(node->text, field))
        return dh_node_fail(err, node, "%s: %s: expected %s, found '%s'", site->what,
                            site->option->name, wanted, node->text);
    dh_status status = check_range(site, *(double *)field, err);
    if (!status && *(double *)field < 0)
        status = dh_node_fail(err, node, "%s: %s must not be negative (found %.15g)", site->what,
                              site->option->name, node->number);
    return status;
}

static dh_status read_duration(const struct site *site, void *field, struct dh_error *err)
{
    return read_quantity(site, dh_text_duration, "a duration such as \"90s\" or \"01:50:00\"",
                         field, err);
}

static dh_status read_bytes(const struct site *site, void *field, struct dh_error *err)
{
    return read_quantity(site, dh_text_bytes, "a size such as \"512M\" or \"2G\"", field, err);
}

static dh_status read_text(const struct site *site, void *field, struct dh_error *err)
{
    if (site->node->kind != DH_NODE_TEXT)
        return expected(site, "text", err);
    *(const char **)field = site->node->text;
    return DH_OK;
}

/* "; did you mean 'x'?", or the list of what there is. */
static void put_hint(const char *word, const char *const *names, size_t count, const char *label,
                     struct dh_buffer *out)
{
    int nearest = dh_text_nearest(word, names, count);
    if (nearest >= 0)
        dh_buffer_printf(out, "; did you mean '%s'?", names[nearest]);
    else
        dh_buffer_printf(out, "; %s", label);
    for (size_t i = 0; nearest < 0 && i < count; i++)
        dh_buffer_printf(out, "%s %s", i ? "," : "", names[i]);
}

static dh_status read_choice(const struct site *site, void *field, struct dh_error *err)
{
    const char *const *choices = site->option->choices;
    if (site->node->kind != DH_NODE_TEXT)
        return expected(site, "text", err);
    int count = 0;
    for (; choices[count]; count++)
        if (strcmp(choices[count], site->node->text) == 0) {
            *(int *)field = count;
            return DH_OK;
        }
    struct dh_buffer list = {0};
    for (int i = 0; i < count; i++)
        dh_buffer_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", choices[i]);
    int nearest = dh_text_nearest(site->node->text, choices, (size_t)count);
    if (nearest >= 0)
        dh_buffer_printf(&list, "; did you mean '%s'?", choices[nearest]);
    dh_status status =
        dh_node_fail(err, site->node, "%s: %s is '%s', but must be one of %s", site->what,
                     site->option->name, site->node->text, list.size ? list.data : "(nothing)");
    dh_buffer_free(&list);
    return status;
}

static dh_status read_node(const struct site *site, void *field, struct dh_error *err)
{
    (void)err;
    *(const struct dh_node **)field = site->node;
    return DH_OK;
}

static void default_bool(const struct dh_option *option, void *field)
{
    *(bool *)field = option->fallback != 0;
}

static void default_int(const struct dh_option *option, void *field)
{
    *(int64_t *)field = (int64_t)option->fallback;
}

static void default_real(const struct dh_option *option, void *field)
{
    *(double *)field = option->fallback;
}

static void default_text(const struct dh_option *option, void *field)
{
    (void)option;
    *(const char **)field = NULL;
}

static void default_choice(const struct dh_option *option, void *field)
{
    *(int *)field = (int)option->fallback;
}

static void default_node(const struct dh_option *option, void *field)
{
    (void)option;
    *(const struct dh_node **)field = NULL;
}

static const struct {
    dh_status (*read)(const struct site *site, void *field, struct dh_error *err);
    void (*preset)(const struct dh_option *option, void *field);
} types[] = {
    [DH_OPTION_BOOL] = {read_bool, default_bool},
    [DH_OPTION_INT] = {read_int, default_int},
    [DH_OPTION_REAL] = {read_real, default_real},
    [DH_OPTION_TEXT] = {read_text, default_text},
    [DH_OPTION_CHOICE] = {read_choice, default_choice},
    [DH_OPTION_DURATION] = {read_duration, default_real},
    [DH_OPTION_BYTES] = {read_bytes, default_real},
    [DH_OPTION_NODE] = {read_node, default_node},
};

static void unknown_key(const struct dh_node *node, const char *what,
                        const struct dh_option *options, size_t count, struct dh_error *err)
{
    const char **names = dh_alloc(count, sizeof *names);
    struct dh_buffer hint = {0};
    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    if (count)
        put_hint(node->name, names, count, "known are", &hint);
    else
        dh_buffer_text(&hint, "; it has no settings");
    dh_node_fail(err, node, "%s: unknown setting '%s'%s", what, node->name, hint.data);
    dh_buffer_free(&hint);
    free(names);
}

static void unpack_child(const struct dh_node *node, const char *what,
                         const struct dh_option *options, size_t count, void *out,
                         struct dh_problems *problems)
{
    struct dh_error problem = {0};
    size_t i = 0;
    while (i < count && strcmp(options[i].name, node->name) != 0)
        i++;
    if (i == count) {
        unknown_key(node, what, options, count, &problem);
    } else {
        struct site site = {what, &options[i], node};
        types[options[i].type].read(&site, (char *)out + options[i].offset, &problem);
    }
    if (problem.status)
        dh_problems_add(problems, &problem);
}

dh_status dh_config_unpack(const struct dh_node *group, const char *what,
                           const struct dh_option *options, size_t count, void *out,
                           struct dh_error *err)
{
    struct dh_problems problems = {0};
    struct dh_error problem;
    for (size_t i = 0; i < count; i++)
        types[options[i].type].preset(&options[i], (char *)out + options[i].offset);
    if (group && group->kind != DH_NODE_GROUP)
        return dh_node_fail(err, group, "%s: expected a group { … }, found %s", what,
                            dh_node_kind_name(group->kind));
    for (size_t i = 0; group && i < group->child_count; i++)
        unpack_child(group->children[i], what, options, count, out, &problems);
    for (size_t i = 0; i < count; i++)
        if (options[i].required && !dh_node_child(group, options[i].name)) {
            dh_node_fail(&problem, group, "%s: '%s' is missing", what, options[i].name);
            dh_problems_add(&problems, &problem);
        }
    return dh_problems_end(&problems, err);
}
