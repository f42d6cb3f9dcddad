/* A number as its 64 bits (IEEE 754), and back. */
#ifndef DH_MPI_BITS_H
#define DH_MPI_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint64_t dh_bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static inline double dh_bits_number(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

#endif
