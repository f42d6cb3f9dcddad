/* Forests: uncertainty by its definition from the rows in the leaves, before and after changes;
 * what their splits can see; degenerate data. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "forest.h"

#define FEATURES 5
#define ROWS 400
#define POINTS 77 /* no multiple of the lanes that walk together */

static const struct dh_feature mixed[FEATURES] = {
    {0, false}, {0, true}, {5, false}, {3, true}, {200, true}};
static const char *const names[] = {"et", "rf", "bagging", "subspace"};

static void draw(const struct dh_feature *features, size_t width, size_t count, uint64_t index,
                 double *x)
{
    struct dh_random random = dh_random_at(3, DH_STREAM_TEST, index);
    for (size_t i = 0; i < count * width; i++) {
        const struct dh_feature *feature = &features[i % width];
        double u = dh_random_uniform(&random);
        x[i] = feature->levels ? floor(u * feature->levels) : u;
        if (feature->optional && dh_random_below(&random, 4) == 0)
            x[i] = NAN;
    }
}

static void respond(const double *x, size_t count, double *y)
{
    for (size_t i = 0; i < count; i++, x += FEATURES)
        y[i] = sin(5 * x[0]) + (isnan(x[1]) ? -.5 : x[1]) + (x[2] == 1 || x[2] == 3) +
               (isnan(x[4]) ? 0 : fmod(x[4], 3));
}

static struct dh_model *fit_tuned(const char *name, const struct dh_feature *features, size_t width,
                                  struct dh_rows rows, int threads, size_t min_leaf)
{
    struct dh_model_setup setup = {
        .features = features, .feature_count = width, .seed = 11, .threads = threads};
    setup.tune.min_leaf = min_leaf;
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    if (dh_model_find(name)->fit(&setup, &rows, &model, &err))
        fail_msg("%s: %s", name, err.text);
    return model;
}

static struct dh_model *fit(const char *name, const struct dh_feature *features, size_t width,
                            struct dh_rows rows)
{
    return fit_tuned(name, features, width, rows, 1, 0);
}

static void predict(const struct dh_model *model, const double *x, size_t count, double *mean,
                    double *aleatoric, double *epistemic)
{
    struct dh_prediction out = {mean, aleatoric, epistemic};
    model->kind->predict(model, x, count, &out);
}

/* The leaf of one point by the rule of the header, without keys' arithmetic tricks. */
static uint32_t leaf_of(const struct dh_forest *forest, const struct dh_tree *tree, const double *x)
{
    uint32_t keys[FEATURES];
    dh_tree_encode(forest->features, FEATURES, x, 1, keys);
    uint32_t at = 0;
    while (tree->nodes[at].mask != 0) {
        const struct dh_tree_node *node = &tree->nodes[at];
        uint64_t key = keys[node->feature];
        bool right = node->mask == UINT32_MAX
                         ? (key + node->offset) % (1ull << 32) >= node->threshold
                         : (node->mask & key) != 0;
        at = node->child + right;
    }
    return tree->nodes[at].offset;
}

/* Mean and variances at x from the rows themselves: tree by tree those that share x's leaf. */
static void define(const struct dh_forest *forest, const double *x, const struct dh_rows *rows,
                   const bool *in, long double out[3])
{
    size_t trees = forest->style.trees;
    long double means = 0, squares = 0, noise = 0;
    for (size_t t = 0; t < trees; t++) {
        const struct dh_tree *tree = &forest->trees[t];
        uint32_t leaf = leaf_of(forest, tree, x);
        long double count = 0, sum = 0, deviation = 0;
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < rows->count; i++)
                if (in[i] && leaf_of(forest, tree, rows->x + i * FEATURES) == leaf) {
                    long double y = rows->y[i];
                    if (pass == 0) {
                        count++;
                        sum += y;
                    } else {
                        deviation += (y - sum / count) * (y - sum / count);
                    }
                }
        means += sum / count;
        squares += sum / count * (sum / count);
        noise += fmaxl(deviation / count, DH_FOREST_FLOOR);
    }
    out[0] = means / trees;
    out[1] = noise / trees;
    out[2] = squares / trees - out[0] * out[0];
}

