/* Gradient boosted quantiles: three additive models of shallow trees for the .16, .5 and .84
 * quantiles of y (Friedman 2001, with the pinball loss as in scikit-learn: a tree is grown on the
 * signs of the residuals, its leaves are their quantiles, shrunk). The mean is the median model,
 * the standard deviation half the distance of the outer ones, as in scikit-optimize.
 *
 * Quantiles are no sums, so what is added between fits acts through a small forest of extra trees
 * on the same rows: an observation adds its residual to the leaves where it lies, and the median
 * at a point moves by the mean over trees of (residuals added to the leaf) / (rows in it, with
 * those added). The forest also says how much of the variance more data would take away: the part
 * that is epistemic there. */
#include "forest.h"

#include "dh_mpi/alloc.h"
#include "kinds.h"
#include "team.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUANTILES 3
#define ROUNDS 80
#define RATE 0.1
#define DEPTH 4
#define MIN_LEAF 3
/* Draws, by their indices: those below are of the forest's trees. */
#define BOOST_DRAWS (1u << 20) /* + quantile */
#define SAMPLE_DRAWS (1u << 21)

static const double levels[QUANTILES] = {.16, .5, .84};
static const struct dh_forest_style nearby = {
    .trees = 8, .min_leaf = 2, .feature_share = 1, .pool_share = 1, .random_splits = true};

struct boost {
    double start;
    struct dh_tree *trees; /* rounds; values[].mean is the shrunk step */
};

struct gbrt {
    struct dh_model model;
    const struct dh_feature *features; /* borrowed */
    size_t feature_count;
    size_t rounds;
    struct boost boosts[QUANTILES];
    struct dh_forest *forest;
    struct dh_leaf_sums **moves; /* a tree of the forest: residuals added to each leaf */
    double *residuals;           /* by the forest's handle */
    size_t residual_capacity;
};

struct fitting {
    struct gbrt *gbrt;
    const struct dh_model_setup *setup;
    struct dh_tree_data data; /* of the sampled rows only */
    size_t count;
};

/* Between the two nearest order statistics; reorders `values`. */
static double quantile(double *values, size_t count, double level)
{
    double place = level * (double)(count - 1);
    size_t below = (size_t)place;
    double low = gsl_stats_select(values, 1, count, below);
    if (below + 1 >= count)
        return low;
    return low + (place - (double)below) * (gsl_stats_select(values, 1, count, below + 1) - low);
}

/* Leaves of `tree` become shrunk quantiles of the residuals of their rows, and these move on. */
static void step_leaves(struct dh_tree *tree, const uint32_t *rows, double level, double *residuals,
                        double *scratch)
{
    size_t at = 0;
    for (size_t leaf = 0; leaf < tree->leaf_count; leaf++) {
        size_t count = tree->sums[leaf].count;
        for (size_t i = 0; i < count; i++)
            scratch[i] = residuals[rows[at + i]];
        double step = RATE * quantile(scratch, count, level);
        tree->values[leaf].mean = step;
        for (size_t i = 0; i < count; i++)
            residuals[rows[at + i]] -= step;
        at += count;
    }
    free(tree->sums); /* quantiles do not need them */
    tree->sums = NULL;
}

static struct dh_tree_growth growth_of(const struct fitting *fitting, uint16_t *pool)
{
    const struct dh_model_setup *setup = fitting->setup;
    size_t width = setup->feature_count;
    for (size_t f = 0; f < width; f++)
        pool[f] = (uint16_t)f;
    double share = setup->tune.feature_share > 0 ? setup->tune.feature_share : 1;
    return (struct dh_tree_growth){
        .features = setup->features,
        .feature_count = width,
        .pool = pool,
        .pool_count = width,
        .tries = dh_forest_part(share, width),
        .min_leaf = setup->tune.min_leaf ? setup->tune.min_leaf : MIN_LEAF,
        .max_depth = DEPTH,
    };
}

static void fit_quantile(void *context, size_t index)
{
    const struct fitting *fitting = context;
    struct boost *boost = &fitting->gbrt->boosts[index];
    size_t count = fitting->count;
    struct dh_random random =
        dh_random_at(fitting->setup->seed, DH_STREAM_MODEL, BOOST_DRAWS | index);
    uint16_t *pool = dh_alloc(fitting->setup->feature_count, sizeof *pool);
    uint32_t *rows = dh_alloc(count, sizeof *rows);
    double *residuals = dh_memdup(fitting->data.y, count * sizeof *residuals);
    double *signs = dh_memdup(fitting->data.y, count * sizeof *signs);
    double *scratch = dh_alloc(count, sizeof *scratch);
    struct dh_tree_growth growth = growth_of(fitting, pool);
    struct dh_tree_data data = {fitting->data.keys, signs};
    boost->start = quantile(signs, count, levels[index]);
    for (size_t i = 0; i < count; i++)
        residuals[i] -= boost->start;
    for (size_t round = 0; round < fitting->gbrt->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            rows[i] = (uint32_t)i;
            signs[i] = residuals[i] > 0 ? levels[index] : levels[index] - 1;
        }
        dh_tree_grow(&growth, &data, rows, count, &random, &boost->trees[round]);
        step_leaves(&boost->trees[round], rows, levels[index], residuals, scratch);
    }
    free(pool);
    free(rows);
    free(residuals);
    free(signs);
    free(scratch);
}

