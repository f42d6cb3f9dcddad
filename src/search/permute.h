/* A pseudo-random permutation of 0 … count-1 that needs no memory. */
#ifndef DH_SEARCH_PERMUTE_H
#define DH_SEARCH_PERMUTE_H

#include <stdint.h>

/* Where the permutation chosen by `key` sends `index` < count <= 2^62. */
uint64_t dh_permute(uint64_t key, uint64_t count, uint64_t index);

#endif
