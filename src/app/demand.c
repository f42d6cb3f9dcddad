/* How many proposals to keep ready: see demand.h. */
#include "demand.h"

#include <math.h>

#define SMOOTHING 0.1     /* weight of the newest ask */
#define INTERVAL 0.25     /* seconds over which claims are counted for a rate */
#define ASKS_AHEAD 2.0    /* keep what is claimed during so many asks */
#define GAPS_AHEAD 2.0    /* … and between so many looks for claims, */
#define SHORTEST_GAP 1e-3 /* which may be so far apart at any time, since rank 0 naps; */
#define LONGEST_GAP 0.05  /* longer ones say nothing about the next */

static void smooth(double *mean, double value, uint64_t count)
{
    double first = 1 / (double)(count + 1); /* a plain mean until there are enough */
    double weight = first > SMOOTHING ? first : SMOOTHING;
    *mean += weight * (value - *mean);
}

void dh_demand_answered(struct dh_demand *demand, double latency, double work, int waited)
{
    smooth(&demand->latency, latency, demand->asks);
    smooth(&demand->ask_seconds, work, demand->asks);
    demand->asks++;
    demand->late += waited && latency > dh_demand_patience(demand);
}

void dh_demand_evaluated(struct dh_demand *demand, double seconds)
{
    if (seconds >= 0 && isfinite(seconds))
        smooth(&demand->evaluation, seconds, demand->evaluations++);
}

double dh_demand_patience(const struct dh_demand *demand)
{
    return fmax(DH_LATE_ASK, DH_LATE_SHARE * demand->evaluation);
}

void dh_demand_claimed(struct dh_demand *demand, uint64_t claims, double now)
{
    demand->counted += claims;
    double elapsed = now - demand->counted_since;
    if (elapsed < INTERVAL)
        return;
    double rate = (double)demand->counted / elapsed;
    demand->rate = demand->rate > 0 ? (demand->rate + rate) / 2 : rate;
    demand->counted = 0;
    demand->counted_since = now;
}

void dh_demand_looked(struct dh_demand *demand, double now)
{
    demand->gap += SMOOTHING * (fmin(now - demand->looked, LONGEST_GAP) - demand->gap);
    demand->looked = now;
}

uint64_t dh_demand_meanwhile(const struct dh_demand *demand, uint64_t slots)
{
    double gap = fmax(demand->gap, SHORTEST_GAP);
    return slots <= 1 ? 0 : (uint64_t)(GAPS_AHEAD * gap * demand->rate);
}

uint64_t dh_demand_ahead(const struct dh_demand *demand, uint64_t slots)
{
    if (slots <= 1)
        return 0;
    double ahead = ASKS_AHEAD * demand->latency * demand->rate;
    return ahead < (double)slots ? (uint64_t)ahead : slots;
}

double dh_demand_budget(const struct dh_demand *demand, uint64_t slots)
{
    return slots <= 1 || demand->rate <= 0 ? INFINITY : 1 / demand->rate;
}
