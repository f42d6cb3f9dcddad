/* Can a history of one space be continued in another? What its trials mean has to be the same:
 * names, types, values, conditions, constraints. Priors and defaults may change. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "parts.h"

/* The values of both as "name: what was …, is …". */
static void report(struct dh_buffer *out, const char *name, const char *what, const char *was,
                   const char *is)
{
    dh_buffer_printf(out, "\n  %s: %s was %s, is %s", name, what, was, is);
}

static void compare_number(struct dh_buffer *out, const char *name, const char *what, double was,
                           double is)
{
    if (was == is)
        return;
    struct dh_buffer before = {0}, after = {0};
    dh_text_put_number(&before, was);
    dh_text_put_number(&after, is);
    report(out, name, what, before.data, after.data);
    dh_buffer_free(&before);
    dh_buffer_free(&after);
}

/* Is it a character of names and numbers, of which two need a space between them? */
static bool wordlike(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* The expression without the spaces that mean nothing; "" for none. The caller frees it. */
static char *squeezed(const char *text)
{
    struct dh_buffer out = {0};
    char quote = '\0';
    bool space = false;
    for (const char *c = text ? text : ""; *c; c++) {
        if (!quote && isspace((unsigned char)*c)) {
            space = true;
            continue;
        }
        if (space && out.size > 0 && wordlike(out.data[out.size - 1]) && wordlike(*c))
            dh_buffer_text(&out, " ");
        space = false;
        dh_buffer_append(&out, c, 1);
        if (quote)
            quote = *c == quote ? '\0' : quote;
        else if (*c == '\'' || *c == '"')
            quote = *c;
    }
    return dh_buffer_take(&out);
}

static const char *condition_text(const struct dh_parameter *parameter)
{
    const struct dh_node *when = dh_node_child(parameter->node, "when");
    return when ? when->text : NULL;
}

static void compare_conditions(struct dh_buffer *out, const struct dh_parameter *was,
                               const struct dh_parameter *is)
{
    char *before = squeezed(condition_text(was)), *after = squeezed(condition_text(is));
    if (strcmp(before, after) != 0)
        report(out, was->name, "its condition", *before ? before : "none", *after ? after : "none");
    free(before);
    free(after);
}

static char *choices_text(const struct dh_parameter *parameter)
{
    struct dh_buffer out = {0};
    for (size_t i = 0; i < parameter->choice_count; i++) {
        const char *quote = parameter->choices[i].kind == DH_CHOICE_TEXT ? "'" : "";
        dh_buffer_printf(&out, "%s%s", i ? ", " : "(", quote);
        dh_parameter_format(parameter, (double)i, &out); /* 1.0 of a real: evaluations know */
        dh_buffer_text(&out, quote);
    }
    dh_buffer_text(&out, ")");
    return dh_buffer_take(&out);
}

static void compare_parameters(struct dh_buffer *out, const struct dh_parameter *was,
                               const struct dh_parameter *is)
{
    if (was->type != is->type) {
        report(out, was->name, "its type", dh_parameter_type_name(was->type),
               dh_parameter_type_name(is->type));
        return;
    }
    compare_number(out, was->name, "low", was->low, is->low);
    compare_number(out, was->name, "high", was->high, is->high);
    compare_number(out, was->name, "step", dh_lattice_spacing(was), dh_lattice_spacing(is));
    if (was->scale != is->scale)
        report(out, was->name, "scale", dh_scale_name(was->scale), dh_scale_name(is->scale));
    char *before = choices_text(was), *after = choices_text(is);
    if (strcmp(before, after) != 0)
        report(out, was->name, "values", before, after);
    free(before);
    free(after);
    compare_conditions(out, was, is);
}

/* Every constraint of `some` that `other` does not have. */
static void missing_constraints(struct dh_buffer *out, const struct dh_space *some,
                                const struct dh_space *other, const char *verb)
{
    for (size_t i = 0; i < some->constraint_count; i++) {
        char *text = squeezed(some->constraints[i].node->text);
        bool found = false;
        for (size_t k = 0; k < other->constraint_count && !found; k++) {
            char *candidate = squeezed(other->constraints[k].node->text);
            found = strcmp(text, candidate) == 0;
            free(candidate);
        }
        if (!found)
            dh_buffer_printf(out, "\n  the constraint \"%s\" %s", some->constraints[i].node->text,
                             verb);
        free(text);
    }
}

dh_status dh_space_compare(const struct dh_space *old, const struct dh_space *now,
                           struct dh_error *err)
{
    struct dh_buffer differences = {0};
    for (size_t i = 0; i < old->count; i++) {
        const struct dh_parameter *was = &old->parameters[i];
        int index = dh_space_find(now, was->name);
        if (index >= 0)
            compare_parameters(&differences, was, &now->parameters[index]);
        else
            dh_buffer_printf(&differences, "\n  %s: is gone", was->name);
    }
    for (size_t i = 0; i < now->count; i++)
        if (dh_space_find(old, now->parameters[i].name) < 0)
            dh_buffer_printf(&differences, "\n  %s: is new", now->parameters[i].name);
    missing_constraints(&differences, old, now, "is gone");
    missing_constraints(&differences, now, old, "is new");
    if (differences.size == 0)
        return DH_OK;
    dh_status status =
        dh_fail(err, DH_CONFIG, "the space is not that of the history:%s", differences.data);
    dh_buffer_free(&differences);
    return status;
}
