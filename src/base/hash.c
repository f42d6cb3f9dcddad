/* Hashing and a map of hashes: see hash.h. */
#include "dh_mpi/hash.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

uint64_t dh_hash_mix(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

uint64_t dh_hash_bytes(uint64_t seed, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = dh_hash_mix(seed ^ size);
    while (size > 0) {
        uint64_t word = 0;
        size_t taken = size < 8 ? size : 8;
        for (size_t i = 0; i < taken; i++)
            word |= (uint64_t)bytes[i] << (8 * i);
        hash = dh_hash_mix(hash ^ word);
        bytes += taken;
        size -= taken;
    }
    return hash;
}

void dh_map_free(struct dh_map *map)
{
    free(map->keys);
    free(map->values);
    free(map->used);
    *map = (struct dh_map){0};
}

/* The place of `key`, or the free one where it would go. Needs a free place. */
static size_t find_place(const struct dh_map *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t place = (size_t)dh_hash_mix(key) & mask;
    while (map->used[place] && map->keys[place] != key)
        place = (place + 1) & mask;
    return place;
}

static void widen(struct dh_map *map)
{
    struct dh_map wider = {.capacity = map->capacity ? map->capacity * 2 : 16};
    wider.keys = dh_alloc(wider.capacity, sizeof *wider.keys);
    wider.values = dh_alloc(wider.capacity, sizeof *wider.values);
    wider.used = dh_alloc(wider.capacity, sizeof *wider.used);
    for (size_t i = 0; i < map->capacity; i++)
        if (map->used[i])
            dh_map_put(&wider, map->keys[i], map->values[i]);
    dh_map_free(map);
    *map = wider;
}

void dh_map_put(struct dh_map *map, uint64_t key, uint64_t value)
{
    if (map->count * 4 >= map->capacity * 3)
        widen(map);
    size_t place = find_place(map, key);
    map->count += !map->used[place];
    map->used[place] = 1;
    map->keys[place] = key;
    map->values[place] = value;
}

bool dh_map_get(const struct dh_map *map, uint64_t key, uint64_t *value)
{
    if (map->capacity == 0)
        return false;
    size_t place = find_place(map, key);
    if (!map->used[place])
        return false;
    if (value)
        *value = map->values[place];
    return true;
}
