/* What designs promise: one point in each stratum, whatever the seed. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define CUBE                                                                                       \
    "parameters = ("                                                                               \
    "{ name = \"a\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"b\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"k\"; type = \"constant\"; value = 1; },"                                           \
    "{ name = \"c\"; type = \"real\"; low = 0.0; high = 1.0; } );"
static const size_t dimensions[] = {0, 1, 3}; /* those of CUBE that vary */

static size_t cell(double u, size_t cells)
{
    size_t k = (size_t)(u * (double)cells);
    return k < cells ? k : cells - 1;
}

/* Do points from … from + cells - 1 fall into different cells of parameter `dimension`? */
static void assert_stratified(const struct run *run, size_t from, size_t cells, size_t dimension)
{
    int *hits = dh_alloc(cells, sizeof *hits);
    for (size_t i = 0; i < cells; i++)
        hits[cell(run_point(run, from + i)[dimension], cells)]++;
    for (size_t i = 0; i < cells; i++)
        assert_int_equal(hits[i], 1);
    free(hits);
}

static void sobol_is_a_net(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct bench bench;
        bench_open(&bench, CUBE "optimizer = { method = \"sobol\"; };", seed);
        struct run run = bench_run_new(&bench, 512);
        for (size_t d = 0; d < DH_COUNT_OF(dimensions); d++) {
            assert_stratified(&run, 0, 256, dimensions[d]);
            assert_stratified(&run, 256, 256, dimensions[d]);
        }
        int hits[16][16] = {{0}};
        for (size_t i = 0; i < 256; i++)
            hits[cell(run_point(&run, i)[0], 16)][cell(run_point(&run, i)[1], 16)]++;
        for (size_t i = 0; i < 256; i++)
            assert_int_equal(hits[i / 16][i % 16], 1);
        run_free(&run);
        bench_close(&bench);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* In base b the first b^k points of a coordinate are equally spaced on the circle. */
static void assert_spaced(const struct run *run, size_t count, size_t dimension)
{
    double *x = dh_alloc(count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = run_point(run, i)[dimension];
    qsort(x, count, sizeof *x, compare);
    for (size_t i = 0; i + 1 < count; i++)
        assert_true(fabs(x[i + 1] - x[i] - 1.0 / (double)count) < 1e-10);
    assert_true(fabs(x[0] + 1 - x[count - 1] - 1.0 / (double)count) < 1e-10);
    free(x);
}

static void halton_is_spaced(void **unused)
{
    (void)unused;
    double first[2];
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct bench bench;
        bench_open(&bench, CUBE "optimizer = { method = \"halton\"; };", seed);
        struct run run = bench_run_new(&bench, 128);
        assert_spaced(&run, 128, 0);
        assert_spaced(&run, 81, 1);
        assert_spaced(&run, 125, 3);
        first[seed] = run_point(&run, 0)[0];
        assert_true(first[seed] > 1e-6); /* not the sequence's zero */
        run_free(&run);
        bench_close(&bench);
    }
    assert_true(fabs(first[0] - first[1]) > 1e-6);
}

/* The mean squared difference between the share of points in a box at the origin and its volume,
 * over all boxes (Warnock 1972), in the dimensions that vary. */
static double discrepancy(const struct run *run)
{
    double n = (double)run->count, sum = pow(1.0 / 3, DH_COUNT_OF(dimensions)), single = 0,
           pairs = 0;
    for (size_t i = 0; i < run->count; i++) {
        double volume = 1;
        for (size_t d = 0; d < DH_COUNT_OF(dimensions); d++)
            volume *= (1 - pow(run_point(run, i)[dimensions[d]], 2)) / 2;
        single += volume;
        for (size_t j = 0; j < run->count; j++) {
            double both = 1;
            for (size_t d = 0; d < DH_COUNT_OF(dimensions); d++)
                both *=
                    1 - fmax(run_point(run, i)[dimensions[d]], run_point(run, j)[dimensions[d]]);
            pairs += both;
        }
    }
    return sum - 2 * single / n + pairs / (n * n);
}

static double discrepancy_of(const char *method, uint64_t seed)
{
    char text[600];
    snprintf(text, sizeof text, CUBE "optimizer = { method = \"%s\"; };", method);
    struct bench bench;
    bench_open(&bench, text, seed);
    struct run run = bench_run_new(&bench, 64);
    double value = discrepancy(&run);
    run_free(&run);
    bench_close(&bench);
    return value;
}

/* Whole sets: each stratum of each coordinate once, whatever the order and the shift, and no
 * shorter beginning that is all on one side. */
static void hammersley_is_complete(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct bench bench;
        bench_open(&bench, CUBE "optimizer = { method = \"hammersley\"; size = 81; };", seed);
        struct run run = bench_run_new(&bench, 162);
        assert_stratified(&run, 0, 81, 0);
        assert_stratified(&run, 81, 81, 0);
        assert_spaced(&run, 81, 0);
        assert_spaced(&run, 81, 3); /* base 3 */
        assert_true(run_point(&run, 0)[0] != run_point(&run, 81)[0]);
        int low = 0;
        for (size_t i = 0; i < 27; i++)
            low += run_point(&run, i)[0] < 0.5;
        assert_in_range(low, 5, 22);
        run_free(&run);
        bench_close(&bench);
        bench_open(&bench, CUBE "optimizer = { method = \"hammersley\"; size = 64; };", seed);
        run = bench_run_new(&bench, 64);
        assert_spaced(&run, 64, 1); /* base 2 */
        run_free(&run);
        bench_close(&bench);
    }
}

