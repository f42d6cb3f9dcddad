/* Sound records behind damage in a journal: see salvage.h. */
#include "salvage.h"

#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "files.h"
#include "journal.h"

struct dh_salvage dh_salvage_look(const char *path, uint64_t from)
{
    struct dh_salvage found = {0};
    struct dh_buffer file = {0};
    uint64_t event = 0;
    if (dh_files_read(path, &file, NULL) != DH_OK)
        file.size = 0;
    for (size_t at = (size_t)from; at < file.size;) {
        size_t size = dh_journal_measure(file.data + at, file.size - at, &event);
        at += size ? size : 1;
        if (size == 0 || event == 0)
            continue;
        found.records++;
        found.first = found.first == 0 || event < found.first ? event : found.first;
        found.last = event > found.last ? event : found.last;
    }
    dh_buffer_free(&file);
    return found;
}

dh_status dh_salvage_copy(const char *path, const char *copy, struct dh_error *err)
{
    struct dh_buffer file = {0};
    int fd = -1, failure = 0;
    size_t written;
    DH_CRASH_POINT(MEND_KEEP);
    dh_status status = dh_files_read(path, &file, err);
    if (status == DH_OK)
        status = dh_files_remove(copy, err);
    if (status == DH_OK)
        status = dh_files_create(copy, &fd, err);
    if (status == DH_OK) {
        DH_CRASH_HALF(MEND_COPY, fd, file.data, file.size);
        failure = dh_files_write(fd, file.data, file.size, &written);
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
