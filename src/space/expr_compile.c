/* Expressions: from text to a program, with types checked on the way.
 *
 * One function parses all binary operators by their level (precedence climbing); an operand that
 * comes back tells its type and, for messages and labels, what it was. The first problem ends the
 * compilation: what follows a misread word is noise. Recursion and the stack of the program are
 * bounded, whatever the text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "expr_parts.h"

#define MOST_RECURSION 200

static bool expected(struct dh_expr_compiler *c, const char *what)
{
    const struct dh_expr_word *word = &c->word;
    if (word->kind == DH_EXPR_WORD_BAD)
        return dh_expr_complain(c, word->at, "'%.*s' %s", DH_EXPR_SHOWN(word->length), word->at,
                                word->complaint);
    if (word->kind == DH_EXPR_WORD_END)
        return dh_expr_complain(c, word->at, "expected %s, found the end", what);
    return dh_expr_complain(c, word->at, "expected %s, found '%.*s'", what,
                            DH_EXPR_SHOWN(word->length), word->start);
}

static void advance(struct dh_expr_compiler *c)
{
    c->word = dh_expr_word_read(&c->next);
}

static bool take(struct dh_expr_compiler *c, const char *text)
{
    if (!dh_expr_word_is(&c->word, text))
        return false;
    advance(c);
    return true;
}

/* Emit a step after which the stack is `growth` higher. */
static bool emit(struct dh_expr_compiler *c, struct dh_expr_step step, int growth)
{
    dh_expr_emit(c->expr, step);
    c->height += (size_t)growth;
    return c->height <= DH_EXPR_STACK || dh_expr_complain(c, c->word.at, "nested too deeply");
}

static bool emit_unary(struct dh_expr_compiler *c, double (*function)(double))
{
    return emit(c, (struct dh_expr_step){.kind = DH_EXPR_UNARY, .u.unary = function}, 0);
}

static bool emit_binary(struct dh_expr_compiler *c, double (*function)(double, double))
{
    return emit(c, (struct dh_expr_step){.kind = DH_EXPR_BINARY, .u.binary = function}, -1);
}

static bool emit_constant(struct dh_expr_compiler *c, double number)
{
    return emit(c, (struct dh_expr_step){.kind = DH_EXPR_CONSTANT, .u.number = number}, 1);
}

static bool parse_level(struct dh_expr_compiler *c, int level, struct dh_expr_operand *out);

static bool unknown_name(struct dh_expr_compiler *c, const struct dh_expr_word *word,
                         const char *what, const char *nearest)
{
    return dh_expr_complain(
        c, word->at, "there is no %s '%.*s'%s%s%s", what, DH_EXPR_SHOWN(word->length), word->start,
        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static bool parse_call(struct dh_expr_compiler *c, const struct dh_expr_word *name,
                       struct dh_expr_operand *out)
{
    const struct dh_expr_function *function = dh_expr_function_find(name->start, name->length);
    if (!function) {
        char *word = dh_strndup(name->start, name->length);
        unknown_name(c, name, "function", dh_expr_function_nearest(word));
        free(word);
        return false;
    }
    for (int arguments = 0;; arguments++) {
        struct dh_expr_operand argument;
        if (!parse_level(c, DH_EXPR_LEVEL_OR, &argument) ||
            !dh_expr_require(c, &argument, DH_EXPR_NUMBER))
            return false;
        if (arguments > 0 && function->one)
            return dh_expr_complain(c, argument.at, "%s takes one argument", function->text);
        if (arguments > 0 && !emit_binary(c, function->fold))
            return false;
        if (!take(c, ","))
            break;
    }
    if (function->one && !emit_unary(c, function->one))
        return false;
    *out = (struct dh_expr_operand){.type = DH_EXPR_NUMBER, .at = name->at};
    return take(c, ")") || expected(c, "',' or ')'");
}

static bool is_label(const struct dh_expr_compiler *c, const char *word)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->parameters[i].choice_count; k++)
            if (strcmp(c->parameters[i].choices[k].text, word) == 0)
                return true;
    return false;
}

static bool parameter_unknown(struct dh_expr_compiler *c, const struct dh_expr_word *name)
{
    const char **names = dh_alloc(c->count, sizeof *names);
    for (size_t i = 0; i < c->count; i++)
        names[i] = c->parameters[i].name;
    char *word = dh_strndup(name->start, name->length);
    int nearest = dh_text_nearest(word, names, c->count);
    if (is_label(c, word))
        dh_expr_complain(c, name->at,
                         "there is no parameter '%s'; for the label, write it in quotes", word);
    else
        unknown_name(c, name, "parameter", nearest < 0 ? NULL : names[nearest]);
    free(word);
    free(names);
    return false;
}

