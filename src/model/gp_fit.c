/* Priors of the Gaussian process's parameters, and their most probable values: see gp.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "gp.h"
#include "lbfgs.h"
#include "team.h"

#define STARTS 3         /* of a fit */
#define FIRST_STEPS 12   /* of every start */
#define FURTHER_STEPS 40 /* of the best */
#define LAST_STEPS 10    /* on all rows, from the end on half of them */
#define LONGEST 2.0      /* change of one parameter in a step */
#define TOLERANCE 1e-2   /* in units of log likelihood: no data can tell less */
#define MANY_ROWS 160    /* from so many on, half of them are fitted first */
#define LENGTH_CENTRE (-1.2)
#define LENGTH_WIDTH 1.2
#define SPREAD 0.7 /* of random starts, in widths of the prior */

/* Length scales are log-normal with a median that grows as √d, since distances do (Hvarfner,
 * Hellsten and Nardi 2024, "Vanilla Bayesian optimization performs great in high dimensions").
 * Their prior's most probable length scale is √d e^-1.6, its width √3; centre and width here did
 * best of four pairs on benchmarks/quality at 30 to 60 evaluations (README.md of
 * benchmarks/model). The weights of categories have the median 1/√d. Signal and noise are gamma
 * distributed: about 1 for y of about unit variance; small noise is favoured, but a tenth of the
 * variance costs only a few units of log likelihood. */
