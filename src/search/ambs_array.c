/* A growing array whose elements never move: see ambs_array.h.
 *
 * Blocks of FIRST, 2 FIRST, 4 FIRST … elements. What was added before a reader's thread was told
 * so (by a release and an acquire of the count) can be read there while more is added here. */
#include <stdlib.h>

#include "ambs_array.h"
#include "dh_mpi/alloc.h"

#define FIRST 256

static void *locate(const struct ambs_array *array, size_t index, size_t *block)
{
    *block = (size_t)(63 - __builtin_clzll(index / FIRST + 1));
    size_t place = index - FIRST * (((size_t)1 << *block) - 1);
    char *base = array->blocks[*block];
    return base ? base + place * array->size : NULL;
}

void *ambs_array_at(const struct ambs_array *array, size_t index)
{
    size_t block;
    return locate(array, index, &block);
}

/* Memory that is not touched yet: a large block costs nothing before it is used. */
void *ambs_array_push(struct ambs_array *array)
{
    size_t block;
    void *element = locate(array, array->count, &block);
    if (!element) {
        array->blocks[block] = dh_realloc(NULL, ((size_t)FIRST << block) * array->size);
        element = locate(array, array->count, &block);
    }
    array->count++;
    return element;
}

void ambs_array_free(struct ambs_array *array)
{
    for (size_t i = 0; i < AMBS_BLOCKS; i++)
        free(array->blocks[i]);
    *array = (struct ambs_array){.size = array->size};
}
