/* Method "lhs": latin hypercubes (McKay, Beckman, Conover 1979).
 *
 * A hypercube of `size` rows has, in each dimension, exactly one row in each of `size` equal
 * strata of the prior. Strata come from a permutation that needs no memory and places within them
 * from the counter-based generator, so any row of any hypercube can be made at once: the cursor
 * counts rows. After the last row another hypercube begins. With `maximin` > 1, each hypercube is
 * the best of so many by the least distance between two rows (Morris, Mitchell 1995) in the unit
 * cube; the distance is taken over its first 1000 rows.
 *
 * Where `size` is not given it is max_evaluations, so a resume with another max_evaluations begins
 * another hypercube: give `size` to keep it.
 */
#include "methods.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "permute.h"

#define DISTANCE_ROWS 1000

struct options {
    int64_t size;
    int64_t maximin;
};

static const struct dh_option option_table[] = {
    {.name = "size",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct options, size),
     .low = 0,
     .high = 1e15,
     .help = "rows of a hypercube; 0: max_evaluations, or 64 without one"},
    {.name = "maximin",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct options, maximin),
     .fallback = 1,
     .low = 1,
     .high = 10000,
     .help = "hypercubes to choose from, for the largest distance between rows"},
};

struct state {
    struct dh_walk walk; /* rows used, of all hypercubes */
    const struct dh_space *space;
    uint64_t seed;
    uint64_t size;
    uint64_t tries;
    uint64_t block; /* the hypercube that `key` belongs to; UINT64_MAX: none yet */
    uint64_t key;
    double *unit;
};

static dh_status create(const struct dh_search_context *context, const void *options, void **state,
                        struct dh_error *err)
{
    (void)err;
    const struct options *o = options;
    struct state *s = dh_alloc(1, sizeof *s);
    *state = s;
    s->space = context->space;
    s->seed = context->seed;
    s->size = dh_set_size(context, o->size);
    s->tries = (uint64_t)o->maximin;
    s->walk.dear = s->tries > 1;
    s->block = UINT64_MAX;
    s->unit = dh_alloc(dh_space_count(s->space), sizeof *s->unit);
    return DH_OK;
}

static void destroy(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    free(s->unit);
    free(s);
}

/* Row `row` of the hypercube `key`; parameters with one value stay in the middle. */
static void make_row(const struct state *s, uint64_t key, uint64_t row, double *unit)
{
    struct dh_random random = dh_random_at(key, DH_STREAM_DESIGN, row);
    for (size_t i = 0; i < dh_space_count(s->space); i++) {
        uint64_t stratum = dh_permute(dh_hash_mix(key + i), s->size, row);
        double place = ((double)stratum + dh_random_uniform(&random)) / (double)s->size;
        unit[i] = dh_parameter_levels(dh_space_parameter(s->space, i)) > 1 ? place : 0.5;
    }
}

/* The least squared distance between two rows. */
static double spread(const struct state *s, uint64_t key)
{
    size_t width = dh_space_count(s->space);
    size_t rows = s->size < DISTANCE_ROWS ? (size_t)s->size : DISTANCE_ROWS;
    double *cube = dh_alloc(rows * width, sizeof *cube);
    double least = INFINITY;
    for (size_t a = 0; a < rows; a++) {
        make_row(s, key, a, cube + a * width);
        for (size_t b = 0; b < a; b++) {
            double sum = 0;
            for (size_t i = 0; i < width && sum < least; i++) {
                double difference = cube[a * width + i] - cube[b * width + i];
                sum += difference * difference;
            }
            least = fmin(least, sum);
        }
    }
    free(cube);
    return least;
}

static void choose(struct state *s, uint64_t block)
{
    double best = -INFINITY;
    for (uint64_t t = 0; t < s->tries; t++) {
        uint64_t key = dh_hash_mix(dh_hash_mix(dh_hash_mix(s->seed) ^ block) ^ t);
        double value = s->tries > 1 ? spread(s, key) : 0;
        if (value > best) {
            best = value;
            s->key = key;
        }
    }
    s->block = block;
}

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    struct state *s = state;
    (void)id;
    (void)attempt;
    (void)err;
    uint64_t block = s->walk.cursor / s->size;
    if (block != s->block)
        choose(s, block);
    make_row(s, s->key, s->walk.cursor % s->size, s->unit);
    dh_space_quantile(s->space, s->unit, proposal->point);
    proposal->cursor = ++s->walk.cursor;
    return DH_OK;
}

const struct dh_search_method dh_search_lhs = {
    .name = "lhs",
    .summary = "latin hypercubes, on request maximin",
    .options = option_table,
    .option_count = DH_COUNT_OF(option_table),
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = destroy,
    .ask = ask,
    .propose = dh_walk_propose,
};
