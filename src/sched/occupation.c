/* What a trial's time on a slot was used for: see occupation.h. */
#include "occupation.h"

#include <math.h>

/* Whole ticks of `seconds`, at least 0 and at most `most`. */
static int64_t ticks_of(double seconds, int64_t most)
{
    if (!(seconds > 0))
        return 0;
    return seconds * DH_TICKS < (double)most ? llround(seconds * DH_TICKS) : most;
}

/* Seconds by which the worker's clock is ahead, at least. */
static double learn_gap(struct clock_gap *gap, double lead, double tail)
{
    gap->lead = gap->known ? fmin(gap->lead, lead) : lead;
    gap->tail = gap->known ? fmin(gap->tail, tail) : tail;
    gap->known = true;
    return gap->lead < 0 ? gap->lead : fmin(fmax(0, -gap->tail), gap->lead);
}

void usage_release(struct dh_usage *usage, struct clock_gap *gap, const struct occupation *whole,
                   const struct dh_outcome *outcome)
{
    if (!outcome) {
        usage->by_use[DH_USE_EVALUATING] -= whole->ticks;
        usage->by_use[DH_USE_LOST] += whole->ticks;
        return;
    }
    double length = outcome->ended - outcome->started;
    int64_t evaluating = whole->ticks, starting = 0;
    if (outcome->ended > 0 && length >= 0 && isfinite(length)) {
        double lead = outcome->started - whole->handed_out;
        double tail = (double)whole->ticks / DH_TICKS - lead - length;
        evaluating = ticks_of(length, whole->ticks);
        if (!whole->taken)
            starting = ticks_of(lead - learn_gap(gap, lead, tail), whole->ticks - evaluating);
    }
    usage->by_use[DH_USE_EVALUATING] -= whole->ticks - evaluating;
    usage->by_use[DH_USE_STARTING] += starting;
    usage->by_use[DH_USE_REPORTING] += whole->ticks - evaluating - starting;
    if (outcome->status != DH_TRIAL_SUCCEEDED && outcome->status != DH_TRIAL_PRUNED)
        usage->failed += evaluating;
}
