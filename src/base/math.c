/* The functions of math.h, from their series. */
#include "dh_mpi/math.h"

#include <math.h>
#include <stddef.h>

#include "dh_mpi/alloc.h"

#define LN2_HIGH 0x1.62e42feep-1 /* few digits: a multiple of it by a whole number is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define ERFC_TERMS 28

/* terms[0] + terms[1] x + …; even and odd powers apart, which takes half the time. */
static inline double series(const double *terms, size_t count, double x)
{
    double square = x * x, sums[2] = {0, 0};
    for (size_t k = count; k-- > 0;)
        sums[k % 2] = sums[k % 2] * square + terms[k];
    return sums[0] + x * sums[1];
}

/* x = 2^n (1 + f), 1 + f in [√½, √2); with s = f / (2 + f), log(1 + f) = 2 (s + s³/3 + s⁵/5 + …),
 * of which f - f²/2 is taken out, as that is known exactly or nearly so. */
double dh_log(double x)
{
    static const double log_terms[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13,
                                       1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23};
    if (!(x > 0) || !isfinite(x))
        return x == 0 ? -INFINITY : x > 0 ? x : NAN;
    double n = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        n = -54;
    }
    uint64_t bits = dh_bits_of(x);
    /* Counted from √½, whose bits these are. */
    int64_t exponent = (int64_t)(bits - 0x3fe6a09e667f3bcd) >> 52;
    n += (double)exponent;
    double f = dh_bits_number(bits - ((uint64_t)exponent << 52)) - 1;
    double s = f / (2 + f), w = s * s, sum = w * series(log_terms, DH_COUNT_OF(log_terms), w);
    /* log(1 + f) = f - s (f - 2 sum) = f - (f²/2 - s (f²/2 + 2 sum)). */
    double half = 0.5 * f * f;
    return n * LN2_HIGH - ((half - (s * (half + 2 * sum) + n * LN2_LOW)) - f);
}

/* Kahan's: what rounding 1 + x changes cancels in the quotient. */
double dh_log1p(double x)
{
    double u = 1 + x;
    if (u == 1)
        return x;
    return u > 0 && isfinite(u) ? dh_log(u) * (x / (u - 1)) : dh_log(u);
}

double dh_expm1(double x)
{
    if (!(fabs(x) < 0.35))
        return dh_exp(x) - 1;
    static const double terms[] = {1.0 / 2,        1.0 / 6,         1.0 / 24,
                                   1.0 / 120,      1.0 / 720,       1.0 / 5040,
                                   1.0 / 40320,    1.0 / 362880,    1.0 / 3628800,
                                   1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    return x + x * x * series(terms, DH_COUNT_OF(terms), x);
}

/* e^(-x²/divisor), x² in two parts, since its rounding would show; the divisor is 1 or 2. */
static double bell(double x, double divisor)
{
    double high = dh_bits_number(dh_bits_of(x) & 0xfffffffff8000000);
    double rest = (x - high) * (x + high) / divisor;
    return dh_exp(-high * high / divisor) * (1 - rest * (1 - rest * (0.5 - rest / 6)));
}

/* erfc(x) e^(x²) / t for t = 2 / (2 + x), as a Chebyshev series in 2t - 1; `exponential` is the
 * e^(-x²). */
static double erfc_positive(double x, double exponential)
{
    static const double terms[ERFC_TERMS] = {
        0.5770337386164697,      0.3554369212704985,     0.06509515882878653,
        0.003671142395836639,    -0.0011128447433526325, -0.0001607582991537808,
        3.278031574173137e-05,   5.442441645505016e-06,  -1.5154665553171482e-06,
        -1.4297608181169865e-07, 8.234608827419493e-08,  -1.2962846852306563e-09,
        -4.154721631015199e-09,  6.347058278362811e-10,  1.4320822712256225e-10,
        -6.160390105204585e-11,  2.0612138554721698e-12, 3.5714931488477042e-12,
        -8.586422843251796e-13,  -6.14560021379063e-14,  7.418725748596617e-14,
        -1.2895042755032325e-14, -2.358726385710632e-15, 1.5729349381685912e-15,
        -2.2782966239546465e-16, -6.31233045075643e-17,  3.5916763531814925e-17,
        -5.049809149847729e-18};
    double t = 2 / (2 + x), y = 2 * t - 1, last = 0, before = 0;
    for (size_t k = ERFC_TERMS - 1; k > 0; k--) {
        double next = 2 * y * last - before + terms[k];
        before = last;
        last = next;
    }
    return t * exponential * (y * last - before + terms[0]);
}

double dh_erfc(double x)
{
    if (isnan(x))
        return x;
    double value = fabs(x) < 28 ? erfc_positive(fabs(x), bell(x, 1)) : 0;
    return x < 0 ? 2 - value : value;
}

/* erfc(-z / √2) / 2, with e^(-z²/2) from z itself: in the tail z / √2 is not exact enough. */
double dh_normal_below(double z)
{
    if (isnan(z))
        return z;
    double tail = fabs(z) < 40 ? 0.5 * erfc_positive(fabs(z) * M_SQRT1_2, bell(z, 2)) : 0;
    return z < 0 ? tail : 1 - tail;
}

#define NORMAL_TERMS 8

/* Two polynomials in x, the first over the second. */
struct ratio {
    double above[NORMAL_TERMS], below[NORMAL_TERMS];
};

/* By Horner's rule, as published: `series` would round otherwise. */
static double ratio_at(const struct ratio *ratio, double x)
{
    double above = 0, below = 0;
    for (size_t k = NORMAL_TERMS; k-- > 0;) {
        above = above * x + ratio->above[k];
        below = below * x + ratio->below[k];
    }
    return above / below;
}

/* M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied
 * Statistics 37 (1988) 477-484, PPND16: a ratio of polynomials around the middle, and two in
 * √(-log p) for the tails. */
double dh_normal_quantile(double p)
{
    static const struct ratio middle = {
        {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
         1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
         3.3430575583588128105e+4, 2.5090809287301226727e+3},
        {1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
         2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
         5.2264952788528545610e+3}};
    static const struct ratio near = {
        {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4},
        {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
    static const struct ratio far = {
        {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio_at(&middle, 0.180625 - q * q);
    double tail = q < 0 ? p : 1 - p;
    if (!(tail > 0))
        return tail == 0 ? copysign(INFINITY, q) : NAN;
    double r = sqrt(-dh_log(tail));
    double z = r <= 5 ? ratio_at(&near, r - 1.6) : ratio_at(&far, r - 5);
    return q < 0 ? -z : z;
}

double dh_power(double x, double y)
{
    return dh_exp(y * dh_log(x));
}

/* Within an eighth of a turn around the nearest quarter. */
double dh_cos_turns(double turns)
{
    static const double of_cosine[] = {
        -1.0 / 2,       1.0 / 24,        -1.0 / 720,         1.0 / 40320,
        -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000};
    static const double of_sine[] = {
        -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
    double quarter = floor(4 * turns + 0.5);
    double angle = 6.283185307179586477 * (turns - 0.25 * quarter), w = angle * angle;
    double cosine = 1 + w * series(of_cosine, DH_COUNT_OF(of_cosine), w);
    double sine = angle + angle * w * series(of_sine, DH_COUNT_OF(of_sine), w);
    const double values[] = {cosine, -sine, -cosine, sine};
    return values[(int)quarter & 3];
}
