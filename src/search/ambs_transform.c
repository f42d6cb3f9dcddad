/* What objective values become before a model learns them: see ambs_transform.h.
 *
 * Every transform is monotone, so the best stays the best, and gives mean 0 and deviation 1 on
 * what it was learnt from. All but identity and quantile first clip what is far too bad, above
 * Q3 + 1.5 (Q3 - Q1): how bad a bad point is teaches nothing about good ones. "power" is then the
 * transform of Yeo and Johnson (2000) with the most likely exponent. "auto" is power, or quantile
 * where power leaves the better half of the values as good as the same: so it does with values of
 * many decades, and where a penalty that stands for failing is more than a quarter of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_transform.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"

#define POWER_VALUES 2000 /* of the sorted ones; more change the exponent little */
#define POWER_LOW (-4.0)
#define POWER_HIGH 4.0
#define POWER_STEPS 33
#define FARTHEST 1e6   /* deviations: of a value told later that is beyond all that were learnt */
#define CRUSHED 0.05   /* deviations from the best value to the middle one */
#define CRUSHED_OF 10  /* values: of fewer the middle says little */
#define LOG_SHARE 0.01 /* of the range, usually added before the logarithm */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double p)
{
    double place = p * (double)(count - 1);
    size_t below = (size_t)place;
    double rest = place - (double)below;
    return below + 1 < count ? sorted[below] * (1 - rest) + sorted[below + 1] * rest
                             : sorted[count - 1];
}

static double yeo_johnson(double z, double lambda)
{
    if (z >= 0)
        return fabs(lambda) < 1e-9 ? dh_log1p(z) : dh_expm1(lambda * dh_log1p(z)) / lambda;
    double mirror = 2 - lambda;
    return fabs(mirror) < 1e-9 ? -dh_log1p(-z) : -dh_expm1(mirror * dh_log1p(-z)) / mirror;
}

/* Of z + share; below 0, where values better than all known are, the same slope goes on and falls
 * as it rises above. */
static double logarithm(double z, double share)
{
    return dh_log(share) + copysign(dh_log1p(fabs(z) / share), z);
}

/* Log likelihood of the exponent: Yeo, Johnson 2000, equation 3.1. */
static double power_likelihood(const double *z, size_t count, size_t stride, double lambda)
{
    double sum = 0, squares = 0, slope = 0, n = 0;
    for (size_t i = 0; i < count; i += stride) {
        double v = yeo_johnson(z[i], lambda);
        sum += v;
        squares += v * v;
        slope += copysign(dh_log1p(fabs(z[i])), z[i]);
        n++;
    }
    double variance = squares / n - sum * sum / (n * n);
    return -0.5 * n * dh_log(fmax(variance, 1e-300)) + (lambda - 1) * slope;
}

static double best_power(const double *z, size_t count)
{
    size_t stride = (count + POWER_VALUES - 1) / POWER_VALUES;
    double best = 1, most = -INFINITY;
    for (int i = 0; i < POWER_STEPS; i++) {
        double lambda = POWER_LOW + (POWER_HIGH - POWER_LOW) * i / (POWER_STEPS - 1);
        double likelihood = power_likelihood(z, count, stride, lambda);
        if (likelihood > most) {
            most = likelihood;
            best = lambda;
        }
    }
    return best;
}

/* Mean and deviation; a deviation of 0 becomes 1. */
static void moments(const double *v, size_t count, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += v[i];
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (v[i] - *mean) * (v[i] - *mean);
    *deviation = sqrt(squares / (double)count);
    if (!(*deviation > 1e-12 * fmax(fabs(*mean), 1e-290)))
        *deviation = 1;
}

