/* Why and how the search ends: see sched.h.
 *
 * A stop has two sides: nothing is started any more at once, and the search is done when nothing
 * runs any more. What is left over ends CANCELLED where the search is finished, and stays pending
 * where another run will go on.
 */
#include <math.h>

#include "state.h"

static const struct {
    const char *text;
    bool finished;
} stops[] = {
#define STOP_ROW(name, finished, text) [DH_STOP_##name] = {text, finished},
    DH_STOP_MAP(STOP_ROW)
#undef STOP_ROW
};

const char *dh_stop_text(enum dh_stop stop)
{
    return stops[stop].text;
}

bool dh_stop_finished(enum dh_stop stop)
{
    return stops[stop].finished;
}

void stop_cancel_running(struct dh_sched *sched)
{
    sched->cancelling = true;
    for (size_t i = 0; i < sched->slot_count; i++) {
        struct slot *slot = &sched->slots[i];
        if (slot->state != SLOT_RUNNING || slot->cancelled)
            continue;
        slot->cancelled = true;
        action_push_slot(sched, DH_ACTION_CANCEL, i);
    }
}

static void drop_ready(struct dh_sched *sched)
{
    while (sched->ready.count > 0)
        trial_drop(sched, deque_pop_front(&sched->ready));
    while (sched->held.count > 0)
        trial_drop(sched, deque_pop_front(&sched->held));
}

void stop_begin(struct dh_sched *sched, enum dh_stop stop)
{
    if (stopping(sched) || stop == DH_STOP_NONE)
        return;
    sched->stop = stop;
    action_push(sched, DH_ACTION_STOP)->action.stop = stop;
    if (dh_stop_finished(stop)) {
        stop_cancel_running(sched);
        drop_ready(sched);
    }
}

/* Reasons to stop that follow from what has ended. */
static enum dh_stop stop_due(const struct dh_sched *sched)
{
    const struct dh_sched_settings *settings = &sched->settings;
    const struct tally *tally = &sched->tally;
    bool found = tally->incumbent != UINT64_MAX;
    if (!isnan(settings->target) && found &&
        !dh_objective_better(settings->maximize, settings->target, tally->best))
        return DH_STOP_TARGET;
    if (settings->max_evaluations > 0 && tally_spent(tally) >= settings->max_evaluations)
        return DH_STOP_BUDGET;
    if (settings->patience > 0 && found && tally->since_improvement >= settings->patience)
        return DH_STOP_PATIENCE;
    if (settings->max_failures > 0 && tally->failures_in_row >= settings->max_failures)
        return DH_STOP_FAILURES;
    if (sched->exhausted && ready_count(sched) == 0 && in_hand(sched) == 0)
        return DH_STOP_EXHAUSTED;
    if (sched->gone > 0 && sched->alive == 0 && sched->gone >= settings->workers)
        return DH_STOP_LOST;
    return DH_STOP_NONE;
}

double dh_sched_deadline(const struct dh_sched *sched)
{
    return sched->settings.max_time > 0 ? sched->start + sched->settings.max_time
                                        : (double)INFINITY;
}

double dh_sched_tick(struct dh_sched *sched, double now)
{
    advance(sched, now);
    settle(sched);
    return stopping(sched) ? (double)INFINITY : dh_sched_deadline(sched);
}

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
        struct dh_action hold = {0};
        *trial = deque_pop_front(&sched->ready);
        if (fits(sched, *trial, &hold))
            return true;
        if (!sched->held_before) {
            struct dh_action *action = &action_push(sched, DH_ACTION_HOLD)->action;
            action->trial = *trial;
            action->expected = hold.expected;
            action->left = hold.left;
            action->by_parameters = hold.by_parameters;
        }
        sched->held_before = true;
        deque_push_back(&sched->held, *trial);
    }
    return false;
}

/* Every slot that waits has been offered a trial, none of them would end in time, and nothing runs
 * of whose end more could be learnt. */
static bool nothing_fits(const struct dh_sched *sched)
{
    return sched->held.count > 0 && sched->ready.count == 0 && in_hand(sched) == 0 &&
           sched->held.count >= dh_sched_short(sched);
}

static void match(struct dh_sched *sched)
{
    uint64_t trial;
    while (sched->by_state[SLOT_IDLE] > 0 && may_start(sched) && take_ready(sched, &trial)) {
        size_t slot = slot_take(sched);
        trial_at(sched, trial)->phase = TRIAL_RUNNING;
        slot_run(sched, slot, trial);
        action_push_slot(sched, DH_ACTION_START, slot);
    }
}

/* Nothing runs any more. If what still ran when time was up (or a signal came) has finished the
 * search after all, then it is finished: no further run is needed to find that out. */
static void conclude(struct dh_sched *sched)
{
    enum dh_stop due = stop_due(sched);
    bool by_time = sched->stop == DH_STOP_TIME || sched->stop == DH_STOP_SIGNAL;
    if (by_time && dh_stop_finished(due)) {
        sched->stop = due;
        drop_ready(sched);
    }
    sched->done = true;
    action_push(sched, DH_ACTION_DONE)->action.stop = sched->stop;
}

void settle(struct dh_sched *sched)
{
    stop_begin(sched, stop_due(sched));
    if (sched->now >= dh_sched_deadline(sched))
        stop_begin(sched, DH_STOP_TIME);
    match(sched);
    if (nothing_fits(sched))
        stop_begin(sched, DH_STOP_TIME);
    if (stopping(sched) && in_hand(sched) == 0 && !sched->done)
        conclude(sched);
    bool dry = sched->exhausted || sched->held.count > 0;
    sched->draining = !may_start(sched) || (dry && sched->ready.count == 0);
}
