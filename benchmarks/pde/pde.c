/* A plugin that solves a partial differential equation with all ranks of its group, and says how
 * long the solver took.
 *
 * The equation: -div(a grad u) = 1 on the unit square, u = 0 on its border, with a coefficient a
 * that is 1 but in a checkerboard of inclusions, where it is `contrast`. Five-point finite volumes
 * with harmonic means give a symmetric positive definite system of n × n unknowns. Its rows are
 * divided among the ranks, which exchange their outermost lines of unknowns.
 *
 * The solver: conjugate gradients until the residual is 1e-8 of what it was, with a preconditioner
 * that the search chooses: Jacobi, symmetric SOR on each rank's own rows, or a Chebyshev
 * polynomial; each with or without a coarse correction (coarse.h). */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dh_mpi/plugin.h>

#include "coarse.h"

#define REDUCTION 1e-8
#define MOST_ITERATIONS 20000
#define INCLUSIONS 8 /* a row of the checkerboard has */

const uint32_t dh_plugin_version = DH_PLUGIN_VERSION;

enum kind { JACOBI, SSOR, CHEBYSHEV };

/* This rank's part: `rows` rows of `n` unknowns, with a line of the neighbours above and below. */
struct part {
    MPI_Comm comm;
    int rank, size, n, first, rows;
    double *east, *north; /* coefficients on faces: east[i] right of unknown i, north[i] below it */
    double *diagonal;
    double work; /* so far, in products of matrix and vector */
};

struct solver {
    enum kind kind;
    double omega; /* SSOR */
    int degree;   /* Chebyshev */
    double ratio; /* of the eigenvalues that the polynomial looks at */
    struct coarse *coarse;
    double *scratch[3];
};

static double coefficient(double x, double y, double contrast)
{
    int column = (int)(x * INCLUSIONS), row = (int)(y * INCLUSIONS);
    double dx = x * INCLUSIONS - column - 0.5, dy = y * INCLUSIONS - row - 0.5;
    return (column + row) % 2 == 0 && dx * dx + dy * dy < 0.16 ? contrast : 1.0;
}

static double harmonic(double a, double b)
{
    return 2 * a * b / (a + b);
}

/* Row r of the grid (-1 and n are the border) begins at line r - first + 1. */
static size_t at(const struct part *part, int row, int column)
{
    return (size_t)(row - part->first + 1) * (size_t)part->n + (size_t)column;
}

static double *line_vector(const struct part *part)
{
    return calloc((size_t)(part->rows + 2) * (size_t)part->n, sizeof(double));
}

/* The value of a in the cell of an unknown; outside the square that of the nearest cell. */
static double cell(const struct part *part, int row, int column, double contrast)
{
    int last = part->n - 1;
    row = row < 0 ? 0 : row > last ? last : row;
    column = column < 0 ? 0 : column > last ? last : column;
    return coefficient((column + 0.5) / part->n, (row + 0.5) / part->n, contrast);
}

static void assemble(struct part *part, double contrast)
{
    part->east = line_vector(part);
    part->north = line_vector(part);
    part->diagonal = line_vector(part);
    for (int row = part->first - 1; row < part->first + part->rows; row++)
        for (int column = 0; column < part->n; column++) {
            double here = cell(part, row, column, contrast);
            part->east[at(part, row, column)] =
                harmonic(here, cell(part, row, column + 1, contrast));
            part->north[at(part, row, column)] =
                harmonic(here, cell(part, row + 1, column, contrast));
        }
    for (int row = part->first; row < part->first + part->rows; row++)
        for (int column = 0; column < part->n; column++) {
            size_t i = at(part, row, column);
            double west = column > 0 ? part->east[i - 1] : cell(part, row, column, contrast);
            part->diagonal[i] =
                part->east[i] + west + part->north[i] + part->north[i - (size_t)part->n];
        }
}

/* The lines next to this part, from the ranks that have them. */
static void exchange(const struct part *part, double *x)
{
    int n = part->n, above = part->rank > 0 ? part->rank - 1 : MPI_PROC_NULL;
    int below = part->rank + 1 < part->size ? part->rank + 1 : MPI_PROC_NULL;
    double *last = x + (size_t)part->rows * (size_t)n;
    MPI_Sendrecv(x + n, n, MPI_DOUBLE, above, 1, last + n, n, MPI_DOUBLE, below, 1, part->comm,
                 MPI_STATUS_IGNORE);
    MPI_Sendrecv(last, n, MPI_DOUBLE, below, 2, x, n, MPI_DOUBLE, above, 2, part->comm,
                 MPI_STATUS_IGNORE);
}

