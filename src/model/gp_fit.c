/* Priors of the Gaussian process's parameters, and their most probable values: see gp.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "gp.h"
#include "lbfgs.h"
#include "team.h"

#define RESTARTS 3       /* starts of a fit, the warm one included */
#define FIRST_STEPS 12   /* of every start */
#define FURTHER_STEPS 40 /* of the best */
#define TOLERANCE 1e-4   /* in units of log likelihood */
#define SPREAD 0.7       /* of random starts, in widths of the prior */

/* Length scales are log-normal with a median that grows as √d, since distances do (Hvarfner,
 * Hellsten and Nardi 2024, "Vanilla Bayesian optimization performs great in high dimensions").
 * Signal and noise are gamma distributed: about 1 for y of about unit variance; small noise is
 * favoured, but a tenth of the variance costs only a few units of log likelihood. */
struct dh_gp_prior *dh_gp_priors(const struct dh_gp_layout *layout)
{
    size_t count = dh_gp_coordinates(layout);
    double dimension = 0.5 * dh_log((double)(count ? count : 1));
    struct dh_gp_prior *priors = dh_alloc(2 + count, sizeof *priors);
    priors[0] = (struct dh_gp_prior){
        .width = INFINITY, .shape = 1, .rate = 1, .lower = dh_log(1e-3), .upper = dh_log(1e3)};
    priors[1] = (struct dh_gp_prior){
        .width = INFINITY, .shape = 0.1, .rate = 30, .lower = dh_log(1e-6), .upper = dh_log(1e1)};
    for (size_t j = 0; j < layout->numbers; j++)
        priors[2 + j] = (struct dh_gp_prior){
            .centre = dimension, .width = 1, .lower = dh_log(5e-3), .upper = dh_log(1e3)};
    for (size_t j = layout->numbers; j < count; j++)
        priors[2 + j] = (struct dh_gp_prior){
            .centre = -dimension, .width = 1.5, .lower = dh_log(1e-4), .upper = dh_log(2e1)};
    return priors;
}

double dh_gp_prior_value(const struct dh_gp_prior *priors, size_t count, const double *parameters,
                         double *gradient)
{
    double value = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dh_gp_prior *p = priors + i;
        double t = parameters[i], u = (t - p->centre) / p->width;
        value += 0.5 * u * u - p->shape * t + p->rate * dh_exp(t);
        gradient[i] += u / p->width - p->shape + p->rate * dh_exp(t);
    }
    return value;
}

struct fitting {
    const struct dh_gp_data *data;
    const struct dh_gp_prior *priors;
    struct dh_lbfgs problem;
    double *starts; /* one after the other */
    double *values;
};

/* -log posterior. */
static double objective(void *context, const double *parameters, double *gradient)
{
    const struct fitting *fitting = context;
    size_t count = fitting->problem.count;
    double likelihood = dh_gp_likelihood(fitting->data, parameters, gradient);
    for (size_t i = 0; i < count; i++)
        gradient[i] = -gradient[i];
    return dh_gp_prior_value(fitting->priors, count, parameters, gradient) - likelihood;
}

static void start_at_prior(const struct dh_gp_prior *priors, size_t count, double *parameters,
                           struct dh_random *random)
{
    for (size_t i = 0; i < count; i++) {
        double width = isfinite(priors[i].width) ? priors[i].width : 1;
        double centre = i == 1 ? dh_log(1e-2) : priors[i].centre;
        parameters[i] = centre + (random ? SPREAD * width * dh_random_normal(random) : 0);
    }
}

/* An earlier fit's parameters first, if there are any, then the middle of the prior, then chance.
 */
static void choose_starts(struct fitting *fitting, const struct dh_model_setup *setup,
                          size_t starts)
{
    size_t count = fitting->problem.count, at = 0;
    struct dh_random random = dh_random_at(setup->seed, DH_STREAM_MODEL, 0);
    if (setup->warm_parameters && setup->warm_parameter_count == count)
        memcpy(fitting->starts + count * at++, setup->warm_parameters, count * sizeof(double));
    for (bool middle = true; at < starts; at++, middle = false)
        start_at_prior(fitting->priors, count, fitting->starts + count * at,
                       middle ? NULL : &random);
}

static void run_start(void *context, size_t index)
{
    struct fitting *fitting = context;
    double *start = fitting->starts + index * fitting->problem.count;
    fitting->values[index] = dh_lbfgs_minimise(&fitting->problem, start);
}

void dh_gp_optimise(const struct dh_gp_data *data, const struct dh_model_setup *setup,
                    double *parameters)
{
    size_t count = dh_gp_parameters(data->layout);
    size_t starts = setup->tune.restarts ? setup->tune.restarts : RESTARTS;
    struct dh_gp_prior *priors = dh_gp_priors(data->layout);
    double *bounds = dh_alloc((2 + starts) * count + starts, sizeof *bounds);
    for (size_t i = 0; i < count; i++) {
        bounds[i] = priors[i].lower;
        bounds[count + i] = priors[i].upper;
    }
    struct fitting fitting = {
        .data = data,
        .priors = priors,
        .problem = {.count = count,
                    .lower = bounds,
                    .upper = bounds + count,
                    .value = objective,
                    .steps = FIRST_STEPS,
                    .tolerance = TOLERANCE},
        .starts = bounds + 2 * count,
        .values = bounds + (2 + starts) * count,
    };
    fitting.problem.context = &fitting;
    choose_starts(&fitting, setup, starts);
    dh_team_run(setup->threads, starts, run_start, &fitting);
    size_t best = 0;
    for (size_t i = 1; i < starts; i++)
        if (fitting.values[i] < fitting.values[best])
            best = i;
    fitting.problem.steps = FURTHER_STEPS;
    run_start(&fitting, best);
    memcpy(parameters, fitting.starts + best * count, count * sizeof *parameters);
    free(bounds);
    free(priors);
}
