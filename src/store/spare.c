/* Files that nothing else may be written to: those of a checkpoint, and what looks like one or like
 * a configuration; see store.h. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/path.h"
#include "dh_mpi/store.h"
#include "files.h"

/* What the names of a checkpoint's files have behind its own. */
static const struct {
    const char *text;
    bool goes_on; /* with a dot and more */
} suffixes[] = {{".previous", false}, {".tmp", false}, {"-journal", true}, {"-lock", true}};

static bool is_suffix(const char *text)
{
    for (size_t i = 0; i < DH_COUNT_OF(suffixes); i++) {
        size_t length = strlen(suffixes[i].text);
        if (strncmp(text, suffixes[i].text, length) == 0 &&
            (text[length] == '\0' || (suffixes[i].goes_on && text[length] == '.')))
            return true;
    }
    return false;
}

char *dh_store_stem(const char *path)
{
    char *stem = dh_files_resolve(path);
    for (char *end = stem + strlen(stem); --end > dh_path_name(stem);) {
        char first = *end;
        if (!is_suffix(end))
            continue;
        *end = '\0';
        if (dh_contents_of(stem) == DH_CONTENTS_CHECKPOINT)
            return stem;
        *end = first;
    }
    free(stem);
    return NULL;
}

static bool same_folder(const char *a, const char *b)
{
    struct stat first, second;
    char *folders[] = {dh_path_folder(a), dh_path_folder(b)};
    bool same = stat(folders[0], &first) == 0 && stat(folders[1], &second) == 0 &&
                first.st_dev == second.st_dev && first.st_ino == second.st_ino;
    free(folders[0]);
    free(folders[1]);
    return same;
}

/* Does a file of that `name` belong to the checkpoint that is called `base`? */
static bool is_name_of(const char *base, const char *name)
{
    size_t length = strlen(base);
    return strncmp(name, base, length) == 0 && (name[length] == '\0' || is_suffix(name + length));
}

/* Has a file of `checkpoint` this inode? */
static bool has_inode(const char *checkpoint, const struct stat *wanted)
{
    char *folder = dh_path_folder(checkpoint);
    DIR *entries = opendir(folder);
    bool found = false;
    for (const struct dirent *entry; entries && !found && (entry = readdir(entries));) {
        struct stat info;
        found = is_name_of(dh_path_name(checkpoint), entry->d_name) &&
                fstatat(dirfd(entries), entry->d_name, &info, 0) == 0 &&
                info.st_dev == wanted->st_dev && info.st_ino == wanted->st_ino;
    }
    if (entries)
        closedir(entries);
    free(folder);
    return found;
}

bool dh_store_holds(const char *checkpoint, const char *path)
{
    struct stat info;
    char *base = dh_files_resolve(checkpoint), *file = dh_files_resolve(path);
    bool holds = (is_name_of(dh_path_name(base), dh_path_name(file)) && same_folder(base, file)) ||
                 (stat(path, &info) == 0 && has_inode(base, &info));
    free(base);
    free(file);
    return holds;
}

dh_status dh_store_spare(const char *path, const char *checkpoint, struct dh_error *err)
{
    if (checkpoint && dh_store_holds(checkpoint, path))
        return dh_fail(err, DH_USAGE, "%s: not written: it is a file of the checkpoint %s", path,
                       checkpoint);
    enum dh_contents contents = dh_contents_of(path);
    if (contents != DH_CONTENTS_OTHER)
        return dh_fail(err, DH_USAGE, "%s: not written: %s is there, which would be lost", path,
                       dh_contents_text(contents));
    char *stem = dh_store_stem(path);
    if (!stem)
        return DH_OK;
    dh_fail(err, DH_USAGE, "%s: not written: it is a file of the checkpoint %s", path, stem);
    free(stem);
    return DH_USAGE;
}
