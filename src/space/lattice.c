/* The canonical values of a number: the lattice on which every point of a space lies.
 *
 * An int or a real with a step has the values low, low + step, …. A real without step has its two
 * bounds and, between them, the decimals with so many places (linear scale: about 13 digits of
 * the range; log scale: 13 significant digits) that a value survives the way to the unit cube
 * and back, survives printing, and looks as if a person had written it. Where the range is
 * narrow against the magnitude of its bounds, or a log scale extremely wide, there are fewer.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/math.h"
#include "parts.h"

#define DIGITS 13

/* Powers of ten that are doubles, so that a product or quotient with one is rounded once. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define LARGEST_POWER ((int)DH_COUNT_OF(powers) - 1)

/* The multiple of 10^-decimals nearest to `value`, as the double nearest to it. */
static double round_decimal(double value, int decimals)
{
    if (decimals >= 0 && decimals <= LARGEST_POWER) {
        double k = rint(value * powers[decimals]);
        if (fabs(k) < 0x1p53)
            return k / powers[decimals] + 0.0; /* never -0 */
    } else if (decimals < 0 && decimals >= -LARGEST_POWER) {
        double k = rint(value / powers[-decimals]);
        if (fabs(k) < 0x1p53)
            return k * powers[-decimals] + 0.0;
    }
    char text[64];
    long double k = rintl(value * powl(10, decimals));
    snprintf(text, sizeof text, "%.0Lfe%d", k, -decimals);
    return strtod(text, NULL) + 0.0;
}

/* 10^-decimals */
static double quantum(int decimals)
{
    if (decimals >= 0 && decimals <= LARGEST_POWER)
        return 1 / powers[decimals];
    return (double)powl(10, -decimals);
}

double dh_lattice_spacing(const struct dh_parameter *parameter)
{
    return parameter->type == DH_INTEGER && parameter->step <= 0 ? 1 : parameter->step;
}

/* log10, the same on every machine, and whole for powers of ten: a rounding error there would
 * change how many digits a value has. */
static double decades(double value)
{
    return rint(dh_log(value) * M_LOG10E * 1e12) / 1e12;
}

double dh_lattice_log_error(const struct dh_parameter *parameter)
{
    double span = dh_scale_log_ratio(parameter->high, parameter->low);
    return 4 * (span + 4) * (DBL_EPSILON / 2);
}

int dh_lattice_digits(const struct dh_parameter *parameter)
{
    double low = parameter->low, high = parameter->high;
    if (low >= high)
        return DIGITS;
    if (parameter->scale == DH_SCALE_LOG && parameter->step <= 0) {
        int exact = (int)floor(-decades(4 * dh_lattice_log_error(parameter)));
        return exact < DIGITS ? exact : DIGITS;
    }
    int wanted = DIGITS - 1 - (int)floor(decades(high - low));
    double magnitude = fmax(fabs(low), fabs(high));
    int exact = -(int)ceil(decades(8 * magnitude) + decades(DBL_EPSILON));
    return exact < wanted ? exact : wanted;
}

/* Between the bounds; decimals that nearly coincide with a bound are that bound. */
static double snap_real(const struct dh_parameter *parameter, double value)
{
    double low = parameter->low, high = parameter->high;
    if (value <= low || value >= high)
        return value <= low ? low : high;
    int decimals = parameter->digits;
    if (parameter->scale == DH_SCALE_LOG)
        decimals -= 1 + (int)floor(decades(value));
    double rounded = round_decimal(value, decimals);
    double half = 0.5 * quantum(decimals);
    if (rounded - low < half || high - rounded < half)
        return rounded - low < high - rounded ? low : high;
    return rounded;
}

/* How far from a whole number, in steps, rounding can put the upper bound of a lattice: the bounds
 * and the step are decimals rounded to doubles, so it grows with the number of steps and with the
 * size of the bounds. What check_step (parameter.c) lets through keeps it below a tenth. */
static double step_error(const struct dh_parameter *parameter)
{
    double low = parameter->low, high = parameter->high;
    double error = 4 * DBL_EPSILON / dh_lattice_spacing(parameter);
    return fmax(1e-9, error * (high - low + fmax(fabs(low), fabs(high))));
}

/* The number of the last value. A real's bound is reached in spite of rounding (0.9 = 9 * 0.1). */
static double last_number(const struct dh_parameter *parameter)
{
    double steps = (parameter->high - parameter->low) / dh_lattice_spacing(parameter);
    return floor(parameter->type == DH_INTEGER ? steps : steps + step_error(parameter));
}

double dh_lattice_value(const struct dh_parameter *parameter, double k)
{
    double spacing = dh_lattice_spacing(parameter);
    double value = parameter->low + k * spacing;
    if (k <= 0)
        return parameter->low;
    if (parameter->type == DH_INTEGER)
        return value;
    if (value >= parameter->high - fmax(1e-6, step_error(parameter)) * spacing)
        return parameter->high;
    return round_decimal(value, parameter->digits);
}

double dh_lattice_snap(const struct dh_parameter *parameter, double value)
{
    double spacing = dh_lattice_spacing(parameter);
    if (spacing <= 0)
        return snap_real(parameter, value);
    double k = floor((value - parameter->low) / spacing + 0.5);
    return dh_lattice_value(parameter, fmin(fmax(k, 0), last_number(parameter)));
}

double dh_parameter_levels(const struct dh_parameter *parameter)
{
    if (parameter->choice_count > 0)
        return (double)parameter->choice_count;
    if (parameter->low >= parameter->high)
        return 1;
    return dh_lattice_spacing(parameter) > 0 ? last_number(parameter) + 1 : INFINITY;
}

bool dh_parameter_nominal(const struct dh_parameter *parameter)
{
    return parameter->type == DH_CATEGORICAL || parameter->type == DH_BOOL;
}

double dh_parameter_level(const struct dh_parameter *parameter, uint64_t k)
{
    if (parameter->choice_count > 0)
        return (double)k;
    return k == 0 ? parameter->low : dh_lattice_value(parameter, (double)k);
}
