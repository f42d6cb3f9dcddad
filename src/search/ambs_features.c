/* Points as rows of a model: see ambs_features.h. */
#include <math.h>
#include <stdlib.h>

#include "ambs_features.h"
#include "dh_mpi/alloc.h"

#define WIDE 8 /* values, at least */

void ambs_features_make(struct ambs_features *features, const struct dh_space *space)
{
    size_t count = dh_space_count(space);
    features->space = space;
    features->count = 0;
    features->parameter = dh_alloc(count, sizeof *features->parameter);
    features->list = dh_alloc(count, sizeof *features->list);
    features->wide = dh_alloc(count, sizeof *features->wide);
    for (size_t i = 0; i < count; i++) {
        const struct dh_parameter *p = dh_space_parameter(space, i);
        bool classes = dh_parameter_nominal(p);
        if (dh_parameter_levels(p) <= 1 && !p->conditional)
            continue;
        features->parameter[features->count] = i;
        features->wide[features->count] = !classes && dh_parameter_levels(p) >= WIDE;
        features->list[features->count++] = (struct dh_feature){
            .levels = classes ? (uint32_t)p->choice_count : 0, .optional = p->conditional};
    }
}

void ambs_features_free(struct ambs_features *features)
{
    free(features->parameter);
    free(features->list);
    free(features->wide);
}

void ambs_features_encode(const struct ambs_features *features, const double *point, double *x)
{
    for (size_t j = 0; j < features->count; j++) {
        double value = point[features->parameter[j]];
        if (features->list[j].levels == 0 && !isnan(value))
            value = dh_parameter_encode(dh_space_parameter(features->space, features->parameter[j]),
                                        value);
        x[j] = value;
    }
}

void ambs_features_decode(const struct ambs_features *features, const double *x, double *point)
{
    size_t next = 0;
    for (size_t i = 0; i < dh_space_count(features->space); i++) {
        const struct dh_parameter *p = dh_space_parameter(features->space, i);
        if (next == features->count || features->parameter[next] != i) {
            point[i] = p->preset;
            continue;
        }
        double value = x[next];
        bool number = features->list[next].levels == 0;
        point[i] = isnan(value) || !number ? value : dh_parameter_decode(p, value);
        next++;
    }
}
