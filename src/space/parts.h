/* What the files of this room share: the space itself, and the steps between a declaration in the
 * configuration and a canonical value. */
#ifndef DH_SPACE_PARTS_H
#define DH_SPACE_PARTS_H

#include "dh_mpi/expr.h"
#include "dh_mpi/space.h"

#define DH_SPACE_MOST_PARAMETERS 10000

struct dh_constraint {
    struct dh_expr *expr;
    const struct dh_node *node; /* its text and place */
};

struct dh_named {
    const char *name;
    size_t index;
};

struct dh_space {
    size_t count;
    struct dh_parameter *parameters; /* parents before children */
    struct dh_expr **conditions;     /* of each parameter; NULL: always active */
    struct dh_named *names;          /* sorted by name */
    uint64_t *name_hashes;
    uint64_t **choice_hashes; /* of each parameter's choices; NULL for numbers */
    size_t constraint_count;
    struct dh_constraint *constraints;
    bool conditional;
};

/* parameter.c: a declaration, without its condition. What was built is freed by
 * dh_parameter_free in any case. */
dh_status dh_parameter_unpack(const struct dh_node *node, struct dh_parameter *out,
                              struct dh_error *err);
void dh_parameter_free(struct dh_parameter *parameter);
const char *dh_scale_name(enum dh_scale scale);

/* lattice.c. Distance between neighbours of a stepped real or an int; 0 for a real without step. */
double dh_lattice_spacing(const struct dh_parameter *parameter);
/* The `digits` that keep encoding exact. */
int dh_lattice_digits(const struct dh_parameter *parameter);
/* The canonical value nearest to `value`; numbers only. */
double dh_lattice_snap(const struct dh_parameter *parameter, double value);
/* Canonical value number k = 0, 1, … of an int or a stepped real. */
double dh_lattice_value(const struct dh_parameter *parameter, double k);
/* Relative error of a value that went through the log scale and back, with a margin. */
double dh_lattice_log_error(const struct dh_parameter *parameter);

/* encode.c. ln(value / low) without overflow; the probability that a normal prior gives to what
 * the parameter can be. */
double dh_scale_log_ratio(double value, double low);
double dh_prior_mass(const struct dh_parameter *parameter);

/* value.c: values as users give them, as canonical ones. Errors name the parameter. */
/* Is what the node says what its `number` is? Not for an integer that a double has to round. */
bool dh_value_exact(const struct dh_node *node);
/* With file:line. */
dh_status dh_value_from_node(const struct dh_parameter *parameter, const struct dh_node *node,
                             double *value, struct dh_error *err);
/* The values of `group` (see dh_space_read_point), by parameter; NULL where there is none. */
dh_status dh_point_collect(const struct dh_space *space, const struct dh_node *group,
                           const struct dh_node **given, struct dh_error *err);
/* Is a native value canonical? */
dh_status dh_value_check(const struct dh_parameter *parameter, double value, struct dh_error *err);

/* order.c: order[k] is the parameter that comes k-th, so that all that a condition uses comes
 * before its parameter. A cycle is a DH_CONFIG that names its parameters. */
dh_status dh_order_parents_first(const struct dh_space *space, size_t *order, struct dh_error *err);

/* The name nearest to `word` in the space, or NULL. */
const char *dh_space_nearest(const struct dh_space *space, const char *word);

#endif
