/* What the workers say to the manager: see manager.h, and comm.h for the messages. */
#include <inttypes.h>
#include <stdlib.h>

#include "manager_state.h"
#include "muster.h"

static dh_status on_hello(struct dh_manager *manager, const struct dh_message *message,
                          struct dh_error *err)
{
    struct dh_hello hello;
    if (!dh_hello_unpack(message, &hello))
        return dh_message_damaged(message, err);
    if (hello.version != DH_WIRE_VERSION)
        return dh_fail(err, DH_COMM, "rank %d speaks protocol %u, this is %u: one dh_mpi for all",
                       message->peer, hello.version, DH_WIRE_VERSION);
    dh_sched_join(manager->sched, message->peer, hello.slots, manager->now);
    dh_peers_hello(&manager->peers, message->peer, &hello);
    dh_log_debug(manager->parts.log, "rank %d joins: %d slots on %s, process %d", message->peer,
                 hello.slots, hello.host, hello.pid);
    return DH_OK;
}

static dh_status on_claim(struct dh_manager *manager, const struct dh_message *message,
                          struct dh_error *err)
{
    int32_t slot;
    uint64_t trial;
    if (!dh_slot_unpack(message, &slot, &trial))
        return dh_message_damaged(message, err);
    manager->claims += dh_sched_claim(manager->sched, message->peer, slot, manager->now);
    return DH_OK;
}

/* A group's result says that all its ranks are back from the call, in which they were silent; their
 * heartbeats may still be on the way. */
static void hear_group(struct dh_manager *manager, int leader)
{
    const struct dh_groups *groups = manager->parts.groups;
    const int32_t *members = groups ? dh_groups_of(groups, leader) : NULL;
    for (int i = 0; members && i < groups->ranks; i++)
        dh_peers_heard(&manager->peers, members[i]);
}

static void look_at_outcome(struct dh_manager *manager, int rank, const struct dh_outcome *outcome)
{
    bool good = outcome->status == DH_TRIAL_SUCCEEDED || outcome->status == DH_TRIAL_PRUNED;
    if ((!good && outcome->status != DH_TRIAL_FAILED && outcome->status != DH_TRIAL_TIMEOUT) ||
        !dh_peers_result(&manager->peers, rank, good))
        return;
    struct dh_buffer name = {0};
    dh_peers_name(&manager->peers, rank, &name);
    dh_log_warn(manager->parts.log,
                "the last %" PRIu64 " evaluations of %s failed, and others' succeed meanwhile: is "
                "something wrong there? (the last: %s)",
                manager->peers.all[rank].streak, (const char *)name.data,
                outcome->reason ? outcome->reason : dh_trial_status_text(outcome->status));
    dh_buffer_free(&name);
}

/* Of a group any rank may have it that the plugin has ended, while the leader waits for that. */
static dh_status on_result(struct dh_manager *manager, const struct dh_message *message,
                           struct dh_error *err)
{
    int32_t slot;
    uint64_t trial;
    struct dh_outcome outcome;
    size_t objectives = dh_history_objective_count(manager->parts.history);
    if (!dh_result_unpack(message, objectives, &slot, &trial, &outcome))
        return dh_message_damaged(message, err);
    hear_group(manager, message->peer);
    look_at_outcome(manager, message->peer, &outcome);
    if (dh_sched_result(manager->sched, manager_leader_of(manager, message->peer), slot, trial,
                        &outcome, manager->now))
        manager->claims++;
    else
        dh_outcome_free(&outcome);
    return DH_OK;
}

