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
#define HEDGE_RESULTS 64
#define HEDGE_RATE 4.0

/* Gains of EI, LCB and PI: what came of the points that each proposed lately. (Hoffman et al.
 * credit the nominees of all three with the model's mean; here the evaluations judge.) */
static unsigned hedge(struct ambs_ask *ask)
{
    const struct ambs *ambs = ask->ambs;
    double sums[3] = {0}, counts[3] = {0}, gains[3];
    size_t last = ambs->source_count, warm = ambs->data.results.count - last;
    for (size_t i = last > HEDGE_RESULTS ? last - HEDGE_RESULTS : 0; i < last; i++) {
        double y = ambs_data_y(&ambs->data, warm + i);
        if (ambs->sources[i] > 2 || isnan(y))
            continue;
        sums[ambs->sources[i]] -= ambs_transform_apply(&ambs->live->members[0].scale.transform, y);
        counts[ambs->sources[i]]++;
    }
    for (int k = 0; k < 3; k++)
        gains[k] = HEDGE_RATE * sums[k] / (counts[k] + 1);
    return (unsigned)dh_hedge_choose(gains, 3, dh_random_uniform(&ask->random));
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

void ambs_judge_by(struct ambs_ask *ask)
{
    static const enum dh_acquisition_kind kinds[] = {
        [AMBS_UCB] = DH_ACQUISITION_LCB, [AMBS_LCB] = DH_ACQUISITION_LCB,
        [AMBS_EI] = DH_ACQUISITION_EI,   [AMBS_PI] = DH_ACQUISITION_PI,
        [AMBS_MES] = DH_ACQUISITION_MES,
    };
    static const int hedged[] = {AMBS_EI, AMBS_LCB, AMBS_PI};
    const struct ambs *ambs = ask->ambs;
    const struct ambs_options *o = &ambs->options;
    int wanted = o->acquisition;
    ask->epistemic = o->epistemic;
    ask->strategy = (enum ambs_strategy)o->strategy;
    bool crowd = ambs->data.pending.count >= MANY_PENDING;
    bool optimist = ask->id % CYCLE < optimists(ask, crowd);
    bool by_itself = wanted == AMBS_AUTO; /* a named one keeps the kappa that was set */
    bool patient = by_itself && crowd && ask->level >= 2;
    double share = patient ? crowd_share(&ambs->data) : 1;
    ask->blind = ambs->live->members[ask->view].model->kind->blind;
    ask->local = patient && !ask->blind && dh_random_uniform(&ask->random) < LOCAL_SHARE;
    if (by_itself) {
        wanted = optimist ? AMBS_UCB : AMBS_EI;
        ask->epistemic = true;
    }
    if (wanted == AMBS_HEDGE)
        wanted = hedged[ask->hedged = hedge(ask)];
    if (ask->strategy == AMBS_SPREAD_AUTO)
        ask->strategy = crowd || (optimist && by_itself) ? AMBS_SPREAD_QUCB : AMBS_SPREAD_NONE;
    enum dh_schedule_kind schedule = (enum dh_schedule_kind)o->schedule;
    struct dh_acquisition *a = &ask->acquisition;
    a->kind = kinds[wanted];
    a->kappa = share * dh_schedule_value(schedule, o->kappa, ask->id + 1, ambs->features.count);
    a->xi = dh_schedule_value(schedule, o->xi, ask->id + 1, ambs->features.count);
    a->best = ambs->live->members[ask->view].scale.best;
    if (ask->strategy == AMBS_SPREAD_QUCB)
        a->kappa *= -dh_log1p(-dh_random_uniform(&ask->random));
}
