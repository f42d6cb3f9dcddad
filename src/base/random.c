/* Philox4x32-10 and what is drawn from it: see random.h. */
#include "dh_mpi/random.h"

#include <math.h>
#include <stddef.h>

#include "dh_mpi/math.h"
#define WORDS 4
#define ROUNDS 10

static void philox(const struct dh_random *random, uint32_t out[WORDS])
{
    uint32_t c0 = random->counter[0], c1 = random->counter[1];
    uint32_t c2 = random->counter[2], c3 = random->counter[3];
    uint32_t k0 = random->key[0], k1 = random->key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The index is the counter's upper half, so that the 2^64 blocks of a position never run into
 * those of another; seed and stream are the key, different for each pair of a seed and a small
 * stream number unless seeds differ by a multiple of the golden ratio constant. */
struct dh_random dh_random_at(uint64_t seed, enum dh_stream stream, uint64_t index)
{
    struct dh_random random = {.used = WORDS};
    uint64_t key = seed + 0x9E3779B97F4A7C15u * (uint64_t)stream;
    random.key[0] = (uint32_t)key;
    random.key[1] = (uint32_t)(key >> 32);
    random.counter[2] = (uint32_t)index;
    random.counter[3] = (uint32_t)(index >> 32);
    return random;
}

uint32_t dh_random_u32(struct dh_random *random)
{
    if (random->used == WORDS) {
        philox(random, random->output);
        random->used = 0;
        random->counter[1] += ++random->counter[0] == 0;
    }
    return random->output[random->used++];
}

uint64_t dh_random_u64(struct dh_random *random)
{
    uint64_t high = dh_random_u32(random);
    return high << 32 | dh_random_u32(random);
}

double dh_random_uniform(struct dh_random *random)
{
    return (double)(dh_random_u64(random) >> 11) * 0x1p-53;
}

uint64_t dh_random_below(struct dh_random *random, uint64_t bound)
{
    uint64_t reject = -bound % bound; /* 2^64 mod bound */
    uint64_t word;
    do
        word = dh_random_u64(random);
    while (word < reject);
    return word % bound;
}

/* Box–Muller; the second number is not kept, so that a draw uses a fixed count of words. */
double dh_random_normal(struct dh_random *random)
{
    double radius = sqrt(-2 * dh_log1p(-dh_random_uniform(random)));
    return radius * dh_cos_turns(dh_random_uniform(random));
}
