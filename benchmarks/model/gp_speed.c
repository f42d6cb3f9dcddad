/* How long the Gaussian process takes: milliseconds a fit, microseconds a predicted row, a row with
 * its gradients, and a lie told and settled; 10 mixed parameters, one thread; processor time.
 *
 *   gp_speed [N …]     default: 50 100 250 500 1000
 */
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "workload.h"

#define POOL 2048
#define LIES 64

static struct dh_model *fit(const struct dh_model_setup *setup, const struct dh_rows *rows,
                            double *seconds)
{
    struct dh_model *model = NULL;
    struct dh_error err;
    double start = now();
    if (dh_model_find("gp")->fit(setup, rows, &model, &err)) {
        fprintf(stderr, "gp_speed: %s\n", err.text);
        exit(1);
    }
    *seconds = now() - start;
    return model;
}

/* Seconds a row of the pool. */
static double predict(const struct dh_model *model, const double *pool)
{
    double *out = dh_alloc((size_t)3 * POOL, sizeof *out);
    double start = now();
    model->kind->predict(model, pool, POOL,
                         &(struct dh_prediction){out, out + POOL, out + 2 * POOL});
    double seconds = now() - start;
    free(out);
    return seconds / POOL;
}

static double differentiate(const struct dh_model *model, const double *pool)
{
    double by_mean[FEATURES], by_epistemic[FEATURES], start = now();
    struct dh_gradient gradient = {.by_mean = by_mean, .by_epistemic = by_epistemic};
    for (size_t i = 0; i < LIES; i++)
        model->kind->gradient(model, pool + i * FEATURES, &gradient);
    return (now() - start) / LIES;
}

static double tell_and_settle(struct dh_model *model, const double *pool)
{
    double start = now();
    int64_t handles[LIES];
    for (size_t i = 0; i < LIES; i++)
        handles[i] = model->kind->add(model, pool + i * FEATURES, 0);
    for (size_t i = 0; i < LIES; i++)
        model->kind->settle(model, handles[i], 1);
    return (now() - start) / LIES;
}

static void measure(const double *x, const double *y, size_t count, const double *pool)
{
    struct dh_model_setup setup = {
        .features = features, .feature_count = FEATURES, .seed = 1, .threads = 1};
    struct dh_rows rows = {x, y, count};
    double fitted;
    struct dh_model *model = fit(&setup, &rows, &fitted);
    double predicted = predict(model, pool), gradient = differentiate(model, pool);
    double told = tell_and_settle(model, pool);
    dh_model_destroy(&model);
    printf("n = %5zu: fit %7.1f ms; a row %6.2f us, with gradients %6.1f us, a lie and its value "
           "%6.1f us\n",
           count, fitted * 1e3, predicted * 1e6, gradient * 1e6, told * 1e6);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {50, 100, 250, 500, 1000};
    return measure_sizes(argc, argv, sizes, DH_COUNT_OF(sizes), POOL, measure);
}
