/* One search at a time on a checkpoint.
 *
 * PATH-lock is locked with an open-file-description lock (fcntl F_OFD_SETLK), which the kernel
 * drops when its owner dies in whatever way, which an unrelated close() does not lose, and which
 * NFS passes on to its server. The file's text says who holds it, for the message to a second
 * search; it is removed on release. Where the file system has no locks the search goes on without,
 * and `lock_missing` says so.
 */
#ifndef DH_STORE_LOCK_H
#define DH_STORE_LOCK_H

#include <stdbool.h>

#include "dh_mpi/status.h"

struct dh_lock {
    char *path;
    int fd;            /* -1: not held */
    bool lock_missing; /* the file system has no locks */
};

/* DH_IO, naming the holder, if another process (or another opener in this one) holds it. */
dh_status dh_lock_take(const char *path, struct dh_lock *out, struct dh_error *err);
void dh_lock_release(struct dh_lock *lock);

#endif
