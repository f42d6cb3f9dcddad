/* The Gaussian process: gradients against finite differences, kept current against built anew,
 * and data that are hard on it. Its values are compared with scikit-learn's in compare_gp.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/acquisition.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "gp.h"
#include "lbfgs.h"

#define FEATURES 5
#define ROWS 40
#define PARAMETERS 9 /* signal, noise, 3 numbers, of them 2 optional, 2 categories */

static const struct dh_feature mixed[FEATURES] = {
    {0, false}, {3, false}, {0, true}, {2, true}, {0, true}};
static const double some[PARAMETERS] = {0.2, -4, -0.5, 0.1, 0.6, -0.2, 0.3, -0.7, 0.4};

/* cmocka's own compares as float. */
#define assert_near(a, b, tolerance) check_near((a), (b), (tolerance), __FILE__, __LINE__)

static void check_near(double a, double b, double tolerance, const char *file, int line)
{
    if (!(fabs(a - b) <= tolerance)) {
        print_error("%.17g and %.17g differ by %g\n", a, b, fabs(a - b));
        _fail(file, line);
    }
}

struct sample {
    double x[ROWS * FEATURES];
    double y[ROWS];
    struct dh_rows rows;
    struct dh_model_setup setup;
};

static void draw(struct sample *sample, uint64_t seed)
{
    struct dh_random random = dh_random_at(seed, DH_STREAM_TEST, 0);
    *sample = (struct sample){
        .rows = {sample->x, sample->y, ROWS},
        .setup = {.features = mixed, .feature_count = FEATURES, .seed = 3, .threads = 1}};
    for (size_t i = 0; i < ROWS; i++) {
        double *x = sample->x + i * FEATURES;
        for (size_t j = 0; j < FEATURES; j++) {
            x[j] = dh_random_uniform(&random);
            if (mixed[j].levels)
                x[j] = (double)dh_random_below(&random, mixed[j].levels);
            if (mixed[j].optional && dh_random_uniform(&random) < 0.3)
                x[j] = NAN;
        }
        sample->y[i] = sin(6 * x[0]) + 0.5 * x[1] + (isnan(x[2]) ? 1 : x[2] * x[2]) +
                       0.05 * dh_random_normal(&random);
    }
}

static struct dh_model *build(const struct sample *sample, size_t count)
{
    struct dh_rows rows = {sample->x, sample->y, count};
    struct dh_model *model = NULL;
    struct dh_error err;
    assert_int_equal(dh_gp_build(&sample->setup, &rows, some, &model, &err), DH_OK);
    return model;
}

static struct dh_model *fit(const struct dh_model_setup *setup, const struct dh_rows *rows)
{
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    if (dh_model_find("gp")->fit(setup, rows, &model, &err))
        fail_msg("%s", err.text);
    return model;
}

static void predict(const struct dh_model *model, const double *x, size_t count, double *mean,
                    double *epistemic)
{
    struct dh_prediction prediction = {.mean = mean, .epistemic = epistemic};
    model->kind->predict(model, x, count, &prediction);
}

struct problem {
    struct dh_gp_layout layout;
    struct dh_gp_points points;
    struct dh_gp_data data;
    double *memory;
};

static void pose(struct problem *problem, const struct sample *sample)
{
    *problem = (struct problem){0};
    dh_gp_layout_make(&problem->layout, mixed, FEATURES);
    assert_int_equal(dh_gp_parameters(&problem->layout), PARAMETERS);
    double point[2 * FEATURES];
    for (size_t i = 0; i < ROWS; i++) {
        dh_gp_embed(&problem->layout, sample->x + i * FEATURES, point);
        dh_gp_points_push(&problem->points, &problem->layout, point);
    }
    problem->data = (struct dh_gp_data){&problem->layout, &problem->points, sample->y};
    problem->memory = dh_alloc(dh_gp_likelihood_memory(&problem->data), sizeof(double));
}

