/* The pending trials. */
#ifndef DH_SEARCH_AMBS_PENDING_H
#define DH_SEARCH_AMBS_PENDING_H

#include <stddef.h>
#include <stdint.h>

#define AMBS_NO_SLOT UINT32_MAX
struct ambs_slot {
    uint64_t id;
    uint32_t row;
    uint32_t before, after; /* in the order of their proposals */
};
struct ambs_pending {
    size_t count;
    struct ambs_slot *slots; /* a trial keeps its slot while it is pending */
    size_t slot_count, slot_capacity;
    uint32_t first, last;          /* if count > 0 */
    uint32_t unused, unused_count; /* slots */
    uint32_t *places;              /* slots by a hash of their id */
    size_t place_count;
};

void ambs_pending_free(struct ambs_pending *pending);
/* The slot of trial `id`; AMBS_NO_SLOT if it is not pending. */
uint32_t ambs_pending_find(const struct ambs_pending *pending, uint64_t id);
/* `id` must not be there. Returns its slot. */
uint32_t ambs_pending_add(struct ambs_pending *pending, uint64_t id, uint32_t row);
void ambs_pending_drop(struct ambs_pending *pending, uint32_t slot);

#endif
