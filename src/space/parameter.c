/* The declaration of a parameter, from its group in the configuration to a dh_parameter.
 *
 * A table of options a type says what can be declared; a function a type checks what a table
 * cannot say. Conditions (`when`) belong to the space: see space.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "parts.h"

/* Numbers beyond these lose digits or leave the range of doubles on their way to the unit cube. */
#define LARGEST_REAL 1e300
#define SMALLEST_REAL 1e-300
#define LARGEST_INTEGER 0x1p53
#define MOST_LEVELS 1e12

struct declaration {
    const char *name, *type, *when;
    double low, high, step, mean, deviation;
    int scale, prior;
    const struct dh_node *values, *weights, *value, *preset;
};

#define OPTION(key, kind, text)                                                                    \
    .name = #key, .type = DH_OPTION_##kind, .offset = offsetof(struct declaration, key),           \
    .help = (text)
#define COMMON_OPTIONS                                                                             \
    {OPTION(name, TEXT, "name of the parameter"), .required = true},                               \
        {OPTION(type, TEXT, "real, int, ordinal, categorical, bool or constant"),                  \
         .required = true},                                                                        \
    {                                                                                              \
        OPTION(when, TEXT, "condition under which it is active")                                   \
    }
#define DEFAULT_OPTION                                                                             \
    {                                                                                              \
        .name = "default", .type = DH_OPTION_NODE, .offset = offsetof(struct declaration, preset), \
        .help = "value where none is given"                                                        \
    }

static const char *const scale_names[] = {"linear", "log", NULL};
static const char *const prior_names[] = {"uniform", "normal", "truncated", NULL};

static const struct dh_option number_options[] = {
    COMMON_OPTIONS,
    DEFAULT_OPTION,
    {OPTION(low, REAL, "lower bound, inclusive"), .required = true},
    {OPTION(high, REAL, "upper bound, inclusive"), .required = true},
    {OPTION(step, REAL, "distance between values")},
    {OPTION(scale, CHOICE, "linear or log"), .choices = scale_names},
    {OPTION(prior, CHOICE, "uniform, normal or truncated"), .choices = prior_names},
    {OPTION(mean, REAL, "of a normal prior; default: middle of the scale"), .fallback = NAN},
    {OPTION(deviation, REAL, "of a normal prior (of the natural logarithm on a log scale)"),
     .fallback = NAN},
};
static const struct dh_option ordinal_options[] = {
    COMMON_OPTIONS,
    DEFAULT_OPTION,
    {OPTION(values, NODE, "list of values, in order"), .required = true},
};
static const struct dh_option categorical_options[] = {
    COMMON_OPTIONS,
    DEFAULT_OPTION,
    {OPTION(values, NODE, "list of values"), .required = true},
    {OPTION(weights, NODE, "prior weight of each value")},
};
static const struct dh_option bool_options[] = {
    COMMON_OPTIONS,
    DEFAULT_OPTION,
    {OPTION(weights, NODE, "prior weights of false and true")},
};
static const struct dh_option constant_options[] = {
    COMMON_OPTIONS,
    {OPTION(value, NODE, "its value"), .required = true},
};

/* Bounds that are finite, ordered, and fit the type and the scale. */
static dh_status check_bounds(const struct dh_parameter *p, struct dh_error *err)
{
    const double bounds[] = {p->low, p->high};
    bool integer = p->type == DH_INTEGER;
    for (int i = 0; i < 2; i++) {
        const char *key = i == 0 ? "low" : "high";
        const struct dh_node *node = dh_node_child(p->node, key);
        double size = fabs(bounds[i]);
        if (!isfinite(bounds[i]) || (integer && bounds[i] != floor(bounds[i])))
            return dh_node_fail(err, node, "%s: %s has to be %s", p->name, key,
                                integer ? "an integer" : "a finite number");
        if (integer && (size > LARGEST_INTEGER || !dh_value_exact(node)))
            return dh_node_fail(err, node, "%s: %s is beyond 2^53", p->name, key);
        if (size > LARGEST_REAL || (size > 0 && size < SMALLEST_REAL))
            return dh_node_fail(err, node, "%s: %s is not 0 and not between 1e-300 and 1e300",
                                p->name, key);
        if (p->scale == DH_SCALE_LOG && bounds[i] <= 0)
            return dh_node_fail(err, node, "%s: a log scale needs %s > 0, found %g", p->name, key,
                                bounds[i]);
    }
    if (p->low > p->high)
        return dh_node_fail(err, dh_node_child(p->node, "low"), "%s: low = %g is above high = %g",
                            p->name, p->low, p->high);
    return DH_OK;
}

