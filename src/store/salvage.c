/* Sound records behind damage in a journal: see salvage.h. */
#include "salvage.h"

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
