/* The Cholesky factor that grows and shrinks by a row, and systems solved with it: see gp.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp.h"

#define LOG_2PI 1.8378770664093454836

/* Least pivot against the diagonal; below it is rounding. An appended row that says nothing new (a
 * duplicate without noise) is kept as if with so much noise. */
#define LEAST_PIVOT 1e-12

static struct dh_rows_of rows_of(const struct dh_gp_factor *factor)
{
    return (struct dh_rows_of){factor->l, factor->stride, factor->count};
}

void dh_gp_factor_reserve(struct dh_gp_factor *factor, size_t count)
{
    if (count <= factor->stride)
        return;
    size_t stride = dh_dense_stride(count + count / 4 + 16);
    double *l = dh_alloc(stride * stride, sizeof *l);
    for (size_t i = 0; i < factor->count; i++)
        memcpy(l + i * stride, factor->l + i * factor->stride, (i + 1) * sizeof *l);
    free(factor->l);
    factor->l = l;
    factor->stride = stride;
}

bool dh_gp_factor_compute(struct dh_gp_factor *factor)
{
    struct dh_rows_of rows = rows_of(factor);
    return dh_dense_cholesky(&rows, LEAST_PIVOT * factor->l[0]) == factor->count;
}

void dh_gp_solve_lower(const struct dh_gp_factor *factor, double *b)
{
    struct dh_rows_of rows = rows_of(factor), one = {b, 0, 1};
    dh_dense_forward(&rows, factor->count, &one, 0);
}

void dh_gp_solve_upper(const struct dh_gp_factor *factor, double *b)
{
    struct dh_rows_of rows = rows_of(factor);
    dh_dense_backward(&rows, factor->count, b);
}

void dh_gp_factor_append(struct dh_gp_factor *factor, const double *row, double diagonal)
{
    size_t n = factor->count;
    dh_gp_factor_reserve(factor, n + 1);
    double *l = factor->l + n * factor->stride;
    memcpy(l, row, n * sizeof *l);
    l[n] = diagonal;
    factor->count++;
    struct dh_rows_of rows = rows_of(factor);
    dh_dense_append(&rows, LEAST_PIVOT * diagonal);
}

/* Without its row `index`, the rows behind it are a lower Hessenberg matrix; Givens rotations make
 * it triangular again. Numerically as good as factoring anew (Golub & Van Loan, 6.5.4). Row by row,
 * each row being turned by the rotations of those before it. */
void dh_gp_factor_remove(struct dh_gp_factor *factor, size_t index)
{
    size_t stride = factor->stride, kept = 0;
    double(*turns)[2] = dh_alloc(factor->count, sizeof *turns);
    for (size_t i = index + 1; i < factor->count; i++) {
        double *row = factor->l + (i - 1) * stride + index;
        memcpy(row - index, factor->l + i * stride, (i + 1) * sizeof *row);
        for (size_t k = 0; k < kept; k++) {
            double a = row[k], b = row[k + 1];
            row[k] = turns[k][0] * a + turns[k][1] * b;
            row[k + 1] = turns[k][0] * b - turns[k][1] * a;
        }
        double a = row[kept], b = row[kept + 1], length = sqrt(a * a + b * b);
        turns[kept][0] = a / length;
        turns[kept][1] = b / length;
        row[kept] = length;
        row[++kept] = 0;
    }
    factor->count--;
    free(turns);
}

double dh_gp_solve_mean(const struct dh_gp_factor *factor, const double *y, double *alpha,
                        double *fit)
{
    size_t n = factor->count, stride = dh_dense_stride(n);
    double *both = dh_alloc(2 * stride, sizeof *both), *ones = both, *values = both + stride;
    for (size_t i = 0; i < n; i++)
        ones[i] = 1;
    memcpy(values, y, n * sizeof *values);
    struct dh_rows_of rows = rows_of(factor), sides = {both, stride, 2};
    dh_dense_forward(&rows, n, &sides, 0);
    double mean = dh_dense_dot(ones, values, n) / dh_dense_dot(ones, ones, n);
    for (size_t i = 0; i < n; i++)
        values[i] -= mean * ones[i];
    if (fit)
        *fit = dh_dense_dot(values, values, n);
    dh_dense_backward(&rows, n, values);
    memcpy(alpha, values, n * sizeof *alpha);
    free(both);
    return mean;
}

double dh_gp_log_density(const struct dh_gp_factor *factor, double fit)
{
    double logarithm = 0;
    for (size_t i = 0; i < factor->count; i++)
        logarithm += dh_log(factor->l[i * factor->stride + i]);
    return -0.5 * fit - logarithm - 0.5 * (double)factor->count * LOG_2PI;
}
