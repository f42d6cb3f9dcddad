/* Expressions: every error with its column, values, precedence, three-valued logic, hostile text.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/expr.h"

enum { LR, UNITS, DEPTH, SIZE, ACT, ACT2, MIXED, BN, PATH, FIXED, FLAG, MODE, COUNT };

static struct dh_choice depths[] = {{.text = "1", .number = 1, .kind = DH_CHOICE_NUMBER},
                                    {.text = "2", .number = 2, .kind = DH_CHOICE_NUMBER},
                                    {.text = "4", .number = 4, .kind = DH_CHOICE_NUMBER}};
static struct dh_choice sizes[] = {{.text = "small"}, {.text = "medium"}, {.text = "large"}};
static struct dh_choice acts[] = {{.text = "relu"}, {.text = "tanh"}, {.text = "straße"}};
static struct dh_choice acts2[] = {{.text = "tanh"}, {.text = "gelu"}};
static struct dh_choice mixed[] = {{.text = "auto"},
                                   {.text = "3", .number = 3, .kind = DH_CHOICE_NUMBER}};
static struct dh_choice bools[] = {{.text = "false", .number = 0, .kind = DH_CHOICE_TRUTH},
                                   {.text = "true", .number = 1, .kind = DH_CHOICE_TRUTH}};
static struct dh_choice flags[] = {{.text = "true", .number = 1, .kind = DH_CHOICE_TRUTH},
                                   {.text = "false", .number = 0, .kind = DH_CHOICE_TRUTH}};
static struct dh_choice modes[] = {{.text = "auto"},
                                   {.text = "false", .number = 0, .kind = DH_CHOICE_TRUTH},
                                   {.text = "true", .number = 1, .kind = DH_CHOICE_TRUTH}};
static struct dh_choice fixed[] = {{.text = "7", .number = 7, .kind = DH_CHOICE_NUMBER}};

static const struct dh_parameter parameters[COUNT] = {
    [LR] = {.name = "lr", .type = DH_REAL, .low = 1e-5, .high = 1},
    [UNITS] = {.name = "units", .type = DH_INTEGER, .low = -512, .high = 512},
    [DEPTH] = {.name = "depth", .type = DH_ORDINAL, .choice_count = 3, .choices = depths},
    [SIZE] = {.name = "size", .type = DH_ORDINAL, .choice_count = 3, .choices = sizes},
    [ACT] = {.name = "act", .type = DH_CATEGORICAL, .choice_count = 3, .choices = acts},
    [ACT2] = {.name = "act2", .type = DH_CATEGORICAL, .choice_count = 2, .choices = acts2},
    [MIXED] = {.name = "mixed", .type = DH_CATEGORICAL, .choice_count = 2, .choices = mixed},
    [BN] = {.name = "batchnorm", .type = DH_BOOL, .choice_count = 2, .choices = bools},
    [PATH] = {.name = "body[1].conv.k", .type = DH_INTEGER, .low = 0, .high = 9},
    [FIXED] = {.name = "fixed", .type = DH_CONSTANT, .choice_count = 1, .choices = fixed},
    [FLAG] = {.name = "flag", .type = DH_CATEGORICAL, .choice_count = 2, .choices = flags},
    [MODE] = {.name = "mode", .type = DH_ORDINAL, .choice_count = 3, .choices = modes},
};

/* lr 0.5, units 64, depth 4, size medium, act tanh, act2 tanh, mixed 3, batchnorm true, flag
 * true, mode false. */
static const double usual[COUNT] = {0.5, 64, 2, 1, 1, 0, 1, 1, 3, 0, 0, 1};
/* Nothing is active. */
static const double nothing[COUNT] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};

static struct dh_expr *compiled(const char *text)
{
    struct dh_expr *expr;
    struct dh_error err = {0};
    if (dh_expr_compile(text, NULL, parameters, COUNT, &expr, &err))
        fail_msg("%s: %s", text, err.text);
    return expr;
}

