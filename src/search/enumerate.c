/* Lattice points by number: see enumerate.h.
 *
 * Three ways, chosen by the space:
 * - flat, up to 2^62 points: the number is a mixed-radix number;
 * - conditional, up to COUNT_LIMIT points: counted once by an odometer over the active parameters,
 *   with its digits kept every STRIDE points, so that any number is at most STRIDE steps away;
 * - otherwise: the odometer from the start; shuffled, SCATTER random points go before it, because
 *   nobody will see its end, and its beginning alone would be a corner of the space.
 * Shuffled numbers go through a permutation.
 */
#include "enumerate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "permute.h"

#define FLAT_LIMIT ((uint64_t)1 << 62)
#define COUNT_LIMIT ((uint64_t)1 << 20)
#define SCATTER ((uint64_t)1 << 20)
#define STRIDE 64

struct dh_enumeration {
    const struct dh_space *space;
    const struct dh_axis *axes;
    size_t count; /* parameters */
    enum dh_order order;
    uint64_t seed;
    uint64_t total; /* 0: not known */

    /* The odometer: point number `rank` of the depth-first walk. */
    uint64_t *digits;
    double *point;
    uint64_t rank;

    uint32_t *marks; /* digits of the ranks 0, STRIDE, 2 STRIDE … of a counted walk */
    size_t mark_count, mark_capacity;
};

static double axis_value(const struct dh_enumeration *e, size_t i, uint64_t digit)
{
    const struct dh_axis *axis = &e->axes[i];
    return axis->values ? axis->values[digit]
                        : dh_parameter_level(dh_space_parameter(e->space, i), digit);
}

/* The lowest values for the parameters from `first` on, as far as they are active. */
static void rewind_from(struct dh_enumeration *e, size_t first)
{
    for (size_t i = first; i < e->count; i++) {
        e->digits[i] = 0;
        e->point[i] = dh_space_active(e->space, i, e->point) ? axis_value(e, i, 0) : NAN;
    }
}

/* The next point of the walk; false at its end, where the odometer stays on the last point. */
static bool advance(struct dh_enumeration *e)
{
    for (size_t i = e->count; i-- > 0;) {
        if (isnan(e->point[i]) || e->digits[i] + 1 >= e->axes[i].count)
            continue;
        e->point[i] = axis_value(e, i, ++e->digits[i]);
        rewind_from(e, i + 1);
        e->rank++;
        return true;
    }
    return false;
}

static void restart(struct dh_enumeration *e)
{
    rewind_from(e, 0);
    e->rank = 0;
}

/* Every digit of a counted walk is below COUNT_LIMIT, so 32 bits hold it. */
static void keep_mark(struct dh_enumeration *e)
{
    for (size_t i = 0; i < e->count; i++)
        *DH_PUSH(e->marks, e->mark_count, e->mark_capacity) = (uint32_t)e->digits[i];
}

static void restore_mark(struct dh_enumeration *e, uint64_t mark)
{
    const uint32_t *digits = e->marks + mark * e->count;
    for (size_t i = 0; i < e->count; i++) {
        e->digits[i] = digits[i];
        e->point[i] = dh_space_active(e->space, i, e->point) ? axis_value(e, i, digits[i]) : NAN;
    }
    e->rank = mark * STRIDE;
}

static void forget_marks(struct dh_enumeration *e)
{
    free(e->marks);
    e->marks = NULL;
    e->mark_count = e->mark_capacity = 0;
}

/* Walk to the end, or to the limit, where the total stays unknown. */
static void count_walk(struct dh_enumeration *e)
{
    uint64_t total = 0;
    restart(e);
    do {
        if (total == COUNT_LIMIT) {
            forget_marks(e);
            return;
        }
        if (total % STRIDE == 0)
            keep_mark(e);
        total++;
    } while (advance(e));
    e->total = total;
}

static void count_flat(struct dh_enumeration *e)
{
    uint64_t total = 1;
    for (size_t i = 0; i < e->count; i++)
        if (__builtin_mul_overflow(total, e->axes[i].count, &total) || total > FLAT_LIMIT)
            return;
    e->total = total;
}

struct dh_enumeration *dh_enumeration_create(const struct dh_space *space,
                                             const struct dh_axis *axes, enum dh_order order,
                                             uint64_t seed)
{
    struct dh_enumeration *e = dh_alloc(1, sizeof *e);
    e->space = space;
    e->axes = axes;
    e->count = dh_space_count(space);
    e->order = order;
    e->seed = seed;
    e->digits = dh_alloc(e->count, sizeof *e->digits);
    e->point = dh_alloc(e->count, sizeof *e->point);
    if (dh_space_conditional(space))
        count_walk(e);
    else
        count_flat(e);
    restart(e);
    return e;
}

void dh_enumeration_destroy(struct dh_enumeration **enumeration)
{
    struct dh_enumeration *e = *enumeration;
    if (!e)
        return;
    free(e->digits);
    free(e->point);
    free(e->marks);
    free(e);
    *enumeration = NULL;
}

uint64_t dh_enumeration_total(const struct dh_enumeration *enumeration)
{
    return enumeration->total;
}

/* Bring the odometer to `rank`; false if the walk ends before. */
static bool seek(struct dh_enumeration *e, uint64_t rank)
{
    if (e->marks && (rank < e->rank || rank - e->rank > STRIDE))
        restore_mark(e, rank / STRIDE);
    else if (rank < e->rank)
        restart(e);
    while (e->rank < rank)
        if (!advance(e))
            return false;
    return true;
}

static void from_number(const struct dh_enumeration *e, uint64_t number, double *point)
{
    for (size_t i = e->count; i-- > 0;) {
        point[i] = axis_value(e, i, number % e->axes[i].count);
        number /= e->axes[i].count;
    }
}

static void draw(const struct dh_enumeration *e, uint64_t cursor, double *point)
{
    struct dh_random random = dh_random_at(e->seed, DH_STREAM_DESIGN, cursor);
    for (size_t i = 0; i < e->count; i++) {
        uint64_t digit = dh_random_below(&random, e->axes[i].count);
        point[i] = dh_space_active(e->space, i, point) ? axis_value(e, i, digit) : NAN;
    }
}

bool dh_enumeration_point(struct dh_enumeration *e, uint64_t cursor, double *point)
{
    bool shuffled = e->order == DH_ORDER_SHUFFLED;
    if (e->total == 0 && shuffled) {
        if (cursor < SCATTER) {
            draw(e, cursor, point);
            return true;
        }
        cursor -= SCATTER;
    }
    if (e->total) {
        if (cursor >= e->total)
            return false;
        cursor = shuffled ? dh_permute(e->seed, e->total, cursor) : cursor;
        if (!dh_space_conditional(e->space)) {
            from_number(e, cursor, point);
            return true;
        }
    }
    if (!seek(e, cursor))
        return false;
    memcpy(point, e->point, e->count * sizeof *point);
    return true;
}
