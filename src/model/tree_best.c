/* The best split of a feature, as of random forests and boosting.
 *
 * Rows are put into groups in the order in which the split may cut them: equal keys of a small
 * cell (sorted), up to GROUPS equal cells of the range of a large one (deeper nodes see it finer),
 * or levels of a category sorted by their mean, where the best of all subsets is one of the cuts
 * (Fisher 1958; Breiman et al. 1984, 4.2.2). Then one scan finds the best cut and the better side
 * for inactive rows. The threshold lies at a random place between its neighbours (Hutter et al.
 * 2014): averaged over trees, the mean is smooth and uncertainty grows between observations. */
#include "tree.h"

#include <math.h>

#define SMALL 24 /* rows that are sorted */
#define GROUPS 128

struct group {
    uint32_t low, high; /* keys within */
    uint32_t count;
    double sum;
};

struct cut {
    double score;
    size_t left; /* groups that go left; all of them: inactive rows are cut off */
    bool inactive_left;
    bool single; /* of a wide category: group `left` alone goes right */
};

struct cutter {
    const struct dh_tree_cell *cell;
    struct group groups[GROUPS];
    size_t count;
    struct group inactive;
};

static void consider(const struct cutter *cutter, size_t count, double sum, struct cut cut,
                     struct cut *best)
{
    const struct dh_tree_cell *cell = cutter->cell;
    size_t other = cell->count - count;
    if (count < cell->min_leaf || other < cell->min_leaf)
        return;
    cut.score = dh_split_score(sum, count, cell->sum - sum, other);
    if (cut.score > best->score)
        *best = cut;
}

static struct cut scan(const struct cutter *cutter)
{
    struct cut best = {.score = -INFINITY};
    const struct group *inactive = &cutter->inactive;
    size_t count = 0;
    double sum = 0;
    for (size_t g = 0; g < cutter->count; g++) {
        count += cutter->groups[g].count;
        sum += cutter->groups[g].sum;
        bool last = g + 1 == cutter->count;
        if (!last || inactive->count)
            consider(cutter, count, sum, (struct cut){.left = g + 1}, &best);
        if (!last && inactive->count)
            consider(cutter, count + inactive->count, sum + inactive->sum,
                     (struct cut){.left = g + 1, .inactive_left = true}, &best);
    }
    return best;
}

static void scan_singles(const struct cutter *cutter, struct cut *best)
{
    for (size_t g = 0; g < cutter->count; g++) {
        const struct group *group = &cutter->groups[g];
        if (group->low == group->high)
            consider(cutter, group->count, group->sum, (struct cut){.left = g, .single = true},
                     best);
    }
}

static const struct group empty = {.low = UINT32_MAX};

static inline void put(struct group *group, uint32_t key, double y)
{
    group->low = key < group->low ? key : group->low;
    group->high = key > group->high ? key : group->high;
    group->count++;
    group->sum += y;
}

/* Insertion sort into groups of equal keys. */
static void group_sorted(struct cutter *cutter, uint16_t feature)
{
    const struct dh_tree_cell *cell = cutter->cell;
    uint32_t keys[SMALL];
    double ys[SMALL];
    size_t count = 0;
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = cell->data->keys[cell->rows[i] * cell->feature_count + feature];
        double y = cell->y[i];
        if (key == DH_KEY_INACTIVE) {
            put(&cutter->inactive, key, y);
            continue;
        }
        size_t at = count++;
        for (; at > 0 && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
            ys[at] = ys[at - 1];
        }
        keys[at] = key;
        ys[at] = y;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || keys[i] != keys[i - 1])
            cutter->groups[cutter->count++] = empty;
        put(&cutter->groups[cutter->count - 1], keys[i], ys[i]);
    }
}

static void group_cells(struct cutter *cutter, uint16_t feature)
{
    const struct dh_tree_cell *cell = cutter->cell;
    const uint32_t *keys = cell->data->keys + feature;
    uint32_t low = DH_KEY_INACTIVE, high = 0;
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = keys[cell->rows[i] * cell->feature_count];
        low = key < low ? key : low;
        high = key > high && key != DH_KEY_INACTIVE ? key : high;
    }
    if (low > high)
        return;
    size_t cells = cell->count < GROUPS ? cell->count : GROUPS;
    uint64_t scale = ((uint64_t)cells << 32) / ((uint64_t)(high - low) + 1);
    for (size_t g = 0; g < cells; g++)
        cutter->groups[g] = empty;
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = keys[cell->rows[i] * cell->feature_count];
        struct group *group = key == DH_KEY_INACTIVE ? &cutter->inactive
                                                     : &cutter->groups[((key - low) * scale) >> 32];
        put(group, key, cell->y[i]);
    }
    for (size_t g = 0; g < cells; g++)
        if (cutter->groups[g].count)
            cutter->groups[cutter->count++] = cutter->groups[g];
}

