/* Simulated workers: thousands of ranks as one queue of events.
 *
 * They speak the workers' protocol (comm.h) on ends of the loop transport. What a rank would notice
 * late, because it naps, it notices late here; a message is put into the manager's mailbox when it
 * would arrive there.
 */
#ifndef DH_MPI_APP_CROWD_H
#define DH_MPI_APP_CROWD_H

#include "dh_mpi/clock.h"
#include "imagined.h"

struct dh_crowd_parts {
    const struct dh_simulation *simulation;
    const struct dh_imagined *imagined;
    struct dh_comm **ends; /* of all ranks, the manager's first */
    int32_t slots;         /* a rank */
    double timeout;        /* of an evaluation; 0: none */
};

struct dh_crowd;

/* All ranks say hello at time 0. Borrows what the parts point to; to be closed also on failure. */
dh_status dh_crowd_open(const struct dh_crowd_parts *parts, struct dh_crowd **out,
                        struct dh_error *err);
void dh_crowd_close(struct dh_crowd **crowd);

/* When the next message arrives at the manager (INFINITY: none is under way). */
double dh_crowd_next_time(const struct dh_crowd *crowd);
/* Put what arrives up to `now` into the manager's mailbox. */
dh_status dh_crowd_deliver(struct dh_crowd *crowd, double now, struct dh_error *err);
/* The manager has sent messages at `now`: let their receivers act. */
dh_status dh_crowd_hear(struct dh_crowd *crowd, double now, struct dh_error *err);

/* Messages to and from the manager so far, and evaluations begun. */
uint64_t dh_crowd_messages(const struct dh_crowd *crowd);
uint64_t dh_crowd_started(const struct dh_crowd *crowd);

/* When a rank that has nothing to do since `since` notices what happens at `event`: its naps grow
 * (see struct dh_nap; `patient` as there). */
double dh_crowd_notices(double since, double event, double patient);

#endif
