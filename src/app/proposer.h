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

#include "dh_mpi/search.h"

struct dh_proposer;

/* A proposal, or why there is none. */
struct dh_proposed {
    dh_status status;            /* DH_OK; otherwise the last answer there will be */
    struct dh_error *error;      /* NULL if DH_OK */
    struct dh_proposal proposal; /* `point` is the receiver's to free */
    double seconds;              /* that the ask took */
    double asked_at;             /* monotonic clock, when it was requested */
};

/* Takes over the use of `search` (but not the object) until destroy. Its next proposal gets
 * `next_id`. Without `threaded`, asks are answered within dh_proposer_ask. */
struct dh_proposer *dh_proposer_create(struct dh_search *search, size_t parameter_count,
                                       uint64_t next_id, bool threaded);
/* Ends the thread after the ask it is at. */
void dh_proposer_destroy(struct dh_proposer **proposer);

/* Ask for `count` proposals, each of which may take `budget` seconds (see search.h). */
void dh_proposer_ask(struct dh_proposer *proposer, uint64_t count, double budget);
void dh_proposer_propose(struct dh_proposer *proposer, const struct dh_trial *trial);
void dh_proposer_tell(struct dh_proposer *proposer, const struct dh_trial *trial);
/* The next answer, in order; false if there is none yet. */
bool dh_proposer_take(struct dh_proposer *proposer, struct dh_proposed **out);
void dh_proposed_free(struct dh_proposed *proposed);
/* Readable while answers may be waiting; for dh_nap_wait. */
int dh_proposer_fd(const struct dh_proposer *proposer);

#endif
