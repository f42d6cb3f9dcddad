/* Files that are written whole: see output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/streams.h"

#define SHELL_DESCRIPTORS 10 /* that its redirections can open */

static dh_status fail(const char *name, int cause, struct dh_error *err)
{
    return dh_fail(err, DH_IO, "cannot write %s: %s", name, strerror(cause));
}

/* Is it what somebody gave us a descriptor of? */
static bool given(const struct stat *info)
{
    struct stat ours;
    for (int fd = 0; fd < SHELL_DESCRIPTORS; fd++)
        if (fstat(fd, &ours) == 0 && ours.st_dev == info->st_dev && ours.st_ino == info->st_ino)
            return true;
    return false;
}

/* The file behind `name` that another can take the place of, with the rights that it then has;
 * NULL: none, write to `name` itself. */
static char *find_replaceable(const char *name, struct stat *info)
{
    if (stat(name, info) != 0) { /* a link to nothing is followed by open() */
        bool is_new = errno == ENOENT && lstat(name, info) != 0 && errno == ENOENT;
        *info = (struct stat){0};
        return is_new ? dh_strdup(name) : NULL;
    }
    if (!S_ISREG(info->st_mode) || info->st_nlink > 1 || info->st_uid != geteuid() || given(info) ||
        access(name, W_OK) != 0)
        return NULL;
    return realpath(name, NULL);
}

/* What shall replace out->path: 0 or an errno. */
static int open_temporary(struct output *out, const struct stat *info)
{
    out->temporary = dh_strprintf("%s.%ld.tmp", out->path, (long)getpid());
    unlink(out->temporary); /* what a dead process left */
    int fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int cause = info->st_mode && (fchown(fd, (uid_t)-1, info->st_gid) != 0 ||
                                  fchmod(fd, info->st_mode & 07777) != 0)
                    ? errno
                    : 0;
    if (!cause && !(out->stream = fdopen(fd, "w")))
        cause = errno;
    if (cause) {
        close(fd);
        unlink(out->temporary);
    }
    return cause;
}

static void forget(struct output *out)
{
    free(out->path);
    free(out->temporary);
    out->path = out->temporary = NULL;
}

dh_status output_open(const char *name, struct output *out, struct dh_error *err)
{
    struct stat info;
    *out = (struct output){.stream = name ? NULL : stdout, .name = name};
    if (!name)
        return DH_OK;
    out->path = find_replaceable(name, &info);
    int cause = out->path ? open_temporary(out, &info) : 0;
    if (!out->stream)
        forget(out);
    if (cause == ENOSPC || cause == EDQUOT || cause == EFBIG) /* would empty the file for nothing */
        return fail(name, cause, err);
    if (!out->stream && !(out->stream = fopen(name, "we")))
        return fail(name, errno, err);
    return DH_OK;
}

dh_status output_close(struct output *out, dh_status status, struct dh_error *err)
{
    if (!out->name)
        return status == DH_OK ? dh_streams_flush(err) : status;
    if (status != DH_OK)
        dh_fail_context(err, "%s", out->name);
    if (fclose(out->stream) != 0 && status == DH_OK)
        status = fail(out->name, errno, err);
    if (out->temporary && status == DH_OK && rename(out->temporary, out->path) != 0)
        status = fail(out->name, errno, err);
    if (out->temporary && status != DH_OK)
        unlink(out->temporary);
    forget(out);
    return status;
}
