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
/* How many of those bytes are known to be on the disk. */
uint64_t dh_syncer_synced(const struct dh_syncer *syncer);
/* `fd` (which may be -1) will not be written to again: sync it before anything that was written
 * later, then close it; the names in the folder have changed. Takes `fd`. */
void dh_syncer_seal(struct dh_syncer *syncer, int fd);
/* A sync that failed stays an error for good: what the disk holds is unknown then. */
dh_status dh_syncer_status(struct dh_syncer *syncer, struct dh_error *err);
/* Sync everything, end the thread. NULL is fine. */
dh_status dh_syncer_stop(struct dh_syncer **syncer, struct dh_error *err);

#endif
