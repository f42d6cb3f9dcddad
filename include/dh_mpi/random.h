/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC'11).
 *
 * A generator is a position (seed, stream, index), not a state: the numbers of trial 17 are the
 * same whether or not trial 16 was ever made, on any machine and after any resume. Streams keep
 * uses apart; the index is usually a trial's id.
 */
#ifndef DH_MPI_RANDOM_H
#define DH_MPI_RANDOM_H

#include <stdint.h>

enum dh_stream {
    DH_STREAM_SAMPLE = 1, /* points drawn at random */
    DH_STREAM_DESIGN,     /* randomisation of experimental designs */
    DH_STREAM_MODEL,      /* surrogate fits */
    DH_STREAM_ASK,        /* acquisition search */
    DH_STREAM_TRIAL,      /* the seed handed to an evaluation */
    DH_STREAM_BUILTIN,    /* noise and durations of builtin functions */
    DH_STREAM_SIMULATE,   /* simulated workers */
    DH_STREAM_LATE,       /* points in place of late answers */
    DH_STREAM_TEST,
};

struct dh_random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t output[4];
    unsigned used; /* words of `output` already handed out */
};

/* Any combination of the three gives an independent sequence of 2^66 words. */
struct dh_random dh_random_at(uint64_t seed, enum dh_stream stream, uint64_t index);
uint32_t dh_random_u32(struct dh_random *random);
uint64_t dh_random_u64(struct dh_random *random);
double dh_random_uniform(struct dh_random *random);                 /* [0, 1), 53 bits */
uint64_t dh_random_below(struct dh_random *random, uint64_t bound); /* 0 … bound-1, unbiased */
double dh_random_normal(struct dh_random *random);                  /* mean 0, deviation 1 */

#endif