/* 't', 'f' or '?' */
static char value_at(const char *text, const double *point)
{
    struct dh_expr *expr = compiled(text);
    bool holds = dh_expr_holds(expr, point), fails = dh_expr_fails(expr, point);
    dh_expr_destroy(&expr);
    assert_null(expr);
    assert_false(holds && fails);
    return holds ? 't' : fails ? 'f' : '?';
}

static void check_all(const char *const (*cases)[2], size_t count, const double *point)
{
    for (size_t i = 0; i < count; i++) {
        char found = value_at(cases[i][0], point);
        if (found != cases[i][1][0])
            fail_msg("%s: expected %s, found %c", cases[i][0], cases[i][1], found);
    }
}

/* Inactive values: a comparison with one is unknown, and that spreads as Kleene has it. */
static void test_unknown(void **state)
{
    static const char *const cases[][2] = {
        {"lr > 0", "?"},
        {"not (lr > 0)", "?"},
        {"lr == lr", "?"},
        {"lr != lr", "?"},
        {"lr * 0 == 0", "?"},
        {"lr ^ 0 == 1", "?"},
        {"1 ^ lr == 1", "?"},
        {"min(lr, 1) <= 1", "?"},
        {"max(1, lr) >= 1", "?"},
        {"abs(lr) >= 0", "?"},
        {"floor(lr) >= 0", "?"},
        {"-lr < 1", "?"},
        {"act == 'relu'", "?"},
        {"act != 'relu'", "?"},
        {"act == act2", "?"},
        {"size < 'large'", "?"},
        {"depth > 0", "?"},
        {"batchnorm", "?"},
        {"not batchnorm", "?"},
        {"batchnorm == true", "?"},
        {"batchnorm or true", "t"},
        {"true or batchnorm", "t"},
        {"batchnorm or false", "?"},
        {"false or batchnorm", "?"},
        {"batchnorm and true", "?"},
        {"true and batchnorm", "?"},
        {"batchnorm and false", "f"},
        {"false and batchnorm", "f"},
        {"batchnorm and batchnorm", "?"},
        {"batchnorm or batchnorm", "?"},
        {"act in ('relu', 'tanh', 'straße')", "?"},
        {"act not in ('relu')", "?"},
        {"3 in (lr, 3)", "t"},
        {"3 in (3, lr)", "t"},
        {"3 in (lr, 4)", "?"},
        {"3 not in (3, lr)", "f"},
        {"lr in (1, 2)", "?"},
        {"fixed == 7", "?"},
        {"flag", "?"},
        {"flag == 'true'", "?"},
        {"mode == true", "?"},
    };
    (void)state;
    check_all(cases, DH_COUNT_OF(cases), nothing);
}

/* Arithmetic without a finite result has no value. */
static void test_no_result(void **state)
{
    static const char *const cases[][2] = {
        {"0 / 0 == 0", "?"},        {"1 / 0 > 0", "?"},          {"log(-1) < 0", "?"},
        {"log(0) < 0", "?"},        {"sqrt(-1) == 0", "?"},      {"exp(1000) > 1", "?"},
        {"1e300 * 1e300 > 1", "?"}, {"1e308 + 1e308 > 0", "?"},  {"-1e308 - 1e308 < 0", "?"},
        {"5 % 0 == 0", "?"},        {"(-8) ^ 0.5 == 0", "?"},    {"0 ^ -1 > 0", "?"},
        {"not (0 / 0 == 0)", "?"},  {"0 / 0 == 0 or true", "t"},
    };
    (void)state;
    check_all(cases, DH_COUNT_OF(cases), usual);
}

