/* The manager: joins scheduler, proposer, store and transport. Its step never waits.
 *
 * Order within a step, and why: results are taken in first; every event they make is recorded in
 * the history and the journal; new proposals are taken, recorded, and started; what the slots
 * still miss is asked for; then the journal is handed to the system, so that an event is safe
 * from this process's death before the next message is read; and what is ready and journalled is
 * offered on the board.
 *
 * A slot does not wait long for the search either: late.h.
 *
 * A rank that is not heard of for scheduler.lost_after, or to which a message cannot be sent, is
 * lost: its trials go back to the queue, what it still says is ignored, and nobody waits for it.
 */
#ifndef DH_MPI_APP_MANAGER_H
#define DH_MPI_APP_MANAGER_H

#include <stdbool.h>

#include "demand.h"
#include "dh_mpi/app.h"
#include "dh_mpi/board.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/history.h"
#include "dh_mpi/sched.h"
#include "dh_mpi/search.h"
#include "dh_mpi/store.h"
#include "groups.h"
#include "proposer.h"

/* What a manager works with; all borrowed for its lifetime. */
struct dh_manager_parts {
    const struct dh_app_setup *setup;
    struct dh_comm *comm;
    struct dh_history *history; /* with what a resume found */
    struct dh_search *search;   /* replayed */
    struct dh_store *store;     /* NULL: nothing is kept (simulations, tests) */
    struct dh_board *board;     /* NULL: everything goes by message */
    const struct dh_clock *clock;
    const struct dh_log *log;
    const struct dh_eval_plan *plan; /* NULL: `places` is, too */
    struct dh_place *places;         /* by rank, [0] known, filled as the others tell; NULL: nobody
                                        asks */
    const struct dh_groups *groups;  /* ranks that evaluate together; NULL: each by itself */
    uint32_t retries;                /* of a failed evaluation */
    double job_time; /* seconds after which the search has to stop in view of its job's end,
                        search.grace  before that; 0: not known */
    double job_span; /* seconds that the whole job has for evaluations; 0: as long as this run */
    bool threaded;   /* model on a thread of its own */
    const struct dh_lanes *lanes; /* of a simulation, on `clock`; NULL: threads are threads */
};

struct dh_manager;

struct dh_manager *dh_manager_create(const struct dh_manager_parts *parts);
void dh_manager_destroy(struct dh_manager **manager);

/* Do what can be done now. An error ends the search: the caller tells the workers with
 * dh_manager_abandon. Evaluations whose end was received are recorded all the same: what the store
 * cannot write it keeps, for the next step and its end to try. */
dh_status dh_manager_step(struct dh_manager *manager, bool *busy, struct dh_error *err);
/* Stop for a reason from outside; with `now_too`, running evaluations are ended as well. */
void dh_manager_stop(struct dh_manager *manager, enum dh_stop stop, bool now_too);
/* After an error: let the workers go. Further steps start nothing; they record results that still
 * arrive, until all have said goodbye. That the store fails is no error of theirs any more. */
void dh_manager_abandon(struct dh_manager *manager);
/* Have all workers said goodbye that are not lost? */
bool dh_manager_done(const struct dh_manager *manager);
/* After that, when everything is on disk: tell them to leave, and say on the log which ranks were
 * lost. True: all together (dh_comm_close); false: each by itself (dh_comm_leave), because somebody
 * will not come. */
bool dh_manager_leave(struct dh_manager *manager);

int dh_manager_fd(const struct dh_manager *manager);
/* A moment (of the manager's clock) at which something is due. */
double dh_manager_next_time(const struct dh_manager *manager);
/* When the next answer of the search is ready, as far as that is known; otherwise INFINITY. */
double dh_manager_next_answer(const struct dh_manager *manager);
const struct dh_sched *dh_manager_sched(const struct dh_manager *manager);
const struct dh_demand *dh_manager_demand(const struct dh_manager *manager);

#endif
