/* The search space: parameters, conditions, constraints; points in it.
 *
 * A point is an array of `dh_space_count` doubles in parameter order, in native units: the value
 * of a real or int (|int| < 2^53), the index of the choice of an ordinal, categorical, bool
 * (0 false, 1 true) or constant (0); NaN where the parameter is inactive. Parents come before
 * children in parameter order (a topological order of the conditions that is otherwise the order
 * of the file). A point is canonical when inactive entries are NaN and every value lies on its
 * parameter's lattice (bounds, step, integers; reals are decimals of about 13 digits over their
 * range, so that what is printed is what was evaluated and encoding is exact).
 */
#ifndef DH_MPI_SPACE_H
#define DH_MPI_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/config.h"
#include "dh_mpi/random.h"
#include "dh_mpi/status.h"

enum dh_parameter_type { DH_REAL, DH_INTEGER, DH_ORDINAL, DH_CATEGORICAL, DH_BOOL, DH_CONSTANT };
enum dh_scale { DH_SCALE_LINEAR, DH_SCALE_LOG };
enum dh_prior { DH_PRIOR_UNIFORM, DH_PRIOR_NORMAL, DH_PRIOR_TRUNCATED };

/* A choice's value, as it was written: "relu", 0.5 or true. `text` is the same without
 * quotes (of a number the shortest decimal form) and differs from the other choices' texts. */
enum dh_choice_kind { DH_CHOICE_TEXT, DH_CHOICE_NUMBER, DH_CHOICE_TRUTH };
struct dh_choice {
    char *text;
    double number; /* of a number; 1 or 0 for true or false */
    enum dh_choice_kind kind;
    bool real; /* a number that was written as one: 1.0, not 1 */
};

struct dh_parameter {
    char *name;
    enum dh_parameter_type type;
    enum dh_scale scale;
    enum dh_prior prior;
    double low, high;          /* of a real or int; inclusive */
    double step;               /* 0: none */
    double mean, deviation;    /* of a normal prior; log scale: median, deviation of ln(value) */
    int digits;                /* of a real: decimals of canonical values; log scale without step:
                                  significant digits */
    size_t choice_count;       /* ordinal, categorical, bool (2), constant (1); otherwise 0 */
    struct dh_choice *choices; /* choice_count */
    double *probabilities;     /* choice_count, sum 1; NULL: uniform */
    double preset;             /* the `default`; otherwise the middle of the scale or of the
                                  ordinal's values, or the most probable (first of equals) choice */
    bool conditional;          /* has a `when` */
    const struct dh_node *node;
};

struct dh_space;

/* Build from the `parameters` and `constraints` of `settings` (borrowed: their config must
 * outlive the space). Errors: DH_CONFIG with file:line and what was expected (types of
 * expressions, cycles, unknown names with the nearest one, bounds, duplicate names …). */
dh_status dh_space_create(const struct dh_settings *settings, struct dh_space **out,
                          struct dh_error *err);
void dh_space_destroy(struct dh_space **space);

size_t dh_space_count(const struct dh_space *space);
const struct dh_parameter *dh_space_parameter(const struct dh_space *space, size_t index);
/* Index by name, or -1. */
int dh_space_find(const struct dh_space *space, const char *name);
/* "real", "int", …: as it is declared. */
const char *dh_parameter_type_name(enum dh_parameter_type type);
/* An upper bound on the number of distinct points (product over parameters, ignoring conditions
 * and constraints); INFINITY once over 1e15 or with an unstepped real whose bounds differ. */
double dh_space_size(const struct dh_space *space);
bool dh_space_conditional(const struct dh_space *space);

/* How many different values parameter `index` can take (1 for a constant, INFINITY for a real
 * without step whose bounds differ), and the k-th of them in ascending order (k < levels). */
double dh_parameter_levels(const struct dh_parameter *parameter);
double dh_parameter_level(const struct dh_parameter *parameter, uint64_t k);
/* Have its values no order? So it is with a categorical and a bool. */
bool dh_parameter_nominal(const struct dh_parameter *parameter);

/* Is parameter `index` active, given the (final) values of the parameters before it in `point`? */
bool dh_space_active(const struct dh_space *space, size_t index, const double *point);
/* Set inactive parameters to NaN, and give active ones that are NaN their preset: after this the
 * point is consistent with the conditions. */
void dh_space_settle(const struct dh_space *space, double *point);
/* Does a settled point satisfy every constraint, i.e. is none known to be false? A constraint
 * without a value, because a parameter it needs is inactive, does not apply; see expr.h. */
bool dh_space_feasible(const struct dh_space *space, const double *point);
/* Is the point canonical and feasible? Otherwise DH_CONFIG with the first reason. */
dh_status dh_space_check(const struct dh_space *space, const double *point, struct dh_error *err);

/* Draw a feasible point from the priors into `point`. Fails with DH_CONFIG, saying how rarely the
 * constraints held, after DH_SPACE_TRIES rejected draws. */
