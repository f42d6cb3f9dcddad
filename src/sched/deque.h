/* A double-ended queue of numbers: trials that are ready, slots that wait. */
#ifndef DH_MPI_SCHED_DEQUE_H
#define DH_MPI_SCHED_DEQUE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

/* Zero-initialise; free(items). */
struct deque {
    uint64_t *items;
    size_t first, count, capacity; /* capacity: a power of two, or 0 */
};

static inline void deque_widen(struct deque *deque)
{
    size_t wider = deque->capacity ? deque->capacity * 2 : 16;
    uint64_t *items = dh_alloc(wider, sizeof *items);
    for (size_t i = 0; i < deque->count; i++)
        items[i] = deque->items[(deque->first + i) & (deque->capacity - 1)];
    free(deque->items);
    *deque = (struct deque){items, 0, deque->count, wider};
}

static inline void deque_push_back(struct deque *deque, uint64_t item)
{
    if (deque->count == deque->capacity)
        deque_widen(deque);
    deque->items[(deque->first + deque->count++) & (deque->capacity - 1)] = item;
}

static inline void deque_push_front(struct deque *deque, uint64_t item)
{
    if (deque->count == deque->capacity)
        deque_widen(deque);
    deque->first = (deque->first + deque->capacity - 1) & (deque->capacity - 1);
    deque->items[deque->first] = item;
    deque->count++;
}

/* Needs count > 0. */
static inline uint64_t deque_pop_front(struct deque *deque)
{
    uint64_t item = deque->items[deque->first];
    deque->first = (deque->first + 1) & (deque->capacity - 1);
    deque->count--;
    return item;
}

#endif