/* More even than a sequence of as many points, and much more than chance. */
static void hammersley_is_even(void **unused)
{
    (void)unused;
    double set = 0, sequence = 0, chance = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        set += discrepancy_of("hammersley", seed);
        sequence += discrepancy_of("halton", seed);
        chance += discrepancy_of("random", seed);
    }
    assert_true(set < sequence);
    assert_true(set < chance / 4);
}

static void lhs_is_latin(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench, CUBE "optimizer = { method = \"lhs\"; size = 50; };", 3);
    struct run run = bench_run_new(&bench, 150);
    for (size_t block = 0; block < 3; block++)
        for (size_t d = 0; d < DH_COUNT_OF(dimensions); d++)
            assert_stratified(&run, 50 * block, 50, dimensions[d]);
    assert_true(run_point(&run, 0)[0] != run_point(&run, 50)[0]);
    run_free(&run);
    bench_close(&bench);
}

/* Without a size, the budget is one hypercube, and without that 64 rows are. */
static void lhs_size_follows_the_budget(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               CUBE "search = { max_evaluations = 37; }; optimizer = { method = \"lhs\"; };", 3);
    struct run run = bench_run_new(&bench, 37);
    assert_stratified(&run, 0, 37, 0);
    run_free(&run);
    bench_close(&bench);
    bench_open(&bench, CUBE "search = { max_evaluations = 0; }; optimizer = { method = \"lhs\"; };",
               3);
    run = bench_run_new(&bench, 128);
    assert_stratified(&run, 0, 64, 1);
    assert_stratified(&run, 64, 64, 1);
    run_free(&run);
    bench_close(&bench);
}

static double least_distance(const struct run *run)
{
    double least = INFINITY;
    for (size_t i = 0; i < run->count; i++)
        for (size_t j = 0; j < i; j++) {
            double sum = 0;
            for (size_t d = 0; d < DH_COUNT_OF(dimensions); d++)
                sum += pow(run_point(run, i)[dimensions[d]] - run_point(run, j)[dimensions[d]], 2);
            least = fmin(least, sqrt(sum));
        }
    return least;
}

static void maximin_spreads(void **unused)
{
    (void)unused;
    double least[2];
    static const int tries[2] = {1, 100};
    for (size_t t = 0; t < 2; t++) {
        char text[600];
        snprintf(text, sizeof text,
                 CUBE "optimizer = { method = \"lhs\"; size = 30; maximin = %d; };", tries[t]);
        struct bench bench;
        bench_open(&bench, text, 8);
        struct run run = bench_run_new(&bench, 30);
        assert_stratified(&run, 0, 30, 1);
        least[t] = least_distance(&run);
        run_free(&run);
        bench_close(&bench);
    }
    assert_true(least[1] > 1.2 * least[0]);
}

/* Weights and integer lattices get their exact shares of a design. */
static void priors_are_respected(void **unused)
{
    (void)unused;
    static const char *const methods[] = {"sobol", "lhs"};
    for (size_t m = 0; m < DH_COUNT_OF(methods); m++) {
        char text[600];
        snprintf(text, sizeof text,
                 "parameters = ("
                 "{ name = \"w\"; type = \"categorical\"; values = (\"a\", \"b\");"
                 "  weights = [3.0, 1.0]; },"
                 "{ name = \"n\"; type = \"int\"; low = 1; high = 16; },"
                 "{ name = \"z\"; type = \"real\"; low = 0.0; high = 1.0; } );"
                 "search = { max_evaluations = 256; }; optimizer = { method = \"%s\"; };",
                 methods[m]);
        struct bench bench;
        bench_open(&bench, text, 11);
        struct run run = bench_run_new(&bench, 256);
        int heavy = 0, count[17] = {0};
        for (size_t i = 0; i < run.count; i++) {
            heavy += run_point(&run, i)[0] == 0;
            count[(size_t)run_point(&run, i)[1]]++;
        }
        assert_int_equal(heavy, 192);
        for (size_t n = 1; n <= 16; n++)
            assert_int_equal(count[n], 16);
        run_free(&run);
        bench_close(&bench);
    }
}

