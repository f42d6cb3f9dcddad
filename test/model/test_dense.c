/* Triangular systems and products of rows: right, the same for every instruction set, the same
 * however many rows are computed together. The source itself is included, to call each version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dense.c"
#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"

/* Around the width of a block, of a group, of the lanes. */
static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 31, 32, 33, 63, 64, 66, 97, 130};

static struct dh_rows_of make(size_t count, size_t n)
{
    size_t stride = dh_dense_stride(n);
    return (struct dh_rows_of){dh_alloc(count * stride, sizeof(double)), stride, count};
}

static struct dh_rows_of copy(const struct dh_rows_of *rows)
{
    size_t size = rows->count * rows->stride * sizeof(double);
    return (struct dh_rows_of){dh_memdup(rows->values, size), rows->stride, rows->count};
}

static void fill(const struct dh_rows_of *rows, size_t n, struct dh_random *random)
{
    for (size_t i = 0; i < rows->count; i++)
        for (size_t j = 0; j < n; j++)
            rows->values[i * rows->stride + j] = dh_random_uniform(random) - 0.5;
}

/* Lower triangle of a matrix that is positive definite. */
static struct dh_rows_of definite(size_t n, struct dh_random *random)
{
    struct dh_rows_of a = make(n, n), root = make(n, n);
    fill(&root, n, random);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = i == j ? 0.1 : 0;
            for (size_t k = 0; k < n; k++)
                sum += root.values[i * root.stride + k] * root.values[j * root.stride + k];
            a.values[i * a.stride + j] = sum;
        }
    free(root.values);
    return a;
}

static void assert_close(double a, double b)
{
    if (!(fabs(a - b) <= 1e-8 * (1 + fabs(b))))
        fail_msg("%.17g, not %.17g", a, b);
}

static void assert_same_rows(const struct dh_rows_of *a, const struct dh_rows_of *b, size_t n)
{
    for (size_t i = 0; i < a->count; i++)
        assert_memory_equal(a->values + i * a->stride, b->values + i * b->stride,
                            (n ? n : i + 1) * sizeof(double));
}

/* L Lᵀ is A; the wide and the narrow version and row by row: the same bits. */
static void check_factor(size_t n, struct dh_random *random)
{
    struct dh_rows_of a = definite(n, random), l = copy(&a), wide = copy(&a), grown = copy(&a);
    assert_int_equal(cholesky(&l, 0), n);
    assert_int_equal(dh_dense_cholesky(&wide, 0), n);
    assert_same_rows(&l, &wide, 0);
    for (size_t i = 0; i < n; i++) {
        struct dh_rows_of part = {grown.values, grown.stride, i + 1};
        dh_dense_append(&part, 0);
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k <= j; k++)
                sum += l.values[i * l.stride + k] * l.values[j * l.stride + k];
            assert_close(sum, a.values[i * a.stride + j]);
        }
    }
    assert_same_rows(&l, &grown, 0);
    free(a.values);
    free(l.values);
    free(wide.values);
    free(grown.values);
}

static void check_solutions(size_t n, size_t count, struct dh_random *random)
{
    struct dh_rows_of l = definite(n, random), b = make(count, n);
    cholesky(&l, 0);
    fill(&b, n, random);
    struct dh_rows_of narrow = copy(&b), wide = copy(&b);
    forward(&l, n, &narrow, 0);
    dh_dense_forward(&l, n, &wide, 0);
    assert_same_rows(&narrow, &wide, n);
    for (size_t r = 0; r < count; r++) {
        double *x = wide.values + r * wide.stride;
        struct dh_rows_of one = copy(&(struct dh_rows_of){b.values + r * b.stride, b.stride, 1});
        dh_dense_forward(&l, n, &one, 0);
        assert_memory_equal(one.values, x, n * sizeof *x);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t k = 0; k <= i; k++)
                sum += l.values[i * l.stride + k] * x[k];
            assert_close(sum, b.values[r * b.stride + i]);
        }
        dh_dense_backward(&l, n, one.values);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t k = i; k < n; k++)
                sum += l.values[k * l.stride + i] * one.values[k];
            assert_close(sum, x[i]);
        }
        free(one.values);
    }
    free(l.values);
    free(b.values);
    free(narrow.values);
    free(wide.values);
}

