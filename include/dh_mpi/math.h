/* Elementary functions that give the same bits on every machine.
 *
 * Those of the C library do not: glibc takes other code where the processor can fuse a
 * multiplication with an addition, and its versions differ. The last bit of a logarithm can decide
 * which of two points is proposed, and from there on two searches with the same seed part. So what
 * a proposal depends on uses these, which need only that + - * / and sqrt are rounded as IEEE 754
 * says, and that the compiler does not fuse (-ffp-contract=off). Errors are below 2 units in the
 * last place (erfc: 1e-14, relative). Infinities, zeros and NaN as in C.
 */
#ifndef DH_MPI_MATH_H
#define DH_MPI_MATH_H

#include "dh_mpi/bits.h"

/* 2^n for a whole n from -1022 to 1023. */
static inline double dh_exp2_whole(double n)
{
    double shifted = n + 0x1.8p52; /* n is in the lowest bits of the sum */
    return dh_bits_number((dh_bits_of(shifted) + 1023) << 52);
}

/* e^x = 2^n e^r, |r| <= ln(2) / 2, by its Taylor series. No branches: a loop over it is vectors. */
static inline double dh_exp(double x)
{
    x = x < -746 ? -746 : x;
    x = x > 710 ? 710 : x;
    double n = (x * 0x1.71547652b82fep0 + 0x1.8p52) - 0x1.8p52;
    double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
    double q = 1.0 / 6227020800;
    q = q * r + 1.0 / 479001600;
    q = q * r + 1.0 / 39916800;
    q = q * r + 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    q = q * r + 0.5;
    double half = (n * 0.5 + 0x1.8p52) - 0x1.8p52; /* in two parts, neither of which overflows */
    return (1 + (r + r * r * q)) * dh_exp2_whole(half) * dh_exp2_whole(n - half);
}

double dh_log(double x);
double dh_log1p(double x);
double dh_expm1(double x);
double dh_erfc(double x);
/* The standard normal distribution: the probability of a value below z, with the relative error of
 * erfc in the lower tail (for the upper one, ask for -z), and the z of a probability p in [0, 1]:
 * its error is below 1e-15 of z beside what p itself is rounded to; infinite at 0 and 1. */
double dh_normal_below(double z);
double dh_normal_quantile(double p);
/* x^y for x > 0. Its relative error grows with |y log x|. */
double dh_power(double x, double y);
/* cos(2 π turns), for turns in [0, 1]. */
double dh_cos_turns(double turns);

#endif