/* Cut between two groups: threshold in (high of the left one, low of the right one]. */
static struct dh_tree_node cut_node(const struct cutter *cutter, const struct cut *cut,
                                    struct dh_random *random)
{
    struct dh_tree_node node = {.mask = UINT32_MAX, .threshold = DH_KEY_INACTIVE};
    if (cut->single) { /* all keys but one: key - one >= 1 (mod 2^32), mirrored */
        node.offset = -cutter->groups[cut->left].low;
        node.threshold = 1;
    } else if (cut->left < cutter->count) {
        uint32_t high = cutter->groups[cut->left - 1].high, low = cutter->groups[cut->left].low;
        bool inactive_left =
            cutter->inactive.count ? cut->inactive_left : (dh_random_u32(random) & 1) != 0;
        node.offset = inactive_left;
        node.threshold = high + 1 + dh_tree_below(random, low - high) + inactive_left;
    }
    return node;
}

static bool best_of_numbers(const struct dh_tree_cell *cell, uint16_t feature,
                            struct dh_random *random, struct dh_tree_split *split)
{
    struct cutter cutter;
    cutter.cell = cell;
    cutter.count = 0;
    cutter.inactive = empty;
    if (cell->count <= SMALL)
        group_sorted(&cutter, feature);
    else
        group_cells(&cutter, feature);
    if (cutter.count + (cutter.inactive.count > 0) < 2)
        return false;
    struct cut cut = scan(&cutter);
    if (dh_feature_wide(&cell->features[feature]))
        scan_singles(&cutter, &cut);
    split->score = cut.score;
    if (cut.score > -INFINITY) {
        split->node = cut_node(&cutter, &cut, random);
        split->node.feature = feature;
    }
    return true;
}

/* Groups by mean, equal ones by level (they come sorted by level, and the sort is stable). */
static void sort_by_mean(struct group *groups, size_t count)
{
    double means[DH_TREE_LEVELS + 1];
    for (size_t i = 0; i < count; i++) {
        struct group group = groups[i];
        double mean = group.sum / group.count;
        size_t at = i;
        for (; at > 0 && means[at - 1] > mean; at--) {
            groups[at] = groups[at - 1];
            means[at] = means[at - 1];
        }
        groups[at] = group;
        means[at] = mean;
    }
}

static bool best_of_levels(const struct dh_tree_cell *cell, uint16_t feature,
                           struct dh_random *random, struct dh_tree_split *split)
{
    struct cutter cutter;
    cutter.cell = cell;
    cutter.count = 0;
    cutter.inactive = empty;
    for (size_t g = 0; g <= cell->features[feature].levels; g++)
        cutter.groups[g] = empty;
    for (size_t i = 0; i < cell->count; i++) {
        uint32_t key = cell->data->keys[cell->rows[i] * cell->feature_count + feature];
        put(&cutter.groups[__builtin_ctz(key)], key, cell->y[i]);
    }
    uint32_t absent = 0;
    for (size_t g = 0; g <= cell->features[feature].levels; g++)
        if (cutter.groups[g].count)
            cutter.groups[cutter.count++] = cutter.groups[g];
        else
            absent |= 1u << g;
    if (cutter.count < 2)
        return false;
    sort_by_mean(cutter.groups, cutter.count);
    struct cut cut = scan(&cutter);
    split->score = cut.score;
    if (cut.score == -INFINITY)
        return true;
    split->node = (struct dh_tree_node){.feature = feature, .threshold = 1};
    split->node.mask = absent & dh_random_u32(random); /* those not seen here: either side */
    for (size_t g = cut.left; g < cutter.count; g++)
        split->node.mask |= cutter.groups[g].low;
    return true;
}

bool dh_split_best(const struct dh_tree_cell *cell, uint16_t feature, struct dh_random *random,
                   struct dh_tree_split *split)
{
    if (dh_feature_narrow(&cell->features[feature]))
        return best_of_levels(cell, feature, random, split);
    return best_of_numbers(cell, feature, random, split);
}