#define DH_SPACE_TRIES 100000
dh_status dh_space_sample(const struct dh_space *space, struct dh_random *random, double *point,
                          struct dh_error *err);
/* A copy of `from` (canonical), changed in one parameter and about half of the others, most by
 * steps that are normal with deviation `scale` in the unit cube. Constraints may not hold. */
void dh_space_perturb(const struct dh_space *space, struct dh_random *random, const double *from,
                      double scale, double *point);

/* The unit cube: one coordinate in [0, 1] a parameter. Numbers: the (log-)linear position between
 * the bounds, whatever the prior (0.5 where they are equal); choices: the middle of the k-th of n
 * equal cells. Inactive parameters encode to NaN, and decode(encode(x)) == x for every canonical
 * x. */
double dh_parameter_encode(const struct dh_parameter *parameter, double value);
/* u in [0, 1] to the nearest canonical value of the scale (uniform in it). */
double dh_parameter_decode(const struct dh_parameter *parameter, double u);
/* The value next to `value` on a lattice, above (side 1) or below it (-1): a cell further in the
 * unit cube, or where that is the same (small values of a log scale) one level. NaN beyond a bound,
 * and where there is no lattice. */
double dh_parameter_next(const struct dh_parameter *parameter, double value, int side);
/* From one value to the next in the unit cube, on a linear scale; 0 where there is but one, or no
 * lattice. */
double dh_parameter_cell(const struct dh_parameter *parameter);
/* A normal step of that deviation from `u` in [0, 1], reflected at the bounds, then held. */
double dh_unit_step(struct dh_random *random, double u, double deviation);
/* u in [0, 1] through the inverse of the prior's cumulative distribution: uniform u give values
 * distributed as the prior. What designs and samplers use. Uniform: every value of a linear int or
 * step has the same probability, on a log scale that of its cell (half a step to both sides).
 * Normal: what falls outside of the bounds becomes the bound; truncated: the normal distribution
 * restricted to the bounds. */
double dh_parameter_quantile(const struct dh_parameter *parameter, double u);
void dh_space_encode(const struct dh_space *space, const double *point, double *unit);
/* Decode every coordinate (NaN: the preset), then settle. `unit` and `point` may be the same. */
void dh_space_decode(const struct dh_space *space, const double *unit, double *point);
/* Like decode through dh_parameter_quantile. */
void dh_space_quantile(const struct dh_space *space, const double *unit, double *point);

/* Hash of the active values with their names: equal for equal canonical points, whatever the
 * order of the file. Equality itself: dh_space_equal. */
uint64_t dh_space_identity(const struct dh_space *space, const double *point);
bool dh_space_equal(const struct dh_space *space, const double *a, const double *b);

/* A value as people write it: 0.001, 64, relu, true. Nothing for an inactive one. */
void dh_parameter_format(const struct dh_parameter *parameter, double value, struct dh_buffer *out);
/* {"lr": 0.001, "act": "relu"}: the active parameters only. */
void dh_space_format_json(const struct dh_space *space, const double *point, struct dh_buffer *out);
/* { lr = 0.001; act = "relu"; }  as it can stand in `initial` of a configuration; where a name is
 * none that libconfig takes as a key, ( ("_lr", 0.001), ("act", "relu") ). */
void dh_space_format_config(const struct dh_space *space, const double *point,
                            struct dh_buffer *out);
/* A text (a CSV field, an argument) as a canonical value; "" is inactive (NaN). DH_CONFIG if it
 * is no value of the parameter. */
dh_status dh_parameter_parse(const struct dh_parameter *parameter, const char *text, double *value,
                             struct dh_error *err);
/* A group of settings { lr = 1e-2; units = 64; }, or a list of pairs ( ("lr", 1e-2), … ), as a
 * settled point; names not given get their
 * presets. DH_CONFIG with file:line for unknown names, bad values or a violated constraint. */
dh_status dh_space_read_point(const struct dh_space *space, const struct dh_node *group,
                              double *point, struct dh_error *err);

/* Is `used`, the canonical value next to `given`, another value to the eye (more than 1e-9 of it
 * away)? Then say so in `out`: "conc = 2.5e-07 becomes 0: …", and what would help. */
bool dh_parameter_moved(const struct dh_parameter *parameter, double given, double used,
                        struct dh_buffer *out);
/* The same for each value of `group` that dh_space_read_point takes, and for the defaults of all
 * parameters: lines "file:line: text". */
void dh_space_moved_values(const struct dh_space *space, const struct dh_node *group,
                           struct dh_buffer *out);
void dh_space_moved_defaults(const struct dh_space *space, struct dh_buffer *out);

/* DH_OK if a history made in `old` can be continued in `now`: the same parameters with the same
 * types, bounds, choices and conditions, the same constraints, in any order. Otherwise DH_CONFIG
 * naming each difference. */
dh_status dh_space_compare(const struct dh_space *old, const struct dh_space *now,
                           struct dh_error *err);

#endif
