/* The settings of method "ambs". */
#include "ambs_options.h"
#include "dh_mpi/acquisition.h"

#define FOREST 1 /* a surrogate's other name */
static const char *const surrogates[] = {[AMBS_SURROGATE_AUTO] = "auto",
                                         [FOREST] = "forest",
                                         "et",
                                         "rf",
                                         "bagging",
                                         "subspace",
                                         "gbrt",
                                         "gp",
                                         "dummy",
                                         NULL};
#define BOTH(acquisition, name) [acquisition] = name, [(acquisition) + AMBS_D_VARIANT] = name "d"
static const char *const acquisitions[] = {
    [AMBS_AUTO] = "auto", BOTH(AMBS_UCB, "ucb"), BOTH(AMBS_LCB, "lcb"),        BOTH(AMBS_EI, "ei"),
    BOTH(AMBS_PI, "pi"),  BOTH(AMBS_MES, "mes"), BOTH(AMBS_HEDGE, "gp_hedge"), NULL};
static const char *const schedules[] = {[DH_SCHEDULE_CONSTANT] = "constant",
                                        [DH_SCHEDULE_DECAY] = "decay",
                                        [DH_SCHEDULE_BANDIT] = "bandit",
                                        NULL};
static const char *const liars[] = {
    [AMBS_LIE_AUTO] = "auto",  [AMBS_LIE_MIN] = "cl_min",    [AMBS_LIE_MEAN] = "cl_mean",
    [AMBS_LIE_MAX] = "cl_max", [AMBS_LIE_BELIEF] = "belief", NULL};
static const char *const strategies[] = {
    [AMBS_SPREAD_AUTO] = "auto", [AMBS_SPREAD_NONE] = "none",           [AMBS_SPREAD_QUCB] = "qucb",
    [AMBS_SPREAD_TOPK] = "topk", [AMBS_SPREAD_BOLTZMANN] = "boltzmann", NULL};
static const char *const designs[] = {[AMBS_DESIGN_AUTO] = "auto",
                                      [AMBS_RANDOM] = "random",
                                      [AMBS_SOBOL] = "sobol",
                                      [AMBS_HALTON] = "halton",
                                      [AMBS_HAMMERSLEY] = "hammersley",
                                      [AMBS_LHS] = "lhs",
                                      [AMBS_MAXIMIN] = "maximin",
                                      [AMBS_GRID] = "grid",
                                      NULL};
static const char *const failures[] = {[AMBS_FAILED_AUTO] = "auto",
                                       [AMBS_FAILED_WORST] = "worst",
                                       [AMBS_FAILED_MEAN] = "mean",
                                       [AMBS_FAILED_IGNORE] = "ignore",
                                       NULL};
static const char *const scalings[] = {[AMBS_SCALING_AUTO] = "auto",
                                       [AMBS_SCALING_IDENTITY] = "identity",
                                       [AMBS_SCALING_MINMAX] = "minmax",
                                       [AMBS_SCALING_LOG] = "log",
                                       [AMBS_SCALING_QUANTILE] = "quantile",
                                       [AMBS_SCALING_POWER] = "power",
                                       NULL};
static const char *const transfers[] = {
    [AMBS_TRANSFER_MODEL] = "model",
    [AMBS_TRANSFER_TOP] = "top",
    [AMBS_TRANSFER_BEST] = "best",
    NULL,
};

void ambs_options_resolve(struct ambs_options *options, double sign)
{
    options->epistemic = options->acquisition > AMBS_HEDGE;
    if (options->epistemic)
        options->acquisition -= AMBS_D_VARIANT;
    if (sign < 0 && options->liar == AMBS_LIE_MIN)
        options->liar = AMBS_LIE_MAX;
    else if (sign < 0 && options->liar == AMBS_LIE_MAX)
        options->liar = AMBS_LIE_MIN;
}

const char *ambs_surrogate_name(int surrogate)
{
    if (surrogate == AMBS_SURROGATE_AUTO)
        return NULL;
    return surrogate == FOREST ? "et" : surrogates[surrogate];
}

const char *ambs_transfer_name(int transfer)
{
    return transfers[transfer];
}

#define CHOICE(key, field, list, standard, text)                                                   \
    {                                                                                              \
        .name = key, .type = DH_OPTION_CHOICE, .offset = offsetof(struct ambs_options, field),     \
        .choices = list, .fallback = standard, .help = text                                        \
    }

const struct dh_option ambs_option_table[AMBS_OPTION_COUNT] = {
    CHOICE("surrogate", surrogate, surrogates, AMBS_SURROGATE_AUTO,
           "the model; auto: by the number of results and parameters"),
    CHOICE("acquisition", acquisition, acquisitions, AMBS_AUTO,
           "what makes a point worth trying; with a d behind: epistemic variance only"),
    CHOICE("schedule", schedule, schedules, DH_SCHEDULE_CONSTANT,
           "how kappa and xi change with the number of proposals"),
    CHOICE("liar", liar, liars, AMBS_LIE_AUTO, "what a pending trial is taken to be worth"),
    CHOICE("multi_point", strategy, strategies, AMBS_SPREAD_AUTO,
           "what keeps proposals apart that are made at the same time"),
    CHOICE("initial_design", design, designs, AMBS_DESIGN_AUTO, "the points before any model"),
    CHOICE("failures", failures, failures, AMBS_FAILED_AUTO,
           "what a failed trial teaches; auto: where trials fail"),
    CHOICE("transform", scaling, scalings, AMBS_SCALING_AUTO,
           "of objectives; auto: power, in a crowd's first rounds also logarithms"),
    CHOICE("transfer", transfer, transfers, AMBS_TRANSFER_MODEL,
           "what warm_start gives: model, all values; top or best, only where to look"),
    {.name = "effort",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct ambs_options, effort),
     .fallback = AMBS_EFFORT_AUTO,
     .low = AMBS_EFFORT_AUTO,
     .high = AMBS_LEVELS - 1,
     .help = "of an ask, 0 to 3; -1: the most for which no slot waits"},
    {.name = "kappa",
     .type = DH_OPTION_REAL,
     .offset = offsetof(struct ambs_options, kappa),
     .fallback = 1.96,
     .low = 0,
     .high = 1e6,
     .help = "weight of the deviation in ucb"},
    {.name = "xi",
     .type = DH_OPTION_REAL,
     .offset = offsetof(struct ambs_options, xi),
     .fallback = 0.001,
     .low = 0,
     .high = 1e6,
     .help = "improvement that ei and pi ask for, in deviations of the objective"},
    {.name = "initial_points",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct ambs_options, initial_points),
     .low = 0,
     .high = 1e9,
     .help = "results before the model is asked; 0: by the number of parameters, and fewer while "
             "many are pending"},
    {.name = "candidates",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct ambs_options, candidates),
     .low = 0,
     .high = 1e6,
     .help = "points scored for a proposal; 0: by the level of effort"},
    {.name = "trees",
     .type = DH_OPTION_INT,
     .offset = offsetof(struct ambs_options, trees),
     .low = 0,
     .high = 1e5,
     .help = "of a forest, or rounds of gbrt; 0: its own default"},
};
