/* The proposer: a search method on a thread of its own, so that the main thread never waits for a
 * model (a quick method is asked in place, which costs less than waking a thread). Results and
 * requests go in through one queue, proposals come out through another; both keep their order, so
 * what the method sees is a function of the calls made here.
 *
 * All functions are called from one thread (the manager's).
 */
#ifndef DH_MPI_APP_PROPOSER_H
#define DH_MPI_APP_PROPOSER_H

#include <stdbool.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/lanes.h"
#include "dh_mpi/search.h"

struct dh_proposer;

/* A proposal, or why there is none. */
struct dh_proposed {
    dh_status status;            /* DH_OK; otherwise the last answer there will be */
    struct dh_error *error;      /* NULL if DH_OK */
    struct dh_proposal proposal; /* `point` is the receiver's to free */
    double seconds;              /* that the ask took */
    double asked_at, ready_at;   /* when it was requested and answered */
};

/* Everything is borrowed until destroy; `search` is only used by the proposer until then. */
struct dh_proposer_parts {
    struct dh_search *search;
    const struct dh_clock *clock; /* of all times here */
    const struct dh_lanes *lanes; /* in place of the thread; NULL: a thread is a thread */
    size_t parameter_count;
    uint64_t next_id; /* of the next proposal */
    bool threaded;    /* otherwise asks are answered within dh_proposer_ask */
};

struct dh_proposer *dh_proposer_create(const struct dh_proposer_parts *parts);
/* Ends the thread after the ask it is at. */
void dh_proposer_destroy(struct dh_proposer **proposer);

/* Ask for `count` proposals, each of which may take `budget` seconds (see search.h), and all
 * together `patience` seconds from now on; INFINITY: as long as it takes. */
void dh_proposer_ask(struct dh_proposer *proposer, uint64_t count, double budget, double patience);
void dh_proposer_propose(struct dh_proposer *proposer, const struct dh_trial *trial);
void dh_proposer_tell(struct dh_proposer *proposer, const struct dh_trial *trial);
/* The next answer, in order; false if there is none yet. */
bool dh_proposer_take(struct dh_proposer *proposer, struct dh_proposed **out);
void dh_proposed_free(struct dh_proposed *proposed);
/* Readable while answers may be waiting; for dh_nap_wait. */
int dh_proposer_fd(const struct dh_proposer *proposer);
/* When the next answer is ready, as far as that is known; otherwise INFINITY. */
double dh_proposer_next_time(struct dh_proposer *proposer);

#endif