/* Sorted values below y, or up to and with it. */
static size_t count_below(const struct ambs_transform *t, double y, bool with)
{
    size_t low = 0, high = t->sorted_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (t->sorted[middle] < y || (with && t->sorted[middle] == y))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where a value stands among the sorted ones, as a normal deviate. */
static double normal_score(const struct ambs_transform *t, double y)
{
    double below = (double)count_below(t, y, false), equal = (double)count_below(t, y, true);
    double rank = 0.5 * (below + equal); /* the middle of equals; between others */
    return dh_normal_quantile((rank + 0.5) / ((double)t->sorted_count + 1));
}

static double shape(const struct ambs_transform *t, double y)
{
    double v = fmin(y, t->clip) / t->scale;
    switch (t->scaling) {
    case AMBS_SCALING_POWER:
        return yeo_johnson((v - t->center) / t->width, t->lambda);
    case AMBS_SCALING_LOG:
        return logarithm((v - t->center) / t->width, t->share);
    case AMBS_SCALING_QUANTILE:
        return normal_score(t, v);
    case AMBS_SCALING_MINMAX:
        return (v - t->center) / t->width;
    case AMBS_SCALING_IDENTITY:
    case AMBS_SCALING_AUTO:
        break;
    }
    return v;
}

/* What is too large; then scale what is left, so that nothing overflows, or is lost beside it. */
static void learn_range(struct ambs_transform *t, double *sorted, size_t count)
{
    if (t->scaling != AMBS_SCALING_IDENTITY && t->scaling != AMBS_SCALING_QUANTILE) {
        double q1 = quantile(sorted, count, 0.25), q3 = quantile(sorted, count, 0.75);
        t->clip = q3 + 1.5 * (q3 - q1);
        if (!(t->clip > sorted[0])) /* more than three quarters are the same */
            t->clip = INFINITY;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = fmin(sorted[i], t->clip);
        t->scale = fmax(t->scale, fabs(sorted[i]));
    }
    if (!(t->scale > 0))
        t->scale = 1;
    for (size_t i = 0; i < count; i++)
        sorted[i] /= t->scale;
}

static void learn_shape(struct ambs_transform *t, double *sorted, size_t count)
{
    if (t->scaling == AMBS_SCALING_POWER) {
        double *z = dh_alloc(count, sizeof *z);
        moments(sorted, count, &t->center, &t->width);
        for (size_t i = 0; i < count; i++)
            z[i] = (sorted[i] - t->center) / t->width;
        t->lambda = count >= 5 ? best_power(z, count) : 1;
        free(z);
    } else {
        double range = sorted[count - 1] - sorted[0];
        t->center = sorted[0];
        t->width = range > 0 ? range : 1;
    }
}

static void fit_as(struct ambs_transform *t, enum ambs_scaling scaling, double share,
                   const double *y, size_t count)
{
    *t = (struct ambs_transform){.scaling = scaling,
                                 .clip = INFINITY,
                                 .width = 1,
                                 .share = share > 0 ? share : LOG_SHARE,
                                 .lambda = 1};
    double *sorted = dh_memdup(y, count * sizeof *sorted), *out = dh_alloc(count, sizeof *out);
    qsort(sorted, count, sizeof *sorted, ascending);
    learn_range(t, sorted, count);
    if (scaling == AMBS_SCALING_QUANTILE) {
        t->sorted = dh_memdup(sorted, count * sizeof *sorted);
        t->sorted_count = count;
    }
    learn_shape(t, sorted, count);
    for (size_t i = 0; i < count; i++)
        out[i] = shape(t, y[i]);
    moments(out, count, &t->mean, &t->deviation);
    free(sorted);
    free(out);
}

static bool is_crushed(const struct ambs_transform *t, const double *y, size_t count)
{
    if (count < CRUSHED_OF)
        return false;
    double *sorted = dh_memdup(y, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    double best = sorted[0], middle = sorted[count / 2];
    free(sorted);
    return best < middle &&
           ambs_transform_apply(t, middle) - ambs_transform_apply(t, best) < CRUSHED;
}

void ambs_transform_fit(struct ambs_transform *t, enum ambs_scaling scaling, double share,
                        const double *y, size_t count)
{
    bool open = scaling == AMBS_SCALING_AUTO;
    fit_as(t, open ? AMBS_SCALING_POWER : scaling, share, y, count);
    if (open && is_crushed(t, y, count))
        fit_as(t, AMBS_SCALING_QUANTILE, share, y, count);
}

double ambs_transform_apply(const struct ambs_transform *t, double y)
{
    return fmin(fmax((shape(t, y) - t->mean) / t->deviation, -FARTHEST), FARTHEST);
}

double ambs_transform_log_slope(const struct ambs_transform *t, double y)
{
    double z = (fmin(y, t->clip) / t->scale - t->center) / t->width;
    double log_slope = t->scaling == AMBS_SCALING_POWER
                           ? (z < 0 ? 1 - t->lambda : t->lambda - 1) * dh_log1p(fabs(z))
                           : -dh_log(t->share + fabs(z));
    return log_slope - dh_log(t->deviation) - dh_log(t->width) - dh_log(t->scale);
}

void ambs_transform_free(struct ambs_transform *t)
{
    free(t->sorted);
    t->sorted = NULL;
}