static void put_away(struct problem *problem)
{
    dh_gp_layout_free(&problem->layout);
    free(problem->points.values);
    free(problem->memory);
}

static void test_likelihood_gradient(void **state)
{
    (void)state;
    struct sample sample;
    struct problem problem;
    draw(&sample, 1);
    pose(&problem, &sample);
    double gradient[PARAMETERS], ignored[PARAMETERS], moved[PARAMETERS];
    dh_gp_likelihood(&problem.data, some, gradient, problem.memory);
    for (size_t i = 0; i < PARAMETERS; i++) {
        const double h = 1e-5;
        memcpy(moved, some, sizeof moved);
        moved[i] = some[i] + h;
        double above = dh_gp_likelihood(&problem.data, moved, ignored, problem.memory);
        moved[i] = some[i] - h;
        double below = dh_gp_likelihood(&problem.data, moved, ignored, problem.memory);
        assert_near(gradient[i], (above - below) / (2 * h), 1e-6 * (1 + fabs(gradient[i])));
        assert_true(fabs(gradient[i]) > 1e-6);
    }
    put_away(&problem);
}

static void test_prior_gradient(void **state)
{
    (void)state;
    struct dh_gp_layout layout;
    dh_gp_layout_make(&layout, mixed, FEATURES);
    struct dh_gp_prior *priors = dh_gp_priors(&layout);
    double gradient[PARAMETERS] = {0}, ignored[PARAMETERS] = {0}, moved[PARAMETERS];
    dh_gp_prior_value(priors, PARAMETERS, some, gradient);
    for (size_t i = 0; i < PARAMETERS; i++) {
        memcpy(moved, some, sizeof moved);
        moved[i] = some[i] + 1e-5;
        double above = dh_gp_prior_value(priors, PARAMETERS, moved, ignored);
        moved[i] = some[i] - 1e-5;
        double below = dh_gp_prior_value(priors, PARAMETERS, moved, ignored);
        assert_near(gradient[i], (above - below) / 2e-5, 1e-7);
    }
    free(priors);
    dh_gp_layout_free(&layout);
}

/* Also at points that were observed, where the kernel's distance is 0. */
static void test_predictive_gradient(void **state)
{
    (void)state;
    struct sample sample, other;
    draw(&sample, 2);
    draw(&other, 3);
    struct dh_model *model = build(&sample, ROWS);
    for (size_t i = 0; i < 2 * ROWS; i++) {
        double x[FEATURES], by_mean[FEATURES], by_variance[FEATURES], mean[2], variance[2];
        const double *from = i < ROWS ? sample.x + i * FEATURES : other.x + (i - ROWS) * FEATURES;
        struct dh_gradient gradient = {.by_mean = by_mean, .by_epistemic = by_variance};
        model->kind->gradient(model, from, &gradient);
        double noise;
        predict(model, from, 1, mean, variance);
        model->kind->predict(model, from, 1, &(struct dh_prediction){.aleatoric = &noise});
        assert_near(gradient.mean, mean[0], 1e-12);
        assert_near(gradient.epistemic, variance[0], 1e-12);
        assert_near(gradient.aleatoric, noise, 0);
        for (size_t j = 0; j < FEATURES; j++) {
            if (mixed[j].levels || isnan(from[j])) {
                assert_true(by_mean[j] == 0 && by_variance[j] == 0);
                continue;
            }
            memcpy(x, from, sizeof x);
            for (size_t side = 0; side < 2; side++) {
                x[j] = from[j] + (side ? -1e-5 : 1e-5);
                predict(model, x, 1, mean + side, variance + side);
            }
            assert_near(by_mean[j], (mean[0] - mean[1]) / 2e-5, 1e-6);
            assert_near(by_variance[j], (variance[0] - variance[1]) / 2e-5, 1e-6);
        }
    }
    dh_model_destroy(&model);
}

