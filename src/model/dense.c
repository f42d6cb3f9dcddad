/* Triangular systems and products of rows: see dense.h.
 *
 * The loops are written once and compiled for several instruction sets, of which the best that the
 * processor knows is taken: with wider registers the same operations run in fewer instructions.
 */
#include "dense.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define LANES 4
#define BLOCK DH_DENSE_BLOCK
#define GROUP 4 /* right hand sides side by side in a tile */

#define INLINE static inline __attribute__((always_inline))

/* Four numbers, wherever they lie. */
typedef double lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
#define AT(pointer) (*(lanes *)(pointer))
#define OF(pointer) (*(const lanes *)(pointer))

/* Sums of products of four rows `a` with the rows b and c, over columns `from` to `to`, both
 * multiples of LANES. */
INLINE void tile(const double *const a[GROUP], const double *b, const double *c, size_t from,
                 size_t to, double *by_b, double *by_c)
{
    lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
    const double *a0 = a[0], *a1 = a[1], *a2 = a[2], *a3 = a[3];
    for (size_t m = from; m < to; m += LANES) {
        lanes x = OF(b + m), y = OF(c + m), z;
        z = OF(a0 + m);
        s0 += z * x;
        t0 += z * y;
        z = OF(a1 + m);
        s1 += z * x;
        t1 += z * y;
        z = OF(a2 + m);
        s2 += z * x;
        t2 += z * y;
        z = OF(a3 + m);
        s3 += z * x;
        t3 += z * y;
    }
#define TOTAL(s) ((s[0] + s[2]) + (s[1] + s[3]))
    by_b[0] = TOTAL(s0), by_b[1] = TOTAL(s1), by_b[2] = TOTAL(s2), by_b[3] = TOTAL(s3);
    by_c[0] = TOTAL(t0), by_c[1] = TOTAL(t1), by_c[2] = TOTAL(t2), by_c[3] = TOTAL(t3);
}

/* Four rows from `first` on; the last again where there are fewer. */
INLINE void four(const struct dh_rows_of *rows, size_t first, double *row[GROUP])
{
    for (size_t r = 0; r < GROUP; r++) {
        size_t index = first + r < rows->count ? first + r : rows->count - 1;
        row[r] = rows->values + index * rows->stride;
    }
}

/* One right hand side b: subtract what the solution before `block` contributes to its entries. */
INLINE void reduce_one(const struct dh_rows_of *lower, size_t block, size_t width, size_t from,
                       double *b)
{
    for (size_t k = 0; k < width; k += GROUP) {
        struct dh_rows_of part = {lower->values + (block + k) * lower->stride, lower->stride,
                                  width - k};
        double *row[GROUP], sums[GROUP], ignored[GROUP];
        four(&part, 0, row);
        tile((const double *const *)row, b, b, from, block, sums, ignored);
        for (size_t r = 0; r < GROUP && k + r < width; r++)
            b[block + k + r] -= sums[r];
    }
}

/* The same for a group, whose entries `block` … go to t, one right hand side a lane. */
INLINE void reduce_four(const struct dh_rows_of *lower, size_t block, size_t width, size_t from,
                        double *const row[GROUP], double (*t)[GROUP])
{
    for (size_t k = 0; k < width; k += 2) {
        const double *l = lower->values + (block + k) * lower->stride;
        double sums[GROUP], next[GROUP];
        tile((const double *const *)row, l, k + 1 < width ? l + lower->stride : l, from, block,
             sums, next);
        for (size_t r = 0; r < GROUP; r++)
            t[k][r] = row[r][block + k] - sums[r];
        for (size_t r = 0; r < GROUP && k + 1 < width; r++)
            t[k + 1][r] = row[r][block + k + 1] - next[r];
    }
}

INLINE void solve_four(const struct dh_rows_of *lower, size_t block, size_t width, size_t from,
                       double *const row[GROUP])
{
    double t[BLOCK][GROUP];
    reduce_four(lower, block, width, from, row, t);
    for (size_t m = 0; m < width; m++) {
        const double *l = lower->values + (block + m) * lower->stride + block + m;
        AT(t[m]) /= *l;
        lanes solved = AT(t[m]);
        for (size_t k = m + 1; k < width; k++)
            AT(t[k]) -= l[(k - m) * lower->stride] * solved;
    }
    for (size_t r = 0; r < GROUP; r++)
        for (size_t k = 0; k < width; k++)
            row[r][block + k] = t[k][r];
}

