/* Fitting forests and keeping them current: see forest.h. */
#include "forest.h"

#include "dh_mpi/alloc.h"
#include "team.h"

#include <math.h>
#include <stdlib.h>

#define FILL_BLOCK 1024

struct fitting {
    struct dh_forest *forest;
    struct dh_tree_data data;
    size_t count;
};

size_t dh_forest_part(double share, size_t count)
{
    double wanted = ceil(share * (double)count - 1e-9);
    if (!(wanted > 1))
        return 1;
    return wanted < (double)count ? (size_t)wanted : count;
}

size_t dh_forest_rows(size_t total)
{
    return total < DH_FOREST_ROWS ? total : DH_FOREST_ROWS;
}

void dh_forest_sample(size_t total, size_t count, struct dh_random *random, uint32_t *rows)
{
    for (size_t i = 0; i < count; i++) {
        size_t begin = i * total / count, end = (i + 1) * total / count;
        size_t span = end - begin;
        rows[i] = (uint32_t)(begin + (span > 1 ? dh_tree_below(random, (uint32_t)span) : 0));
    }
}

static uint32_t *draw_rows(const struct fitting *fitting, struct dh_random *random, size_t *count)
{
    const struct dh_forest_style *style = &fitting->forest->style;
    *count = dh_forest_rows(fitting->count);
    uint32_t *rows = dh_alloc(*count, sizeof *rows);
    if (style->bootstrap)
        for (size_t i = 0; i < *count; i++)
            rows[i] = dh_tree_below(random, (uint32_t)fitting->count);
    else
        dh_forest_sample(fitting->count, *count, random, rows);
    return rows;
}

static uint16_t *draw_pool(const struct dh_forest *forest, struct dh_random *random, size_t *count)
{
    uint16_t *pool = dh_alloc(forest->feature_count, sizeof *pool);
    for (size_t f = 0; f < forest->feature_count; f++)
        pool[f] = (uint16_t)f;
    *count = dh_forest_part(forest->style.pool_share, forest->feature_count);
    for (size_t i = 0; i < *count && *count < forest->feature_count; i++) {
        size_t pick = i + dh_tree_below(random, (uint32_t)(forest->feature_count - i));
        uint16_t feature = pool[pick];
        pool[pick] = pool[i];
        pool[i] = feature;
    }
    return pool;
}

static void fill_listed(const struct fitting *fitting, struct dh_tree *tree, const uint32_t *rows,
                        size_t count)
{
    size_t at = 0; /* growing has left the rows in the order of their leaves */
    for (size_t leaf = 0; leaf < tree->leaf_count; leaf++) {
        size_t end = at + tree->sums[leaf].count;
        tree->sums[leaf].count = 0;
        for (; at < end && at < count; at++)
            dh_leaf_add(&tree->sums[leaf], fitting->data.y[rows[at]], 1);
    }
}

static void fill_all(const struct fitting *fitting, struct dh_tree *tree)
{
    size_t width = fitting->forest->feature_count;
    uint32_t leaf[FILL_BLOCK];
    for (size_t i = 0; i < tree->leaf_count; i++)
        tree->sums[i].count = 0;
    for (size_t begin = 0; begin < fitting->count; begin += FILL_BLOCK) {
        size_t rest = fitting->count - begin, count = rest < FILL_BLOCK ? rest : FILL_BLOCK;
        dh_tree_walk(tree, fitting->data.keys + begin * width, width, count, leaf);
        for (size_t i = 0; i < count; i++)
            dh_leaf_add(&tree->sums[leaf[i]], fitting->data.y[begin + i], 1);
    }
}

static void fit_tree(void *context, size_t index)
{
    const struct fitting *fitting = context;
    struct dh_forest *forest = fitting->forest;
    struct dh_random random = dh_random_at(forest->seed, DH_STREAM_MODEL, index);
    struct dh_tree *tree = &forest->trees[index];
    size_t pool_count, row_count;
    uint16_t *pool = draw_pool(forest, &random, &pool_count);
    uint32_t *rows = draw_rows(fitting, &random, &row_count);
    struct dh_tree_growth growth = {
        .features = forest->features,
        .feature_count = forest->feature_count,
        .pool = pool,
        .pool_count = pool_count,
        .tries = dh_forest_part(forest->style.feature_share, pool_count),
        .min_leaf =
            forest->style.min_leaf ? forest->style.min_leaf : 1 + row_count / DH_FOREST_LEAF,
        .max_depth = SIZE_MAX,
        .random = forest->style.random_splits,
    };
    dh_tree_grow(&growth, &fitting->data, rows, row_count, &random, tree);
    if (forest->style.bootstrap || row_count == fitting->count)
        fill_listed(fitting, tree, rows, row_count);
    else
        fill_all(fitting, tree);
    for (size_t leaf = 0; leaf < tree->leaf_count; leaf++)
        tree->values[leaf] = dh_leaf_summary(&tree->sums[leaf], DH_FOREST_FLOOR);
    free(rows);
    free(pool);
}

static struct dh_forest *create(const struct dh_model_kind *kind,
                                const struct dh_forest_style *style,
                                const struct dh_model_setup *setup)
{
    struct dh_forest *forest = dh_alloc(1, sizeof *forest);
    forest->model.kind = kind;
    forest->style = *style;
    if (setup->tune.trees)
        forest->style.trees = setup->tune.trees;
    if (setup->tune.min_leaf)
        forest->style.min_leaf = setup->tune.min_leaf;
    if (setup->tune.feature_share > 0)
        forest->style.feature_share = setup->tune.feature_share;
    forest->features = setup->features;
    forest->feature_count = setup->feature_count;
    forest->seed = setup->seed;
    forest->threads = setup->threads;
    forest->trees = dh_alloc(forest->style.trees, sizeof *forest->trees);
    forest->leaf = dh_alloc(forest->style.trees, sizeof *forest->leaf);
    return forest;
}

