/* Regression trees, the common part of the forests and of boosting; private to this room.
 *
 * Rows are walked as integer keys, one a feature: a number u in [0, 1] is u * (2^32 - 2) rounded
 * down; a category of at most DH_TREE_LEVELS levels is one bit, inactive being one more level;
 * of more levels, their index. Inactive is otherwise the largest key. Every split is then one
 * test without branches: right if (key + offset) & mask >= threshold, modulo 2^32.
 *
 *   number:     mask all ones; offset 0 sends inactive rows right, 1 sends them left
 *   subset:     mask is the set of levels that go right, threshold 1, offset 0
 *   interval:   of many levels; the offset moves its first level to 0, threshold is its length
 *   leaf:       mask 0, threshold 1: a walk that has arrived steps in place
 *
 * Structure (where rows go) and leaf sums (what was seen there) are apart: growing makes the
 * structure, filling the sums, and sums change without a new structure. Sums are kept in twice
 * the working precision, so that what was added can be taken out again without a trace.
 */
#ifndef DH_MODEL_TREE_H
#define DH_MODEL_TREE_H

#include "dh_mpi/model.h"
#include "dh_mpi/random.h"

#define DH_TREE_FEATURES UINT16_MAX
#define DH_TREE_LEVELS 31 /* categories with more are split by intervals of their indices */
#define DH_KEY_INACTIVE UINT32_MAX
#define DH_TREE_LARGEST 1e150 /* |y| is cut there, so that squares are finite */

/* 16 bytes, four a cache line. The right child follows the left one. */
struct dh_tree_node {
    uint32_t offset; /* a leaf's number */
    uint32_t mask, threshold;
    uint16_t child; /* the left one; a leaf's own index */
    uint16_t feature;
};
#define DH_TREE_ROWS 32768 /* most rows a tree is grown from: its nodes have 16-bit indices */

struct dh_leaf_sums {
    uint32_t count;
    double sum, sum_rest;       /* of y, as the unevaluated sum of two */
    double square, square_rest; /* of y * y */
};

/* What predictions read. */
struct dh_leaf_value {
    double mean, variance;
};

struct dh_tree {
    struct dh_tree_node *nodes;
    size_t node_count, node_capacity;
    struct dh_leaf_sums *sums;
    struct dh_leaf_value *values;
    size_t leaf_count, leaf_capacity;
};

/* What trees are grown from; borrowed. */
struct dh_tree_data {
    const uint32_t *keys; /* row by row, feature_count each */
    const double *y;
};

struct dh_tree_growth {
    const struct dh_feature *features;
    size_t feature_count;
    const uint16_t *pool; /* the features this tree may use */
    size_t pool_count;
    size_t tries;    /* features tried at a split, not counting those constant there */
    size_t min_leaf; /* rows */
    size_t max_depth;
    bool random; /* one random split a feature instead of its best */
};

/* Keys of `count` rows of doubles; values outside of their range become its nearest end. */
void dh_tree_encode(const struct dh_feature *features, size_t feature_count, const double *x,
                    size_t count, uint32_t *keys);
double dh_tree_clip(double y);

/* Grow the structure from the `count` in 1 … DH_TREE_ROWS rows listed in `rows` (repeats allowed;
 * reordered so that the rows of leaf 0 come first, then those of leaf 1 …, and sums[leaf].count
 * says how many). `tree` is zeroed before; dh_tree_free afterwards. */
void dh_tree_grow(const struct dh_tree_growth *growth, const struct dh_tree_data *data,
                  uint32_t *rows, size_t count, struct dh_random *random, struct dh_tree *tree);
void dh_tree_free(struct dh_tree *tree);

/* The leaf of each of `count` rows of keys. */
void dh_tree_walk(const struct dh_tree *tree, const uint32_t *keys, size_t feature_count,
                  size_t count, uint32_t *leaf);

/* The leaf of one row in each of `count` trees. */
void dh_tree_walk_all(const struct dh_tree *trees, size_t count, const uint32_t *keys,
                      uint32_t *leaf);

/* One y in (sign +1) or out (-1) of a leaf; its value is then another. */
void dh_leaf_add(struct dh_leaf_sums *sums, double y, int sign);
/* Mean, and variance (divided by the count) but at least `floor`. */
struct dh_leaf_value dh_leaf_summary(const struct dh_leaf_sums *sums, double floor);

/* For the splitters: a node's rows and what they sum to. `data->y` is by row, `y` by place. */
struct dh_tree_cell {
    const struct dh_tree_data *data;
    const struct dh_feature *features;
    size_t feature_count, min_leaf;
    const uint32_t *rows;
    const double *y;   /* of these rows, in their order */
    uint32_t *scratch; /* `count` words */
    size_t count;
    double sum;
};

struct dh_tree_split {
    double score; /* sum over sides of (sum of y)^2 / count; larger is better */
    struct dh_tree_node node;
};

/* Is the feature not constant in the cell? Then `split` is its best or a random split, with a
 * score of -INFINITY if none leaves min_leaf rows on both sides. */
bool dh_split_random(const struct dh_tree_cell *cell, uint16_t feature, struct dh_random *random,
                     struct dh_tree_split *split);
bool dh_split_best(const struct dh_tree_cell *cell, uint16_t feature, struct dh_random *random,
                   struct dh_tree_split *split);

static inline bool dh_feature_narrow(const struct dh_feature *feature)
{
    return feature->levels > 0 && feature->levels <= DH_TREE_LEVELS;
}

static inline bool dh_feature_wide(const struct dh_feature *feature)
{
    return feature->levels > DH_TREE_LEVELS;
}

static inline uint32_t dh_node_right(const struct dh_tree_node *node, uint32_t key)
{
    return ((key + node->offset) & node->mask) >= node->threshold;
}

/* A number in 0 … bound - 1; the bias of at most bound / 2^32 does not matter to a split. */
static inline uint32_t dh_tree_below(struct dh_random *random, uint32_t bound)
{
    return (uint32_t)((uint64_t)dh_random_u32(random) * bound >> 32);
}

static inline double dh_split_score(double left_sum, size_t left, double right_sum, size_t right)
{
    double l = (double)left, r = (double)right;
    return (left_sum * left_sum * r + right_sum * right_sum * l) / (l * r);
}

#endif
