/* Method "grid": every combination of a few values of each parameter, once.
 *
 * Choices take all their values, and so do numbers that have at most `levels` of them. Other
 * numbers take `levels` values, equally spaced in their scale, bounds included (one level: the
 * middle). The order is shuffled unless asked otherwise, so that a search that ends early has seen
 * all of the space and not a corner; the grid is never laid out in memory.
 */
#include "methods.h"

#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "enumerate.h"

struct options {
    int64_t levels;
    int order;
};

#define MOST_LEVELS 100000

static const char *const order_names[] = {
    [DH_ORDER_SHUFFLED] = "shuffled",
    [DH_ORDER_SORTED] = "sorted",
    NULL,
};

static const struct dh_option option_table[] = {
    {.name = "levels",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct options, levels),
     .fallback = 5,
     .low = 1,
     .high = MOST_LEVELS,
     .help = "values of a number that has more than so many"},
    {.name = "order",
     .type = DH_OPTION_CHOICE,
     .offset = offsetof(struct options, order),
     .fallback = DH_ORDER_SHUFFLED,
     .choices = order_names,
     .help = "shuffled, or sorted with the last parameter changing fastest"},
};

struct state {
    struct dh_walk walk; /* grid points passed */
    struct dh_axis *axes;
    size_t axis_count;
    struct dh_enumeration *enumeration;
};

static struct dh_axis axis_of(const struct dh_parameter *parameter, uint64_t wanted)
{
    double levels = dh_parameter_levels(parameter);
    if (parameter->choice_count || levels <= (double)wanted)
        return (struct dh_axis){.count = (uint64_t)levels};
    struct dh_axis axis = {.values = dh_alloc(wanted, sizeof *axis.values)};
    for (uint64_t k = 0; k < wanted; k++) {
        double u = wanted > 1 ? (double)k / (double)(wanted - 1) : 0.5;
        double value = dh_parameter_decode(parameter, u);
        if (axis.count == 0 || axis.values[axis.count - 1] != value)
            axis.values[axis.count++] = value;
    }
    return axis;
}

static struct dh_axis *make_axes(const struct dh_space *space, uint64_t levels)
{
    struct dh_axis *axes = dh_alloc(dh_space_count(space), sizeof *axes);
    for (size_t i = 0; i < dh_space_count(space); i++)
        axes[i] = axis_of(dh_space_parameter(space, i), levels);
    return axes;
}

static void free_axes(struct dh_axis *axes, size_t count)
{
    for (size_t i = 0; axes && i < count; i++)
        free(axes[i].values);
    free(axes);
}

int64_t dh_grid_levels(const struct dh_space *space, uint64_t points)
{
    uint64_t last = points < MOST_LEVELS ? points : MOST_LEVELS, levels = 2;
    for (; levels < last; levels += 1 + levels / 8) {
        struct dh_axis *axes = make_axes(space, levels);
        struct dh_enumeration *grid = dh_enumeration_create(space, axes, DH_ORDER_SORTED, 0);
        uint64_t total = dh_enumeration_total(grid);
        dh_enumeration_destroy(&grid);
        free_axes(axes, dh_space_count(space));
        if (total == 0 || total >= points) /* 0: more than can be counted */
            return (int64_t)levels;
    }
    return last > 2 ? (int64_t)last : 2;
}

static dh_status create(const struct dh_search_context *context, const void *options, void **state,
                        struct dh_error *err)
{
    (void)err;
    const struct options *o = options;
    struct state *s = dh_alloc(1, sizeof *s);
    *state = s;
    s->axis_count = dh_space_count(context->space);
    s->axes = make_axes(context->space, (uint64_t)o->levels);
    s->enumeration =
        dh_enumeration_create(context->space, s->axes, (enum dh_order)o->order, context->seed);
    uint64_t total = dh_enumeration_total(s->enumeration);
    if (total)
        dh_log_info(context->log, "grid: %llu points before constraints",
                    (unsigned long long)total);
    else
        dh_log_info(context->log, "grid: more points than can be counted");
    return DH_OK;
}

static void destroy(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    dh_enumeration_destroy(&s->enumeration);
    free_axes(s->axes, s->axis_count);
    free(s);
}

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    struct state *s = state;
    (void)id;
    (void)attempt;
    if (!dh_enumeration_point(s->enumeration, s->walk.cursor, proposal->point))
        return dh_fail(err, DH_EXHAUSTED, "the grid has ended after %llu points",
                       (unsigned long long)s->walk.cursor);
    proposal->cursor = ++s->walk.cursor;
    return DH_OK;
}

const struct dh_search_method dh_search_grid = {
    .name = "grid",
    .summary = "every combination of a few values of each parameter",
    .options = option_table,
    .option_count = DH_COUNT_OF(option_table),
    .options_size = sizeof(struct options),
    .closed = true,
    .create = create,
    .destroy = destroy,
    .ask = ask,
    .propose = dh_walk_propose,
};
