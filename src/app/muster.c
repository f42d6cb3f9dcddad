/* Places in, groups out: see muster.h. */
#include "muster.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "peers.h"

#define MANAGER 0
/* A process that was stopped, and rank 0 with it, has waited no longer than this meanwhile. */
#define LONGEST_STEP 1.0

int dh_muster_ranks(const struct dh_settings *settings)
{
    const struct dh_node *node = dh_node_child(settings->evaluator, "ranks");
    return node && node->kind == DH_NODE_INT && node->integer > 1 ? (int)node->integer : 1;
}

dh_status dh_muster_check(const struct dh_settings *settings, int workers, struct dh_error *err)
{
    int ranks = dh_muster_ranks(settings);
    if (ranks <= (workers > 1 ? workers : 1))
        return DH_OK;
    return dh_node_fail(err, dh_node_child(settings->evaluator, "ranks"),
                        "evaluator: ranks = %d, but there %s %d worker rank%s; start at least "
                        "%d ranks (mpiexec -n %d), the manager's own among them",
                        ranks, workers == 1 ? "is" : "are", workers, workers == 1 ? "" : "s",
                        ranks + 1, ranks + 1);
}

/* The next message, within `patience` seconds: DH_EMPTY if none came. */
static dh_status await(struct dh_comm *comm, double patience, struct dh_message *message,
                       struct dh_error *err)
{
    struct dh_awake awake = {.last = dh_clock_now(&dh_clock_monotonic), .longest = LONGEST_STEP};
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    dh_status status;
    while ((status = dh_comm_receive(comm, message, err)) == DH_EMPTY &&
           dh_awake_at(&awake, dh_clock_now(&dh_clock_monotonic)) < patience)
        dh_nap_wait(&nap, -1);
    return status;
}

/* ---- rank 0 ---- */

dh_status dh_muster_gather(struct dh_comm *comm, double patience, struct dh_place *places,
                           struct dh_error *err)
{
    dh_place_here(&places[MANAGER]);
    for (int missing = dh_comm_size(comm) - 1; missing > 0;) {
        struct dh_message message;
        dh_status status = await(comm, patience, &message, err);
        if (status != DH_OK)
            return status == DH_EMPTY ? DH_OK : status;
        if (message.tag != DH_TAG_PLACE || !dh_place_unpack(&message, &places[message.peer]))
            return dh_fail(err, DH_COMM,
                           "rank %d did not say where it runs (message %d, %zu bytes)",
                           message.peer, (int)message.tag, message.size);
        missing--;
    }
    return DH_OK;
}

dh_status dh_muster_tell(struct dh_comm *comm, int rank, const struct dh_groups *groups,
                         const struct dh_place *places, struct dh_error *err)
{
    const int32_t *members = dh_groups_of(groups, rank);
    struct dh_buffer message = {0};
    dh_put_u32(&message, members ? (uint32_t)groups->ranks : 0);
    for (int i = 0; members && i < groups->ranks; i++) {
        dh_put_u32(&message, (uint32_t)members[i]);
        dh_put_u64(&message, places[members[i]].node);
        dh_put_u32(&message, (uint32_t)places[members[i]].pid);
    }
    dh_status status = dh_comm_send(comm, rank, DH_TAG_GROUP, &message, err);
    dh_buffer_free(&message);
    return status;
}

dh_status dh_muster_hold(const struct dh_app_setup *setup, struct dh_comm *comm,
                         const struct dh_log *log, struct dh_place *places,
                         struct dh_groups *groups, struct dh_error *err)
{
    const struct dh_settings *settings = &setup->settings;
    int size = dh_comm_size(comm), here = 0;
    dh_status status = dh_muster_gather(comm, settings->scheduler.lost_after, places, err);
    if (status != DH_OK)
        return status;
    for (int rank = 1; rank < size; rank++) {
        here += places[rank].known;
        if (!places[rank].known)
            dh_log_warn(log, "rank %d did not come within %g s: the groups are made without it",
                        rank, settings->scheduler.lost_after);
    }
    dh_groups_form(places, size, dh_muster_ranks(settings), groups);
    if (groups->count == 0)
        return dh_muster_check(settings, here, err);
    for (int rank = 1; rank < size; rank++)
        if (places[rank].known)
            dh_muster_tell(comm, rank, groups, places, NULL); /* one that is lost is found out */
    struct dh_buffer text = {0};
    dh_groups_describe(groups, places, &text);
    dh_log_info(log, "%s", text.data);
    dh_buffer_free(&text);
    return DH_OK;
}

