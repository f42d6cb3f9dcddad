/* The scheduler's events: see sched.h.
 *
 * A slot is STARTING from its worker's join to its first claim, then WAITING or RUNNING, DRAINING
 * once the search stops, and GONE with its worker. Every change of state adds the time since the
 * last one to one account of `usage`, so the accounts add up by construction. Ready trials and
 * waiting slots are matched at the end of every event, so one of the two queues is always empty
 * unless the budget or a stop holds trials back.
 */
#include "dh_mpi/sched.h"

#include <math.h>
#include <stdlib.h>

#include "deque.h"
#include "dh_mpi/hash.h"
#include "tally.h"

enum slot_state { SLOT_STARTING, SLOT_WAITING, SLOT_RUNNING, SLOT_DRAINING, SLOT_GONE };

struct slot {
    int32_t worker, number;
    enum slot_state state;
    bool cancelled; /* its running trial was */
    double since;   /* of this state */
    uint64_t trial; /* RUNNING */
};

struct worker {
    bool joined, lost;
    size_t first_slot;
    int32_t slot_count;
};

struct queued_action {
    struct dh_action action;
    struct dh_outcome outcome;
};

struct dh_sched {
    struct dh_sched_settings settings;
    struct tally tally;
    size_t objective_count;
    double start;
    enum dh_stop stop;
    bool exhausted, done;

    struct worker *workers; /* by number */
    size_t worker_count;
    uint64_t joined, alive;
    struct slot *slots;
    size_t slot_count, slot_capacity;

    struct deque ready;   /* trials */
    struct deque waiting; /* slots; those no longer WAITING are skipped */
    uint64_t waiting_count, running;
    struct dh_map retries, losses; /* of trials that had any */

    struct queued_action *actions; /* FIFO: actions[taken … action_count) */
    size_t taken, action_count, action_capacity;
    struct queued_action current; /* last handed out */

    struct dh_usage usage; /* of closed intervals */
    uint64_t ended_here, retried, lost;
};

/* ---- texts ---- */

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

/* ---- actions ---- */

static struct queued_action *push_action(struct dh_sched *sched, enum dh_action_kind kind)
{
    struct queued_action *queued =
        DH_PUSH(sched->actions, sched->action_count, sched->action_capacity);
    *queued = (struct queued_action){.action = {.kind = kind, .worker = -1, .slot = -1}};
    return queued;
}

static void push_slot_action(struct dh_sched *sched, enum dh_action_kind kind,
                             const struct slot *slot)
{
    uint64_t retries = 0;
    dh_map_get(&sched->retries, slot->trial, &retries);
    struct dh_action *action = &push_action(sched, kind)->action;
    action->trial = slot->trial;
    action->worker = slot->worker;
    action->slot = slot->number;
    action->retries = (uint32_t)retries;
}

/* Takes what `outcome` owns. */
static void push_trial_action(struct dh_sched *sched, enum dh_action_kind kind, uint64_t trial,
                              struct dh_outcome *outcome)
{
    struct queued_action *queued = push_action(sched, kind);
    queued->action.trial = trial;
    queued->outcome = *outcome;
    *outcome = (struct dh_outcome){0};
}

bool dh_sched_next(struct dh_sched *sched, struct dh_action *action)
{
    dh_outcome_free(&sched->current.outcome);
    if (sched->taken == sched->action_count) {
        sched->taken = sched->action_count = 0;
        return false;
    }
    sched->current = sched->actions[sched->taken++];
    *action = sched->current.action;
    bool carries = action->kind == DH_ACTION_END || action->kind == DH_ACTION_RETRY;
    action->outcome = carries ? &sched->current.outcome : NULL;
    return true;
}

/* ---- slots and their time ---- */

