/* Replacing the checkpoint whole: see generation.h; the crash windows are listed in store.c. */
#include "generation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "files.h"

static dh_status write_synced(const char *path, const struct dh_image *image,
                              const struct dh_lock *lock, struct stat *made, struct dh_error *err)
{
    int fd = -1;
    DH_CRASH_POINT(CHECKPOINT_BEGIN);
    dh_status status = dh_lock_create(lock, path, &fd, err);
    if (status != DH_OK)
        return status;
    DH_CRASH_POINT(CHECKPOINT_CREATED);
    DH_CRASH_HALF(CHECKPOINT_HALF, fd, image->bytes, image->size);
    int failure = dh_file_write(fd, image->bytes, image->size, NULL);
    DH_CRASH_POINT(CHECKPOINT_WRITTEN);
    if (!failure)
        failure = dh_files_sync_data(fd);
    DH_CRASH_POINT(CHECKPOINT_SYNCED);
    if (!failure && fstat(fd, made) != 0)
        failure = errno;
    if (failure) {
        dh_files_discard(fd, path);
    } else if (close(fd) != 0) {
        failure = errno;
        if (dh_files_named(path, made))
            unlink(path);
    }
    if (!failure)
        return DH_OK;
    return dh_fail(err, DH_IO, "%s: cannot write %zu bytes: %s", path, image->size,
                   strerror(failure));
}

/* `path` also becomes `previous`: by a second link, so that `path` is there at every moment; by
 * renaming where the file system has no links. */
static dh_status keep_old(const char *path, const char *previous, const struct dh_lock *lock,
                          struct dh_error *err)
{
    if (access(path, F_OK) != 0) /* then `previous` may be all there is */
        return DH_OK;
    dh_status status = dh_files_remove(previous, err);
    if (status != DH_OK)
        return status;
    DH_CRASH_POINT(PREVIOUS_REMOVED);
    status = dh_lock_status(lock, err);
    if (status != DH_OK)
        return status;
    if (dh_files_link(path, previous)) {
        DH_CRASH_POINT(PREVIOUS_LINKED);
        return DH_OK;
    }
    if (!dh_files_has_no_links(errno))
        return dh_files_fail(err, previous, "make a second name");
    status = dh_files_rename(path, previous, err);
    DH_CRASH_POINT(PREVIOUS_MOVED);
    return status;
}

/* Each step may hang, for so long that another search takes over: so the many looks at the lock. */
dh_status dh_generation_write(const char *path, const struct dh_image *image, bool keep,
                              const struct dh_lock *lock, struct dh_error *err)
{
    char *temporary = dh_strprintf("%s.tmp", path), *previous = dh_strprintf("%s.previous", path);
    struct stat made = {0};
    dh_status status = write_synced(temporary, image, lock, &made, err);
    if (status == DH_OK)
        status = dh_lock_status(lock, err);
    if (status == DH_OK && keep)
        status = keep_old(path, previous, lock, err);
    if (status == DH_OK)
        status = dh_lock_status(lock, err);
    if (status == DH_OK && !dh_files_named(temporary, &made))
        status = dh_fail(err, DH_IO, "%s: was replaced by somebody else", temporary);
    if (status == DH_OK)
        status = dh_files_rename(temporary, path, err);
    DH_CRASH_POINT(CHECKPOINT_RENAMED);
    if (status == DH_OK)
        status = dh_files_sync_folder(path, err);
    DH_CRASH_POINT(CHECKPOINT_DURABLE);
    dh_status owner =
        status == DH_OK ? DH_OK : dh_lock_status(lock, err); /* who may be the reason */
    if (status != DH_OK && owner == DH_OK && dh_files_named(temporary, &made))
        unlink(temporary); /* who comes next may not be able to */
    free(temporary);
    free(previous);
    return owner == DH_OK ? status : owner;
}

dh_status dh_generation_sweep(const char *path, struct dh_error *err)
{
    char *temporary = dh_strprintf("%s.tmp", path);
    DH_CRASH_POINT(SWEEP);
    dh_status status = dh_files_remove(temporary, err);
    DH_CRASH_POINT(SWEPT);
    free(temporary);
    return status;
}
