/* Every settled point of a lattice over a space, once each, by number.
 *
 * A lattice gives each parameter a finite list of values. Inactive parameters have no value, so a
 * conditional space has fewer points than the product of the lists; they are walked depth first,
 * and combinations of inactive parameters are never visited. Constraints are the caller's matter.
 */
#ifndef DH_SEARCH_ENUMERATE_H
#define DH_SEARCH_ENUMERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/space.h"

/* The values of a parameter: `values`, or where it is NULL the first `count` levels of the
 * parameter itself (dh_parameter_level). count >= 1. */
struct dh_axis {
    uint64_t count;
    double *values;
};

enum dh_order {
    DH_ORDER_SHUFFLED, /* any beginning is spread over the whole */
    DH_ORDER_SORTED,   /* the last parameter changes fastest */
};

struct dh_enumeration;

/* Borrows space and axes (one a parameter) until destroy. May take a second to count the points of
 * a large conditional lattice. */
struct dh_enumeration *dh_enumeration_create(const struct dh_space *space,
                                             const struct dh_axis *axes, enum dh_order order,
                                             uint64_t seed);
void dh_enumeration_destroy(struct dh_enumeration **enumeration);

/* Number of points; 0 if there are too many to count. */
uint64_t dh_enumeration_total(const struct dh_enumeration *enumeration);

/* Point number `cursor`; false past the end. Cursors in ascending order are cheap, others are
 * allowed. Every point comes up; exactly once if the total is known, and otherwise, shuffled,
 * perhaps once or more among the first 2^20 and then once again. */
bool dh_enumeration_point(struct dh_enumeration *enumeration, uint64_t cursor, double *point);

#endif
