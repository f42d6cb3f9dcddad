/* A Feistel network over the smallest even number of bits that holds `count` (a bijection for any
 * round function: Luby, Rackoff 1988), walked along its cycle until it falls below `count` (Black,
 * Rogaway 2002): at most four steps on average. */
#include "permute.h"

#include "dh_mpi/hash.h"

#define ROUNDS 6

static uint64_t feistel(uint64_t key, unsigned half, uint64_t word)
{
    uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t left = word >> half, right = word & mask;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t next = left ^ (dh_hash_mix(dh_hash_mix(key + round) ^ right) & mask);
        left = right;
        right = next;
    }
    return left << half | right;
}

uint64_t dh_permute(uint64_t key, uint64_t count, uint64_t index)
{
    unsigned half = 1;
    while (((uint64_t)1 << (2 * half)) < count)
        half++;
    do
        index = feistel(key, half, index);
    while (index >= count);
    return index;
}
