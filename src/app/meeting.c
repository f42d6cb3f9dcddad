/* Opening the board: see meeting.h. */
#include "meeting.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "muster.h"
#include "peers.h"

/* Seconds in which all ranks should say that they are ready. */
#define SHORTEST_PATIENCE 10.0

/* Groups are made of who came; the board would need everybody. Both sides know that by themselves.
 */
static bool grouped(const struct dh_settings *settings)
{
    return dh_muster_ranks(settings) > 1;
}

/* Why "auto" does not even try; NULL: it does. `*quiet`: nothing is lost by that. */
static const char *reason_not_to(struct dh_comm *comm, int32_t slots, bool *quiet)
{
    *quiet = (dh_comm_size(comm) - 1) * (int64_t)slots <= 1;
    if (*quiet)
        return "there is one slot, which waits for its own results";
    if (dh_comm_recovers())
        return "with --enable-recovery a rank may die, within a one-sided access, too";
    return NULL;
}

/* How long rank 0 waits for everybody. The others wait for its word many times as long. */
static double patience_of(const struct dh_settings *settings)
{
    return fmax(SHORTEST_PATIENCE, settings->scheduler.lost_after);
}

/* Wait for a message of everybody; `*missing` ranks did not come in time. */
static dh_status await_all(struct dh_comm *comm, double patience, int *missing,
                           struct dh_error *err)
{
    int size = dh_comm_size(comm);
    bool *here = dh_alloc((size_t)size, sizeof *here);
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    double end = dh_clock_now(&dh_clock_monotonic) + patience;
    dh_status status = DH_OK;
    *missing = size - 1;
    while (*missing > 0 && (status == DH_OK || dh_clock_now(&dh_clock_monotonic) < end)) {
        struct dh_message message;
        status = dh_comm_receive(comm, &message, err);
        if (status == DH_OK && message.tag != DH_TAG_BOARD)
            status = dh_fail(err, DH_COMM, "rank %d sent tag %d before it was told of a board",
                             message.peer, (int)message.tag);
        if (status == DH_OK) {
            *missing -= !here[message.peer];
            here[message.peer] = true;
        } else if (status == DH_EMPTY) {
            dh_nap_wait(&nap, -1);
        } else {
            break;
        }
    }
    free(here);
    return status == DH_EMPTY ? DH_OK : status;
}

/* One that cannot be reached is lost; the manager will find out. */
static void tell_all(struct dh_comm *comm, const struct dh_board_plan *plan)
{
    struct dh_buffer payload = {0};
    dh_board_plan_pack(plan, &payload);
    for (int peer = 1; peer < dh_comm_size(comm); peer++)
        dh_comm_send(comm, peer, DH_TAG_BOARD, &payload, NULL);
    dh_buffer_free(&payload);
}

/* Open it, and see what it is worth. */
static dh_status open_board(struct dh_comm *comm, const struct dh_board_plan *plan, bool insist,
                            struct dh_board **board, struct dh_error *err)
{
    bool alone = false;
    dh_status status = dh_board_open(comm, plan, &alone, board, err);
    if (status != DH_OK || alone || insist)
        return status;
    dh_board_destroy(board);
    return dh_fail(err, DH_COMM,
                   "one-sided access works here only with rank 0's help, which messages do better");
}

dh_status dh_meeting_hold(const struct dh_app_setup *setup, struct dh_comm *comm, int32_t slots,
                          const struct dh_log *log, struct dh_board **board, struct dh_error *err)
{
    const struct dh_settings *settings = &setup->settings;
    bool insist = settings->comm.window == DH_WINDOW_ON, quiet = false;
    int missing = 0;
    *board = NULL;
    if (settings->comm.window == DH_WINDOW_OFF || grouped(settings))
        return DH_OK;
    struct dh_board_plan plan =
        dh_board_plan_for(dh_space_count(setup->space), dh_comm_size(comm), slots);
    const char *reason = insist ? NULL : reason_not_to(comm, slots, &quiet);
    dh_status status = reason ? dh_fail(err, DH_COMM, "%s", reason)
                              : await_all(comm, patience_of(settings), &missing, err);
    if (status == DH_OK && missing > 0)
        status = dh_fail(err, DH_COMM, "%d of %d ranks did not come to open it", missing,
                         dh_comm_size(comm) - 1);
    tell_all(comm, status == DH_OK ? &plan : NULL);
    if (status == DH_OK)
        status = open_board(comm, &plan, insist, board, err);
    if (status != DH_OK && insist)
        return dh_fail_context(err, "comm.window = \"on\", but there can be no board here");
    if (status != DH_OK && quiet)
        dh_log_debug(log, "no board: %s", err->text);
    else if (status != DH_OK)
        dh_log_info(log, "claims go by message, not through rank 0's memory (comm.window): %s",
                    err->text);
    else
        dh_log_debug(log, "claims go through rank 0's memory: room for %d offers", (int)plan.ring);
    return DH_OK;
}

dh_status dh_meeting_attend(const struct dh_app_setup *setup, struct dh_comm *comm,
                            struct dh_board **board, struct dh_error *err)
{
    struct dh_message message;
    struct dh_board_plan plan;
    bool there;
    *board = NULL;
    if (setup->settings.comm.window == DH_WINDOW_OFF || grouped(&setup->settings))
        return DH_OK;
    dh_status status = dh_comm_send(comm, 0, DH_TAG_BOARD, NULL, err);
    if (status == DH_OK)
        status = dh_muster_hear(comm, DH_MANAGER_PATIENCE * patience_of(&setup->settings), &message,
                                err);
    if (status != DH_OK)
        return status;
    if (message.tag != DH_TAG_BOARD || !dh_board_plan_unpack(&message, &there, &plan))
        return dh_fail(err, DH_COMM, "rank 0 sent no word of the board (tag %d)", (int)message.tag);
    if (!there)
        return DH_OK;
    /* what failed failed on all ranks, and rank 0 says so */
    open_board(comm, &plan, setup->settings.comm.window == DH_WINDOW_ON, board, NULL);
    return DH_OK;
}
