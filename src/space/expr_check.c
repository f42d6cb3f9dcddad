/* Expressions: what may meet what. Messages, and the types of operands.
 *
 * A label is worth nothing by itself: it becomes a number, the index of a choice, when it is
 * compared with a parameter. That is why a comparison also rewrites a step that is already there.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "expr_parts.h"

bool dh_expr_complain(struct dh_expr_compiler *c, const char *at, const char *format, ...)
{
    size_t column = 1;
    for (const char *s = c->text; s < at; s++)
        column += ((unsigned char)*s & 0xC0) != 0x80;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *what = !c->node ? "expression" : c->node->name ? c->node->name : "constraint";
    dh_node_fail(c->err, c->node, "%s: column %zu: %s", what, column, text);
    return false;
}

/* "the categorical parameter 'act' (labels)", "the label 'relu'", "a number", "a condition". */
static const char *describe(const struct dh_expr_operand *operand, char *out, size_t size)
{
    static const char *const types[] = {[DH_EXPR_NUMBER] = "a number",
                                        [DH_EXPR_LABEL] = "a label",
                                        [DH_EXPR_BOOLEAN] = "a condition"};
    static const char *const values[] = {[DH_EXPR_NUMBER] = "numbers",
                                         [DH_EXPR_LABEL] = "labels",
                                         [DH_EXPR_BOOLEAN] = "true or false"};
    if (operand->parameter)
        snprintf(out, size, "the %s parameter '%.80s' (%s)",
                 dh_parameter_type_name(operand->parameter->type), operand->parameter->name,
                 values[operand->type]);
    else if (operand->type == DH_EXPR_LABEL)
        snprintf(out, size, "the label '%.*s'", DH_EXPR_SHOWN(operand->label.length),
                 operand->label.start);
    else
        snprintf(out, size, "%s", types[operand->type]);
    return out;
}

bool dh_expr_require(struct dh_expr_compiler *c, const struct dh_expr_operand *operand,
                     enum dh_expr_type type)
{
    char found[160];
    if (operand->type == type)
        return true;
    return dh_expr_complain(c, operand->at, "expected %s, found %s",
                            type == DH_EXPR_NUMBER ? "a number" : "a condition such as x > 1",
                            describe(operand, found, sizeof found));
}

/* The index of a label among the choices of a parameter, or -1. */
static int choice_find(const struct dh_parameter *parameter, const char *text, size_t length)
{
    for (size_t i = 0; i < parameter->choice_count; i++)
        if (strncmp(parameter->choices[i].text, text, length) == 0 &&
            parameter->choices[i].text[length] == '\0')
            return (int)i;
    return -1;
}

static bool no_such_label(struct dh_expr_compiler *c, const struct dh_parameter *parameter,
                          const struct dh_expr_word *label)
{
    const char **names = dh_alloc(parameter->choice_count, sizeof *names);
    struct dh_buffer hint = {0};
    for (size_t i = 0; i < parameter->choice_count; i++) {
        names[i] = parameter->choices[i].text;
        if (i < 10)
            dh_buffer_printf(&hint, "%s'%.60s'", i ? ", " : "; its values are ", names[i]);
    }
    if (parameter->choice_count > 10)
        dh_buffer_text(&hint, ", …");
    char *word = dh_strndup(label->start, label->length);
    int nearest = dh_text_nearest(word, names, parameter->choice_count);
    if (nearest >= 0) {
        dh_buffer_clear(&hint);
        dh_buffer_printf(&hint, "; did you mean '%s'?", names[nearest]);
    }
    dh_expr_complain(c, label->at, "'%.80s' is never '%.60s'%s", parameter->name, word, hint.data);
    dh_buffer_free(&hint);
    free(word);
    free(names);
    return false;
}

/* Let a step load a choice's number, or what else a table of the parameter's choices says. */
void dh_expr_use_table(struct dh_expr *expr, struct dh_expr_step *step,
                       const struct dh_parameter *parameter)
{
    step->kind = DH_EXPR_LOOKUP;
    step->length = (uint32_t)parameter->choice_count;
    step->u.table = expr->table_size;
    for (size_t i = 0; i < parameter->choice_count; i++)
        *DH_PUSH(expr->tables, expr->table_size, expr->table_capacity) =
            parameter->choices[i].number;
}

static bool incomparable(struct dh_expr_compiler *c, const struct dh_expr_operand *left,
                         const struct dh_expr_operand *right)
{
    char a[160], b[160];
    return dh_expr_complain(c, left->at, "cannot compare %s with %s", describe(left, a, sizeof a),
                            describe(right, b, sizeof b));
}

/* What the parameter `owner` pushes where its value has this text: an index, or a truth value. -1,
 * which is equal to none, if it never has. */
static double pushed_for(const struct dh_expr_operand *owner, const char *text, size_t length)
{
    int index = choice_find(owner->parameter, text, length);
    bool truth = index >= 0 && owner->type == DH_EXPR_BOOLEAN;
    return truth ? owner->parameter->choices[index].number : index;
}

/* `label` becomes what `owner` pushes for the same text: a literal at once, another parameter's
 * value through a table. A label and a truth value that are never the same cannot be compared. */
static bool translate_label(struct dh_expr_compiler *c, const struct dh_expr_operand *owner,
                            const struct dh_expr_operand *label)
{
    struct dh_expr_step *step = &c->expr->steps[label->step];
    if (!label->parameter) {
        step->u.number = pushed_for(owner, label->label.start, label->label.length);
        return step->u.number >= 0 || no_such_label(c, owner->parameter, &label->label);
    }
    bool common = owner->type == label->type;
    dh_expr_use_table(c->expr, step, label->parameter);
    for (size_t i = 0; i < label->parameter->choice_count; i++) {
        const char *text = label->parameter->choices[i].text;
        double number = pushed_for(owner, text, strlen(text));
        c->expr->tables[step->u.table + i] = number;
        common = common || number >= 0;
    }
    return common || incomparable(c, owner, label);
}

/* Does the operand have a text: is it a label, or something that is written as true or false? */
static bool has_text(const struct dh_expr_operand *operand)
{
    return operand->type != DH_EXPR_NUMBER && (operand->parameter || operand->label.start);
}

/* Both sides of a comparison as numbers that can be compared. */
bool dh_expr_match(struct dh_expr_compiler *c, const struct dh_expr_operand *left,
                   const struct dh_expr_operand *right, enum dh_expr_family family)
{
    char a[160];
    const struct dh_expr_operand *owner = left->parameter ? left : right;
    const struct dh_expr_operand *other = left->parameter ? right : left;
    bool fixed = family == DH_EXPR_MEMBER && other == left;
    if (left->type != right->type && (fixed || !has_text(left) || !has_text(right)))
        return incomparable(c, left, right);
    if (family == DH_EXPR_ORDER && owner->type == DH_EXPR_BOOLEAN)
        return dh_expr_complain(c, left->at,
                                "conditions have no order; compare them with == or !=");
    if (left->type == right->type && left->type != DH_EXPR_LABEL)
        return true;
    if (!owner->parameter)
        return dh_expr_complain(c, left->at, "expected a parameter on one side, found two labels");
    if (family == DH_EXPR_ORDER && (other->parameter || owner->parameter->type != DH_ORDINAL))
        return dh_expr_complain(
            c, left->at,
            "the labels of %s have no order here; only an ordinal's have, compared "
            "with one of its own",
            describe(owner, a, sizeof a));
    return translate_label(c, owner, other);
}
