/* What is kept under a path, looked at or moved aside as a whole: see store.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/store.h"
#include "files.h"
#include "lock.h"
#include "recover.h"

void dh_store_image_free(struct dh_store_image *image)
{
    dh_history_destroy(&image->history);
    dh_space_destroy(&image->space);
    dh_settings_free(&image->settings);
    dh_config_destroy(&image->config);
    free(image->config_text);
    free(image->notes);
    *image = (struct dh_store_image){0};
}

/* A search may replace files while they are read. What is read is consistent (a state contiguous
 * from a checkpoint on) or fails; a failure counts only if the files stayed the same meanwhile. */
dh_status dh_store_read(const char *path, struct dh_store_image *out, struct dh_error *err)
{
    for (int try = 1;; try++) {
        struct dh_family before, after;
        struct dh_recovery found;
        dh_status status = dh_family_list(path, &before, err);
        if (status != DH_OK)
            return status;
        status = dh_recover(&before, NULL, out, &found, err);
        uint64_t stamp = before.stamp;
        dh_family_free(&before);
        if (status == DH_OK || try == DH_FAMILY_TRIES)
            return status;
        if (dh_family_list(path, &after, NULL) != DH_OK)
            return status;
        bool same = after.stamp == stamp;
        dh_family_free(&after);
        if (same)
            return status;
        usleep(1000);
    }
}

double dh_store_changed(const char *path)
{
    char *base = dh_files_resolve(path), *journal = dh_strprintf("%s-journal", base);
    const char *const names[] = {base, journal};
    double newest = 0;
    for (size_t i = 0; i < DH_COUNT_OF(names); i++) {
        struct stat info;
        if (stat(names[i], &info) == 0)
            newest =
                fmax(newest, (double)info.st_mtim.tv_sec + 1e-9 * (double)info.st_mtim.tv_nsec);
    }
    free(journal);
    free(base);
    return newest;
}

/* Is there a file of the family of `path`? */
static dh_status look_for(const char *path, bool *there, struct dh_error *err)
{
    struct dh_family family;
    dh_status status = dh_family_list(path, &family, err);
    *there = status == DH_OK && !dh_family_empty(&family);
    dh_family_free(&family);
    return status;
}

/* Suffixes of the files of a family, in the order in which their old names go: while they do, the
 * rest is never taken for the whole, since events that only those before it had are missing. The
 * caller frees each, and the array. */
static char **list_suffixes(const struct dh_family *family, size_t *count)
{
    char **suffixes = dh_alloc(family->segment_count + 5, sizeof *suffixes);
    *count = 0;
    suffixes[(*count)++] = dh_strdup("");
    suffixes[(*count)++] = dh_strdup(".previous");
    for (size_t i = 0; i < family->segment_count; i++)
        suffixes[(*count)++] = dh_family_segment("", family->segments[i]);
    suffixes[(*count)++] = dh_strdup("-journal");
    suffixes[(*count)++] = dh_strdup("-journal.damaged");
    suffixes[(*count)++] = dh_strdup("-journal.replaced");
    return suffixes;
}

/* path`suffix`, if it is there, is also to`suffix`: by a second link, or where the file system has
 * none, as a copy. */
static dh_status give_new_name(const char *path, const char *to, const char *suffix,
                               struct dh_error *err)
{
    char *from = dh_strprintf("%s%s", path, suffix), *target = dh_strprintf("%s%s", to, suffix);
    dh_status status = DH_OK;
    bool there = access(from, F_OK) == 0 || errno != ENOENT;
    DH_CRASH_POINT(ASIDE_LINK);
    if (there && !dh_files_link(from, target))
        status = dh_files_copy(from, target, err);
    free(from);
    free(target);
    return status;
}

static dh_status take_name(const char *path, const char *suffix, struct dh_error *err)
{
    char *name = dh_strprintf("%s%s", path, suffix);
    dh_status status = dh_files_remove(name, err);
    free(name);
    return status;
}

/* First every file gets a second name, then they lose their old ones: at each moment one of both is
 * the whole. */
static dh_status move_family(const struct dh_family *family, const char *to, struct dh_error *err)
{
    size_t count;
    char **suffixes = list_suffixes(family, &count);
    dh_status status = DH_OK;
    for (size_t i = 0; i < count && status == DH_OK; i++)
        status = give_new_name(family->path, to, suffixes[i], err);
    for (size_t i = 0; i < count && status != DH_OK; i++) /* a full disk: as it was */
        take_name(to, suffixes[i], NULL);
    if (status == DH_OK)
        status = dh_files_sync_folder(to, err);
    DH_CRASH_POINT(ASIDE_LINKED);
    for (size_t i = 0; i < count && status == DH_OK; i++) {
        status = take_name(family->path, suffixes[i], err);
        DH_CRASH_POINT(ASIDE_REMOVED);
    }
    for (size_t i = 0; i < count; i++)
        free(suffixes[i]);
    free(suffixes);
    return status == DH_OK ? dh_files_sync_folder(to, err) : status;
}

dh_status dh_store_set_aside(const char *path, char **moved_to, struct dh_error *err)
{
    struct dh_family family;
    struct dh_lock *lock = NULL;
    char *to = NULL;
    if (moved_to)
        *moved_to = NULL;
    dh_status status = dh_family_list(path, &family, err);
    if (status != DH_OK)
        return status;
    if (dh_family_empty(&family)) {
        dh_family_free(&family);
        return DH_OK;
    }
    status = dh_lock_take(family.path, &dh_lock_default_rule, NULL, &lock, err);
    dh_family_free(&family); /* which may have changed while it was waited for */
    if (status == DH_OK)
        status = dh_family_list(path, &family, err);
    bool there = true;
    for (unsigned n = 1; status == DH_OK && there; n++) {
        free(to);
        to = dh_strprintf("%s.%u", family.path, n);
        status = look_for(to, &there, err);
    }
    if (status == DH_OK)
        status = move_family(&family, to, err);
    dh_lock_release(&lock);
    dh_family_free(&family);
    if (status == DH_OK && moved_to)
        *moved_to = to;
    else
        free(to);
    return status;
}
