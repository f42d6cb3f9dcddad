/* The model's view of a point. */
#ifndef DH_SEARCH_AMBS_FEATURES_H
#define DH_SEARCH_AMBS_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/model.h"
#include "dh_mpi/space.h"

/* Parameters with more than one value, in their order: numbers and ordinals by their place in
 * [0, 1], categories and bools by their index, NaN where inactive. */
struct ambs_features {
    const struct dh_space *space;
    size_t count;
    size_t *parameter; /* of each feature */
    struct dh_feature *list;
    bool *wide; /* a number of so many values that it is as good as real */
};

void ambs_features_make(struct ambs_features *features, const struct dh_space *space);
void ambs_features_free(struct ambs_features *features);
void ambs_features_encode(const struct ambs_features *features, const double *point, double *x);
/* Back: exact for what encode gave. Inactive parameters are NaN in `point`. */
void ambs_features_decode(const struct ambs_features *features, const double *x, double *point);

#endif
