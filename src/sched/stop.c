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

void stop_if_due(struct dh_sched *sched)
{
    stop_begin(sched, stop_due(sched));
    if (sched->now >= dh_sched_deadline(sched))
        stop_begin(sched, DH_STOP_TIME);
}

/* If what still ran when time was up (or a signal came) has finished the search after all, then it
 * is finished: no further run is needed to find that out. */
void stop_conclude(struct dh_sched *sched)
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
