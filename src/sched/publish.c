/* Trials that slots take by themselves: see dh_sched_publish and what follows it in sched.h.
 *
 * Nothing is published while a slot waits, since that slot comes first; nor by a search on one
 * slot, which asks for each trial after the result of the one before. A publication may be taken at
 * any later moment until it is recalled, so near the end of the search's time there are none: each
 * trial is then judged at its start.
 */
#include <math.h>

#include "state.h"

/* Seconds that a recall may take to follow the moment when it is due. */
#define RECALL_MARGIN 2.0

/* Will the longest evaluation so far end in time even if it starts a little later? */
static bool early(const struct dh_sched *sched)
{
    double left = dh_sched_deadline(sched) + sched->settings.grace - sched->now;
    bool over = sched->now + RECALL_MARGIN >= dh_sched_deadline(sched);
    return !over && sched->fit.longest + RECALL_MARGIN <= left;
}

bool dh_sched_publish(struct dh_sched *sched, uint64_t *trial, uint32_t *retries, double now)
{
    advance(sched, now);
    size_t slots = sched->slot_count - sched->by_state[SLOT_GONE];
    if (slots <= 1 || sched->by_state[SLOT_IDLE] > 0 || !may_start(sched) || !early(sched) ||
        !take_ready(sched, trial))
        return false;
    trial_at(sched, *trial)->phase = TRIAL_PUBLISHED;
    *retries = trial_at(sched, *trial)->retries;
    sched->published++;
    return true;
}

uint64_t dh_sched_recall(const struct dh_sched *sched)
{
    if (sched->published == 0)
        return 0;
    if (stopping(sched) || !early(sched))
        return UINT64_MAX;
    return sched->ready.count == 0 || !may_start(sched) ? sched->by_state[SLOT_IDLE] : 0;
}

/* `trial` is no longer published; false if it was not. */
static bool take_back(struct dh_sched *sched, uint64_t trial)
{
    if (trial >= dh_history_count(sched->history) ||
        trial_at(sched, trial)->phase != TRIAL_PUBLISHED)
        return false;
    sched->published--;
    return true;
}

/* It did not run and is not going to by itself: another time, unless the search is over. */
static void give_back(struct dh_sched *sched, uint64_t trial)
{
    if (dh_stop_finished(sched->stop))
        trial_drop(sched, trial);
    else
        trial_put_back(sched, trial);
}

void dh_sched_withdrawn(struct dh_sched *sched, uint64_t trial, double now)
{
    advance(sched, now);
    if (!take_back(sched, trial))
        return;
    give_back(sched, trial);
    settle(sched);
}

void dh_sched_orphaned(struct dh_sched *sched, uint64_t trial, double now)
{
    advance(sched, now);
    if (!take_back(sched, trial))
        return;
    trial_lost(sched, trial, -1, -1, true);
    settle(sched);
}

bool dh_sched_assign(struct dh_sched *sched, int32_t worker, int32_t number, uint64_t trial,
                     bool started)
{
    size_t index = slot_find(sched, worker, number);
    if (index == SIZE_MAX || sched->slots[index].next != NEXT_ANY ||
        sched->slots[index].state == SLOT_IDLE || trial_at(sched, trial)->phase != TRIAL_PUBLISHED)
        return false;
    sched->slots[index].next = started ? NEXT_STARTED : NEXT_START;
    sched->slots[index].next_trial = trial;
    return true;
}

void publish_run(struct dh_sched *sched, size_t index)
{
    struct slot *slot = &sched->slots[index];
    uint64_t trial = slot->next_trial;
    bool started = slot->next == NEXT_STARTED;
    slot->next = NEXT_ANY;
    if (!take_back(sched, trial)) { /* after an event that was refused */
        deque_push_back(&sched->waiting, index);
        return;
    }
    if (!started && stopping(sched)) { /* it cannot be started any more: the slot waits */
        deque_push_back(&sched->waiting, index);
        give_back(sched, trial);
        return;
    }
    trial_at(sched, trial)->phase = TRIAL_RUNNING;
    slot_run(sched, index, trial);
    slot->sent = slot->taken = started;
    if (!started)
        action_push_slot(sched, DH_ACTION_START, index);
    if (sched->cancelling) {
        slot->cancelled = true;
        action_push_slot(sched, DH_ACTION_CANCEL, index);
    }
}
