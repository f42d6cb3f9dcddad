/* The table of test functions: see functions.h.
 *
 * Sources: [SB] Surjanovic & Bingham, Virtual Library of Simulation Experiments,
 * sfu.ca/~ssurjano/optimization.html; [DH] DeepHyper 0.0.5, benchmark_functions_wrappers, where
 * the negated functions are maximised; [P18] Pelamatti et al., "Efficient global optimization of
 * constrained mixed variable problems", 2018, after Halstrup 2016; [R20] Ru et al., "Bayesian
 * Optimisation over Multiple Continuous and Categorical Inputs", ICML 2020 (Ackley-cC).
 */
#include "functions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

static double square(double x)
{
    return x * x;
}

/* [SB] sum of x_i^2. */
static double sphere(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += square(x[i]);
    return sum;
}

/* [SB] with a = 20, b = 0.2, c = 2 pi. */
static double ackley(const double *x, size_t n)
{
    double squares = 0, waves = 0;
    for (size_t i = 0; i < n; i++) {
        squares += square(x[i]);
        waves += cos(2 * M_PI * x[i]);
    }
    double count = (double)n;
    return 20 - 20 * exp(-0.2 * sqrt(squares / count)) + (M_E - exp(waves / count));
}

/* [SB] sum of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2. */
static double rosenbrock(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++)
        sum += 100 * square(x[i + 1] - square(x[i])) + square(1 - x[i]);
    return sum;
}

/* [SB] 10 n + sum of x_i^2 - 10 cos(2 pi x_i). */
static double rastrigin(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += square(x[i]) + 10 * (1 - cos(2 * M_PI * x[i]));
    return sum;
}

/* [SB] with w_i = 1 + (x_i - 1) / 4. */
static double levy(const double *x, size_t n)
{
    double sum = square(sin(M_PI * (1 + (x[0] - 1) / 4)));
    for (size_t i = 0; i + 1 < n; i++) {
        double w = 1 + (x[i] - 1) / 4;
        sum += square(w - 1) * (1 + 10 * square(sin(M_PI * w + 1)));
    }
    double last = 1 + (x[n - 1] - 1) / 4;
    return sum + square(last - 1) * (1 + square(sin(2 * M_PI * last)));
}

/* [SB] (x_1 - 1)^2 + sum over i >= 2 of i (2 x_i^2 - x_{i-1})^2. */
static double dixon_price(const double *x, size_t n)
{
    double sum = square(x[0] - 1);
    for (size_t i = 1; i < n; i++)
        sum += (double)(i + 1) * square(2 * square(x[i]) - x[i - 1]);
    return sum;
}

/* [SB] sum of x_i^2 / 4000 - product of cos(x_i / sqrt(i)) + 1. */
static double griewank(const double *x, size_t n)
{
    double sum = 0, product = 1;
    for (size_t i = 0; i < n; i++) {
        sum += square(x[i]) / 4000;
        product *= cos(x[i] / sqrt((double)(i + 1)));
    }
    return sum - product + 1;
}

