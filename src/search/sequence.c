/* Methods "sobol" and "halton": quasi-random sequences (GSL's), randomised by the seed; and
 * "hammersley", a set of a given size.
 *
 * - sobol: the bits of each coordinate are XORed with a random word (a digital shift), which keeps
 *   every stratification of the sequence; 40 dimensions and 2^30 points are what GSL's direction
 *   numbers and words give.
 * - halton: GSL's reverse Halton sequence (Vandewoestyne, Cools 2006: without the correlations of
 *   large bases), each coordinate shifted by a random amount modulo 1 (Cranley, Patterson 1976).
 * - hammersley (Hammersley 1960): point p of N has (p + 1/2) / N as its first coordinate, and the
 *   reverse Halton sequence is the others; all shifted like that. Such a set is more even than N
 *   points of a sequence, but only as a whole; so that a search that ends early has not seen one
 *   side of the first parameter alone, its points come in a random order. After the last one
 *   another set begins, with other shifts.
 * The first point, all zeros before it is randomised, is used: leaving it out would break the
 * stratification of the first 2^m points (Owen 2020, "On dropping the first Sobol' point").
 *
 * The cursor counts points; after a resume a sequence's generator is wound forward to it, and a
 * set's point can be made at once.
 * Parameters with a single value use no dimension. Points go through the priors' quantiles.
 */
#include "methods.h"

#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "permute.h"

#define SOBOL_BITS 30

struct kind {
    const char *name;
    const gsl_qrng_type *const *type; /* NULL: a set */
    size_t dimension_limit;
    uint64_t point_limit; /* 0: none that matters */
    const char *advice;
    /* Randomise coordinate x in [0, 1) by the random word. */
    double (*randomise)(double x, uint64_t word);
};

struct state {
    struct dh_walk walk; /* points used */
    const struct dh_space *space;
    const struct kind *kind;
    uint64_t seed;
    gsl_qrng *generator;
    uint64_t position;  /* vectors taken from the generator; it does not give the zeros */
    size_t *parameters; /* which parameter each dimension is */
    size_t dimensions;
    uint64_t *words; /* of the randomisation, one a dimension */
    double *raw;     /* vector number `position` */
    double *unit;    /* one a parameter */
    uint64_t size;   /* of a set; 0: a sequence, which is one without end */
    uint64_t set;    /* the one that `words` belong to */
    uint64_t *bases; /* of a set's coordinates but the first */
};

struct set_options {
    int64_t size;
};

static const struct dh_option set_option_table[] = {
    {.name = "size",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct set_options, size),
     .low = 0,
     .high = 1e15,
     .help = "points of a set; 0: max_evaluations, or 64 without one"},
};

static double shift_bits(double x, uint64_t word)
{
    uint64_t bits = (uint64_t)ldexp(x, SOBOL_BITS) ^ (word >> (64 - SOBOL_BITS));
    return ldexp((double)bits + 0.5, -SOBOL_BITS);
}

static double shift_modulo(double x, uint64_t word)
{
    double sum = x + ldexp((double)(word >> 11), -53);
    return sum < 1 ? sum : sum - 1;
}

static const struct kind sobol = {
    .name = "sobol",
    .type = &gsl_qrng_sobol,
    .dimension_limit = 40,
    .point_limit = (uint64_t)1 << SOBOL_BITS,
    .advice = "halton (up to 1229) and lhs take more",
    .randomise = shift_bits,
};
static const struct kind halton = {
    .name = "halton",
    .type = &gsl_qrng_reversehalton,
    .dimension_limit = 1229,
    .advice = "lhs and random take more",
    .randomise = shift_modulo,
};
static const struct kind hammersley = {
    .name = "hammersley",
    .dimension_limit = 1230,
    .advice = "lhs and random take more",
    .randomise = shift_modulo,
};

static void choose_dimensions(struct state *s)
{
    size_t count = dh_space_count(s->space);
    s->parameters = dh_alloc(count, sizeof *s->parameters);
    s->unit = dh_alloc(count, sizeof *s->unit);
    for (size_t i = 0; i < count; i++) {
        s->unit[i] = 0.5; /* what a parameter with one value keeps */
        if (dh_parameter_levels(dh_space_parameter(s->space, i)) > 1)
            s->parameters[s->dimensions++] = i;
    }
}

static void draw_words(struct state *s, uint64_t set)
{
    struct dh_random random = dh_random_at(s->seed, DH_STREAM_DESIGN, set);
    for (size_t d = 0; d < s->dimensions; d++)
        s->words[d] = dh_random_u64(&random);
    s->set = set;
}

