/* Every kind of surrogate, on every kind of feature: what model.h promises for all of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/model.h"
#include "dh_mpi/random.h"

#define FEATURES 4
#define MANY 60

static const struct dh_feature mixed[FEATURES] = {{0, false}, {0, true}, {3, false}, {4, true}};

static void draw_row(struct dh_random *random, double *x)
{
    for (size_t j = 0; j < FEATURES; j++) {
        double u = dh_random_uniform(random);
        uint32_t levels = mixed[j].levels;
        x[j] = levels ? (double)dh_random_below(random, levels) : u;
        if (mixed[j].optional && u < 0.3)
            x[j] = NAN;
    }
}

struct data {
    double x[MANY * FEATURES];
    double y[MANY];
};

static void draw_data(struct data *data, uint64_t seed)
{
    struct dh_random random = dh_random_at(seed, DH_STREAM_TEST, 0);
    for (size_t i = 0; i < MANY; i++) {
        double *x = data->x + i * FEATURES;
        draw_row(&random, x);
        data->y[i] = 3 * x[0] + (isnan(x[1]) ? -1 : x[1]) + 0.1 * dh_random_normal(&random);
    }
}

static struct dh_model *fit(const struct dh_model_kind *kind, const struct data *data, size_t count,
                            int threads)
{
    struct dh_model_setup setup = {
        .features = mixed, .feature_count = FEATURES, .seed = 7, .threads = threads};
    struct dh_rows rows = {data->x, data->y, count};
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    if (kind->fit(&setup, &rows, &model, &err))
        fail_msg("%s: %s", kind->name, err.text);
    assert_non_null(model);
    assert_ptr_equal(model->kind, kind);
    return model;
}

static void predict_all(const struct dh_model *model, const struct data *data, double out[3][MANY])
{
    struct dh_prediction prediction = {out[0], out[1], out[2]};
    model->kind->predict(model, data->x, MANY, &prediction);
}

static void check_finite(const char *name, double out[3][MANY])
{
    for (size_t i = 0; i < MANY; i++)
        if (!isfinite(out[0][i]) || !(out[1][i] >= 0) || !isfinite(out[1][i]) ||
            !(out[2][i] >= 0) || !isfinite(out[2][i]))
            fail_msg("%s: mean %g, variances %g and %g", name, out[0][i], out[1][i], out[2][i]);
}

/* One row, two, equal rows that differ in y, a constant y. */
static void test_degenerate(void **state)
{
    (void)state;
    struct data data, same;
    draw_data(&data, 1);
    same = data;
    for (size_t i = 0; i < MANY; i++)
        memcpy(same.x + i * FEATURES, same.x, FEATURES * sizeof(double));
    double out[3][MANY];
    for (const struct dh_model_kind *const *kind = dh_model_kinds(); *kind; kind++) {
        for (size_t count = 1; count <= 3; count++) {
            struct dh_model *model = fit(*kind, &data, count, 1);
            predict_all(model, &data, out);
            check_finite((*kind)->name, out);
            dh_model_destroy(&model);
        }
        struct dh_model *model = fit(*kind, &same, MANY, 1);
        predict_all(model, &data, out);
        check_finite((*kind)->name, out);
        dh_model_destroy(&model);
        struct data flat = data;
        for (size_t i = 0; i < MANY; i++)
            flat.y[i] = 4;
        model = fit(*kind, &flat, MANY, 1);
        predict_all(model, &data, out);
        check_finite((*kind)->name, out);
        if (strcmp((*kind)->name, "dummy") != 0)
            for (size_t i = 0; i < MANY; i++)
                assert_float_equal(out[0][i], 4, 1e-6);
        dh_model_destroy(&model);
    }
}

/* The same seed gives the same model, whatever the number of threads. */
static void test_reproducible(void **state)
{
    (void)state;
    struct data data;
    draw_data(&data, 2);
    double first[3][MANY], second[3][MANY];
    for (const struct dh_model_kind *const *kind = dh_model_kinds(); *kind; kind++) {
        struct dh_model *a = fit(*kind, &data, MANY, 1), *b = fit(*kind, &data, MANY, 3);
        predict_all(a, &data, first);
        predict_all(b, &data, second);
        if (memcmp(first, second, sizeof first) != 0)
            fail_msg("%s: differs with the number of threads", (*kind)->name);
        dh_model_destroy(&a);
        dh_model_destroy(&b);
    }
}

/* What was added and removed again leaves (nearly) no trace, in whatever order it goes. */
static void test_add_remove(void **state)
{
    (void)state;
    struct data data;
    draw_data(&data, 3);
    double before[3][MANY], after[3][MANY];
    for (const struct dh_model_kind *const *kind = dh_model_kinds(); *kind; kind++) {
        struct dh_model *model = fit(*kind, &data, MANY / 2, 1);
        predict_all(model, &data, before);
        int64_t handles[MANY / 2];
        for (size_t i = 0; i < MANY / 2; i++) {
            size_t row = MANY / 2 + i;
            handles[i] = (*kind)->add(model, data.x + row * FEATURES, data.y[row]);
            assert_true(handles[i] >= 0);
        }
        predict_all(model, &data, after);
        check_finite((*kind)->name, after);
        for (size_t i = 0; i < MANY / 2; i++)
            (*kind)->remove(model, handles[(i * 7) % (MANY / 2)]);
        predict_all(model, &data, after);
        for (size_t k = 0; k < 3; k++)
            for (size_t i = 0; i < MANY; i++)
                if (!(fabs(before[k][i] - after[k][i]) <= 1e-8))
                    fail_msg("%s: %zu of row %zu was %.12g, is %.12g", (*kind)->name, k, i,
                             before[k][i], after[k][i]);
        dh_model_destroy(&model);
    }
}

static void test_table(void **state)
{
    (void)state;
    assert_null(dh_model_find("no such"));
    for (const struct dh_model_kind *const *kind = dh_model_kinds(); *kind; kind++) {
        assert_ptr_equal(dh_model_find((*kind)->name), *kind);
        assert_true(strlen((*kind)->summary) > 0);
    }
    struct dh_model *none = NULL;
    dh_model_destroy(&none);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_reproducible),
        cmocka_unit_test(test_add_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
