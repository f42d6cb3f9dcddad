/* Acquisition functions: how much a point is worth evaluating, from what a surrogate says of it.
 *
 * Everything is for minimisation, and a larger score is better. Scores of one function compare
 * points with each other and mean nothing beside those of another: improvement and probability
 * are logarithms, so that they order points also where the number itself would be 0.
 */
#ifndef DH_MPI_ACQUISITION_H
#define DH_MPI_ACQUISITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/model.h"
#include "dh_mpi/random.h"

enum dh_acquisition_kind {
    DH_ACQUISITION_LCB, /* kappa * deviation - mean (Cox, John 1992) */
    DH_ACQUISITION_EI,  /* log of the expected improvement on best - xi; in the log domain as in
                           Ament et al. 2023, "Unexpected improvements" */
    DH_ACQUISITION_PI,  /* log of the probability of improving on best - xi (Kushner 1964) */
    DH_ACQUISITION_MES, /* information on the minimum: Wang, Jegelka 2017, equation 6 */
};

/* Are scores of this kind logarithms of what the kind is named after? */
bool dh_acquisition_is_logarithm(enum dh_acquisition_kind kind);

struct dh_acquisition {
    enum dh_acquisition_kind kind;
    double kappa;         /* LCB */
    double xi;            /* EI, PI: how much better than `best` it has to be */
    double best;          /* EI, PI: least value known */
    const double *minima; /* MES: samples of the minimum's value; borrowed */
    size_t minimum_count;
};

/* Score of one point whose value is normal with this mean and deviation (>= 0). Finite if these
 * two, and the numbers of the acquisition, are not above 1e150 in size; beyond, LCB can be
 * infinite and MES not a number. */
double dh_acquisition_score(const struct dh_acquisition *acquisition, double mean,
                            double deviation);
/* The score of an LCB. */
static inline double dh_acquisition_bound(const struct dh_acquisition *acquisition, double mean,
                                          double deviation)
{
    return acquisition->kappa * deviation - mean;
}
/* Derivatives of the score with respect to mean and deviation (> 0). */
void dh_acquisition_slope(const struct dh_acquisition *acquisition, double mean, double deviation,
                          double *by_mean, double *by_deviation);

/* How much of what an evaluation tells is of use: a tent around each of the row's active features
 * that are `wide`, with its feet at ± DH_REACH, says where, and the share of the tent that lies
 * within [0, 1] counts: 1/2 at a bound, 2^-n in a corner of n features, 1 away from bounds.
 * A Gaussian process is least sure at the bounds, since it has neighbours on one side only, and
 * by its bare variance a search spends much of its budget there. So its epistemic variance is
 * multiplied by this, which is 0.9^n on average: the more features, the more weighs the mean.
 * (Siivola et al. 2018, "Correcting boundary over-exploration deficiencies in Bayesian
 * optimization", describe the trouble; the rule is ours.) */
double dh_acquisition_inside(const bool *wide, size_t feature_count, const double *x);
#define DH_REACH 0.3

/* A way uphill. */
struct dh_ascent {
    const struct dh_acquisition *acquisition;
    const struct dh_model *model;
    size_t feature_count;
    size_t steps;   /* at most so many */
    bool epistemic; /* the deviation leaves out the noise */
    /* If not NULL: the epistemic variance is multiplied by dh_acquisition_inside of these. */
    const bool *wide;
};
/* Moves the features `moves` of the row `x`, as far as they are active, within [0, 1] to a local
 * maximum of the score, by the gradient (L-BFGS). False, and x stays, if the model has no
 * gradient, nothing moves or x has no score. */
bool dh_acquisition_ascend(const struct dh_ascent *ascent, const bool *moves, double *x);

/* log(phi(z) + z * Phi(z)): the logarithm of the expected improvement of a standard normal. */
double dh_log_improvement(double z);
/* log Phi(z). */
double dh_log_normal_cdf(double z);

/* `sample_count` samples of the least value at `count` points (>= 1) whose values are independent
 * and normal: a Gumbel distribution is matched to the quartiles (Wang, Jegelka 2017, section
 * 3.1). Samples are not above `best`, the least value known. */
void dh_acquisition_draw_minima(struct dh_random *random, const double *mean,
                                const double *deviation, size_t count, double best, double *samples,
                                size_t sample_count);

/* How kappa or xi change with the number of evaluations. */
enum dh_schedule_kind {
    DH_SCHEDULE_CONSTANT,
    DH_SCHEDULE_DECAY, /* from the start down to DH_SCHEDULE_FLOOR, and at least to a hundredth,
                          exponentially, anew every DH_SCHEDULE_PERIOD evaluations */
    DH_SCHEDULE_BANDIT /* sqrt(2 lambda ln(d t^2 pi^2 / (6 delta))) times the start / 1.96: GP-UCB
                          (Srinivas et al. 2010, theorem 1) with lambda 0.2 and delta 0.1 */
};
#define DH_SCHEDULE_PERIOD 10
#define DH_SCHEDULE_FLOOR 0.01
#define DH_SCHEDULE_LEAST 0.01
#define DH_SCHEDULE_LAMBDA 0.2
#define DH_SCHEDULE_DELTA 0.1
/* The value at evaluation `t` (from 1 on) of `dimensions` parameters. */
double dh_schedule_value(enum dh_schedule_kind kind, double start, uint64_t t, size_t dimensions);

/* Which of `count` choices to take, by the softmax of their gains, at uniform `u`: GP-Hedge
 * (Hoffman, Brochu, de Freitas 2011). */
size_t dh_hedge_choose(const double *gains, size_t count, double u);

#endif
