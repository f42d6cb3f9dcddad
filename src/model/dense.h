/* Triangular systems and products of rows, for matrices of a few hundred rows; private to this
 * room.
 *
 * The same bits on every machine: sums have a fixed order, four lanes wide, and no multiplication
 * is fused with an addition, whatever the processor offers. (A BLAS library chooses its order by
 * the processor, and the last bits decide which of two points a search tries.) Each result depends
 * on its own rows alone, not on what else is computed in the same call: so a factor that grows row
 * by row is the same, to the last bit, as one computed at once.
 *
 * Matrices are stored row by row; `stride` doubles from row to row, a multiple of 4. What is read
 * beyond a row's end, up to the next multiple of 4, must be 0.
 */
#ifndef DH_MODEL_DENSE_H
#define DH_MODEL_DENSE_H

#include <stddef.h>

#include "dh_mpi/math.h"

/* Columns that are solved for together; sums over those before them are lanes wide. */
#define DH_DENSE_BLOCK 32

struct dh_rows_of {
    double *values;
    size_t stride;
    size_t count;
};

/* A stride for rows of `count`. */
size_t dh_dense_stride(size_t count);

/* Each of `rows`, b, becomes the solution x of L x = b, L being the first n rows of `lower`. The
 * first `from` of b are 0 (and so are x's). */
void dh_dense_forward(const struct dh_rows_of *lower, size_t n, const struct dh_rows_of *rows,
                      size_t from);
/* b becomes the solution x of Lᵀ x = b. */
void dh_dense_backward(const struct dh_rows_of *lower, size_t n, double *b);
/* The matrix A whose lower triangle is in `lower` becomes L, A = L Lᵀ; stops before the first row
 * whose pivot is not above `least`, and returns how many rows are done. */
size_t dh_dense_cholesky(const struct dh_rows_of *lower, double least);
/* The last row of `lower`, of A, becomes that of L, the rows before being L's; returns its pivot,
 * whose root is L's diagonal if it is above `least`, and otherwise the root of `least` is. */
double dh_dense_append(const struct dh_rows_of *lower, double least);
/* out_ij = Σ_k rows_ik rows_jk over k >= i, for i >= j: for rows that are 0 before their own index.
 */
void dh_dense_gram(const struct dh_rows_of *rows, const struct dh_rows_of *out);
double dh_dense_dot(const double *a, const double *b, size_t count);

/* k(r, differ) = decay (1 + a + a²/3), with a = √square and decay = signal exp(-a - differ), for
 * `count` points; slope = decay (1 + a) 5/3. */
void dh_dense_matern(double signal, const double *square, const double *differ, size_t count,
                     double *k, double *slope);

#endif
