/* A checkpoint that a thread of its own writes: steps 4 to 9 of store.c. */
#ifndef DH_STORE_SNAPSHOT_H
#define DH_STORE_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/config.h"
#include "dh_mpi/history.h"
#include "dh_mpi/log.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"
#include "dh_mpi/usage.h"
#include "lock.h"

struct dh_snapshot {
    /* Given by the caller, who frees them; constant while it runs, but for what is said. */
    const char *path;
    const struct dh_settings *settings;
    const struct dh_space *space;
    const struct dh_history *history; /* which goes on: events after `mark` are left out */
    const struct dh_lock *lock;
    const struct dh_log *log;
    uint64_t mark;
    struct dh_usage usage;
    bool keep;          /* NAME is sound and becomes NAME.previous */
    uint64_t *obsolete; /* segments to remove afterwards */
    size_t obsolete_count;
    /* Of the thread. */
    bool running;
    pthread_t thread;
    dh_status status;
    struct dh_error err;
    _Atomic bool done; /* released after status and err */
};

/* DH_IO if there is no further thread; then nothing runs. */
dh_status dh_snapshot_start(struct dh_snapshot *snapshot, struct dh_error *err);
/* Would dh_snapshot_finish return at once? */
bool dh_snapshot_done(const struct dh_snapshot *snapshot);
/* Wait for one that was started; how it ended: DH_IO also where the lock was lost, when NAME is
 * still what it was. */
dh_status dh_snapshot_finish(struct dh_snapshot *snapshot, struct dh_error *err);

#endif