INLINE void solve_one(const struct dh_rows_of *lower, size_t block, size_t width, size_t from,
                      double *b)
{
    reduce_one(lower, block, width, from, b);
    for (size_t m = 0; m < width; m++) {
        const double *l = lower->values + (block + m) * lower->stride + block + m;
        double solved = b[block + m] / *l;
        b[block + m] = solved;
        for (size_t k = m + 1; k < width; k++)
            b[block + k] -= l[(k - m) * lower->stride] * solved;
    }
}

INLINE void forward(const struct dh_rows_of *lower, size_t n, const struct dh_rows_of *rows,
                    size_t from)
{
    from -= from % BLOCK;
    for (size_t block = from; block < n; block += BLOCK) {
        size_t width = n - block < BLOCK ? n - block : BLOCK, first = 0;
        for (; first + 1 < rows->count; first += GROUP) {
            double *row[GROUP];
            four(rows, first, row);
            solve_four(lower, block, width, from, row);
        }
        if (first < rows->count)
            solve_one(lower, block, width, from, rows->values + first * rows->stride);
    }
}

/* The part of A's diagonal block that is left when the columns before it are done. */
INLINE void reduce_diagonal(const struct dh_rows_of *rows, size_t block)
{
    for (size_t first = 0; first < rows->count; first += GROUP) {
        double *row[GROUP];
        four(rows, first, row);
        for (size_t k = 0; k < first + GROUP && k < rows->count; k += 2) {
            const double *l = rows->values + k * rows->stride;
            double sums[2][GROUP];
            tile((const double *const *)row, l, k + 1 < rows->count ? l + rows->stride : l, 0,
                 block, sums[0], sums[1]);
            for (size_t r = 0; r < GROUP && first + r < rows->count; r++)
                for (size_t i = k; i < k + 2 && i <= first + r; i++)
                    row[r][block + i] -= sums[i - k][r];
        }
    }
}

/* Cholesky of the diagonal block; how many of its rows are done. */
INLINE size_t finish_diagonal(const struct dh_rows_of *rows, size_t block, double least)
{
    for (size_t m = 0; m < rows->count; m++) {
        double *column = rows->values + block + m, pivot = column[m * rows->stride];
        if (!(pivot > least))
            return m;
        double root = sqrt(pivot);
        column[m * rows->stride] = root;
        for (size_t k = m + 1; k < rows->count; k++)
            column[k * rows->stride] /= root;
        for (size_t k = m + 1; k < rows->count; k++) {
            double *row = rows->values + k * rows->stride + block, factor = row[m];
            for (size_t i = m + 1; i <= k; i++)
                row[i] -= factor * column[i * rows->stride];
        }
    }
    return rows->count;
}

INLINE size_t cholesky(const struct dh_rows_of *lower, double least)
{
    size_t n = lower->count;
    for (size_t block = 0; block < n; block += BLOCK) {
        struct dh_rows_of rows = {lower->values + block * lower->stride, lower->stride,
                                  n - block < BLOCK ? n - block : BLOCK};
        forward(lower, block, &rows, 0);
        reduce_diagonal(&rows, block);
        size_t done = finish_diagonal(&rows, block, least);
        if (done < rows.count)
            return block + done;
    }
    return n;
}

INLINE double append(const struct dh_rows_of *lower, double least)
{
    size_t n = lower->count - 1, block = n - n % BLOCK;
    double *row = lower->values + n * lower->stride;
    struct dh_rows_of one = {row, lower->stride, 1};
    forward(lower, n, &one, 0);
    const double *const same[GROUP] = {row, row, row, row};
    double sums[GROUP], ignored[GROUP];
    tile(same, row, row, 0, block, sums, ignored);
    double pivot = row[n] - sums[0];
    for (size_t k = block; k < n; k++)
        pivot -= row[k] * row[k];
    row[n] = sqrt(pivot > least ? pivot : least);
    return pivot;
}