/* The ticket of a turn belongs to a trial if that was offered for it: then it is this slot's. */
static void take_turn(struct dh_manager *manager, int rank, struct dh_turn *turn)
{
    uint64_t trial;
    struct dh_sched *sched = manager->sched;
    bool offered = dh_board_heard(manager->parts.board, rank, turn, &trial);
    if (offered && !dh_sched_assign(sched, rank, turn->slot, trial, turn->took)) {
        dh_sched_orphaned(sched, trial, manager->now);
        offered = false;
    }
    if (turn->ended)
        look_at_outcome(manager, rank, &turn->outcome);
    bool heeded = turn->ended ? dh_sched_result(sched, rank, turn->slot, turn->trial,
                                                &turn->outcome, manager->now)
                              : dh_sched_claim(sched, rank, turn->slot, manager->now);
    manager->claims += heeded;
    if (!heeded)
        dh_outcome_free(&turn->outcome);
    if (!heeded && offered)
        dh_sched_orphaned(sched, trial, manager->now);
    if (turn->took && !(heeded && offered))
        manager_lose(manager, rank, "it took what was not offered to it");
}

static dh_status on_turns(struct dh_manager *manager, const struct dh_message *message,
                          struct dh_error *err)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    size_t objectives = dh_history_objective_count(manager->parts.history);
    struct dh_turn turn;
    while (manager->parts.board && dh_turn_next(&reader, objectives, &turn)) {
        take_turn(manager, message->peer, &turn);
        manager->taken++;
    }
    return dh_reader_complete(&reader) ? DH_OK : dh_message_damaged(message, err);
}

static dh_status on_roll(struct dh_manager *manager, const struct dh_message *message,
                         struct dh_error *err)
{
    (void)err;
    dh_offers_answered(&manager->offers, message->peer);
    return DH_OK;
}

void manager_log_report(struct dh_manager *manager, uint64_t trial, double step, double value)
{
    dh_log_debug(manager->parts.log, "trial %" PRIu64 " at step %g: %g", trial, step, value);
}

static dh_status on_report(struct dh_manager *manager, const struct dh_message *message,
                           struct dh_error *err)
{
    int32_t slot;
    uint64_t trial;
    double step, value;
    if (!dh_progress_unpack(message, &slot, &trial, &step, &value))
        return dh_message_damaged(message, err);
    manager_log_report(manager, trial, step, value);
    return DH_OK;
}

static dh_status on_bye(struct dh_manager *manager, const struct dh_message *message,
                        struct dh_error *err)
{
    (void)err;
    struct dh_peer *peer = &manager->peers.all[message->peer];
    manager->peers.byes += !peer->bye;
    peer->bye = true;
    dh_offers_answered(&manager->offers, message->peer);
    return DH_OK;
}

/* Of a worker that rank 0 did not wait for. After the groups were made it is in none. */
static dh_status on_place(struct dh_manager *manager, const struct dh_message *message,
                          struct dh_error *err)
{
    const struct dh_manager_parts *parts = &manager->parts;
    if (!parts->places)
        return DH_OK;
    if (!dh_place_unpack(message, &parts->places[message->peer]))
        return dh_message_damaged(message, err);
    if (parts->groups &&
        dh_muster_tell(parts->comm, message->peer, parts->groups, parts->places, err) != DH_OK)
        manager_lose(manager, message->peer, err->text);
    manager_look_at_places(manager);
    return DH_OK;
}

/* It asks whether the manager is there, too. */
static dh_status on_heartbeat(struct dh_manager *manager, const struct dh_message *message,
                              struct dh_error *err)
{
    (void)err;
    manager_send(manager, message->peer, DH_TAG_HEARTBEAT);
    return DH_OK;
}

/* `rank`, the first of its group if it has one, cannot evaluate: said now, or together with others
 * of which the same will be said. */
static void note_aside(struct dh_manager *manager, int rank, dh_status status, const char *text)
{
    struct dh_peer *peer = &manager->peers.all[rank];
    manager->peers.aside += !peer->aside;
    peer->aside = true;
    if (status == DH_CONFIG)
        dh_unfit_add(&manager->unfit, &manager->peers, rank, text, manager->now);
    else
        dh_log_error(manager->parts.log, "rank %d cannot evaluate any more%s%s: %s", rank,
                     *peer->host ? ", on " : "", peer->host, text);
}

/* The others go on without `rank`; it still says goodbye at the end. If there is no other, what is
 * wrong with its configuration or its machine is why the search ends. */
