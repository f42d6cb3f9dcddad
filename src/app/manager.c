/* The manager's actions and its step: see manager.h. What comes in is taken by messages.c. */
#include "manager.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "manager_state.h"
#include "placement.h"

/* Messages and turns taken in one step, so that one step stays short under any load. */
#define MESSAGES_A_STEP 256
#define CANCEL_PATIENCE 5.0 /* seconds: as other evaluations have by default */

static struct dh_sched_settings sched_settings(const struct dh_manager_parts *parts)
{
    const struct dh_settings *settings = &parts->setup->settings;
    double max_time = settings->search.max_time;
    bool job_ends_first = parts->job_time > 0 && (max_time <= 0 || parts->job_time < max_time);
    return (struct dh_sched_settings){
        .max_evaluations = (uint64_t)settings->search.max_evaluations,
        .max_time = job_ends_first ? parts->job_time : max_time,
        .grace = settings->search.grace,
        .span = job_ends_first ? parts->job_span : 0,
        .space = parts->setup->space,
        .target = settings->search.target,
        .maximize = settings->objectives[0].maximize,
        .patience = (uint64_t)settings->search.patience,
        .max_failures = (uint64_t)settings->search.max_failures,
        .retries = parts->retries,
        .lost_retries = (uint32_t)settings->scheduler.lost_retries,
        .workers = parts->groups ? (uint64_t)parts->groups->count
                                 : (uint64_t)dh_comm_size(parts->comm) - 1,
        /* simulated workers go by the simulation's clock */
        .epoch = parts->clock == &dh_clock_monotonic ? dh_wall_time() : dh_clock_now(parts->clock),
    };
}

struct dh_manager *dh_manager_create(const struct dh_manager_parts *parts)
{
    struct dh_manager *manager = dh_alloc(1, sizeof *manager);
    struct dh_sched_settings settings = sched_settings(parts);
    manager->parts = *parts;
    manager->now = dh_clock_now(parts->clock);
    manager->demand.counted_since = manager->now;
    dh_peers_open(&manager->peers, dh_comm_size(parts->comm),
                  parts->setup->settings.scheduler.lost_after, manager->now);
    dh_late_open(&manager->late, parts->setup->space, parts->history,
                 (uint64_t)parts->setup->settings.search.seed,
                 parts->setup->settings.objectives[0].maximize);
    size_t known_count;
    const double *known = dh_search_known(parts->search, &known_count);
    dh_late_exclude(&manager->late, known, known_count);
    dh_offers_open(&manager->offers, parts->board, dh_comm_size(parts->comm));
    manager->sched = dh_sched_create(&settings, parts->history, manager->now);
    manager->next_tick = dh_sched_tick(manager->sched, manager->now);
    manager->next_late = INFINITY;
    manager->cancelled_at = INFINITY;
    manager_look_at_places(manager);
    manager->proposer = dh_proposer_create(&(struct dh_proposer_parts){
        .search = parts->search,
        .clock = parts->clock,
        .lanes = parts->lanes,
        .parameter_count = dh_space_count(parts->setup->space),
        .next_id = dh_history_count(parts->history),
        .threaded = parts->threaded,
    });
    return manager;
}

void dh_manager_destroy(struct dh_manager **handle)
{
    struct dh_manager *manager = *handle;
    if (!manager)
        return;
    dh_proposer_destroy(&manager->proposer);
    dh_sched_destroy(&manager->sched);
    dh_offers_close(&manager->offers);
    dh_unfit_close(&manager->unfit);
    dh_peers_close(&manager->peers);
    dh_late_close(&manager->late);
    dh_buffer_free(&manager->scratch);
    free(manager);
    *handle = NULL;
}

int manager_leader_of(const struct dh_manager *manager, int rank)
{
    const struct dh_groups *groups = manager->parts.groups;
    return groups && groups->leader[rank] >= 0 ? groups->leader[rank] : rank;
}

void manager_look_at_places(struct dh_manager *manager)
{
    const struct dh_manager_parts *parts = &manager->parts;
    struct dh_buffer text = {0};
    if (!parts->places || manager->placed)
        return;
    for (int rank = 0; rank < manager->peers.count; rank++)
        if (!parts->places[rank].known && !manager->peers.all[rank].lost)
            return;
    manager->placed = true;
    dh_placement_judge(parts->places, manager->peers.count, parts->plan, &parts->setup->settings,
                       parts->groups, &text);
    dh_log_warn_lines(parts->log, text.data);
    dh_buffer_free(&text);
}

/* A group without one of its ranks is of no use any more. */
static void lose_group(struct dh_manager *manager, int rank)
{
    const int32_t *members =
        manager->parts.groups ? dh_groups_of(manager->parts.groups, rank) : NULL;
    char *why = dh_strprintf("rank %d of its group is", rank);
    for (int i = 0; members && i < manager->parts.groups->ranks; i++)
        manager_lose(manager, members[i], why);
    free(why);
}