static void assert_same(const struct dh_model *a, const struct dh_model *b, const double *x)
{
    double mean[2][ROWS], variance[2][ROWS];
    predict(a, x, ROWS, mean[0], variance[0]);
    predict(b, x, ROWS, mean[1], variance[1]);
    for (size_t i = 0; i < ROWS; i++) {
        assert_near(mean[0][i], mean[1][i], 1e-9);
        assert_near(variance[0][i], variance[1][i], 1e-9);
    }
}

/* Rows 0 … 9 make the model; the rest comes by `add`, some of it goes again. A model built of what
 * is left, with the parameters and units of the first, is the same. */
static void test_current(void **state)
{
    (void)state;
    struct sample sample, other;
    draw(&sample, 4);
    draw(&other, 5);
    /* Both halves have mean 0 and deviation 1, so both models have the same units. */
    for (size_t i = 0; i < ROWS; i++)
        sample.y[i] = i % 2 ? 1 : -1;
    struct dh_model *grown = build(&sample, 10), *whole = build(&sample, ROWS);
    int64_t handles[ROWS];
    for (size_t i = 10; i < ROWS; i++)
        handles[i] = grown->kind->add(grown, sample.x + i * FEATURES, sample.y[i]);
    assert_same(grown, whole, other.x);
    dh_model_destroy(&whole);
    static const size_t order[] = {39, 20, 38, 21, 37, 22, 36, 35, 34, 33,
                                   23, 32, 24, 31, 25, 30, 29, 26, 28, 27};
    for (size_t i = 0; i < DH_COUNT_OF(order); i++)
        grown->kind->remove(grown, handles[order[i]]);
    struct dh_model *rest = build(&sample, 20);
    assert_same(grown, rest, other.x);
    grown->kind->remove(grown, handles[39]); /* gone already: nothing happens */
    assert_same(grown, rest, other.x);
    /* The oldest first. */
    for (size_t i = 10; i < 14; i++)
        grown->kind->remove(grown, handles[i]);
    for (size_t i = 10; i < 14; i++)
        grown->kind->add(grown, sample.x + i * FEATURES, sample.y[i]);
    assert_same(grown, rest, other.x);
    dh_model_destroy(&rest);
    dh_model_destroy(&grown);
}

/* A lie takes variance away where it is, and gives it back. */
static void test_lie(void **state)
{
    (void)state;
    struct sample sample;
    draw(&sample, 6);
    struct dh_model *model = build(&sample, 20);
    const double *x = sample.x + 30 * FEATURES;
    double mean[3], variance[3];
    predict(model, x, 1, mean, variance);
    int64_t lie = model->kind->add(model, x, mean[0]);
    predict(model, x, 1, mean + 1, variance + 1);
    assert_near(mean[0], mean[1], 1e-2);
    assert_true(variance[1] < 0.1 * variance[0]);
    model->kind->remove(model, lie);
    predict(model, x, 1, mean + 2, variance + 2);
    assert_near(mean[0], mean[2], 1e-12);
    assert_near(variance[0], variance[2], 1e-12);
    dh_model_destroy(&model);
}

/* A lie's value arrives: the same as the lie taken back and the value learnt. */
static void test_settle(void **state)
{
    (void)state;
    struct sample sample, other;
    draw(&sample, 31);
    draw(&other, 32);
    struct dh_model *a = build(&sample, 30), *b = build(&sample, 30);
    int64_t lies[2][10];
    for (size_t i = 0; i < 10; i++) {
        lies[0][i] = a->kind->add(a, other.x + i * FEATURES, 0);
        lies[1][i] = b->kind->add(b, other.x + i * FEATURES, 0);
    }
    for (size_t i = 0; i < 10; i += 2) {
        a->kind->settle(a, lies[0][i], other.y[i]);
        b->kind->remove(b, lies[1][i]);
        b->kind->learn(b, other.x + i * FEATURES, other.y[i]);
    }
    assert_same(a, b, other.x);
    a->kind->settle(a, lies[0][2], 7); /* settled already, and no such lie: nothing happens */
    a->kind->remove(a, lies[0][2]);
    a->kind->settle(a, 99, 7);
    a->kind->settle(a, -1, 7);
    assert_same(a, b, other.x);
    dh_model_destroy(&a);
    dh_model_destroy(&b);
}

