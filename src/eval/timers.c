/* A heap of slots: see timers.h. */
#include "timers.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"

void eval_timers_open(struct eval_timers *timers, int32_t slots)
{
    *timers = (struct eval_timers){
        .heap = dh_alloc((size_t)slots, sizeof *timers->heap),
        .places = dh_alloc((size_t)slots, sizeof *timers->places),
        .times = dh_alloc((size_t)slots, sizeof *timers->times),
    };
    for (int32_t slot = 0; slot < slots; slot++)
        timers->places[slot] = -1;
}

void eval_timers_close(struct eval_timers *timers)
{
    free(timers->heap);
    free(timers->places);
    free(timers->times);
    *timers = (struct eval_timers){0};
}

static void put(struct eval_timers *timers, int32_t place, int32_t slot)
{
    timers->heap[place] = slot;
    timers->places[slot] = place;
}

/* Put `slot` where it belongs, from `place` on towards the root or away from it. */
static void settle(struct eval_timers *timers, int32_t place, int32_t slot)
{
    const double *times = timers->times;
    const int32_t *heap = timers->heap;
    while (place > 0 && times[heap[(place - 1) / 2]] > times[slot]) {
        put(timers, place, heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (int32_t child; (child = 2 * place + 1) < timers->count; place = child) {
        if (child + 1 < timers->count && times[heap[child + 1]] < times[heap[child]])
            child++;
        if (times[slot] <= times[heap[child]])
            break;
        put(timers, place, heap[child]);
    }
    put(timers, place, slot);
}

void eval_timers_set(struct eval_timers *timers, int32_t slot, double time)
{
    timers->times[slot] = time;
    timers->count++;
    settle(timers, timers->count - 1, slot);
}

void eval_timers_clear(struct eval_timers *timers, int32_t slot)
{
    int32_t place = timers->places[slot];
    if (place < 0)
        return;
    int32_t last = timers->heap[--timers->count];
    timers->places[slot] = -1;
    if (last != slot)
        settle(timers, place, last);
}

int32_t eval_timers_first(const struct eval_timers *timers, double *time)
{
    *time = timers->count > 0 ? timers->times[timers->heap[0]] : (double)INFINITY;
    return timers->count > 0 ? timers->heap[0] : -1;
}
