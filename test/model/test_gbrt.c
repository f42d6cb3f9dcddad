/* Boosted quantiles: they cover what they should, and observations added between fits act where
 * they lie. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/model.h"
#include "dh_mpi/random.h"

#define FEATURES 3
#define ROWS 2000

static const struct dh_feature features[FEATURES] = {{0, false}, {0, true}, {3, false}};

static double truth(const double *x)
{
    return 2 * x[0] * x[0] + (isnan(x[1]) ? 1 : x[1]) - (x[2] == 1);
}

/* The noise is larger where x[0] is. */
static double noise(const double *x)
{
    return .1 + .5 * x[0];
}

static void draw(uint64_t index, double *x, double *y)
{
    struct dh_random random = dh_random_at(5, DH_STREAM_TEST, index);
    for (size_t i = 0; i < ROWS; i++, x += FEATURES) {
        x[0] = dh_random_uniform(&random);
        x[1] = dh_random_below(&random, 3) ? dh_random_uniform(&random) : NAN;
        x[2] = (double)dh_random_below(&random, 3);
        y[i] = truth(x) + noise(x) * dh_random_normal(&random);
    }
}

static struct dh_model *fit(const double *x, const double *y, size_t count, int threads)
{
    struct dh_model_setup setup = {
        .features = features, .feature_count = FEATURES, .seed = 2, .threads = threads};
    struct dh_rows rows = {x, y, count};
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    if (dh_model_find("gbrt")->fit(&setup, &rows, &model, &err))
        fail_msg("%s", err.text);
    return model;
}

struct data {
    double x[ROWS * FEATURES], y[ROWS];
    double mean[ROWS], aleatoric[ROWS], epistemic[ROWS];
};

static void predict(const struct dh_model *model, struct data *data)
{
    struct dh_prediction out = {data->mean, data->aleatoric, data->epistemic};
    model->kind->predict(model, data->x, ROWS, &out);
}

/* On new points: about half of the values below the mean, 68 % within one deviation, the mean
 * near the truth, and the deviation follows the noise. */
static void test_coverage(void **state)
{
    (void)state;
    struct data *data = dh_alloc(1, sizeof *data), *fresh = dh_alloc(1, sizeof *fresh);
    draw(1, data->x, data->y);
    draw(2, fresh->x, fresh->y);
    struct dh_model *model = fit(data->x, data->y, ROWS, 1);
    predict(model, fresh);
    double below = 0, within = 0, error = 0, deviation[2] = {0, 0}, count[2] = {0, 0};
    for (size_t i = 0; i < ROWS; i++) {
        const double *x = fresh->x + i * FEATURES;
        double sigma = sqrt(fresh->aleatoric[i] + fresh->epistemic[i]);
        below += fresh->y[i] < fresh->mean[i];
        within += fabs(fresh->y[i] - fresh->mean[i]) < sigma;
        error += pow(fresh->mean[i] - truth(x), 2);
        deviation[x[0] > .5] += sigma;
        count[x[0] > .5]++;
        assert_true(fresh->aleatoric[i] > 0 && fresh->epistemic[i] >= 0);
    }
    assert_true(fabs(below / ROWS - .5) < .05);
    assert_true(fabs(within / ROWS - .68) < .08);
    assert_true(sqrt(error / ROWS) < .2);
    assert_true(fabs(deviation[0] / count[0] - .225) < .08);
    assert_true(fabs(deviation[1] / count[1] - .475) < .12);
    dh_model_destroy(&model);
    free(data);
    free(fresh);
}

/* A lie moves the mean at its place towards it and hardly anywhere else; the order in which lies
 * come and go is of no consequence. */
static void test_added(void **state)
{
    (void)state;
    struct data *data = dh_alloc(1, sizeof *data), *before = dh_alloc(1, sizeof *before);
    draw(1, data->x, data->y);
    *before = *data;
    struct dh_model *model = fit(data->x, data->y, 200, 1);
    predict(model, before);
    int64_t first = model->kind->add(model, data->x, before->mean[0] + 10);
    predict(model, data);
    /* by 10 / (rows with it): a leaf of the forest has two rows at least */
    assert_true(data->mean[0] > before->mean[0] + 1);
    assert_true(data->mean[0] < before->mean[0] + 10. / 3 + 1e-9);
    double moved = 0;
    for (size_t i = 0; i < ROWS; i++)
        moved += data->mean[i] - before->mean[i];
    assert_true(moved / ROWS < 1);
    int64_t second = model->kind->add(model, data->x + FEATURES, 1e6);
    int64_t third = model->kind->add(model, data->x, -3);
    model->kind->remove(model, first);
    model->kind->remove(model, third);
    model->kind->remove(model, second);
    model->kind->remove(model, second);
    model->kind->remove(model, 99);
    predict(model, data);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(fabs(data->mean[i] - before->mean[i]) < 1e-12);
        assert_true(fabs(data->aleatoric[i] - before->aleatoric[i]) < 1e-12);
        assert_true(fabs(data->epistemic[i] - before->epistemic[i]) < 1e-12);
    }
    dh_model_destroy(&model);
    free(data);
    free(before);
}

/* With a single feature of two levels, each tree's leaves are the levels: what was added between
 * fits moves the mean of its level by the sum of its residuals / (rows of the level, with those
 * added), and the other level's not at all. But for rounding, that is exact. */
static void test_added_by_definition(void **state)
{
    (void)state;
    enum { FEW = 5, MANY = 20, LIES = 3 };
    static const struct dh_feature one[] = {{2, false}};
    static const double places[] = {0, 1}, lies[LIES] = {10, -4, 0.5};
    double x[FEW + MANY], y[FEW + MANY], before[2], after[2];
    for (size_t i = 0; i < FEW + MANY; i++) {
        x[i] = i >= FEW;
        y[i] = x[i] + 0.01 * (double)(i % 3);
    }
    struct dh_model_setup setup = {.features = one, .feature_count = 1, .seed = 2, .threads = 1};
    struct dh_rows rows = {x, y, FEW + MANY};
    struct dh_model *model = NULL;
    assert_int_equal(dh_model_find("gbrt")->fit(&setup, &rows, &model, NULL), DH_OK);
    struct dh_prediction out = {before, NULL, NULL};
    model->kind->predict(model, places, 2, &out);
    out.mean = after;
    double moved = 0;
    for (size_t i = 0; i < LIES; i++) {
        model->kind->add(model, places, before[0] + lies[i]);
        moved += lies[i];
        model->kind->predict(model, places, 2, &out);
        assert_true(fabs(after[0] - before[0] - moved / (double)(FEW + i + 1)) < 1e-12);
        assert_true(fabs(after[1] - before[1]) < 1e-12);
    }
    dh_model_destroy(&model);
}

static void test_threads(void **state)
{
    (void)state;
    struct data *one = dh_alloc(1, sizeof *one), *three = dh_alloc(1, sizeof *three);
    draw(1, one->x, one->y);
    *three = *one;
    struct dh_model *a = fit(one->x, one->y, ROWS, 1), *b = fit(three->x, three->y, ROWS, 3);
    predict(a, one);
    predict(b, three);
    assert_memory_equal(one, three, sizeof *one);
    dh_model_destroy(&a);
    dh_model_destroy(&b);
    free(one);
    free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_added_by_definition),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
