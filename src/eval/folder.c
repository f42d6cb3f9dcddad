/* Run folders: see folder.h. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"

/* Somebody else may put another in its place, or take it away: another rank that was believed dead
 * and evaluates the same trial. */
#define ATTEMPTS 4
/* Of a parameters.json. */
#define MARK_LIMIT (64 << 20)

/* `path` and the folders above it. */
static dh_status make_folders(char *path, struct dh_error *err)
{
    for (char *slash = path; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        int problem = errno;
        if (slash)
            *slash = '/';
        if (failed && !(slash && problem == EROFS))
            return dh_fail(err, DH_IO, "cannot make the folder %s: %s", path, strerror(problem));
    }
    return DH_OK;
}

/* DH_EMPTY: nothing is in it; DH_OK: something is; DH_MISSING: it is gone. */
static dh_status look_into(const char *path, struct dh_error *err)
{
    struct stat info;
    if (lstat(path, &info) != 0 && errno == ENOENT)
        return DH_MISSING;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
        return dh_fail(err, DH_CONFIG, "%s was there before and is not a folder of this user",
                       path);
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT
                   ? DH_MISSING
                   : dh_fail(err, DH_CONFIG, "%s was there before and cannot be read: %s", path,
                             strerror(errno));
    const struct dirent *entry;
    bool empty = true;
    while (empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    return empty ? DH_EMPTY : DH_OK;
}

/* The object in the file parameters.json of `folder`; NULL if there is none. */
static json_t *read_mark(const char *folder)
{
    char *path = dh_strprintf("%s/parameters.json", folder);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    free(path);
    struct stat info;
    json_t *mark = NULL;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size < MARK_LIMIT)
        mark = json_loadfd(fd, 0, NULL);
    if (fd >= 0)
        close(fd);
    return mark;
}

/* Was it made for an earlier attempt of this trial? Another search has another seed, or proposed
 * its trial of that number at another time. */
static bool of_this_trial(const struct eval_job *job, const char *folder)
{
    json_t *mark = read_mark(folder);
    const json_t *proposed = json_object_get(mark, "proposed");
    bool same = json_is_number(proposed) && json_number_value(proposed) == job->proposed &&
                json_integer_value(json_object_get(mark, "id")) == (json_int_t)job->trial &&
                json_integer_value(json_object_get(mark, "seed")) == (json_int_t)job->seed;
    json_decref(mark);
    return same;
}

/* A new name for job->folder, which takes the place of the empty folder that reserves that name.
 * The caller frees it. */
static dh_status reserve_name(const struct eval_job *job, char **out, struct dh_error *err)
{
    for (unsigned n = 1;; n++) {
        *out = dh_strprintf("%s.%u", job->folder, n);
        if (mkdir(*out, 0777) == 0)
            return DH_OK;
        if (errno != EEXIST)
            break;
        free(*out);
    }
    dh_fail(err, DH_IO, "cannot make the folder %s: %s", *out, strerror(errno));
    free(*out);
    *out = NULL;
    return DH_IO;
}

/* Is it the disk's trouble, and not that of one folder? */
static bool of_the_disk(int problem)
{
    return problem == ENOSPC || problem == EDQUOT || problem == EIO || problem == EROFS ||
           problem == ESTALE;
}

static dh_status set_aside(struct eval_job *job, struct dh_error *err)
{
    char *to;
    dh_status status = reserve_name(job, &to, err);
    if (status != DH_OK)
        return status;
    if (rename(job->folder, to) == 0) {
        free(job->previous);
        job->previous = of_this_trial(job, to) ? to : NULL;
        if (!job->previous)
            free(to);
        return DH_OK;
    }
    int problem = errno;
    rmdir(to);
    if (problem != ENOENT) /* otherwise somebody else did */
        status = dh_fail(err, of_the_disk(problem) ? DH_IO : DH_CONFIG,
                         "%s was there before and cannot be renamed to %s: %s", job->folder, to,
                         strerror(problem));
    free(to);
    return status;
}

dh_status eval_folder_make(struct eval_job *job, struct dh_error *err)
{
    const char *runs = job->plan->options->runs;
    char *here = *runs == '/' ? NULL : getcwd(NULL, 0);
    job->folder =
        dh_strprintf("%s%s%s/%" PRIu64, here ? here : "", here ? "/" : "", runs, job->trial);
    free(here);
    for (int i = 0; i < ATTEMPTS; i++) {
        dh_status status = make_folders(job->folder, err);
        if (status == DH_OK)
            status = look_into(job->folder, err);
        if (status == DH_OK)
            status = set_aside(job, err);
        else if (status == DH_EMPTY)
            return DH_OK;
        if (status != DH_OK && status != DH_MISSING)
            return status;
    }
    return dh_fail(err, DH_CONFIG, "somebody else puts files into %s", job->folder);
}
