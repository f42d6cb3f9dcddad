/* The thread that makes journals durable: a file that was written to is synced within `delay`
 * seconds, and the writer never waits for it. */
#ifndef DH_STORE_SYNC_H
#define DH_STORE_SYNC_H

#include <stdint.h>

#include "dh_mpi/status.h"

struct dh_syncer;

/* `path` names the checkpoint, for messages and for the folder to sync. */
dh_status dh_syncer_start(const char *path, double delay, struct dh_syncer **out,
                          struct dh_error *err);
/* `fd` was written to; all journals together are now `upto` bytes of records long. */
void dh_syncer_dirty(struct dh_syncer *syncer, int fd, uint64_t upto);
/* How many of those bytes are known to be on the disk: stays where it is after a failure. */
uint64_t dh_syncer_synced(const struct dh_syncer *syncer);
/* `fd` (which may be -1) will not be written to again: sync it before anything that was written
 * later, then close it; the names in the folder have changed. Takes `fd`. */
void dh_syncer_seal(struct dh_syncer *syncer, int fd);
/* After a sync that failed nothing is synced any more: what the disk holds of these files is
 * unknown then, whatever a second sync of them says (the system may have dropped what it could not
 * write).
 */
dh_status dh_syncer_status(struct dh_syncer *syncer, struct dh_error *err);
/* All that is not known to be on the disk was written anew, up to byte `upto`, to `fd`: the files
 * before it, of which `old` (which may be -1) is the last, are closed, and a failure is over. Takes
 * `old`. */
void dh_syncer_renew(struct dh_syncer *syncer, int old, int fd, uint64_t upto);
/* Sync everything and end the thread. Returns what dh_syncer_synced says then; 0 of NULL. */
uint64_t dh_syncer_stop(struct dh_syncer **syncer);

#endif
