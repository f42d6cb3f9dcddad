/* The unit cube: every canonical value survives it, whatever its range; priors are what they say.
 */
#include "fixture.h"

#include <gsl/gsl_cdf.h>
#include <stdio.h>

#include "dh_mpi/random.h"

#define ROUNDS 300

static double uniform(struct dh_random *random, double low, double high)
{
    return low + (high - low) * dh_random_uniform(random);
}

/* decode(encode(x)) == x, x is canonical, and in the bounds; for x from both ways in. */
static void survives(const struct fixture *f, struct dh_random *random, const char *declaration)
{
    const struct dh_parameter *p = dh_space_parameter(f->space, 0);
    static const double special[] = {0, 1, 0.5, 1e-17, 1e-13, 1e-9, 0x1.fffffffffffffp-1};
    struct dh_error err = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        double u = i < DH_COUNT_OF(special) ? special[i] : dh_random_uniform(random);
        double values[] = {dh_parameter_decode(p, u), dh_parameter_quantile(p, u)};
        for (int k = 0; k < 2; k++) {
            double value = values[k], unit = dh_parameter_encode(p, value);
            if (dh_space_check(f->space, &value, &err) != DH_OK)
                fail_msg("%s: u = %.17g: %s", declaration, u, err.text);
            if (!(unit >= 0 && unit <= 1) || dh_parameter_decode(p, unit) != value)
                fail_msg("%s: %.17g -> %.17g -> %.17g", declaration, value, unit,
                         dh_parameter_decode(p, unit));
            assert_false(signbit(value) && value == 0);
        }
    }
    assert_true(p->choice_count > 0 || dh_parameter_decode(p, 0) == p->low);
    assert_true(isnan(dh_parameter_encode(p, NAN)));
}

static void check_declaration(const char *declaration, uint64_t index)
{
    struct dh_random random = dh_random_at(7, DH_STREAM_TEST, index);
    struct fixture f = fixture_one(declaration);
    survives(&f, &random, declaration);
    fixture_close(&f);
}

static void chosen_ranges(void **state)
{
    (void)state;
    static const char *const declarations[] = {
        "type = \"real\"; low = 1e-300; high = 1e300; scale = \"log\";",
        "type = \"real\"; low = 1e-300; high = 2e-300; scale = \"log\";",
        "type = \"real\"; low = 1e-5; high = 1e-1; scale = \"log\";",
        "type = \"real\"; low = 1.0; high = 1.000000001; scale = \"log\";",
        "type = \"real\"; low = 1.0; high = 1.00000000000000022; scale = \"log\";",
        "type = \"real\"; low = 0.33333333333333331; high = 0.66666666666666663; scale = \"log\";",
        "type = \"real\"; low = -1e-9; high = 1e-9;",
        "type = \"real\"; low = 1e9; high = 1000000001.0;",
        "type = \"real\"; low = -1e300; high = 1e300;",
        "type = \"real\"; low = -1e-300; high = 1e-300;",
        "type = \"real\"; low = 0.0; high = 1e-300;",
        "type = \"real\"; low = -5.0; high = -4.0;",
        "type = \"real\"; low = 0.33333333333333331; high = 0.66666666666666663;",
        "type = \"real\"; low = 0.1; high = 0.10000000000000002;",
        "type = \"real\"; low = 0.10000000000000002; high = 0.3;",
        "type = \"real\"; low = 0.0; high = 0.99;",
        "type = \"real\"; low = 0.0; high = 1.0; step = 0.1;",
        "type = \"real\"; low = 0.33333333333333331; high = 1; step = 0.11111111111111111;",
        "type = \"real\"; low = 1e-6; high = 10.0; step = 1e-3; scale = \"log\";",
        "type = \"real\"; low = 0.0; high = 1.0; step = 0.01; prior = \"truncated\"; "
        "deviation = 0.1;",
        "type = \"real\"; low = 1e-6; high = 1.0; scale = \"log\"; prior = \"normal\"; "
        "mean = 1e-3; deviation = 2;",
        "type = \"int\"; low = 0; high = 999999999999L;",
        "type = \"int\"; low = 1; high = 999999999999L; scale = \"log\";",
        "type = \"int\"; low = -9007199254740992L; high = -9007199254740900L;",
        "type = \"int\"; low = -1000; high = 1000; step = 7;",
        "type = \"int\"; low = 1; high = 3; scale = \"log\"; prior = \"truncated\"; deviation = 1;",
        "type = \"int\"; low = 8; high = 512; scale = \"log\"; step = 8;",
        "type = \"ordinal\"; values = (1, 2, 4);",
        "type = \"categorical\"; values = (\"a\", \"b\", \"c\"); weights = [0.001, 1.0, 5.0];",
        "type = \"bool\";",
        "type = \"constant\"; value = 1;",
    };
    for (size_t i = 0; i < DH_COUNT_OF(declarations); i++)
        check_declaration(declarations[i], i);
}

