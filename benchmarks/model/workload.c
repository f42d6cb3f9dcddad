/* What the benchmarks of the models have in common: see workload.h. */
#include "workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"

const struct dh_feature features[FEATURES] = {{0, false}, {0, false}, {0, false}, {0, true},
                                              {0, false}, {0, false}, {3, false}, {8, false},
                                              {2, false}, {4, true}};

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

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int measure_sizes(int argc, char **argv, const size_t *sizes, size_t size_count, size_t pool_rows,
                  void (*measure)(const double *x, const double *y, size_t count,
                                  const double *pool))
{
    size_t runs = argc > 1 ? (size_t)argc - 1 : size_count;
    double *pool = dh_alloc(pool_rows * (FEATURES + 1), sizeof *pool);
    draw(pool, pool + pool_rows * FEATURES, pool_rows);
    for (size_t run = 0; run < runs; run++) {
        size_t count = argc > 1 ? strtoul(argv[run + 1], NULL, 10) : sizes[run];
        if (count == 0) {
            fprintf(stderr, "%s: expected a number of rows\n", argv[run + 1]);
            return 64;
        }
        double *x = dh_alloc(count * FEATURES, sizeof *x), *y = dh_alloc(count, sizeof *y);
        draw(x, y, count);
        measure(x, y, count, pool);
        free(x);
        free(y);
    }
    free(pool);
    return 0;
}
