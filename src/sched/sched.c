/* The scheduler's events and questions: see sched.h, and state.h for how its files divide the work.
 *
 * Every event first accounts for the time that has passed, then changes what it is about, and ends
 * in settle(), which matches ready trials with waiting slots. So one of the two queues is always
 * empty, unless the budget or a stop holds trials back.
 */
#include "dh_mpi/sched.h"

#include <math.h>
#include <stdlib.h>

#include "state.h"

struct dh_sched *dh_sched_create(const struct dh_sched_settings *settings,
                                 const struct dh_history *history, double now)
{
    struct dh_sched *sched = dh_alloc(1, sizeof *sched);
    sched->settings = *settings;
    sched->history = history;
    sched->start = sched->now = now;
    tally_history(&sched->tally, settings->maximize, history);
    fit_open(&sched->fit, settings->space);
    fit_learn_history(&sched->fit, history);
    trials_resume(sched);
    settle(sched);
    return sched;
}

void dh_sched_destroy(struct dh_sched **handle)
{
    struct dh_sched *sched = *handle;
    if (!sched)
        return;
    actions_free(sched);
    free(sched->workers);
    free(sched->slots);
    free(sched->trials);
    free(sched->ready.items);
    free(sched->held.items);
    fit_close(&sched->fit);
    free(sched->waiting.items);
    free(sched);
    *handle = NULL;
}

void settle(struct dh_sched *sched)
{
    stop_if_due(sched);
    start_ready(sched);
    if (nothing_fits(sched))
        stop_begin(sched, DH_STOP_TIME);
    if (stopping(sched) && in_hand(sched) == 0 && !sched->done)
        stop_conclude(sched);
    bool dry = sched->exhausted || sched->held.count > 0;
    sched->draining = !may_start(sched) || (dry && sched->ready.count == 0);
}

/* ---- events ---- */

bool dh_sched_claim(struct dh_sched *sched, int32_t worker, int32_t number, double now)
{
    advance(sched, now);
    size_t slot = slot_find(sched, worker, number);
    if (slot == SIZE_MAX || sched->slots[slot].state != SLOT_STARTING)
        return false;
    slot_claim(sched, slot);
    settle(sched);
    return true;
}

bool dh_sched_offer(struct dh_sched *sched, uint64_t id, double now)
{
    advance(sched, now);
    if (sched->done || id >= dh_history_count(sched->history) ||
        trial_at(sched, id)->phase != TRIAL_NEW)
        return false;
    trial_at(sched, id)->phase = TRIAL_READY;
    if (dh_stop_finished(sched->stop))
        trial_drop(sched, id);
    else
        deque_push_back(&sched->ready, id);
    settle(sched);
    return true;
}

void dh_sched_exhausted(struct dh_sched *sched, double now)
{
    advance(sched, now);
    sched->exhausted = true;
    settle(sched);
}

bool dh_sched_result(struct dh_sched *sched, int32_t worker, int32_t number, uint64_t trial,
                     struct dh_outcome *outcome, double now)
{
    advance(sched, now);
    size_t index = slot_find(sched, worker, number);
    const struct slot *slot = index == SIZE_MAX ? NULL : &sched->slots[index];
    if (!slot || slot->state != SLOT_RUNNING || !slot->sent || slot->trial != trial)
        return false;
    bool cancelled = slot->cancelled;
    outcome_check(sched, outcome);
    outcome->worker = worker;
    outcome->slot = number;
    bool given_up = outcome->status == DH_TRIAL_CANCELLED && !cancelled;
    slot_release(sched, index, given_up ? NULL : outcome);
    slot_claim(sched, index);
    trial_result(sched, trial, outcome, cancelled);
    settle(sched);
    return true;
}

static bool lose(struct dh_sched *sched, int32_t worker, bool fit, double now)
{
    advance(sched, now);
    if (!worker_lose(sched, worker))
        return false;
    const struct worker *w = &sched->workers[worker];
    /* from the last slot, so that the first one's trial is in front of the queue in the end */
    for (int32_t number = w->slot_count - 1; number >= 0; number--) {
        size_t index = w->first_slot + (size_t)number;
        const struct slot *slot = &sched->slots[index];
        bool running = slot->state == SLOT_RUNNING;
        if (running)
            slot_release(sched, index, NULL);
        slot_lose(sched, index);
        if (running)
            trial_lost(sched, slot->trial, worker, number, fit);
    }
    settle(sched);
    return true;
}

bool dh_sched_lost(struct dh_sched *sched, int32_t worker, double now)
{
    return lose(sched, worker, true, now);
}

bool dh_sched_unfit(struct dh_sched *sched, int32_t worker, double now)
{
    return lose(sched, worker, false, now);
}

void dh_sched_stop(struct dh_sched *sched, enum dh_stop stop, double now)
{
    advance(sched, now);
    stop_begin(sched, stop);
    settle(sched);
}

void dh_sched_cancel_running(struct dh_sched *sched, double now)
{
    advance(sched, now);
    if (stopping(sched))
        stop_cancel_running(sched);
}

double dh_sched_tick(struct dh_sched *sched, double now)
{
    advance(sched, now);
    settle(sched);
    return stopping(sched) ? (double)INFINITY : dh_sched_deadline(sched);
}

/* ---- questions ---- */

double dh_sched_deadline(const struct dh_sched *sched)
{
    return sched->settings.max_time > 0 ? sched->start + sched->settings.max_time
                                        : (double)INFINITY;
}

uint64_t dh_sched_room(const struct dh_sched *sched)
{
    uint64_t budget = sched->settings.max_evaluations;
    if (stopping(sched) || sched->exhausted)
        return 0;
    if (budget == 0)
        return UINT64_MAX;
    uint64_t used = tally_spent(&sched->tally) + ready_count(sched) + in_hand(sched);
    return budget > used ? budget - used : 0;
}

uint64_t dh_sched_short(const struct dh_sched *sched)
{
    uint64_t room = dh_sched_room(sched);
    return sched->by_state[SLOT_IDLE] < room ? sched->by_state[SLOT_IDLE] : room;
}

void dh_sched_counts(const struct dh_sched *sched, struct dh_sched_counts *out)
{
    *out = (struct dh_sched_counts){
        .ready = ready_count(sched),
        .running = sched->by_state[SLOT_RUNNING],
        .published = sched->published,
        .waiting_slots = sched->by_state[SLOT_IDLE],
        .slots = sched->slot_count - sched->by_state[SLOT_GONE],
        .workers = sched->alive,
        .ended_here = sched->ended_here,
        .retried = sched->retried,
        .lost = sched->lost,
        .incumbent = sched->tally.incumbent,
        .stop = sched->stop,
    };
    uint64_t ended = 0;
    for (int s = DH_TRIAL_PENDING + 1; s < DH_TRIAL_STATUS_COUNT; s++)
        ended += out->by_status[s] = sched->tally.by_status[s];
    out->by_status[DH_TRIAL_PENDING] = dh_history_count(sched->history) - ended;
}
