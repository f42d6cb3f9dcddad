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
 * Types (number, label, boolean) are checked when it is compiled. A numeric ordinal,
 * categorical or constant is a number, any other a label; comparing with a label that the
 * parameter cannot have is an error that names the nearest one. An inactive parameter has no
 * value: arithmetic with it has none, and a comparison without a value is false (`not` of it is
 * true), so `when = "solver == 'sgd'"` is false where solver itself is inactive.
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
void dh_expr_destroy(struct dh_expr **expr);
/* Does it hold at `point` (native values, NaN inactive)? Never fails; allocates nothing. */
bool dh_expr_holds(const struct dh_expr *expr, const double *point);
/* Indices of the parameters it mentions, ascending; borrowed. */
const size_t *dh_expr_uses(const struct dh_expr *expr, size_t *count);
/* Renumber the parameters it mentions: i becomes map[i] (after a topological sort). */
void dh_expr_renumber(struct dh_expr *expr, const size_t *map);

#endif