/* ---- every other rank ---- */

dh_status dh_muster_hear(struct dh_comm *comm, double patience, struct dh_message *message,
                         struct dh_error *err)
{
    dh_status status = await(comm, patience, message, err);
    if (status == DH_EMPTY)
        return dh_fail(err, DH_COMM, "rank 0 was silent for %g s: it is lost, and so is this run",
                       patience);
    return status;
}

dh_status dh_muster_place(struct dh_comm *comm, struct dh_error *err)
{
    struct dh_place place;
    struct dh_buffer message = {0};
    dh_place_here(&place);
    dh_place_pack(&place, &message);
    dh_status status = dh_comm_send(comm, MANAGER, DH_TAG_PLACE, &message, err);
    dh_buffer_free(&message);
    return status;
}

/* A group's ranks, and the processes of those on this node. */
static bool read_group(const struct dh_message *message, int32_t self, struct dh_team *team,
                       int32_t **pids, size_t *pid_count)
{
    struct dh_place here;
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    uint32_t count = dh_get_u32(&reader);
    dh_place_here(&here);
    if (message->tag != DH_TAG_GROUP || reader.failed || count > message->size)
        return false;
    team->ranks = dh_alloc(count, sizeof *team->ranks);
    *pids = dh_alloc(count, sizeof **pids);
    for (uint32_t i = 0; i < count; i++) {
        team->ranks[i] = (int32_t)dh_get_u32(&reader);
        uint64_t node = dh_get_u64(&reader);
        int32_t pid = (int32_t)dh_get_u32(&reader);
        if (node == here.node && team->ranks[i] != self)
            (*pids)[(*pid_count)++] = pid;
    }
    team->count = (int)count;
    team->leads = count > 0 && team->ranks[0] == self;
    return dh_reader_complete(&reader);
}

/* The vigil comes before the communicator: making that waits for the others, too. */
static dh_status make_team(struct dh_comm *comm, const struct dh_message *message,
                           const struct dh_log *log, struct dh_team *team, struct dh_error *err)
{
    int32_t *pids = NULL;
    size_t pid_count = 0;
    dh_status status = DH_OK;
    if (!read_group(message, dh_comm_rank(comm), team, &pids, &pid_count)) {
        status = dh_fail(err, DH_COMM, "rank 0 sent a damaged group (message %d, %zu bytes)",
                         (int)message->tag, message->size);
    } else if (team->count > 0) {
        team->vigil = dh_vigil_start(pids, pid_count, log);
        dh_vigil_enter(team->vigil);
        status = dh_comm_group(comm, team->ranks, team->count, &team->communicator, err);
        dh_vigil_leave(team->vigil);
    }
    free(pids);
    return status;
}

/* Too few came for a group. DH_EMPTY: there is nothing to do. */
static dh_status take_leave(struct dh_comm *comm, double patience, struct dh_error *err)
{
    struct dh_message message;
    dh_status status = dh_comm_send(comm, MANAGER, DH_TAG_BYE, NULL, err);
    if (status == DH_OK)
        status = await(comm, patience, &message, err);
    return status == DH_OK ? DH_EMPTY : status;
}

dh_status dh_muster_attend(const struct dh_app_setup *setup, struct dh_comm *comm,
                           const struct dh_log *log, struct dh_team **out, struct dh_error *err)
{
    const struct dh_settings *settings = &setup->settings;
    double patience = DH_MANAGER_PATIENCE * settings->scheduler.lost_after;
    struct dh_message message;
    *out = NULL;
    if (dh_muster_ranks(settings) == 1)
        return DH_OK;
    dh_status status = dh_muster_place(comm, err);
    if (status == DH_OK)
        status = dh_muster_hear(comm, patience, &message, err);
    if (status != DH_OK)
        return status;
    if (message.tag == DH_TAG_SHUTDOWN)
        return take_leave(comm, patience, err);
    *out = dh_alloc(1, sizeof **out);
    return make_team(comm, &message, log, *out, err);
}

void dh_team_free(struct dh_team **team)
{
    if (!*team)
        return;
    dh_vigil_stop(&(*team)->vigil);
    free((*team)->ranks);
    free(*team);
    *team = NULL;
}
