/* The board: memory of rank 0 in which it offers trials, and from which slots take them by
 * themselves, without any work of rank 0 at that moment (shared memory, RDMA).
 *
 * A slot that wants a trial takes a ticket. If rank 0 has offered a trial for that ticket, the slot
 * reads it and starts; otherwise it waits for one by message. Either way it tells rank 0 (dh_turn
 * in comm.h), together with the result of what it ran before. The rules are in src/comm/rules.h.
 *
 * Progress, signs of life and requests to end an evaluation go through the board, too: each rank
 * and each slot has a record.
 *
 * A board belongs to one transport, whose window it uses, and is used by the same thread. Only
 * opening is collective.
 */
#ifndef DH_MPI_BOARD_H
#define DH_MPI_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/comm.h"
#include "dh_mpi/status.h"

struct dh_board;

/* Rank 0 decides; the others are told (dh_board_plan_pack). */
struct dh_board_plan {
    uint64_t parameter_count;
    uint64_t slots; /* of each worker, at most */
    uint64_t ring;  /* offers that there is room for: a power of two */
    uint64_t first; /* ticket; 0 but in tests */
};

/* A plan for so many ranks with so many slots: room for two offers a slot, within reason. */
struct dh_board_plan dh_board_plan_for(size_t parameter_count, int ranks, int32_t slots);
/* The end of the payload of DH_TAG_BOARD; a NULL plan, which is unpacked with *there = false, means
 * that there is no board. Unpack returns false for other bytes. */
void dh_board_plan_pack(const struct dh_board_plan *plan, struct dh_buffer *out);
bool dh_board_plan_unpack(const struct dh_message *message, bool *there, struct dh_board_plan *out);

/* Collective: see dh_comm_window_open, also for `*alone`. */
dh_status dh_board_open(struct dh_comm *comm, const struct dh_board_plan *plan, bool *alone,
                        struct dh_board **out, struct dh_error *err);
/* Not collective: the window stays with the transport. */
void dh_board_destroy(struct dh_board **board);

/* ---- for a worker ---- */

/* How many slots of a rank the board has records for. */
int32_t dh_board_slots(const struct dh_board *board);
/* Take a ticket for `slot`: fills slot, ticket and took of `turn`. If it took, `task` is what the
 * slot is to run; its values are borrowed until the next claim. */
dh_status dh_board_claim(struct dh_board *board, int32_t slot, struct dh_turn *turn,
                         struct dh_task *task, struct dh_error *err);
/* An intermediate result of what `slot` runs; rank 0 sees the latest. */
dh_status dh_board_report(struct dh_board *board, int32_t slot, uint64_t trial, double step,
                          double value, struct dh_error *err);
/* Say that this rank lives; has rank 0 shown that it does since the last call? */
dh_status dh_board_beat(struct dh_board *board, bool *alive, struct dh_error *err);
/* See what rank 0 wants to end; then, for each slot: does it want that? */
dh_status dh_board_look(struct dh_board *board, struct dh_error *err);
bool dh_board_stopped(const struct dh_board *board, int32_t slot);

/* ---- for rank 0 ---- */

/* Shows the workers that rank 0 lives. */
void dh_board_pulse(struct dh_board *board);
/* Offers that nobody has taken yet. */
uint64_t dh_board_stock(struct dh_board *board);
/* Is there room for another offer? */
bool dh_board_room(struct dh_board *board);
/* Offer `task` (its slot is the taker's) to the next ticket. Only directly after dh_board_room said
 * that there is room. */
void dh_board_offer(struct dh_board *board, const struct dh_task *task);
/* A turn of `rank` came. True if its ticket was offered `*trial`, which is therefore this slot's,
 * whether it took it or waits. */
bool dh_board_heard(struct dh_board *board, int rank, const struct dh_turn *turn, uint64_t *trial);
/* Withdraw at most `most` of the offers that nobody has taken, the earliest: their trials, latest
 * first, `*count` of them; borrowed until the next call. */
dh_status dh_board_recall(struct dh_board *board, uint64_t most, const uint64_t **trials,
                          size_t *count, struct dh_error *err);
/* Has an offer been taken by somebody who has not told of it yet? */
bool dh_board_untold(struct dh_board *board);
/* A roll call begins: everybody alive is asked by message. When all have answered, the trials that
 * were taken before it by ranks that are gone, one by one. */
void dh_board_roll(struct dh_board *board);
bool dh_board_orphan(struct dh_board *board, uint64_t *trial);
/* Want what `slot` of `rank` runs to end. */
void dh_board_stop(struct dh_board *board, int rank, int32_t slot);
/* Has `rank` given a sign of life since the last call? */
bool dh_board_heard_beat(struct dh_board *board, int rank);
/* An intermediate result since the last call that returned false; false: no more. */
bool dh_board_news(struct dh_board *board, int *rank, int32_t *slot, uint64_t *trial, double *step,
                   double *value);

#endif
