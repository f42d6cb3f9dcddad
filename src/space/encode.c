/* Between native values, the unit cube and the priors: see space.h.
 *
 * `encode` and `decode` know scales only, since models and local moves want to see positions;
 * `quantile` knows the prior as well. All of them give canonical values.
 */
#include <math.h>

#include "dh_mpi/math.h"
#include "parts.h"

double dh_scale_log_ratio(double value, double low)
{
    double ratio = value / low; /* nearer to the truth than a difference of logarithms */
    return isfinite(ratio) ? dh_log(ratio) : dh_log(value) - dh_log(low);
}

/* low * e^ratio, where e^ratio alone could overflow. */
static double scale_up(double low, double ratio)
{
    return low * dh_exp(ratio / 2) * dh_exp(ratio / 2);
}

/* The value at u between two bounds on the parameter's scale. */
static double between(const struct dh_parameter *parameter, double low, double high, double u)
{
    if (u <= 0 || u >= 1)
        return u <= 0 ? low : high;
    if (parameter->scale == DH_SCALE_LOG)
        return scale_up(low, u * dh_scale_log_ratio(high, low));
    return low + u * (high - low);
}

static double choice_at(const struct dh_parameter *parameter, double u)
{
    double n = (double)parameter->choice_count;
    return fmin(floor(fmax(u, 0) * n), n - 1);
}

double dh_parameter_encode(const struct dh_parameter *parameter, double value)
{
    if (isnan(value))
        return NAN;
    if (parameter->choice_count > 0)
        return (value + 0.5) / (double)parameter->choice_count;
    double low = parameter->low, high = parameter->high;
    if (low >= high)
        return 0.5;
    double u = (value - low) / (high - low);
    if (parameter->scale == DH_SCALE_LOG)
        u = dh_scale_log_ratio(value, low) / dh_scale_log_ratio(high, low);
    return fmin(fmax(u, 0), 1);
}

double dh_parameter_decode(const struct dh_parameter *parameter, double u)
{
    if (isnan(u))
        return NAN;
    if (parameter->choice_count > 0)
        return choice_at(parameter, u);
    return dh_lattice_snap(parameter, between(parameter, parameter->low, parameter->high, u));
}

double dh_parameter_cell(const struct dh_parameter *parameter)
{
    double levels = dh_parameter_levels(parameter);
    return levels > 1 ? 1 / (parameter->choice_count ? levels : levels - 1) : 0;
}

double dh_parameter_next(const struct dh_parameter *parameter, double value, int side)
{
    double cell = dh_parameter_cell(parameter);
    if (cell <= 0)
        return NAN;
    double there = dh_parameter_encode(parameter, value) + side * cell;
    double next = dh_parameter_decode(parameter, fmin(fmax(there, 0), 1));
    if (next != value || parameter->choice_count > 0)
        return next != value ? next : NAN;
    double k = rint((value - parameter->low) / dh_lattice_spacing(parameter)) + side;
    bool exists = k >= 0 && k < dh_parameter_levels(parameter);
    return exists ? dh_parameter_level(parameter, (uint64_t)k) : NAN;
}

/* The range that a prior covers: half a step more than the values of a lattice, so that the cells
 * of the first and the last are as wide as the others; never down to 0 on a log scale. */
static void covered(const struct dh_parameter *parameter, double *low, double *high)
{
    double half = dh_lattice_spacing(parameter) / 2;
    *low = parameter->low;
    *high = parameter->high;
    if (half <= 0)
        return;
    *high = dh_lattice_snap(parameter, parameter->high) + half;
    *low = parameter->scale == DH_SCALE_LOG ? fmax(*low - half, *low / 2) : *low - half;
}

/* Standard deviations between the prior's mean and a value. */
static double deviations(const struct dh_parameter *parameter, double value)
{
    double distance = parameter->scale == DH_SCALE_LOG ? dh_scale_log_ratio(value, parameter->mean)
                                                       : value - parameter->mean;
    return distance / parameter->deviation;
}

/* The u-quantile of the normal distribution between a and b; of the tails the one that is not
 * near 1, so that bounds far from the mean keep their precision. */
static double truncated_quantile(double a, double b, double u)
{
    if (u <= 0 || u >= 1)
        return u <= 0 ? a : b;
    double side = a > 0 ? -1 : 1;
    double from = dh_normal_below(side * a), to = dh_normal_below(side * b);
    double z = side * dh_normal_quantile(from + u * (to - from));
    return fmin(fmax(z, a), b);
}

double dh_prior_mass(const struct dh_parameter *parameter)
{
    double low, high;
    covered(parameter, &low, &high);
    double a = deviations(parameter, low), b = deviations(parameter, high);
    return a > 0 ? dh_normal_below(-a) - dh_normal_below(-b)
                 : dh_normal_below(b) - dh_normal_below(a);
}

static double normal_quantile(const struct dh_parameter *parameter, double u)
{
    double z;
    if (parameter->prior == DH_PRIOR_TRUNCATED) {
        double low, high;
        covered(parameter, &low, &high);
        z = truncated_quantile(deviations(parameter, low), deviations(parameter, high), u);
    } else {
        z = dh_normal_quantile(u); /* infinite at 0 and 1: the bounds */
    }
    double distance = z * parameter->deviation;
    if (parameter->scale == DH_SCALE_LOG)
        return scale_up(parameter->mean, distance);
    return parameter->mean + distance;
}

static double weighted_choice(const struct dh_parameter *parameter, double u)
{
    double sum = 0;
    for (size_t k = 0; k + 1 < parameter->choice_count; k++) {
        sum += parameter->probabilities[k];
        if (u < sum)
            return (double)k;
    }
    return (double)(parameter->choice_count - 1);
}

double dh_parameter_quantile(const struct dh_parameter *parameter, double u)
{
    if (isnan(u))
        return NAN;
    u = fmin(fmax(u, 0), 1);
    if (parameter->choice_count > 0)
        return parameter->probabilities ? weighted_choice(parameter, u) : choice_at(parameter, u);
    if (parameter->low >= parameter->high)
        return parameter->low;
    if (parameter->prior != DH_PRIOR_UNIFORM)
        return dh_lattice_snap(parameter, normal_quantile(parameter, u));
    if (dh_lattice_spacing(parameter) > 0 && parameter->scale == DH_SCALE_LINEAR) {
        /* Without a detour over values: designs hit the edges of cells exactly. */
        double n = dh_parameter_levels(parameter);
        return dh_lattice_value(parameter, fmin(floor(u * n), n - 1));
    }
    double low, high;
    covered(parameter, &low, &high);
    return dh_lattice_snap(parameter, between(parameter, low, high, u));
}

void dh_space_encode(const struct dh_space *space, const double *point, double *unit)
{
    for (size_t i = 0; i < space->count; i++)
        unit[i] = dh_parameter_encode(&space->parameters[i], point[i]);
}

/* Coordinates without a value become inactive here; settling gives them their presets. */
void dh_space_decode(const struct dh_space *space, const double *unit, double *point)
{
    for (size_t i = 0; i < space->count; i++)
        point[i] = dh_parameter_decode(&space->parameters[i], unit[i]);
    dh_space_settle(space, point);
}

void dh_space_quantile(const struct dh_space *space, const double *unit, double *point)
{
    for (size_t i = 0; i < space->count; i++)
        point[i] = dh_parameter_quantile(&space->parameters[i], unit[i]);
    dh_space_settle(space, point);
}