static void test_precedence(void **state)
{
    static const char *const cases[][2] = {
        {"2 + 3 * 4 == 14", "t"},
        {"(2 + 3) * 4 == 20", "t"},
        {"10 - 3 - 2 == 5", "t"},
        {"100 / 10 / 5 == 2", "t"},
        {"100 % 7 * 2 == 4", "t"},
        {"2 ^ 3 ^ 2 == 512", "t"},
        {"-2 ^ 2 == -4", "t"},
        {"(-2) ^ 2 == 4", "t"},
        {"2 ^ -1 == 0.5", "t"},
        {"2 ^ -2 ^ 2 == 0.0625", "t"},
        {"2 * 3 ^ 2 == 18", "t"},
        {"- - 3 == 3", "t"},
        {"2 - -3 == 5", "t"},
        {"2 * -3 == -6", "t"},
        {"-3 % 8 == 5", "t"},
        {"3 % -8 == -5", "t"},
        {"-1 % 8 == 7", "t"},
        {"7.5 % 2 == 1.5", "t"},
        {"not 1 == 2", "t"},
        {"not 1 == 1 or true", "t"},
        {"not (1 == 1 or true)", "f"},
        {"not not true", "t"},
        {"true or false and false", "t"},
        {"(true or false) and false", "f"},
        {"not false and false", "f"},
        {"not (false and false)", "t"},
        {"1 + 1 < 3 and 2 * 2 > 3", "t"},
        {"1 + 1 in (2, 3)", "t"},
        {"not 1 in (2, 3)", "t"},
        {"1 not in (2, 3) and true", "t"},
        {"(1 < 2) == (3 < 4)", "t"},
        {"(1 < 2) != true", "f"},
        {"true == (1 > 2)", "f"},
        {"(1<2)and(2<3)", "t"},
    };
    (void)state;
    check_all(cases, DH_COUNT_OF(cases), usual);
}

static void test_values(void **state)
{
    static const char *const cases[][2] = {
        {"units * depth <= 1024", "t"},
        {"units * depth < 256", "f"},
        {"units == 64", "t"},
        {"depth == 4", "t"},
        {"depth in (1, 2)", "f"},
        {"depth not in (1, 2)", "t"},
        {"depth in (units / 16)", "t"},
        {"fixed == 7", "t"},
        {"act == 'tanh'", "t"},
        {"act == \"tanh\"", "t"},
        {"'tanh' == act", "t"},
        {"(act) == ('tanh')", "t"},
        {"act != 'straße'", "t"},
        {"act == act2", "t"},
        {"act != act2", "f"},
        {"act2 == act", "t"},
        {"act in ('relu', 'tanh')", "t"},
        {"act in (act2)", "t"},
        {"act in ('relu', act2)", "t"},
        {"act not in ('relu', 'straße')", "t"},
        {"size < 'large'", "t"},
        {"size <= 'medium'", "t"},
        {"size > 'medium'", "f"},
        {"'small' < size", "t"},
        {"'small' >= size", "f"},
        {"size == 'medium'", "t"},
        {"mixed == '3'", "t"},
        {"mixed == 'auto'", "f"},
        {"batchnorm", "t"},
        {"batchnorm == true", "t"},
        {"batchnorm != false", "t"},
        {"batchnorm == (lr > 0.9)", "f"},
        {"batchnorm in (false, true)", "t"},
        {"batchnorm and lr > 0.1", "t"},
        {"not (act == 'tanh' and lr > 0.05)", "f"},
        {"body[1].conv.k == 3", "t"},
        {"min(3, 1, 2) == 1", "t"},
        {"max(3, 1, 2) == 3", "t"},
        {"min(5) == 5", "t"},
        {"max(min(units, 10), 3) == 10", "t"},
        {"abs(-3) == 3", "t"},
        {"log(exp(1)) == 1", "t"},
        {"sqrt(16) == 4", "t"},
        {"floor(-1.5) == -2", "t"},
        {"log(1)==0", "t"},
        {".5 == 0.5", "t"},
        {"1e-3 < lr and 5E-1 == lr", "t"},
        {"lr\t<\n1", "t"},
    };
    (void)state;
    check_all(cases, DH_COUNT_OF(cases), usual);
}

/* Choices that are true or false: conditions where all are, and with texts among them labels that
 * `true` and 'true' both stand for. */
