/* The Gaussian process with given parameters: gradients against finite differences, kept current
 * against built anew. Its values are compared with scikit-learn's in
 * compare_gp.py. */
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
#include "gp_sample.h"

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

/* The evidence is the likelihood of y in its own units, of whatever the model holds. */
static void test_evidence(void **state)
{
    (void)state;
    struct sample sample, other;
    struct problem problem;
    draw(&sample, 31);
    draw(&other, 32);
    double gradient[PARAMETERS], mean = 0, square = 0;
    for (size_t i = 0; i < ROWS; i++)
        mean += sample.y[i] / ROWS;
    for (size_t i = 0; i < ROWS; i++)
        square += (sample.y[i] - mean) * (sample.y[i] - mean) / ROWS;
    struct dh_model *model = build(&sample, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        sample.y[i] = (sample.y[i] - mean) / sqrt(square);
    pose(&problem, &sample);
    double likelihood = dh_gp_likelihood(&problem.data, some, gradient, problem.memory);
    double expected = likelihood - 0.5 * ROWS * log(square), before = model->kind->evidence(model);
    assert_near(before, expected, 1e-9 * fabs(expected));
    int64_t lie = model->kind->add(model, other.x, 0.5);
    assert_true(fabs(model->kind->evidence(model) - before) > 1e-3);
    model->kind->remove(model, lie);
    assert_near(model->kind->evidence(model), before, 1e-9 * fabs(before));
    dh_model_destroy(&model);
    put_away(&problem);
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
        struct dh_ascent ascent = {&a, model, FEATURES, 100, true, NULL};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_likelihood_gradient),
        cmocka_unit_test(test_prior_gradient),
        cmocka_unit_test(test_predictive_gradient),
        cmocka_unit_test(test_current),
        cmocka_unit_test(test_lie),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_climb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