static dh_status create(const struct dh_search_context *context, const struct kind *kind,
                        void **state, struct dh_error *err)
{
    struct state *s = dh_alloc(1, sizeof *s);
    *state = s;
    s->space = context->space;
    s->kind = kind;
    s->seed = context->seed;
    choose_dimensions(s);
    if (s->dimensions > kind->dimension_limit) {
        const char *setting = context->setting ? context->setting : "method";
        const struct dh_node *node = dh_node_child(context->settings->optimizer, setting);
        return dh_node_fail(err, node,
                            "optimizer.%s: %s is limited to %zu parameters with more than one "
                            "value and the space has %zu; %s",
                            setting, kind->name, kind->dimension_limit, s->dimensions,
                            kind->advice);
    }
    s->raw = dh_alloc(s->dimensions, sizeof *s->raw);
    s->words = dh_alloc(s->dimensions, sizeof *s->words);
    draw_words(s, 0);
    if (kind->type && s->dimensions > 0 &&
        !(s->generator = gsl_qrng_alloc(*kind->type, (unsigned)s->dimensions)))
        return dh_fail(err, DH_INTERNAL, "GSL gives no generator for %zu dimensions",
                       s->dimensions);
    return DH_OK;
}

static dh_status create_sobol(const struct dh_search_context *context, const void *options,
                              void **state, struct dh_error *err)
{
    (void)options;
    return create(context, &sobol, state, err);
}

static dh_status create_halton(const struct dh_search_context *context, const void *options,
                               void **state, struct dh_error *err)
{
    (void)options;
    return create(context, &halton, state, err);
}

static uint64_t next_prime(uint64_t after)
{
    for (uint64_t candidate = after + 1;; candidate++) {
        uint64_t divisor = 2;
        while (divisor * divisor <= candidate && candidate % divisor)
            divisor++;
        if (divisor * divisor > candidate)
            return candidate;
    }
}

static dh_status create_hammersley(const struct dh_search_context *context, const void *options,
                                   void **state, struct dh_error *err)
{
    const struct set_options *o = options;
    dh_status status = create(context, &hammersley, state, err);
    if (status)
        return status;
    struct state *s = *state;
    s->size = dh_set_size(context, o->size);
    s->bases = dh_alloc(s->dimensions, sizeof *s->bases);
    for (size_t d = 1; d < s->dimensions; d++)
        s->bases[d] = next_prime(d > 1 ? s->bases[d - 1] : 1);
    return DH_OK;
}

static void destroy(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    if (s->generator)
        gsl_qrng_free(s->generator);
    free(s->parameters);
    free(s->words);
    free(s->bases);
    free(s->raw);
    free(s->unit);
    free(s);
}

/* Vector number `index` of the sequence into `raw`. A generator can only go forward. */
static void wind(struct state *s, uint64_t index)
{
    if (index < s->position || index == 0) {
        gsl_qrng_init(s->generator);
        s->position = 0;
        for (size_t d = 0; d < s->dimensions; d++)
            s->raw[d] = 0;
    }
    for (; s->position < index; s->position++)
        gsl_qrng_get(s->generator, s->raw);
}

/* The digits of `index` behind the point, reversed as GSL's reverse Halton sequence has them: d
 * becomes base - d, but 0 stays. */
static double invert(uint64_t index, uint64_t base)
{
    double value = 0, place = 1;
    for (; index; index /= base) {
        place /= (double)base;
        if (index % base)
            value += place * (double)(base - index % base);
    }
    return value;
}

/* Point number `index` of all sets into `raw`. */
static void place(struct state *s, uint64_t index)
{
    uint64_t set = index / s->size;
    if (set != s->set)
        draw_words(s, set);
    uint64_t key = dh_hash_mix(dh_hash_mix(s->seed) ^ set);
    uint64_t point = dh_permute(key, s->size, index % s->size);
    for (size_t d = 0; d < s->dimensions; d++)
        s->raw[d] = d ? invert(point, s->bases[d]) : ((double)point + 0.5) / (double)s->size;
}

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    struct state *s = state;
    (void)id;
    (void)attempt;
    if (s->kind->point_limit && s->walk.cursor >= s->kind->point_limit)
        return dh_fail(err, DH_EXHAUSTED, "the sequence has ended after %llu points",
                       (unsigned long long)s->walk.cursor);
    if (s->size)
        place(s, s->walk.cursor);
    else if (s->generator)
        wind(s, s->walk.cursor);
    for (size_t d = 0; d < s->dimensions; d++)
        s->unit[s->parameters[d]] = s->kind->randomise(s->raw[d], s->words[d]);
    dh_space_quantile(s->space, s->unit, proposal->point);
    proposal->cursor = ++s->walk.cursor;
    return DH_OK;
}

const struct dh_search_method dh_search_sobol = {
    .name = "sobol",
    .summary = "Sobol' sequence with a random digital shift; up to 40 parameters",
    .create = create_sobol,
    .destroy = destroy,
    .ask = ask,
    .propose = dh_walk_propose,
};

const struct dh_search_method dh_search_halton = {
    .name = "halton",
    .summary = "reverse Halton sequence with a random shift; up to 1229 parameters",
    .create = create_halton,
    .destroy = destroy,
    .ask = ask,
    .propose = dh_walk_propose,
};

const struct dh_search_method dh_search_hammersley = {
    .name = "hammersley",
    .summary = "Hammersley sets with random shifts; up to 1230 parameters",
    .options = set_option_table,
    .option_count = DH_COUNT_OF(set_option_table),
    .options_size = sizeof(struct set_options),
    .create = create_hammersley,
    .destroy = destroy,
    .ask = ask,
    .propose = dh_walk_propose,
};