static double *account_of(struct dh_usage *usage, enum slot_state state, bool failed)
{
    switch (state) {
    case SLOT_STARTING:
        return &usage->starting;
    case SLOT_WAITING:
        return &usage->waiting;
    case SLOT_RUNNING:
        return failed ? &usage->failed : &usage->evaluating;
    case SLOT_DRAINING:
        return &usage->draining;
    case SLOT_GONE:
        break;
    }
    return NULL;
}

/* Close the slot's present interval (`failed`: what ran did) and begin one of `state`. */
static void change(struct dh_sched *sched, struct slot *slot, enum slot_state state, bool failed,
                   double now)
{
    double *account = account_of(&sched->usage, slot->state, failed);
    if (account)
        *account += now - slot->since;
    sched->waiting_count -= slot->state == SLOT_WAITING;
    sched->running -= slot->state == SLOT_RUNNING;
    slot->since = now;
    slot->state = state;
    sched->waiting_count += state == SLOT_WAITING;
    sched->running += state == SLOT_RUNNING;
}

/* The slot has no trial (any more). */
static void set_free(struct dh_sched *sched, struct slot *slot, bool failed, double now)
{
    bool stopping = sched->stop != DH_STOP_NONE;
    change(sched, slot, stopping ? SLOT_DRAINING : SLOT_WAITING, failed, now);
    slot->cancelled = false;
    if (!stopping)
        deque_push_back(&sched->waiting, (uint64_t)(slot - sched->slots));
}

static struct slot *find_slot(struct dh_sched *sched, int32_t worker, int32_t number)
{
    if (worker < 0 || (size_t)worker >= sched->worker_count)
        return NULL;
    const struct worker *w = &sched->workers[worker];
    if (!w->joined || w->lost || number < 0 || number >= w->slot_count)
        return NULL;
    return &sched->slots[w->first_slot + (size_t)number];
}

/* ---- the end of the search ---- */

static void cancel_running(struct dh_sched *sched)
{
    for (size_t i = 0; i < sched->slot_count; i++) {
        struct slot *slot = &sched->slots[i];
        if (slot->state != SLOT_RUNNING || slot->cancelled)
            continue;
        slot->cancelled = true;
        push_slot_action(sched, DH_ACTION_CANCEL, slot);
    }
}

static void begin_stop(struct dh_sched *sched, enum dh_stop stop, double now)
{
    if (sched->stop != DH_STOP_NONE || stop == DH_STOP_NONE)
        return;
    sched->stop = stop;
    push_action(sched, DH_ACTION_STOP)->action.stop = stop;
    for (size_t i = 0; i < sched->slot_count; i++) {
        struct slot *slot = &sched->slots[i];
        if (slot->state == SLOT_WAITING || slot->state == SLOT_STARTING)
            change(sched, slot, SLOT_DRAINING, false, now);
    }
    if (dh_stop_finished(stop))
        cancel_running(sched);
}

static uint64_t spent(const struct dh_sched *sched)
{
    return tally_spent(&sched->tally);
}

/* Reasons to stop that follow from what has ended. */
static enum dh_stop stop_due(const struct dh_sched *sched)
{
    const struct dh_sched_settings *settings = &sched->settings;
    const struct tally *tally = &sched->tally;
    if (!isnan(settings->target) && tally->incumbent != UINT64_MAX &&
        !dh_objective_better(settings->maximize, settings->target, tally->best))
        return DH_STOP_TARGET;
    if (settings->max_evaluations > 0 && spent(sched) >= settings->max_evaluations)
        return DH_STOP_BUDGET;
    if (settings->patience > 0 && tally->since_improvement >= settings->patience)
        return DH_STOP_PATIENCE;
    if (settings->max_failures > 0 && tally->failures_in_row >= settings->max_failures)
        return DH_STOP_FAILURES;
    if (sched->exhausted && sched->ready.count == 0 && sched->running == 0)
        return DH_STOP_EXHAUSTED;
    if (sched->joined > 0 && sched->alive == 0)
        return DH_STOP_LOST;
    return DH_STOP_NONE;
}

