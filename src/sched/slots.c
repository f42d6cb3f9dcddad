/* Workers, their slots, and what the time of the slots was used for.
 *
 * Time is accounted for by integration: each event adds (slots in a state) × (time since the last
 * event) to that state's account, so the accounts add up to slots × time by construction, and an
 * event costs the same for one slot and for a hundred thousand. A trial that was handed out counts
 * as evaluating until its result tells how long it was on its way: then that moves to other
 * accounts. Time is counted in whole microseconds, so that nothing is lost to rounding.
 */
#include <math.h>
#include <stdlib.h>

#include "state.h"

static void add_time(const struct dh_sched *sched, int64_t ticks, struct dh_usage *usage)
{
    const enum dh_use uses[SLOT_STATES] = {
        [SLOT_STARTING] = DH_USE_STARTING,
        [SLOT_IDLE] = sched->draining ? DH_USE_DRAINING : DH_USE_WAITING,
        [SLOT_RUNNING] = DH_USE_EVALUATING,
        [SLOT_GONE] = DH_USE_LOST,
    };
    for (int state = 0; state < SLOT_STATES; state++)
        usage->by_use[uses[state]] += (int64_t)sched->by_state[state] * ticks;
}

static int64_t ticks_at(const struct dh_sched *sched, double now)
{
    return llround((now - sched->start) * DH_TICKS);
}

void advance(struct dh_sched *sched, double now)
{
    if (!(now > sched->now))
        return;
    int64_t ticks = ticks_at(sched, now);
    add_time(sched, ticks - sched->ticks, &sched->usage);
    sched->ticks = ticks;
    sched->now = now;
}

void dh_sched_usage(const struct dh_sched *sched, double now, struct dh_usage *out)
{
    *out = sched->usage;
    if (now > sched->now)
        add_time(sched, ticks_at(sched, now) - sched->ticks, out);
}

static void change(struct dh_sched *sched, struct slot *slot, enum slot_state state)
{
    sched->by_state[slot->state]--;
    sched->by_state[state]++;
    slot->state = state;
}

static struct worker *worker_at(struct dh_sched *sched, int32_t number)
{
    size_t wanted = (size_t)number + 1;
    if (wanted > sched->worker_count) {
        size_t count = wanted > 2 * sched->worker_count ? wanted : 2 * sched->worker_count;
        sched->workers = dh_realloc(sched->workers, count * sizeof *sched->workers);
        memset(sched->workers + sched->worker_count, 0,
               (count - sched->worker_count) * sizeof *sched->workers);
        sched->worker_count = count;
    }
    return &sched->workers[number];
}

bool dh_sched_join(struct dh_sched *sched, int32_t worker, int32_t slots, double now)
{
    advance(sched, now);
    if (worker < 0 || slots < 1)
        return false;
    struct worker *w = worker_at(sched, worker);
    if (w->joined)
        return false;
    *w = (struct worker){.joined = true, .first_slot = sched->slot_count, .slot_count = slots};
    sched->joined++;
    sched->alive++;
    for (int32_t number = 0; number < slots; number++) {
        struct slot *slot = DH_PUSH(sched->slots, sched->slot_count, sched->slot_capacity);
        *slot = (struct slot){.worker = worker, .number = number, .state = SLOT_STARTING};
    }
    sched->by_state[SLOT_STARTING] += (uint64_t)slots;
    sched->usage.by_use[DH_USE_STARTING] += slots * sched->ticks;
    return true;
}

bool worker_lose(struct dh_sched *sched, int32_t worker)
{
    if (slot_find(sched, worker, 0) != SIZE_MAX) {
        sched->workers[worker].lost = true;
        sched->alive--;
        sched->gone++;
        return true;
    }
    if (worker < 0 || sched->settings.workers == 0 || worker_at(sched, worker)->joined)
        return false;
    *worker_at(sched, worker) = (struct worker){.joined = true, .lost = true};
    sched->joined++;
    sched->gone++;
    return true;
}

size_t dh_sched_running_on(const struct dh_sched *sched, int32_t worker, uint64_t *trials,
                           size_t capacity)
{
    size_t first = slot_find(sched, worker, 0), count = 0;
    if (first == SIZE_MAX)
        return 0;
    for (size_t i = first; i < first + (size_t)sched->workers[worker].slot_count; i++) {
        if (sched->slots[i].state != SLOT_RUNNING)
            continue;
        if (count < capacity)
            trials[count] = sched->slots[i].trial;
        count++;
    }
    return count;
}

size_t slot_find(const struct dh_sched *sched, int32_t worker, int32_t number)
{
    if (worker < 0 || (size_t)worker >= sched->worker_count)
        return SIZE_MAX;
    const struct worker *w = &sched->workers[worker];
    if (!w->joined || w->lost || number < 0 || number >= w->slot_count)
        return SIZE_MAX;
    return w->first_slot + (size_t)number;
}

void slot_claim(struct dh_sched *sched, size_t index)
{
    change(sched, &sched->slots[index], SLOT_IDLE);
    if (sched->slots[index].next != NEXT_ANY)
        publish_run(sched, index);
    else
        deque_push_back(&sched->waiting, index);
}

size_t slot_take(struct dh_sched *sched)
{
    while (sched->waiting.count > 0) {
        size_t index = (size_t)deque_pop_front(&sched->waiting);
        if (sched->slots[index].state == SLOT_IDLE)
            return index;
    }
    return SIZE_MAX;
}

void slot_run(struct dh_sched *sched, size_t index, uint64_t trial)
{
    struct slot *slot = &sched->slots[index];
    change(sched, slot, SLOT_RUNNING);
    slot->trial = trial;
    slot->since = sched->ticks;
    slot->sent = slot->cancelled = slot->taken = false;
}

void slot_release(struct dh_sched *sched, size_t index, const struct dh_outcome *outcome)
{
    const struct slot *slot = &sched->slots[index];
    struct occupation whole = {.handed_out = sched->settings.epoch + (double)slot->since / DH_TICKS,
                               .ticks = sched->ticks - slot->since,
                               .taken = slot->taken};
    usage_release(&sched->usage, &sched->workers[slot->worker].gap, &whole, outcome);
}

void slot_lose(struct dh_sched *sched, size_t index)
{
    change(sched, &sched->slots[index], SLOT_GONE);
}
