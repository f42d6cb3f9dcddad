/* How many proposals to keep ready: as few as keep every slot busy.
 *
 * A proposal made early knows less than one made late, so none is kept ready where an ask costs
 * nothing against an evaluation; where claims come faster than asks are answered, as many as are
 * expected to be claimed during two asks. Pure: times go in, a number comes out.
 */
#ifndef DH_MPI_APP_DEMAND_H
#define DH_MPI_APP_DEMAND_H

#include <stdint.h>

/* An ask that takes longer than this while a slot waits for it is late, unless evaluations take so
 * long that the wait is a small share of them. */
#define DH_LATE_ASK 0.1
#define DH_LATE_SHARE 0.005

struct dh_demand {
    double latency;       /* seconds from a request to its answer, smoothed */
    double ask_seconds;   /* of work for one ask, smoothed */
    double rate;          /* claims per second, smoothed */
    double counted_since; /* start of the interval in which `counted` claims came */
    uint64_t counted;
    double gap;    /* seconds between two looks for claims, smoothed */
    double looked; /* the last one */
    uint64_t asks, late;
    double evaluation; /* seconds that one takes, smoothed */
    uint64_t evaluations;
};

/* An answer arrived after `latency` seconds, of which `work` were the method's; `waited`: a slot
 * was waiting for it. */
void dh_demand_answered(struct dh_demand *demand, double latency, double work, int waited);
/* An evaluation took so long (NaN: not known). */
void dh_demand_evaluated(struct dh_demand *demand, double seconds);
/* Seconds that a slot may wait for an ask. */
double dh_demand_patience(const struct dh_demand *demand);
/* `claims` slots became free since the last call. */
void dh_demand_claimed(struct dh_demand *demand, uint64_t claims, double now);
/* Proposals to keep ready beyond those for the waiting slots. 0 with one slot: there the order of
 * asks and results, and with it the whole search, is then a function of the seed. */
uint64_t dh_demand_ahead(const struct dh_demand *demand, uint64_t slots);
/* Claims were looked for at `now`. */
void dh_demand_looked(struct dh_demand *demand, double now);
/* Where slots take proposals by themselves: further ones, for what they claim while nobody looks.
 * Few unless evaluations are shorter than that, and then they may be many more than slots. 0 with
 * one slot. */
uint64_t dh_demand_meanwhile(const struct dh_demand *demand, uint64_t slots);
/* Seconds that one ask may take without a slot having to wait: the mean time between claims.
 * INFINITY with one slot, for the same reason, and while no rate is known. */
double dh_demand_budget(const struct dh_demand *demand, uint64_t slots);

#endif
