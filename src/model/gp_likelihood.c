/* Marginal likelihood of the Gaussian process and its gradient: see gp.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp.h"

struct work {
    const struct dh_gp_data *data;
    const struct dh_gp_kernel *kernel;
    struct dh_gp_factor factor; /* of K */
    double *k, *slope;          /* lower triangles, row by row as in the factor */
    double *columns;            /* of the factor's inverse: each a row here */
    double *inverse;            /* of K, its lower triangle */
    double *alpha;
    double *point;
    double *row; /* of the derivative's weights */
};

static void fill_covariance(struct work *w)
{
    size_t n = w->factor.count, stride = w->factor.stride;
    for (size_t i = 0; i < n; i++) {
        dh_gp_points_get(w->data->points, w->data->layout, i, w->point);
        double *k = w->k + i * stride;
        dh_gp_covariance(w->kernel, w->data->points, i, w->point, k, w->slope + i * stride);
        memcpy(w->factor.l + i * stride, k, i * sizeof *k);
        w->factor.l[i * stride + i] = w->kernel->signal + w->kernel->noise;
    }
}

/* Σ_k g_k (x - z_k)², in four chains for speed. */
static double weighted_squares(const double *g, const double *z, double x, size_t count)
{
    double sum[4] = {0};
    size_t k = 0;
    for (; k + 4 <= count; k += 4)
        for (size_t lane = 0; lane < 4; lane++)
            sum[lane] += g[k + lane] * (x - z[k + lane]) * (x - z[k + lane]);
    for (; k < count; k++)
        sum[0] += g[k] * (x - z[k]) * (x - z[k]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double sum_where_different(const double *g, const double *z, double x, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += z[k] == x ? 0 : g[k];
    return sum;
}

/* What pairs (k, i) with k < i add to the gradient: ∂/∂θ = ½ Σ_ki Q_ki ∂K_ki/∂θ with
 * Q = ααᵀ - K⁻¹. */
static void add_row(struct work *w, size_t i, double *gradient)
{
    const struct dh_gp_layout *layout = w->data->layout;
    const struct dh_gp_points *points = w->data->points;
    const double *inverse = w->inverse + i * w->factor.stride;
    const double *k = w->k + i * w->factor.stride, *slope = w->slope + i * w->factor.stride;
    const double *weights = w->kernel->weights;
    double signal = 0;
    for (size_t j = 0; j < i; j++) {
        double q = w->alpha[i] * w->alpha[j] - inverse[j];
        signal += q * k[j];
        w->row[j] = q * slope[j];
    }
    for (size_t j = 0; j < layout->numbers; j++) {
        const double *z = points->values + j * points->capacity;
        gradient[DH_GP_SCALES + j] += weights[j] * weighted_squares(w->row, z, z[i], i);
    }
    if (layout->classes)
        for (size_t j = 0; j < i; j++)
            w->row[j] = (w->alpha[i] * w->alpha[j] - inverse[j]) * k[j];
    for (size_t j = layout->numbers; j < dh_gp_coordinates(layout); j++) {
        const double *z = points->values + j * points->capacity;
        gradient[DH_GP_SCALES + j] -= weights[j] * sum_where_different(w->row, z, z[i], i);
    }
    double q = w->alpha[i] * w->alpha[i] - inverse[i];
    gradient[DH_GP_SIGNAL] += signal + 0.5 * q * w->kernel->signal;
    gradient[DH_GP_NOISE] += 0.5 * q * w->kernel->noise;
}

static void invert_covariance(struct work *w)
{
    size_t n = w->factor.count, stride = w->factor.stride;
    struct dh_rows_of factor = {w->factor.l, stride, n};
    for (size_t i = 0; i < n; i += DH_DENSE_BLOCK) {
        size_t width = n - i < DH_DENSE_BLOCK ? n - i : DH_DENSE_BLOCK;
        struct dh_rows_of part = {w->columns + i * stride, stride, width};
        for (size_t r = 0; r < width; r++) {
            double *row = part.values + r * stride;
            memset(row + i, 0, (stride - i) * sizeof *row);
            row[i + r] = 1;
        }
        dh_dense_forward(&factor, n, &part, i);
    }
    struct dh_rows_of columns = {w->columns, stride, n}, inverse = {w->inverse, stride, n};
    dh_dense_gram(&columns, &inverse);
}

static double evaluate(struct work *w, double *gradient)
{
    size_t n = w->factor.count;
    fill_covariance(w);
    if (!dh_gp_factor_compute(&w->factor))
        return -INFINITY;
    double fit;
    dh_gp_solve_mean(&w->factor, w->data->y, w->alpha, &fit);
    double value = dh_gp_log_density(&w->factor, fit);
    if (!isfinite(value))
        return -INFINITY;
    invert_covariance(w);
    for (size_t i = 0; i < n; i++)
        add_row(w, i, gradient);
    return value;
}

size_t dh_gp_likelihood_memory(const struct dh_gp_data *data)
{
    size_t n = data->points->count;
    return 5 * n * dh_dense_stride(n) + 2 * n + dh_gp_coordinates(data->layout);
}

double dh_gp_likelihood(const struct dh_gp_data *data, const double *parameters, double *gradient,
                        double *memory)
{
    size_t n = data->points->count, stride = dh_dense_stride(n), square = n * stride;
    memset(gradient, 0, dh_gp_parameters(data->layout) * sizeof *gradient);
    struct dh_gp_kernel kernel;
    dh_gp_kernel_make(&kernel, data->layout, parameters);
    struct work work = {
        .data = data,
        .kernel = &kernel,
        .factor = {.count = n, .stride = stride, .l = memory},
        .k = memory + square,
        .slope = memory + 2 * square,
        .columns = memory + 3 * square,
        .inverse = memory + 4 * square,
        .alpha = memory + 5 * square,
        .row = memory + 5 * square + n,
        .point = memory + 5 * square + 2 * n,
    };
    double value = evaluate(&work, gradient);
    dh_gp_kernel_free(&kernel);
    return value;
}
