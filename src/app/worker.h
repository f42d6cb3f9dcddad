/* A worker: claims trials for its slots, evaluates them, sends back what they gave.
 *
 * If its launcher is killed, what had ended is passed on, what ran is given up (the manager queues
 * it again), and the worker goes on with another launcher. When it sends nothing else, it sends
 * heartbeats; the manager's answers tell it that the manager lives.
 *
 * With a board, a free slot takes its trial there and starts at once; results and what was taken go
 * to the manager in bunches, a message for each step. Intermediate results, signs of life and
 * cancellations go through the board, too.
 *
 * In a group of ranks, the leader passes each task on right before it calls the plugin, and the
 * others call it too; the result is the leader's, and waits until all are back from the call. */
#ifndef DH_MPI_APP_WORKER_H
#define DH_MPI_APP_WORKER_H

#include <stdbool.h>

#include "dh_mpi/app.h"
#include "dh_mpi/board.h"
#include "muster.h"

/* The longest nap (s) of one that has waited long: the cores of a node are the evaluations'. */
#define DH_WORKER_NAP 20e-3

struct dh_worker;

/* Joins the manager (HELLO, a claim for each slot; through `board`, unless that is NULL). In a
 * group (`team`; NULL: evaluates by itself) only the leader claims; the others evaluate what it
 * does. `threads`: see dh_eval_create. Everything is borrowed until destroy. If the evaluator
 * cannot be set up, the manager is told (FATAL) and the worker only waits for the end: that is no
 * error here. */
struct dh_worker *dh_worker_create(const struct dh_app_setup *setup, struct dh_comm *comm,
                                   struct dh_board *board, struct dh_launcher *launcher,
                                   uint32_t threads, const void *communicator,
                                   const struct dh_team *team, const struct dh_log *log);
/* Ends every evaluation. */
void dh_worker_destroy(struct dh_worker **worker);

/* Do what can be done now; never waits. `*busy` says whether there was anything. */
dh_status dh_worker_step(struct dh_worker *worker, bool *busy, struct dh_error *err);
/* Has the manager let this rank leave? */
bool dh_worker_done(const struct dh_worker *worker);
/* Then: with the others (dh_comm_close), or alone (dh_comm_leave)? */
bool dh_worker_together(const struct dh_worker *worker);
/* What a waiting worker can sleep on: see dh_eval_fd and dh_eval_next_time. */
int dh_worker_fd(const struct dh_worker *worker);
double dh_worker_next_time(const struct dh_worker *worker);

#endif
