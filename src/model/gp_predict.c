/* What a Gaussian process says about points: see gp_model.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp_model.h"
#include "team.h"

/* Points that share a triangular solve. Blocks are the same however many threads there are, and so
 * are the results. */
#define BLOCK 64
#define WORTH_THREADS 4e6 /* multiplications: a few milliseconds */

struct request {
    const struct dh_gp *gp;
    const double *x;
    size_t count;
    const struct dh_prediction *out;
};

static void set_variances(const struct dh_gp *gp, const struct dh_rows_of *k, double *out)
{
    struct dh_rows_of factor = {gp->factor.l, gp->factor.stride, gp->factor.count};
    dh_dense_forward(&factor, factor.count, k, 0);
    for (size_t i = 0; i < k->count; i++) {
        const double *row = k->values + i * k->stride;
        double known = dh_dense_dot(row, row, factor.count);
        out[i] = gp->scale * gp->scale * fmax(gp->kernel.signal - known, 0);
    }
}

static void predict_block(void *context, size_t index)
{
    const struct request *request = context;
    const struct dh_gp *gp = request->gp;
    size_t n = gp->factor.count, first = index * BLOCK, stride = dh_dense_stride(n);
    size_t count = request->count - first < BLOCK ? request->count - first : BLOCK;
    double *k = dh_alloc(stride * count + dh_gp_coordinates(&gp->layout), sizeof *k);
    double *point = k + stride * count;
    for (size_t i = 0; i < count; i++) {
        double *row = k + i * stride;
        dh_gp_embed(&gp->layout, request->x + (first + i) * gp->layout.features, point);
        dh_gp_covariance(&gp->kernel, &gp->points, n, point, row, NULL);
        double mean = gp->mean + dh_dense_dot(row, gp->alpha, n);
        if (request->out->mean)
            request->out->mean[first + i] = gp->offset + gp->scale * mean;
    }
    if (request->out->epistemic)
        set_variances(gp, &(struct dh_rows_of){k, stride, count}, request->out->epistemic + first);
    free(k);
}

void dh_gp_predict(const struct dh_model *model, const double *x, size_t count,
                   const struct dh_prediction *out)
{
    const struct dh_gp *gp = (const struct dh_gp *)model;
    struct request request = {gp, x, count, out};
    for (size_t i = 0; out->aleatoric && i < count; i++)
        out->aleatoric[i] = gp->scale * gp->scale * gp->kernel.noise;
    double n = (double)gp->factor.count, coordinates = (double)dh_gp_coordinates(&gp->layout);
    bool large = (double)count * n * (n / 2 + coordinates) >= WORTH_THREADS;
    if (out->mean || out->epistemic)
        dh_team_run(large ? gp->threads : 1, (count + BLOCK - 1) / BLOCK, predict_block, &request);
}

/* ∂mean = Σ α_i ∂k_i; ∂variance = -2 Σ (K⁻¹k)_i ∂k_i. `k`: K⁻¹ k. */
static void differentiate(const struct dh_gp *gp, const double *x, const double *point,
                          const double *k, const double *slope, struct dh_gradient *out)
{
    const struct dh_gp_layout *layout = &gp->layout;
    memset(out->by_mean, 0, layout->features * sizeof *out->by_mean);
    memset(out->by_epistemic, 0, layout->features * sizeof *out->by_epistemic);
    for (size_t j = 0; j < layout->numbers; j++) {
        size_t feature = layout->source[j];
        if (layout->is_activity[j] || isnan(x[feature]))
            continue;
        const double *z = gp->points.values + j * gp->points.capacity;
        double mean = 0, variance = 0;
        for (size_t i = 0; i < gp->factor.count; i++) {
            double change = -slope[i] * (point[j] - z[i]);
            mean += gp->alpha[i] * change;
            variance -= 2 * k[i] * change;
        }
        out->by_mean[feature] = gp->scale * gp->kernel.weights[j] * mean;
        out->by_epistemic[feature] = gp->scale * gp->scale * gp->kernel.weights[j] * variance;
    }
}

void dh_gp_gradient(const struct dh_model *model, const double *x, struct dh_gradient *out)
{
    const struct dh_gp *gp = (const struct dh_gp *)model;
    size_t n = gp->factor.count;
    double *k = dh_alloc(2 * n + dh_gp_coordinates(&gp->layout), sizeof *k);
    double *slope = k + n, *point = k + 2 * n;
    dh_gp_embed(&gp->layout, x, point);
    dh_gp_covariance(&gp->kernel, &gp->points, n, point, k, slope);
    out->mean = gp->offset + gp->scale * (gp->mean + dh_dense_dot(k, gp->alpha, n));
    dh_gp_solve_lower(&gp->factor, k);
    double known = dh_dense_dot(k, k, n);
    out->aleatoric = gp->scale * gp->scale * gp->kernel.noise;
    out->epistemic = gp->scale * gp->scale * fmax(gp->kernel.signal - known, 0);
    dh_gp_solve_upper(&gp->factor, k);
    differentiate(gp, x, point, k, slope, out);
    free(k);
}