static void check_definition(const struct dh_model *model, const struct dh_rows *rows,
                             const bool *in, const double *points)
{
    double mean[POINTS], aleatoric[POINTS], epistemic[POINTS];
    predict(model, points, POINTS, mean, aleatoric, epistemic);
    for (size_t i = 0; i < POINTS; i += 4) {
        long double expected[3];
        define((const struct dh_forest *)model, points + i * FEATURES, rows, in, expected);
        assert_true(fabsl(mean[i] - expected[0]) < 1e-12);
        assert_true(fabsl(aleatoric[i] - expected[1]) < 1e-12);
        assert_true(fabsl(epistemic[i] - expected[2]) < 1e-12);
    }
}

/* Law of total variance; then with rows added and some removed, which has to equal the same
 * structure filled anew. Leaves of one row (floored variance) and of several. */
static void test_variance(void **state)
{
    (void)state;
    static double x[ROWS * FEATURES], y[ROWS], points[POINTS * FEATURES];
    draw(mixed, FEATURES, ROWS, 1, x);
    respond(x, ROWS, y);
    draw(mixed, FEATURES, POINTS, 2, points);
    for (size_t min_leaf = 1; min_leaf <= 6; min_leaf += 5) {
        size_t first = ROWS / 2;
        struct dh_model *model =
            fit_tuned("et", mixed, FEATURES, (struct dh_rows){x, y, first}, 1, min_leaf);
        struct dh_rows all = {x, y, ROWS};
        bool in[ROWS] = {false};
        memset(in, true, first);
        check_definition(model, &all, in, points);
        int64_t handles[ROWS];
        for (size_t i = first; i < ROWS; i++) {
            handles[i] = model->kind->add(model, x + i * FEATURES, y[i]);
            in[i] = true;
        }
        check_definition(model, &all, in, points);
        for (size_t i = first; i < ROWS; i += 3) {
            model->kind->remove(model, handles[i]);
            model->kind->remove(model, handles[i]); /* a second time does nothing */
            in[i] = false;
        }
        check_definition(model, &all, in, points);
        dh_model_destroy(&model);
    }
}

/* Settling a lie is removing it and learning the value, to the last bit; and all of it equals the
 * same structure filled anew. */
