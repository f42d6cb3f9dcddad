/* The lock of a checkpoint: see lock.h. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "files.h"

/* Who holds it, as written in the file; on one line. */
static dh_status refuse(const char *path, int fd, struct dh_error *err)
{
    char owner[256];
    ssize_t size = pread(fd, owner, sizeof owner - 1, 0);
    owner[size > 0 ? size : 0] = '\0';
    owner[strcspn(owner, "\n")] = '\0';
    return dh_fail(err, DH_IO, "another search works on this checkpoint (%s holds %s)",
                   *owner ? owner : "a process", path);
}

static void write_owner(int fd)
{
    char host[128] = "?", since[64];
    struct tm when;
    time_t now = time(NULL);
    gethostname(host, sizeof host - 1);
    localtime_r(&now, &when);
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S %z", &when);
    char *text = dh_strprintf("process %ld on %s since %s\n", (long)getpid(), host, since);
    size_t written;
    if (ftruncate(fd, 0) == 0)
        dh_files_write(fd, text, strlen(text), &written); /* only for messages: may fail */
    free(text);
}

/* Is the locked file still the one of that name? Its last holder removes it. */
static bool still_named(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

dh_status dh_lock_take(const char *path, struct dh_lock *out, struct dh_error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *out = (struct dh_lock){.path = dh_strprintf("%s-lock", path), .fd = -1};
    for (;;) {
        int fd = open(out->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return dh_files_fail(err, out->path, "create the lock");
        bool locked = fcntl(fd, F_OFD_SETLK, &whole) == 0;
        if (!locked && (errno == EAGAIN || errno == EACCES)) {
            dh_status status = refuse(out->path, fd, err);
            close(fd);
            return status;
        }
        out->lock_missing = !locked;
        if (still_named(fd, out->path)) {
            out->fd = fd;
            write_owner(fd);
            return DH_OK;
        }
        close(fd);
    }
}

void dh_lock_release(struct dh_lock *lock)
{
    if (lock->fd >= 0) {
        unlink(lock->path); /* while it is held: see still_named */
        close(lock->fd);
    }
    free(lock->path);
    *lock = (struct dh_lock){.fd = -1};
}
