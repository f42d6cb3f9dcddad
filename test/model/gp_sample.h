/* Rows to try the Gaussian process on, for its tests. */
#ifndef DH_TEST_GP_SAMPLE_H
#define DH_TEST_GP_SAMPLE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "gp_model.h"

#define FEATURES 5
#define ROWS 40
#define PARAMETERS 9 /* signal, noise, 3 numbers, of them 2 optional, 2 categories */

static const struct dh_feature mixed[FEATURES] = {
    {0, false}, {3, false}, {0, true}, {2, true}, {0, true}};
static const double some[PARAMETERS] = {0.2, -4, -0.5, 0.1, 0.6, -0.2, 0.3, -0.7, 0.4};

/* cmocka's own compares as float. */
#define assert_near(a, b, tolerance) check_near((a), (b), (tolerance), __FILE__, __LINE__)

static inline void check_near(double a, double b, double tolerance, const char *file, int line)
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

static inline void draw(struct sample *sample, uint64_t seed)
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

static inline struct dh_model *build_with(const struct sample *sample, size_t count,
                                          const double *parameters)
{
    struct dh_rows rows = {sample->x, sample->y, count};
    struct dh_gp *gp = dh_gp_begin(&sample->setup, &rows);
    struct dh_model *model = NULL;
    struct dh_error err;
    memcpy(gp->parameters, parameters, PARAMETERS * sizeof *parameters);
    assert_int_equal(dh_gp_finish(gp, &model, &err), DH_OK);
    return model;
}

static inline struct dh_model *build(const struct sample *sample, size_t count)
{
    return build_with(sample, count, some);
}

static inline const struct dh_gp *gp_of(const struct dh_model *model)
{
    return (const struct dh_gp *)model;
}

static inline struct dh_model *fit(const struct dh_model_setup *setup, const struct dh_rows *rows)
{
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    if (dh_model_find("gp")->fit(setup, rows, &model, &err))
        fail_msg("%s", err.text);
    return model;
}

static inline void predict(const struct dh_model *model, const double *x, size_t count,
                           double *mean, double *epistemic)
{
    struct dh_prediction prediction = {.mean = mean, .epistemic = epistemic};
    model->kind->predict(model, x, count, &prediction);
}

#endif
