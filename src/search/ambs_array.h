/* A growing array whose elements stay where they are. */
#ifndef DH_SEARCH_AMBS_ARRAY_H
#define DH_SEARCH_AMBS_ARRAY_H

#include <stddef.h>

#define AMBS_BLOCKS 48
struct ambs_array {
    size_t size; /* of an element; set by the user, the rest zeroed */
    size_t count;
    void *blocks[AMBS_BLOCKS];
};

void ambs_array_free(struct ambs_array *array);
/* A new last element, its memory not set. */
void *ambs_array_push(struct ambs_array *array);
void *ambs_array_at(const struct ambs_array *array, size_t index);

#endif
