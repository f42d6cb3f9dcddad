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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/eval.h"

/* Somebody else may put another in its place, or take it away: another rank that was believed dead
 * and evaluates the same trial. */
#define ATTEMPTS 4
/* Of a parameters.json. */
#define MARK_LIMIT (64 << 20)

/* `path` and the folders above it; `made`: the last was not there. */
static dh_status make_folders(char *path, bool *made, struct dh_error *err)
{
    for (char *slash = path; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        *made = mkdir(path, 0777) == 0;
        int failed = !*made && errno != EEXIST;
        int problem = errno;
        if (slash)
            *slash = '/';
        if (failed && !(slash && problem == EROFS))
            return dh_fail(err, DH_IO, "cannot make the folder %s: %s", path, strerror(problem));
    }
    return DH_OK;
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool empty = folder;
    while (empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder)
        closedir(folder);
    return empty;
}

/* May an evaluation begin in what is there under its name? In an empty folder of this user. In
 * another user's that one could put files and links while it runs; whose it is counts for nothing
 * else, since some file systems show another's name for every file. */
static bool is_usable(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
           access(path, W_OK | X_OK) == 0 && is_empty(path);
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

/* The descriptor of `folder`'s parameters.json with a lock on it; -1, with errno, if there is none
 * (EWOULDBLOCK: another has it). */
static int lock_mark(const char *folder)
{
    static const int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    char *path = dh_strprintf("%s/parameters.json", folder);
    int fd = open(path, O_RDWR | flags); /* NFS wants that for a lock */
    if (fd < 0 && errno == EACCES)       /* another user's */
        fd = open(path, O_RDONLY | flags);
    free(path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int problem = errno;
        close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

int eval_folder_hold(const struct eval_job *job)
{
    int fd = lock_mark(job->folder);
    return fd < 0 ? 0 : fd + 1; /* where there are no locks it does without */
}

static bool is_held(const char *folder)
{
    int fd = lock_mark(folder);
    bool held = fd < 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return held;
}

/* Whose a folder is: a trial's, of which another search has another seed, or proposed its own of
 * that number at another time. */
struct owner {
    uint64_t trial, seed;
    double proposed;
};

static struct owner owner_of(const struct eval_job *job)
{
    return (struct owner){job->trial, job->seed, job->proposed};
}

/* Was it made for an attempt of the owner's? */
static bool is_of(const char *folder, const struct owner *owner)
{
    json_t *mark = read_mark(folder);
    const json_t *moment = json_object_get(mark, "proposed");
    bool same = json_is_number(moment) && json_number_value(moment) == owner->proposed &&
                json_integer_value(json_object_get(mark, "id")) == (json_int_t)owner->trial &&
                json_integer_value(json_object_get(mark, "seed")) == (json_int_t)owner->seed;
    json_decref(mark);
    return same;
}

/* Is there more in it than what every attempt begins with? */
static bool has_files(const char *path)
{
    static const char *const own[] = {".", "..", "parameters.json", "stdout", "stderr"};
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool found = false;
    while (folder && !found && (entry = readdir(folder))) {
        found = true;
        for (size_t i = 0; i < DH_COUNT_OF(own); i++)
            found = found && strcmp(entry->d_name, own[i]) != 0;
    }
    if (folder)
        closedir(folder);
    return found;
}

/* The owner's newest attempt among what was moved aside from `name`; one that left nothing, since
 * it may not have begun at all, only if there is no other. The caller frees it. */
static char *find_aside(const char *name, const struct owner *owner)
{
    char *found = NULL;
    bool left_something = false, there = true;
    for (unsigned n = 1; there; n++) {
        struct stat info;
        char *path = dh_strprintf("%s.%u", name, n);
        there = lstat(path, &info) == 0;
        bool left = there && has_files(path);
        if (there && left >= left_something && is_of(path, owner)) {
            free(found);
            found = path;
            left_something = left;
        } else {
            free(path);
        }
    }
    return found;
}

char *dh_eval_run_folder(const struct dh_settings *settings, const struct dh_trial *trial)
{
    const struct dh_node *runs = dh_node_child(settings->evaluator, "runs");
    if (!runs || runs->kind != DH_NODE_TEXT)
        return NULL;
    const struct owner owner = {trial->id, trial->seed, trial->proposed};
    char *name = dh_strprintf("%s/%" PRIu64, runs->text, trial->id);
    if (is_of(name, &owner))
        return name;
    /* another search, or a later attempt that left no mark, has taken its place */
    char *aside = find_aside(name, &owner);
    free(name);
    return aside;
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

/* Where `from` was takes the place of the empty folder `to`, or, where that cannot be (a file, a
 * file system without it), the name. Returns an errno; 0: it is done, or `from` is gone. */
static int take_name(const char *from, const char *to)
{
    int problem = rename(from, to) == 0 ? 0 : errno;
    if (problem && rmdir(to) == 0 && problem != ENOENT)
        problem = rename(from, to) == 0 ? 0 : errno;
    return problem == ENOENT ? 0 : problem; /* somebody else moved it */
}

static dh_status set_aside(struct eval_job *job, struct dh_error *err)
{
    char *to;
    const struct owner owner = owner_of(job);
    if (!is_of(job->folder, &owner) && is_held(job->folder))
        return dh_fail(err, DH_IO,
                       "%s is in use by another search: searches that run at the same time need "
                       "a folder for `runs` each",
                       job->folder);
    dh_status status = reserve_name(job, &to, err);
    if (status != DH_OK)
        return status;
    int problem = take_name(job->folder, to);
    if (problem)
        status = dh_fail(err, DH_IO, "%s was there before and cannot be renamed to %s: %s",
                         job->folder, to, strerror(problem));
    free(to);
    return status;
}

dh_status eval_folder_make(struct eval_job *job, struct dh_error *err)
{
    const struct owner owner = owner_of(job);
    const char *runs = job->plan->options->runs;
    char *here = *runs == '/' ? NULL : getcwd(NULL, 0);
    job->folder =
        dh_strprintf("%s%s%s/%" PRIu64, here ? here : "", here ? "/" : "", runs, job->trial);
    free(here);
    for (int i = 0; i < ATTEMPTS; i++) {
        bool made;
        dh_status status = make_folders(job->folder, &made, err);
        if (status == DH_OK && (made || is_usable(job->folder))) {
            job->previous = find_aside(job->folder, &owner);
            return DH_OK;
        }
        if (status == DH_OK)
            status = set_aside(job, err);
        if (status != DH_OK)
            return status;
    }
    return dh_fail(err, DH_IO, "somebody else makes %s again and again", job->folder);
}
