/* How long forests and boosting take: milliseconds a fit, microseconds a predicted row and an
 * added and removed row, on 10 mixed parameters, one thread; processor time.
 *
 *   forest_speed [N …]     default: 1000 10000 100000
 */
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "workload.h"

#define POOL 4096
#define PAIRS 2000

static const char *const names[] = {"et", "rf", "bagging", "subspace", "gbrt"};

static void measure_kind(const struct dh_model_kind *kind, const double *x, const double *y,
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

static void measure(const double *x, const double *y, size_t count, const double *pool)
{
    for (size_t k = 0; k < DH_COUNT_OF(names); k++)
        measure_kind(dh_model_find(names[k]), x, y, count, pool);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {1000, 10000, 100000};
    return measure_sizes(argc, argv, sizes, DH_COUNT_OF(sizes), POOL, measure);
}
