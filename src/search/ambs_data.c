/* What has happened, as models learn it: see ambs_data.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs_data.h"
#include "dh_mpi/alloc.h"

#define MARK_SHARE 40 /* a mark each time the results have grown by a 40th … */
#define MARK_MOST 100 /* … or by so many */
#define TRIFLE 1e-3

struct result {
    double y; /* to be minimised, NaN: failed */
    uint32_t row;
};

void ambs_data_make(struct ambs_data *data, const struct ambs_features *features)
{
    data->features = features;
    data->rows.size = features->count * sizeof(double);
    data->results.size = sizeof(struct result);
    data->since.size = sizeof(struct ambs_event);
    data->first_success = SIZE_MAX;
}

void ambs_data_free(struct ambs_data *data)
{
    ambs_pending_free(&data->pending);
    ambs_array_free(&data->rows);
    ambs_array_free(&data->results);
    ambs_array_free(&data->since);
}

const double *ambs_data_x(const struct ambs_data *data, size_t result)
{
    const struct result *r = ambs_array_at(&data->results, result);
    return ambs_array_at(&data->rows, r->row);
}

double ambs_data_y(const struct ambs_data *data, size_t result)
{
    return ((const struct result *)ambs_array_at(&data->results, result))->y;
}

const double *ambs_data_pending(const struct ambs_data *data, uint64_t id)
{
    uint32_t slot = ambs_pending_find(&data->pending, id);
    return slot == AMBS_NO_SLOT ? NULL : ambs_array_at(&data->rows, data->pending.slots[slot].row);
}

static uint32_t keep_row(struct ambs_data *data, const double *x)
{
    uint32_t row = (uint32_t)data->rows.count;
    double *copy = ambs_array_push(&data->rows);
    memcpy(copy, x, data->rows.size);
    return row;
}

static void add_event(struct ambs_data *data, const struct ambs_event *event)
{
    *(struct ambs_event *)ambs_array_push(&data->since) = *event;
}

static void note_crowd(struct ambs_data *data)
{
    if (data->pending.count > data->crowd)
        data->crowd = data->pending.count;
}

bool ambs_data_propose(struct ambs_data *data, uint64_t id, const double *x,
                       struct ambs_event *event)
{
    if (ambs_pending_find(&data->pending, id) != AMBS_NO_SLOT)
        return false;
    uint32_t row = keep_row(data, x);
    *event =
        (struct ambs_event){AMBS_PROPOSED, ambs_pending_add(&data->pending, id, row), row, NAN};
    add_event(data, event);
    note_crowd(data);
    data->since_result++;
    return true;
}

/* Keep the list of the best. */
static void rank_result(struct ambs_data *data, size_t result, double y)
{
    size_t at = data->top_count;
    while (at > 0 && ambs_data_y(data, data->top[at - 1]) > y)
        at--;
    if (at == AMBS_TOP)
        return;
    size_t kept = data->top_count < AMBS_TOP ? data->top_count++ : AMBS_TOP - 1;
    memmove(&data->top[at + 1], &data->top[at], (kept - at) * sizeof data->top[0]);
    data->top[at] = result;
}

void ambs_progress_note(struct ambs_progress *progress, size_t results, double y)
{
    bool first = progress->early_count == 0;
    if (progress->early_count < AMBS_EARLY) {
        size_t at = progress->early_count++;
        for (; at > 0 && progress->early[at - 1] > y; at--)
            progress->early[at] = progress->early[at - 1];
        progress->early[at] = y;
    }
    double quartile = progress->early[progress->early_count / 4];
    if (!first && !(y < progress->bar - TRIFLE * (quartile - progress->bar)))
        return;
    progress->bar = y;
    progress->results = results;
}

static void add_result(struct ambs_data *data, uint32_t row, double y)
{
    size_t result = data->results.count;
    *(struct result *)ambs_array_push(&data->results) = (struct result){y, row};
    data->since_result = 0;
    if (isnan(y))
        return;
    if (data->succeeded++ == 0)
        data->first_success = result;
    rank_result(data, result, y);
    ambs_progress_note(&data->progress, result + 1, y);
}

void ambs_data_end(struct ambs_data *data, uint64_t id, enum ambs_event_kind kind, const double *x,
                   double y, struct ambs_event *event)
{
    uint32_t slot = ambs_pending_find(&data->pending, id);
    bool pending = slot != AMBS_NO_SLOT;
    uint32_t row = pending ? data->pending.slots[slot].row : keep_row(data, x);
    *event = (struct ambs_event){kind, slot, row, y};
    add_event(data, event);
    if (kind == AMBS_ENDED)
        add_result(data, row, y);
    if (pending)
        ambs_pending_drop(&data->pending, slot);
    ambs_data_mark(data);
}

size_t ambs_data_gap(const struct ambs_data *data)
{
    size_t gap = data->mark < MARK_SHARE ? 1 : data->mark / MARK_SHARE;
    return gap < MARK_MOST ? gap : MARK_MOST;
}

void ambs_data_mark(struct ambs_data *data)
{
    if (data->hold || data->results.count < data->mark + ambs_data_gap(data))
        return;
    data->mark = data->results.count;
    data->since.count = 0;
    data->pending_then = data->crowd = data->pending.count;
    const struct ambs_slot *slots = data->pending.slots;
    uint32_t slot = data->pending.first;
    for (size_t i = 0; i < data->pending.count; i++, slot = slots[slot].after)
        add_event(data, &(struct ambs_event){AMBS_PROPOSED, slot, slots[slot].row, NAN});
}