/* The inverse of L, column by column, and of A from it. */
static void check_inverse(size_t n, struct dh_random *random)
{
    struct dh_rows_of a = definite(n, random), l = copy(&a), columns = make(n, n);
    cholesky(&l, 0);
    for (size_t i = 0; i < n; i++) {
        double *row = columns.values + i * columns.stride;
        row[i] = 1;
        dh_dense_forward(&l, n, &(struct dh_rows_of){row, columns.stride, 1}, i);
    }
    struct dh_rows_of narrow = make(n, n), wide = make(n, n);
    gram(&columns, &narrow);
    dh_dense_gram(&columns, &wide);
    assert_same_rows(&narrow, &wide, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++) {
                double inverse = wide.values[i > k ? i * wide.stride + k : k * wide.stride + i];
                sum += inverse * a.values[j > k ? j * a.stride + k : k * a.stride + j];
            }
            assert_true(fabs(sum - (i == j)) < 1e-6);
        }
    struct dh_rows_of all[] = {a, l, columns, narrow, wide};
    for (size_t i = 0; i < DH_COUNT_OF(all); i++)
        free(all[i].values);
}

static void test_sizes(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    for (size_t i = 0; i < DH_COUNT_OF(sizes); i++) {
        check_factor(sizes[i], &random);
        check_inverse(sizes[i], &random);
        for (size_t count = 1; count <= 9; count++)
            check_solutions(sizes[i], count, &random);
    }
}

/* A matrix that is not positive definite: where it stops, in both versions; what is appended to
 * one that hardly is. */
static void test_indefinite(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(2, DH_STREAM_TEST, 0);
    static const size_t bad[] = {0, 1, 31, 32, 40, 69};
    for (size_t i = 0; i < DH_COUNT_OF(bad); i++) {
        struct dh_rows_of a = definite(70, &random);
        a.values[bad[i] * a.stride + bad[i]] = i % 2 ? -1 : (double)NAN;
        struct dh_rows_of wide = copy(&a);
        assert_int_equal(cholesky(&a, 0), bad[i]);
        assert_int_equal(dh_dense_cholesky(&wide, 0), bad[i]);
        free(a.values);
        free(wide.values);
    }
    double twice[2 * 4] = {1, 0, 0, 0, 1, 1};
    assert_true(dh_dense_append(&(struct dh_rows_of){twice, 4, 1}, 1e-12) == 1);
    assert_true(dh_dense_append(&(struct dh_rows_of){twice, 4, 2}, 0x1p-40) == 0);
    assert_true(twice[4] == 1 && twice[5] == 0x1p-20);
}

static void test_matern(void **state)
{
    (void)state;
    double square[67], differ[67], k[2][67], slope[2][67];
    struct dh_random random = dh_random_at(3, DH_STREAM_TEST, 0);
    for (size_t i = 0; i < 67; i++) {
        square[i] = i == 0 ? 0 : i == 1 ? 1e300 : 30 * dh_random_uniform(&random);
        differ[i] = i % 3 ? 0 : dh_random_uniform(&random);
    }
    matern(2, square, differ, 67, k[0], slope[0]);
    dh_dense_matern(2, square, differ, 67, k[1], slope[1]);
    assert_memory_equal(k[0], k[1], sizeof k[0]);
    assert_memory_equal(slope[0], slope[1], sizeof slope[0]);
    for (size_t i = 0; i < 67; i++) {
        double a = sqrt(square[i]), decay = 2 * exp(-a - differ[i]);
        assert_close(k[0][i], decay * (1 + a + a * a / 3));
        assert_close(slope[0][i], decay * (1 + a) * 5 / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_indefinite),
        cmocka_unit_test(test_matern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
