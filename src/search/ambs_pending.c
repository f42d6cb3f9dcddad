/* The pending trials: see ambs_pending.h. A list in the order of their proposals, whose slots are
 * found by a hash of the id and used again; everything in constant time, with any number pending.
 */
#include <stdlib.h>

#include "ambs_pending.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"

/* Where `id` is, or where the search for it ends at an empty place. */
static size_t place_of(const struct ambs_pending *pending, uint64_t id)
{
    size_t mask = pending->place_count - 1, place = (size_t)dh_hash_mix(id) & mask;
    while (pending->places[place] != AMBS_NO_SLOT &&
           pending->slots[pending->places[place]].id != id)
        place = (place + 1) & mask;
    return place;
}

uint32_t ambs_pending_find(const struct ambs_pending *pending, uint64_t id)
{
    return pending->count ? pending->places[place_of(pending, id)] : AMBS_NO_SLOT;
}

/* Twice as many places, at most half of them taken. */
static void widen(struct ambs_pending *pending)
{
    free(pending->places);
    pending->place_count = pending->place_count ? 2 * pending->place_count : 64;
    pending->places = dh_alloc(pending->place_count, sizeof *pending->places);
    for (size_t i = 0; i < pending->place_count; i++)
        pending->places[i] = AMBS_NO_SLOT;
    uint32_t slot = pending->first;
    for (size_t i = 0; i < pending->count; i++, slot = pending->slots[slot].after)
        pending->places[place_of(pending, pending->slots[slot].id)] = slot;
}

static uint32_t unused_slot(struct ambs_pending *pending)
{
    if (pending->unused_count > 0) {
        uint32_t slot = pending->unused;
        pending->unused = pending->slots[slot].after;
        pending->unused_count--;
        return slot;
    }
    (void)DH_PUSH(pending->slots, pending->slot_count, pending->slot_capacity);
    return (uint32_t)(pending->slot_count - 1);
}

uint32_t ambs_pending_add(struct ambs_pending *pending, uint64_t id, uint32_t row)
{
    if (2 * (pending->count + 1) > pending->place_count)
        widen(pending);
    uint32_t slot = unused_slot(pending);
    pending->slots[slot] = (struct ambs_slot){id, row, pending->last, AMBS_NO_SLOT};
    if (pending->count++)
        pending->slots[pending->last].after = slot;
    else
        pending->first = slot;
    pending->last = slot;
    pending->places[place_of(pending, id)] = slot;
    return slot;
}

/* Empty a place, and move up those behind it whose search would stop there. */
static void empty_place(struct ambs_pending *pending, size_t hole)
{
    size_t mask = pending->place_count - 1;
    for (size_t next = (hole + 1) & mask; pending->places[next] != AMBS_NO_SLOT;
         next = (next + 1) & mask) {
        size_t home = (size_t)dh_hash_mix(pending->slots[pending->places[next]].id) & mask;
        if (((next - home) & mask) < ((next - hole) & mask))
            continue;
        pending->places[hole] = pending->places[next];
        hole = next;
    }
    pending->places[hole] = AMBS_NO_SLOT;
}

void ambs_pending_drop(struct ambs_pending *pending, uint32_t slot)
{
    struct ambs_slot *gone = &pending->slots[slot];
    empty_place(pending, place_of(pending, gone->id));
    if (slot == pending->first)
        pending->first = gone->after;
    else
        pending->slots[gone->before].after = gone->after;
    if (slot == pending->last)
        pending->last = gone->before;
    else
        pending->slots[gone->after].before = gone->before;
    gone->after = pending->unused;
    pending->unused = slot;
    pending->unused_count++;
    pending->count--;
}

void ambs_pending_free(struct ambs_pending *pending)
{
    free(pending->slots);
    free(pending->places);
}