void manager_lose(struct dh_manager *manager, int rank, const char *why)
{
    struct dh_peer *peer = &manager->peers.all[rank];
    if (peer->lost || peer->bye)
        return;
    uint64_t trials[8];
    size_t count = dh_sched_running_on(manager->sched, rank, trials, DH_COUNT_OF(trials));
    struct dh_buffer text = {0};
    dh_peers_name(&manager->peers, rank, &text);
    dh_buffer_text(&text, count ? "; it ran" : "; it ran nothing");
    dh_buffer_text(&text, count == 1 ? " trial" : count > 1 ? " trials" : "");
    for (size_t i = 0; i < count && i < DH_COUNT_OF(trials); i++)
        dh_buffer_printf(&text, "%s %" PRIu64, i ? "," : "", trials[i]);
    dh_log_warn(manager->parts.log, "lost (%s): %s%s", why, text.data,
                count > DH_COUNT_OF(trials) ? ", …" : "");
    dh_buffer_free(&text);
    peer->lost = true;
    manager->peers.lost++;
    dh_sched_lost(manager->sched, rank, manager->now);
    dh_offers_gone(&manager->offers, rank);
    lose_group(manager, rank);
    manager_look_at_places(manager);
}

void manager_send(struct dh_manager *manager, int peer, enum dh_tag tag)
{
    struct dh_error err;
    if (dh_comm_send(manager->parts.comm, peer, tag, &manager->scratch, &err) != DH_OK)
        manager_lose(manager, peer, err.text);
    dh_buffer_clear(&manager->scratch);
}

static dh_status receive(struct dh_manager *manager, bool *busy, struct dh_error *err)
{
    for (manager->taken = 0; manager->taken < MESSAGES_A_STEP; manager->taken++) {
        struct dh_message message;
        dh_status status = dh_comm_receive(manager->parts.comm, &message, err);
        if (status == DH_EMPTY)
            return DH_OK;
        if (status == DH_OK)
            status = manager_take(manager, &message, err);
        if (status != DH_OK)
            return status;
        *busy = true;
    }
    return DH_OK;
}

/* How long may this rank be silent? While a plugin runs in it, it cannot do otherwise; but a search
 * that has to stop does not wait for it. */
static double silence_limit(const struct dh_manager *manager, int rank)
{
    const struct dh_scheduler_settings *settings = &manager->parts.setup->settings.scheduler;
    double usual = settings->lost_after;
    if (!manager->peers.all[rank].silent ||
        dh_sched_running_on(manager->sched, manager_leader_of(manager, rank), NULL, 0) == 0)
        return usual;
    if (manager->now >= manager->cancelled_at + CANCEL_PATIENCE)
        return fmin(usual, CANCEL_PATIENCE);
    return settings->lost_in_rank > 0 ? fmax(settings->lost_in_rank, usual) : (double)INFINITY;
}

static void look_for_lost(struct dh_manager *manager)
{
    if (!dh_peers_scan_due(&manager->peers))
        return;
    for (int rank = 1; rank < manager->peers.count; rank++) {
        if (manager->parts.board && dh_board_heard_beat(manager->parts.board, rank))
            dh_peers_heard(&manager->peers, rank);
        double silence = dh_peers_silence(&manager->peers, rank);
        if (silence <= silence_limit(manager, rank))
            continue;
        char *why = dh_strprintf("silent for %.3g s", silence);
        manager_lose(manager, rank, why);
        free(why);
    }
}

/* Whose is a trial that was taken and not told of? */
static void look_for_orphans(struct dh_manager *manager)
{
    if (dh_offers_roll_due(&manager->offers, manager->now))
        for (int rank = 1; rank < manager->peers.count; rank++)
            if (!manager->peers.all[rank].lost && !manager->peers.all[rank].bye) {
                dh_offers_call(&manager->offers, rank);
                manager_send(manager, rank, DH_TAG_ROLL);
            }
    dh_offers_settle(&manager->offers, manager->sched, manager->now);
}

/* ---- actions ---- */

static dh_status start_trial(struct dh_manager *manager, const struct dh_action *action,
                             struct dh_error *err)
{
    (void)err;
    struct dh_trial *trial = dh_history_trial(manager->parts.history, action->trial);
    struct dh_task task = {.trial = trial->id,
                           .seed = trial->seed,
                           .proposed = trial->proposed,
                           .retries = action->retries,
                           .slot = action->slot,
                           .values = trial->values};
    dh_task_pack(&task, dh_history_parameter_count(manager->parts.history), &manager->scratch);
    manager_send(manager, action->worker, DH_TAG_TASK);
    return DH_OK;
}

