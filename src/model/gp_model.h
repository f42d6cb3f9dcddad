/* A fitted Gaussian process as its files share it; private to gp*.c and their tests. */
#ifndef DH_MODEL_GP_MODEL_H
#define DH_MODEL_GP_MODEL_H

#include "gp.h"

struct dh_gp {
    struct dh_model model;
    int threads;
    struct dh_gp_layout layout;
    struct dh_gp_kernel kernel;
    double *parameters;
    struct dh_gp_points points;
    struct dh_gp_factor factor; /* of K + (noise + jitter) I, in the order of points */
    double jitter;
    /* Of each point, in the same order. */
    double *y; /* (y - offset) / scale */
    double *alpha;
    int64_t *handles; /* -1 for those of the fit */
    size_t capacity;  /* of the three */
    int64_t next_handle;
    double mean;          /* of y in the model's units */
    double offset, scale; /* parameters refer to y divided by the scale */
};

/* A fit is: begin, set the parameters, finish. */
struct dh_gp *dh_gp_begin(const struct dh_model_setup *setup, const struct dh_rows *rows);
/* Takes `gp`. Factors with its parameters, with as little jitter as possible; DH_INTERNAL if the
 * most is not enough. */
dh_status dh_gp_finish(struct dh_gp *gp, struct dh_model **out, struct dh_error *err);

void dh_gp_predict(const struct dh_model *model, const double *x, size_t count,
                   const struct dh_prediction *out);
void dh_gp_gradient(const struct dh_model *model, const double *x, struct dh_gradient *out);

#endif