struct dh_gp_prior *dh_gp_priors(const struct dh_gp_layout *layout)
{
    size_t count = dh_gp_coordinates(layout);
    double log_root = 0.5 * dh_log((double)(count ? count : 1)); /* ln √d */
    struct dh_gp_prior *priors = dh_alloc(DH_GP_SCALES + count, sizeof *priors);
    priors[DH_GP_SIGNAL] = (struct dh_gp_prior){
        .width = INFINITY, .shape = 1, .rate = 1, .lower = dh_log(1e-3), .upper = dh_log(1e3)};
    priors[DH_GP_NOISE] = (struct dh_gp_prior){.width = INFINITY,
                                               .shape = 0.1,
                                               .rate = 30,
                                               .lower = dh_log(1e-8),
                                               .upper = dh_log(1e1),
                                               .start = dh_log(1e-2)};
    struct dh_gp_prior length = {.centre = log_root + LENGTH_CENTRE,
                                 .width = LENGTH_WIDTH,
                                 .lower = dh_log(5e-3),
                                 .upper = dh_log(1e3),
                                 .start = log_root + LENGTH_CENTRE};
    struct dh_gp_prior weight = {.centre = -log_root,
                                 .width = 1.5,
                                 .lower = dh_log(1e-4),
                                 .upper = dh_log(2e1),
                                 .start = -log_root};
    for (size_t j = 0; j < count; j++)
        priors[DH_GP_SCALES + j] = j < layout->numbers ? length : weight;
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

/* One way downhill. */
struct descent {
    const struct fitting *fitting;
    double *memory; /* for the likelihood */
};

/* -log posterior. */
static double objective(void *context, const double *parameters, double *gradient)
{
    const struct descent *descent = context;
    const struct fitting *fitting = descent->fitting;
    size_t count = fitting->problem.count;
    double likelihood = dh_gp_likelihood(fitting->data, parameters, gradient, descent->memory);
    for (size_t i = 0; i < count; i++)
        gradient[i] = -gradient[i];
    return dh_gp_prior_value(fitting->priors, count, parameters, gradient) - likelihood;
}

/* Where searches begin, or by `random` near there. */
static void start_at_prior(const struct dh_gp_prior *priors, size_t count, double *parameters,
                           struct dh_random *random)
{
    for (size_t i = 0; i < count; i++) {
        double width = isfinite(priors[i].width) ? priors[i].width : 1;
        parameters[i] = priors[i].start + (random ? SPREAD * width * dh_random_normal(random) : 0);
    }
}

void dh_gp_suppose(const struct dh_gp_layout *layout, double *parameters)
{
    struct dh_gp_prior *priors = dh_gp_priors(layout);
    start_at_prior(priors, dh_gp_parameters(layout), parameters, NULL);
    parameters[DH_GP_NOISE] = priors[DH_GP_NOISE].lower;
    free(priors);
}

static void choose_starts(struct fitting *fitting, const struct dh_gp_search *search, uint64_t seed)
{
    size_t count = fitting->problem.count, at = 0;
    struct dh_random random = dh_random_at(seed, DH_STREAM_MODEL, 0);
    if (search->from)
        memcpy(fitting->starts + count * at++, search->from, count * sizeof(double));
    for (bool middle = true; at < search->starts; at++, middle = false)
        start_at_prior(fitting->priors, count, fitting->starts + count * at,
                       middle ? NULL : &random);
}

static void run_start(void *context, size_t index)
{
    struct fitting *fitting = context;
    double *start = fitting->starts + index * fitting->problem.count;
    struct descent descent = {fitting,
                              dh_alloc(dh_gp_likelihood_memory(fitting->data), sizeof(double))};
    struct dh_lbfgs problem = fitting->problem;
    problem.context = &descent;
    fitting->values[index] = dh_lbfgs_minimise(&problem, start);
    free(descent.memory);
}

/* Bounds, starts and their values in one piece of memory, which the caller frees. */
static double *prepare(struct fitting *fitting, const struct dh_gp_data *data, size_t starts)
{
    size_t count = dh_gp_parameters(data->layout);
    double *bounds = dh_alloc((2 + starts) * count + starts, sizeof *bounds);
    for (size_t i = 0; i < count; i++) {
        bounds[i] = fitting->priors[i].lower;
        bounds[count + i] = fitting->priors[i].upper;
    }
    fitting->data = data;
    fitting->problem = (struct dh_lbfgs){.count = count,
                                         .lower = bounds,
                                         .upper = bounds + count,
                                         .value = objective,
                                         .longest = LONGEST,
                                         .tolerance = TOLERANCE};
    fitting->starts = bounds + 2 * count;
    fitting->values = bounds + (2 + starts) * count;
    return bounds;
}

void dh_gp_search(const struct dh_gp_data *data, const struct dh_model_setup *setup,
                  const struct dh_gp_search *search, double *parameters)
{
    size_t starts = search->starts;
    struct dh_gp_prior *priors = dh_gp_priors(data->layout);
    struct dh_gp_prior *noise = &priors[DH_GP_NOISE];
    if (setup->tune.most_noise > 0)
        noise->upper = fmax(dh_log(setup->tune.most_noise), noise->lower);
    struct fitting fitting = {.priors = priors};
    double *memory = prepare(&fitting, data, starts);
    size_t count = fitting.problem.count, best = 0;
    choose_starts(&fitting, search, setup->seed);
    fitting.problem.steps = search->first + (starts > 1 ? 0 : search->further);
    dh_team_run(setup->threads, starts, run_start, &fitting);
    for (size_t i = 1; i < starts; i++)
        if (fitting.values[i] < fitting.values[best])
            best = i;
    fitting.problem.steps = search->further;
    if (starts > 1)
        run_start(&fitting, best);
    memcpy(parameters, fitting.starts + best * count, count * sizeof *parameters);
    free(memory);
    free(priors);
}

/* Every second row: an eighth of the time for each step, and an end from where few steps on all
 * rows are left. */
static void optimise_half(const struct dh_gp_data *data, const struct dh_model_setup *setup,
                          double *parameters)
{
    struct dh_gp_points points = {0};
    double *y = dh_alloc(data->points->count / 2 + 1, sizeof *y);
    double *point = dh_alloc(dh_gp_coordinates(data->layout), sizeof *point);
    for (size_t i = 0; i < data->points->count; i += 2) {
        y[i / 2] = data->y[i];
        dh_gp_points_get(data->points, data->layout, i, point);
        dh_gp_points_push(&points, data->layout, point);
    }
    struct dh_gp_data half = {data->layout, &points, y};
    dh_gp_optimise(&half, setup, parameters);
    free(points.values);
    free(point);
    free(y);
}

void dh_gp_optimise(const struct dh_gp_data *data, const struct dh_model_setup *setup,
                    double *parameters)
{
    struct dh_gp_search search = {NULL, STARTS, FIRST_STEPS, FURTHER_STEPS};
    if (data->points->count >= MANY_ROWS) {
        optimise_half(data, setup, parameters);
        search = (struct dh_gp_search){parameters, 1, LAST_STEPS, 0};
    }
    dh_gp_search(data, setup, &search, parameters);
}
