/* Which ranks evaluate together: evaluator.ranks of them for each plugin call.
 *
 * Ranks of one node are taken in order, so that a group's ranks are neighbours; what is left of a
 * node when no further whole group fits stays idle. Where no node has enough ranks for a group,
 * groups reach over nodes, still in the order of nodes and ranks. Pure.
 */
#ifndef DH_MPI_APP_GROUPS_H
#define DH_MPI_APP_GROUPS_H

#include "dh_mpi/buffer.h"
#include "place.h"

struct dh_groups {
    int size;         /* ranks in all, the manager among them */
    int ranks;        /* of a group */
    int count;        /* of groups */
    int spanning;     /* groups that are not on one node */
    int32_t *members; /* count × ranks; the first of each group leads it */
    int32_t *leader;  /* by rank; -1: in no group */
};

/* Of all workers in `places` (by rank; [0] is the manager) that are known. */
void dh_groups_form(const struct dh_place *places, int size, int ranks, struct dh_groups *out);
void dh_groups_free(struct dh_groups *groups);
/* The members of `rank`'s group, or NULL. */
const int32_t *dh_groups_of(const struct dh_groups *groups, int rank);
/* "3 groups of 2 ranks; idle: rank 7 (node2), rank 8 (node3)" */
void dh_groups_describe(const struct dh_groups *groups, const struct dh_place *places,
                        struct dh_buffer *out);

#endif
