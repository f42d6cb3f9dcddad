/* Methods "sobol" and "halton": quasi-random sequences (GSL's), randomised by the seed.
 *
 * - sobol: the bits of each coordinate are XORed with a random word (a digital shift), which keeps
 *   every stratification of the sequence; 40 dimensions and 2^30 points are what GSL's direction
 *   numbers and words give.
 * - halton: GSL's reverse Halton sequence (Vandewoestyne, Cools 2006: without the correlations of
 *   large bases), each coordinate shifted by a random amount modulo 1 (Cranley, Patterson 1976).
 * The first point, all zeros before it is randomised, is used: leaving it out would break the
 * stratification of the first 2^m points (Owen 2020, "On dropping the first Sobol' point").
 *
 * The cursor counts points of the sequence; after a resume the generator is wound forward to it.
 * Parameters with a single value use no dimension. Points go through the priors' quantiles.
 */
#include "methods.h"

#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"

#define SOBOL_BITS 30

struct kind {
    const char *name;
    const gsl_qrng_type *const *type;
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
    gsl_qrng *generator;
    uint64_t position;  /* vectors taken from the generator; it does not give the zeros */
    size_t *parameters; /* which parameter each dimension is */
    size_t dimensions;
    uint64_t *words; /* of the randomisation, one a dimension */
    double *raw;     /* vector number `position` */
    double *unit;    /* one a parameter */
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

static dh_status create(const struct dh_search_context *context, const struct kind *kind,
                        void **state, struct dh_error *err)
{
    struct state *s = dh_alloc(1, sizeof *s);
    *state = s;
    s->space = context->space;
    s->kind = kind;
    choose_dimensions(s);
    if (s->dimensions > kind->dimension_limit) {
        const struct dh_node *node = dh_node_child(context->settings->optimizer, "method");
        return dh_node_fail(err, node,
                            "optimizer.method: %s is limited to %zu parameters with more than one "
                            "value and the space has %zu; %s",
                            kind->name, kind->dimension_limit, s->dimensions, kind->advice);
    }
    s->raw = dh_alloc(s->dimensions, sizeof *s->raw);
    s->words = dh_alloc(s->dimensions, sizeof *s->words);
    struct dh_random random = dh_random_at(context->seed, DH_STREAM_DESIGN, 0);
    for (size_t d = 0; d < s->dimensions; d++)
        s->words[d] = dh_random_u64(&random);
    if (s->dimensions > 0 && !(s->generator = gsl_qrng_alloc(*kind->type, (unsigned)s->dimensions)))
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

static void destroy(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    if (s->generator)
        gsl_qrng_free(s->generator);
    free(s->parameters);
    free(s->words);
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

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    struct state *s = state;
    (void)id;
    (void)attempt;
    if (s->kind->point_limit && s->walk.cursor >= s->kind->point_limit)
        return dh_fail(err, DH_EXHAUSTED, "the sequence has ended after %llu points",
                       (unsigned long long)s->walk.cursor);
    if (s->generator)
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