/* So many rows that the fit begins with some of them: as good as with all from several starts. */
static void test_many_rows(void **state)
{
    (void)state;
    enum { MANY = 330 };
    static const struct dh_feature numbers[3] = {{0, false}, {0, false}, {0, false}};
    double *x = dh_alloc(MANY * 3, sizeof *x), *y = dh_alloc(MANY, sizeof *y);
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 33);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t j = 0; j < 3; j++)
            x[3 * i + j] = dh_random_uniform(&random);
        y[i] = sin(8 * x[3 * i]) * x[3 * i + 1] + 0.02 * dh_random_normal(&random);
    }
    struct dh_model_setup setup = {
        .features = numbers, .feature_count = 3, .seed = 1, .threads = 1};
    struct dh_rows rows = {x, y, MANY};
    struct dh_model *model = fit(&setup, &rows);
    double query[50 * 3], mean[50], first[5], second[5];
    for (size_t i = 0; i < DH_COUNT_OF(query); i++)
        query[i] = 0.05 + 0.9 * dh_random_uniform(&random);
    predict(model, query, 50, mean, NULL);
    for (size_t i = 0; i < 50; i++)
        assert_near(mean[i], sin(8 * query[3 * i]) * query[3 * i + 1], 0.05);
    model->kind->parameters(model, first, 5);
    dh_model_destroy(&model);
    setup.warm_parameters = first; /* from there on all rows at once, with further starts */
    setup.warm_parameter_count = 5;
    model = fit(&setup, &rows);
    model->kind->parameters(model, second, 5);
    for (size_t i = 1; i < 4; i++) /* noise, and the two length scales that matter */
        assert_near(first[i], second[i], 0.3);
    dh_model_destroy(&model);
    free(x);
    free(y);
}

/* Equal points again and again while there is hardly any noise. */
static void test_duplicates(void **state)
{
    (void)state;
    struct sample sample;
    draw(&sample, 7);
    double parameters[PARAMETERS];
    memcpy(parameters, some, sizeof parameters);
    parameters[1] = -80; /* no noise at all in double precision */
    memcpy(sample.x + FEATURES, sample.x, FEATURES * sizeof *sample.x);
    struct dh_model *model = NULL;
    struct dh_error err;
    assert_int_equal(dh_gp_build(&sample.setup, &sample.rows, parameters, &model, &err), DH_OK);
    for (size_t i = 0; i < 10; i++)
        model->kind->add(model, sample.x + 5 * FEATURES, sample.y[5]);
    double mean[ROWS], variance[ROWS];
    predict(model, sample.x, ROWS, mean, variance);
    for (size_t i = 2; i < ROWS; i++) {
        assert_near(mean[i], sample.y[i], 1e-2);
        assert_true(variance[i] >= 0 && variance[i] < 1e-2);
    }
    dh_model_destroy(&model);
    struct sample noisy;
    draw(&noisy, 8);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(noisy.x + i * FEATURES, noisy.x, FEATURES * sizeof *noisy.x);
        noisy.y[i] = i % 2 ? 3 : -1;
    }
    model = fit(&noisy.setup, &noisy.rows);
    predict(model, noisy.x, 1, mean, variance);
    assert_near(mean[0], 1, 1e-6);
    double noise;
    model->kind->predict(model, noisy.x, 1, &(struct dh_prediction){.aleatoric = &noise});
    assert_true(noise > 0.4); /* the variance is 4; the prior dislikes so much noise */
    dh_model_destroy(&model);
}

