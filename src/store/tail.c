/* The records that may not be on the disk yet: see tail.h. */
#include "tail.h"

#include "journal.h"

void dh_tail_written(struct dh_tail *tail, const void *bytes, size_t size)
{
    dh_buffer_append(&tail->bytes, bytes, size);
    tail->end += size;
}

void dh_tail_synced(struct dh_tail *tail, uint64_t synced)
{
    struct dh_buffer *bytes = &tail->bytes;
    uint64_t start = tail->end - bytes->size, event;
    if (synced <= start)
        return;
    if (synced >= tail->end) {
        dh_buffer_clear(bytes);
        return;
    }
    size_t drop = 0, size;
    while ((size = dh_journal_measure(bytes->data + drop, bytes->size - drop, &event)) > 0 &&
           start + drop + size <= synced)
        drop += size;
    dh_buffer_consume(bytes, drop);
}

uint64_t dh_tail_first(const struct dh_tail *tail, uint64_t otherwise)
{
    uint64_t event = otherwise;
    dh_journal_measure(tail->bytes.data, tail->bytes.size, &event);
    return event;
}

void dh_tail_free(struct dh_tail *tail)
{
    dh_buffer_free(&tail->bytes);
}
