/* Names and system calls of the store's files: see files.h. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/path.h"

#define MOST_LINKS 40 /* as the system follows */

dh_status dh_files_fail(struct dh_error *err, const char *path, const char *verb)
{
    return dh_fail(err, DH_IO, "%s: cannot %s: %s", path, verb, strerror(errno));
}

/* Link by link: realpath() knows no name of a file that is not there yet. */
char *dh_files_resolve(const char *path)
{
    char *name = dh_strdup(path), target[PATH_MAX];
    for (int links = 0; links < MOST_LINKS; links++) {
        ssize_t length = readlink(name, target, sizeof target - 1);
        if (length < 0)
            break;
        target[length] = '\0';
        char *folder = dh_path_folder(name);
        free(name);
        name = *target == '/' ? dh_strdup(target) : dh_strprintf("%s/%s", folder, target);
        free(folder);
    }
    return name;
}

char *dh_family_segment(const char *path, uint64_t n)
{
    return dh_strprintf("%s-journal.%llu", path, (unsigned long long)n);
}

/* N of a name ".N", or false. */
static bool segment_number(const char *text, uint64_t *n)
{
    size_t digits = *text == '.' ? strspn(text + 1, "0123456789") : 0;
    if (digits == 0 || digits > 18 || text[1 + digits] != '\0' || text[1] == '0')
        return false;
    *n = strtoull(text + 1, NULL, 10);
    return true;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Note the folder's `entry` if it belongs to the family. */
static void note_entry(struct dh_family *family, const struct dirent *entry, size_t *capacity)
{
    const char *base = dh_path_name(family->path), *name = entry->d_name;
    size_t length = strlen(base);
    uint64_t n;
    if (strncmp(name, base, length) != 0)
        return;
    const char *rest = name + length;
    if (*rest == '\0')
        family->has_checkpoint = true;
    else if (strcmp(rest, ".previous") == 0)
        family->has_previous = true;
    else if (strcmp(rest, "-journal") == 0)
        family->has_journal = true;
    else if (strncmp(rest, "-journal", 8) == 0 && segment_number(rest + 8, &n))
        *DH_PUSH(family->segments, family->segment_count, *capacity) = n;
    else
        return;
    family->stamp += dh_hash_bytes(entry->d_ino, name, strlen(name)); /* in any order */
}

/* NULL with errno 0 at the end, otherwise with what went wrong. */
static const struct dirent *next_entry(DIR *entries)
{
    errno = 0;
    return readdir(entries);
}

dh_status dh_family_list(const char *path, struct dh_family *out, struct dh_error *err)
{
    *out = (struct dh_family){.path = dh_files_resolve(path)};
    out->previous = dh_strprintf("%s.previous", out->path);
    out->journal = dh_strprintf("%s-journal", out->path);
    char *folder = dh_path_folder(out->path);
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    size_t capacity = 0;
    dh_status status = DH_OK;
    while (entries && (entry = next_entry(entries)))
        note_entry(out, entry, &capacity);
    if (errno != 0 && (entries || errno != ENOENT)) /* half a list would be another search */
        status = dh_files_fail(err, folder, "read the folder");
    if (entries)
        closedir(entries);
    if (out->segment_count)
        qsort(out->segments, out->segment_count, sizeof *out->segments, by_number);
    free(folder);
    if (status != DH_OK)
        dh_family_free(out);
    return status;
}

void dh_family_free(struct dh_family *family)
{
    free(family->path);
    free(family->previous);
    free(family->journal);
    free(family->segments);
    *family = (struct dh_family){0};
}

bool dh_family_empty(const struct dh_family *family)
{
    return !family->has_checkpoint && !family->has_previous && !family->has_journal &&
           family->segment_count == 0;
}

/* Of `path`, one of the files named after `base`. */
static dh_status check_owner(const char *path, const char *base, struct dh_error *err)
{
    struct stat file;
    if (lstat(path, &file) != 0 || file.st_uid == geteuid())
        return DH_OK;
    const struct passwd *owner = getpwuid(file.st_uid);
    return dh_fail(
        err, DH_IO,
        "%s: is user %s's (%ju), and in a folder with the sticky bit only its owner can "
        "replace a file: go on as that user, or with a copy of all %s* in another folder",
        path, owner ? owner->pw_name : "?", (uintmax_t)file.st_uid, dh_path_name(base));
}

dh_status dh_family_check_owner(const struct dh_family *family, struct dh_error *err)
{
    struct stat folder;
    char *name = dh_path_folder(family->path);
    bool free_for_all = stat(name, &folder) != 0 || !(folder.st_mode & S_ISVTX) ||
                        folder.st_uid == geteuid() || geteuid() == 0;
    free(name);
    if (free_for_all)
        return DH_OK;
    dh_status status = check_owner(family->path, family->path, err);
    if (status == DH_OK)
        status = check_owner(family->previous, family->path, err);
    if (status == DH_OK)
        status = check_owner(family->journal, family->path, err);
    for (size_t i = 0; status == DH_OK && i < family->segment_count; i++) {
        char *segment = dh_family_segment(family->path, family->segments[i]);
        status = check_owner(segment, family->path, err);
        free(segment);
    }
    return status;
}

dh_status dh_files_create(const char *path, int *fd, struct dh_error *err)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    return *fd < 0 ? dh_files_fail(err, path, "create") : DH_OK;
}