/* Not standardised, very large, hardly different. */
static void test_units(void **state)
{
    (void)state;
    struct sample sample, moved;
    draw(&sample, 9);
    moved = sample;
    moved.rows = (struct dh_rows){moved.x, moved.y, ROWS};
    static const double factors[] = {1e-9, 1e6, 1e100};
    for (size_t f = 0; f < DH_COUNT_OF(factors); f++) {
        for (size_t i = 0; i < ROWS; i++)
            moved.y[i] = factors[f] * (sample.y[i] + 10);
        struct dh_model *a = fit(&sample.setup, &sample.rows), *b = fit(&moved.setup, &moved.rows);
        double mean[2][ROWS], variance[2][ROWS];
        predict(a, sample.x, ROWS, mean[0], variance[0]);
        predict(b, sample.x, ROWS, mean[1], variance[1]);
        for (size_t i = 0; i < ROWS; i++) {
            assert_near(mean[1][i] / factors[f] - 10, mean[0][i], 1e-4);
            assert_near(variance[1][i] / factors[f] / factors[f], variance[0][i], 1e-4);
        }
        dh_model_destroy(&a);
        dh_model_destroy(&b);
    }
}

/* The fit finds a function in data with little noise, ignores an idle feature, and starts from
 * its own parameters again as well as it ended. */
static void test_fit(void **state)
{
    (void)state;
    static const struct dh_feature numbers[2] = {{0, false}, {0, false}};
    double x[60 * 2], y[60], query[20 * 2], mean[20], variance[20], parameters[8], again[8];
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 1);
    for (size_t i = 0; i < 60; i++) {
        x[2 * i] = dh_random_uniform(&random);
        x[2 * i + 1] = dh_random_uniform(&random);
        y[i] = sin(8 * x[2 * i]) + 0.01 * dh_random_normal(&random);
    }
    for (size_t i = 0; i < 20; i++) {
        query[2 * i] = 0.05 + 0.045 * (double)i;
        query[2 * i + 1] = dh_random_uniform(&random);
    }
    struct dh_model_setup setup = {
        .features = numbers, .feature_count = 2, .seed = 1, .threads = 1};
    struct dh_rows rows = {x, y, 60};
    struct dh_model *model = fit(&setup, &rows);
    predict(model, query, 20, mean, variance);
    for (size_t i = 0; i < 20; i++)
        assert_near(mean[i], sin(8 * query[2 * i]), 0.05);
    assert_int_equal(model->kind->parameters(model, parameters, 8), 4);
    assert_int_equal(model->kind->parameters(model, again, 1), 1);
    assert_true(parameters[3] > parameters[2] + 1); /* the second is longer */
    dh_model_destroy(&model);
    setup.warm_parameters = parameters;
    setup.warm_parameter_count = 4;
    setup.tune.restarts = 1;
    model = fit(&setup, &rows);
    model->kind->parameters(model, again, 8);
    for (size_t i = 0; i < 4; i++)
        assert_near(parameters[i], again[i], 0.1);
    dh_model_destroy(&model);
    setup.warm_parameter_count = 3; /* of another space: ignored */
    model = fit(&setup, &rows);
    dh_model_destroy(&model);
}