/* What the parameter's values are: a label as soon as one of them is a text. */
static enum dh_expr_type type_of(const struct dh_parameter *parameter)
{
    if (parameter->choice_count == 0)
        return DH_EXPR_NUMBER;
    enum dh_choice_kind kind = parameter->choices[0].kind;
    for (size_t i = 0; i < parameter->choice_count; i++)
        if (parameter->choices[i].kind == DH_CHOICE_TEXT || parameter->choices[i].kind != kind)
            return DH_EXPR_LABEL;
    return kind == DH_CHOICE_TRUTH ? DH_EXPR_BOOLEAN : DH_EXPR_NUMBER;
}

static bool parse_parameter(struct dh_expr_compiler *c, const struct dh_expr_word *name,
                            struct dh_expr_operand *out)
{
    size_t i = 0;
    while (i < c->count && (strncmp(c->parameters[i].name, name->start, name->length) != 0 ||
                            c->parameters[i].name[name->length] != '\0'))
        i++;
    if (i == c->count)
        return parameter_unknown(c, name);
    const struct dh_parameter *parameter = &c->parameters[i];
    struct dh_expr_step step = {.kind = DH_EXPR_LOAD, .parameter = i};
    out->parameter = parameter;
    out->type = type_of(parameter);
    if (parameter->choice_count && out->type != DH_EXPR_LABEL)
        dh_expr_use_table(c->expr, &step, parameter);
    return emit(c, step, 1);
}

/* Is the text of `length` from a word on made of whole words? */
static bool whole_words(const struct dh_expr_word *first, size_t length)
{
    const char *next = first->at;
    while (next < first->at + length)
        (void)dh_expr_word_read(&next);
    return next == first->at + length;
}

/* Names of parameters may have a '-', which is a subtraction here: "a-b" is refused where it is
 * also a name, rather than read as a minus b. */
static bool not_ambiguous(struct dh_expr_compiler *c, const struct dh_expr_word *word)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->parameters[i].name;
        size_t length = strlen(name);
        if (length > word->length && name[word->length] == '-' &&
            strncmp(name, word->at, length) == 0 && whole_words(word, length))
            return dh_expr_complain(c, word->at,
                                    "it is not clear whether '%.60s' is the parameter of that name "
                                    "or a subtraction; write a subtraction with spaces around the "
                                    "'-', and rename the parameter to use it in an expression",
                                    name);
    }
    return true;
}

static bool parse_name(struct dh_expr_compiler *c, struct dh_expr_operand *out)
{
    struct dh_expr_word name = c->word;
    bool yes = dh_expr_word_is(&name, "true");
    if (yes || dh_expr_word_is(&name, "false")) {
        advance(c);
        out->type = DH_EXPR_BOOLEAN;
        out->label = name;
        return emit_constant(c, yes);
    }
    if (dh_expr_word_is(&name, "not"))
        return expected(c, "a value; a 'not' here needs parentheses");
    if (dh_expr_word_reserved(&name))
        return expected(c, "a value");
    if (!not_ambiguous(c, &name))
        return false;
    advance(c);
    if (take(c, "("))
        return parse_call(c, &name, out);
    return parse_parameter(c, &name, out);
}

static bool parse_atom(struct dh_expr_compiler *c, struct dh_expr_operand *out)
{
    *out = (struct dh_expr_operand){.at = c->word.at, .step = c->expr->step_count};
    struct dh_expr_word word = c->word;
    switch (word.kind) {
    case DH_EXPR_WORD_NUMBER:
        advance(c);
        out->type = DH_EXPR_NUMBER;
        return emit_constant(c, word.number);
    case DH_EXPR_WORD_LABEL:
        advance(c);
        out->type = DH_EXPR_LABEL;
        out->label = word;
        return emit_constant(c, -1); /* until it meets its parameter */
    case DH_EXPR_WORD_NAME:
        return parse_name(c, out);
    default:
        if (!take(c, "("))
            return expected(c, "a value");
        if (!parse_level(c, DH_EXPR_LEVEL_OR, out))
            return false;
        return take(c, ")") || expected(c, "an operator or ')'");
    }
}

static bool parse_prefix(struct dh_expr_compiler *c, int level, struct dh_expr_operand *out)
{
    const char *at = c->word.at;
    if (level <= DH_EXPR_LEVEL_NOT && take(c, "not")) {
        if (!parse_level(c, DH_EXPR_LEVEL_NOT, out) || !dh_expr_require(c, out, DH_EXPR_BOOLEAN) ||
            !emit_unary(c, dh_expr_not))
            return false;
    } else if (take(c, "-")) {
        if (!parse_level(c, DH_EXPR_LEVEL_UNARY, out) || !dh_expr_require(c, out, DH_EXPR_NUMBER) ||
            !emit_unary(c, dh_expr_negative))
            return false;
    } else {
        return parse_atom(c, out);
    }
    *out = (struct dh_expr_operand){.type = out->type, .at = at};
    return true;
}

