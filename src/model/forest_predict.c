/* Predictions of a forest: blocks of rows, tree by tree, so that a tree's nodes stay in the cache
 * while many rows walk it. */
#include "forest.h"

#include "dh_mpi/alloc.h"
#include "team.h"

#include <stdlib.h>

#define WORTH_THREADS 131072 /* walks: a few milliseconds */

struct prediction {
    const struct dh_forest *forest;
    const double *x;
    size_t count;
    const struct dh_prediction *out;
};

/* Sums over trees; means relative to the first tree's, so that trees that agree have no variance
 * at all. */
struct sums {
    double shift, mean, square, variance;
};

static void sum_leaf(const struct dh_leaf_value *value, bool first, struct sums *sums)
{
    if (first)
        *sums = (struct sums){.shift = value->mean};
    double mean = value->mean - sums->shift;
    sums->mean += mean;
    sums->square += mean * mean;
    sums->variance += value->variance;
}

static void sum_trees(const struct dh_forest *forest, const uint32_t *keys, size_t count,
                      struct sums *sums)
{
    uint32_t leaf[DH_FOREST_BLOCK];
    for (size_t t = 0; t < forest->style.trees; t++) {
        const struct dh_tree *tree = &forest->trees[t];
        dh_tree_walk(tree, keys, forest->feature_count, count, leaf);
        for (size_t i = 0; i < count; i++)
            sum_leaf(&tree->values[leaf[i]], t == 0, &sums[i]);
    }
}

/* The same for one row: all trees side by side. */
static void sum_one(const struct dh_forest *forest, const uint32_t *keys, struct sums *sums)
{
    uint32_t leaf[DH_FOREST_FEW];
    for (size_t begin = 0; begin < forest->style.trees; begin += DH_FOREST_FEW) {
        size_t rest = forest->style.trees - begin;
        size_t count = rest < DH_FOREST_FEW ? rest : DH_FOREST_FEW;
        const struct dh_tree *trees = forest->trees + begin;
        dh_tree_walk_all(trees, count, keys, leaf);
        for (size_t t = 0; t < count; t++)
            sum_leaf(&trees[t].values[leaf[t]], begin + t == 0, sums);
    }
}

static void predict_block(void *context, size_t index)
{
    const struct prediction *task = context;
    const struct dh_forest *forest = task->forest;
    size_t begin = index * DH_FOREST_BLOCK, rest = task->count - begin;
    size_t count = rest < DH_FOREST_BLOCK ? rest : DH_FOREST_BLOCK;
    struct sums sums[DH_FOREST_BLOCK];
    uint32_t few[DH_FOREST_FEW];
    size_t words = count * forest->feature_count;
    uint32_t *keys = words <= DH_FOREST_FEW ? few : dh_alloc(words, sizeof *keys);
    dh_tree_encode(forest->features, forest->feature_count, task->x + begin * forest->feature_count,
                   count, keys);
    if (count == 1)
        sum_one(forest, keys, sums);
    else
        sum_trees(forest, keys, count, sums);
    double trees = (double)forest->style.trees;
    for (size_t i = 0; i < count; i++) {
        double mean = sums[i].mean / trees, spread = sums[i].square / trees - mean * mean;
        if (task->out->mean)
            task->out->mean[begin + i] = sums[i].shift + mean;
        if (task->out->aleatoric)
            task->out->aleatoric[begin + i] = sums[i].variance / trees;
        if (task->out->epistemic)
            task->out->epistemic[begin + i] = spread > 0 ? spread : 0;
    }
    if (keys != few)
        free(keys);
}

void dh_forest_predict(const struct dh_model *model, const double *x, size_t count,
                       const struct dh_prediction *out)
{
    const struct dh_forest *forest = (const struct dh_forest *)model;
    struct prediction task = {forest, x, count, out};
    bool large = count * forest->style.trees >= WORTH_THREADS;
    size_t blocks = (count + DH_FOREST_BLOCK - 1) / DH_FOREST_BLOCK;
    dh_team_run(large ? forest->threads : 1, blocks, predict_block, &task);
}