dh_status dh_forest_fit(const struct dh_model_kind *kind, const struct dh_forest_style *style,
                        const struct dh_model_setup *setup, const struct dh_rows *rows,
                        struct dh_model **out, struct dh_error *err)
{
    if (setup->feature_count == 0 || setup->feature_count > DH_TREE_FEATURES)
        return dh_fail(err, DH_INTERNAL, "model %s: %zu features, expected 1 to %d", kind->name,
                       setup->feature_count, DH_TREE_FEATURES);
    if (rows->count == 0 || rows->count > INT32_MAX)
        return dh_fail(err, DH_INTERNAL, "model %s: %zu rows, expected 1 to %d", kind->name,
                       rows->count, INT32_MAX);
    struct dh_forest *forest = create(kind, style, setup);
    uint32_t *keys = dh_alloc(rows->count * forest->feature_count, sizeof *keys);
    double *y = dh_alloc(rows->count, sizeof *y);
    dh_tree_encode(forest->features, forest->feature_count, rows->x, rows->count, keys);
    for (size_t i = 0; i < rows->count; i++)
        y[i] = dh_tree_clip(rows->y[i]);
    struct fitting fitting = {.forest = forest, .data = {keys, y}, .count = rows->count};
    dh_team_run(setup->threads, forest->style.trees, fit_tree, &fitting);
    free(keys);
    free(y);
    *out = &forest->model;
    return DH_OK;
}

void dh_forest_destroy(struct dh_model *model)
{
    struct dh_forest *forest = (struct dh_forest *)model;
    for (size_t t = 0; t < forest->style.trees; t++)
        dh_tree_free(&forest->trees[t]);
    free(forest->trees);
    free(forest->leaf);
    free(forest->added_y);
    free(forest->added_leaf);
    free(forest->unused);
    free(forest);
}

static int64_t new_handle(struct dh_forest *forest)
{
    if (forest->unused_count > 0)
        return forest->unused[--forest->unused_count];
    size_t old = forest->added_capacity;
    (void)DH_PUSH(forest->added_y, forest->added_count, forest->added_capacity);
    if (forest->added_capacity > old)
        forest->added_leaf =
            dh_realloc(forest->added_leaf,
                       forest->added_capacity * forest->style.trees * sizeof *forest->added_leaf);
    return (int64_t)forest->added_count - 1;
}

/* The leaf of a point in each tree. */
static void find_leaves(const struct dh_forest *forest, const double *x, uint32_t *leaf)
{
    uint32_t few[DH_FOREST_FEW];
    size_t width = forest->feature_count;
    uint32_t *keys = width <= DH_FOREST_FEW ? few : dh_alloc(width, sizeof *keys);
    dh_tree_encode(forest->features, width, x, 1, keys);
    dh_tree_walk_all(forest->trees, forest->style.trees, keys, leaf);
    if (keys != few)
        free(keys);
}

/* Values in and out of a leaf of each tree. */
static void change_leaves(struct dh_forest *forest, const uint32_t *leaf, double out, double in)
{
    for (size_t t = 0; t < forest->style.trees; t++) {
        struct dh_tree *tree = &forest->trees[t];
        struct dh_leaf_sums *sums = &tree->sums[leaf[t]];
        if (!isnan(out))
            dh_leaf_add(sums, out, -1);
        if (!isnan(in))
            dh_leaf_add(sums, in, 1);
        tree->values[leaf[t]] = dh_leaf_summary(sums, DH_FOREST_FLOOR);
    }
}

/* Into every tree once, also into one whose bootstrap might have left it out: a lie has to be
 * seen by all of them. */
int64_t dh_forest_add(struct dh_model *model, const double *x, double y)
{
    struct dh_forest *forest = (struct dh_forest *)model;
    int64_t handle = new_handle(forest);
    uint32_t *leaf = forest->added_leaf + (size_t)handle * forest->style.trees;
    find_leaves(forest, x, leaf);
    forest->added_y[handle] = dh_tree_clip(y);
    change_leaves(forest, leaf, NAN, forest->added_y[handle]);
    return handle;
}

void dh_forest_learn(struct dh_model *model, const double *x, double y)
{
    struct dh_forest *forest = (struct dh_forest *)model;
    find_leaves(forest, x, forest->leaf);
    change_leaves(forest, forest->leaf, NAN, dh_tree_clip(y));
}

bool dh_forest_holds(const struct dh_forest *forest, int64_t handle)
{
    return handle >= 0 && (size_t)handle < forest->added_count && !isnan(forest->added_y[handle]);
}

/* Take what was added under a handle out, and put `y` in its place; the handle is free again. One
 * that is not in use is left alone. */
static void replace_added(struct dh_forest *forest, int64_t handle, double y)
{
    if (!dh_forest_holds(forest, handle))
        return;
    change_leaves(forest, forest->added_leaf + (size_t)handle * forest->style.trees,
                  forest->added_y[handle], y);
    forest->added_y[handle] = NAN;
    *DH_PUSH(forest->unused, forest->unused_count, forest->unused_capacity) = handle;
}

void dh_forest_remove(struct dh_model *model, int64_t handle)
{
    replace_added((struct dh_forest *)model, handle, NAN);
}

void dh_forest_settle(struct dh_model *model, int64_t handle, double y)
{
    replace_added((struct dh_forest *)model, handle, dh_tree_clip(y));
}