static bool may_start(const struct dh_sched *sched)
{
    uint64_t budget = sched->settings.max_evaluations;
    return sched->stop == DH_STOP_NONE && (budget == 0 || spent(sched) + sched->running < budget);
}

/* Match ready trials with waiting slots, and see whether this is the end. */
static void settle(struct dh_sched *sched, double now)
{
    begin_stop(sched, stop_due(sched), now);
    while (sched->ready.count > 0 && sched->waiting.count > 0 && may_start(sched)) {
        struct slot *slot = &sched->slots[deque_pop_front(&sched->waiting)];
        if (slot->state != SLOT_WAITING)
            continue;
        slot->trial = deque_pop_front(&sched->ready);
        change(sched, slot, SLOT_RUNNING, false, now);
        push_slot_action(sched, DH_ACTION_START, slot);
    }
    if (sched->stop != DH_STOP_NONE && sched->running == 0 && !sched->done) {
        sched->done = true;
        push_action(sched, DH_ACTION_DONE);
    }
}

/* ---- events ---- */

struct dh_sched *dh_sched_create(const struct dh_sched_settings *settings,
                                 const struct dh_history *history, double now)
{
    struct dh_sched *sched = dh_alloc(1, sizeof *sched);
    sched->settings = *settings;
    sched->start = now;
    sched->objective_count = dh_history_objective_count(history);
    tally_history(&sched->tally, settings->maximize, history);
    for (uint64_t id = 0; id < dh_history_count(history); id++)
        if (dh_history_trial(history, id)->outcome.status == DH_TRIAL_PENDING)
            deque_push_back(&sched->ready, id);
    settle(sched, now);
    return sched;
}

void dh_sched_destroy(struct dh_sched **handle)
{
    struct dh_sched *sched = *handle;
    if (!sched)
        return;
    dh_outcome_free(&sched->current.outcome);
    for (size_t i = sched->taken; i < sched->action_count; i++)
        dh_outcome_free(&sched->actions[i].outcome);
    free(sched->actions);
    free(sched->workers);
    free(sched->slots);
    free(sched->ready.items);
    free(sched->waiting.items);
    dh_map_free(&sched->retries);
    dh_map_free(&sched->losses);
    free(sched);
    *handle = NULL;
}

bool dh_sched_join(struct dh_sched *sched, int32_t worker, int32_t slots, double now)
{
    if (worker < 0 || slots < 0)
        return false;
    while ((size_t)worker >= sched->worker_count) {
        size_t capacity = sched->worker_count, wanted = (size_t)worker + 1;
        sched->workers = dh_realloc(sched->workers, wanted * sizeof *sched->workers);
        for (size_t i = capacity; i < wanted; i++)
            sched->workers[i] = (struct worker){0};
        sched->worker_count = wanted;
    }
    struct worker *w = &sched->workers[worker];
    if (w->joined)
        return false;
    *w = (struct worker){.joined = true, .first_slot = sched->slot_count, .slot_count = slots};
    sched->joined++;
    sched->alive++;
    enum slot_state state = sched->stop == DH_STOP_NONE ? SLOT_STARTING : SLOT_DRAINING;
    for (int32_t number = 0; number < slots; number++) {
        struct slot *slot = DH_PUSH(sched->slots, sched->slot_count, sched->slot_capacity);
        *slot = (struct slot){.worker = worker, .number = number, .state = state, .since = now};
    }
    return true;
}

bool dh_sched_claim(struct dh_sched *sched, int32_t worker, int32_t number, double now)
{
    struct slot *slot = find_slot(sched, worker, number);
    if (!slot || slot->state != SLOT_STARTING)
        return false;
    set_free(sched, slot, false, now);
    settle(sched, now);
    return true;
}