static void test_truth_values(void **state)
{
    static const char *const cases[][2] = {
        {"flag", "t"},
        {"not flag", "f"},
        {"flag == true", "t"},
        {"false == flag", "f"},
        {"flag == 'true'", "t"},
        {"'false' == flag", "f"},
        {"flag != (1 > 2)", "t"},
        {"flag == batchnorm", "t"},
        {"batchnorm == 'true'", "t"},
        {"flag in (true, 'false')", "t"},
        {"flag in (false, 'false')", "f"},
        {"flag not in ('false', mode, batchnorm)", "f"},
        {"flag in ('false', mode)", "f"},
        {"mode == false", "t"},
        {"false == mode", "t"},
        {"mode == true", "f"},
        {"mode == 'false'", "t"},
        {"mode in ('auto', true)", "f"},
        {"mode in (flag, false)", "t"},
        {"mode == flag", "f"},
        {"flag == mode", "f"},
        {"mode > 'auto'", "t"},
        {"mode < true", "t"},
        {"true in (flag, false)", "t"},
    };
    double point[COUNT];
    (void)state;
    check_all(cases, DH_COUNT_OF(cases), usual);
    memcpy(point, usual, sizeof point);
    point[FLAG] = 1; /* false */
    assert_int_equal(value_at("flag", point), 'f');
    assert_int_equal(value_at("flag == mode", point), 't');
    assert_int_equal(value_at("mode == flag", point), 't');
    assert_int_equal(value_at("flag in (true, mode)", point), 't');
    point[MODE] = 0; /* auto */
    assert_int_equal(value_at("flag == mode", point), 'f');
}

