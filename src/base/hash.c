/* Hashing and a map of hashes: see hash.h. */
#include "dh_mpi/hash.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define MOVED_AT_ONCE 8

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

static void free_table(struct dh_map_table *table)
{
    free(table->keys);
    free(table->values);
    free(table->used);
    *table = (struct dh_map_table){0};
}

void dh_map_free(struct dh_map *map)
{
    free_table(&map->table);
    free_table(&map->old);
    *map = (struct dh_map){0};
}

/* The place of `key`, or the free one where it would go. Needs a free place. */
static size_t find_place(const struct dh_map_table *table, uint64_t key)
{
    size_t mask = table->capacity - 1;
    size_t place = (size_t)dh_hash_mix(key) & mask;
    while (table->used[place] && table->keys[place] != key)
        place = (place + 1) & mask;
    return place;
}

/* The value of `key`, or NULL. */
static uint64_t *find_value(const struct dh_map_table *table, uint64_t key)
{
    if (table->capacity == 0)
        return NULL;
    size_t place = find_place(table, key);
    return table->used[place] ? &table->values[place] : NULL;
}

static void insert(struct dh_map_table *table, uint64_t key, uint64_t value)
{
    size_t place = find_place(table, key);
    table->used[place] = 1;
    table->keys[place] = key;
    table->values[place] = value;
}

static void widen(struct dh_map *map)
{
    map->old = map->table;
    map->moved = 0;
    struct dh_map_table *table = &map->table;
    table->capacity = map->old.capacity ? map->old.capacity * 2 : 16;
    table->keys = dh_alloc(table->capacity, sizeof *table->keys);
    table->values = dh_alloc(table->capacity, sizeof *table->values);
    table->used = dh_alloc(table->capacity, sizeof *table->used);
}

/* A value put since is newer. The next widening comes after three quarters as many puts as the old
 * table has places: long after all of them have been moved. */
static void move_some(struct dh_map *map)
{
    struct dh_map_table *old = &map->old;
    for (int i = 0; i < MOVED_AT_ONCE && map->moved < old->capacity; i++, map->moved++) {
        size_t place = map->moved;
        if (old->used[place] && !find_value(&map->table, old->keys[place]))
            insert(&map->table, old->keys[place], old->values[place]);
    }
    if (map->moved == old->capacity)
        free_table(old);
}

void dh_map_put(struct dh_map *map, uint64_t key, uint64_t value)
{
    if (map->count * 4 >= map->table.capacity * 3)
        widen(map);
    if (map->old.capacity)
        move_some(map);
    map->count += !find_value(&map->table, key) && !find_value(&map->old, key);
    insert(&map->table, key, value);
}

bool dh_map_get(const struct dh_map *map, uint64_t key, uint64_t *value)
{
    const uint64_t *found = find_value(&map->table, key);
    if (!found)
        found = find_value(&map->old, key);
    if (found && value)
        *value = *found;
    return found;
}
