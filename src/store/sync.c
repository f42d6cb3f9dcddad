/* The thread that makes journals durable: see sync.h.
 *
 * On disk an older segment has to be complete before a newer one counts: sealed files are synced
 * first, in their order, then the folder, then the current file.
 */
#include "sync.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/thread.h"
#include "files.h"

struct batch {
    int *sealed;
    size_t count, capacity;
    int current;   /* -1: nothing new in it */
    uint64_t upto; /* of dh_syncer_dirty */
    bool folder;
};

struct dh_syncer {
    char *path;
    double delay;
    pthread_t thread;
    pthread_mutex_t mutex; /* protects the following */
    pthread_cond_t wake;
    struct batch next;
    bool stop;
    _Atomic int failure;     /* errno of the first sync that failed; nothing is synced after it */
    _Atomic uint64_t synced; /* of dh_syncer_synced */
};

/* Close what was sealed; the batch is empty then. */
static void drop_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        close(batch->sealed[i]);
    free(batch->sealed);
    *batch = (struct batch){.current = -1, .upto = batch->upto};
}

/* Returns 0, or an errno of what failed first. */
static int sync_batch(const struct dh_syncer *syncer, struct batch *batch)
{
    int failure = 0;
    for (size_t i = 0; i < batch->count && !failure; i++) {
        DH_CRASH_POINT(SEAL_SYNC);
        failure = dh_files_sync_data(batch->sealed[i]);
        DH_CRASH_POINT(SEAL_SYNCED);
    }
    if (!failure && batch->folder && dh_files_sync_folder(syncer->path, NULL) != DH_OK)
        failure = EIO;
    DH_CRASH_POINT(FOLDER_SYNCED);
    if (!failure && batch->current >= 0) {
        DH_CRASH_POINT(JOURNAL_SYNC);
        failure = dh_files_sync_data(batch->current);
        DH_CRASH_POINT(JOURNAL_SYNCED);
    }
    drop_batch(batch);
    return failure;
}

static bool has_work(const struct dh_syncer *syncer)
{
    return !atomic_load(&syncer->failure) &&
           (syncer->next.count || syncer->next.folder || syncer->next.current >= 0);
}

/* With the mutex held: let `delay` seconds pass so that many writes share a sync. */
static void gather(struct dh_syncer *syncer)
{
    struct timespec until = dh_condition_deadline(syncer->delay);
    while (!syncer->stop)
        if (pthread_cond_timedwait(&syncer->wake, &syncer->mutex, &until) != 0)
            return;
}

static void *run(void *argument)
{
    struct dh_syncer *syncer = argument;
    pthread_mutex_lock(&syncer->mutex);
    while (!syncer->stop || has_work(syncer)) {
        if (!has_work(syncer)) {
            pthread_cond_wait(&syncer->wake, &syncer->mutex);
            continue;
        }
        gather(syncer);
        struct batch batch = syncer->next;
        syncer->next = (struct batch){.current = -1, .upto = batch.upto};
        pthread_mutex_unlock(&syncer->mutex);
        int failure = sync_batch(syncer, &batch);
        pthread_mutex_lock(&syncer->mutex);
        if (failure)
            atomic_store(&syncer->failure, failure);
        else
            atomic_store(&syncer->synced, batch.upto);
    }
    pthread_mutex_unlock(&syncer->mutex);
    return NULL;
}

dh_status dh_syncer_start(const char *path, double delay, struct dh_syncer **out,
                          struct dh_error *err)
{
    struct dh_syncer *syncer = dh_alloc(1, sizeof *syncer);
    syncer->path = dh_strdup(path);
    syncer->delay = delay;
    syncer->next.current = -1;
    pthread_mutex_init(&syncer->mutex, NULL);
    dh_condition_init(&syncer->wake);
    int failure = dh_thread_start(&syncer->thread, run, syncer);
    if (failure) {
        pthread_cond_destroy(&syncer->wake);
        pthread_mutex_destroy(&syncer->mutex);
        free(syncer->path);
        free(syncer);
        return dh_fail(err, DH_IO, "cannot start the journal's thread: %s", strerror(failure));
    }
    *out = syncer;
    return DH_OK;
}

uint64_t dh_syncer_synced(const struct dh_syncer *syncer)
{
    return atomic_load(&syncer->synced);
}

void dh_syncer_dirty(struct dh_syncer *syncer, int fd, uint64_t upto)
{
    pthread_mutex_lock(&syncer->mutex);
    bool wake = !has_work(syncer);
    syncer->next.current = fd;
    syncer->next.upto = upto;
    if (wake)
        pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->mutex);
}

void dh_syncer_seal(struct dh_syncer *syncer, int fd)
{
    pthread_mutex_lock(&syncer->mutex);
    bool wake = !has_work(syncer);
    struct batch *next = &syncer->next;
    if (fd >= 0)
        *DH_PUSH(next->sealed, next->count, next->capacity) = fd;
    if (next->current == fd)
        next->current = -1;
    next->folder = true;
    if (wake)
        pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->mutex);
}

dh_status dh_syncer_status(struct dh_syncer *syncer, struct dh_error *err)
{
    int failure = atomic_load(&syncer->failure);
    if (!failure)
        return DH_OK;
    return dh_fail(err, DH_IO, "%s-journal: cannot sync to disk: %s", syncer->path,
                   strerror(failure));
}

void dh_syncer_renew(struct dh_syncer *syncer, int old, int fd, uint64_t upto)
{
    pthread_mutex_lock(&syncer->mutex);
    drop_batch(&syncer->next);
    if (old >= 0)
        close(old);
    syncer->next.current = fd;
    syncer->next.upto = upto;
    syncer->next.folder = true;
    atomic_store(&syncer->failure, 0);
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->mutex);
}

uint64_t dh_syncer_stop(struct dh_syncer **syncer)
{
    struct dh_syncer *s = *syncer;
    if (!s)
        return 0;
    pthread_mutex_lock(&s->mutex);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
    uint64_t synced = dh_syncer_synced(s);
    drop_batch(&s->next);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->mutex);
    free(s->path);
    free(s);
    *syncer = NULL;
    return synced;
}
