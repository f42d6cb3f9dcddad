/* Watches over the processes of a group on this node.
 *
 * A plugin that runs on several ranks waits in MPI for one that has died, for ever: MPI does not
 * say. So a thread waits for the end of each neighbour's process. If one ends while this rank is in
 * the plugin and it does not come back within DH_VIGIL_GRACE, this process ends, too; the manager
 * then misses the whole group. Otherwise the rank itself asks (dh_vigil_lost).
 */
#ifndef DH_MPI_APP_VIGIL_H
#define DH_MPI_APP_VIGIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/log.h"

#define DH_VIGIL_GRACE 3.0 /* seconds */

struct dh_vigil;

/* Over the processes `pids` of this node, none of which may be this one; those that cannot be
 * watched (another container's, an old kernel) are left out. */
struct dh_vigil *dh_vigil_start(const int32_t *pids, size_t count, const struct dh_log *log);
/* Before the others end, too. */
void dh_vigil_stop(struct dh_vigil **vigil);
void dh_vigil_enter(struct dh_vigil *vigil);
void dh_vigil_leave(struct dh_vigil *vigil);
/* The process that has ended; 0: none. */
int32_t dh_vigil_lost(const struct dh_vigil *vigil);

#endif