static dh_status put_aside(struct dh_manager *manager, int rank, dh_status status, const char *text,
                           struct dh_error *err)
{
    struct dh_sched_counts counts;
    bool only = manager->peers.count == 2;
    const char *host = manager->peers.all[rank].host;
    int leader = manager_leader_of(manager, rank);
    bool first = status == DH_CONFIG ? dh_sched_unfit(manager->sched, leader, manager->now)
                                     : dh_sched_lost(manager->sched, leader, manager->now);
    if (first)
        note_aside(manager, rank, status, text);
    dh_sched_counts(manager->sched, &counts);
    if (counts.stop != DH_STOP_LOST || (status != DH_CONFIG && status != DH_UNABLE))
        return DH_OK;
    dh_unfit_tell(&manager->unfit, text, manager->parts.log);
    return dh_fail(err, status, "%srank %d%s%s%s: %s",
                   only                ? ""
                   : counts.ended_here ? "no worker is left; the last was "
                                       : "no worker can evaluate; the last was ",
                   rank, *host ? " on " : "", host, only ? " cannot evaluate" : "", text);
}

/* Is it in none of the groups that evaluate? */
static bool is_idle(const struct dh_manager *manager, int rank)
{
    const struct dh_groups *groups = manager->parts.groups;
    return groups && groups->leader[rank] < 0;
}

/* What is wrong with the folder that all run folders are in is wrong everywhere and ends the
 * search. What is wrong with the configuration (a module that cannot be imported) may be so on this
 * rank's machine alone: it ends the search when all ranks have said so. */
static dh_status on_fatal(struct dh_manager *manager, const struct dh_message *message,
                          struct dh_error *err)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    dh_status status = (dh_status)dh_get_u32(&reader);
    char *told = dh_get_text(&reader);
    const char *text = told ? told : "?";
    const char *host = manager->peers.all[message->peer].host;
    dh_status cause = DH_OK;
    if (status == DH_IO)
        cause = dh_fail(err, status, "rank %d%s%s cannot evaluate: %s", message->peer,
                        *host ? " on " : "", host, text);
    else if (!is_idle(manager, message->peer))
        cause = put_aside(manager, message->peer, status, text, err);
    free(told);
    return cause;
}

static dh_status (*const handlers[DH_TAG_COUNT])(struct dh_manager *, const struct dh_message *,
                                                 struct dh_error *) = {
    [DH_TAG_HELLO] = on_hello,         [DH_TAG_CLAIM] = on_claim, [DH_TAG_RESULT] = on_result,
    [DH_TAG_REPORT] = on_report,       [DH_TAG_BYE] = on_bye,     [DH_TAG_FATAL] = on_fatal,
    [DH_TAG_HEARTBEAT] = on_heartbeat, [DH_TAG_PLACE] = on_place, [DH_TAG_TURNS] = on_turns,
    [DH_TAG_ROLL] = on_roll,
};

static bool matters_after_error(enum dh_tag tag)
{
    return tag == DH_TAG_RESULT || tag == DH_TAG_TURNS || tag == DH_TAG_BYE ||
           tag == DH_TAG_HEARTBEAT;
}

dh_status manager_take(struct dh_manager *manager, const struct dh_message *message,
                       struct dh_error *err)
{
    struct dh_peer *peer = &manager->peers.all[message->peer];
    dh_peers_heard(&manager->peers, message->peer);
    if (!handlers[message->tag])
        return dh_message_damaged(message, err);
    if (peer->lost) { /* its trials are others' now */
        if (!peer->told)
            dh_log_warn(manager->parts.log, "rank %d is back after it was given up: it is let go",
                        message->peer);
        peer->told = true;
        manager_send(manager, message->peer, DH_TAG_SHUTDOWN);
        return DH_OK;
    }
    if (manager->abandoned && !matters_after_error(message->tag))
        return DH_OK;
    return handlers[message->tag](manager, message, err);
}
