/* The Gaussian process as a surrogate: fitting, and keeping a fit current: see gp.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp_model.h"
#include "kinds.h"

#define LEAST_JITTER 1e-10 /* against the signal */
#define MOST_JITTER 1e-2

static void destroy(struct dh_model *model)
{
    struct dh_gp *gp = (struct dh_gp *)model;
    dh_gp_layout_free(&gp->layout);
    dh_gp_kernel_free(&gp->kernel);
    free(gp->parameters);
    free(gp->points.values);
    free(gp->factor.l);
    free(gp->y);
    free(gp->alpha);
    free(gp->handles);
    free(gp);
}

/* Mean and deviation, without overflow; 1 for a constant y, up to what rounding leaves. */
static void standardise(const struct dh_rows *rows, double *offset, double *scale)
{
    double largest = 0, mean = 0, square = 0;
    for (size_t i = 0; i < rows->count; i++)
        largest = fmax(largest, fabs(rows->y[i]));
    *offset = 0;
    *scale = 1;
    if (largest == 0)
        return;
    for (size_t i = 0; i < rows->count; i++)
        mean += rows->y[i] / largest / (double)rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        double difference = rows->y[i] / largest - mean;
        square += difference * difference / (double)rows->count;
    }
    *offset = mean * largest;
    if (square > 1e-24)
        *scale = sqrt(square) * largest;
}

static void push_row(struct dh_gp *gp, const double *point, double y, int64_t handle)
{
    size_t count = gp->points.count;
    if (count == gp->capacity) {
        gp->capacity += gp->capacity / 2 + 16;
        gp->y = dh_realloc(gp->y, gp->capacity * sizeof *gp->y);
        gp->alpha = dh_realloc(gp->alpha, gp->capacity * sizeof *gp->alpha);
        gp->handles = dh_realloc(gp->handles, gp->capacity * sizeof *gp->handles);
    }
    gp->y[count] = (y - gp->offset) / gp->scale;
    gp->handles[count] = handle;
    dh_gp_points_push(&gp->points, &gp->layout, point);
}

struct dh_gp *dh_gp_begin(const struct dh_model_setup *setup, const struct dh_rows *rows)
{
    struct dh_gp *gp = dh_alloc(1, sizeof *gp);
    gp->model.kind = &dh_model_gp;
    gp->threads = setup->threads;
    dh_gp_layout_make(&gp->layout, setup->features, setup->feature_count);
    gp->parameters = dh_alloc(dh_gp_parameters(&gp->layout), sizeof *gp->parameters);
    standardise(rows, &gp->offset, &gp->scale);
    double *point = dh_alloc(dh_gp_coordinates(&gp->layout), sizeof *point);
    for (size_t i = 0; i < rows->count; i++) {
        dh_gp_embed(&gp->layout, rows->x + i * setup->feature_count, point);
        push_row(gp, point, rows->y[i], -1);
    }
    free(point);
    return gp;
}

static bool factorise(struct dh_gp *gp)
{
    size_t n = gp->points.count;
    double *point = dh_alloc(dh_gp_coordinates(&gp->layout), sizeof *point);
    dh_gp_factor_reserve(&gp->factor, n);
    gp->factor.count = n;
    for (size_t i = 0; i < n; i++) {
        double *row = gp->factor.l + i * gp->factor.stride;
        dh_gp_points_get(&gp->points, &gp->layout, i, point);
        dh_gp_covariance(&gp->kernel, &gp->points, i, point, row, NULL);
        row[i] = gp->kernel.signal + gp->kernel.noise + gp->jitter;
    }
    free(point);
    return dh_gp_factor_compute(&gp->factor);
}

static dh_status condition(struct dh_gp *gp, struct dh_error *err)
{
    dh_gp_kernel_make(&gp->kernel, &gp->layout, gp->parameters);
    double most = MOST_JITTER * gp->kernel.signal;
    while (!factorise(gp)) {
        gp->jitter = gp->jitter > 0 ? 10 * gp->jitter : LEAST_JITTER * gp->kernel.signal;
        if (!(gp->jitter <= most))
            return dh_fail(err, DH_INTERNAL,
                           "the covariance of %zu points is not positive definite, even with "
                           "%g added to its diagonal (signal %g, noise %g)",
                           gp->points.count, gp->jitter / 10, gp->kernel.signal, gp->kernel.noise);
    }
    gp->mean = dh_gp_solve_mean(&gp->factor, gp->y, gp->alpha, NULL);
    return DH_OK;
}

