/* Random splits, as of extremely randomized trees (Geurts, Ernst, Wehenkel 2006): a threshold
 * uniform between the cell's least and largest value, or a random subset of the levels. No
 * sorting: two passes over the rows. */
#include "tree.h"

#include <math.h>

struct range {
    uint32_t low, high; /* of the active keys; low > high: there are none */
    size_t inactive;
};

static void count_inactive(const struct dh_tree_cell *cell, struct range *range)
{
    range->high = 0;
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = cell->scratch[i];
        range->inactive += key == DH_KEY_INACTIVE;
        range->high = key != DH_KEY_INACTIVE && key > range->high ? key : range->high;
    }
}

/* Leaves the keys in the cell's scratch, in the order of its rows. */
static struct range find_range(const struct dh_tree_cell *cell, uint16_t feature)
{
    const uint32_t *keys = cell->data->keys + feature;
    struct range range = {.low = DH_KEY_INACTIVE};
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = keys[cell->rows[i] * cell->feature_count];
        cell->scratch[i] = key;
        range.low = key < range.low ? key : range.low;
        range.high = key > range.high ? key : range.high;
    }
    if (range.high == DH_KEY_INACTIVE)
        count_inactive(cell, &range);
    return range;
}

static void score_sides(const struct dh_tree_cell *cell, size_t right, double sum,
                        struct dh_tree_split *split)
{
    size_t left = cell->count - right;
    if (left < cell->min_leaf || right < cell->min_leaf)
        split->score = -INFINITY;
    else
        split->score = dh_split_score(cell->sum - sum, left, sum, right);
}

/* Which side a row goes to is a factor 0 or 1: a branch would be taken half of the time. Four
 * sums at once, as each addition has to wait for the one before. */
static void score_compare(const struct dh_tree_cell *cell, struct dh_tree_split *split)
{
    const uint32_t *keys = cell->scratch;
    const double *y = cell->y;
    uint32_t offset = split->node.offset, threshold = split->node.threshold, right = 0;
    double sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= cell->count; i += 4)
        for (size_t k = 0; k < 4; k++) {
            int goes_right = (uint32_t)(keys[i + k] + offset) >= threshold;
            right += (uint32_t)goes_right;
            sums[k] += goes_right * y[i + k];
        }
    for (; i < cell->count; i++) {
        int goes_right = (uint32_t)(keys[i] + offset) >= threshold;
        right += (uint32_t)goes_right;
        sums[0] += goes_right * y[i];
    }
    score_sides(cell, right, (sums[0] + sums[1]) + (sums[2] + sums[3]), split);
}

/* Inactive rows go left, go right, or are cut off from all others, with equal probability. Where
 * there are none, later ones go to a random side. */
static void draw_threshold(const struct range *range, struct dh_random *random,
                           struct dh_tree_node *node)
{
    uint32_t mode = dh_tree_below(random, range->inactive ? 3 : 2);
    if (mode == 2 || range->low == range->high) {
        node->offset = 0;
        node->threshold = DH_KEY_INACTIVE;
        return;
    }
    node->offset = mode;
    node->threshold = range->low + 1 + dh_tree_below(random, range->high - range->low) + mode;
}

/* Of many levels an interval of indices goes left, or all that are active. */
static void draw_interval(const struct range *range, struct dh_random *random,
                          struct dh_tree_node *node)
{
    uint32_t span = range->high - range->low + 1;
    uint32_t a = range->low + dh_tree_below(random, span);
    uint32_t b = range->low + dh_tree_below(random, span);
    uint32_t first = a < b ? a : b, last = a < b ? b : a;
    node->offset = -first;
    node->threshold = last - first + 1;
}

static bool split_numbers(const struct dh_tree_cell *cell, uint16_t feature,
                          struct dh_random *random, struct dh_tree_split *split)
{
    struct range range = find_range(cell, feature);
    if (range.inactive == cell->count || (range.low == range.high && !range.inactive))
        return false;
    split->node = (struct dh_tree_node){.feature = feature, .mask = UINT32_MAX};
    if (dh_feature_wide(&cell->features[feature]))
        draw_interval(&range, random, &split->node);
    else
        draw_threshold(&range, random, &split->node);
    score_compare(cell, split);
    return true;
}

struct level {
    size_t count;
    double sum;
};

static void score_subset(const struct dh_tree_cell *cell, const struct level *levels,
                         uint32_t present, struct dh_tree_split *split)
{
    size_t right = 0;
    double sum = 0;
    for (uint32_t rest = split->node.mask & present; rest != 0; rest &= rest - 1) {
        const struct level *level = &levels[__builtin_ctz(rest)];
        right += level->count;
        sum += level->sum;
    }
    score_sides(cell, right, sum, split);
}

/* Every level, also one that is not in this cell, goes to a random side; a draw that leaves one
 * side empty sends one level alone right. */
static uint32_t draw_subset(uint32_t present, struct dh_random *random)
{
    uint32_t subset = dh_random_u32(random);
    if ((subset & present) != 0 && (~subset & present) != 0)
        return subset;
    uint32_t skip = dh_tree_below(random, (uint32_t)__builtin_popcount(present));
    uint32_t left = present;
    while (skip-- > 0)
        left &= left - 1;
    return (subset & ~present) | (left & -left);
}

static bool split_levels(const struct dh_tree_cell *cell, uint16_t feature,
                         struct dh_random *random, struct dh_tree_split *split)
{
    const uint32_t *keys = cell->data->keys + feature;
    struct level levels[DH_TREE_LEVELS + 1];
    for (size_t k = 0; k <= cell->features[feature].levels; k++)
        levels[k] = (struct level){0};
    uint32_t present = 0;
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = keys[cell->rows[i] * cell->feature_count];
        struct level *level = &levels[__builtin_ctz(key)];
        present |= key;
        level->count++;
        level->sum += cell->y[i];
    }
    if ((present & (present - 1)) == 0)
        return false;
    split->node = (struct dh_tree_node){.feature = feature, .threshold = 1};
    split->node.mask = draw_subset(present, random);
    score_subset(cell, levels, present, split);
    return true;
}

bool dh_split_random(const struct dh_tree_cell *cell, uint16_t feature, struct dh_random *random,
                     struct dh_tree_split *split)
{
    if (dh_feature_narrow(&cell->features[feature]))
        return split_levels(cell, feature, random, split);
    return split_numbers(cell, feature, random, split);
}