/* A step that leaves values apart that encoding can tell apart. */
static dh_status check_step(const struct dh_parameter *p, struct dh_error *err)
{
    const struct dh_node *node = dh_node_child(p->node, "step");
    if (node && !(p->step > 0 && isfinite(p->step)))
        return dh_node_fail(err, node, "%s: step has to be positive, found %g", p->name, p->step);
    if (p->type == DH_INTEGER && p->step != floor(p->step))
        return dh_node_fail(err, node, "%s: the step of an int has to be an integer, found %g",
                            p->name, p->step);
    if (node && p->type == DH_INTEGER && !dh_value_exact(node))
        return dh_node_fail(err, node, "%s: step is beyond 2^53", p->name);
    double spacing = dh_lattice_spacing(p);
    if (spacing <= 0 || p->low >= p->high)
        return DH_OK;
    node = node ? node : dh_node_child(p->node, "high");
    if ((p->high - p->low) / spacing > MOST_LEVELS)
        return dh_node_fail(
            err, node, "%s: more than 1e12 values; give it a larger step or use a real", p->name);
    if (p->type == DH_REAL && spacing < 20 * pow(10, -dh_lattice_digits(p)))
        return dh_node_fail(err, node, "%s: step = %g is too small for numbers of this size",
                            p->name, p->step);
    if (p->scale == DH_SCALE_LOG && p->high * dh_lattice_log_error(p) > spacing / 4)
        return dh_node_fail(
            err, node, "%s: the values are too close to be told apart on a log scale", p->name);
    return DH_OK;
}

static dh_status read_prior(struct dh_parameter *p, const struct declaration *d,
                            struct dh_error *err)
{
    p->prior = (enum dh_prior)d->prior;
    const struct dh_node *mean = dh_node_child(p->node, "mean");
    const struct dh_node *deviation = dh_node_child(p->node, "deviation");
    if (p->prior == DH_PRIOR_UNIFORM) {
        const struct dh_node *unused = mean ? mean : deviation;
        if (unused)
            return dh_node_fail(err, unused, "%s: %s belongs to the priors normal and truncated",
                                p->name, unused->name);
        return DH_OK;
    }
    bool log_scale = p->scale == DH_SCALE_LOG;
    double middle = log_scale ? sqrt(p->low) * sqrt(p->high) : p->low / 2 + p->high / 2;
    p->mean = mean ? d->mean : middle;
    p->deviation = d->deviation;
    if (!isfinite(p->mean) || (log_scale && p->mean <= 0))
        return dh_node_fail(err, mean, "%s: mean has to be a %s number", p->name,
                            log_scale ? "positive" : "finite");
    if (!(p->deviation > 0 && isfinite(p->deviation)))
        return dh_node_fail(err, deviation ? deviation : p->node,
                            "%s: a %s prior needs a deviation > 0", p->name, prior_names[p->prior]);
    if (p->prior == DH_PRIOR_TRUNCATED && p->low < p->high && !(dh_prior_mass(p) > 1e-200))
        return dh_node_fail(err, mean ? mean : p->node,
                            "%s: the normal prior (mean %g, deviation %g) has next to no "
                            "probability between the bounds",
                            p->name, p->mean, p->deviation);
    return DH_OK;
}

static dh_status build_number(struct dh_parameter *p, const struct declaration *d,
                              struct dh_error *err)
{
    p->scale = (enum dh_scale)d->scale;
    p->low = d->low + 0.0; /* never -0 */
    p->high = d->high + 0.0;
    p->step = d->step;
    dh_status status = check_bounds(p, err);
    if (status == DH_OK)
        status = check_step(p, err);
    if (status == DH_OK)
        status = read_prior(p, d, err);
    if (status == DH_OK) {
        p->digits = dh_lattice_digits(p);
        p->preset = dh_parameter_decode(p, 0.5);
    }
    return status;
}

static struct dh_choice truth_choice(bool truth)
{
    return (struct dh_choice){
        .text = dh_strdup(truth ? "true" : "false"), .number = truth, .kind = DH_CHOICE_TRUTH};
}

/* It stays what it is written as: an evaluator that is told 'false' would take it for true. */
static dh_status read_choice(const struct dh_parameter *p, const struct dh_node *node,
                             struct dh_choice *choice, struct dh_error *err)
{
    if (node->kind == DH_NODE_BOOL) {
        *choice = truth_choice(node->integer != 0);
        return DH_OK;
    }
    if (node->kind == DH_NODE_TEXT) {
        choice->text = dh_strdup(node->text);
        return DH_OK;
    }
    if (node->kind != DH_NODE_INT && node->kind != DH_NODE_REAL)
        return dh_node_fail(err, node, "%s: a value has to be a text, number or boolean, not a %s",
                            p->name, dh_node_kind_name(node->kind));
    if (!isfinite(node->number))
        return dh_node_fail(err, node, "%s: a value has to be finite", p->name);
    if (!dh_value_exact(node))
        return dh_node_fail(err, node,
                            "%s: %s: %lld is beyond 2^53 and would be rounded to %.0f; expected a "
                            "number that a double can hold, or a text: \"%lld\"",
                            p->name, p->type == DH_CONSTANT ? "value" : "values",
                            (long long)node->integer, node->number, (long long)node->integer);
    struct dh_buffer text = {0};
    choice->kind = DH_CHOICE_NUMBER;
    choice->number = node->number + 0.0;
    choice->real = node->kind == DH_NODE_REAL;
    dh_text_put_number(&text, choice->number);
    choice->text = dh_buffer_take(&text);
    return DH_OK;
}

