/* Projected limited-memory BFGS (Nocedal & Wright, algorithm 7.4, on the variables that are not
 * held by a bound) with a backtracking line search along the projected path. Deterministic. */
#include "lbfgs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define MEMORY 8
#define TRIES 20       /* points along one search */
#define LEAST_HOPE 0.1 /* of the tolerance: where the slope promises less, nothing is tried */
#define DECREASE 1e-4  /* Armijo's constant */

struct state {
    const struct dh_lbfgs *problem;
    size_t count;
    double value;
    double *x, *gradient;
    double *next, *next_gradient;
    double *direction;
    double *steps, *changes; /* MEMORY × count: of x, of the gradient; newest last */
    double rho[MEMORY];      /* 1 / (step · change) */
    size_t kept;
};

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add_scaled(double *a, double factor, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        a[i] += factor * b[i];
}

/* Downhill leads out of the box here. */
static bool held(const struct state *s, size_t i)
{
    return (s->x[i] <= s->problem->lower[i] && s->gradient[i] > 0) ||
           (s->x[i] >= s->problem->upper[i] && s->gradient[i] < 0);
}

static void release_held(const struct state *s, double *vector)
{
    for (size_t i = 0; i < s->count; i++)
        if (held(s, i))
            vector[i] = 0;
}

static void two_loops(struct state *s)
{
    size_t n = s->count;
    double *d = s->direction, weight[MEMORY];
    for (size_t k = s->kept; k-- > 0;) {
        weight[k] = s->rho[k] * dot(s->steps + k * n, d, n);
        add_scaled(d, -weight[k], s->changes + k * n, n);
    }
    const double *newest = s->changes + (s->kept - 1) * n;
    double scale = 1 / (s->rho[s->kept - 1] * dot(newest, newest, n));
    for (size_t i = 0; i < n; i++)
        d[i] *= scale;
    for (size_t k = 0; k < s->kept; k++) {
        double correction = weight[k] - s->rho[k] * dot(s->changes + k * n, d, n);
        add_scaled(d, correction, s->steps + k * n, n);
    }
}

static void limit_length(double *d, size_t count, double most)
{
    double longest = 0;
    for (size_t i = 0; i < count; i++)
        longest = fmax(longest, fabs(d[i]));
    for (size_t i = 0; most > 0 && longest > most && i < count; i++)
        d[i] *= most / longest;
}

static void choose_direction(struct state *s)
{
    size_t n = s->count;
    double *d = s->direction;
    memcpy(d, s->gradient, n * sizeof *d);
    release_held(s, d);
    if (s->kept > 0) {
        two_loops(s);
        release_held(s, d);
    }
    if (!(dot(d, s->gradient, n) > 0)) {
        s->kept = 0;
        memcpy(d, s->gradient, n * sizeof *d);
        release_held(s, d);
    }
    double norm = sqrt(dot(d, d, n));
    for (size_t i = 0; i < n; i++)
        d[i] *= s->kept == 0 && norm > 1 ? -1 / norm : -1;
    limit_length(d, n, s->problem->longest);
}

static void move(struct state *s, double length)
{
    for (size_t i = 0; i < s->count; i++) {
        double x = s->x[i] + length * s->direction[i];
        s->next[i] = fmin(fmax(x, s->problem->lower[i]), s->problem->upper[i]);
    }
}

/* Finds next, its value and gradient; false if there is no better point along the direction. */
static bool search(struct state *s, double *value)
{
    double length = 1;
    for (int try = 0; try < TRIES; try++) {
        move(s, length);
        double slope = 0;
        for (size_t i = 0; i < s->count; i++)
            slope += s->gradient[i] * (s->next[i] - s->x[i]);
        if (!(-slope > LEAST_HOPE * s->problem->tolerance))
            return false;
        *value = s->problem->value(s->problem->context, s->next, s->next_gradient);
        if (*value <= s->value + DECREASE * slope)
            return true;
        /* The least point of the parabola through what is known, within reason. */
        double shrink = isfinite(*value) ? -slope / (2 * (*value - s->value - slope)) : 0.1;
        length *= fmin(fmax(shrink, 0.1), 0.5);
    }
    return false;
}

static void remember(struct state *s)
{
    size_t n = s->count;
    if (s->kept == MEMORY) {
        memmove(s->steps, s->steps + n, (MEMORY - 1) * n * sizeof *s->steps);
        memmove(s->changes, s->changes + n, (MEMORY - 1) * n * sizeof *s->changes);
        memmove(s->rho, s->rho + 1, (MEMORY - 1) * sizeof *s->rho);
        s->kept--;
    }
    double *step = s->steps + s->kept * n, *change = s->changes + s->kept * n;
    for (size_t i = 0; i < n; i++) {
        step[i] = s->next[i] - s->x[i];
        change[i] = s->next_gradient[i] - s->gradient[i];
    }
    double curvature = dot(step, change, n);
    if (curvature > 1e-10 * sqrt(dot(step, step, n) * dot(change, change, n)))
        s->rho[s->kept++] = 1 / curvature;
}

static void descend(struct state *s)
{
    for (size_t step = 0; step < s->problem->steps; step++) {
        choose_direction(s);
        double value;
        if (!search(s, &value))
            return;
        remember(s);
        double gain = s->value - value;
        s->value = value;
        memcpy(s->x, s->next, s->count * sizeof *s->x);
        memcpy(s->gradient, s->next_gradient, s->count * sizeof *s->gradient);
        if (gain < s->problem->tolerance)
            return;
    }
}

double dh_lbfgs_minimise(const struct dh_lbfgs *problem, double *x)
{
    size_t n = problem->count;
    double *memory = dh_alloc(n * (4 + 2 * MEMORY), sizeof *memory);
    struct state s = {
        .problem = problem,
        .count = n,
        .x = x,
        .gradient = memory,
        .next = memory + n,
        .next_gradient = memory + 2 * n,
        .direction = memory + 3 * n,
        .steps = memory + 4 * n,
        .changes = memory + (4 + MEMORY) * n,
    };
    for (size_t i = 0; i < n; i++)
        x[i] = fmin(fmax(x[i], problem->lower[i]), problem->upper[i]);
    s.value = problem->value(problem->context, x, s.gradient);
    if (isfinite(s.value))
        descend(&s);
    else
        s.value = INFINITY;
    free(memory);
    return s.value;
}
