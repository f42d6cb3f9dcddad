/* How long forests and boosting take: milliseconds a fit, microseconds a predicted row and an
 * added and removed row, on 10 mixed parameters, one thread; processor time.
 *
 *   forest_speed [N …]     default: 1000 10000 100000
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/model.h"
#include "dh_mpi/random.h"

#define FEATURES 10
#define POOL 4096
#define PAIRS 2000

static const struct dh_feature features[FEATURES] = {{0, false}, {0, false}, {0, false}, {0, true},
                                                     {0, false}, {0, false}, {3, false}, {8, false},
                                                     {2, false}, {4, true}};
static const char *const names[] = {"et", "rf", "bagging", "subspace", "gbrt"};

static void draw(double *x, double *y, size_t count)
{
    struct dh_random random = dh_random_at(1, DH_STREAM_SAMPLE, count);
    for (size_t i = 0; i < count; i++, x += FEATURES) {
        for (size_t f = 0; f < FEATURES; f++) {
            double u = dh_random_uniform(&random);
            x[f] = features[f].levels ? floor(u * features[f].levels) : u;
        }
        if (x[8] == 0)
            x[3] = x[9] = NAN;
        y[i] = sin(6 * x[0]) + 2 * (x[1] - .3) * (x[1] - .3) + (x[6] == 1 ? x[2] : -x[4]) +
               (x[8] == 0 ? 0 : x[3]) + .1 * x[7] + .1 * dh_random_normal(&random);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void measure(const struct dh_model_kind *kind, const double *x, const double *y,
                    size_t count, const double *pool)
{
    struct dh_model_setup setup = {
        .features = features, .feature_count = FEATURES, .seed = 1, .threads = 1};
    struct dh_rows rows = {x, y, count};
    struct dh_model *model = NULL;
    struct dh_error err;
    double start = now();
    if (kind->fit(&setup, &rows, &model, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    double fitted = now() - start;
    double *out = dh_alloc((size_t)3 * POOL, sizeof *out);
    struct dh_prediction prediction = {out, out + POOL, out + 2 * POOL};
    kind->predict(model, pool, POOL, &prediction);
    start = now();
    kind->predict(model, pool, POOL, &prediction);
    double predicted = (now() - start) / POOL;
    start = now();
    for (size_t i = 0; i < PAIRS; i++)
        kind->remove(model, kind->add(model, pool + i * FEATURES, 0));
    double added = (now() - start) / PAIRS;
    printf("%-9s n = %7zu: fit %8.2f ms, predict %6.3f us a row, add and remove %6.2f us\n",
           kind->name, count, fitted * 1e3, predicted * 1e6, added * 1e6);
    free(out);
    dh_model_destroy(&model);
}

int main(int argc, char **argv)
{
    size_t sizes[] = {1000, 10000, 100000};
    size_t runs = argc > 1 ? (size_t)argc - 1 : DH_COUNT_OF(sizes);
    double *pool = dh_alloc((size_t)POOL * (FEATURES + 1), sizeof *pool);
    draw(pool, pool + (size_t)POOL * FEATURES, POOL);
    for (size_t run = 0; run < runs; run++) {
        size_t count = argc > 1 ? strtoul(argv[run + 1], NULL, 10) : sizes[run];
        if (count == 0) {
            fprintf(stderr, "%s: expected a number of rows\n", argv[run + 1]);
            return 64;
        }
        double *x = dh_alloc(count * FEATURES, sizeof *x), *y = dh_alloc(count, sizeof *y);
        draw(x, y, count);
        for (size_t k = 0; k < DH_COUNT_OF(names); k++)
            measure(dh_model_find(names[k]), x, y, count, pool);
        free(x);
        free(y);
    }
    free(pool);
    return 0;
}
