/* What a file of the store may say that a parameter's value is. */
#ifndef DH_STORE_VALUES_H
#define DH_STORE_VALUES_H

#include <math.h>
#include <stdbool.h>

#include "dh_mpi/space.h"

/* Inactive, or a value with which the space can do its arithmetic: an index of a choice that is
 * there, a finite number, for an int an integer. Bounds are not looked at. */
static inline bool dh_store_value_valid(const struct dh_parameter *parameter, double value)
{
    if (isnan(value))
        return true;
    if (parameter->choice_count)
        return value >= 0 && value < (double)parameter->choice_count && value == floor(value);
    if (parameter->type == DH_INTEGER)
        return fabs(value) <= 0x1p53 && value == floor(value);
    return isfinite(value);
}

#endif
