/* Counts and the incumbent: see tally.h. */
#include "tally.h"

#include <math.h>
#include <stdlib.h>

bool dh_objective_better(bool maximize, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a);
    return maximize ? a > b : a < b;
}

uint64_t dh_history_best(const struct dh_history *history, bool maximize)
{
    struct tally tally;
    tally_history(&tally, maximize, history);
    return tally.incumbent;
}

void tally_end(struct tally *tally, uint64_t trial, const struct dh_outcome *outcome)
{
    bool failed = outcome->status == DH_TRIAL_FAILED || outcome->status == DH_TRIAL_TIMEOUT;
    tally->by_status[outcome->status]++;
    if (outcome->status == DH_TRIAL_CANCELLED)
        return;
    tally->failures_in_row = failed ? tally->failures_in_row + 1 : 0;
    tally->since_improvement++;
    if (outcome->status != DH_TRIAL_SUCCEEDED ||
        !dh_objective_better(tally->maximize, outcome->objectives[0], tally->best))
        return;
    tally->incumbent = trial;
    tally->best = outcome->objectives[0];
    tally->since_improvement = 0;
}

void tally_history(struct tally *tally, bool maximize, const struct dh_history *history)
{
    *tally = (struct tally){.maximize = maximize, .incumbent = UINT64_MAX, .best = NAN};
    uint64_t count, *order = dh_history_ended_order(history, &count);
    for (uint64_t i = 0; i < count; i++)
        tally_end(tally, order[i], &dh_history_trial(history, order[i])->outcome);
    tally->failures_in_row = 0; /* what made them fail may have been mended since */
    free(order);
}

uint64_t tally_spent(const struct tally *tally)
{
    return tally->by_status[DH_TRIAL_SUCCEEDED] + tally->by_status[DH_TRIAL_FAILED] +
           tally->by_status[DH_TRIAL_TIMEOUT] + tally->by_status[DH_TRIAL_PRUNED];
}