static void test_settle(void **state)
{
    (void)state;
    static double x[ROWS * FEATURES], y[ROWS], points[POINTS * FEATURES];
    static double out[2][3][POINTS];
    draw(mixed, FEATURES, ROWS, 1, x);
    respond(x, ROWS, y);
    draw(mixed, FEATURES, POINTS, 2, points);
    size_t first = ROWS / 2;
    bool in[ROWS];
    memset(in, true, sizeof in);
    for (int run = 0; run < 2; run++) {
        struct dh_model *model =
            fit_tuned("rf", mixed, FEATURES, (struct dh_rows){x, y, first}, 1, 2);
        const struct dh_model_kind *kind = model->kind;
        for (size_t i = first; i < ROWS; i++) {
            int64_t handle = kind->add(model, x + i * FEATURES, 17.25 * (double)i);
            if (run == 0) {
                kind->settle(model, handle, y[i]);
            } else {
                kind->remove(model, handle);
                kind->learn(model, x + i * FEATURES, y[i]);
            }
            kind->settle(model, handle, 1e6); /* not in use any more */
            assert_int_equal(handle, 0);
        }
        predict(model, points, POINTS, out[run][0], out[run][1], out[run][2]);
        dh_model_destroy(&model);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    struct dh_model *model = fit_tuned("et", mixed, FEATURES, (struct dh_rows){x, y, first}, 1, 2);
    for (size_t i = first; i < ROWS; i++)
        model->kind->settle(model, model->kind->add(model, x + i * FEATURES, 3), y[i]);
    check_definition(model, &(struct dh_rows){x, y, ROWS}, in, points);
    dh_model_destroy(&model);
}

/* One row alone and among others: the same prediction, whichever way the trees are walked. */
static void test_one_row(void **state)
{
    (void)state;
    static double x[ROWS * FEATURES], y[ROWS], all[3][ROWS];
    draw(mixed, FEATURES, ROWS, 1, x);
    respond(x, ROWS, y);
    struct dh_model_setup setup = {
        .features = mixed, .feature_count = FEATURES, .seed = 1, .threads = 1};
    static const size_t trees[] = {1, 7, 32, 300};
    for (size_t t = 0; t < DH_COUNT_OF(trees); t++) {
        setup.tune.trees = trees[t];
        struct dh_rows rows = {x, y, ROWS};
        struct dh_model *model;
        assert_int_equal(dh_model_find("et")->fit(&setup, &rows, &model, NULL), DH_OK);
        predict(model, x, ROWS, all[0], all[1], all[2]);
        for (size_t i = 0; i < ROWS; i++) {
            double one[3];
            predict(model, x + i * FEATURES, 1, &one[0], &one[1], &one[2]);
            for (size_t k = 0; k < 3; k++)
                assert_true(one[k] == all[k][i]);
        }
        dh_model_destroy(&model);
    }
}

/* A bootstrap's leaves hold the drawn rows: as many as there are, whole trees vary. */
static void test_bootstrap(void **state)
{
    (void)state;
    static double x[ROWS * FEATURES], y[ROWS];
    draw(mixed, FEATURES, ROWS, 1, x);
    respond(x, ROWS, y);
    struct dh_model *model = fit("rf", mixed, FEATURES, (struct dh_rows){x, y, ROWS});
    const struct dh_forest *forest = (const struct dh_forest *)model;
    double sums[2];
    for (size_t t = 0; t < 2; t++) {
        const struct dh_tree *tree = &forest->trees[t];
        size_t count = 0;
        sums[t] = 0;
        for (size_t leaf = 0; leaf < tree->leaf_count; leaf++) {
            assert_true(tree->sums[leaf].count > 0);
            count += tree->sums[leaf].count;
            sums[t] += tree->sums[leaf].sum;
        }
        assert_int_equal(count, ROWS);
    }
    assert_true(sums[0] != sums[1]);
    dh_model_destroy(&model);
}

/* How many features a tree splits by. */
static size_t features_of(const struct dh_tree *tree, size_t width)
{
    bool used[DH_FOREST_FEW] = {false};
    size_t count = 0;
    for (size_t i = 0; i < tree->node_count; i++)
        if (tree->nodes[i].mask != 0)
            used[tree->nodes[i].feature] = true;
    for (size_t f = 0; f < width; f++)
        count += used[f];
    return count;
}

/* A tree sees as many features as its kind says, and a split tries as many of these as it says.
 * y is the first of eight and some noise: the root splits by that whenever it may, which is
 * binomial with a deviation of 0.011 (of random splits: unless its threshold is at the very end,
 * once in 50 trees), and 0.06 is five of these. Near the leaves noise decides, so that a tree
 * splits by everything that it sees, or one in a thousand by all but one. */
static void test_shares(void **state)
{
    (void)state;
    enum { WIDTH = 8, COUNT = 200, TREES = 2000 };
    static const struct {
        const char *name;
        size_t seen;
        double root;
    } cases[] = {
        {"et", 8, 1},
        {"rf", 8, 6. / 8},
        {"bagging", 8, 1},
        {"subspace", 6, 6. / 8 * 3 / 6}, /* three quarters; of these, half */
    };
    static const struct dh_feature features[WIDTH];
    static double x[COUNT * WIDTH], y[COUNT];
    draw(features, WIDTH, COUNT, 12, x);
    for (size_t i = 0; i < COUNT; i++)
        y[i] = x[i * WIDTH] + 0.2 * sin(1e4 * (double)i);
    struct dh_model_setup setup = {
        .features = features, .feature_count = WIDTH, .seed = 1, .threads = 1};
    setup.tune.trees = TREES;
    for (size_t k = 0; k < DH_COUNT_OF(cases); k++) {
        struct dh_rows rows = {x, y, COUNT};
        struct dh_model *model;
        assert_int_equal(dh_model_find(cases[k].name)->fit(&setup, &rows, &model, NULL), DH_OK);
        const struct dh_forest *forest = (const struct dh_forest *)model;
        double root = 0, seen = 0;
        for (size_t t = 0; t < TREES; t++) {
            root += forest->trees[t].nodes[0].feature == 0;
            size_t used = features_of(&forest->trees[t], WIDTH);
            assert_true(used <= cases[k].seen);
            seen += (double)used;
        }
        assert_true(seen / TREES > (double)cases[k].seen - 0.1);
        if (fabs(root / TREES - cases[k].root) > 0.06)
            fail_msg("%s: %g of the roots split by what decides", cases[k].name, root / TREES);
        dh_model_destroy(&model);
    }
}

/* 100,000 lies of all sizes in and out again, many at once, leave nothing behind. */
static void test_drift(void **state)
{
    (void)state;
    enum { PENDING = 64, PAIRS = 100000 };
    static double x[ROWS * FEATURES], y[ROWS];
    static double before[3][ROWS], after[3][ROWS];
    draw(mixed, FEATURES, ROWS, 4, x);
    respond(x, ROWS, y);
    struct dh_model_setup setup = {
        .features = mixed, .feature_count = FEATURES, .seed = 1, .threads = 1};
    setup.tune.trees = 4;
    struct dh_rows rows = {x, y, ROWS};
    struct dh_model *model;
    assert_int_equal(dh_model_find("et")->fit(&setup, &rows, &model, NULL), DH_OK);
    predict(model, x, ROWS, before[0], before[1], before[2]);
    struct dh_random random = dh_random_at(9, DH_STREAM_TEST, 0);
    int64_t pending[PENDING];
    for (size_t i = 0; i < PAIRS + PENDING; i++) {
        if (i >= PENDING)
            model->kind->remove(model, pending[i % PENDING]);
        if (i >= PAIRS)
            continue;
        double lie = dh_random_normal(&random) * pow(10, (double)dh_random_below(&random, 8) - 4);
        pending[i % PENDING] =
            model->kind->add(model, x + dh_random_below(&random, ROWS) * FEATURES, lie);
        assert_true(pending[i % PENDING] < PENDING); /* handles are used again */
    }
    predict(model, x, ROWS, after[0], after[1], after[2]);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < ROWS; i++)
            assert_true(fabs(after[k][i] - before[k][i]) <= 1e-12);
    dh_model_destroy(&model);
}

