/* Records of the journal, written and read one by one: see journal.h. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "dh_mpi/alloc.h"
#include "files.h"

#define VERSION 1u
#define BLOCK (1u << 20)

/* Room for the frame of a record of `type` at the end of `out`; returns where it starts. */
static size_t begin_record(struct dh_buffer *out, enum dh_record type)
{
    size_t start = out->size;
    dh_put_u32(out, 0);
    dh_put_u32(out, 0);
    dh_put_u8(out, (uint8_t)type);
    return start;
}

static void end_record(struct dh_buffer *out, size_t start)
{
    struct dh_buffer frame = {0};
    const uint8_t *body = (const uint8_t *)out->data + start + DH_RECORD_FRAME;
    uint32_t size = (uint32_t)(out->size - start - DH_RECORD_FRAME);
    dh_put_u32(&frame, size);
    dh_put_u32(&frame, (uint32_t)crc32(0, body, size));
    memcpy(out->data + start, frame.data, DH_RECORD_FRAME);
    dh_buffer_free(&frame);
}

void dh_journal_header_free(struct dh_journal_header *header)
{
    for (uint32_t i = 0; header->names && i < header->parameter_count; i++)
        free(header->names[i]);
    free(header->names);
    free(header->program);
    free(header->host);
    free(header->config_text);
    *header = (struct dh_journal_header){0};
}

void dh_journal_put_header(struct dh_buffer *out, const struct dh_space *space,
                           const struct dh_journal_header *header)
{
    size_t start = begin_record(out, DH_RECORD_HEADER);
    dh_put_text(out, DH_JOURNAL_MAGIC);
    dh_put_u32(out, VERSION);
    dh_put_text(out, DH_VERSION);
    dh_put_u64(out, header->first_event);
    dh_put_u64(out, header->checkpoint_event);
    dh_put_f64(out, header->started);
    dh_put_text(out, header->host);
    dh_put_u32(out, header->objective_count);
    dh_put_u32(out, (uint32_t)dh_space_count(space));
    for (size_t i = 0; i < dh_space_count(space); i++)
        dh_put_text(out, dh_space_parameter(space, i)->name);
    dh_put_text(out, header->config_text);
    end_record(out, start);
}

void dh_journal_put_proposed(struct dh_buffer *out, const struct dh_trial *trial,
                             size_t parameter_count)
{
    size_t start = begin_record(out, DH_RECORD_PROPOSED);
    dh_put_u64(out, trial->proposed_event);
    dh_put_u64(out, trial->id);
    dh_put_u64(out, trial->seed);
    dh_put_u64(out, trial->cursor);
    dh_put_u32(out, trial->origin);
    dh_put_u32(out, trial->level);
    dh_put_f64(out, trial->proposed);
    dh_put_u64(out, trial->identity);
    dh_put_f64s(out, trial->values, parameter_count);
    end_record(out, start);
}

void dh_journal_put_ended(struct dh_buffer *out, const struct dh_trial *trial,
                          size_t objective_count)
{
    struct dh_outcome outcome = trial->outcome;
    size_t start = out->size, room = DH_RECORD_LIMIT - 4096 - objective_count * sizeof(double);
    char **const texts[] = {&outcome.reports, &outcome.metadata, &outcome.stderr_tail,
                            &outcome.reason};
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        size_t size = 0;
        for (size_t k = i; k < DH_COUNT_OF(texts); k++)
            size += *texts[k] ? strlen(*texts[k]) : 0;
        if (size > room)
            *texts[i] = NULL;
    }
    begin_record(out, DH_RECORD_ENDED);
    dh_put_u64(out, trial->ended_event);
    dh_put_u64(out, trial->id);
    dh_outcome_pack(&outcome, objective_count, out);
    end_record(out, start);
}

size_t dh_journal_measure(const void *bytes, size_t size, uint64_t *event)
{
    struct dh_reader in = dh_reader_of(bytes, size);
    uint32_t length = dh_get_u32(&in), checksum = dh_get_u32(&in);
    if (in.failed || length == 0 || length > size - DH_RECORD_FRAME)
        return 0;
    const uint8_t *body = in.next;
    uint8_t type = dh_get_u8(&in);
    if (type < DH_RECORD_HEADER || type > DH_RECORD_ENDED || crc32(0, body, length) != checksum)
        return 0;
    *event = type == DH_RECORD_HEADER ? 0 : dh_get_u64(&in);
    return DH_RECORD_FRAME + length;
}

