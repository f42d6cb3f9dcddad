/* The records that may not be on the disk yet: see tail.h. */
#include "tail.h"

#include <stdlib.h>

#include "dh_mpi/alloc.h"
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
    size_t drop = 0, size;
    while ((size = dh_journal_measure(bytes->data + drop, bytes->size - drop, &event)) > 0 &&
           start + drop + size <= synced)
        drop += size;
    dh_buffer_consume(bytes, drop);
}

void dh_tail_recall(struct dh_tail *tail, const struct dh_history *history, uint64_t last)
{
    uint64_t count = dh_history_count(history), event = dh_history_event(history);
    const struct dh_trial **trials = dh_alloc((size_t)(event - last), sizeof *trials);
    for (uint64_t id = 0; id < count; id++) { /* each in the place of its events */
        const struct dh_trial *trial = dh_history_trial(history, id);
        if (trial->proposed_event > last)
            trials[trial->proposed_event - last - 1] = trial;
        if (trial->ended_event > last)
            trials[trial->ended_event - last - 1] = trial;
    }
    dh_buffer_clear(&tail->bytes);
    for (uint64_t i = 0; i < event - last; i++)
        if (trials[i]->proposed_event == last + 1 + i)
            dh_journal_put_proposed(&tail->bytes, trials[i], dh_history_parameter_count(history));
        else
            dh_journal_put_ended(&tail->bytes, trials[i], dh_history_objective_count(history));
    tail->end += tail->bytes.size;
    free(trials);
}

uint64_t dh_tail_first(const struct dh_tail *tail, uint64_t otherwise)
{
    uint64_t event = otherwise;
    dh_journal_measure(tail->bytes.data, tail->bytes.size, &event);
    return event;
}

uint64_t dh_tail_last(const struct dh_tail *tail, uint64_t otherwise)
{
    uint64_t event = otherwise;
    const struct dh_buffer *bytes = &tail->bytes;
    for (size_t at = 0, size;
         (size = dh_journal_measure(bytes->data + at, bytes->size - at, &event)) > 0; at += size)
        ;
    return event;
}

void dh_tail_free(struct dh_tail *tail)
{
    dh_buffer_free(&tail->bytes);
}
