/* Opening the board: see meeting.h. */
#include "meeting.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "muster.h"
#include "peers.h"
#include "placement.h"

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

static int count_missing(const struct dh_place *places, int size)
{
    int missing = 0;
    for (int rank = 1; rank < size; rank++)
        missing += !places[rank].known;
    return missing;
}

/* One that cannot be reached is lost; the manager will find out. */
static void tell_all(struct dh_comm *comm, const uint32_t *threads,
                     const struct dh_board_plan *plan)
{
    struct dh_buffer payload = {0};
    for (int peer = 1; peer < dh_comm_size(comm); peer++) {
        dh_buffer_clear(&payload);
        dh_put_u32(&payload, threads[peer]);
        dh_board_plan_pack(plan, &payload);
        dh_comm_send(comm, peer, DH_TAG_BOARD, &payload, NULL);
    }
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

/* Why there is to be no board; NULL: it can be tried. */
static const char *reason_against(const struct dh_settings *settings, struct dh_comm *comm,
                                  int32_t slots, bool *quiet)
{
    *quiet = settings->comm.window == DH_WINDOW_OFF;
    if (*quiet)
        return "comm.window = \"off\"";
    return settings->comm.window == DH_WINDOW_ON ? NULL : reason_not_to(comm, slots, quiet);
}

/* Wait for places, tell threads and whether to come to the board. */
static dh_status gather(const struct dh_app_setup *setup, struct dh_comm *comm,
                        const struct dh_eval_plan *eval, struct dh_place *places,
                        const struct dh_log *log, const char *reason, struct dh_board_plan *plan,
                        struct dh_error *err)
{
    int size = dh_comm_size(comm), missing;
    uint32_t *threads = dh_alloc((size_t)size, sizeof *threads);
    dh_status status = DH_OK;
    if (!reason || eval->threads)
        status = dh_muster_gather(comm, patience_of(&setup->settings), places, err);
    if (status == DH_OK && eval->threads) {
        dh_placement_threads(places, size, eval, threads);
        dh_placement_log_threads(places, size, eval, log);
    }
    if (status == DH_OK && reason)
        status = dh_fail(err, DH_COMM, "%s", reason);
    else if (status == DH_OK && (missing = count_missing(places, size)) > 0)
        status = dh_fail(err, DH_COMM, "%d of %d ranks did not come to open it", missing, size - 1);
    tell_all(comm, threads, status == DH_OK ? plan : NULL);
    free(threads);
    return status;
}

dh_status dh_meeting_hold(const struct dh_app_setup *setup, struct dh_comm *comm,
                          const struct dh_eval_plan *eval, struct dh_place *places,
                          const struct dh_log *log, struct dh_board **board, struct dh_error *err)
{
    const struct dh_settings *settings = &setup->settings;
    bool insist = settings->comm.window == DH_WINDOW_ON, quiet = false;
    *board = NULL;
    if (grouped(settings))
        return DH_OK;
    struct dh_board_plan plan =
        dh_board_plan_for(dh_space_count(setup->space), dh_comm_size(comm), eval->slots);
    const char *reason = reason_against(settings, comm, eval->slots, &quiet);
    dh_status status = gather(setup, comm, eval, places, log, reason, &plan, err);
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
                            struct dh_board **board, uint32_t *threads, struct dh_error *err)
{
    struct dh_message message;
    struct dh_board_plan plan;
    bool there;
    *board = NULL;
    *threads = 0;
    if (grouped(&setup->settings))
        return DH_OK;
    dh_status status = dh_muster_place(comm, err);
    if (status == DH_OK)
        status = dh_muster_hear(comm, DH_MANAGER_PATIENCE * patience_of(&setup->settings), &message,
                                err);
    if (status != DH_OK)
        return status;
    struct dh_reader reader = dh_reader_of(message.data, message.size);
    *threads = dh_get_u32(&reader);
    struct dh_message rest = {.data = reader.next, .size = (size_t)(reader.end - reader.next)};
    if (message.tag != DH_TAG_BOARD || reader.failed || !dh_board_plan_unpack(&rest, &there, &plan))
        return dh_fail(err, DH_COMM, "rank 0 sent no word of the board (tag %d)", (int)message.tag);
    if (!there)
        return DH_OK;
    /* what failed failed on all ranks, and rank 0 says so */
    open_board(comm, &plan, setup->settings.comm.window == DH_WINDOW_ON, board, NULL);
    return DH_OK;
}