/* y depends on one thing alone; every kind that tries all features has to find it exactly. */
static void check_learns(const char *what, const struct dh_feature *features, size_t width,
                         bool (*truth)(const double *x))
{
    double *x = dh_alloc(ROWS * width, sizeof *x), y[ROWS];
    double *points = dh_alloc(POINTS * width, sizeof *points), mean[POINTS];
    draw(features, width, ROWS, 5, x);
    draw(features, width, POINTS, 6, points);
    for (size_t i = 0; i < ROWS; i++)
        y[i] = truth(x + i * width);
    for (size_t k = 0; k < DH_COUNT_OF(names); k++) {
        struct dh_model *model = fit(names[k], features, width, (struct dh_rows){x, y, ROWS});
        predict(model, points, POINTS, mean, NULL, NULL);
        size_t wrong = 0;
        for (size_t i = 0; i < POINTS; i++)
            wrong += (mean[i] > .5) != truth(points + i * width);
        if (wrong > POINTS / 20)
            fail_msg("%s: %s is wrong about %zu of %d points", what, names[k], wrong, POINTS);
        dh_model_destroy(&model);
    }
    free(x);
    free(points);
}

static bool is_inactive(const double *x)
{
    return isnan(x[0]);
}

static bool in_subset(const double *x)
{
    return fmod(x[0], 3) == 1 || x[0] == 6;
}

