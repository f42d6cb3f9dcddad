/* Acquisition functions against numerical integration of their definitions, schedules against
 * their formulas, far tails against expansions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <gsl/gsl_integration.h>

#include "dh_mpi/acquisition.h"
#include "dh_mpi/alloc.h"

/* cmocka's own compares floats. */
#define check(a, b, within)                                                                        \
    do {                                                                                           \
        double check_a = (a), check_b = (b);                                                       \
        if (!(fabs(check_a - check_b) <= (within)))                                                \
            fail_msg("line %d: %.17g is not %.17g", __LINE__, check_a, check_b);                   \
    } while (0)

struct normal {
    double mean, deviation, bar;
};

static double density(const struct normal *n, double y)
{
    double z = (y - n->mean) / n->deviation;
    return exp(-0.5 * z * z) / (n->deviation * sqrt(2 * M_PI));
}

static double improvement(double y, void *context)
{
    const struct normal *n = context;
    return (n->bar - y) * density(n, y);
}

static double below(double y, void *context)
{
    return density(context, y);
}

/* -p log p of the normal cut off below `bar`, not yet normalised. */
static double entropy_part(double y, void *context)
{
    double p = density(context, y);
    return p > 0 ? -p * log(p) : 0;
}

static double integrate(double (*f)(double, void *), struct normal *n, double from, double to)
{
    gsl_integration_workspace *space = gsl_integration_workspace_alloc(500);
    gsl_function function = {f, n};
    double value, error;
    gsl_integration_qag(&function, from, to, 0, 1e-10, 500, GSL_INTEG_GAUSS61, space, &value,
                        &error);
    gsl_integration_workspace_free(space);
    return value;
}

static const struct normal cases[] = {{0, 1, 0},     {0.3, 0.5, -0.4}, {-1, 2, 0.5},
                                      {2, 0.7, 0.1}, {0, 0.01, 0.02},  {5, 1, -1}};

static void improvement_and_probability(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct normal n = cases[i];
        double from = n.mean - 12 * n.deviation, xi = 0.01;
        struct dh_acquisition a = {.kind = DH_ACQUISITION_EI, .best = n.bar + xi, .xi = xi};
        double expected = integrate(improvement, &n, from, n.bar);
        check(dh_acquisition_score(&a, n.mean, n.deviation), log(expected), 1e-6);
        a.kind = DH_ACQUISITION_PI;
        expected = integrate(below, &n, from, n.bar);
        check(dh_acquisition_score(&a, n.mean, n.deviation), log(expected), 1e-6);
        a = (struct dh_acquisition){.kind = DH_ACQUISITION_LCB, .kappa = 1.5};
        check(dh_acquisition_score(&a, n.mean, n.deviation), -(n.mean - 1.5 * n.deviation), 1e-12);
    }
}

/* Entropy of the normal minus that of it cut off below the sampled minimum. */
static void entropy_of_the_minimum(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct normal n = cases[i];
        if (n.bar > n.mean + 3 * n.deviation)
            continue;
        double to = n.mean + 14 * n.deviation;
        double mass = integrate(below, &n, n.bar, to);
        double cut = integrate(entropy_part, &n, n.bar, to) / mass + log(mass);
        double whole = 0.5 * log(2 * M_PI * M_E * n.deviation * n.deviation);
        struct dh_acquisition a = {
            .kind = DH_ACQUISITION_MES, .minima = &n.bar, .minimum_count = 1};
        check(dh_acquisition_score(&a, n.mean, n.deviation), whole - cut, 1e-6);
    }
}

/* Where the improvement itself is 0 in doubles, order and slope remain; both formulas agree where
 * one takes over from the other. */
static void far_tails(void **unused)
{
    (void)unused;
    check(dh_log_improvement(-25 + 1e-9), dh_log_improvement(-25 - 1e-9), 1e-6);
    check(dh_log_normal_cdf(-25 + 1e-9), dh_log_normal_cdf(-25 - 1e-9), 1e-6);
    /* as scipy.special.log_ndtr has it */
    check(dh_log_normal_cdf(-40), -804.608442013754, 1e-9);
    for (double z = -1; z > -1e8; z *= 1.7) {
        assert_true(isfinite(dh_log_improvement(z)) && isfinite(dh_log_normal_cdf(z)));
        assert_true(dh_log_improvement(z) > dh_log_improvement(1.7 * z));
        assert_true(dh_log_normal_cdf(z) > dh_log_normal_cdf(1.7 * z));
    }
    check(dh_log_normal_cdf(9), -1.1285884059538e-19, 1e-25);
    check(dh_log_improvement(30), log(30), 1e-12);
    for (int kind = DH_ACQUISITION_LCB; kind <= DH_ACQUISITION_MES; kind++) {
        double minimum = -1e9;
        struct dh_acquisition a = {.kind = (enum dh_acquisition_kind)kind,
                                   .kappa = 1,
                                   .best = -1e9,
                                   .minima = &minimum,
                                   .minimum_count = 1};
        assert_true(isfinite(dh_acquisition_score(&a, 0, 0)));
        assert_true(isfinite(dh_acquisition_score(&a, 1e9, 1)));
        assert_true(isfinite(dh_acquisition_score(&a, -2e9, 1e-30)));
    }
}