/* What the neighbours of unknown i contribute to its row. */
static double neighbours(const struct part *part, const double *x, size_t i, int column)
{
    size_t n = (size_t)part->n;
    double sum = part->north[i] * x[i + n] + part->north[i - n] * x[i - n];
    if (column > 0)
        sum += part->east[i - 1] * x[i - 1];
    if (column + 1 < part->n)
        sum += part->east[i] * x[i + 1];
    return sum;
}

static void multiply(struct part *part, double *x, double *y)
{
    exchange(part, x);
    for (int row = part->first; row < part->first + part->rows; row++)
        for (int column = 0; column < part->n; column++) {
            size_t i = at(part, row, column);
            y[i] = part->diagonal[i] * x[i] - neighbours(part, x, i, column);
        }
    part->work += 1;
}

static double dot(const struct part *part, const double *x, const double *y)
{
    double mine = 0, sum;
    for (size_t i = (size_t)part->n; i < (size_t)(part->rows + 1) * (size_t)part->n; i++)
        mine += x[i] * y[i];
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, part->comm);
    return sum;
}

static void add(const struct part *part, double *x, double factor, const double *y)
{
    for (size_t i = (size_t)part->n; i < (size_t)(part->rows + 1) * (size_t)part->n; i++)
        x[i] += factor * y[i];
}

/* ---- preconditioners: z from r ---- */

static void jacobi(struct part *part, const struct solver *solver, const double *r, double *z)
{
    (void)solver;
    for (size_t i = (size_t)part->n; i < (size_t)(part->rows + 1) * (size_t)part->n; i++)
        z[i] = r[i] / part->diagonal[i];
    part->work += 0.2;
}

/* A sweep forward and one back over this rank's rows, with nothing of the neighbours'. */
static void ssor(struct part *part, const struct solver *solver, const double *r, double *z)
{
    size_t lines = (size_t)(part->rows + 2) * (size_t)part->n;
    double omega = solver->omega;
    memset(z, 0, lines * sizeof *z);
    for (int sweep = 0; sweep < 2; sweep++)
        for (int k = 0; k < part->rows * part->n; k++) {
            int index = sweep == 0 ? k : part->rows * part->n - 1 - k;
            int column = index % part->n;
            size_t i = (size_t)index + (size_t)part->n;
            double value = (r[i] + neighbours(part, z, i, column)) / part->diagonal[i];
            z[i] += omega * (value - z[i]);
        }
    part->work += 2;
}

/* The polynomial in D⁻¹A that is smallest over [2 / ratio, 2] (Saad, Iterative Methods for Sparse
 * Linear Systems, algorithm 12.1); 2 bounds the eigenvalues of D⁻¹A. */
static void chebyshev(struct part *part, const struct solver *solver, const double *r, double *z)
{
    double high = 2, low = 2 / solver->ratio;
    double theta = (high + low) / 2, delta = (high - low) / 2, sigma = theta / delta;
    double rho = 1 / sigma, *step = solver->scratch[0], *product = solver->scratch[1];
    size_t begin = (size_t)part->n, end = (size_t)(part->rows + 1) * (size_t)part->n;
    for (size_t i = begin; i < end; i++)
        z[i] = step[i] = r[i] / part->diagonal[i] / theta;
    for (int k = 1; k < solver->degree; k++) {
        double next = 1 / (2 * sigma - rho);
        multiply(part, z, product);
        for (size_t i = begin; i < end; i++) {
            double rest = (r[i] - product[i]) / part->diagonal[i];
            step[i] = next * rho * step[i] + 2 * next / delta * rest;
            z[i] += step[i];
        }
        rho = next;
    }
    part->work += 0.2;
}

static void precondition(struct part *part, const struct solver *solver, const double *r, double *z)
{
    static void (*const ways[])(struct part *, const struct solver *, const double *, double *) = {
        [JACOBI] = jacobi, [SSOR] = ssor, [CHEBYSHEV] = chebyshev};
    ways[solver->kind](part, solver, r, z);
    if (solver->coarse)
        part->work += coarse_correct(solver->coarse, r, z);
}