static void random_ranges(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    for (uint64_t i = 0; i < 400; i++) {
        char text[256];
        double a = pow(10, uniform(&random, -299, 299));
        double b = fmin(a * pow(10, uniform(&random, 0, i % 2 ? 0.001 : 100)), 1e300);
        snprintf(text, sizeof text, "type = \"real\"; low = %.17e; high = %.17e; scale = \"log\";",
                 a, b);
        check_declaration(text, 1000 + i);
        double middle = uniform(&random, -1, 1) * pow(10, uniform(&random, -20, 20));
        double width = fabs(middle) * pow(10, uniform(&random, -15, 10)) + 1e-299;
        snprintf(text, sizeof text, "type = \"real\"; low = %.17e; high = %.17e;", middle,
                 middle + width);
        check_declaration(text, 2000 + i);
        snprintf(text, sizeof text, "type = \"real\"; low = %.17e; high = %.17e; step = %.17e;",
                 middle, middle + fabs(middle), fabs(middle) * pow(10, uniform(&random, -9, 0.1)));
        check_declaration(text, 3000 + i);
        long long low = (long long)uniform(&random, -1e9, 1e9);
        long long high = low + (long long)pow(10, uniform(&random, 0, 11.9));
        snprintf(text, sizeof text, "type = \"int\"; low = %lldL; high = %lldL; step = %d;", low,
                 high, 1 + (int)(i % 9));
        check_declaration(text, 4000 + i);
        snprintf(text, sizeof text,
                 "type = \"int\"; low = %lldL; high = %lldL; scale = \"log\"; step = %d;",
                 llabs(low) % 1000 + 1, high - low + 2000, 1 + (int)(i % 9));
        check_declaration(text, 5000 + i);
    }
}

/* A real keeps 13 digits of its range, and what it prints as is what it is. */
static void decimals(void **state)
{
    (void)state;
    struct fixture f = fixture_one("type = \"real\"; low = 0; high = 0.99;");
    const struct dh_parameter *p = dh_space_parameter(f.space, 0);
    assert_true(dh_parameter_decode(p, 1.0 / 3) == 0.33);
    assert_true(dh_parameter_decode(p, 1.0 / 7) == 0.1414285714286);
    fixture_close(&f);
    f = fixture_one("type = \"real\"; low = 1e-5; high = 1e-1; scale = \"log\";");
    p = dh_space_parameter(f.space, 0);
    assert_true(dh_parameter_decode(p, 0.25) == 1e-4);
    assert_true(dh_parameter_decode(p, 0.125) == 3.162277660168e-05);
    fixture_close(&f);
}

/* Chi-square of the counts of the levels against probabilities; 0.999 quantile as the limit. */
static void follows(const char *declaration, const double *probabilities, size_t levels)
{
    enum { DRAWS = 50000 };
    struct fixture f = fixture_one(declaration);
    const struct dh_parameter *p = dh_space_parameter(f.space, 0);
    struct dh_random random = dh_random_at(3, DH_STREAM_TEST, 1);
    double counts[16] = {0}, chi = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = dh_parameter_quantile(p, dh_random_uniform(&random));
        for (uint64_t k = 0; k < levels; k++)
            counts[k] += value == dh_parameter_level(p, k);
    }
    for (size_t k = 0; k < levels; k++) {
        double expected = DRAWS * probabilities[k];
        chi += (counts[k] - expected) * (counts[k] - expected) / expected;
    }
    if (chi > gsl_cdf_chisq_Pinv(0.999, (double)levels - 1))
        fail_msg("%s: chi-square %g", declaration, chi);
    fixture_close(&f);
}

static void priors(void **state)
{
    (void)state;
    follows("type = \"categorical\"; values = (\"a\", \"b\", \"c\"); weights = [2, 1, 7];",
            (double[]){0.2, 0.1, 0.7}, 3);
    follows("type = \"bool\"; weights = [1, 3];", (double[]){0.25, 0.75}, 2);
    follows("type = \"ordinal\"; values = (1, 5);", (double[]){0.5, 0.5}, 2);
    follows("type = \"int\"; low = 1; high = 4;", (double[]){0.25, 0.25, 0.25, 0.25}, 4);
    follows("type = \"real\"; low = 0; high = 0.3; step = 0.1;", (double[]){0.25, 0.25, 0.25, 0.25},
            4);
    double whole = log(4.5 / 0.5);
    follows("type = \"int\"; low = 1; high = 4; scale = \"log\";",
            (double[]){log(3) / whole, log(2.5 / 1.5) / whole, log(3.5 / 2.5) / whole,
                       log(4.5 / 3.5) / whole},
            4);
    double below = gsl_cdf_ugaussian_P(-0.5), above = gsl_cdf_ugaussian_P(1.5);
    double at1 = gsl_cdf_ugaussian_P(0.5);
    follows("type = \"int\"; low = 0; high = 1; prior = \"normal\"; mean = 0; deviation = 1;",
            (double[]){at1, 1 - at1}, 2);
    follows("type = \"int\"; low = 0; high = 1; prior = \"truncated\"; mean = 0; deviation = 1;",
            (double[]){(at1 - below) / (above - below), (above - at1) / (above - below)}, 2);
}

