/* Which acquisition function judges the candidates of an ask, and where those come from: see
 * ambs_ask.h.
 *
 * With few trials pending, auto takes expected improvement for most proposals and a confidence
 * bound of varying weight for the others: improvement alone can stay at a plateau. In a crowd most
 * take the bound, of less weight, since lies keep proposals apart as well; but while one round of
 * results after the other is no progress the weight grows, or all workers would go on looking at
 * the same plateau. And some of a crowd stay near the best results: they hedge against a model
 * that is wrong about the rest, as it often is of trainings. benchmarks/quality/README.md has the
 * reasons for these numbers. */
#include <math.h>

#include "ambs_ask.h"
#include "ambs_live.h"
#include "dh_mpi/math.h"

#define CYCLE 5              /* proposals */
#define OPTIMISTS_ALONE 2    /* of them take a confidence bound */
#define OPTIMISTS_IN_CROWD 3 /* … where many are pending */
#define MANY_PENDING 8       /* which is from so many on */
#define CROWD_KAPPA 0.35     /* share of kappa that is enough there */
#define LOCAL_SHARE 0.25     /* of proposals there choose among changed copies of the best */
#define STALE_ROUNDS 0.5     /* without progress, which are worth that share again */
#define MOST_BOOST 4.0
#define HEDGE_RESULTS 64 /* the last ones, which gp_hedge looks at */
#define HEDGE_RATE 4.0   /* … and how much of its softmax a deviation of values is worth */

/* EI, LCB or PI by their gains: what came of the points that each proposed lately. (Hoffman et al.
 * credit the nominees of all three with the model's mean; here the evaluations judge.) */
static enum ambs_source hedge(struct ambs_ask *ask)
{
    const struct ambs *ambs = ask->ambs;
    double sums[AMBS_BY_NONE] = {0}, counts[AMBS_BY_NONE] = {0}, gains[AMBS_BY_NONE];
    size_t last = ambs->source_count, warm = ambs->data.results.count - last;
    for (size_t i = last > HEDGE_RESULTS ? last - HEDGE_RESULTS : 0; i < last; i++) {
        double y = ambs_data_y(&ambs->data, warm + i);
        if (ambs->sources[i] == AMBS_BY_NONE || isnan(y))
            continue;
        sums[ambs->sources[i]] -= ambs_transform_apply(&ambs->live->members[0].scale.transform, y);
        counts[ambs->sources[i]]++;
    }
    for (int k = 0; k < AMBS_BY_NONE; k++)
        gains[k] = HEDGE_RATE * sums[k] / (counts[k] + 1);
    double u = dh_random_uniform(&ask->random);
    return (enum ambs_source)dh_hedge_choose(gains, AMBS_BY_NONE, u);
}

/* Of CYCLE proposals. In a hurry kappa alone keeps the proposals of one pool apart. */
static unsigned optimists(const struct ambs_ask *ask, bool crowd)
{
    if (!crowd)
        return OPTIMISTS_ALONE;
    return ask->level >= 2 ? OPTIMISTS_IN_CROWD : CYCLE;
}

/* A round is as many results as are pending, and one. */
static double crowd_share(const struct ambs_data *data)
{
    double stale = (double)(data->results.count - data->progress.results);
    double rounds = stale / (double)(data->pending.count + 1);
    return CROWD_KAPPA * fmin(1 + rounds / STALE_ROUNDS, MOST_BOOST);
}

/* The function that `wanted` comes to for this ask. */
static enum dh_acquisition_kind choose_kind(struct ambs_ask *ask, int wanted)
{
    static const enum dh_acquisition_kind kinds[] = {
        [AMBS_UCB] = DH_ACQUISITION_LCB, [AMBS_LCB] = DH_ACQUISITION_LCB,
        [AMBS_EI] = DH_ACQUISITION_EI,   [AMBS_PI] = DH_ACQUISITION_PI,
        [AMBS_MES] = DH_ACQUISITION_MES,
    };
    static const enum dh_acquisition_kind hedged[] = {
        [AMBS_BY_EI] = DH_ACQUISITION_EI,
        [AMBS_BY_LCB] = DH_ACQUISITION_LCB,
        [AMBS_BY_PI] = DH_ACQUISITION_PI,
    };
    if (wanted != AMBS_HEDGE)
        return kinds[wanted];
    ask->source = hedge(ask);
    return hedged[ask->source];
}

/* The numbers of its acquisition; `share` of the kappa that the schedule gives. */
static void set_weights(struct ambs_ask *ask, double share)
{
    const struct ambs *ambs = ask->ambs;
    const struct ambs_options *o = &ambs->options;
    enum dh_schedule_kind schedule = (enum dh_schedule_kind)o->schedule;
    struct dh_acquisition *a = &ask->acquisition;
    a->kappa = share * dh_schedule_value(schedule, o->kappa, ask->id + 1, ambs->features.count);
    a->xi = dh_schedule_value(schedule, o->xi, ask->id + 1, ambs->features.count);
    a->best = ambs->live->members[ask->view].scale.best;
    if (ask->strategy == AMBS_SPREAD_QUCB)
        a->kappa *= -dh_log1p(-dh_random_uniform(&ask->random));
}

void ambs_judge_by(struct ambs_ask *ask)
{
    const struct ambs *ambs = ask->ambs;
    const struct ambs_options *o = &ambs->options;
    bool open = o->acquisition == AMBS_AUTO; /* a named one keeps the kappa that was set */
    bool crowd = ambs->data.pending.count >= MANY_PENDING;
    bool optimist = open && ask->id % CYCLE < optimists(ask, crowd);
    bool patient = open && crowd && ask->level >= 2;
    ask->epistemic = open || o->epistemic;
    ask->blind = ambs->live->members[ask->view].model->kind->blind;
    ask->local = patient && !ask->blind && dh_random_uniform(&ask->random) < LOCAL_SHARE;
    ask->strategy = (enum ambs_strategy)o->strategy;
    if (ask->strategy == AMBS_SPREAD_AUTO)
        ask->strategy = crowd || optimist ? AMBS_SPREAD_QUCB : AMBS_SPREAD_NONE;
    int wanted = !open ? o->acquisition : optimist ? AMBS_UCB : AMBS_EI;
    ask->acquisition.kind = choose_kind(ask, wanted);
    set_weights(ask, patient ? crowd_share(&ambs->data) : 1);
}