INLINE void gram(const struct dh_rows_of *rows, const struct dh_rows_of *out)
{
    size_t n = rows->count, end = (n + LANES - 1) / LANES * LANES;
    for (size_t first = 0; first < n; first += GROUP) {
        double *row[GROUP];
        four(rows, first, row);
        for (size_t j = 0; j < first + GROUP && j < n; j += 2) {
            const double *other = rows->values + j * rows->stride;
            double sums[2][GROUP];
            tile((const double *const *)row, other, j + 1 < n ? other + rows->stride : other,
                 first - first % LANES, end, sums[0], sums[1]);
            for (size_t r = 0; r < GROUP && first + r < n; r++)
                for (size_t i = j; i < j + 2 && i <= first + r; i++)
                    out->values[(first + r) * out->stride + i] = sums[i - j][r];
        }
    }
}

INLINE void matern(double signal, const double *square, const double *differ, size_t count,
                   double *k, double *slope)
{
    for (size_t i = 0; i < count; i++) {
        double a = sqrt(square[i]), decay = signal * dh_exp(-a - differ[i]);
        k[i] = decay * (1 + a + square[i] * (1.0 / 3));
        slope[i] = decay * (1 + a) * (5.0 / 3);
    }
}

/* ---- one copy for each instruction set ---- */

#if defined __x86_64__ && !defined DH_DENSE_NARROW /* defined by a test */
#define WIDE __attribute__((target("avx2")))
#define IS_WIDE __builtin_cpu_supports("avx2")
#else
#define WIDE
#define IS_WIDE false
#endif

WIDE static void forward_wide(const struct dh_rows_of *lower, size_t n,
                              const struct dh_rows_of *rows, size_t from)
{
    forward(lower, n, rows, from);
}

WIDE static size_t cholesky_wide(const struct dh_rows_of *lower, double least)
{
    return cholesky(lower, least);
}

WIDE static double append_wide(const struct dh_rows_of *lower, double least)
{
    return append(lower, least);
}

WIDE static void gram_wide(const struct dh_rows_of *rows, const struct dh_rows_of *out)
{
    gram(rows, out);
}

WIDE static void matern_wide(double signal, const double *square, const double *differ,
                             size_t count, double *k, double *slope)
{
    matern(signal, square, differ, count, k, slope);
}

void dh_dense_forward(const struct dh_rows_of *lower, size_t n, const struct dh_rows_of *rows,
                      size_t from)
{
    if (IS_WIDE)
        forward_wide(lower, n, rows, from);
    else
        forward(lower, n, rows, from);
}

size_t dh_dense_cholesky(const struct dh_rows_of *lower, double least)
{
    return IS_WIDE ? cholesky_wide(lower, least) : cholesky(lower, least);
}

double dh_dense_append(const struct dh_rows_of *lower, double least)
{
    return IS_WIDE ? append_wide(lower, least) : append(lower, least);
}

void dh_dense_gram(const struct dh_rows_of *rows, const struct dh_rows_of *out)
{
    if (IS_WIDE)
        gram_wide(rows, out);
    else
        gram(rows, out);
}

void dh_dense_matern(double signal, const double *square, const double *differ, size_t count,
                     double *k, double *slope)
{
    if (IS_WIDE)
        matern_wide(signal, square, differ, count, k, slope);
    else
        matern(signal, square, differ, count, k, slope);
}

/* ---- what memory's speed limits ---- */

size_t dh_dense_stride(size_t count)
{
    return (count + LANES - 1) / LANES * LANES;
}

void dh_dense_backward(const struct dh_rows_of *lower, size_t n, double *b)
{
    for (size_t k = n; k-- > 0;) {
        const double *row = lower->values + k * lower->stride;
        double solved = b[k] / row[k];
        b[k] = solved;
        for (size_t m = 0; m < k; m++)
            b[m] -= solved * row[m];
    }
}

double dh_dense_dot(const double *a, const double *b, size_t count)
{
    double sums[LANES] = {0};
    size_t k = 0;
    for (; k + LANES <= count; k += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += a[k + lane] * b[k + lane];
    for (; k < count; k++)
        sums[0] += a[k] * b[k];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}