dh_status dh_gp_finish(struct dh_gp *gp, struct dh_model **out, struct dh_error *err)
{
    dh_status status = condition(gp, err);
    if (status)
        destroy(&gp->model);
    else
        *out = &gp->model;
    return status;
}

static bool differs(const struct dh_gp *gp)
{
    for (size_t i = 1; i < gp->points.count; i++)
        if (gp->y[i] != gp->y[0])
            return true;
    return false;
}

static dh_status fit(const struct dh_model_setup *setup, const struct dh_rows *rows,
                     struct dh_model **out, struct dh_error *err)
{
    struct dh_gp *gp = dh_gp_begin(setup, rows);
    struct dh_gp_data data = {&gp->layout, &gp->points, gp->y};
    if (differs(gp))
        dh_gp_optimise(&data, setup, gp->parameters);
    else
        dh_gp_suppose(&gp->layout, gp->parameters);
    return dh_gp_finish(gp, out, err);
}

static void append(struct dh_gp *gp, const double *x, double y, int64_t handle)
{
    size_t n = gp->points.count;
    double *point = dh_alloc(dh_gp_coordinates(&gp->layout) + n, sizeof *point);
    double *row = point + dh_gp_coordinates(&gp->layout);
    dh_gp_embed(&gp->layout, x, point);
    dh_gp_covariance(&gp->kernel, &gp->points, n, point, row, NULL);
    dh_gp_factor_append(&gp->factor, row, gp->kernel.signal + gp->kernel.noise + gp->jitter);
    push_row(gp, point, y, handle);
    gp->mean = dh_gp_solve_mean(&gp->factor, gp->y, gp->alpha, NULL);
    free(point);
}

static int64_t add(struct dh_model *model, const double *x, double y)
{
    struct dh_gp *gp = (struct dh_gp *)model;
    append(gp, x, y, gp->next_handle);
    return gp->next_handle++;
}

static void learn(struct dh_model *model, const double *x, double y)
{
    append((struct dh_gp *)model, x, y, -1);
}

/* Behind the row of this handle; 0: there is none. Lies are the newest rows, so the search from
 * the end is short. */
static size_t find(const struct dh_gp *gp, int64_t handle)
{
    size_t index = handle < 0 ? 0 : gp->points.count;
    while (index > 0 && gp->handles[index - 1] != handle)
        index--;
    return index;
}

static void take_out(struct dh_model *model, int64_t handle)
{
    struct dh_gp *gp = (struct dh_gp *)model;
    size_t index = find(gp, handle);
    if (index-- == 0)
        return;
    dh_gp_factor_remove(&gp->factor, index);
    dh_gp_points_remove(&gp->points, &gp->layout, index);
    size_t behind = gp->points.count - index;
    memmove(gp->y + index, gp->y + index + 1, behind * sizeof *gp->y);
    memmove(gp->handles + index, gp->handles + index + 1, behind * sizeof *gp->handles);
    gp->mean = dh_gp_solve_mean(&gp->factor, gp->y, gp->alpha, NULL);
}

/* Where the point is has not changed: the factor stands. */
static void settle(struct dh_model *model, int64_t handle, double y)
{
    struct dh_gp *gp = (struct dh_gp *)model;
    size_t index = find(gp, handle);
    if (index-- == 0)
        return;
    gp->y[index] = (y - gp->offset) / gp->scale;
    gp->handles[index] = -1;
    gp->mean = dh_gp_solve_mean(&gp->factor, gp->y, gp->alpha, NULL);
}

/* y was divided by the scale. */
static double evidence(const struct dh_model *model)
{
    const struct dh_gp *gp = (const struct dh_gp *)model;
    size_t n = gp->points.count;
    double fit = 0;
    for (size_t i = 0; i < n; i++)
        fit += (gp->y[i] - gp->mean) * gp->alpha[i];
    return dh_gp_log_density(&gp->factor, fit) - (double)n * dh_log(gp->scale);
}

const struct dh_model_kind dh_model_gp = {
    .name = "gp",
    .summary = "Gaussian process: Matérn-5/2, a length scale a dimension, Hamming for categories",
    .fit = fit,
    .destroy = destroy,
    .predict = dh_gp_predict,
    .add = add,
    .remove = take_out,
    .learn = learn,
    .settle = settle,
    .gradient = dh_gp_gradient,
    .evidence = evidence,
};