/* [SB] Hartmann's six-dimensional function on the unit cube. */
static double hartmann6(const double *x, size_t n)
{
    static const double alpha[4] = {1.0, 1.2, 3.0, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double sum = 0;
    for (size_t i = 0; i < 4; i++) {
        double inner = 0;
        for (size_t j = 0; j < n; j++)
            inner += a[i][j] * square(x[j] - p[i][j]);
        sum -= alpha[i] * exp(-inner);
    }
    return sum;
}

/* [SB] with a = 1, b = 5.1 / (4 pi^2), c = 5 / pi, r = 6, s = 10, t = 1 / (8 pi). */
static double branin_at(double x1, double x2)
{
    double valley = x2 - 5.1 / (4 * M_PI * M_PI) * square(x1) + 5 / M_PI * x1 - 6;
    return square(valley) + 10 * (1 - 1 / (8 * M_PI)) * cos(x1) + 10;
}

static double branin(const double *x, size_t n)
{
    (void)n;
    return branin_at(x[0], x[1]);
}

/* Mean of the differences of neighbouring y_i^2, plus half the mean of y_i^4, with y = x - 1: the
 * saddle of the collection that [DH] uses. The differences telescope; the minimum is
 * -n / (2 (n-1)^2), where y_1^2 = n / (n-1) and the other y are 0. */
static double saddle(const double *x, size_t n)
{
    double fourth = 0;
    for (size_t i = 0; i < n; i++)
        fourth += square(square(x[i] - 1));
    double ends = square(x[n - 1] - 1) - square(x[0] - 1);
    return ends / (double)(n - 1) + fourth / (2 * (double)n);
}

/* [DH] maximises the sum of x_i: its negative is minimised here. */
static double linear(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum -= x[i];
    return sum;
}

/* Coordinates of a point for a plain function; returns how many. With `spread`, the k-th of n
 * choices is the k-th of n equally spaced numbers in [-1, 1] (a single one: 0). */
static size_t coordinates(const struct dh_space *space, const double *point, bool spread, double *x)
{
    size_t n = 0;
    for (size_t i = 0; i < dh_space_count(space); i++) {
        const struct dh_parameter *p = dh_space_parameter(space, i);
        if (isnan(point[i]))
            continue;
        const struct dh_choice *choice = p->choice_count ? &p->choices[(size_t)point[i]] : NULL;
        if (!choice)
            x[n++] = point[i];
        else if (p->type == DH_CONSTANT && choice->kind != DH_CHOICE_NUMBER)
            continue;
        else if (spread && p->type != DH_CONSTANT)
            x[n++] = p->choice_count > 1 ? 2 * point[i] / (double)(p->choice_count - 1) - 1 : 0;
        else
            x[n++] = choice->kind == DH_CHOICE_NUMBER ? choice->number : point[i];
    }
    return n;
}

/* [R20] Ackley over all active parameters, choices spread over [-1, 1]. 0 for nothing active. */
static double ackley_mixed(const struct dh_space *space, const double *point)
{
    double *x = dh_alloc(dh_space_count(space), sizeof *x);
    size_t n = coordinates(space, point, true, x);
    double value = n ? ackley(x, n) : 0;
    free(x);
    return value;
}

/* ackley_mixed plus 0.25 for each inactive parameter: the whole tree is worth opening, while
 * fewer dimensions are easier. Ours. */
static double ackley_conditional(const struct dh_space *space, const double *point)
{
    double value = ackley_mixed(space, point);
    for (size_t i = 0; i < dh_space_count(space); i++)
        value += isnan(point[i]) ? 0.25 : 0;
    return value;
}

static double named(const struct dh_space *space, const double *point, const char *name)
{
    return point[dh_space_find(space, name)];
}

/* [P18] the discrete Branin: x1, x2 in [0, 1], z1, z2 with two choices each; h is Branin's
 * function normalised over its box, with the usual 5.1 (the paper prints 5). */
static double branin_mixed(const struct dh_space *space, const double *point)
{
    static const double factor[2][2] = {{1, 0.4}, {-0.75, -0.5}};
    static const double offset[2][2] = {{0, 0}, {3, 1.4}};
    double x1 = 15 * named(space, point, "x1") - 5, x2 = 15 * named(space, point, "x2");
    double h = (branin_at(x1, x2) - 54.8104) / 51.9496;
    size_t z1 = named(space, point, "z1") != 0, z2 = named(space, point, "z2") != 0;
    return factor[z1][z2] * h + offset[z1][z2];
}

/* Branin's function of x1 and x2; where x2 is inactive, of x1 and 2.275 (the line through one of
 * its minima), plus 1. So the branch without x2 is the easier and the worse one. Ours. */
static double branin_conditional(const struct dh_space *space, const double *point)
{
    double x1 = named(space, point, "x1"), x2 = named(space, point, "x2");
    return isnan(x2) ? branin_at(x1, 2.275) + 1 : branin_at(x1, x2);
}

static const char *const mixed_names[] = {"x1", "x2", "z1", "z2", NULL};
static const char *const branin_names[] = {"x1", "x2", NULL};

static const struct dh_function functions[] = {
    {"sphere", "sum of squares on [-5.12, 5.12]; 0 at 0", 1, 0, 0, sphere, NULL, NULL},
    {"ackley", "Ackley on [-32.768, 32.768]; 0 at 0", 1, 0, 0, ackley, NULL, NULL},
    {"rosenbrock", "Rosenbrock's valley on [-5, 10]; 0 at 1", 2, 0, 0, rosenbrock, NULL, NULL},
    {"rosen2", "rosenbrock in 2 dimensions", 2, 2, 0, rosenbrock, NULL, NULL},
    {"rosen10", "rosenbrock in 10 dimensions", 10, 10, 0, rosenbrock, NULL, NULL},
    {"rosen30", "rosenbrock in 30 dimensions", 30, 30, 0, rosenbrock, NULL, NULL},
    {"rastrigin", "Rastrigin on [-5.12, 5.12]; 0 at 0", 1, 0, 0, rastrigin, NULL, NULL},
    {"levy", "Levy on [-10, 10]; 0 at 1", 1, 0, 0, levy, NULL, NULL},
    {"dixon_price", "Dixon-Price on [-10, 10]; 0 at 2^(2^(1-i)-1)", 1, 0, 0, dixon_price, NULL,
     NULL},
    {"griewank", "Griewank on [-600, 600]; 0 at 0", 1, 0, 0, griewank, NULL, NULL},
    {"hartmann6", "Hartmann 6-D on [0, 1]; -3.32237", 6, 6, -3.32236801141551, hartmann6, NULL,
     NULL},
    {"branin", "Branin, x1 on [-5, 10], x2 on [0, 15]; 0.397887 at (pi, 2.275)", 2, 2,
     0.397887357729738, branin, NULL, NULL},
    {"polynome2", "DeepHyper's sum of squares on [-50, 50]; 0 at 0", 1, 0, 0, sphere, NULL, NULL},
    {"saddle", "saddle on [-50, 50]; -n / (2 (n-1)^2)", 2, 0, NAN, saddle, NULL, NULL},
    {"linear", "minus the sum on [-100, 100]; least at the upper bounds", 1, 0, NAN, linear, NULL,
     NULL},
    {"ackley_mixed", "Ackley, the choices of a parameter spread over [-1, 1]", 1, 0, 0, NULL,
     ackley_mixed, NULL},
    {"ackley_conditional", "ackley_mixed plus 0.25 for each inactive parameter", 1, 0, 0, NULL,
     ackley_conditional, NULL},
    {"branin_mixed", "Branin of x1, x2 on [0, 1], scaled by two-valued z1, z2; -1.0474", 4, 0,
     -1.04740965555597, NULL, branin_mixed, mixed_names},
    {"branin_conditional", "Branin of x1 and x2; x2 may be inactive, at a price", 2, 0,
     0.397887357729738, NULL, branin_conditional, branin_names},
};

const struct dh_function *dh_function_list(size_t *count)
{
    *count = DH_COUNT_OF(functions);
    return functions;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
            return false;
    return *a == *b;
}

const struct dh_function *dh_function_find(const char *name)
{
    for (size_t i = 0; i < DH_COUNT_OF(functions); i++)
        if (same_name(functions[i].name, name))
            return &functions[i];
    return NULL;
}

/* Are the parameters that `typed` reads by name there, and of the kind that it wants? x… are
 * numbers and z… have two choices. Only a function with a dimension to lose takes x2 inactive. */
static dh_status check_names(const struct dh_function *function, const struct dh_space *space,
                             struct dh_error *err)
{
    for (const char *const *name = function->needs; name && *name; name++) {
        int index = dh_space_find(space, *name);
        if (index < 0)
            return dh_fail(err, DH_CONFIG, "function %s needs a parameter %s", function->name,
                           *name);
        const struct dh_parameter *p = dh_space_parameter(space, (size_t)index);
        if (**name == 'z' ? p->choice_count != 2 : p->choice_count != 0)
            return dh_fail(err, DH_CONFIG, "function %s needs parameter %s to be %s",
                           function->name, *name,
                           **name == 'z' ? "a choice of two values" : "a real or an int");
        bool may_rest = function->typed == branin_conditional && strcmp(*name, "x2") == 0;
        if (p->conditional && !may_rest)
            return dh_fail(err, DH_CONFIG, "function %s needs parameter %s without a condition",
                           function->name, *name);
    }
    return DH_OK;
}

/* Is the parameter a coordinate of a plain function wherever it is active? */
static bool coordinate(const struct dh_parameter *p)
{
    return p->type != DH_CONSTANT || p->choices[0].kind == DH_CHOICE_NUMBER;
}

/* Only the parameters without a condition are coordinates at every point. */
static dh_status check_dimension(const struct dh_function *function, const struct dh_space *space,
                                 struct dh_error *err)
{
    size_t most = 0, least = 0;
    for (size_t i = 0; i < dh_space_count(space); i++) {
        const struct dh_parameter *p = dh_space_parameter(space, i);
        most += coordinate(p);
        least += coordinate(p) && !p->conditional;
    }
    size_t low = function->dimension_low, high = function->dimension_high;
    if (least >= low && (high == 0 || most <= high))
        return DH_OK;
    return dh_fail(err, DH_CONFIG,
                   "function %s needs %s %zu parameters that are always active; the space has %zu "
                   "of %zu",
                   function->name, high == low ? "exactly" : "at least", low, least, most);
}

dh_status dh_function_check(const struct dh_function *function, const struct dh_space *space,
                            struct dh_error *err)
{
    return function->plain ? check_dimension(function, space, err)
                           : check_names(function, space, err);
}

double dh_function_evaluate(const struct dh_function *function, const struct dh_space *space,
                            const double *point)
{
    if (function->typed)
        return function->typed(space, point);
    double *x = dh_alloc(dh_space_count(space), sizeof *x);
    size_t n = coordinates(space, point, false, x);
    double value = function->plain(x, n);
    free(x);
    return value;
}
