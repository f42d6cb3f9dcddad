/* Objective values as the model learns them. */
#ifndef DH_SEARCH_AMBS_TRANSFORM_H
#define DH_SEARCH_AMBS_TRANSFORM_H

#include <stddef.h>

#include "ambs_options.h"

struct ambs_transform {
    enum ambs_scaling scaling; /* never AUTO, which the fit resolves */
    double clip;               /* larger values become this first */
    double scale;              /* then divides, so that nothing overflows */
    double center, width;      /* of the power transform's input; of the range otherwise */
    double share;              /* of the range, added before the logarithm */
    double lambda;             /* of the Yeo-Johnson power transform */
    double *sorted;            /* QUANTILE: values seen; owned */
    size_t sorted_count;
    double mean, deviation; /* of what comes out, which is standardised by them */
};

/* Learn from `count` finite values (>= 1) to be minimised. `share` of their range is added before a
 * logarithm, 0: as much as is usual; other scalings ignore it. AUTO becomes POWER, or QUANTILE
 * where POWER would leave the better half of at least 10 values as good as the same. */
void ambs_transform_fit(struct ambs_transform *transform, enum ambs_scaling scaling, double share,
                        const double *y, size_t count);
double ambs_transform_apply(const struct ambs_transform *transform, double y);
/* log of the slope of a POWER or LOG transform at y, which makes a density of transformed values
 * one of values. What is clipped counts as clipped: every transform learns the same values so. */
double ambs_transform_log_slope(const struct ambs_transform *transform, double y);
void ambs_transform_free(struct ambs_transform *transform);

#endif
