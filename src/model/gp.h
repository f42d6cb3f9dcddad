/* The parts of the Gaussian process; private to this room and its tests.
 *
 * y = mean + f(x) + noise, with f ~ GP(0, k) and noise ~ N(0, noise):
 *
 *     k(x, z) = signal · Matérn-5/2(r) · exp(-Σ_c w_c [x_c ≠ z_c])
 *     r²      = Σ_j (x_j - z_j)² / l_j²
 *
 * over real coordinates j and categorical coordinates c. A number is one real coordinate; an
 * optional number is two: its value, which counts as the middle of its range where it is inactive,
 * and whether it is active (0 or 1), whose length scale is a learned constant distance between
 * active and inactive. (A constant distance alone would be no valid kernel: no point is equally
 * far from three on a line.) A category is one categorical coordinate, in which "inactive" is a
 * level of its own.
 *
 * Parameters are logarithms: signal, noise, l of each real coordinate, w of each categorical one.
 */
#ifndef DH_MODEL_GP_H
#define DH_MODEL_GP_H

#include <stdbool.h>
#include <stddef.h>

#include "dense.h"
#include "dh_mpi/model.h"

/* Coordinates that features become. */
struct dh_gp_layout {
    size_t features;
    size_t numbers;    /* real coordinates, first in an embedded point */
    size_t classes;    /* categorical coordinates, behind them */
    size_t *source;    /* feature of each coordinate */
    bool *is_activity; /* of each coordinate: whether it is "is active" rather than a value */
};

void dh_gp_layout_make(struct dh_gp_layout *layout, const struct dh_feature *features,
                       size_t count);
void dh_gp_layout_free(struct dh_gp_layout *layout);
/* Coordinates of a point, and parameters of the whole: two, and one of each coordinate. */
size_t dh_gp_coordinates(const struct dh_gp_layout *layout);
size_t dh_gp_parameters(const struct dh_gp_layout *layout);
enum { DH_GP_SIGNAL, DH_GP_NOISE, DH_GP_SCALES }; /* which is which; SCALES: the first of those */
/* The coordinates of the row `x`. */
void dh_gp_embed(const struct dh_gp_layout *layout, const double *x, double *point);

/* Embedded points, one coordinate after the other, so that loops over points are vectors. */
struct dh_gp_points {
    size_t count;
    size_t capacity;
    double *values; /* coordinates × capacity */
};

void dh_gp_points_push(struct dh_gp_points *points, const struct dh_gp_layout *layout,
                       const double *point);
void dh_gp_points_remove(struct dh_gp_points *points, const struct dh_gp_layout *layout,
                         size_t index);
void dh_gp_points_get(const struct dh_gp_points *points, const struct dh_gp_layout *layout,
                      size_t index, double *point);

struct dh_gp_kernel {
    const struct dh_gp_layout *layout; /* borrowed */
    double signal;
    double noise;
    double *weights; /* of each coordinate: 1 / l_j², or w_c */
};

void dh_gp_kernel_make(struct dh_gp_kernel *kernel, const struct dh_gp_layout *layout,
                       const double *parameters);
void dh_gp_kernel_free(struct dh_gp_kernel *kernel);
/* k between `point` and each of the first `count` points. `slope` (may be NULL) is -∂k/∂(r²/2), so
 * that ∂k/∂x_j = -slope (x_j - z_j) / l_j² and ∂k/∂log l_j = slope (x_j - z_j)² / l_j². */
void dh_gp_covariance(const struct dh_gp_kernel *kernel, const struct dh_gp_points *points,
                      size_t count, const double *point, double *k, double *slope);

/* The lower factor L of a positive definite matrix A = L Lᵀ, row by row, so that a further row of A
 * is a further row of L. See dense.h. */
struct dh_gp_factor {
    size_t count;
    size_t stride; /* from row to row; >= count */
    double *l;
};

void dh_gp_factor_reserve(struct dh_gp_factor *factor, size_t count);
/* Factor the matrix whose lower triangle is in l and whose diagonal is constant; false if it is not
 * positive definite beyond rounding. */
bool dh_gp_factor_compute(struct dh_gp_factor *factor);
/* A gets another row: `row` (count entries), `diagonal` at its end. O(n²). */
void dh_gp_factor_append(struct dh_gp_factor *factor, const double *row, double diagonal);
/* A loses row and column `index`. O((n - index)²). */
void dh_gp_factor_remove(struct dh_gp_factor *factor, size_t index);
/* b becomes L⁻¹ b; L⁻ᵀ b. */
void dh_gp_solve_lower(const struct dh_gp_factor *factor, double *b);
void dh_gp_solve_upper(const struct dh_gp_factor *factor, double *b);
/* `alpha` becomes A⁻¹ (y - mean) with the generalised least-squares mean, which is returned;
 * `fit` (may be NULL) becomes (y - mean)ᵀ A⁻¹ (y - mean). */
double dh_gp_solve_mean(const struct dh_gp_factor *factor, const double *y, double *alpha,
                        double *fit);

/* Log density of y whose `fit` is as above (Rasmussen & Williams, 2.30). */
double dh_gp_log_density(const struct dh_gp_factor *factor, double fit);

/* What a parameter is believed to be before any data: the density of its logarithm t is
 * ∝ exp(-(t - centre)² / 2 width² + shape·t - rate·e^t). */
struct dh_gp_prior {
    double centre, width; /* width INFINITY: no such part */
    double shape, rate;
    double lower, upper; /* t never leaves this range */
    double start;        /* where a search for it begins */
};

/* One prior for each parameter; the caller frees them. */
struct dh_gp_prior *dh_gp_priors(const struct dh_gp_layout *layout);
/* -log density, added to value; its derivatives, added to `gradient`. */
double dh_gp_prior_value(const struct dh_gp_prior *priors, size_t count, const double *parameters,
                         double *gradient);

/* The data of a likelihood, borrowed. */
struct dh_gp_data {
    const struct dh_gp_layout *layout;
    const struct dh_gp_points *points;
    const double *y;
};

/* Log marginal likelihood (Rasmussen & Williams, 2.30 and 5.9), the mean being its best, and its
 * gradient with respect to the parameters. -INFINITY where the matrix is not positive definite.
 * `memory`: room for as many numbers as dh_gp_likelihood_memory says. */
double dh_gp_likelihood(const struct dh_gp_data *data, const double *parameters, double *gradient,
                        double *memory);
size_t dh_gp_likelihood_memory(const struct dh_gp_data *data);

/* An optimisation of the parameters. Its starts are `from`, if not NULL, then the middle of the
 * prior, then chance. */
struct dh_gp_search {
    const double *from;
    size_t starts;
    size_t first, further; /* steps from each, and then from the best; of one start both at once */
};
/* The most probable parameters that it finds; O(steps · n³). `from` may be `parameters`. */
void dh_gp_search(const struct dh_gp_data *data, const struct dh_model_setup *setup,
                  const struct dh_gp_search *search, double *parameters);
/* The same, as a fit does it: from several starts, of many rows first on half of them. */
void dh_gp_optimise(const struct dh_gp_data *data, const struct dh_model_setup *setup,
                    double *parameters);

/* Parameters for values that are all the same: those most likely a priori, and hardly any noise.
 * The likelihood would have no signal and endless length scales, of which a search learns nothing
 * but the corners; with these it goes where it has not been. */
void dh_gp_suppose(const struct dh_gp_layout *layout, double *parameters);

#endif
