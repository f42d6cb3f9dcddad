/* What is proposed where the search is late: see late.h. */
#include "late.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "dh_mpi/sched.h"

#define ATTEMPTS 16
#define LEAST_SCALE 0.002 /* of a step, in the unit cube */
#define MOST_SCALE 0.3

void dh_late_open(struct dh_late *late, const struct dh_space *space,
                  const struct dh_history *history, uint64_t seed, bool maximize)
{
    *late =
        (struct dh_late){.space = space, .history = history, .seed = seed, .maximize = maximize};
    for (uint64_t id = 0; id < dh_history_count(history); id++)
        dh_late_learn(late, dh_history_trial(history, id));
}

void dh_late_close(struct dh_late *late)
{
    dh_map_free(&late->seen);
    free(late->asks);
    *late = (struct dh_late){0};
}

void dh_late_exclude(struct dh_late *late, const double *points, size_t count)
{
    size_t width = dh_space_count(late->space);
    for (size_t i = 0; i < count; i++)
        dh_map_put(&late->seen, dh_space_identity(late->space, points + i * width), UINT64_MAX);
}

/* ---- the best ---- */

static double value_of(const struct dh_late *late, uint64_t id)
{
    return dh_history_trial(late->history, id)->outcome.objectives[0];
}

void dh_late_learn(struct dh_late *late, const struct dh_trial *trial)
{
    if (trial->outcome.status != DH_TRIAL_SUCCEEDED)
        return;
    size_t at = late->best_count;
    while (at > 0 && dh_objective_better(late->maximize, trial->outcome.objectives[0],
                                         value_of(late, late->best[at - 1])))
        at--;
    if (at == DH_LATE_BEST)
        return;
    size_t kept = late->best_count < DH_LATE_BEST ? late->best_count++ : DH_LATE_BEST - 1;
    memmove(&late->best[at + 1], &late->best[at], (kept - at) * sizeof late->best[0]);
    late->best[at] = trial->id;
}

/* ---- asks under way ---- */

static void push(struct dh_late *late, uint64_t count, double now)
{
    if (late->first > 0 && late->first == late->count)
        late->first = late->count = 0;
    if (late->first > 64 && late->first > late->count / 2) { /* what was taken makes room */
        late->count -= late->first;
        memmove(late->asks, late->asks + late->first, late->count * sizeof *late->asks);
        late->first = 0;
    }
    struct dh_late_asks *last = late->count > late->first ? &late->asks[late->count - 1] : NULL;
    if (last && last->since >= now)
        last->count += count;
    else
        *DH_PUSH(late->asks, late->count, late->capacity) = (struct dh_late_asks){now, count};
}

void dh_late_asked(struct dh_late *late, uint64_t count, double now)
{
    push(late, count, now);
}

void dh_late_answered(struct dh_late *late)
{
    if (late->first < late->count && --late->asks[late->first].count == 0)
        late->first++;
}

double dh_late_oldest(const struct dh_late *late)
{
    return late->first < late->count ? late->asks[late->first].since : (double)INFINITY;
}

uint64_t dh_late_overdue(const struct dh_late *late, double then)
{
    uint64_t overdue = 0;
    for (size_t i = late->first; i < late->count && late->asks[i].since <= then; i++)
        overdue += late->asks[i].count;
    return overdue;
}

void dh_late_replaced(struct dh_late *late, double now)
{
    dh_late_answered(late);
    push(late, 1, now);
}

/* ---- points ---- */

static void know_trials(struct dh_late *late)
{
    for (; late->known < dh_history_count(late->history); late->known++) {
        const struct dh_trial *trial = dh_history_trial(late->history, late->known);
        if (!dh_trial_cancelled(trial)) /* of an earlier run: its point may come again */
            dh_map_put(&late->seen, trial->identity, late->known);
    }
}

bool dh_late_repeats(struct dh_late *late, uint64_t identity)
{
    if (!late->gave)
        return false;
    know_trials(late);
    return dh_map_get(&late->seen, identity, NULL);
}

static void perturb(const struct dh_late *late, struct dh_random *random, double *point)
{
    double u = dh_random_uniform(random);
    size_t place = (size_t)(u * u * (double)late->best_count); /* the better the likelier */
    double scale = LEAST_SCALE * pow(MOST_SCALE / LEAST_SCALE, dh_random_uniform(random));
    const struct dh_trial *parent = dh_history_trial(late->history, late->best[place]);
    dh_space_perturb(late->space, random, parent->values, scale, point);
}

bool dh_late_point(struct dh_late *late, double *point, uint64_t *identity)
{
    struct dh_random random =
        dh_random_at(late->seed, DH_STREAM_LATE, dh_history_count(late->history));
    know_trials(late);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (late->best_count > 0)
            perturb(late, &random, point);
        else if (dh_space_sample(late->space, &random, point, NULL) != DH_OK)
            return false;
        *identity = dh_space_identity(late->space, point);
        if (dh_space_feasible(late->space, point) && !dh_map_get(&late->seen, *identity, NULL)) {
            late->gave = true;
            return true;
        }
    }
    return false;
}
