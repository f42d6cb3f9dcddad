/* Expected durations: see fit.h. */
#include "fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define QUANTILE 0.9
#define REJUDGE 32    /* new durations after which the old judgement is made again */
#define JUDGES 128    /* points at which the neighbours are judged */
#define SHORTEST 1e-6 /* seconds: logarithms need something above 0 */

void fit_open(struct fit *fit, const struct dh_space *space)
{
    *fit = (struct fit){.space = space, .dimensions = space ? dh_space_count(space) : 0};
    fit->seconds = dh_alloc(FIT_MEMORY, sizeof *fit->seconds);
    fit->units = dh_alloc(FIT_MEMORY * fit->dimensions, sizeof *fit->units);
}

void fit_close(struct fit *fit)
{
    free(fit->seconds);
    free(fit->units);
    *fit = (struct fit){0};
}

static size_t kept(const struct fit *fit)
{
    return fit->count < FIT_MEMORY ? (size_t)fit->count : FIT_MEMORY;
}

static bool teaches(const struct dh_outcome *outcome)
{
    double seconds = outcome->ended - outcome->started;
    return outcome->status == DH_TRIAL_SUCCEEDED && seconds >= 0 && isfinite(seconds);
}

void fit_learn(struct fit *fit, const struct dh_trial *trial, const struct dh_outcome *outcome)
{
    if (!teaches(outcome))
        return;
    size_t place = (size_t)(fit->count++ % FIT_MEMORY);
    fit->seconds[place] = outcome->ended - outcome->started;
    fit->longest = fmax(fit->longest, fit->seconds[place]);
    if (fit->space)
        dh_space_encode(fit->space, trial->values, &fit->units[place * fit->dimensions]);
}

void fit_learn_history(struct fit *fit, const struct dh_history *history)
{
    uint64_t count = dh_history_count(history), first = count;
    for (size_t found = 0; first > 0 && found < FIT_MEMORY; first--) {
        const struct dh_trial *trial = dh_history_trial(history, first - 1);
        found += dh_trial_ended_by(trial, UINT64_MAX) && teaches(&trial->outcome);
    }
    for (uint64_t id = first; id < count; id++) {
        const struct dh_trial *trial = dh_history_trial(history, id);
        if (dh_trial_ended_by(trial, UINT64_MAX))
            fit_learn(fit, trial, &trial->outcome);
    }
}

/* A parameter that is active in one point only is as far away as can be. */
static double distance(const double *a, const double *b, size_t dimensions)
{
    double sum = 0;
    for (size_t i = 0; i < dimensions; i++) {
        double gap = isnan(a[i]) && isnan(b[i]) ? 0 : a[i] - b[i];
        sum += isnan(gap) ? 1 : gap * gap;
    }
    return sum;
}

/* Durations of the nearest neighbours of `unit`, but for the one at `skip`; nearest first.
 * Returns how many there are. */
static size_t find_nearest(const struct fit *fit, const double *unit, size_t skip, double *seconds)
{
    double far[FIT_NEIGHBOURS];
    size_t found = 0;
    for (size_t i = 0; i < kept(fit); i++) {
        double d = i == skip ? INFINITY
                             : distance(unit, &fit->units[i * fit->dimensions], fit->dimensions);
        if (i == skip || (found == FIT_NEIGHBOURS && d >= far[found - 1]))
            continue;
        size_t place = found < FIT_NEIGHBOURS ? found++ : found - 1;
        for (; place > 0 && far[place - 1] > d; place--) {
            far[place] = far[place - 1];
            seconds[place] = seconds[place - 1];
        }
        far[place] = d;
        seconds[place] = fit->seconds[i];
    }
    return found;
}

static double logarithm(double seconds)
{
    return log(fmax(seconds, SHORTEST));
}

static double mean_logarithm(const double *seconds, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += logarithm(seconds[i]);
    return sum / (double)count;
}

/* Do neighbours say more of a duration than the mean of all does? */
static bool parameters_explain(const struct fit *fit)
{
    size_t count = kept(fit);
    if (!fit->space || count < FIT_FEWEST)
        return false;
    double mean = mean_logarithm(fit->seconds, count), plain = 0, informed = 0;
    for (size_t i = 0; i < count; i += 1 + count / JUDGES) {
        double near[FIT_NEIGHBOURS], here = logarithm(fit->seconds[i]);
        size_t found = find_nearest(fit, &fit->units[i * fit->dimensions], i, near);
        plain += (here - mean) * (here - mean);
        double miss = here - mean_logarithm(near, found);
        informed += miss * miss;
    }
    return informed < (1 - FIT_EXPLAINED) * plain;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void judge(struct fit *fit)
{
    size_t count = kept(fit);
    double *sorted = dh_memdup(fit->seconds, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    fit->quantile = sorted[(size_t)ceil(QUANTILE * (double)count) - 1];
    free(sorted);
    fit->by_parameters = parameters_explain(fit);
    fit->judged = fit->count;
}

double fit_expect(struct fit *fit, const double *values, bool *by_parameters)
{
    *by_parameters = false;
    if (fit->count == 0)
        return 0;
    bool few = fit->count < REJUDGE && fit->count > fit->judged;
    if (few || fit->judged == 0 || fit->count - fit->judged >= REJUDGE)
        judge(fit);
    if (!fit->by_parameters)
        return fit->quantile;
    *by_parameters = true;
    double *unit = dh_alloc(fit->dimensions, sizeof *unit), near[FIT_NEIGHBOURS];
    dh_space_encode(fit->space, values, unit);
    size_t found = find_nearest(fit, unit, SIZE_MAX, near);
    free(unit);
    qsort(near, found, sizeof *near, ascending);
    return near[found - 2];
}
