/* The ranks tell rank 0 where they run, and hear who evaluates together with them: for
 * evaluator.ranks > 1, before anything else. A rank that does not come in time is not waited for;
 * if it comes later, it stays idle. */
#ifndef DH_MPI_APP_MUSTER_H
#define DH_MPI_APP_MUSTER_H

#include "dh_mpi/app.h"
#include "groups.h"
#include "vigil.h"

/* A rank's group, as the rank itself sees it. */
struct dh_team {
    int count; /* 0: it is in none, and idle */
    int32_t *ranks;
    bool leads;
    const void *communicator; /* see dh_eval_create */
    struct dh_vigil *vigil;   /* over those of this node */
};

/* evaluator.ranks. */
int dh_muster_ranks(const struct dh_settings *settings);
/* DH_CONFIG where `workers` are too few for one group. */
dh_status dh_muster_check(const struct dh_settings *settings, int workers, struct dh_error *err);

/* Rank 0: `places` (of all ranks, zeroed) from whoever tells; ends when all have or nobody did for
 * `patience` seconds. Only PLACE messages may come meanwhile. */
dh_status dh_muster_gather(struct dh_comm *comm, double patience, struct dh_place *places,
                           struct dh_error *err);
/* Rank 0: form groups and let every rank know of its own. */
dh_status dh_muster_hold(const struct dh_app_setup *setup, struct dh_comm *comm,
                         const struct dh_log *log, struct dh_place *places,
                         struct dh_groups *groups, struct dh_error *err);
/* Rank 0: tell a rank its group, or that it is in none. */
dh_status dh_muster_tell(struct dh_comm *comm, int rank, const struct dh_groups *groups,
                         const struct dh_place *places, struct dh_error *err);

/* Every other rank. */
/* What rank 0 says next; DH_COMM if it says nothing for `patience` seconds. */
dh_status dh_muster_hear(struct dh_comm *comm, double patience, struct dh_message *message,
                         struct dh_error *err);
dh_status dh_muster_place(struct dh_comm *comm, struct dh_error *err);
/* `*out` is NULL where evaluations take one rank. */
dh_status dh_muster_attend(const struct dh_app_setup *setup, struct dh_comm *comm,
                           const struct dh_log *log, struct dh_team **out, struct dh_error *err);
void dh_team_free(struct dh_team **team);

#endif