static dh_status cancel_trial(struct dh_manager *manager, const struct dh_action *action,
                              struct dh_error *err)
{
    (void)err;
    struct dh_board *board = manager->parts.board;
    if (board && action->slot < dh_board_slots(board)) {
        dh_board_stop(board, action->worker, action->slot);
        return DH_OK;
    }
    dh_slot_pack(action->slot, action->trial, &manager->scratch);
    manager_send(manager, action->worker, DH_TAG_CANCEL);
    return DH_OK;
}

static const char *reason_of(const struct dh_outcome *outcome)
{
    return outcome->reason ? outcome->reason : dh_trial_status_text(outcome->status);
}

static dh_status log_retry(struct dh_manager *manager, const struct dh_action *action,
                           struct dh_error *err)
{
    (void)err;
    struct dh_sched_counts counts;
    dh_sched_counts(manager->sched, &counts);
    dh_log_debug(manager->parts.log, "trial %" PRIu64 " is %s: %s", action->trial,
                 counts.stop == DH_STOP_NONE ? "tried again" : "left to the next run",
                 action->outcome ? reason_of(action->outcome) : "its worker was lost");
    return DH_OK;
}

static dh_status end_trial(struct dh_manager *manager, const struct dh_action *action,
                           struct dh_error *err)
{
    const struct dh_manager_parts *parts = &manager->parts;
    if (action->outcome->status != DH_TRIAL_SUCCEEDED)
        dh_log_debug(parts->log, "trial %" PRIu64 " %s: %s", action->trial,
                     dh_trial_status_text(action->outcome->status), reason_of(action->outcome));
    dh_status status = dh_history_end(parts->history, action->trial, action->outcome, err);
    if (status != DH_OK)
        return status;
    const struct dh_trial *trial = dh_history_trial(parts->history, action->trial);
    if (parts->store)
        dh_store_ended(parts->store, trial);
    dh_late_learn(&manager->late, trial);
    dh_demand_evaluated(&manager->demand, trial->outcome.ended - trial->outcome.started);
    dh_proposer_tell(manager->proposer, trial);
    return DH_OK;
}

static dh_status log_stop(struct dh_manager *manager, const struct dh_action *action,
                          struct dh_error *err)
{
    (void)err;
    dh_log_info(manager->parts.log, "stopping: %s", dh_stop_text(action->stop));
    return DH_OK;
}

static dh_status log_hold(struct dh_manager *manager, const struct dh_action *action,
                          struct dh_error *err)
{
    (void)err;
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "not starting evaluations that take about ");
    dh_text_put_duration(&text, action->expected);
    dh_buffer_text(&text, action->by_parameters ? " (by their parameters): " : ": ");
    dh_text_put_duration(&text, action->left);
    dh_log_info(manager->parts.log, "%s left", text.data);
    dh_buffer_free(&text);
    return DH_OK;
}

static dh_status let_workers_go(struct dh_manager *manager, const struct dh_action *action,
                                struct dh_error *err)
{
    (void)action;
    (void)err;
    manager->ending = true;
    for (int peer = 1; peer < manager->peers.count; peer++)
        if (!manager->peers.all[peer].lost)
            manager_send(manager, peer, DH_TAG_SHUTDOWN);
    return DH_OK;
}

static dh_status (*const actors[])(struct dh_manager *, const struct dh_action *,
                                   struct dh_error *) = {
    [DH_ACTION_START] = start_trial, [DH_ACTION_CANCEL] = cancel_trial,
    [DH_ACTION_RETRY] = log_retry,   [DH_ACTION_END] = end_trial,
    [DH_ACTION_STOP] = log_stop,     [DH_ACTION_DONE] = let_workers_go,
    [DH_ACTION_HOLD] = log_hold,
};

static dh_status act(struct dh_manager *manager, bool *busy, struct dh_error *err)
{
    struct dh_action action;
    while (dh_sched_next(manager->sched, &action)) {
        *busy = true;
        dh_status status = actors[action.kind](manager, &action, err);
        if (status != DH_OK)
            return status;
    }
    return DH_OK;
}

/* ---- the step ---- */

static void read_board(struct dh_manager *manager)
{
    int rank;
    int32_t slot;
    uint64_t trial;
    double step, value;
    if (!manager->parts.board)
        return;
    dh_board_pulse(manager->parts.board);
    while (dh_board_news(manager->parts.board, &rank, &slot, &trial, &step, &value))
        manager_log_report(manager, trial, step, value);
}

/* Ranks that cannot evaluate, where others do, or may. */
static void tell_of_unfit(struct dh_manager *manager)
{
    struct dh_sched_counts counts;
    if (manager->unfit.count == 0)
        return;
    dh_sched_counts(manager->sched, &counts);
    if (dh_unfit_due(&manager->unfit, counts.ended_here > 0, manager->now))
        dh_unfit_tell(&manager->unfit, NULL, manager->parts.log);
}