static void normal_priors(void **state)
{
    (void)state;
    struct fixture f = fixture_one("type = \"real\"; low = -10; high = 10; prior = \"normal\"; "
                                   "mean = 1; deviation = 2;");
    const struct dh_parameter *p = dh_space_parameter(f.space, 0);
    assert_true(fabs(dh_parameter_quantile(p, gsl_cdf_ugaussian_P(1.5)) - 4) < 1e-9);
    assert_true(dh_parameter_quantile(p, 0) == -10 && dh_parameter_quantile(p, 1) == 10);
    fixture_close(&f);
    f = fixture_one("type = \"real\"; low = 1e-6; high = 1.0; scale = \"log\"; "
                    "prior = \"normal\"; mean = 1e-3; deviation = 2.302585092994046;");
    p = dh_space_parameter(f.space, 0);
    assert_true(fabs(dh_parameter_quantile(p, gsl_cdf_ugaussian_P(1)) / 1e-2 - 1) < 1e-9);
    fixture_close(&f);
    /* 30 deviations out: the upper tail, which the lower one's P cannot resolve. */
    f = fixture_one("type = \"real\"; low = 30; high = 31; prior = \"truncated\"; mean = 0; "
                    "deviation = 1;");
    p = dh_space_parameter(f.space, 0);
    double median = dh_parameter_quantile(p, 0.5);
    assert_true(median > 30.02 && median < 30.026); /* about 30 + ln 2 / 30 */
    assert_true(dh_parameter_quantile(p, 0) == 30 && dh_parameter_quantile(p, 1) == 31);
    fixture_close(&f);
}

/* Designs put points exactly on the edges of cells: every value gets its share. */
static void exact_cells(void **state)
{
    (void)state;
    struct fixture f = fixture_one("type = \"int\"; low = 3; high = 10;");
    const struct dh_parameter *p = dh_space_parameter(f.space, 0);
    int counts[11] = {0};
    for (int i = 0; i < 1024; i++)
        counts[(int)dh_parameter_quantile(p, i / 1024.0)]++;
    for (int k = 3; k <= 10; k++)
        assert_int_equal(counts[k], 128);
    fixture_close(&f);
}

/* From any value of a lattice each bound is reached step by step, on no scale in less than a cell;
 * nothing lies beyond. */
static void next_values(void **state)
{
    (void)state;
    static const struct {
        const char *declaration;
        int up; /* steps from the least to the greatest value */
    } cases[] = {
        {"type = \"int\"; low = 3; high = 10;", 7},
        {"type = \"int\"; low = 8; high = 1024; scale = \"log\";", 550},
        {"type = \"int\"; low = 1; high = 100; scale = \"log\"; step = 3;", 19},
        {"type = \"real\"; low = 0.0; high = 0.9; step = 0.1;", 9},
        {"type = \"real\"; low = 0.0; high = 1.0; step = 0.3;", 3},
        {"type = \"ordinal\"; values = (1, 10, 100);", 2},
        {"type = \"bool\";", 1},
        {"type = \"real\"; low = 0.0; high = 1.0;", 0},
        {"type = \"constant\"; value = 3;", 0},
    };
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct fixture f = fixture_one(cases[c].declaration);
        const struct dh_parameter *p = dh_space_parameter(f.space, 0);
        double levels = dh_parameter_levels(p), value = dh_parameter_decode(p, 0), next;
        int up = 0, down = 0;
        for (; !isnan(next = dh_parameter_next(p, value, 1)); value = next, up++)
            assert_true(next > value &&
                        dh_parameter_decode(p, dh_parameter_encode(p, next)) == next);
        assert_int_equal(up, cases[c].up);
        assert_true(up == 0 || value == dh_parameter_decode(p, 1));
        for (; !isnan(next = dh_parameter_next(p, value, -1)); value = next, down++)
            assert_true(next < value);
        assert_true(down == 0 ? up == 0 : value == dh_parameter_decode(p, 0));
        for (double k = 0; k < levels && isfinite(levels); k++) {
            value = dh_parameter_level(p, (uint64_t)k);
            assert_int_equal(isnan(dh_parameter_next(p, value, 1)), k + 1 == levels);
            assert_int_equal(isnan(dh_parameter_next(p, value, -1)), k == 0);
        }
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen_ranges), cmocka_unit_test(random_ranges),
        cmocka_unit_test(decimals),      cmocka_unit_test(priors),
        cmocka_unit_test(normal_priors), cmocka_unit_test(exact_cells),
        cmocka_unit_test(next_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
