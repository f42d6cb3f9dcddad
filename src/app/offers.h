/* The manager's side of the board: publications, recalls, and what has become of trials that were
 * taken by ranks which are gone.
 *
 * Ready trials for which no slot waits are offered, once they are in the journal. They are recalled
 * when the scheduler wants them back. A trial that was taken and not told of for a while, or by a
 * rank that was lost, is looked for: all living ranks are called, and if none of them has it, it is
 * an orphan and is lost as a trial is with its worker.
 *
 * Without a board (NULL) nothing is ever published, and all of this does nothing.
 */
#ifndef DH_MPI_APP_OFFERS_H
#define DH_MPI_APP_OFFERS_H

#include <stdbool.h>

#include "dh_mpi/board.h"
#include "dh_mpi/history.h"
#include "dh_mpi/sched.h"

/* Seconds after which one asks who has taken a trial that nobody has told of. */
#define DH_UNTOLD_PATIENCE 2.0

struct dh_offers {
    struct dh_board *board; /* borrowed */
    bool *awaited;          /* by rank: has to answer the roll call */
    int ranks, awaiting;
    bool rolling;
    double untold_since; /* INFINITY: nothing is */
};

void dh_offers_open(struct dh_offers *offers, struct dh_board *board, int ranks);
void dh_offers_close(struct dh_offers *offers);
/* Offer what is ready, as far as there is room. */
void dh_offers_publish(struct dh_offers *offers, struct dh_sched *sched,
                       const struct dh_history *history, double now);
/* Withdraw as many offers as the scheduler wants back. */
dh_status dh_offers_recall(struct dh_offers *offers, struct dh_sched *sched, double now,
                           struct dh_error *err);
/* Is it time to call the roll? Then it has begun: every rank for which dh_offers_call says so is to
 * be asked. */
bool dh_offers_roll_due(struct dh_offers *offers, double now);
void dh_offers_call(struct dh_offers *offers, int rank);
/* `rank` has answered, or is gone (then the roll is called soon). */
void dh_offers_answered(struct dh_offers *offers, int rank);
void dh_offers_gone(struct dh_offers *offers, int rank);
/* If everybody has answered: what nobody has is lost. */
void dh_offers_settle(struct dh_offers *offers, struct dh_sched *sched, double now);

#endif
