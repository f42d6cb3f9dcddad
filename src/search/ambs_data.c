/* What has happened, as models learn it: see ambs.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ambs.h"
#include "dh_mpi/alloc.h"

#define MARK_SHARE 40 /* a mark each time the results have grown by a 40th */

void ambs_events_push(struct ambs_events *events, const struct ambs_event *event, size_t width)
{
    struct ambs_event *copy = DH_PUSH(events->items, events->count, events->capacity);
    *copy = *event;
    copy->x = dh_memdup(event->x, width * sizeof *event->x);
}

void ambs_events_clear(struct ambs_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        free(events->items[i].x);
    events->count = 0;
}

void ambs_data_free(struct ambs_data *data)
{
    ambs_events_clear(&data->pending);
    ambs_events_clear(&data->since);
    free(data->pending.items);
    free(data->since.items);
    free(data->x);
    free(data->y);
}

/* Place of `id` among the pending. */
static size_t find(const struct ambs_events *pending, uint64_t id)
{
    size_t low = 0, high = pending->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pending->items[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct ambs_event *ambs_data_pending(const struct ambs_data *data, uint64_t id)
{
    size_t at = find(&data->pending, id);
    bool there = at < data->pending.count && data->pending.items[at].id == id;
    return there ? &data->pending.items[at] : NULL;
}

bool ambs_data_propose(struct ambs_data *data, uint64_t id, const double *x)
{
    struct ambs_events *pending = &data->pending;
    if (ambs_data_pending(data, id))
        return false;
    struct ambs_event event = {AMBS_PROPOSED, id, NAN, (double *)x};
    size_t at = find(pending, id);
    ambs_events_push(pending, &event, data->features->count);
    struct ambs_event mine = pending->items[pending->count - 1];
    memmove(&pending->items[at + 1], &pending->items[at], (pending->count - 1 - at) * sizeof mine);
    pending->items[at] = mine;
    ambs_events_push(&data->since, &event, data->features->count);
    data->since_result++;
    return true;
}

/* Keep the list of the best. */
static void rank(struct ambs_data *data, size_t row)
{
    size_t at = data->top_count;
    while (at > 0 && data->y[data->top[at - 1]] > data->y[row])
        at--;
    if (at == AMBS_TOP)
        return;
    size_t kept = data->top_count < AMBS_TOP ? data->top_count++ : AMBS_TOP - 1;
    memmove(&data->top[at + 1], &data->top[at], (kept - at) * sizeof data->top[0]);
    data->top[at] = row;
}

static void append(struct ambs_data *data, const double *x, double y)
{
    size_t width = data->features->count, row = data->count;
    data->y = dh_grow(data->y, row, &data->y_capacity, sizeof *data->y);
    data->x = dh_grow(data->x, row, &data->x_capacity, (width ? width : 1) * sizeof *data->x);
    memcpy(data->x + row * width, x, width * sizeof *x);
    data->y[row] = y;
    data->count++;
    data->since_result = 0;
    if (isnan(y))
        return;
    data->succeeded++;
    rank(data, row);
}

void ambs_data_end(struct ambs_data *data, uint64_t id, enum ambs_event_kind kind, const double *x,
                   double y)
{
    size_t width = data->features->count, at = find(&data->pending, id);
    struct ambs_event event = {kind, id, y, (double *)x};
    ambs_events_push(&data->since, &event, width);
    if (kind == AMBS_ENDED)
        append(data, x, y);
    if (at < data->pending.count && data->pending.items[at].id == id) {
        free(data->pending.items[at].x);
        data->pending.count--;
        memmove(&data->pending.items[at], &data->pending.items[at + 1],
                (data->pending.count - at) * sizeof data->pending.items[0]);
    }
    ambs_data_mark(data);
}

void ambs_data_mark(struct ambs_data *data)
{
    size_t gap = data->mark / MARK_SHARE;
    if (data->hold || data->count < data->mark + (gap ? gap : 1))
        return;
    data->mark = data->count;
    ambs_events_clear(&data->since);
    for (size_t i = 0; i < data->pending.count; i++)
        ambs_events_push(&data->since, &data->pending.items[i], data->features->count);
}