/* A label that the other parameter lacks is unequal to it, not unknown. */
static void test_foreign_label(void **state)
{
    double point[COUNT];
    (void)state;
    memcpy(point, usual, sizeof point);
    point[ACT] = 0;  /* relu */
    point[ACT2] = 1; /* gelu */
    assert_int_equal(value_at("act == act2", point), 'f');
    assert_int_equal(value_at("act2 == act", point), 'f');
    assert_int_equal(value_at("act != act2", point), 't');
    point[DEPTH] = 17; /* no such choice: no value, and no read past the table */
    assert_int_equal(value_at("depth > 0", point), '?');
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"", "column 1: expected a value, found the end"},
        {"   ", "column 4: expected a value, found the end"},
        {"lr", "column 1: expected a condition such as x > 1, found the real parameter 'lr'"},
        {"1 + 2", "column 1: expected a condition such as x > 1, found a number"},
        {"'relu'", "column 1: expected a condition such as x > 1, found the label 'relu'"},
        {"lr >", "column 5: expected a value, found the end"},
        {"lr > > 1", "column 6: expected a value, found '>'"},
        {"lr > 1 units", "column 8: expected an operator or the end, found 'units'"},
        {"(lr > 1", "column 8: expected an operator or ')', found the end"},
        {"lr > 1)", "column 7: expected an operator or the end, found ')'"},
        {"lr = 1", "column 4: '=' is no comparison; write '=='"},
        {"batchnorm && lr > 1", "column 11: '&&' is no operator here; write 'and'"},
        {"batchnorm || lr > 1", "column 11: '||' is no operator here; write 'or'"},
        {"!batchnorm", "column 1: '!' is no operator here; write 'not'"},
        {"lr ** 2 > 1", "column 4: '**' is no operator here; a power is written '^'"},
        {"lr > 1 ? 2", "column 8: '?' means nothing here"},
        {"lr > €", "column 6: '€' means nothing here"},
        {"lr > 0x10", "column 6: '0x10' is not a decimal number"},
        {"lr > 1abc", "column 6: '1abc' is not a decimal number"},
        {"lr > 1.2.3", "column 6: '1.2.3' is not a decimal number"},
        {"lr > 1e999", "column 6: '1e999' is too large"},
        {"act == 'relu", "column 8: ''' has no closing quote"},
        {"act == 'rellu'", "column 8: 'act' is never 'rellu'; did you mean 'relu'?"},
        {"act == 'x' or lr > 1",
         "column 8: 'act' is never 'x'; its values are 'relu', 'tanh', 'straße'"},
        {"'straße' == act and act == 'x'", "column 28: 'act' is never 'x'"},
        {"act in ('relu', 'tahn')", "column 17: 'act' is never 'tahn'; did you mean 'tanh'?"},
        {"act == 1", "column 1: cannot compare the categorical parameter 'act' (labels) with a "
                     "number"},
        {"depth == '2'", "column 1: cannot compare the ordinal parameter 'depth' (numbers) with "
                         "the label '2'"},
        {"mixed == 3", "cannot compare the categorical parameter 'mixed' (labels) with a number"},
        {"lr == act", "column 1: cannot compare the real parameter 'lr' (numbers) with the "
                      "categorical parameter 'act' (labels)"},
        {"batchnorm == 1", "column 1: cannot compare the bool parameter 'batchnorm' (true or "
                           "false) with a number"},
        {"batchnorm > false", "column 1: conditions have no order"},
        {"'a' == 'b'", "column 1: expected a parameter on one side, found two labels"},
        {"act < 'tanh'", "column 1: the labels of the categorical parameter 'act' (labels) have "
                         "no order"},
        {"size < act", "column 1: the labels of the ordinal parameter 'size' (labels) have no "
                       "order here"},
        {"size < 'lage'", "column 8: 'size' is never 'lage'; did you mean 'large'?"},
        {"'relu' in (act)", "column 1: expected a parameter in front of 'in'"},
        {"act in 'relu'", "column 8: expected a list such as ('a', 'b'), found 'relu'"},
        {"act in ()", "column 9: expected a value, found ')'"},
        {"act in ('relu'", "column 15: expected ',' or ')', found the end"},
        {"act in ('relu', 1)", "column 1: cannot compare"},
        {"lr in (1, 'a')", "column 1: cannot compare"},
        {"act + 1 > 2", "column 1: expected a number, found the categorical parameter 'act'"},
        {"1 + act > 2", "column 5: expected a number, found the categorical parameter 'act'"},
        {"-batchnorm", "column 2: expected a number, found the bool parameter 'batchnorm'"},
        {"not lr", "column 5: expected a condition such as x > 1, found the real parameter"},
        {"lr and true", "column 1: expected a condition such as x > 1"},
        {"true and lr", "column 10: expected a condition such as x > 1"},
        {"true or 1 + 1", "column 9: expected a condition such as x > 1, found a number"},
        {"1 < lr < 2", "column 8: comparisons do not chain"},
        {"1 in (1) == true", "column 10: comparisons do not chain"},
        {"flag == 'ture'", "column 9: 'flag' is never 'ture'; did you mean 'true'?"},
        {"flag == 'x'", "'flag' is never 'x'; its values are 'true', 'false'"},
        {"flag > false", "column 1: conditions have no order"},
        {"flag == act", "column 1: cannot compare the categorical parameter 'flag' (true or "
                        "false) with the categorical parameter 'act' (labels)"},
        {"act == true", "column 8: 'act' is never 'true'"},
        {"act == (1 < 2)", "column 1: cannot compare"},
        {"flag == 1", "column 1: cannot compare"},
        {"true in (mode)", "column 1: cannot compare a condition with the ordinal"},
        {"mode and flag", "column 1: expected a condition such as x > 1, found the ordinal"},
        {"lr == not true", "column 7: expected a value; a 'not' here needs parentheses"},
        {"lr and and", "column 1: expected a condition"},
        {"and", "column 1: expected a value, found 'and'"},
        {"lrr > 1", "column 1: there is no parameter 'lrr'; did you mean 'lr'?"},
        {"body[2].conv.k > 1", "there is no parameter 'body[2].conv.k'; did you mean 'body[1]"},
        {"act == tanh",
         "column 8: there is no parameter 'tanh'; for the label, write it in quotes"},
        {"act in (relu, tanh)", "column 9: there is no parameter 'relu'; for the label, write"},
        {"qqqqqq > 1", "column 1: there is no parameter 'qqqqqq'"},
        {"foor(1) > 1", "column 1: there is no function 'foor'; did you mean 'floor'?"},
        {"qqqqqq(1) > 1", "column 1: there is no function 'qqqqqq'"},
        {"abs(1, 2) > 1", "column 8: abs takes one argument"},
        {"abs() > 1", "column 5: expected a value, found ')'"},
        {"min(1, > 1", "column 8: expected a value, found '>'"},
        {"min(1 2) > 1", "column 7: expected ',' or ')', found '2'"},
        {"abs(act) > 1", "column 5: expected a number, found the categorical parameter 'act'"},
        {"sqrt(batchnorm) > 1", "column 6: expected a number, found the bool parameter"},
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_expr *expr = NULL;
        struct dh_error err = {0};
        dh_status status = dh_expr_compile(cases[i][0], NULL, parameters, COUNT, &expr, &err);
        if (status != DH_CONFIG || err.status != DH_CONFIG || expr != NULL ||
            !strstr(err.text, cases[i][1]) || strncmp(err.text, "expression: column ", 19) != 0)
            fail_msg("%s: expected '%s', found %d '%s'", cases[i][0], cases[i][1], status,
                     err.text);
        assert_int_equal(dh_expr_compile(cases[i][0], NULL, parameters, COUNT, &expr, NULL),
                         DH_CONFIG);
    }
}

