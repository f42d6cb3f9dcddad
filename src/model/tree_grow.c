/* Growing a tree's structure: from the root down, left before right, on an explicit stack, so
 * that degenerate trees (one row split off at each level) are only slow and not a crash. */
#include "tree.h"

#include "dh_mpi/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 3 /* of random splits before a node that could be split becomes a leaf */

struct task {
    size_t begin, end; /* of the rows */
    uint32_t node;
    uint32_t depth;
    uint64_t constant; /* bit f: feature f < 64 is known to have one value here */
};

struct grower {
    const struct dh_tree_growth *growth;
    const struct dh_tree_data *data;
    struct dh_random *random;
    struct dh_tree *tree;
    uint32_t *rows;
    double *y; /* of `rows`, moved along with them so that passes over a node read in order */
    uint32_t *rows_aside; /* while partitioning */
    double *y_aside;
    uint16_t *pool; /* the features, in an order that draws shuffle */
    struct task *stack;
    size_t depth, capacity;
};

static void push(struct grower *grower, struct task task)
{
    *DH_PUSH(grower->stack, grower->depth, grower->capacity) = task;
}

static void make_leaf(struct grower *grower, const struct task *task)
{
    struct dh_tree *tree = grower->tree;
    tree->nodes[task->node] = (struct dh_tree_node){
        .offset = (uint32_t)tree->leaf_count, .threshold = 1, .child = (uint16_t)task->node};
    struct dh_leaf_sums *sums = DH_PUSH(tree->sums, tree->leaf_count, tree->leaf_capacity);
    sums->count = (uint32_t)(task->end - task->begin);
}

/* The best of the splits offered by `tries` features drawn without replacement; of few rows there
 * are few ways to split them, and fewer features will do. */
static bool find_split(struct grower *grower, const struct dh_tree_cell *cell, uint64_t *constant,
                       struct dh_tree_split *best)
{
    const struct dh_tree_growth *growth = grower->growth;
    uint16_t *pool = grower->pool;
    size_t ways = (cell->count + 1) / 2;
    size_t tries = growth->tries < ways ? growth->tries : ways;
    best->score = -INFINITY;
    size_t tried = 0;
    for (size_t i = 0; i < growth->pool_count && tried < tries; i++) {
        size_t pick = i + dh_tree_below(grower->random, (uint32_t)(growth->pool_count - i));
        uint16_t feature = pool[pick];
        pool[pick] = pool[i];
        pool[i] = feature;
        uint64_t bit = feature < 64 ? 1ull << feature : 0;
        if (*constant & bit)
            continue;
        struct dh_tree_split split;
        bool varies = growth->random ? dh_split_random(cell, feature, grower->random, &split)
                                     : dh_split_best(cell, feature, grower->random, &split);
        if (!varies)
            *constant |= bit;
        tried += varies && split.score > -INFINITY;
        if (varies && split.score > best->score)
            *best = split;
    }
    return best->score > -INFINITY;
}

/* Rows that go left first, each side in its old order; returns how many go left. */
static size_t partition(struct grower *grower, const struct task *task,
                        const struct dh_tree_node *node)
{
    size_t left = 0, right = 0, count = task->end - task->begin;
    uint32_t *rows = grower->rows + task->begin;
    double *y = grower->y + task->begin;
    const uint32_t *keys = grower->data->keys + node->feature;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        double value = y[i];
        uint32_t goes_right = dh_node_right(node, keys[row * grower->growth->feature_count]);
        rows[left] = row;
        y[left] = value;
        grower->rows_aside[right] = row;
        grower->y_aside[right] = value;
        left += !goes_right;
        right += goes_right;
    }
    memcpy(rows + left, grower->rows_aside, right * sizeof *rows);
    memcpy(y + left, grower->y_aside, right * sizeof *y);
    return left;
}

static bool worth_splitting(const struct grower *grower, const struct task *task, double *sum)
{
    const struct dh_tree_growth *growth = grower->growth;
    size_t count = task->end - task->begin;
    if (count < 2 * growth->min_leaf || task->depth >= growth->max_depth)
        return false;
    const double *y = grower->y + task->begin;
    bool varies = false;
    *sum = 0;
    for (size_t i = 0; i < count; i++) {
        *sum += y[i];
        varies |= y[i] != y[0];
    }
    return varies;
}

static void split_node(struct grower *grower, const struct task *task,
                       const struct dh_tree_node *chosen, uint64_t constant)
{
    struct dh_tree *tree = grower->tree;
    size_t middle = task->begin + partition(grower, task, chosen);
    uint32_t child = (uint32_t)tree->node_count;
    (void)DH_PUSH(tree->nodes, tree->node_count, tree->node_capacity);
    (void)DH_PUSH(tree->nodes, tree->node_count, tree->node_capacity);
    tree->nodes[task->node] = *chosen;
    tree->nodes[task->node].child = (uint16_t)child;
    push(grower, (struct task){middle, task->end, child + 1, task->depth + 1, constant});
    push(grower, (struct task){task->begin, middle, child, task->depth + 1, constant});
}

static void grow_node(struct grower *grower, const struct task *task)
{
    double sum;
    if (!worth_splitting(grower, task, &sum)) {
        make_leaf(grower, task);
        return;
    }
    struct dh_tree_cell cell = {
        .data = grower->data,
        .features = grower->growth->features,
        .feature_count = grower->growth->feature_count,
        .min_leaf = grower->growth->min_leaf,
        .rows = grower->rows + task->begin,
        .y = grower->y + task->begin,
        .scratch = grower->rows_aside,
        .count = task->end - task->begin,
        .sum = sum,
    };
    struct dh_tree_split split;
    uint64_t constant = task->constant;
    bool found = find_split(grower, &cell, &constant, &split);
    for (int round = 1; !found && grower->growth->random && round < ROUNDS; round++)
        found = find_split(grower, &cell, &constant, &split);
    if (found)
        split_node(grower, task, &split.node, constant);
    else
        make_leaf(grower, task);
}

void dh_tree_grow(const struct dh_tree_growth *growth, const struct dh_tree_data *data,
                  uint32_t *rows, size_t count, struct dh_random *random, struct dh_tree *tree)
{
    struct grower grower = {
        .growth = growth,
        .data = data,
        .random = random,
        .tree = tree,
        .rows = rows,
        .y = dh_alloc(count, sizeof *data->y),
        .rows_aside = dh_alloc(count, sizeof *rows),
        .y_aside = dh_alloc(count, sizeof *data->y),
        .pool = dh_memdup(growth->pool, growth->pool_count * sizeof *growth->pool),
    };
    for (size_t i = 0; i < count; i++)
        grower.y[i] = data->y[rows[i]];
    (void)DH_PUSH(tree->nodes, tree->node_count, tree->node_capacity);
    push(&grower, (struct task){.end = count});
    while (grower.depth > 0) {
        struct task task = grower.stack[--grower.depth];
        grow_node(&grower, &task);
    }
    tree->nodes = dh_realloc(tree->nodes, tree->node_count * sizeof *tree->nodes);
    tree->sums = dh_realloc(tree->sums, tree->leaf_count * sizeof *tree->sums);
    tree->node_capacity = tree->node_count;
    tree->leaf_capacity = tree->leaf_count;
    tree->values = dh_alloc(tree->leaf_count, sizeof *tree->values);
    free(grower.y);
    free(grower.rows_aside);
    free(grower.y_aside);
    free(grower.pool);
    free(grower.stack);
}
