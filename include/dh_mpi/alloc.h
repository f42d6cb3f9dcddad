/* Memory: allocation that does not fail, and growing arrays.
 *
 * Running out of memory is the one failure that is not returned: the process says so and exits
 * with code 70 (EX_SOFTWARE). Linux overcommits, so the case is all but unreachable through
 * malloc, and the journal already holds every finished trial; in exchange no caller needs a
 * cleanup path that nothing can test.
 */
#ifndef DH_MPI_ALLOC_H
#define DH_MPI_ALLOC_H

#include <stddef.h>

/* Zeroed memory for `count` objects of `size` bytes; the caller frees it with free(). `count` or
 * `size` of 0 gives a valid pointer. */
void *dh_alloc(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));

/* realloc with the same policy; what is new is not zeroed. */
void *dh_realloc(void *memory, size_t size) __attribute__((returns_nonnull, alloc_size(2)));

/* Copies that the caller frees. `dh_strdup(NULL)` is NULL; dh_strndup ends at a NUL or after
 * `length` bytes, and its text may be NULL if that is 0. */
char *dh_strdup(const char *text);
char *dh_strndup(const char *text, size_t length) __attribute__((returns_nonnull));
void *dh_memdup(const void *data, size_t size) __attribute__((returns_nonnull));
char *dh_strprintf(const char *format, ...) __attribute__((returns_nonnull, format(printf, 1, 2)));

/* Room for one more element behind `count` elements of `*array` (whose capacity is `*capacity`):
 * grows by half when full; new memory is zeroed. Returns the (possibly moved) array. */
void *dh_grow(void *array, size_t count, size_t *capacity, size_t size)
    __attribute__((returns_nonnull));

/* Append a zeroed element and yield a pointer to it: struct foo *f = DH_PUSH(foos, count, cap); */
#define DH_PUSH(array, count, capacity)                                                            \
    ((array) = dh_grow((array), (count), &(capacity), sizeof *(array)), &(array)[(count)++])

#define DH_COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
