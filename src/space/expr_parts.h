/* Inside the expression language: the program that an expression becomes (expr.c), the words it
 * is read as (expr_words.c), and the compiler from one to the other (expr_compile.c). */
#ifndef DH_SPACE_EXPR_PARTS_H
#define DH_SPACE_EXPR_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/expr.h"

/* Slots of the evaluation stack. What needs more is refused when it is compiled. */
#define DH_EXPR_STACK 256

/* Everything on the stack is a double. Number: NaN has no value. Boolean: 0, 1, NaN is unknown.
 * Label: index of a choice. */
enum dh_expr_kind {
    DH_EXPR_CONSTANT,    /* push `number` */
    DH_EXPR_LOAD,        /* push the parameter's native value */
    DH_EXPR_LOOKUP,      /* push tables[table + the parameter's value] */
    DH_EXPR_UNARY,       /* a → f(a) */
    DH_EXPR_BINARY,      /* a b → f(a, b) */
    DH_EXPR_MEMBER_OPEN, /* a → a false */
    DH_EXPR_MEMBER_ITEM, /* a found b → a (found or a == b) */
    DH_EXPR_MEMBER_SHUT, /* a found → found */
};

struct dh_expr_step {
    enum dh_expr_kind kind;
    uint32_t length;  /* LOOKUP: of the table */
    size_t parameter; /* LOAD, LOOKUP */
    union {
        double number;
        size_t table;
        double (*unary)(double a);
        double (*binary)(double a, double b);
    } u;
};

struct dh_expr {
    struct dh_expr_step *steps;
    size_t step_count, step_capacity;
    double *tables;
    size_t table_size, table_capacity;
    size_t *uses; /* ascending */
    size_t use_count, use_capacity;
};

/* Append; LOAD and LOOKUP also record the use of their parameter. */
void dh_expr_emit(struct dh_expr *expr, struct dh_expr_step step);

/* What a name or symbol does. `level` binds tighter the higher it is. */
enum dh_expr_family {
    DH_EXPR_LOGIC,
    DH_EXPR_EQUALITY,
    DH_EXPR_ORDER,
    DH_EXPR_MEMBER, /* in */
    DH_EXPR_ARITHMETIC
};
enum {
    DH_EXPR_LEVEL_OR = 1,
    DH_EXPR_LEVEL_AND,
    DH_EXPR_LEVEL_NOT,
    DH_EXPR_LEVEL_COMPARE,
    DH_EXPR_LEVEL_SUM,
    DH_EXPR_LEVEL_PRODUCT,
    DH_EXPR_LEVEL_UNARY,
    DH_EXPR_LEVEL_POWER
};

struct dh_expr_operator {
    const char *text;
    int level;
    enum dh_expr_family family;
    double (*apply)(double a, double b);
};
const struct dh_expr_operator *dh_expr_operator_find(const char *text, size_t length);

struct dh_expr_function {
    const char *text;
    double (*one)(double a);            /* exactly one argument, or NULL */
    double (*fold)(double a, double b); /* one or more, from the left */
};
const struct dh_expr_function *dh_expr_function_find(const char *text, size_t length);
/* Name of the function nearest to `word`, or NULL. */
const char *dh_expr_function_nearest(const char *word);

double dh_expr_not(double a);
double dh_expr_negative(double a);

/* The text as words. */
enum dh_expr_word_kind {
    DH_EXPR_WORD_END,
    DH_EXPR_WORD_NUMBER,
    DH_EXPR_WORD_LABEL, /* `start` and `length` without the quotes */
    DH_EXPR_WORD_NAME,  /* also and, or, not, in, true, false and functions */
    DH_EXPR_WORD_SYMBOL,
    DH_EXPR_WORD_BAD, /* `complaint` says why */
};

struct dh_expr_word {
    enum dh_expr_word_kind kind;
    const char *start;
    size_t length;
    double number;
    const char *at; /* where it begins, quotes included */
    const char *complaint;
};

/* The word at `*next`, which is moved behind it. */
struct dh_expr_word dh_expr_word_read(const char **next);
bool dh_expr_word_is(const struct dh_expr_word *word, const char *text);
/* Is it one that cannot be a name? */
bool dh_expr_word_reserved(const struct dh_expr_word *word);

/* The state of a compilation, and an operand whose steps are emitted. */
enum dh_expr_type { DH_EXPR_NUMBER, DH_EXPR_LABEL, DH_EXPR_BOOLEAN };

struct dh_expr_operand {
    enum dh_expr_type type;
    const char *at;                       /* where it begins in the text */
    const struct dh_parameter *parameter; /* if it is one, or NULL */
    struct dh_expr_word label;            /* if it is a label, true or false, and no parameter */
    size_t step;                          /* the one that pushes a parameter or label */
};

struct dh_expr_compiler {
    const char *text, *next;
    struct dh_expr_word word; /* the one to be looked at */
    const struct dh_node *node;
    const struct dh_parameter *parameters;
    size_t count;
    struct dh_expr *expr;
    int recursion;
    size_t height; /* of the stack, after what was emitted */
    struct dh_error *err;
};

/* The first problem, as "file:line: when: column 8: …" into err; returns false. */
bool dh_expr_complain(struct dh_expr_compiler *c, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* At most so many bytes of the user's text in a message. */
#define DH_EXPR_SHOWN(length) (int)((length) < 60 ? (length) : 60)

/* Is the operand of this type? */
bool dh_expr_require(struct dh_expr_compiler *c, const struct dh_expr_operand *operand,
                     enum dh_expr_type type);
/* Can both be compared? What a label pushes becomes an index among the other side's choices, or a
 * truth value where these are true and false. What is in front of `in` stays what it is. */
bool dh_expr_match(struct dh_expr_compiler *c, const struct dh_expr_operand *left,
                   const struct dh_expr_operand *right, enum dh_expr_family family);
/* Let a step load a choice's number. */
void dh_expr_use_table(struct dh_expr *expr, struct dh_expr_step *step,
                       const struct dh_parameter *parameter);

#endif
