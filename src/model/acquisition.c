/* Acquisition functions: see acquisition.h. Nothing here knows a model or a point. */
#include "dh_mpi/acquisition.h"

#include <math.h>

#include "dh_mpi/math.h"

#define LEAST_DEVIATION 1e-12
#define FAR (-25.0) /* below this, the expansions for large |z| are exact to the last digits */
#define LOG_2PI 1.8378770664093454836
#define BISECTIONS 60
#define QUARTILE_POINTS 512 /* of the pool; more change the minimum's quartiles little */

static double normal_cdf(double z)
{
    return 0.5 * dh_erfc(-z / M_SQRT2);
}

double dh_log_normal_cdf(double z)
{
    if (z > FAR)
        return z > 5 ? dh_log1p(-normal_cdf(-z)) : dh_log(normal_cdf(z));
    double w = 1 / (z * z);
    return -0.5 * (z * z + LOG_2PI) - dh_log(-z) + dh_log1p(-w * (1 - w * (3 - 15 * w)));
}

double dh_log_improvement(double z)
{
    if (z > FAR)
        return dh_log(dh_exp(-0.5 * (z * z + LOG_2PI)) + z * normal_cdf(z));
    double w = 1 / (z * z);
    return -0.5 * (z * z + LOG_2PI) + dh_log(w) +
           dh_log1p(-w * (3 - w * (15 - w * (105 - 945 * w))));
}

/* Entropy lost by a standard normal that is cut off below -gamma, for one sampled minimum. */
static double entropy_loss(double gamma)
{
    double log_cdf = dh_log_normal_cdf(gamma);
    double hazard = dh_exp(-0.5 * (gamma * gamma + LOG_2PI) - log_cdf);
    return 0.5 * gamma * hazard - log_cdf;
}

static double mes(const struct dh_acquisition *a, double mean, double deviation)
{
    double sum = 0;
    for (size_t i = 0; i < a->minimum_count; i++)
        sum += entropy_loss(fmax((mean - a->minima[i]) / deviation, -1e6));
    return a->minimum_count ? sum / (double)a->minimum_count : 0;
}

bool dh_acquisition_is_logarithm(enum dh_acquisition_kind kind)
{
    return kind == DH_ACQUISITION_EI || kind == DH_ACQUISITION_PI;
}

double dh_acquisition_score(const struct dh_acquisition *a, double mean, double deviation)
{
    double s = fmax(deviation, LEAST_DEVIATION);
    double z = fmax(fmin((a->best - a->xi - mean) / s, 1e100), -1e100);
    switch (a->kind) {
    case DH_ACQUISITION_EI:
        return dh_log(s) + dh_log_improvement(z);
    case DH_ACQUISITION_PI:
        return dh_log_normal_cdf(z);
    case DH_ACQUISITION_MES:
        return mes(a, mean, s);
    case DH_ACQUISITION_LCB:
        break;
    }
    return dh_acquisition_bound(a, mean, deviation);
}

/* By central differences: one rule for all of them, exact enough for a line search. */
void dh_acquisition_slope(const struct dh_acquisition *a, double mean, double deviation,
                          double *by_mean, double *by_deviation)
{
    double step = 1e-5 * fmax(deviation, 1e-6);
    *by_mean = (dh_acquisition_score(a, mean + step, deviation) -
                dh_acquisition_score(a, mean - step, deviation)) /
               (2 * step);
    *by_deviation = (dh_acquisition_score(a, mean, deviation + step) -
                     dh_acquisition_score(a, mean, deviation - step)) /
                    (2 * step);
}

/* Independent normals, of which every `stride`-th is looked at. */
struct normals {
    const double *mean, *deviation;
    size_t count, stride;
};

/* log P(minimum > y) */
static double log_survival(const struct normals *of, double y)
{
    double sum = 0;
    for (size_t i = 0; i < of->count; i += of->stride)
        sum += dh_log_normal_cdf((of->mean[i] - y) / fmax(of->deviation[i], LEAST_DEVIATION));
    return sum;
}

/* The y at which P(minimum <= y) = p, between bounds known to hold it. */
static double minimum_quantile(const struct normals *of, double p, double low, double high)
{
    double wanted = dh_log1p(-p);
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = 0.5 * (low + high);
        if (log_survival(of, middle) > wanted)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

void dh_acquisition_draw_minima(struct dh_random *random, const double *mean,
                                const double *deviation, size_t count, double best, double *samples,
                                size_t sample_count)
{
    struct normals all = {mean, deviation, count, (count + QUARTILE_POINTS - 1) / QUARTILE_POINTS};
    double low = INFINITY, high = INFINITY;
    for (size_t i = 0; i < count; i += all.stride) {
        low = fmin(low, mean[i] - 10 * deviation[i]);
        high = fmin(high, mean[i] + 10 * deviation[i]);
    }
    double q1 = minimum_quantile(&all, 0.25, low, high);
    double q2 = minimum_quantile(&all, 0.5, low, high);
    double q3 = minimum_quantile(&all, 0.75, low, high);
    /* of a Gumbel distribution of minima: F(y) = 1 - exp(-exp((y - a) / b)) */
    double b = fmax((q3 - q1) / (dh_log(dh_log(4.0)) - dh_log(dh_log(4.0 / 3.0))), LEAST_DEVIATION);
    double a = q2 - b * dh_log(dh_log(2.0));
    for (size_t i = 0; i < sample_count; i++) {
        double u = 1 - dh_random_uniform(random); /* (0, 1] */
        samples[i] = fmin(a + b * dh_log(fmax(-dh_log(u), 1e-300)), best);
    }
}

double dh_schedule_value(enum dh_schedule_kind kind, double start, uint64_t t, size_t dimensions)
{
    if (kind == DH_SCHEDULE_DECAY && start > 0) {
        double phase = (double)((t > 0 ? t - 1 : 0) % DH_SCHEDULE_PERIOD);
        double floor = fmin(DH_SCHEDULE_FLOOR, DH_SCHEDULE_LEAST * start);
        return start * dh_power(floor / start, phase / (DH_SCHEDULE_PERIOD - 1));
    }
    if (kind == DH_SCHEDULE_BANDIT) {
        double count = (double)(t > 0 ? t : 1);
        double inside = (double)(dimensions > 0 ? dimensions : 1) * count * count * M_PI * M_PI /
                        (6 * DH_SCHEDULE_DELTA);
        return start / 1.96 * sqrt(2 * DH_SCHEDULE_LAMBDA * dh_log(inside));
    }
    return start;
}

size_t dh_hedge_choose(const double *gains, size_t count, double u)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, gains[i]);
    for (size_t i = 0; i < count; i++)
        sum += dh_exp(gains[i] - top);
    double left = u * sum;
    for (size_t i = 0; i + 1 < count; i++) {
        left -= dh_exp(gains[i] - top);
        if (left < 0)
            return i;
    }
    return count - 1;
}
