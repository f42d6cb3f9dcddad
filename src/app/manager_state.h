/* The manager's state, and what its files do for one another: manager.c (actions, the step),
 * proposals.c (what becomes trials) and messages.c (what the workers say). See manager.h for the
 * contract. */
#ifndef DH_MPI_APP_MANAGER_STATE_H
#define DH_MPI_APP_MANAGER_STATE_H

#include "late.h"
#include "manager.h"
#include "offers.h"
#include "peers.h"
#include "unfit.h"

struct dh_manager {
    struct dh_manager_parts parts;
    struct dh_sched *sched;
    struct dh_proposer *proposer;
    struct dh_demand demand;
    struct dh_peers peers;
    struct dh_late late;
    struct dh_offers offers;
    struct dh_unfit unfit;
    struct dh_buffer scratch;
    double now;          /* of this step */
    double next_tick;    /* when the scheduler wants to hear of time */
    double next_late;    /* when an ask is overdue that a slot waits for */
    double cancelled_at; /* when the time was up of what still ran; INFINITY: it is not */
    uint64_t asked;      /* proposals asked for and not yet here */
    uint64_t claims;     /* slots that became free in this step */
    int taken;           /* messages and turns, in this step */
    bool exhausted;      /* the proposer has ended */
    bool ending;         /* SHUTDOWN was sent */
    bool placed;         /* it was said how ranks and cores fit */
    bool abandoned;      /* after an error: only results and goodbyes matter */
};

/* ---- manager.c ---- */

/* The rank that evaluates for `rank`: itself, or the leader of its group. */
int manager_leader_of(const struct dh_manager *manager, int rank);
/* Once every rank has told where it runs, or is lost: is that a good place? */
void manager_look_at_places(struct dh_manager *manager);
/* `rank` is lost, for good: said once, with what it ran. */
void manager_lose(struct dh_manager *manager, int rank, const char *why);
/* Send `scratch`, and clear it. A rank to which nothing can be sent is lost; that is no failure of
 * the search. */
void manager_send(struct dh_manager *manager, int peer, enum dh_tag tag);

/* ---- proposals.c ---- */

/* What has arrived becomes trials. An error of the search ends it. */
dh_status manager_take_proposals(struct dh_manager *manager, bool *busy, struct dh_error *err);
/* When an ask is overdue that a slot waits for; INFINITY: none will be. */
double manager_late_at(const struct dh_manager *manager);
/* Slots whose asks are overdue get a point of the main thread. */
void manager_replace_late(struct dh_manager *manager, bool *busy);
/* Ask for as many proposals as are missing. */
void manager_ask(struct dh_manager *manager);

/* ---- messages.c ---- */

/* An error ends the search. */
dh_status manager_take(struct dh_manager *manager, const struct dh_message *message,
                       struct dh_error *err);
void manager_log_report(struct dh_manager *manager, uint64_t trial, double step, double value);

#endif