/* The rows that the boosts see, as keys and clipped values. */
static void sample(struct fitting *fitting, const struct dh_rows *all, uint32_t *keys, double *y)
{
    size_t width = fitting->setup->feature_count;
    struct dh_random random = dh_random_at(fitting->setup->seed, DH_STREAM_MODEL, SAMPLE_DRAWS);
    uint32_t *rows = dh_alloc(fitting->count, sizeof *rows);
    dh_forest_sample(all->count, fitting->count, &random, rows);
    for (size_t i = 0; i < fitting->count; i++) {
        dh_tree_encode(fitting->setup->features, width, all->x + rows[i] * width, 1,
                       keys + i * width);
        y[i] = dh_tree_clip(all->y[rows[i]]);
    }
    free(rows);
}

static dh_status fit_nearby(struct gbrt *gbrt, const struct dh_model_setup *setup,
                            const struct dh_rows *rows, struct dh_error *err)
{
    struct dh_model_setup plain = *setup; /* tune is about the boosts */
    memset(&plain.tune, 0, sizeof plain.tune);
    struct dh_model *model;
    dh_status status = dh_forest_fit(&dh_model_gbrt, &nearby, &plain, rows, &model, err);
    if (status)
        return status;
    const struct dh_forest *forest = gbrt->forest = (struct dh_forest *)model;
    gbrt->moves = dh_alloc(forest->style.trees, sizeof *gbrt->moves);
    for (size_t t = 0; t < forest->style.trees; t++)
        gbrt->moves[t] = dh_alloc(forest->trees[t].leaf_count, sizeof **gbrt->moves);
    return DH_OK;
}

static dh_status fit(const struct dh_model_setup *setup, const struct dh_rows *rows,
                     struct dh_model **out, struct dh_error *err)
{
    struct gbrt *gbrt = dh_alloc(1, sizeof *gbrt);
    dh_status status = fit_nearby(gbrt, setup, rows, err);
    if (status) {
        free(gbrt);
        return status;
    }
    gbrt->model.kind = &dh_model_gbrt;
    gbrt->features = setup->features;
    gbrt->feature_count = setup->feature_count;
    gbrt->rounds = setup->tune.trees ? setup->tune.trees : ROUNDS;
    for (size_t q = 0; q < QUANTILES; q++)
        gbrt->boosts[q].trees = dh_alloc(gbrt->rounds, sizeof *gbrt->boosts[q].trees);
    struct fitting fitting = {.gbrt = gbrt, .setup = setup, .count = dh_forest_rows(rows->count)};
    uint32_t *keys = dh_alloc(fitting.count * setup->feature_count, sizeof *keys);
    double *y = dh_alloc(fitting.count, sizeof *y);
    sample(&fitting, rows, keys, y);
    fitting.data = (struct dh_tree_data){keys, y};
    dh_team_run(setup->threads, QUANTILES, fit_quantile, &fitting);
    free(keys);
    free(y);
    *out = &gbrt->model;
    return DH_OK;
}

static void destroy(struct dh_model *model)
{
    struct gbrt *gbrt = (struct gbrt *)model;
    for (size_t t = 0; t < gbrt->forest->style.trees; t++)
        free(gbrt->moves[t]);
    dh_forest_destroy(&gbrt->forest->model);
    for (size_t q = 0; q < QUANTILES; q++) {
        for (size_t round = 0; round < gbrt->rounds; round++)
            dh_tree_free(&gbrt->boosts[q].trees[round]);
        free(gbrt->boosts[q].trees);
    }
    free(gbrt->moves);
    free(gbrt->residuals);
    free(gbrt);
}

static void boost_values(const struct gbrt *gbrt, size_t q, const uint32_t *keys, size_t count,
                         double *values)
{
    uint32_t leaf[DH_FOREST_BLOCK];
    for (size_t i = 0; i < count; i++)
        values[i] = gbrt->boosts[q].start;
    for (size_t round = 0; round < gbrt->rounds; round++) {
        const struct dh_tree *tree = &gbrt->boosts[q].trees[round];
        dh_tree_walk(tree, keys, gbrt->feature_count, count, leaf);
        for (size_t i = 0; i < count; i++)
            values[i] += tree->values[leaf[i]].mean;
    }
}

