/* The checkpoint thread: see snapshot.h. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "checkpoint.h"
#include "crash.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/thread.h"
#include "files.h"
#include "generation.h"

/* Step 9; a segment that stays is harmless. */
static void remove_obsolete(const struct dh_snapshot *snapshot)
{
    struct dh_error err;
    for (size_t i = 0; i < snapshot->obsolete_count; i++) {
        if (dh_lock_status(snapshot->lock, NULL) != DH_OK)
            return; /* another's may have that name */
        char *path = dh_family_segment(snapshot->path, snapshot->obsolete[i]);
        if (dh_files_remove(path, &err) != DH_OK)
            dh_log_warn(snapshot->log, "%s", err.text);
        DH_CRASH_POINT(OBSOLETE_REMOVED);
        free(path);
    }
}

static void *write_snapshot(void *argument)
{
    struct dh_snapshot *snapshot = argument;
    struct dh_image image = {0};
    setpriority(PRIO_PROCESS, 0, 10); /* of this thread only: the dispatch comes first */
    double begun = dh_clock_now(&dh_clock_monotonic);
    snapshot->status = dh_checkpoint_build(
        dh_config_text(snapshot->settings->config), snapshot->settings, snapshot->space,
        snapshot->history, snapshot->mark, &snapshot->usage, &image, &snapshot->err);
    if (snapshot->status == DH_OK)
        snapshot->status = dh_generation_write(snapshot->path, &image, snapshot->keep,
                                               snapshot->lock, &snapshot->err);
    if (snapshot->status == DH_OK) {
        remove_obsolete(snapshot);
        dh_log_debug(snapshot->log, "checkpoint at event %llu: %zu bytes in %.3f s",
                     (unsigned long long)snapshot->mark, image.size,
                     dh_clock_now(&dh_clock_monotonic) - begun);
    }
    dh_image_free(&image);
    atomic_store_explicit(&snapshot->done, true, memory_order_release);
    return NULL;
}

dh_status dh_snapshot_start(struct dh_snapshot *snapshot, struct dh_error *err)
{
    int failure = dh_thread_start(&snapshot->thread, write_snapshot, snapshot);
    snapshot->running = !failure;
    return failure
               ? dh_fail(err, DH_IO, "cannot start the checkpoint thread: %s", strerror(failure))
               : DH_OK;
}

bool dh_snapshot_done(const struct dh_snapshot *snapshot)
{
    return atomic_load_explicit(&snapshot->done, memory_order_acquire);
}

dh_status dh_snapshot_finish(struct dh_snapshot *snapshot, struct dh_error *err)
{
    pthread_join(snapshot->thread, NULL);
    snapshot->running = false;
    return snapshot->status == DH_OK ? DH_OK
                                     : dh_fail(err, snapshot->status, "%s", snapshot->err.text);
}