/* The list behind `in`; `left` is on the stack. */
static bool parse_members(struct dh_expr_compiler *c, const struct dh_expr_operand *left)
{
    struct dh_expr_operand item;
    if (left->type == DH_EXPR_LABEL && !left->parameter)
        return dh_expr_complain(c, left->at,
                                "expected a parameter in front of 'in', found a label");
    if (!take(c, "("))
        return expected(c, "a list such as ('a', 'b')");
    if (!emit(c, (struct dh_expr_step){.kind = DH_EXPR_MEMBER_OPEN}, 1))
        return false;
    do {
        if (!parse_level(c, DH_EXPR_LEVEL_SUM, &item) ||
            !dh_expr_match(c, left, &item, DH_EXPR_MEMBER) ||
            !emit(c, (struct dh_expr_step){.kind = DH_EXPR_MEMBER_ITEM}, -1))
            return false;
    } while (take(c, ","));
    if (!take(c, ")"))
        return expected(c, "',' or ')'");
    return emit(c, (struct dh_expr_step){.kind = DH_EXPR_MEMBER_SHUT}, -1);
}

/* `left` op …: the operator has been taken; the result replaces `left`. */
static bool parse_right(struct dh_expr_compiler *c, const struct dh_expr_operator *op,
                        struct dh_expr_operand *left)
{
    struct dh_expr_operand right;
    if (op->family == DH_EXPR_MEMBER) {
        if (!parse_members(c, left))
            return false;
    } else {
        /* A power takes a sign and, to its right, the next power: 2^-1, 2^3^2. */
        bool power = op->level == DH_EXPR_LEVEL_POWER;
        enum dh_expr_type type = op->family == DH_EXPR_LOGIC ? DH_EXPR_BOOLEAN : DH_EXPR_NUMBER;
        bool compares = op->level == DH_EXPR_LEVEL_COMPARE;
        if (!compares && !dh_expr_require(c, left, type))
            return false;
        if (!parse_level(c, power ? DH_EXPR_LEVEL_UNARY : op->level + 1, &right))
            return false;
        if (compares ? !dh_expr_match(c, left, &right, op->family)
                     : !dh_expr_require(c, &right, type))
            return false;
        if (!emit_binary(c, op->apply))
            return false;
    }
    enum dh_expr_type result = op->family == DH_EXPR_ARITHMETIC ? DH_EXPR_NUMBER : DH_EXPR_BOOLEAN;
    *left = (struct dh_expr_operand){.type = result, .at = left->at};
    return true;
}

/* The operator at the current word; `negated` for "not in", whose "not" is taken. NULL if there
 * is none. */
static const struct dh_expr_operator *operator_here(struct dh_expr_compiler *c, bool *negated)
{
    *negated = false;
    if (c->word.kind != DH_EXPR_WORD_NAME && c->word.kind != DH_EXPR_WORD_SYMBOL)
        return NULL;
    if (dh_expr_word_is(&c->word, "not")) {
        const char *next = c->next;
        struct dh_expr_word after = dh_expr_word_read(&next);
        *negated = dh_expr_word_is(&after, "in");
        return *negated ? dh_expr_operator_find("in", 2) : NULL;
    }
    return dh_expr_operator_find(c->word.start, c->word.length);
}

/* Operators that bind at least as tightly as `level`, and what they join. */
static bool parse_operators(struct dh_expr_compiler *c, int level, struct dh_expr_operand *out)
{
    if (!parse_prefix(c, level, out))
        return false;
    for (bool compared = false, negated;;) {
        const struct dh_expr_operator *op = operator_here(c, &negated);
        if (!op || op->level < level)
            return true;
        bool compares = op->level == DH_EXPR_LEVEL_COMPARE;
        if (compares && compared)
            return dh_expr_complain(c, c->word.at,
                                    "comparisons do not chain; write a < b and b < c");
        compared = compares;
        if (negated)
            advance(c);
        advance(c);
        if (!parse_right(c, op, out) || (negated && !emit_unary(c, dh_expr_not)))
            return false;
    }
}

static bool parse_level(struct dh_expr_compiler *c, int level, struct dh_expr_operand *out)
{
    if (c->recursion == MOST_RECURSION)
        return dh_expr_complain(c, c->word.at, "nested too deeply");
    c->recursion++;
    bool parsed = parse_operators(c, level, out);
    c->recursion--;
    return parsed;
}

dh_status dh_expr_compile(const char *text, const struct dh_node *node,
                          const struct dh_parameter *parameters, size_t count, struct dh_expr **out,
                          struct dh_error *err)
{
    struct dh_expr_compiler c = {.text = text,
                                 .next = text,
                                 .node = node,
                                 .parameters = parameters,
                                 .count = count,
                                 .expr = dh_alloc(1, sizeof *c.expr),
                                 .err = err};
    struct dh_expr_operand whole;
    advance(&c);
    bool compiled = parse_level(&c, DH_EXPR_LEVEL_OR, &whole) &&
                    (c.word.kind == DH_EXPR_WORD_END || expected(&c, "an operator or the end")) &&
                    dh_expr_require(&c, &whole, DH_EXPR_BOOLEAN);
    if (!compiled)
        dh_expr_destroy(&c.expr);
    *out = c.expr;
    return compiled ? DH_OK : DH_CONFIG;
}
