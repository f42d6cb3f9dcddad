/* A coarse correction: the grid is cut into blocks × blocks pieces, on each of which the error is
 * taken as constant. What is left of the equation is a small band matrix, which every rank has and
 * factorises by itself. */
#ifndef PDE_COARSE_H
#define PDE_COARSE_H

#include <mpi.h>

/* As in pde.c; borrowed while the correction lives. */
struct coarse_grid {
    MPI_Comm comm;
    int n, first, rows;
    const double *east, *north, *diagonal;
};

struct coarse;

/* Collective. */
struct coarse *coarse_create(const struct coarse_grid *grid, int blocks);
void coarse_destroy(struct coarse *coarse);
/* Add the correction for the residual `r` to `z`. Collective. Returns its work, in products of the
 * grid's matrix with a vector. */
double coarse_correct(struct coarse *coarse, const double *r, double *z);
/* The work of the factorisation. */
double coarse_setup_work(const struct coarse *coarse);

#endif
