/* The coarse correction: see coarse.h. A block's row in the matrix has its neighbours below and
 * to the right within `blocks` places, so it is kept as a band and factorised by Cholesky. */
#include "coarse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct coarse {
    struct coarse_grid grid;
    int blocks, count; /* count: blocks × blocks */
    double *band;      /* row i: entries (i, i - blocks … i), then of the factor */
    double *values;
};

static int block_of(const struct coarse *coarse, int row, int column)
{
    const struct coarse_grid *grid = &coarse->grid;
    return (int)((long)row * coarse->blocks / grid->n) * coarse->blocks +
           (int)((long)column * coarse->blocks / grid->n);
}

static double *entry(const struct coarse *coarse, int row, int column)
{
    return &coarse->band[(size_t)row * (size_t)(coarse->blocks + 1) +
                         (size_t)(column - row + coarse->blocks)];
}

/* A face between unknowns of two blocks couples them; within a block it cancels. */
static void couple(struct coarse *coarse, int one, int other, double value)
{
    if (one == other)
        *entry(coarse, one, one) -= 2 * value;
    else
        *entry(coarse, one > other ? one : other, one > other ? other : one) -= value;
}

static void assemble(struct coarse *coarse)
{
    const struct coarse_grid *grid = &coarse->grid;
    for (int row = grid->first; row < grid->first + grid->rows; row++)
        for (int column = 0; column < grid->n; column++) {
            size_t i = (size_t)(row - grid->first + 1) * (size_t)grid->n + (size_t)column;
            int here = block_of(coarse, row, column);
            *entry(coarse, here, here) += grid->diagonal[i];
            if (column + 1 < grid->n)
                couple(coarse, here, block_of(coarse, row, column + 1), grid->east[i]);
            if (row + 1 < grid->n)
                couple(coarse, here, block_of(coarse, row + 1, column), grid->north[i]);
        }
}

static void factorise(struct coarse *coarse)
{
    int width = coarse->blocks;
    for (int i = 0; i < coarse->count; i++)
        for (int j = i > width ? i - width : 0; j <= i; j++) {
            double sum = *entry(coarse, i, j);
            for (int k = i > width ? i - width : 0; k < j; k++)
                if (k >= j - width)
                    sum -= *entry(coarse, i, k) * *entry(coarse, j, k);
            *entry(coarse, i, j) = i == j ? sqrt(sum) : sum / *entry(coarse, j, j);
        }
}

struct coarse *coarse_create(const struct coarse_grid *grid, int blocks)
{
    struct coarse *coarse = calloc(1, sizeof *coarse);
    coarse->grid = *grid;
    coarse->blocks = blocks < grid->n ? blocks : grid->n;
    coarse->count = coarse->blocks * coarse->blocks;
    size_t size = (size_t)coarse->count * (size_t)(coarse->blocks + 1);
    coarse->band = calloc(size, sizeof *coarse->band);
    coarse->values = calloc((size_t)coarse->count, sizeof *coarse->values);
    assemble(coarse);
    MPI_Allreduce(MPI_IN_PLACE, coarse->band, (int)size, MPI_DOUBLE, MPI_SUM, grid->comm);
    factorise(coarse);
    return coarse;
}

void coarse_destroy(struct coarse *coarse)
{
    if (!coarse)
        return;
    free(coarse->band);
    free(coarse->values);
    free(coarse);
}

static void substitute(struct coarse *coarse)
{
    int width = coarse->blocks, count = coarse->count;
    double *x = coarse->values;
    for (int i = 0; i < count; i++) {
        for (int j = i > width ? i - width : 0; j < i; j++)
            x[i] -= *entry(coarse, i, j) * x[j];
        x[i] /= *entry(coarse, i, i);
    }
    for (int i = count - 1; i >= 0; i--) {
        x[i] /= *entry(coarse, i, i);
        for (int j = i > width ? i - width : 0; j < i; j++)
            x[j] -= *entry(coarse, i, j) * x[i];
    }
}

double coarse_correct(struct coarse *coarse, const double *r, double *z)
{
    const struct coarse_grid *grid = &coarse->grid;
    memset(coarse->values, 0, (size_t)coarse->count * sizeof *coarse->values);
    for (int row = grid->first; row < grid->first + grid->rows; row++)
        for (int column = 0; column < grid->n; column++)
            coarse->values[block_of(coarse, row, column)] +=
                r[(size_t)(row - grid->first + 1) * (size_t)grid->n + (size_t)column];
    MPI_Allreduce(MPI_IN_PLACE, coarse->values, coarse->count, MPI_DOUBLE, MPI_SUM, grid->comm);
    substitute(coarse);
    for (int row = grid->first; row < grid->first + grid->rows; row++)
        for (int column = 0; column < grid->n; column++)
            z[(size_t)(row - grid->first + 1) * (size_t)grid->n + (size_t)column] +=
                coarse->values[block_of(coarse, row, column)];
    double unknowns = (double)grid->n * grid->n;
    return 0.5 + 4.0 * coarse->count * coarse->blocks / (9 * unknowns);
}

double coarse_setup_work(const struct coarse *coarse)
{
    double width = coarse->blocks, unknowns = (double)coarse->grid.n * coarse->grid.n;
    return 1 + coarse->count * width * width / (9 * unknowns);
}
