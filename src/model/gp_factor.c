/* The Cholesky factor that grows and shrinks by a row, and systems solved with it: see gp.h. */
#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp.h"

/* Least pivot against the diagonal; below it is rounding. An appended row that says nothing new (a
 * duplicate without noise) is kept as if with so much noise. */
#define LEAST_PIVOT 1e-12

void dh_gp_factor_reserve(struct dh_gp_factor *factor, size_t count)
{
    if (count <= factor->stride)
        return;
    size_t stride = count + count / 4 + 16;
    double *u = dh_alloc(stride * stride, sizeof *u);
    for (size_t i = 0; i < factor->count; i++)
        memcpy(u + i * stride, factor->u + i * factor->stride, (i + 1) * sizeof *u);
    free(factor->u);
    factor->u = u;
    factor->stride = stride;
}

bool dh_gp_factor_compute(struct dh_gp_factor *factor)
{
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)factor->count, factor->u,
                            (lapack_int)factor->stride) != 0)
        return false;
    double least = LEAST_PIVOT * factor->u[0] * factor->u[0];
    for (size_t i = 0; i < factor->count; i++) {
        double root = factor->u[i * factor->stride + i];
        if (!(root * root >= least))
            return false;
    }
    return true;
}

static void solve(const struct dh_gp_factor *factor, CBLAS_TRANSPOSE transpose, double *b)
{
    cblas_dtrsv(CblasColMajor, CblasUpper, transpose, CblasNonUnit, (blasint)factor->count,
                factor->u, (blasint)factor->stride, b, 1);
}

void dh_gp_solve_lower(const struct dh_gp_factor *factor, double *b)
{
    solve(factor, CblasTrans, b);
}

void dh_gp_solve_upper(const struct dh_gp_factor *factor, double *b)
{
    solve(factor, CblasNoTrans, b);
}

void dh_gp_factor_append(struct dh_gp_factor *factor, const double *column, double diagonal)
{
    size_t n = factor->count;
    dh_gp_factor_reserve(factor, n + 1);
    double *u = factor->u + n * factor->stride;
    memcpy(u, column, n * sizeof *u);
    dh_gp_solve_lower(factor, u);
    double pivot = diagonal - cblas_ddot((blasint)n, u, 1, u, 1);
    u[n] = sqrt(fmax(pivot, LEAST_PIVOT * diagonal));
    factor->count++;
}

/* Without its row `index`, the columns behind it are an upper Hessenberg matrix; Givens rotations
 * make it triangular again. Numerically as good as factoring anew (Golub & Van Loan, 6.5.4). */
void dh_gp_factor_remove(struct dh_gp_factor *factor, size_t index)
{
    size_t stride = factor->stride;
    for (size_t i = index + 1; i < factor->count; i++)
        memcpy(factor->u + (i - 1) * stride, factor->u + i * stride, (i + 1) * sizeof *factor->u);
    factor->count--;
    for (size_t i = index; i < factor->count; i++) {
        double *upper = factor->u + i * stride + i;
        double length = hypot(upper[0], upper[1]);
        double cosine = upper[0] / length, sine = upper[1] / length;
        upper[0] = length;
        cblas_drot((blasint)(factor->count - i - 1), upper + stride, (blasint)stride,
                   upper + stride + 1, (blasint)stride, cosine, sine);
    }
}

double dh_gp_solve_mean(const struct dh_gp_factor *factor, const double *y, double *alpha,
                        double *fit)
{
    blasint n = (blasint)factor->count;
    double *ones = dh_alloc(factor->count, sizeof *ones);
    for (size_t i = 0; i < factor->count; i++)
        ones[i] = 1;
    memcpy(alpha, y, factor->count * sizeof *alpha);
    dh_gp_solve_lower(factor, ones);
    dh_gp_solve_lower(factor, alpha);
    double mean = cblas_ddot(n, ones, 1, alpha, 1) / cblas_ddot(n, ones, 1, ones, 1);
    cblas_daxpy(n, -mean, ones, 1, alpha, 1);
    if (fit)
        *fit = cblas_ddot(n, alpha, 1, alpha, 1);
    dh_gp_solve_upper(factor, alpha);
    free(ones);
    return mean;
}