static int by_text(const void *a, const void *b)
{
    const struct dh_choice *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

/* Also of two that only an evaluator in Python could tell apart: a checkpoint, a table and the
 * words of a command hold the text of a choice. */
static dh_status fail_twice(const struct dh_parameter *p, const struct dh_node *list,
                            const struct dh_choice *a, const struct dh_choice *b,
                            struct dh_error *err)
{
    if (a->kind != b->kind)
        return dh_node_fail(err, list,
                            "%s: tables and commands cannot tell the text \"%s\" from the boolean "
                            "%s: leave one out, or call the text something else",
                            p->name, a->text, b->text);
    return dh_node_fail(err, list, "%s: the value %s is there twice", p->name, a->text);
}

static dh_status refuse_duplicates(const struct dh_parameter *p, const struct dh_node *list,
                                   struct dh_error *err)
{
    size_t n = p->choice_count;
    const struct dh_choice **sorted = dh_alloc(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &p->choices[i];
    qsort(sorted, n, sizeof *sorted, by_text);
    dh_status status = DH_OK;
    for (size_t i = 1; i < n && status == DH_OK; i++)
        if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
            status = fail_twice(p, list, sorted[i - 1], sorted[i], err);
    free(sorted);
    return status;
}

static dh_status read_choices(struct dh_parameter *p, const struct dh_node *list,
                              struct dh_error *err)
{
    if (list->kind != DH_NODE_LIST || list->child_count == 0)
        return dh_node_fail(err, list, "%s: values has to be a list of at least one value",
                            p->name);
    p->choices = dh_alloc(list->child_count, sizeof *p->choices);
    p->choice_count = list->child_count;
    for (size_t i = 0; i < list->child_count; i++) {
        const struct dh_node *node = list->children[i];
        dh_status status = read_choice(p, node, &p->choices[i], err);
        if (status != DH_OK)
            return status;
        bool number = p->choices[i].kind == DH_CHOICE_NUMBER;
        if (number != (p->choices[0].kind == DH_CHOICE_NUMBER))
            return dh_node_fail(
                err, node, "%s: values have to be all numbers or all texts and booleans", p->name);
    }
    return refuse_duplicates(p, list, err);
}

/* Weights, scaled to a sum of 1; the most probable choice becomes the preset. */
static dh_status read_weights(struct dh_parameter *p, const struct dh_node *list,
                              struct dh_error *err)
{
    if (!list)
        return DH_OK;
    if (list->kind != DH_NODE_LIST || list->child_count != p->choice_count)
        return dh_node_fail(err, list, "%s: weights has to be a list of %zu numbers", p->name,
                            p->choice_count);
    double sum = 0;
    p->probabilities = dh_alloc(p->choice_count, sizeof *p->probabilities);
    for (size_t i = 0; i < p->choice_count; i++) {
        const struct dh_node *node = list->children[i];
        bool number = node->kind == DH_NODE_INT || node->kind == DH_NODE_REAL;
        if (!number || !(node->number > 0 && node->number <= LARGEST_REAL))
            return dh_node_fail(err, node, "%s: a weight has to be a positive number", p->name);
        p->probabilities[i] = node->number;
        sum += node->number / (double)p->choice_count;
    }
    for (size_t i = 0; i < p->choice_count; i++) {
        p->probabilities[i] /= sum * (double)p->choice_count;
        if (p->probabilities[i] > p->probabilities[(size_t)p->preset])
            p->preset = (double)i;
    }
    return DH_OK;
}

static dh_status build_choices(struct dh_parameter *p, const struct declaration *d,
                               struct dh_error *err)
{
    dh_status status = read_choices(p, d->values, err);
    if (status == DH_OK && p->type == DH_ORDINAL)
        p->preset = (double)((p->choice_count - 1) / 2);
    return status == DH_OK ? read_weights(p, d->weights, err) : status;
}

static dh_status build_bool(struct dh_parameter *p, const struct declaration *d,
                            struct dh_error *err)
{
    p->choices = dh_alloc(2, sizeof *p->choices);
    p->choice_count = 2;
    p->choices[0] = truth_choice(false);
    p->choices[1] = truth_choice(true);
    return read_weights(p, d->weights, err);
}

static dh_status build_constant(struct dh_parameter *p, const struct declaration *d,
                                struct dh_error *err)
{
    p->choices = dh_alloc(1, sizeof *p->choices);
    p->choice_count = 1;
    return read_choice(p, d->value, p->choices, err);
}

static const struct kind {
    const char *name;
    const struct dh_option *options;
    size_t option_count;
    dh_status (*build)(struct dh_parameter *p, const struct declaration *d, struct dh_error *err);
} kinds[] = {
#define KIND(type, name, options, build) [type] = {name, options, DH_COUNT_OF(options), build}
    KIND(DH_REAL, "real", number_options, build_number),
    KIND(DH_INTEGER, "int", number_options, build_number),
    KIND(DH_ORDINAL, "ordinal", ordinal_options, build_choices),
    KIND(DH_CATEGORICAL, "categorical", categorical_options, build_choices),
    KIND(DH_BOOL, "bool", bool_options, build_bool),
    KIND(DH_CONSTANT, "constant", constant_options, build_constant),
#undef KIND
};

const char *dh_parameter_type_name(enum dh_parameter_type type)
{
    return kinds[type].name;
}

const char *dh_scale_name(enum dh_scale scale)
{
    return scale_names[scale];
}

static dh_status find_kind(const struct dh_node *node, const struct kind **out,
                           struct dh_error *err)
{
    const struct dh_node *type = dh_node_child(node, "type");
    const char *names[DH_COUNT_OF(kinds)];
    if (!type && dh_node_misspelled(node, "parameter", "type", err) != DH_OK)
        return DH_CONFIG;
    if (!type || type->kind != DH_NODE_TEXT)
        return dh_node_fail(err, type ? type : node,
                            "a parameter needs a type: \"real\", \"int\", \"ordinal\", "
                            "\"categorical\", \"bool\" or \"constant\"");
    for (size_t i = 0; i < DH_COUNT_OF(kinds); i++) {
        names[i] = kinds[i].name;
        if (strcmp(type->text, kinds[i].name) == 0) {
            *out = &kinds[i];
            return DH_OK;
        }
    }
    int nearest = dh_text_nearest(type->text, names, DH_COUNT_OF(kinds));
    return dh_node_fail(err, type,
                        "unknown parameter type \"%s\"%s%s%s; expected real, int, ordinal, "
                        "categorical, bool or constant",
                        type->text, nearest < 0 ? "" : ", did you mean \"",
                        nearest < 0 ? "" : names[nearest], nearest < 0 ? "" : "\"?");
}

static bool valid_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
                                 "0123456789.[]-";
    return *name && strchr(letters, *name) && name[strspn(name, others)] == '\0';
}

dh_status dh_parameter_unpack(const struct dh_node *node, struct dh_parameter *out,
                              struct dh_error *err)
{
    if (node->kind != DH_NODE_GROUP)
        return dh_node_fail(err, node, "a parameter has to be a group { name = …; type = …; }");
    const struct kind *kind = NULL;
    dh_status status = find_kind(node, &kind, err);
    if (status != DH_OK)
        return status;
    struct declaration d = {0};
    const struct dh_node *name = dh_node_child(node, "name");
    bool named = name && name->kind == DH_NODE_TEXT;
    char *what = dh_strprintf("parameter \"%s\" (%s)", named ? name->text : "?", kind->name);
    status = dh_config_unpack(node, what, kind->options, kind->option_count, &d, err);
    free(what);
    if (status != DH_OK)
        return status;
    if (!valid_name(d.name))
        return dh_node_fail(err, name,
                            "\"%s\" cannot be the name of a parameter: expected a letter or _, "
                            "then letters, digits and _ . - [ ]",
                            d.name);
    if (dh_expr_reserved(d.name))
        return dh_node_fail(err, name,
                            "\"%s\" cannot be the name of a parameter: it is a word of the "
                            "expressions of when and constraints",
                            d.name);
    out->name = dh_strdup(d.name);
    out->type = (enum dh_parameter_type)(kind - kinds);
    out->conditional = d.when != NULL;
    out->node = node;
    status = kind->build(out, &d, err);
    if (status == DH_OK && d.preset)
        status = dh_value_from_node(out, d.preset, &out->preset, err);
    return status;
}

void dh_parameter_free(struct dh_parameter *parameter)
{
    free(parameter->name);
    for (size_t i = 0; i < parameter->choice_count; i++)
        free(parameter->choices[i].text);
    free(parameter->choices);
    free(parameter->probabilities);
    *parameter = (struct dh_parameter){0};
}