dh_status dh_files_read(const char *path, struct dh_buffer *out, struct dh_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return dh_fail(err, DH_MISSING, "%s: is not there", path);
    if (fd < 0)
        return dh_files_fail(err, path, "open");
    dh_status status = DH_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return dh_fail(err, DH_IO, "%s: is not a regular file", path);
    }
    size_t size = (size_t)info.st_size, have = 0;
    char *bytes = dh_buffer_extend(out, size);
    while (have < size) {
        ssize_t count = read(fd, bytes + have, size - have);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            status = dh_files_fail(err, path, "read");
        if (count <= 0)
            break;
        have += (size_t)count;
    }
    close(fd);
    out->size -= size - have;
    return status;
}

dh_status dh_files_copy(const char *path, const char *copy, struct dh_error *err)
{
    struct dh_buffer file = {0};
    int fd = -1, failure = 0;
    DH_CRASH_POINT(MEND_KEEP);
    dh_status status = dh_files_read(path, &file, err);
    if (status == DH_OK)
        status = dh_files_remove(copy, err);
    if (status == DH_OK)
        status = dh_files_create(copy, &fd, err);
    if (status == DH_OK) {
        DH_CRASH_HALF(MEND_COPY, fd, file.data, file.size);
        failure = dh_file_write(fd, file.data, file.size, NULL);
        close(fd);
    }
    if (failure) {
        unlink(copy);
        status = dh_fail(err, DH_IO, "%s: cannot write: %s", copy, strerror(failure));
    }
    if (status == DH_OK)
        status = dh_files_sync(copy, err);
    DH_CRASH_POINT(MEND_KEPT);
    dh_buffer_free(&file);
    return status;
}

bool dh_files_named(const char *path, const struct stat *file)
{
    struct stat named;
    return lstat(path, &named) == 0 && named.st_ino == file->st_ino && named.st_dev == file->st_dev;
}

void dh_files_discard(int fd, const char *path)
{
    struct stat file;
    if (fstat(fd, &file) == 0 && dh_files_named(path, &file))
        unlink(path);
    close(fd);
}

dh_status dh_files_rename(const char *from, const char *to, struct dh_error *err)
{
    struct stat file;
    bool there = lstat(from, &file) == 0;
    if (rename(from, to) == 0 || (there && errno == ENOENT && dh_files_named(to, &file)))
        return DH_OK;
    return dh_fail(err, DH_IO, "%s: cannot rename to %s: %s", from, to, strerror(errno));
}

dh_status dh_files_rename_new(const char *from, const char *to, struct dh_error *err)
{
    struct stat info;
    if (lstat(to, &info) != 0 && errno == ENOENT)
        return dh_files_rename(from, to, err);
    return dh_fail(err, DH_IO, "%s: cannot rename to %s: it is there already", from, to);
}

bool dh_files_link(const char *from, const char *to)
{
#ifdef DH_CRASH_POINTS
    if (getenv("DH_NO_LINKS")) { /* as on some parallel file systems */
        errno = EPERM;
        return false;
    }
#endif
    return link(from, to) == 0;
}

bool dh_files_has_no_links(int failure)
{
    return failure == EPERM || failure == EOPNOTSUPP || failure == ENOSYS || failure == EMLINK ||
           failure == EXDEV;
}

/* Through signals; returns 0 or an errno. */
static int sync_by(int (*sync)(int), int fd)
{
    int result;
    do
        result = sync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int dh_files_sync_data(int fd)
{
    int failure = sync_by(fdatasync, fd);
    return failure == EINVAL ? 0 : failure;
}

dh_status dh_files_sync(const char *path, struct dh_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failure = fd < 0 ? errno : dh_files_sync_data(fd);
    if (fd >= 0)
        close(fd);
    return failure ? dh_fail(err, DH_IO, "%s: cannot sync: %s", path, strerror(failure)) : DH_OK;
}

dh_status dh_files_remove(const char *path, struct dh_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return DH_OK;
    return dh_files_fail(err, path, "remove");
}

dh_status dh_files_sync_folder(const char *path, struct dh_error *err)
{
    char *folder = dh_path_folder(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = fd < 0 ? errno : sync_by(fsync, fd);
    dh_status status = DH_OK;
    if (fd < 0 || (failure && failure != EINVAL && failure != ENOTSUP && failure != EROFS))
        status = dh_fail(err, DH_IO, "%s: cannot sync the folder: %s", folder, strerror(failure));
    if (fd >= 0)
        close(fd);
    free(folder);
    return status;
}