bool dh_sched_offer(struct dh_sched *sched, uint64_t id, double now)
{
    sched->tally.by_status[DH_TRIAL_PENDING]++;
    deque_push_back(&sched->ready, id);
    settle(sched, now);
    return true;
}

void dh_sched_exhausted(struct dh_sched *sched, double now)
{
    sched->exhausted = true;
    settle(sched, now);
}

/* Success without a number is none. */
static void refuse_non_finite(const struct dh_sched *sched, struct dh_outcome *outcome)
{
    for (size_t i = 0; i < sched->objective_count && outcome->status == DH_TRIAL_SUCCEEDED; i++) {
        double value = outcome->objectives[i];
        if (isfinite(value))
            continue;
        const char *text = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
        outcome->status = DH_TRIAL_FAILED;
        free(outcome->reason);
        outcome->reason = sched->objective_count == 1
                              ? dh_strprintf("objective is %s", text)
                              : dh_strprintf("objective %zu is %s", i, text);
    }
    for (size_t i = 0;
         outcome->status != DH_TRIAL_SUCCEEDED && outcome->objectives && i < sched->objective_count;
         i++)
        outcome->objectives[i] = NAN; /* never mistaken for a good value */
}

/* Back to the front of the queue for another attempt. Takes what `outcome` owns. */
static void retry(struct dh_sched *sched, uint64_t trial, struct dh_outcome *outcome)
{
    deque_push_front(&sched->ready, trial);
    sched->retried++;
    push_trial_action(sched, DH_ACTION_RETRY, trial, outcome);
}

static void end(struct dh_sched *sched, uint64_t trial, struct dh_outcome *outcome)
{
    uint64_t retries = 0;
    if (dh_map_get(&sched->retries, trial, &retries))
        outcome->retries = (uint32_t)retries;
    sched->tally.by_status[DH_TRIAL_PENDING]--;
    tally_end(&sched->tally, trial, outcome);
    sched->ended_here++;
    push_trial_action(sched, DH_ACTION_END, trial, outcome);
}

static bool may_retry(struct dh_sched *sched, uint64_t trial, const struct dh_outcome *outcome)
{
    uint64_t retries = 0;
    bool failed = outcome->status == DH_TRIAL_FAILED || outcome->status == DH_TRIAL_TIMEOUT;
    dh_map_get(&sched->retries, trial, &retries);
    if (!failed || sched->stop != DH_STOP_NONE || retries >= sched->settings.retries)
        return false;
    dh_map_put(&sched->retries, trial, retries + 1);
    return true;
}

bool dh_sched_result(struct dh_sched *sched, int32_t worker, int32_t number, uint64_t trial,
                     struct dh_outcome *outcome, double now)
{
    struct slot *slot = find_slot(sched, worker, number);
    if (!slot || slot->state != SLOT_RUNNING || slot->trial != trial)
        return false;
    refuse_non_finite(sched, outcome);
    bool counts = outcome->status == DH_TRIAL_SUCCEEDED || outcome->status == DH_TRIAL_PRUNED;
    set_free(sched, slot, !counts, now);
    if (outcome->status == DH_TRIAL_CANCELLED && sched->stop != DH_STOP_NONE &&
        !dh_stop_finished(sched->stop))
        dh_outcome_free(outcome); /* taken back: still pending, for the next run */
    else if (may_retry(sched, trial, outcome))
        retry(sched, trial, outcome);
    else
        end(sched, trial, outcome);
    settle(sched, now);
    return true;
}

