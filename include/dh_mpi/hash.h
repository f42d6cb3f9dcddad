/* 64-bit hashing of byte strings, and a set of such hashes. Not for hostile input. */
#ifndef DH_MPI_HASH_H
#define DH_MPI_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits. */
uint64_t dh_hash_mix(uint64_t value);
/* Hash of `size` bytes, chained through `seed`. The same on every machine. */
uint64_t dh_hash_bytes(uint64_t seed, const void *data, size_t size);

/* Open-addressing map from a 64-bit key to a 64-bit value. Zero-initialise; keys may be any
 * number. No put takes long: a full table is moved to a wider one a few places at a time, by the
 * puts that follow. */
struct dh_map_table {
    uint64_t *keys;
    uint64_t *values;
    uint8_t *used;
    size_t capacity; /* a power of two, or 0 */
};
struct dh_map {
    size_t count;
    struct dh_map_table table;
    struct dh_map_table old; /* what is not yet in `table` … */
    size_t moved;            /* … but for its first places */
};

void dh_map_free(struct dh_map *map);
/* Insert or overwrite. */
void dh_map_put(struct dh_map *map, uint64_t key, uint64_t value);
/* True if `key` is there; then its value is in `*value` (which may be NULL). */
bool dh_map_get(const struct dh_map *map, uint64_t key, uint64_t *value);

#endif