/* Climbing: up, inside the box, as far as a fine search nearby finds; what is no number stays. */
static void test_climb(void **state)
{
    (void)state;
    static const enum dh_acquisition_kind kinds[] = {DH_ACQUISITION_EI, DH_ACQUISITION_LCB,
                                                     DH_ACQUISITION_PI};
    struct sample sample, other;
    draw(&sample, 21);
    draw(&other, 22);
    struct dh_model *model = build(&sample, ROWS);
    struct dh_random random = dh_random_at(23, DH_STREAM_TEST, 0);
    static const bool numbers[FEATURES] = {true, false, true, false, true};
    size_t higher = 0;
    for (size_t i = 0; i < ROWS; i++) {
        struct dh_acquisition a = {.kind = kinds[i % 3], .kappa = 2, .xi = 0.01, .best = -1};
        double x[FEATURES], near[FEATURES], mean[2], variance[2];
        const double *from = other.x + i * FEATURES;
        memcpy(x, from, sizeof x);
        struct dh_ascent ascent = {&a, model, FEATURES, 100, true};
        assert_true(dh_acquisition_ascend(&ascent, numbers, x));
        predict(model, from, 1, mean, variance);
        predict(model, x, 1, mean + 1, variance + 1);
        double before = dh_acquisition_score(&a, mean[0], sqrt(variance[0]));
        double after = dh_acquisition_score(&a, mean[1], sqrt(variance[1]));
        assert_true(after >= before);
        higher += after > before + 1e-3;
        for (size_t j = 0; j < FEATURES; j++)
            assert_true(mixed[j].levels || isnan(from[j])
                            ? memcmp(&x[j], &from[j], sizeof x[j]) == 0
                            : x[j] >= 0 && x[j] <= 1);
        for (size_t k = 0; k < 100; k++) {
            for (size_t j = 0; j < FEATURES; j++) {
                double step = mixed[j].levels ? 0 : 0.002 * (dh_random_uniform(&random) - 0.5);
                near[j] = isnan(x[j])       ? x[j]
                          : mixed[j].levels ? x[j]
                                            : fmin(fmax(x[j] + step, 0), 1);
            }
            predict(model, near, 1, mean, variance);
            assert_true(dh_acquisition_score(&a, mean[0], sqrt(variance[0])) < after + 1e-3);
        }
    }
    assert_true(higher > ROWS / 2);
    dh_model_destroy(&model);
}

/* Several starts and several blocks of points on several threads: the same to the last bit. */
static void test_threads(void **state)
{
    (void)state;
    struct sample sample;
    draw(&sample, 10);
    double x[8 * ROWS * FEATURES], mean[2][8 * ROWS], variance[2][8 * ROWS];
    for (size_t i = 0; i < 8; i++) {
        struct sample other;
        draw(&other, 11 + i);
        memcpy(x + i * ROWS * FEATURES, other.x, sizeof other.x);
    }
    for (size_t i = 0; i < 2; i++) {
        sample.setup.threads = i ? 3 : 1;
        struct dh_model *model = fit(&sample.setup, &sample.rows);
        predict(model, x, 8 * ROWS, mean[i], variance[i]);
        dh_model_destroy(&model);
    }
    assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
    assert_memory_equal(variance[0], variance[1], sizeof variance[0]);
}

/* Rosenbrock's valley: with its optimum inside the box, and behind the bound x_1 <= 0.5. */
static double valley(void *context, const double *x, double *gradient)
{
    ++*(size_t *)context;
    double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient[0] = -2 * a - 400 * x[0] * b;
    gradient[1] = 200 * b;
    return a * a + 100 * b * b;
}

static double nowhere(void *context, const double *x, double *gradient)
{
    (void)context;
    gradient[0] = gradient[1] = x[0];
    return NAN;
}

static void test_lbfgs(void **state)
{
    (void)state;
    static const double lower[2] = {-2, -2};
    double upper[2] = {2, 2}, x[2] = {-1.2, 1};
    size_t calls = 0;
    struct dh_lbfgs problem = {2, lower, upper, valley, &calls, 200, 2, 1e-14};
    assert_near(dh_lbfgs_minimise(&problem, x), 0, 1e-8);
    assert_near(x[0], 1, 1e-4);
    assert_near(x[1], 1, 1e-4);
    assert_true(calls < 120);
    upper[0] = 0.5;
    x[0] = -7; /* outside */
    x[1] = 1;
    assert_near(dh_lbfgs_minimise(&problem, x), 0.25, 1e-8);
    assert_near(x[0], 0.5, 1e-8);
    assert_near(x[1], 0.25, 1e-4);
    problem.value = nowhere;
    assert_true(isinf(dh_lbfgs_minimise(&problem, x)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_likelihood_gradient),
        cmocka_unit_test(test_prior_gradient),
        cmocka_unit_test(test_predictive_gradient),
        cmocka_unit_test(test_current),
        cmocka_unit_test(test_lie),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_climb),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_lbfgs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
