/* Forests: one implementation, several settings; private to this room (and its tests).
 *
 * The mean at a point is the mean over trees of its leaf's mean. By the law of total variance its
 * uncertainty is the mean over trees of the leaf's variance (aleatoric) plus the variance over
 * trees of the leaf means (epistemic); all variances divide by the count. A leaf with one row, or
 * with equal ones, would be certain; its variance is therefore at least DH_FOREST_FLOOR, as
 * scikit-optimize's and DeepHyper's min_variance: y has deviation 1, so a repeated evaluation is
 * expected within about a hundredth of that.
 */
#ifndef DH_MODEL_FOREST_H
#define DH_MODEL_FOREST_H

#include "tree.h"

#define DH_FOREST_FLOOR 1e-4
/* Of many rows, leaves of single ones make trees deep and slow, and the mean no better. */
#define DH_FOREST_LEAF 8192
#define DH_FOREST_BLOCK 512 /* rows predicted together */
#define DH_FOREST_FEW 256   /* keys for which the stack has room */

struct dh_forest_style {
    size_t trees;
    size_t min_leaf;      /* 0: one, and one more for each DH_FOREST_LEAF rows of a tree */
    double feature_share; /* of the tree's features, tried at a split */
    double pool_share;    /* of all features, seen by a tree */
    bool bootstrap;       /* rows drawn with replacement, leaf sums of the drawn rows alone */
    bool random_splits;   /* otherwise the best ones */
};

struct dh_forest {
    struct dh_model model;
    struct dh_forest_style style;      /* with setup.tune in place */
    const struct dh_feature *features; /* borrowed */
    size_t feature_count;
    uint64_t seed;
    int threads;
    struct dh_tree *trees; /* style.trees */
    uint32_t *leaf;        /* scratch: one a tree */
    /* Observations added that may be removed: handle h has value added_y[h], NaN once removed, and
     * lies in leaf added_leaf[h * trees + t] of tree t. */
    double *added_y;
    uint32_t *added_leaf;
    size_t added_count, added_capacity;
    int64_t *unused; /* removed handles, given out again */
    size_t unused_count, unused_capacity;
};

/* A forest of `style`, with what setup.tune says put in its place. */
dh_status dh_forest_fit(const struct dh_model_kind *kind, const struct dh_forest_style *style,
                        const struct dh_model_setup *setup, const struct dh_rows *rows,
                        struct dh_model **out, struct dh_error *err);
void dh_forest_destroy(struct dh_model *model);
void dh_forest_predict(const struct dh_model *model, const double *x, size_t count,
                       const struct dh_prediction *out);
int64_t dh_forest_add(struct dh_model *model, const double *x, double y);
void dh_forest_remove(struct dh_model *model, int64_t handle);
void dh_forest_learn(struct dh_model *model, const double *x, double y);
void dh_forest_settle(struct dh_model *model, int64_t handle, double y);
/* Is there an observation under this handle? */
bool dh_forest_holds(const struct dh_forest *forest, int64_t handle);

/* At most so many rows shape one tree (all of them fill its leaves, unless it is a bootstrap):
 * beyond, growing costs time and a finer structure hardly changes the mean. */
#define DH_FOREST_ROWS 16384
_Static_assert(DH_FOREST_ROWS <= DH_TREE_ROWS, "a tree's nodes have 16-bit indices");
/* Of `total` rows one of each of `count` equal strata, drawn at random. */
void dh_forest_sample(size_t total, size_t count, struct dh_random *random, uint32_t *rows);
/* How many of `total` rows shape one tree. */
size_t dh_forest_rows(size_t total);
/* A share of `count`, rounded up; at least one. */
size_t dh_forest_part(double share, size_t count);

#endif
