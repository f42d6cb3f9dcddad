/* The expression language of `when` and `constraints`.
 *
 *     or-expr   = and-expr { "or" and-expr }          number   12, 1e-3
 *     and-expr  = not-expr { "and" not-expr }         label    'relu' or "relu"
 *     not-expr  = "not" not-expr | comparison         true, false
 *     comparison= sum [ ("=="|"!="|"<"|"<="|">"|">=") sum | ["not"] "in" "(" sum {"," sum} ")" ]
 *     sum       = product { ("+"|"-") product }       product = unary { ("*"|"/"|"%") unary }
 *     unary     = "-" unary | power                   power   = atom [ "^" unary ]
 *     atom      = number | label | name | function "(" args ")" | "(" or-expr ")"
 *     function  = min max abs log exp sqrt floor
 *
 * Types (number, label, boolean) are checked when it is compiled. An ordinal, categorical or
 * constant is a number or a boolean where all its values are, otherwise a label; comparing with a
 * label that the parameter cannot have is an error that names the nearest one. Compared with a
 * parameter that can be true or false, these are also written 'true' and 'false'. An inactive
 * parameter has no value: arithmetic with it has none, nor has arithmetic without a finite result
 * (0 / 0, log(-1)), and a comparison or `in` without a value is neither true nor false but unknown,
 * as is a boolean parameter that is inactive. Unknown spreads as in Kleene's three-valued logic:
 * `not unknown` is unknown, `unknown and false` is false, `unknown or true` is true, the other
 * combinations with unknown are unknown. A `when` that is unknown is no (`solver == 'sgd'` and
 * `not (solver == 'sgd')` both leave a parameter inactive where solver is); a constraint that is
 * unknown holds: it does not apply (`units * depth <= 1024` where depth is inactive).
 *
 * `-2^2` is -4, `2^3^2` is 512, the remainder `%` has the sign of the divisor. `x in (a, b)` is
 * `x == a or x == b`. Labels are compared with == and !=; those of an ordinal also by their order
 * in its list, with one of its own. Names are [A-Za-z_][A-Za-z0-9_.]*, [digits] allowed between.
 * A parameter whose name has a '-' cannot be used here, and its name without spaces around the
 * minus is an error, since it is not clear whether a subtraction is meant.
 */
#ifndef DH_MPI_EXPR_H
#define DH_MPI_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/space.h"

struct dh_expr;

/* Compile `text` to a boolean expression over the parameters (an array of `count`; borrowed only
 * during the call). `node` gives file:line of messages, which also show the column. */
dh_status dh_expr_compile(const char *text, const struct dh_node *node,
                          const struct dh_parameter *parameters, size_t count, struct dh_expr **out,
                          struct dh_error *err);
/* Is it a word of the language, which cannot be the name of a parameter? */
bool dh_expr_reserved(const char *name);
void dh_expr_destroy(struct dh_expr **expr);
/* Is it known to be true at `point` (native values, NaN inactive): what a `when` asks. Never
 * fails; allocates nothing. */
bool dh_expr_holds(const struct dh_expr *expr, const double *point);
/* Is it known to be false: what a constraint asks. Where both say no the value is unknown. */
bool dh_expr_fails(const struct dh_expr *expr, const double *point);
/* Indices of the parameters it mentions, ascending; borrowed. */
const size_t *dh_expr_uses(const struct dh_expr *expr, size_t *count);
/* Renumber the parameters it mentions: i becomes map[i] (after a topological sort). */
void dh_expr_renumber(struct dh_expr *expr, const size_t *map);

#endif
