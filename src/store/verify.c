/* Every file under a path, one by one and together: see dh_store_verify in store.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/store.h"
#include "files.h"
#include "journal.h"
#include "lock.h"
#include "salvage.h"

const char *dh_file_state_text(enum dh_file_state state)
{
    static const char *const texts[] = {
        [DH_FILE_SOUND] = "sound",
        [DH_FILE_TORN] = "torn",
        [DH_FILE_DAMAGED] = "damaged",
        [DH_FILE_UNREAD] = "unread",
    };
    return texts[state];
}

void dh_store_report_free(struct dh_store_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->files[i].path);
        free(report->files[i].problem);
    }
    free(report->files);
    free(report->problem);
    free(report->holder);
    dh_store_image_free(&report->image);
    *report = (struct dh_store_report){0};
}

/* A search may end between the listing and the look: then it is not there, and left out. */
static bool size_of(const char *path, uint64_t *bytes)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    *bytes = there ? (uint64_t)info.st_size : 0;
    return there;
}

/* A file that could not be opened need not be damaged. */
static enum dh_file_state state_of(dh_status opened)
{
    return opened == DH_OK        ? DH_FILE_SOUND
           : opened == DH_CORRUPT ? DH_FILE_DAMAGED
                                  : DH_FILE_UNREAD;
}

static void look_at_checkpoint(struct dh_store_file *file)
{
    struct dh_checkpoint *checkpoint = NULL;
    struct dh_error err;
    file->checkpoint = true;
    dh_status status = dh_checkpoint_open(file->path, &checkpoint, &err);
    if (status == DH_OK)
        file->last_event = dh_checkpoint_event(checkpoint);
    file->state = state_of(status);
    file->problem = dh_strdup(status == DH_OK ? "" : err.text);
    dh_checkpoint_close(&checkpoint);
}

/* Did a death leave this rest: a record cut short, or room that was never filled (zeros)? */
static bool is_torn_write(const char *path, uint64_t from)
{
    struct dh_buffer file = {0};
    bool zeros = true, cut = false;
    if (dh_files_read(path, &file, NULL) == DH_OK && file.size > from) {
        size_t rest = file.size - (size_t)from;
        struct dh_reader frame = dh_reader_of(file.data + from, rest);
        uint32_t length = dh_get_u32(&frame);
        cut = rest < DH_RECORD_FRAME ||
              (length <= DH_RECORD_LIMIT && length > rest - DH_RECORD_FRAME);
        for (size_t i = (size_t)from; i < file.size; i++)
            zeros &= file.data[i] == 0;
    }
    dh_buffer_free(&file);
    return zeros || cut;
}

static void note_events(struct dh_store_file *file, struct dh_journal_reader *reader,
                        struct dh_error *err)
{
    dh_status status;
    while ((status = dh_journal_next(reader, err)) == DH_OK) {
        uint64_t event = dh_get_u64(&reader->payload);
        file->first_event = file->first_event ? file->first_event : event;
        file->last_event = event;
    }
    if (status == DH_EMPTY)
        return;
    file->state = state_of(status);
    if (file->state == DH_FILE_DAMAGED)
        file->torn_bytes = reader->size - dh_journal_position(reader);
    file->problem = dh_strdup(err->text);
}

static void look_at_journal(struct dh_store_file *file)
{
    struct dh_journal_reader reader;
    struct dh_journal_header header;
    struct dh_error err;
    uint64_t sound = 0;
    dh_status status = dh_journal_open_header(file->path, &reader, &header, &err);
    file->state = state_of(status);
    if (status == DH_OK) {
        note_events(file, &reader, &err);
        sound = dh_journal_position(&reader);
        dh_journal_header_free(&header);
        dh_journal_close(&reader);
    } else {
        file->torn_bytes = file->state == DH_FILE_UNREAD ? 0 : file->bytes;
        file->problem = dh_strdup(err.text);
    }
    if (!file->problem) {
        file->problem = dh_strdup("");
        return;
    }
    if (file->state == DH_FILE_UNREAD)
        return;
    struct dh_salvage behind = dh_salvage_look(file->path, sound);
    file->behind = behind.records;
    file->behind_last = behind.last;
    bool torn = behind.records == 0 && is_torn_write(file->path, sound);
    file->state = torn ? DH_FILE_TORN : DH_FILE_DAMAGED;
}

/* Takes `path`. */
static void add_file(struct dh_store_report *report, char *path, bool checkpoint, size_t *capacity)
{
    struct dh_store_file file = {.path = path};
    if (!size_of(path, &file.bytes)) {
        free(path);
        return;
    }
    if (checkpoint)
        look_at_checkpoint(&file);
    else
        look_at_journal(&file);
    report->damaged |= file.state == DH_FILE_DAMAGED;
    report->unread |= file.state == DH_FILE_UNREAD;
    uint64_t last = file.last_event > file.behind_last ? file.last_event : file.behind_last;
    report->last_event = last > report->last_event ? last : report->last_event;
    *DH_PUSH(report->files, report->count, *capacity) = file;
}

static void look_at_family(struct dh_store_report *report, const struct dh_family *family)
{
    size_t capacity = 0;
    if (family->has_checkpoint)
        add_file(report, dh_strdup(family->path), true, &capacity);
    if (family->has_previous)
        add_file(report, dh_strdup(family->previous), true, &capacity);
    for (size_t i = 0; i < family->segment_count; i++)
        add_file(report, dh_family_segment(family->path, family->segments[i]), false, &capacity);
    if (family->has_journal)
        add_file(report, dh_strdup(family->journal), false, &capacity);
}

/* One look; `*same`: no file was replaced meanwhile. */
static dh_status look(const char *path, struct dh_store_report *out, bool *same,
                      struct dh_error *err)
{
    struct dh_family before, after;
    struct dh_error why = {0};
    *out = (struct dh_store_report){0};
    dh_status status = dh_family_list(path, &before, err);
    if (status != DH_OK)
        return status;
    if (dh_family_empty(&before)) {
        dh_family_free(&before);
        return dh_fail(err, DH_MISSING, "%s: no checkpoint and no journal there", path);
    }
    look_at_family(out, &before);
    out->holder = dh_lock_holder(before.path);
    out->status = dh_store_read(path, &out->image, &why);
    out->problem = dh_strdup(out->status == DH_OK ? "" : why.text);
    status = dh_family_list(path, &after, err);
    *same = status == DH_OK && after.stamp == before.stamp;
    dh_family_free(&before);
    if (status == DH_OK)
        dh_family_free(&after);
    return status;
}

dh_status dh_store_verify(const char *path, struct dh_store_report *out, struct dh_error *err)
{
    for (int try = 1;; try++) {
        bool same = true;
        dh_status status = look(path, out, &same, err);
        if (status != DH_OK || same || try == DH_FAMILY_TRIES)
            return status;
        dh_store_report_free(out);
        usleep(1000);
    }
}
