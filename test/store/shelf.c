/* All files of a folder, kept in memory and put back: see shelf.h. */
#include "shelf.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

void shelf_take(struct shelf *shelf, const char *folder)
{
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    *shelf = (struct shelf){0};
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[400];
        if (entry->d_name[0] == '.')
            continue;
        assert_true(shelf->count < DH_COUNT_OF(shelf->files));
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        snprintf(shelf->files[shelf->count].name, sizeof shelf->files[0].name, "%.60s",
                 entry->d_name);
        fixture_read_file(path, &shelf->files[shelf->count++].bytes);
    }
    closedir(entries);
}

void shelf_empty_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    closedir(entries);
}

void shelf_put(const struct shelf *shelf, const char *folder)
{
    shelf_empty_folder(folder);
    for (size_t i = 0; i < shelf->count; i++) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, shelf->files[i].name);
        fixture_write_file(path, shelf->files[i].bytes.data, shelf->files[i].bytes.size);
    }
}

struct dh_buffer *shelf_find(struct shelf *shelf, const char *name)
{
    for (size_t i = 0; i < shelf->count; i++)
        if (strcmp(shelf->files[i].name, name) == 0)
            return &shelf->files[i].bytes;
    fail_msg("%s is not on the shelf", name);
    return NULL;
}

void shelf_drop(struct shelf *shelf, const char *name)
{
    dh_buffer_free(shelf_find(shelf, name));
    size_t kept = 0;
    for (size_t i = 0; i < shelf->count; i++)
        if (strcmp(shelf->files[i].name, name) != 0)
            shelf->files[kept++] = shelf->files[i];
    shelf->count = kept;
}

void shelf_free(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++)
        dh_buffer_free(&shelf->files[i].bytes);
    *shelf = (struct shelf){0};
}
