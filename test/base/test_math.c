/* Functions that give the same bits everywhere: against the C library's, which are right to the
 * last place or nearly; at the ends of their ranges; and the bits themselves. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/math.h"
#include "dh_mpi/random.h"

#define DRAWS 20000

static double of_cosine(double turns)
{
    return (double)cosl(2 * 3.14159265358979323846264338327950288L * turns);
}

static double of_exp(double x)
{
    return dh_exp(x); /* an inline function has no address that is the same everywhere */
}

struct row {
    double (*ours)(double), (*theirs)(double);
    double low, high, tolerance; /* in units in the last place; absolute near a zero: see near */
};
static const struct row rows[] = {
    {of_exp, exp, -1, 1, 2},           {of_exp, exp, -708, 709, 2},
    {of_exp, exp, -745, -709, 2},      {dh_log, log, 0, 2, 2},
    {dh_log, log, 0.99, 1.01, 2},      {dh_log, log, 0, 1e300, 2},
    {dh_log, log, 0, 1e-310, 2},       {dh_log1p, log1p, -1, 1, 4},
    {dh_log1p, log1p, -1e-9, 1e-9, 4}, {dh_log1p, log1p, 0, 1e20, 4},
    {dh_expm1, expm1, -0.4, 0.4, 6},   {dh_expm1, expm1, -50, 50, 6},
    {dh_expm1, expm1, -1e-9, 1e-9, 4}, {dh_erfc, erfc, -6, 1, 16},
    {dh_erfc, erfc, 0, 26, 64},        {dh_cos_turns, of_cosine, 0, 1, 8},
};

/* A unit in the last place of `value`; of the cosine, of 1/8. */
static double unit(const struct row *row, double value)
{
    double size = fmax(fabs(value), row->theirs == of_cosine ? 0.125 : DBL_MIN);
    return nextafter(size, INFINITY) - size;
}

static void test_against_libm(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    for (const struct row *row = rows; row < rows + DH_COUNT_OF(rows); row++)
        for (int i = 0; i < DRAWS; i++) {
            double x = row->low + (row->high - row->low) * dh_random_uniform(&random);
            double ours = row->ours(x), theirs = row->theirs(x);
            if (!(fabs(ours - theirs) <= row->tolerance * unit(row, theirs)))
                fail_msg("row %d at %.17g: %.17g, not %.17g", (int)(row - rows), x, ours, theirs);
        }
}

static void test_power(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 1);
    for (int i = 0; i < DRAWS; i++) {
        double x = 100 * dh_random_uniform(&random), y = dh_random_uniform(&random) - 0.5;
        assert_true(fabs(dh_power(x, y) / pow(x, y) - 1) < 1e-14 || x == 0);
    }
}

/* Both tails as well as the middle; the tails by their powers of ten. */
static void test_normal(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 2);
    for (int i = 0; i < DRAWS; i++) {
        double u = dh_random_uniform(&random);
        double z = -37 + 45 * u, p = i % 2 ? u : pow(10, -307 * u);
        assert_true(fabs(dh_normal_below(z) / gsl_cdf_ugaussian_P(z) - 1) < 4e-15);
        assert_true(fabs(dh_normal_quantile(p) / gsl_cdf_ugaussian_Pinv(p) - 1) < 4e-15);
        bool middle = fabs(p - 0.5) <= 0.425; /* the algorithm uses + - * / alone there */
        assert_true(!middle || dh_normal_quantile(p) == gsl_cdf_ugaussian_Pinv(p));
        z = dh_normal_quantile(p);
        assert_true(p > 0.5 || fabs(dh_normal_below(z) / p - 1) < 1e-15 * (4 + z * z));
    }
}

static void test_ends(void **state)
{
    (void)state;
    assert_true(dh_exp(0) == 1 && dh_exp(1000) == INFINITY && dh_exp(INFINITY) == INFINITY);
    assert_true(dh_exp(-1000) == 0 && dh_exp(-INFINITY) == 0 && isnan(dh_exp(NAN)));
    assert_true(dh_log(1) == 0 && dh_log(0) == -INFINITY && dh_log(INFINITY) == INFINITY);
    assert_true(isnan(dh_log(-1)) && isnan(dh_log(NAN)) && isnan(dh_log(-INFINITY)));
    assert_true(dh_log1p(0) == 0 && dh_log1p(-1) == -INFINITY && dh_log1p(INFINITY) == INFINITY);
    assert_true(isnan(dh_log1p(-2)) && isnan(dh_log1p(NAN)) && dh_log1p(1e-300) == 1e-300);
    assert_true(dh_expm1(0) == 0 && dh_expm1(-INFINITY) == -1 && dh_expm1(INFINITY) == INFINITY);
    assert_true(isnan(dh_expm1(NAN)) && dh_expm1(1e-300) == 1e-300);
    assert_true(dh_erfc(INFINITY) == 0 && dh_erfc(-INFINITY) == 2 && isnan(dh_erfc(NAN)));
    assert_true(dh_normal_below(-INFINITY) == 0 && dh_normal_below(INFINITY) == 1);
    assert_true(dh_normal_below(0) == 0.5 && isnan(dh_normal_below(NAN)));
    assert_true(dh_normal_below(-38) > 0 && dh_normal_below(-40) == 0 && dh_normal_below(9) == 1);
    assert_true(dh_normal_quantile(0) == -INFINITY && dh_normal_quantile(1) == INFINITY);
    assert_true(dh_normal_quantile(0.5) == 0 && isnan(dh_normal_quantile(NAN)));
    assert_true(isnan(dh_normal_quantile(-0.1)) && isnan(dh_normal_quantile(1.1)));
    assert_true(isfinite(dh_normal_quantile(5e-324)) && isfinite(dh_normal_quantile(1 - 0x1p-53)));
    assert_true(dh_cos_turns(0) == 1 && dh_cos_turns(1) == 1 && dh_cos_turns(0.5) == -1);
    assert_true(dh_cos_turns(0.25) == 0 && dh_cos_turns(0.75) == 0);
    assert_true(dh_exp2_whole(-1022) == DBL_MIN && dh_exp2_whole(1023) == 0x1p1023);
}

/* What changes here changes every search: the bits of many values, hashed. */
static void test_bits(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(2, DH_STREAM_TEST, 0);
    uint64_t hash = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = dh_random_uniform(&random);
        const double values[] = {dh_exp(40 * u - 20),
                                 dh_log(u),
                                 dh_log1p(-u),
                                 dh_expm1(2 * u - 1),
                                 dh_erfc(8 * u),
                                 dh_cos_turns(u),
                                 dh_normal_below(12 * u - 8),
                                 dh_normal_quantile(u),
                                 dh_normal_quantile(1e-9 * u),
                                 dh_random_normal(&random)};
        for (size_t k = 0; k < DH_COUNT_OF(values); k++)
            hash = dh_hash_mix(hash ^ dh_bits_of(values[k]));
    }
    if (hash != UINT64_C(0x7ea330f58258937a))
        fail_msg("the hash is 0x%llx", (unsigned long long)hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_libm), cmocka_unit_test(test_power),
        cmocka_unit_test(test_normal),       cmocka_unit_test(test_ends),
        cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