/* `trial` ran on a slot that is gone. */
static void lose_trial(struct dh_sched *sched, const struct slot *slot)
{
    uint64_t losses = 0;
    dh_map_get(&sched->losses, slot->trial, &losses);
    dh_map_put(&sched->losses, slot->trial, ++losses);
    struct dh_outcome outcome = {.started = NAN,
                                 .ended = NAN,
                                 .cpu_seconds = NAN,
                                 .worker = slot->worker,
                                 .slot = slot->number};
    if (sched->stop != DH_STOP_NONE && !dh_stop_finished(sched->stop))
        return;
    outcome.objectives = dh_alloc(sched->objective_count, sizeof(double));
    for (size_t i = 0; i < sched->objective_count; i++)
        outcome.objectives[i] = NAN;
    if (sched->stop == DH_STOP_NONE && losses <= sched->settings.lost_retries) {
        outcome.status = DH_TRIAL_FAILED;
        outcome.reason = dh_strprintf("worker %d was lost", slot->worker);
        retry(sched, slot->trial, &outcome);
        return;
    }
    outcome.status = sched->stop == DH_STOP_NONE ? DH_TRIAL_FAILED : DH_TRIAL_CANCELLED;
    outcome.reason = dh_strprintf("lost with its worker, %llu times", (unsigned long long)losses);
    end(sched, slot->trial, &outcome);
}

bool dh_sched_lost(struct dh_sched *sched, int32_t worker, double now)
{
    if (worker < 0 || (size_t)worker >= sched->worker_count || !sched->workers[worker].joined ||
        sched->workers[worker].lost)
        return false;
    struct worker *w = &sched->workers[worker];
    w->lost = true;
    sched->alive--;
    for (int32_t number = 0; number < w->slot_count; number++) {
        struct slot *slot = &sched->slots[w->first_slot + (size_t)number];
        bool running = slot->state == SLOT_RUNNING;
        change(sched, slot, SLOT_GONE, true, now);
        if (running)
            lose_trial(sched, slot);
        sched->lost += running;
    }
    settle(sched, now);
    return true;
}

void dh_sched_stop(struct dh_sched *sched, enum dh_stop stop, double now)
{
    begin_stop(sched, stop, now);
    settle(sched, now);
}

void dh_sched_cancel_running(struct dh_sched *sched, double now)
{
    cancel_running(sched);
    settle(sched, now);
}

double dh_sched_tick(struct dh_sched *sched, double now)
{
    if (sched->settings.max_time <= 0 || sched->stop != DH_STOP_NONE)
        return INFINITY;
    double end_time = sched->start + sched->settings.max_time;
    if (now < end_time)
        return end_time;
    dh_sched_stop(sched, DH_STOP_TIME, now);
    return INFINITY;
}

/* ---- questions ---- */

uint64_t dh_sched_room(const struct dh_sched *sched)
{
    if (sched->stop != DH_STOP_NONE || sched->exhausted)
        return 0;
    uint64_t budget = sched->settings.max_evaluations;
    if (budget == 0)
        return UINT64_MAX;
    uint64_t used = spent(sched) + sched->ready.count + sched->running;
    return budget > used ? budget - used : 0;
}

uint64_t dh_sched_short(const struct dh_sched *sched)
{
    return sched->stop == DH_STOP_NONE ? sched->waiting_count : 0;
}

void dh_sched_counts(const struct dh_sched *sched, struct dh_sched_counts *out)
{
    *out = (struct dh_sched_counts){
        .ready = sched->ready.count,
        .running = sched->running,
        .waiting_slots = sched->waiting_count,
        .slots = sched->slot_count,
        .workers = sched->alive,
        .ended_here = sched->ended_here,
        .retried = sched->retried,
        .lost = sched->lost,
        .incumbent = sched->tally.incumbent,
        .stop = sched->stop,
    };
    for (int s = 0; s < DH_TRIAL_STATUS_COUNT; s++)
        out->by_status[s] = sched->tally.by_status[s];
}

void dh_sched_usage(const struct dh_sched *sched, double now, struct dh_usage *out)
{
    *out = sched->usage;
    for (size_t i = 0; i < sched->slot_count; i++) {
        double *account = account_of(out, sched->slots[i].state, false);
        if (account)
            *account += now - sched->slots[i].since;
    }
}

bool dh_sched_done(const struct dh_sched *sched)
{
    return sched->done;
}