static void test_place(void **state)
{
    struct dh_node when = {.kind = DH_NODE_TEXT, .name = "when", .file = "a.cfg", .line = 7};
    struct dh_node entry = {.kind = DH_NODE_TEXT, .file = "a.cfg", .line = 9};
    struct dh_expr *expr;
    struct dh_error err = {0};
    (void)state;
    assert_int_equal(dh_expr_compile("lr >", &when, parameters, COUNT, &expr, &err), DH_CONFIG);
    assert_string_equal(err.text, "a.cfg:7: when: column 5: expected a value, found the end");
    assert_int_equal(dh_expr_compile("lr >", &entry, parameters, COUNT, &expr, &err), DH_CONFIG);
    assert_string_equal(err.text, "a.cfg:9: constraint: column 5: expected a value, found the end");
    /* no parameters at all */
    assert_int_equal(dh_expr_compile("lr > 1", NULL, NULL, 0, &expr, &err), DH_CONFIG);
    assert_non_null(strstr(err.text, "there is no parameter 'lr'"));
}

static void test_uses(void **state)
{
    struct dh_expr *expr = compiled("units > lr and act == 'relu' and lr < 1 and depth in (1, 2)");
    size_t count, map[COUNT];
    const size_t *uses = dh_expr_uses(expr, &count);
    (void)state;
    assert_int_equal(count, 4);
    assert_int_equal(uses[0], LR);
    assert_int_equal(uses[1], UNITS);
    assert_int_equal(uses[2], DEPTH);
    assert_int_equal(uses[3], ACT);
    double turned[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        map[i] = COUNT - 1 - i;
        turned[map[i]] = usual[i];
    }
    turned[map[ACT]] = 0;
    turned[map[DEPTH]] = 1;
    dh_expr_renumber(expr, map);
    assert_true(dh_expr_holds(expr, turned));
    uses = dh_expr_uses(expr, &count);
    assert_int_equal(count, 4);
    for (size_t i = 1; i < count; i++)
        assert_true(uses[i - 1] < uses[i]);
    assert_int_equal(uses[3], map[LR]);
    dh_expr_destroy(&expr);
    dh_expr_destroy(&expr); /* NULL is fine */
    expr = compiled("true");
    dh_expr_uses(expr, &count);
    assert_int_equal(count, 0);
    dh_expr_destroy(&expr);
}

