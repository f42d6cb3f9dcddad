/* Distributions of durations: see duration.h and simulate.h. */
#include "duration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"

static double draw_fixed(const struct dh_duration *d, struct dh_random *random)
{
    (void)random;
    return d->a;
}

static double draw_uniform(const struct dh_duration *d, struct dh_random *random)
{
    return d->a + (d->b - d->a) * dh_random_uniform(random);
}

static double draw_normal(const struct dh_duration *d, struct dh_random *random)
{
    return fmax(d->a + d->b * dh_random_normal(random), 0);
}

/* Of mean a and deviation b itself, so that it compares with the normal one. */
static double draw_lognormal(const struct dh_duration *d, struct dh_random *random)
{
    double variance = log1p(d->b * d->b / (d->a * d->a));
    return d->a * exp(sqrt(variance) * dh_random_normal(random) - variance / 2);
}

static double draw_exponential(const struct dh_duration *d, struct dh_random *random)
{
    return -d->a * log1p(-dh_random_uniform(random));
}

static const struct {
    const char *name, *form;
    int numbers;
    double (*draw)(const struct dh_duration *, struct dh_random *);
} kinds[] = {
    [DH_DURATION_OWN] = {"", "", 0, NULL},
    [DH_DURATION_FIXED] = {"fixed", "fixed:SECONDS", 1, draw_fixed},
    [DH_DURATION_UNIFORM] = {"uniform", "uniform:LOW,HIGH", 2, draw_uniform},
    [DH_DURATION_NORMAL] = {"normal", "normal:MEAN,DEVIATION", 2, draw_normal},
    [DH_DURATION_LOGNORMAL] = {"lognormal", "lognormal:MEAN,DEVIATION", 2, draw_lognormal},
    [DH_DURATION_EXPONENTIAL] = {"exponential", "exponential:MEAN", 1, draw_exponential},
};

double dh_duration_draw(const struct dh_duration *duration, struct dh_random *random)
{
    return kinds[duration->kind].draw(duration, random);
}

static dh_status unknown(const char *text, struct dh_error *err)
{
    struct dh_buffer known = {0};
    for (size_t i = 1; i < DH_COUNT_OF(kinds); i++)
        dh_buffer_printf(&known, "%s%s", i > 1 ? ", " : "", kinds[i].form);
    dh_fail(err, DH_USAGE, "duration '%s': expected one of %s", text, known.data);
    dh_buffer_free(&known);
    return DH_USAGE;
}

/* The numbers behind the colon; returns how many there are, or -1. */
static int read_numbers(const char *text, double *numbers)
{
    char *copy = dh_strdup(text), *rest = copy, *word;
    int count = 0;
    while ((word = strsep(&rest, ",")) && count >= 0)
        count = count < 2 && dh_text_duration(word, &numbers[count]) ? count + 1 : -1;
    free(copy);
    return count;
}

dh_status dh_duration_parse(const char *text, struct dh_duration *out, struct dh_error *err)
{
    size_t kind = 1, length = strcspn(text, ":");
    while (kind < DH_COUNT_OF(kinds) &&
           (strlen(kinds[kind].name) != length || strncmp(kinds[kind].name, text, length) != 0))
        kind++;
    if (kind == DH_COUNT_OF(kinds) || text[length] != ':')
        return unknown(text, err);
    double numbers[2] = {0};
    if (read_numbers(text + length + 1, numbers) != kinds[kind].numbers)
        return dh_fail(err, DH_USAGE, "duration '%s': expected %s", text, kinds[kind].form);
    *out = (struct dh_duration){(enum dh_duration_kind)kind, numbers[0], numbers[1]};
    if (out->kind == DH_DURATION_UNIFORM && out->b < out->a)
        return dh_fail(err, DH_USAGE, "duration '%s': the second number is below the first", text);
    if (out->kind == DH_DURATION_LOGNORMAL && out->a <= 0)
        return dh_fail(err, DH_USAGE, "duration '%s': the mean has to be above 0", text);
    return DH_OK;
}