/* How far the observations added since the fit move the median. */
static void add_moves(const struct gbrt *gbrt, const uint32_t *keys, size_t count, double *values)
{
    const struct dh_forest *forest = gbrt->forest;
    uint32_t leaf[DH_FOREST_BLOCK];
    for (size_t t = 0; t < forest->style.trees; t++) {
        const struct dh_tree *tree = &forest->trees[t];
        dh_tree_walk(tree, keys, gbrt->feature_count, count, leaf);
        for (size_t i = 0; i < count; i++)
            values[i] += gbrt->moves[t][leaf[i]].sum /
                         ((double)tree->sums[leaf[i]].count * (double)forest->style.trees);
    }
}

static void split_variance(const struct gbrt *gbrt, const double *x, size_t count,
                           double values[QUANTILES][DH_FOREST_BLOCK], double *aleatoric,
                           double *epistemic)
{
    double noise[DH_FOREST_BLOCK], doubt[DH_FOREST_BLOCK];
    struct dh_prediction parts = {.aleatoric = noise, .epistemic = doubt};
    dh_forest_predict(&gbrt->forest->model, x, count, &parts);
    for (size_t i = 0; i < count; i++) {
        double deviation = fmax((values[2][i] - values[0][i]) / 2, sqrt(DH_FOREST_FLOOR));
        double variance = deviation * deviation; /* crossed quantiles: as if they met */
        double share = doubt[i] / (noise[i] + doubt[i]);
        if (aleatoric)
            aleatoric[i] = variance * (1 - share);
        if (epistemic)
            epistemic[i] = variance * share;
    }
}

static void predict_block(const struct gbrt *gbrt, const double *x, size_t count,
                          const struct dh_prediction *out)
{
    double values[QUANTILES][DH_FOREST_BLOCK];
    uint32_t *keys = dh_alloc(count * gbrt->feature_count, sizeof *keys);
    dh_tree_encode(gbrt->features, gbrt->feature_count, x, count, keys);
    bool spread = out->aleatoric || out->epistemic;
    for (size_t q = 0; q < QUANTILES; q++)
        if (q == 1 ? out->mean != NULL : spread)
            boost_values(gbrt, q, keys, count, values[q]);
    if (out->mean) {
        add_moves(gbrt, keys, count, values[1]);
        memcpy(out->mean, values[1], count * sizeof *out->mean);
    }
    if (spread)
        split_variance(gbrt, x, count, values, out->aleatoric, out->epistemic);
    free(keys);
}

static void predict(const struct dh_model *model, const double *x, size_t count,
                    const struct dh_prediction *out)
{
    const struct gbrt *gbrt = (const struct gbrt *)model;
    for (size_t begin = 0; begin < count; begin += DH_FOREST_BLOCK) {
        size_t rest = count - begin, block = rest < DH_FOREST_BLOCK ? rest : DH_FOREST_BLOCK;
        struct dh_prediction part = {out->mean ? out->mean + begin : NULL,
                                     out->aleatoric ? out->aleatoric + begin : NULL,
                                     out->epistemic ? out->epistemic + begin : NULL};
        predict_block(gbrt, x + begin * gbrt->feature_count, block, &part);
    }
}

static void move(struct gbrt *gbrt, int64_t handle, int sign)
{
    const struct dh_forest *forest = gbrt->forest;
    const uint32_t *leaf = forest->added_leaf + (size_t)handle * forest->style.trees;
    for (size_t t = 0; t < forest->style.trees; t++)
        dh_leaf_add(&gbrt->moves[t][leaf[t]], gbrt->residuals[handle], sign);
}

/* The residual is that of the fit, without what was added before: the order does not matter. */
static int64_t add(struct dh_model *model, const double *x, double y)
{
    struct gbrt *gbrt = (struct gbrt *)model;
    int64_t handle = dh_forest_add(&gbrt->forest->model, x, y);
    uint32_t *keys = dh_alloc(gbrt->feature_count, sizeof *keys);
    double median;
    dh_tree_encode(gbrt->features, gbrt->feature_count, x, 1, keys);
    boost_values(gbrt, 1, keys, 1, &median);
    gbrt->residuals =
        dh_grow(gbrt->residuals, (size_t)handle, &gbrt->residual_capacity, sizeof *gbrt->residuals);
    gbrt->residuals[handle] = dh_tree_clip(y) - median;
    move(gbrt, handle, 1);
    free(keys);
    return handle;
}

static void forget(struct dh_model *model, int64_t handle)
{
    struct gbrt *gbrt = (struct gbrt *)model;
    if (!dh_forest_holds(gbrt->forest, handle))
        return;
    move(gbrt, handle, -1);
    dh_forest_remove(&gbrt->forest->model, handle);
}

const struct dh_model_kind dh_model_gbrt = {
    .name = "gbrt",
    .summary = "gradient boosted trees for three quantiles",
    .fit = fit,
    .destroy = destroy,
    .predict = predict,
    .add = add,
    .remove = forget,
};
