/* Expressions as programs: evaluation, and the functions behind the operators.
 *
 * A compiled expression is a sequence of steps for a small stack of doubles, run once per
 * candidate point, so it neither allocates nor fails: the compiler has checked types and the
 * depth of the stack. NaN stands for "no value" and for "unknown" throughout, which makes
 * Kleene's logic three small functions.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "expr_parts.h"

/* Arithmetic without a finite result has no value. */
static double value_or_none(double value)
{
    return isfinite(value) ? value : NAN;
}

static double add(double a, double b)
{
    return value_or_none(a + b);
}

static double subtract(double a, double b)
{
    return value_or_none(a - b);
}

static double multiply(double a, double b)
{
    return value_or_none(a * b);
}

static double divide(double a, double b)
{
    return value_or_none(a / b);
}

/* With the sign of the divisor, as in mathematics and Python: -1 % 8 is 7. */
static double modulo(double a, double b)
{
    double rest = fmod(a, b);
    return value_or_none(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

/* pow(NaN, 0) is 1 in C, but an inactive base has no value. */
static double power(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : value_or_none(pow(a, b));
}

static double least(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
}

static double greatest(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

static double logarithm(double a)
{
    return value_or_none(log(a));
}

static double exponential(double a)
{
    return value_or_none(exp(a));
}

static double root(double a)
{
    return value_or_none(sqrt(a));
}

static double truth(double a, double b, bool holds)
{
    return isnan(a) || isnan(b) ? NAN : holds;
}

static double equal(double a, double b)
{
    return truth(a, b, a == b);
}

static double unequal(double a, double b)
{
    return truth(a, b, a != b);
}

static double less(double a, double b)
{
    return truth(a, b, a < b);
}

static double less_equal(double a, double b)
{
    return truth(a, b, a <= b);
}

static double greater(double a, double b)
{
    return truth(a, b, a > b);
}

static double greater_equal(double a, double b)
{
    return truth(a, b, a >= b);
}

static double both(double a, double b)
{
    return a == 0 || b == 0 ? 0 : truth(a, b, true);
}

static double either(double a, double b)
{
    return a == 1 || b == 1 ? 1 : truth(a, b, false);
}

double dh_expr_not(double a)
{
    return 1 - a;
}

double dh_expr_negative(double a)
{
    return -a;
}

static bool spelt(const char *name, const char *text, size_t length)
{
    return strncmp(name, text, length) == 0 && name[length] == '\0';
}

const struct dh_expr_operator *dh_expr_operator_find(const char *text, size_t length)
{
    static const struct dh_expr_operator operators[] = {
        {"or", DH_EXPR_LEVEL_OR, DH_EXPR_LOGIC, either},
        {"and", DH_EXPR_LEVEL_AND, DH_EXPR_LOGIC, both},
        {"in", DH_EXPR_LEVEL_COMPARE, DH_EXPR_MEMBER, NULL},
        {"==", DH_EXPR_LEVEL_COMPARE, DH_EXPR_EQUALITY, equal},
        {"!=", DH_EXPR_LEVEL_COMPARE, DH_EXPR_EQUALITY, unequal},
        {"<", DH_EXPR_LEVEL_COMPARE, DH_EXPR_ORDER, less},
        {"<=", DH_EXPR_LEVEL_COMPARE, DH_EXPR_ORDER, less_equal},
        {">", DH_EXPR_LEVEL_COMPARE, DH_EXPR_ORDER, greater},
        {">=", DH_EXPR_LEVEL_COMPARE, DH_EXPR_ORDER, greater_equal},
        {"+", DH_EXPR_LEVEL_SUM, DH_EXPR_ARITHMETIC, add},
        {"-", DH_EXPR_LEVEL_SUM, DH_EXPR_ARITHMETIC, subtract},
        {"*", DH_EXPR_LEVEL_PRODUCT, DH_EXPR_ARITHMETIC, multiply},
        {"/", DH_EXPR_LEVEL_PRODUCT, DH_EXPR_ARITHMETIC, divide},
        {"%", DH_EXPR_LEVEL_PRODUCT, DH_EXPR_ARITHMETIC, modulo},
        {"^", DH_EXPR_LEVEL_POWER, DH_EXPR_ARITHMETIC, power},
    };
    for (size_t i = 0; i < DH_COUNT_OF(operators); i++)
        if (spelt(operators[i].text, text, length))
            return &operators[i];
    return NULL;
}

static const struct dh_expr_function functions[] = {
    {"min", NULL, least},     {"max", NULL, greatest},    {"abs", fabs, NULL},
    {"log", logarithm, NULL}, {"exp", exponential, NULL}, {"sqrt", root, NULL},
    {"floor", floor, NULL},
};

const struct dh_expr_function *dh_expr_function_find(const char *text, size_t length)
{
    for (size_t i = 0; i < DH_COUNT_OF(functions); i++)
        if (spelt(functions[i].text, text, length))
            return &functions[i];
    return NULL;
}

const char *dh_expr_function_nearest(const char *word)
{
    const char *names[DH_COUNT_OF(functions)];
    for (size_t i = 0; i < DH_COUNT_OF(functions); i++)
        names[i] = functions[i].text;
    int nearest = dh_text_nearest(word, names, DH_COUNT_OF(functions));
    return nearest < 0 ? NULL : names[nearest];
}

static void add_use(struct dh_expr *expr, size_t parameter)
{
    size_t at = 0;
    while (at < expr->use_count && expr->uses[at] < parameter)
        at++;
    if (at < expr->use_count && expr->uses[at] == parameter)
        return;
    (void)DH_PUSH(expr->uses, expr->use_count, expr->use_capacity);
    memmove(&expr->uses[at + 1], &expr->uses[at], (expr->use_count - 1 - at) * sizeof *expr->uses);
    expr->uses[at] = parameter;
}

void dh_expr_emit(struct dh_expr *expr, struct dh_expr_step step)
{
    *DH_PUSH(expr->steps, expr->step_count, expr->step_capacity) = step;
    if (step.kind == DH_EXPR_LOAD || step.kind == DH_EXPR_LOOKUP)
        add_use(expr, step.parameter);
}

static double look_up(const struct dh_expr *expr, const struct dh_expr_step *step, double index)
{
    return index >= 0 && index < step->length ? expr->tables[step->u.table + (size_t)index] : NAN;
}

static double evaluate(const struct dh_expr *expr, const double *point)
{
    double stack[DH_EXPR_STACK];
    double *top = stack; /* the first free slot */
    const struct dh_expr_step *end = expr->steps + expr->step_count;
    for (const struct dh_expr_step *step = expr->steps; step < end; step++) {
        switch (step->kind) {
        case DH_EXPR_CONSTANT:
            *top++ = step->u.number;
            break;
        case DH_EXPR_LOAD:
            *top++ = point[step->parameter];
            break;
        case DH_EXPR_LOOKUP:
            *top++ = look_up(expr, step, point[step->parameter]);
            break;
        case DH_EXPR_UNARY:
            top[-1] = step->u.unary(top[-1]);
            break;
        case DH_EXPR_BINARY:
            top--;
            top[-1] = step->u.binary(top[-1], top[0]);
            break;
        case DH_EXPR_MEMBER_OPEN:
            *top++ = 0;
            break;
        case DH_EXPR_MEMBER_ITEM:
            top--;
            top[-1] = either(top[-1], equal(top[-2], top[0]));
            break;
        case DH_EXPR_MEMBER_SHUT:
            top--;
            top[-1] = top[0];
            break;
        }
    }
    return top[-1];
}

bool dh_expr_holds(const struct dh_expr *expr, const double *point)
{
    return evaluate(expr, point) == 1;
}

bool dh_expr_fails(const struct dh_expr *expr, const double *point)
{
    return evaluate(expr, point) == 0;
}

void dh_expr_destroy(struct dh_expr **expr)
{
    struct dh_expr *e = *expr;
    *expr = NULL;
    if (!e)
        return;
    free(e->steps);
    free(e->tables);
    free(e->uses);
    free(e);
}

const size_t *dh_expr_uses(const struct dh_expr *expr, size_t *count)
{
    *count = expr->use_count;
    return expr->uses;
}

void dh_expr_renumber(struct dh_expr *expr, const size_t *map)
{
    expr->use_count = 0;
    for (size_t i = 0; i < expr->step_count; i++) {
        struct dh_expr_step *step = &expr->steps[i];
        if (step->kind == DH_EXPR_LOAD || step->kind == DH_EXPR_LOOKUP) {
            step->parameter = map[step->parameter];
            add_use(expr, step->parameter);
        }
    }
}