/* `count` times `before`, then `middle`, then `count` times `after`. */
static char *nest(const char *before, const char *middle, const char *after, size_t count)
{
    struct dh_buffer text = {0};
    for (size_t i = 0; i < count; i++)
        dh_buffer_text(&text, before);
    dh_buffer_text(&text, middle);
    for (size_t i = 0; i < count; i++)
        dh_buffer_text(&text, after);
    return dh_buffer_take(&text);
}

static void test_nesting(void **state)
{
    static const char *const shapes[][3] = {
        {"(", "true", ")"},          {"not ", "true", ""},
        {"-", "1", " > 0"},          {"2^", "1", ""},
        {"abs(", "1", ")"},          {"(1 + ", "1", ")"},
        {"not (", "true", ")"},      {"(true and ", "true", ")"},
        {"(true == ", "true", ")"},  {"min(1, 2 + 3 * ", "1", ")"},
        {"(true in (", "true", "))"}};
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(shapes); i++) {
        char *deep = nest(shapes[i][0], shapes[i][1], shapes[i][2], 10000);
        struct dh_expr *expr;
        struct dh_error err = {0};
        assert_int_equal(dh_expr_compile(deep, NULL, parameters, COUNT, &expr, &err), DH_CONFIG);
        if (!strstr(err.text, "nested too deeply"))
            fail_msg("%s…: %s", shapes[i][0], err.text);
        free(deep);
    }
    char *shallow = nest("(", "true", ")", 60);
    assert_int_equal(value_at(shallow, usual), 't');
    free(shallow);
    /* Long is not deep. */
    char *sum = nest("1 + ", "0 == 10000", "", 10000);
    assert_int_equal(value_at(sum, usual), 't');
    free(sum);
    char *list = nest("", "lr in (1", ", 0.25", 10000);
    char *closed = dh_strprintf("%s, 0.5)", list);
    assert_int_equal(value_at(closed, usual), 't');
    free(list);
    free(closed);
}

/* Random texts, of bytes and of words of the language: an error or a value, no more. */
static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void test_noise(void **state)
{
    static const char *const words[] = {
        "lr",  "units",  "depth",   "size", "act",   "act2", "mixed", "batchnorm", "1",  "0.5",
        "1e3", "'relu'", "'small'", "true", "false", "and",  "or",    "not",       "in", "(",
        "(",   ")",      ")",       ",",    "==",    "!=",   "<",     ">=",        "+",  "-",
        "*",   "/",      "%",       "^",    "min(",  "log(", "'",     "[1]",       "."};
    uint64_t seed = 7;
    size_t valid = 0;
    (void)state;
    for (int round = 0; round < 40000; round++) {
        struct dh_buffer text = {0};
        size_t length = draw(&seed) % 12;
        dh_buffer_text(&text, "");
        for (size_t i = 0; i < length; i++) {
            if (round % 4 == 0) {
                char byte = (char)(1 + draw(&seed) % 255);
                dh_buffer_append(&text, &byte, 1);
            } else {
                dh_buffer_text(&text, words[draw(&seed) % DH_COUNT_OF(words)]);
                dh_buffer_text(&text, " ");
            }
        }
        char *whole = dh_buffer_take(&text);
        struct dh_expr *expr;
        struct dh_error err = {0};
        if (dh_expr_compile(whole, NULL, parameters, COUNT, &expr, &err) == DH_OK) {
            valid++;
            assert_false(dh_expr_holds(expr, usual) && dh_expr_fails(expr, usual));
            assert_false(dh_expr_holds(expr, nothing) && dh_expr_fails(expr, nothing));
            dh_expr_destroy(&expr);
        } else {
            assert_null(expr);
            assert_non_null(strstr(err.text, "column"));
        }
        free(whole);
    }
    assert_true(valid > 100); /* the noise reaches the evaluator too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),      cmocka_unit_test(test_no_result),
        cmocka_unit_test(test_precedence),   cmocka_unit_test(test_values),
        cmocka_unit_test(test_truth_values), cmocka_unit_test(test_foreign_label),
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_place),
        cmocka_unit_test(test_uses),         cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