/* The search goes on with what was received. */
static dh_status go_on(struct dh_manager *manager, bool *busy, struct dh_error *err)
{
    look_for_orphans(manager);
    tell_of_unfit(manager);
    manager->next_tick = dh_sched_tick(manager->sched, manager->now);
    /* results become events before the search is asked */
    dh_status status = act(manager, busy, err);
    if (status == DH_OK)
        status = manager_take_proposals(manager, busy, err);
    if (status == DH_OK)
        manager_replace_late(manager, busy);
    if (status == DH_OK)
        status = dh_offers_recall(&manager->offers, manager->sched, manager->now, err);
    if (status == DH_OK)
        status = act(manager, busy, err);
    if (status == DH_OK && !manager->ending)
        manager_ask(manager);
    manager->next_late = manager_late_at(manager);
    return status;
}

/* After an error nothing begins any more, but an evaluation that has ended is one: all that was
 * received of it is recorded, whatever it was that failed. The store keeps what it cannot write,
 * and tries again in each step. */
static void record_ended(struct dh_manager *manager)
{
    struct dh_action action;
    struct dh_error ignored; /* not the first */
    while (dh_sched_next(manager->sched, &action))
        if (action.kind == DH_ACTION_END)
            end_trial(manager, &action, &ignored);
}

dh_status dh_manager_step(struct dh_manager *manager, bool *busy, struct dh_error *err)
{
    *busy = false;
    manager->now = dh_clock_now(manager->parts.clock);
    dh_peers_wake(&manager->peers, manager->now);
    dh_status status = receive(manager, busy, err);
    look_for_lost(manager);
    read_board(manager);
    if (status == DH_OK && !manager->abandoned)
        status = go_on(manager, busy, err);
    if (status != DH_OK || manager->abandoned)
        record_ended(manager);
    struct dh_error write_err;
    dh_status written =
        manager->parts.store ? dh_store_write(manager->parts.store, &write_err) : DH_OK;
    if (written != DH_OK && status == DH_OK && !manager->abandoned) {
        *err = write_err;
        status = written;
    }
    if (status == DH_OK && !manager->abandoned)
        dh_offers_publish(&manager->offers, manager->sched, manager->parts.history, manager->now);
    return status;
}

void dh_manager_stop(struct dh_manager *manager, enum dh_stop stop, bool now_too)
{
    manager->now = dh_clock_now(manager->parts.clock);
    dh_sched_stop(manager->sched, stop, manager->now);
    if (!now_too)
        return;
    dh_sched_cancel_running(manager->sched, manager->now);
    manager->cancelled_at = fmin(manager->cancelled_at, manager->now);
}

void dh_manager_abandon(struct dh_manager *manager)
{
    manager->abandoned = true;
    dh_sched_stop(manager->sched, DH_STOP_ERROR, dh_clock_now(manager->parts.clock));
    if (!manager->ending)
        let_workers_go(manager, NULL, NULL);
}

bool dh_manager_done(const struct dh_manager *manager)
{
    return manager->ending && dh_peers_gone(&manager->peers);
}

/* What the end of a long log should say again. */
static void tell_of_missing(struct dh_manager *manager)
{
    const struct dh_peers *peers = &manager->peers;
    struct dh_buffer text = {0};
    dh_unfit_tell(&manager->unfit, NULL, manager->parts.log);
    if (peers->lost) {
        dh_peers_list_lost(peers, &text);
        dh_log_warn(manager->parts.log, "lost on the way: %s", text.data);
        dh_buffer_clear(&text);
    }
    if (peers->aside && peers->aside < peers->count - 1) { /* or that is why it ended */
        dh_peers_list_aside(peers, &text);
        dh_log_warn(manager->parts.log, "put aside, since they could not evaluate: %s", text.data);
    }
    dh_buffer_free(&text);
}

bool dh_manager_leave(struct dh_manager *manager)
{
    bool together = manager->peers.byes == manager->peers.count - 1;
    tell_of_missing(manager);
    for (int peer = 1; peer < manager->peers.count; peer++) {
        dh_put_u8(&manager->scratch, together);
        manager_send(manager, peer, DH_TAG_LEAVE);
    }
    return together;
}

int dh_manager_fd(const struct dh_manager *manager)
{
    return dh_proposer_fd(manager->proposer);
}

double dh_manager_next_time(const struct dh_manager *manager)
{
    return fmin(manager->next_tick, manager->next_late);
}

double dh_manager_next_answer(const struct dh_manager *manager)
{
    return dh_proposer_next_time(manager->proposer);
}

const struct dh_sched *dh_manager_sched(const struct dh_manager *manager)
{
    return manager->sched;
}

const struct dh_demand *dh_manager_demand(const struct dh_manager *manager)
{
    return &manager->demand;
}