/* … whatever the numbers are, up to the 1e150 that the header promises. */
static void scores_are_finite(void **unused)
{
    (void)unused;
    static const double sizes[] = {0, 1e-300, 1e-12, 1, 1e12, 1e150};
    enum { SIZES = DH_COUNT_OF(sizes), CASES = 4 * SIZES * SIZES * SIZES * SIZES * 4 };
    for (int i = 0; i < CASES; i++) {
        int rest = i, pick[4];
        for (int k = 0; k < 4; k++, rest /= SIZES)
            pick[k] = rest % SIZES;
        double mean = rest & 1 ? -sizes[pick[0]] : sizes[pick[0]];
        double best = rest & 2 ? -sizes[pick[1]] : sizes[pick[1]];
        struct dh_acquisition a = {.kind = (enum dh_acquisition_kind)(rest >> 2),
                                   .kappa = sizes[pick[2]],
                                   .xi = sizes[pick[2]],
                                   .best = best,
                                   .minima = &best,
                                   .minimum_count = 1};
        if (!isfinite(dh_acquisition_score(&a, mean, sizes[pick[3]])))
            fail_msg("kind %d: mean %g, deviation %g, best %g, kappa and xi %g", (int)a.kind, mean,
                     sizes[pick[3]], best, a.xi);
    }
}

static void slopes(void **unused)
{
    (void)unused;
    struct dh_acquisition a = {.kind = DH_ACQUISITION_EI, .best = -0.5};
    double by_mean, by_deviation, mean = 0.4, s = 0.8, z = (a.best - mean) / s;
    double cdf = 0.5 * erfc(-z / M_SQRT2), pdf = exp(-0.5 * z * z) / sqrt(2 * M_PI);
    double h = pdf + z * cdf;
    dh_acquisition_slope(&a, mean, s, &by_mean, &by_deviation);
    check(by_mean, -cdf / (s * h), 1e-6);
    check(by_deviation, pdf / (s * h), 1e-6);
    a = (struct dh_acquisition){.kind = DH_ACQUISITION_LCB, .kappa = 2};
    dh_acquisition_slope(&a, mean, s, &by_mean, &by_deviation);
    check(by_mean, -1, 1e-6);
    check(by_deviation, 2, 1e-6);
}

/* A model whose mean is a bowl about (.3, .8) with category 1 lower by 1, and whose variance is
 * .01 + .04 x. */
static void bowl_predict(const struct dh_model *model, const double *x, size_t count,
                         const struct dh_prediction *out)
{
    (void)model;
    for (size_t i = 0; i < count; i++, x += 3) {
        out->mean[i] = pow(x[0] - 0.3, 2) + 3 * pow(x[1] - 0.8, 2) - x[2];
        out->epistemic[i] = 0.01 + 0.04 * x[0];
        out->aleatoric[i] = 0.5;
    }
}

static void bowl_gradient(const struct dh_model *model, const double *x, struct dh_gradient *out)
{
    bowl_predict(model, x, 1,
                 &(struct dh_prediction){&out->mean, &out->aleatoric, &out->epistemic});
    out->by_mean[0] = 2 * (x[0] - 0.3);
    out->by_mean[1] = 6 * (x[1] - 0.8);
    out->by_mean[2] = out->by_epistemic[1] = out->by_epistemic[2] = 0;
    out->by_epistemic[0] = 0.04;
}

/* The way up ends where a fine grid has its maximum, moves only what may move, and stays in the
 * box. */
static void ascent(void **unused)
{
    (void)unused;
    const struct dh_model_kind kind = {.predict = bowl_predict, .gradient = bowl_gradient};
    const struct dh_model model = {&kind};
    const struct dh_acquisition all[] = {{.kind = DH_ACQUISITION_EI, .best = -0.2},
                                         {.kind = DH_ACQUISITION_LCB, .kappa = 1.5},
                                         {.kind = DH_ACQUISITION_LCB, .kappa = 40}};
    for (size_t k = 0; k < DH_COUNT_OF(all); k++) {
        struct dh_ascent setup = {&all[k], &model, 3, 50, true, NULL};
        double x[] = {0.9, 0.1, 1}, best = -INFINITY, at = 0;
        assert_true(dh_acquisition_ascend(&setup, (const bool[]){true, true, false}, x));
        for (int i = 0; i <= 10000; i++) {
            double u = i / 1e4, score = dh_acquisition_score(&all[k], pow(u - 0.3, 2) - 1,
                                                             sqrt(0.01 + 0.04 * u));
            at = score > best ? u : at;
            best = fmax(best, score);
        }
        check(x[0], at, 2e-3);
        check(x[1], 0.8, 2e-3);
        check(x[2], 1, 0);
        double still[] = {0.9, NAN, 1};
        assert_false(dh_acquisition_ascend(&setup, (const bool[]){false, true, false}, still));
        check(still[0], 0.9, 0);
    }
    const struct dh_model_kind steps = {.predict = bowl_predict};
    const struct dh_model forest = {&steps};
    struct dh_ascent setup = {&all[0], &forest, 3, 50, true, NULL};
    double x[] = {0.9, 0.1, 1};
    assert_false(dh_acquisition_ascend(&setup, (const bool[]){true, true, false}, x));
}

