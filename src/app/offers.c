/* Trials on the board: see offers.h. */
#include "offers.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"

void dh_offers_open(struct dh_offers *offers, struct dh_board *board, int ranks)
{
    *offers = (struct dh_offers){.board = board, .ranks = ranks, .untold_since = INFINITY};
    offers->awaited = dh_alloc((size_t)ranks, sizeof *offers->awaited);
}

void dh_offers_close(struct dh_offers *offers)
{
    free(offers->awaited);
    *offers = (struct dh_offers){0};
}

void dh_offers_publish(struct dh_offers *offers, struct dh_sched *sched,
                       const struct dh_history *history, double now)
{
    uint64_t id;
    uint32_t retries;
    while (offers->board && dh_board_room(offers->board) &&
           dh_sched_publish(sched, &id, &retries, now)) {
        const struct dh_trial *trial = dh_history_trial(history, id);
        const struct dh_task task = {.trial = id,
                                     .seed = trial->seed,
                                     .proposed = trial->proposed,
                                     .retries = retries,
                                     .values = trial->values};
        dh_board_offer(offers->board, &task);
    }
}

dh_status dh_offers_recall(struct dh_offers *offers, struct dh_sched *sched, double now,
                           struct dh_error *err)
{
    const uint64_t *trials;
    size_t count;
    uint64_t most = offers->board ? dh_sched_recall(sched) : 0;
    if (most == 0)
        return DH_OK;
    dh_status status = dh_board_recall(offers->board, most, &trials, &count, err);
    for (size_t i = 0; i < count; i++) /* the latest first: the earliest is in front in the end */
        dh_sched_withdrawn(sched, trials[i], now);
    return status;
}

bool dh_offers_roll_due(struct dh_offers *offers, double now)
{
    if (!offers->board || offers->rolling)
        return false;
    if (!dh_board_untold(offers->board)) {
        offers->untold_since = INFINITY;
        return false;
    }
    offers->untold_since = fmin(offers->untold_since, now);
    if (now - offers->untold_since < DH_UNTOLD_PATIENCE)
        return false;
    dh_board_roll(offers->board);
    offers->rolling = true;
    return true;
}

void dh_offers_call(struct dh_offers *offers, int rank)
{
    offers->awaiting += !offers->awaited[rank];
    offers->awaited[rank] = true;
}

void dh_offers_answered(struct dh_offers *offers, int rank)
{
    offers->awaiting -= offers->awaited[rank];
    offers->awaited[rank] = false;
}

void dh_offers_gone(struct dh_offers *offers, int rank)
{
    dh_offers_answered(offers, rank);
    offers->untold_since = -INFINITY;
}

void dh_offers_settle(struct dh_offers *offers, struct dh_sched *sched, double now)
{
    uint64_t trial;
    if (!offers->rolling || offers->awaiting > 0)
        return;
    while (dh_board_orphan(offers->board, &trial))
        dh_sched_orphaned(sched, trial, now);
    offers->rolling = false;
    offers->untold_since = INFINITY;
}