static bool inactive_or_large(const double *x)
{
    return isnan(x[0]) || x[0] > .7;
}

static bool in_blocks(const double *x)
{
    return fmod(x[0], 60) < 20;
}

static bool inactive_level(const double *x)
{
    return isnan(x[0]) || x[0] == 2;
}

static void test_splits(void **state)
{
    (void)state;
    const struct dh_feature number[] = {{0, true}}, levels[] = {{12, false}},
                            wide[] = {{180, true}}, few[] = {{4, true}}, most[] = {{31, true}};
    check_learns("inactive number", number, 1, is_inactive);
    check_learns("inactive goes with large", number, 1, inactive_or_large);
    check_learns("subset of levels", levels, 1, in_subset);
    check_learns("inactive level", few, 1, inactive_level);
    check_learns("inactive among 31 levels", most, 1, is_inactive);
    check_learns("blocks of many levels", wide, 1, in_blocks);
}

static void check_sane(const char *what, const struct dh_feature *features, size_t width,
                       const struct dh_rows *rows, double lowest, double highest)
{
    double mean[POINTS], aleatoric[POINTS], epistemic[POINTS];
    double *points = dh_alloc(POINTS * width, sizeof *points);
    draw(features, width, POINTS, 8, points);
    for (size_t k = 0; k < DH_COUNT_OF(names); k++) {
        struct dh_model *model = fit(names[k], features, width, *rows);
        int64_t handle = model->kind->add(model, points, rows->y[0]);
        predict(model, points, POINTS, mean, aleatoric, epistemic);
        for (size_t i = 0; i < POINTS; i++)
            if (!(mean[i] >= lowest && mean[i] <= highest && aleatoric[i] > .99 * DH_FOREST_FLOOR &&
                  isfinite(aleatoric[i]) && epistemic[i] >= 0 && isfinite(epistemic[i])))
                fail_msg("%s: %s says %g, %g, %g", what, names[k], mean[i], aleatoric[i],
                         epistemic[i]);
        model->kind->remove(model, handle);
        dh_model_destroy(&model);
    }
    free(points);
}

static void test_degenerate(void **state)
{
    (void)state;
    static const struct dh_feature odd[] = {{0, true}, {1, false}, {64, false}, {1, true}};
    static double x[ROWS * 4], y[ROWS];
    draw(odd, 4, ROWS, 7, x);
    for (size_t i = 0; i < ROWS; i++) {
        x[4 * i] = NAN; /* never active */
        y[i] = i % 2 ? 1 : -1;
    }
    for (size_t count = 1; count <= 4; count++)
        check_sane("few rows", odd, 4, &(struct dh_rows){x, y, count}, -1, 1);
    check_sane("a column without values", odd, 4, &(struct dh_rows){x, y, ROWS}, -1, 1);
    for (size_t i = 4; i < 4 * ROWS; i++)
        x[i] = x[i % 4];
    check_sane("equal rows", odd, 4, &(struct dh_rows){x, y, ROWS}, -1, 1);
    y[17] = 1e300;
    check_sane("huge", odd, 4, &(struct dh_rows){x, y, ROWS}, -1, 1e300);
    for (size_t i = 0; i < ROWS; i++)
        y[i] = 4;
    draw(odd, 4, ROWS, 7, x);
    check_sane("constant", odd, 4, &(struct dh_rows){x, y, ROWS}, 4, 4);
    for (size_t i = 0; i < ROWS; i++) { /* outside of what was promised */
        x[4 * i] = (double)i - 200;
        x[4 * i + 2] = (double)i * 1e9 - 1e10;
        y[i] = (double)i;
    }
    check_sane("out of range", odd, 4, &(struct dh_rows){x, y, ROWS}, 0, ROWS);
}