/* Of a tent with its feet at +- DH_REACH, the share within [0, 1], by its area; of wide features
 * that are active only. */
static void inside(void **unused)
{
    (void)unused;
    const bool wide[] = {true, true, false};
    for (int i = 0; i <= 100; i++) {
        double u = i / 100.0, area = 0;
        for (int k = 0; k < 10000; k++) {
            double t = (k + 0.5) / 10000; /* from foot to foot */
            double at = u + (2 * t - 1) * DH_REACH;
            area += at >= 0 && at <= 1 ? (2 - 4 * fabs(t - 0.5)) / 10000 : 0;
        }
        check(dh_acquisition_inside(wide, 3, (const double[]){u, NAN, 0}), area, 1e-3);
        check(dh_acquisition_inside(wide, 3, (const double[]){0.5, u, 2}), area, 1e-3);
        check(dh_acquisition_inside(wide, 3, (const double[]){u, 1 - u, NAN}), area * area, 1e-3);
    }
    check(dh_acquisition_inside(wide, 3, (const double[]){0, 1, 0}), 0.25, 1e-12);
}

/* The bowl seen from the other corner: its bottom is at (.7, .2). */
static void mirrored_predict(const struct dh_model *model, const double *x, size_t count,
                             const struct dh_prediction *out)
{
    assert_int_equal(count, 1);
    bowl_predict(model, (const double[]){1 - x[0], 1 - x[1], x[2]}, 1, out);
}

static void mirrored_gradient(const struct dh_model *model, const double *x,
                              struct dh_gradient *out)
{
    bowl_gradient(model, (const double[]){1 - x[0], 1 - x[1], x[2]}, out);
    out->by_mean[0] *= -1;
    out->by_mean[1] *= -1;
    out->by_epistemic[0] *= -1;
}

/* What a point is worth when how unsure the model is counts by the share inside. */
static double worth(const struct dh_ascent *setup, const double *x)
{
    double mean, noise, variance;
    setup->model->kind->predict(setup->model, x, 1,
                                &(struct dh_prediction){&mean, &noise, &variance});
    variance *= dh_acquisition_inside(setup->wide, 3, x);
    return dh_acquisition_score(setup->acquisition, mean,
                                sqrt(variance + (setup->epistemic ? 0 : noise)));
}

/* … the way up ends where no step to any side leads further, whichever bounds are near. */
static void ascent_away_from_bounds(void **unused)
{
    (void)unused;
    const struct dh_model_kind kinds[] = {
        {.predict = bowl_predict, .gradient = bowl_gradient},
        {.predict = mirrored_predict, .gradient = mirrored_gradient}};
    const bool wide[] = {true, true, false};
    const struct dh_acquisition all[] = {{.kind = DH_ACQUISITION_EI, .best = -0.9},
                                         {.kind = DH_ACQUISITION_LCB, .kappa = 3},
                                         {.kind = DH_ACQUISITION_LCB, .kappa = 40}};
    for (size_t k = 0; k < 4 * DH_COUNT_OF(all); k++) {
        const struct dh_model model = {&kinds[k % 2]};
        struct dh_ascent setup = {&all[k / 4], &model, 3, 200, k / 2 % 2, wide};
        double far = k % 2 ? 0.05 : 0.95, x[] = {far, far, 1}, step = 1e-3;
        double start = worth(&setup, x);
        assert_true(dh_acquisition_ascend(&setup, (const bool[]){true, true, false}, x));
        double end = worth(&setup, x);
        assert_true(end > start);
        for (int i = 0; i < 9; i++) {
            double near[] = {x[0] + step * (i % 3 - 1), x[1] + step * (i / 3 - 1), 1};
            if (worth(&setup, near) > end + 1e-5)
                fail_msg("case %zu: at %g, %g a step to %d leads further", k, x[0], x[1], i);
        }
    }
}

