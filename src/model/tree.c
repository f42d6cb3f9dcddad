/* Keys, walks and leaf sums of regression trees: see tree.h. */
#include "tree.h"

#include <math.h>
#include <stdlib.h>

#define LANES 8 /* rows that walk side by side, so that their memory accesses overlap */

static uint32_t encode_number(double value)
{
    if (isnan(value))
        return DH_KEY_INACTIVE;
    double inside = value < 0 ? 0 : value > 1 ? 1 : value;
    return (uint32_t)(inside * (double)(UINT32_MAX - 1));
}

static uint32_t encode_level(const struct dh_feature *feature, double value)
{
    bool narrow = dh_feature_narrow(feature);
    if (isnan(value))
        return narrow ? 1u << feature->levels : DH_KEY_INACTIVE;
    uint32_t level = value < 0                 ? 0
                     : value < feature->levels ? (uint32_t)value
                                               : feature->levels - 1;
    return narrow ? 1u << level : level;
}

void dh_tree_encode(const struct dh_feature *features, size_t feature_count, const double *x,
                    size_t count, uint32_t *keys)
{
    for (size_t row = 0; row < count; row++)
        for (size_t f = 0; f < feature_count; f++, x++, keys++)
            *keys = features[f].levels ? encode_level(&features[f], *x) : encode_number(*x);
}

double dh_tree_clip(double y)
{
    return fmax(-DH_TREE_LARGEST, fmin(DH_TREE_LARGEST, y));
}

static uint32_t walk_one(const struct dh_tree *tree, const uint32_t *keys)
{
    const struct dh_tree_node *node = tree->nodes;
    while (node->mask != 0)
        node = tree->nodes + node->child + dh_node_right(node, keys[node->feature]);
    return node->offset;
}

/* A lane that reached its leaf steps in place: the leaf is its own child. */
static void walk_lanes(const struct dh_tree *tree, const uint32_t *keys, size_t feature_count,
                       uint32_t leaf[LANES])
{
    const struct dh_tree_node *nodes = tree->nodes;
    uint32_t at[LANES] = {0};
    uint32_t moved;
    do {
        moved = 0;
        for (size_t lane = 0; lane < LANES; lane++) {
            const struct dh_tree_node *node = nodes + at[lane];
            uint32_t key = keys[lane * feature_count + node->feature];
            uint32_t next = node->child + dh_node_right(node, key);
            moved |= next ^ at[lane];
            at[lane] = next;
        }
    } while (moved);
    for (size_t lane = 0; lane < LANES; lane++)
        leaf[lane] = nodes[at[lane]].offset;
}

void dh_tree_walk(const struct dh_tree *tree, const uint32_t *keys, size_t feature_count,
                  size_t count, uint32_t *leaf)
{
    size_t row = 0;
    for (; row + LANES <= count; row += LANES)
        walk_lanes(tree, keys + row * feature_count, feature_count, leaf + row);
    for (; row < count; row++)
        leaf[row] = walk_one(tree, keys + row * feature_count);
}

/* One row in several trees side by side. */
static void walk_trees(const struct dh_tree trees[LANES], const uint32_t *keys,
                       uint32_t leaf[LANES])
{
    const struct dh_tree_node *nodes[LANES];
    uint32_t at[LANES] = {0};
    for (size_t lane = 0; lane < LANES; lane++)
        nodes[lane] = trees[lane].nodes;
    uint32_t moved;
    do {
        moved = 0;
        for (size_t lane = 0; lane < LANES; lane++) {
            const struct dh_tree_node *node = nodes[lane] + at[lane];
            uint32_t next = node->child + dh_node_right(node, keys[node->feature]);
            moved |= next ^ at[lane];
            at[lane] = next;
        }
    } while (moved);
    for (size_t lane = 0; lane < LANES; lane++)
        leaf[lane] = nodes[lane][at[lane]].offset;
}

void dh_tree_walk_all(const struct dh_tree *trees, size_t count, const uint32_t *keys,
                      uint32_t *leaf)
{
    size_t tree = 0;
    for (; tree + LANES <= count; tree += LANES)
        walk_trees(trees + tree, keys, leaf + tree);
    for (; tree < count; tree++)
        leaf[tree] = walk_one(&trees[tree], keys);
}

/* Knuth's two-sum: (*high + *rest) + value without rounding, then renormalised. */
static void add_exactly(double *high, double *rest, double value)
{
    double sum = *high + value;
    double part = sum - *high;
    double error = (*high - (sum - part)) + (value - part);
    double low = *rest + error;
    *high = sum + low;
    *rest = low - (*high - sum);
}

void dh_leaf_add(struct dh_leaf_sums *sums, double y, int sign)
{
    sums->count += (uint32_t)sign;
    add_exactly(&sums->sum, &sums->sum_rest, sign * y);
    add_exactly(&sums->square, &sums->square_rest, sign * (y * y));
}

/* The variance is a small difference of large numbers: sum^2 in twice the precision too. */
struct dh_leaf_value dh_leaf_summary(const struct dh_leaf_sums *sums, double floor)
{
    if (sums->count == 0)
        return (struct dh_leaf_value){.variance = floor};
    double count = sums->count;
    double mean = sums->sum / count;
    double product = mean * sums->sum;
    double error = fma(mean, sums->sum, -product);
    double mean_rest = (fma(-mean, count, sums->sum) + sums->sum_rest) / count;
    double deviation = sums->square - product;
    deviation += sums->square_rest - error - (mean_rest * sums->sum + mean * sums->sum_rest);
    return (struct dh_leaf_value){.mean = mean, .variance = fmax(deviation / count, floor)};
}

void dh_tree_free(struct dh_tree *tree)
{
    free(tree->nodes);
    free(tree->sums);
    free(tree->values);
    *tree = (struct dh_tree){0};
}