/* What "ambs" proposes before any result. */
static struct run initial(struct bench *bench, const char *space, const char *design, size_t points,
                          size_t asks)
{
    char text[1000];
    snprintf(
        text, sizeof text,
        "%s optimizer = { method = \"ambs\"; initial_design = \"%s\"; initial_points = %zu; };",
        space, design, points);
    bench_open(bench, text, 8);
    struct run run = bench_run_new(bench, asks);
    assert_int_equal(run.count, asks);
    for (size_t i = 0; i < asks; i++)
        assert_int_equal(run.proposals[i].origin, DH_ORIGIN_DESIGN);
    return run;
}

static void ambs_begins_with_sets(void **unused)
{
    (void)unused;
    static const char *const designs[] = {"lhs", "maximin", "hammersley"};
    double least[DH_COUNT_OF(designs)];
    for (size_t k = 0; k < DH_COUNT_OF(designs); k++) {
        struct bench bench;
        struct run run = initial(&bench, CUBE, designs[k], 30, 30);
        assert_stratified(&run, 0, 30, 0);
        least[k] = least_distance(&run);
        run_free(&run);
        bench_close(&bench);
    }
    assert_true(least[1] > 1.2 * least[0]);
}

#define MIXED                                                                                      \
    "parameters = ("                                                                               \
    "{ name = \"a\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"c\"; type = \"categorical\"; values = (\"p\", \"q\", \"r\"); },"                   \
    "{ name = \"b\"; type = \"real\"; low = 0.0; high = 1.0; when = \"c == 'q'\"; } );"

/* The least grid with enough points: 2 levels give 8 here, 3 levels 15. */
static void ambs_begins_with_a_grid(void **unused)
{
    (void)unused;
    struct bench bench;
    struct run run = initial(&bench, MIXED, "grid", 8, 8);
    for (size_t i = 0; i < run.count; i++) {
        const double *x = run_point(&run, i);
        assert_true(x[0] == 0 || x[0] == 1);
        assert_true(x[1] == 1 ? x[2] == 0 || x[2] == 1 : isnan(x[2]));
    }
    run_free(&run);
    bench_close(&bench);
    run = initial(&bench, MIXED, "grid", 9, 15);
    int halves = 0, sorted = 1;
    for (size_t i = 0; i < run.count; i++) {
        const double *x = run_point(&run, i);
        assert_true(2 * x[0] == floor(2 * x[0]) && (isnan(x[2]) || 2 * x[2] == floor(2 * x[2])));
        halves += x[0] == 0.5;
        sorted = sorted && (i == 0 || x[0] >= run_point(&run, i - 1)[0]);
    }
    assert_int_equal(halves, 5);
    assert_false(sorted);
    run_free(&run);
    bench_close(&bench);
}

/* A grid of which a constraint leaves too little is gone on with draws from the prior. */
static void ambs_goes_on_behind_a_grid(void **unused)
{
    (void)unused;
    struct bench bench;
    struct run run = initial(&bench, MIXED "constraints = ( \"a < 0.9\" );", "grid", 8, 8);
    int grid = 0;
    for (size_t i = 0; i < run.count; i++) {
        assert_true(run_point(&run, i)[0] < 0.9);
        grid += run_point(&run, i)[0] == 0;
    }
    assert_int_equal(grid, 4);
    run_free(&run);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sobol_is_a_net),
        cmocka_unit_test(halton_is_spaced),
        cmocka_unit_test(lhs_is_latin),
        cmocka_unit_test(lhs_size_follows_the_budget),
        cmocka_unit_test(maximin_spreads),
        cmocka_unit_test(priors_are_respected),
        cmocka_unit_test(hammersley_is_complete),
        cmocka_unit_test(hammersley_is_even),
        cmocka_unit_test(ambs_begins_with_sets),
        cmocka_unit_test(ambs_begins_with_a_grid),
        cmocka_unit_test(ambs_goes_on_behind_a_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
