/* Minimising a smooth function in a box; private to this room. */
#ifndef DH_MODEL_LBFGS_H
#define DH_MODEL_LBFGS_H

#include <stddef.h>

struct dh_lbfgs {
    size_t count;        /* variables */
    const double *lower; /* bounds, lower <= upper */
    const double *upper;
    /* The function at x; fills its gradient. Not finite: there is no value here, try nearer. */
    double (*value)(void *context, const double *x, double *gradient);
    void *context;
    size_t steps;     /* at most so many */
    double longest;   /* change of one variable in a step; 0: the box is limit enough */
    double tolerance; /* ends when a step gains less than this */
};

/* From x (moved into the box) downhill; x becomes the best point found. Returns its value, which
 * is INFINITY if the start has none. */
double dh_lbfgs_minimise(const struct dh_lbfgs *problem, double *x);

#endif