static dh_status open_file(const char *path, struct dh_journal_reader *out, struct dh_error *err)
{
    struct stat info;
    *out = (struct dh_journal_reader){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (out->fd < 0 && errno == ENOENT)
        return dh_fail(err, DH_MISSING, "%s: is not there", path);
    if (out->fd < 0)
        return dh_files_fail(err, path, "open");
    if (fstat(out->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(out->fd);
        out->fd = -1;
        return dh_fail(err, DH_IO, "%s: is not a regular file", path);
    }
    out->path = dh_strdup(path);
    out->size = (uint64_t)info.st_size;
    return DH_OK;
}

void dh_journal_close(struct dh_journal_reader *reader)
{
    if (reader->path)
        close(reader->fd);
    free(reader->path);
    dh_buffer_free(&reader->block);
    *reader = (struct dh_journal_reader){.fd = -1};
}

uint64_t dh_journal_position(const struct dh_journal_reader *reader)
{
    return reader->offset + reader->used;
}

/* Have at least `need` unread bytes in the block, unless the file ends before. */
static dh_status fill(struct dh_journal_reader *reader, size_t need, struct dh_error *err)
{
    struct dh_buffer *block = &reader->block;
    if (block->size - reader->used >= need)
        return DH_OK;
    dh_buffer_consume(block, reader->used);
    reader->offset += reader->used;
    reader->used = 0;
    while (block->size < need) {
        size_t want = need - block->size > BLOCK ? need - block->size : BLOCK;
        uint64_t left = reader->size - reader->offset - block->size;
        if (want > left)
            want = (size_t)left;
        if (want == 0)
            return DH_OK;
        char *room = dh_buffer_extend(block, want);
        ssize_t count = pread(reader->fd, room, want, (off_t)(reader->offset + block->size - want));
        block->size -= want - (count > 0 ? (size_t)count : 0);
        if (count < 0 && errno != EINTR)
            return dh_files_fail(err, reader->path, "read");
        if (count == 0) /* it became shorter: a search that took it over cut its torn tail */
            reader->size = reader->offset + block->size;
    }
    return DH_OK;
}

static dh_status torn(const struct dh_journal_reader *reader, const char *what,
                      struct dh_error *err)
{
    return dh_fail(err, DH_CORRUPT, "%s: at byte %llu of %llu: %s", reader->path,
                   (unsigned long long)dh_journal_position(reader),
                   (unsigned long long)reader->size, what);
}

dh_status dh_journal_next(struct dh_journal_reader *reader, struct dh_error *err)
{
    dh_status status = fill(reader, DH_RECORD_FRAME, err);
    if (status != DH_OK)
        return status;
    size_t have = reader->block.size - reader->used;
    if (have == 0)
        return DH_EMPTY;
    if (have < DH_RECORD_FRAME)
        return torn(reader, "a record is cut short", err);
    struct dh_reader frame = dh_reader_of(reader->block.data + reader->used, DH_RECORD_FRAME);
    uint32_t length = dh_get_u32(&frame), checksum = dh_get_u32(&frame);
    if (length == 0 || length > DH_RECORD_LIMIT)
        return torn(reader, "a record has an impossible length", err);
    status = fill(reader, DH_RECORD_FRAME + (size_t)length, err);
    if (status != DH_OK)
        return status;
    if (reader->block.size - reader->used < DH_RECORD_FRAME + (size_t)length)
        return torn(reader, "a record is cut short", err);
    const uint8_t *body = (const uint8_t *)reader->block.data + reader->used + DH_RECORD_FRAME;
    if (crc32(0, body, length) != checksum)
        return torn(reader, "a record does not match its checksum", err);
    reader->used += DH_RECORD_FRAME + length;
    reader->type = *body;
    reader->payload = dh_reader_of(body + 1, length - 1);
    return DH_OK;
}

/* Magic and version: DH_CONFIG if a sound file is of another version. */
static dh_status get_version(const char *path, struct dh_reader *reader, struct dh_error *err)
{
    char *magic = dh_get_text(reader);
    uint32_t version = dh_get_u32(reader);
    bool known = magic && strcmp(magic, DH_JOURNAL_MAGIC) == 0;
    free(magic);
    if (!known || reader->failed)
        return dh_fail(err, DH_CORRUPT, "%s: is not a journal of dh_mpi", path);
    if (version != VERSION)
        return dh_fail(err, DH_CONFIG, "%s: has version %u, this dh_mpi reads version %u", path,
                       version, VERSION);
    return DH_OK;
}

/* What follows the version in a header; false if it cannot be read. */
static bool get_header(struct dh_reader *reader, struct dh_journal_header *out)
{
    out->program = dh_get_text(reader);
    out->first_event = dh_get_u64(reader);
    out->checkpoint_event = dh_get_u64(reader);
    out->started = dh_get_f64(reader);
    out->host = dh_get_text(reader);
    out->objective_count = dh_get_u32(reader);
    uint32_t count = dh_get_u32(reader);
    if (count > (size_t)(reader->end - reader->next) / 4) /* a name takes that much at least */
        return false;
    out->names = dh_alloc(count, sizeof *out->names);
    out->parameter_count = count;
    for (uint32_t i = 0; i < count; i++) {
        out->names[i] = dh_get_text(reader);
        if (!out->names[i])
            return false;
    }
    out->config_text = dh_get_text(reader);
    return out->config_text && dh_reader_complete(reader);
}

dh_status dh_journal_open_header(const char *path, struct dh_journal_reader *out,
                                 struct dh_journal_header *header, struct dh_error *err)
{
    *header = (struct dh_journal_header){0};
    dh_status status = open_file(path, out, err);
    if (status != DH_OK)
        return status;
    status = dh_journal_next(out, err);
    if (status == DH_EMPTY)
        status = dh_fail(err, DH_CORRUPT, "%s: is empty", path);
    if (status == DH_OK && out->type != DH_RECORD_HEADER)
        status = dh_fail(err, DH_CORRUPT, "%s: does not begin with a header", path);
    if (status == DH_OK)
        status = get_version(path, &out->payload, err);
    if (status == DH_OK && !get_header(&out->payload, header))
        status = dh_fail(err, DH_CORRUPT, "%s: its header cannot be read", path);
    if (status != DH_OK) {
        dh_journal_header_free(header);
        dh_journal_close(out);
    }
    return status;
}