/* Of the minimum of independent normals: P(min <= y) = 1 - prod P(value > y). */
static double minimum_cdf(const double *mean, const double *deviation, int count, double y)
{
    double above = 1;
    for (int i = 0; i < count; i++)
        above *= 0.5 * erfc((y - mean[i]) / (deviation[i] * M_SQRT2));
    return 1 - above;
}

static double minimum_quantile(const double *mean, const double *deviation, int count, double p)
{
    double low = -100, high = 100;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(minimum_cdf(mean, deviation, count, middle) < p ? &low : &high) = middle;
    }
    return low;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median and the distance of the quartiles are those of the minimum of independent normals,
 * and the quartiles lie about the median as a Gumbel's do, at log(-log(1 - p)). All of that is
 * exact but for the draws' own error, sqrt(p (1 - p) / SAMPLES) / density for a quantile: less
 * than 0.7 % of the distance for each of the three, so that 4 % is five of these and more. */
static void sampled_minima(void **unused)
{
    (void)unused;
    enum { POINTS = 20, SAMPLES = 40000 };
    static double samples[SAMPLES];
    double mean[POINTS], deviation[POINTS];
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    for (int i = 0; i < POINTS; i++) {
        mean[i] = dh_random_normal(&random);
        deviation[i] = 0.2 + dh_random_uniform(&random);
    }
    for (int count = 1; count <= POINTS; count += count < 4 ? 1 : 8) {
        dh_acquisition_draw_minima(&random, mean, deviation, (size_t)count, INFINITY, samples,
                                   SAMPLES);
        qsort(samples, SAMPLES, sizeof *samples, ascending);
        double drawn[3], exact[3];
        for (int k = 0; k < 3; k++) {
            drawn[k] = samples[(k + 1) * SAMPLES / 4];
            exact[k] = minimum_quantile(mean, deviation, count, 0.25 * (k + 1));
        }
        double wide = exact[2] - exact[0];
        check(drawn[1], exact[1], 0.04 * wide);
        check(drawn[2] - drawn[0], wide, 0.04 * wide);
        double below = log(log(2) / log(4. / 3)) / log(log(4) / log(4. / 3));
        check(drawn[1] - drawn[0], below * wide, 0.04 * wide);
    }
    dh_acquisition_draw_minima(&random, mean, deviation, POINTS, -9, samples, SAMPLES);
    for (int s = 0; s < SAMPLES; s++)
        assert_true(samples[s] <= -9);
}

static void schedules(void **unused)
{
    (void)unused;
    check(dh_schedule_value(DH_SCHEDULE_CONSTANT, 1.96, 77, 3), 1.96, 0);
    for (uint64_t start = 1; start < 40; start += DH_SCHEDULE_PERIOD) {
        check(dh_schedule_value(DH_SCHEDULE_DECAY, 1.96, start, 3), 1.96, 1e-12);
        check(dh_schedule_value(DH_SCHEDULE_DECAY, 1.96, start + 9, 3), 0.01, 1e-12);
        assert_true(dh_schedule_value(DH_SCHEDULE_DECAY, 1.96, start + 3, 3) >
                    dh_schedule_value(DH_SCHEDULE_DECAY, 1.96, start + 4, 3));
    }
    check(dh_schedule_value(DH_SCHEDULE_DECAY, 0, 5, 3), 0, 0);
    check(dh_schedule_value(DH_SCHEDULE_DECAY, 0.001, 10, 3), 1e-5, 1e-15); /* xi */
    double expected = sqrt(2 * 0.2 * log(3 * 49 * M_PI * M_PI / 0.6));
    check(dh_schedule_value(DH_SCHEDULE_BANDIT, 1.96, 7, 3), expected, 1e-12);
    assert_true(isfinite(dh_schedule_value(DH_SCHEDULE_BANDIT, 1, 0, 0)));
}

static void hedging(void **unused)
{
    (void)unused;
    static const double gains[] = {0, 0.6931471805599453, -INFINITY}; /* weights 1, 2, 0 */
    assert_int_equal(dh_hedge_choose(gains, 3, 0.0), 0);
    assert_int_equal(dh_hedge_choose(gains, 3, 0.33), 0);
    assert_int_equal(dh_hedge_choose(gains, 3, 0.34), 1);
    assert_int_equal(dh_hedge_choose(gains, 3, 0.9999), 1);
    static const double large[] = {1e6, 1e6 - 100};
    assert_int_equal(dh_hedge_choose(large, 2, 0.999999), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(improvement_and_probability),
        cmocka_unit_test(entropy_of_the_minimum),
        cmocka_unit_test(far_tails),
        cmocka_unit_test(scores_are_finite),
        cmocka_unit_test(slopes),
        cmocka_unit_test(ascent),
        cmocka_unit_test(inside),
        cmocka_unit_test(ascent_away_from_bounds),
        cmocka_unit_test(sampled_minima),
        cmocka_unit_test(schedules),
        cmocka_unit_test(hedging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
