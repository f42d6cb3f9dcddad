/* What may be started, and on which slot: trials that are ready meet slots that wait, within the
 * budget and if they would probably end in time. */
#include <math.h>

#include "state.h"

bool may_start(const struct dh_sched *sched)
{
    uint64_t budget = sched->settings.max_evaluations;
    return !stopping(sched) &&
           (budget == 0 || tally_spent(&sched->tally) + in_hand(sched) < budget);
}

/* Would the trial end before its job does? Fills what a HOLD says if not. */
static bool fits(struct dh_sched *sched, uint64_t trial, struct dh_action *hold)
{
    const struct dh_sched_settings *settings = &sched->settings;
    double left = dh_sched_deadline(sched) + settings->grace - sched->now;
    if (sched->fit.longest <= left)
        return true;
    double span = settings->span > 0 ? settings->span : settings->max_time + settings->grace;
    const double *values = dh_history_trial(sched->history, trial)->values;
    hold->expected = fit_expect(&sched->fit, values, &hold->by_parameters);
    hold->left = left;
    return fmin(hold->expected, DH_SCHED_WHOLE * span) <= left;
}

bool take_ready(struct dh_sched *sched, uint64_t *trial)
{
    while (sched->ready.count > 0) {
        *trial = deque_pop_front(&sched->ready);
        struct dh_action hold = {.kind = DH_ACTION_HOLD, .trial = *trial, .worker = -1, .slot = -1};
        if (fits(sched, *trial, &hold))
            return true;
        if (!sched->held_before)
            action_push(sched, DH_ACTION_HOLD)->action = hold;
        sched->held_before = true;
        deque_push_back(&sched->held, *trial);
    }
    return false;
}

bool nothing_fits(const struct dh_sched *sched)
{
    return sched->held.count > 0 && sched->ready.count == 0 && in_hand(sched) == 0 &&
           sched->held.count >= dh_sched_short(sched);
}

void start_ready(struct dh_sched *sched)
{
    uint64_t trial;
    while (sched->by_state[SLOT_IDLE] > 0 && may_start(sched) && take_ready(sched, &trial)) {
        size_t slot = slot_take(sched);
        trial_at(sched, trial)->phase = TRIAL_RUNNING;
        slot_run(sched, slot, trial);
        action_push_slot(sched, DH_ACTION_START, slot);
    }
}