static void test_many_features(void **state)
{
    (void)state;
    enum { WIDTH = 500, COUNT = 60 };
    struct dh_feature *features = dh_alloc(WIDTH, sizeof *features);
    for (size_t f = 0; f < WIDTH; f++)
        features[f] = (struct dh_feature){f % 3 ? 0 : (uint32_t)f, f % 2};
    double *x = dh_alloc(COUNT * WIDTH, sizeof *x), y[COUNT];
    draw(features, WIDTH, COUNT, 9, x);
    for (size_t i = 0; i < COUNT; i++)
        y[i] = x[i * WIDTH + 4];
    check_sane("500 features", features, WIDTH, &(struct dh_rows){x, y, COUNT}, 0, 1);
    struct dh_model_setup setup = {.features = features, .feature_count = 70000, .threads = 1};
    struct dh_rows rows = {x, y, COUNT};
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    assert_int_equal(dh_model_find("et")->fit(&setup, &rows, &model, &err), DH_INTERNAL);
    assert_non_null(strstr(err.text, "70000"));
    free(features);
    free(x);
}

/* One row is split off at each level: deep, but no overflow of anything. */
static void test_deep(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static const struct dh_feature one[] = {{0, false}};
    static double x[COUNT], y[COUNT], mean[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (double)i / COUNT;
        y[i] = pow(2, (double)i / 2 - 250);
    }
    struct dh_model *model = fit("subspace", one, 1, (struct dh_rows){x, y, COUNT});
    predict(model, x, COUNT, mean, NULL, NULL);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabs(mean[i] - y[i]) <= 1e-9 * y[i]);
    dh_model_destroy(&model);
}

/* More rows than shape a tree, and enough points for threads: the same numbers for any number of
 * threads, and all rows in the leaves. */
static void test_large(void **state)
{
    (void)state;
    enum { COUNT = DH_FOREST_ROWS + 3000 };
    double *x = dh_alloc((size_t)COUNT * FEATURES, sizeof *x), *y = dh_alloc(COUNT, sizeof *y);
    double *out[2] = {dh_alloc((size_t)3 * COUNT, sizeof *y),
                      dh_alloc((size_t)3 * COUNT, sizeof *y)};
    draw(mixed, FEATURES, COUNT, 10, x);
    respond(x, COUNT, y);
    for (size_t k = 0; k < DH_COUNT_OF(names); k += 3) {
        for (int run = 0; run < 2; run++) {
            struct dh_model *model =
                fit_tuned(names[k], mixed, FEATURES, (struct dh_rows){x, y, COUNT}, 1 + 3 * run, 4);
            const struct dh_forest *forest = (const struct dh_forest *)model;
            size_t total = 0;
            for (size_t leaf = 0; leaf < forest->trees[0].leaf_count; leaf++)
                total += forest->trees[0].sums[leaf].count;
            assert_int_equal(total, COUNT);
            predict(model, x, COUNT, out[run], out[run] + COUNT, out[run] + 2 * COUNT);
            dh_model_destroy(&model);
        }
        assert_memory_equal(out[0], out[1], (size_t)3 * COUNT * sizeof **out);
    }
    free(out[0]);
    free(out[1]);
    free(x);
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variance),   cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_drift),      cmocka_unit_test(test_splits),
        cmocka_unit_test(test_degenerate), cmocka_unit_test(test_many_features),
        cmocka_unit_test(test_deep),       cmocka_unit_test(test_large),
        cmocka_unit_test(test_settle),     cmocka_unit_test(test_one_row),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