/* ---- conjugate gradients ---- */

/* Iterations, or -1 if there were too many. */
static int solve(struct part *part, const struct solver *solver)
{
    double *x = line_vector(part), *r = line_vector(part), *z = line_vector(part);
    double *p = line_vector(part), *q = line_vector(part);
    double h = 1.0 / part->n;
    int iterations = 0;
    for (size_t i = (size_t)part->n; i < (size_t)(part->rows + 1) * (size_t)part->n; i++)
        r[i] = h * h;
    double goal = REDUCTION * sqrt(dot(part, r, r)), norm = INFINITY;
    precondition(part, solver, r, z);
    memcpy(p, z, (size_t)(part->rows + 2) * (size_t)part->n * sizeof *p);
    double rz = dot(part, r, z);
    for (; norm > goal && iterations < MOST_ITERATIONS; iterations++) {
        multiply(part, p, q);
        double alpha = rz / dot(part, p, q);
        add(part, x, alpha, p);
        add(part, r, -alpha, q);
        norm = sqrt(dot(part, r, r));
        precondition(part, solver, r, z);
        double before = rz;
        rz = dot(part, r, z);
        for (size_t i = (size_t)part->n; i < (size_t)(part->rows + 1) * (size_t)part->n; i++)
            p[i] = z[i] + rz / before * p[i];
        part->work += 1;
    }
    free(x);
    free(r);
    free(z);
    free(p);
    free(q);
    return norm <= goal ? iterations : -1;
}

/* ---- the plugin ---- */

static struct part part_of(const dh_job *job)
{
    struct part part = {.comm = *(const MPI_Comm *)job->communicator,
                        .n = (int)dh_job_int(job, "n", 127)};
    MPI_Comm_rank(part.comm, &part.rank);
    MPI_Comm_size(part.comm, &part.size);
    part.first = (int)((long)part.n * part.rank / part.size);
    part.rows = (int)((long)part.n * (part.rank + 1) / part.size) - part.first;
    assemble(&part, dh_job_real(job, "contrast", 1000));
    return part;
}

static struct solver solver_of(const dh_job *job, const struct part *part)
{
    const char *name = dh_job_text(job, "preconditioner", "jacobi");
    int blocks = (int)dh_job_int(job, "blocks", 0);
    struct solver solver = {.kind = strcmp(name, "ssor") == 0        ? SSOR
                                    : strcmp(name, "chebyshev") == 0 ? CHEBYSHEV
                                                                     : JACOBI,
                            .omega = dh_job_real(job, "omega", 1),
                            .degree = (int)dh_job_int(job, "degree", 1),
                            .ratio = dh_job_real(job, "ratio", 30)};
    for (int i = 0; i < 3; i++)
        solver.scratch[i] = line_vector(part);
    if (blocks > 0) {
        struct coarse_grid grid = {part->comm, part->n,     part->first,   part->rows,
                                   part->east, part->north, part->diagonal};
        solver.coarse = coarse_create(&grid, blocks);
    }
    return solver;
}

/* Called on every rank of the group with the same job; the first rank's result counts. */
int dh_evaluate(const dh_job *job, dh_result *result)
{
    struct part part = part_of(job);
    MPI_Barrier(part.comm);
    double start = MPI_Wtime();
    struct solver solver = solver_of(job, &part);
    int iterations = solve(&part, &solver);
    double seconds = MPI_Wtime() - start, longest;
    MPI_Allreduce(&seconds, &longest, 1, MPI_DOUBLE, MPI_MAX, part.comm);
    if (solver.coarse)
        part.work += coarse_setup_work(solver.coarse);
    int by_time = strcmp(dh_job_text(job, "measure", "time"), "time") == 0;
    result->objective[0] = by_time ? longest : part.work;
    snprintf(result->metadata, sizeof result->metadata,
             "{\"iterations\": %d, \"seconds\": %.6f, \"work\": %.1f, \"ranks\": %d}", iterations,
             longest, part.work, part.size);
    if (iterations < 0)
        snprintf(result->reason, sizeof result->reason, "no convergence within %d iterations",
                 MOST_ITERATIONS);
    coarse_destroy(solver.coarse);
    for (int i = 0; i < 3; i++)
        free(solver.scratch[i]);
    free(part.east);
    free(part.north);
    free(part.diagonal);
    return iterations < 0;
}
