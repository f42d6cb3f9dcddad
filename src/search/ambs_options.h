/* The settings of method "ambs". */
#ifndef DH_SEARCH_AMBS_OPTIONS_H
#define DH_SEARCH_AMBS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/config.h"

#define AMBS_SURROGATE_AUTO 0 /* the others by name: ambs_surrogate_name */
/* Those behind AUTO come once more, with a d at the end: by epistemic variance only. */
enum ambs_acquisition { AMBS_AUTO, AMBS_UCB, AMBS_LCB, AMBS_EI, AMBS_PI, AMBS_MES, AMBS_HEDGE };
#define AMBS_D_VARIANT (AMBS_HEDGE) /* added to the index */
enum ambs_liar { AMBS_LIE_AUTO, AMBS_LIE_MIN, AMBS_LIE_MEAN, AMBS_LIE_MAX, AMBS_LIE_BELIEF };
enum ambs_strategy {
    AMBS_SPREAD_AUTO,
    AMBS_SPREAD_NONE,
    AMBS_SPREAD_QUCB,
    AMBS_SPREAD_TOPK,
    AMBS_SPREAD_BOLTZMANN
};
enum ambs_designs {
    AMBS_DESIGN_AUTO,
    AMBS_RANDOM,
    AMBS_SOBOL,
    AMBS_HALTON,
    AMBS_HAMMERSLEY,
    AMBS_LHS,
    AMBS_MAXIMIN,
    AMBS_GRID
};
enum ambs_failures { AMBS_FAILED_AUTO, AMBS_FAILED_WORST, AMBS_FAILED_MEAN, AMBS_FAILED_IGNORE };
enum ambs_scaling {
    AMBS_SCALING_AUTO,
    AMBS_SCALING_IDENTITY,
    AMBS_SCALING_MINMAX,
    AMBS_SCALING_LOG,
    AMBS_SCALING_QUANTILE,
    AMBS_SCALING_POWER
};
enum ambs_transfers { AMBS_TRANSFER_MODEL, AMBS_TRANSFER_TOP, AMBS_TRANSFER_BEST };
#define AMBS_LEVELS 4
#define AMBS_EFFORT_AUTO (-1) /* option "effort": 0 … 3, or this */

struct ambs_options {
    int surrogate, acquisition, schedule, liar, strategy, design, failures, scaling, transfer;
    double kappa, xi;
    int64_t initial_points, candidates, trees, effort;
    bool epistemic; /* no option: set by ambs_options_resolve */
};
#define AMBS_OPTION_COUNT 15
extern const struct dh_option ambs_option_table[AMBS_OPTION_COUNT];
/* From what the user says to what is meant in here: an acquisition with a d behind becomes the one
 * without and `epistemic`, and where the negative of the objective is learnt (`sign` < 0) the least
 * lie is the largest. */
void ambs_options_resolve(struct ambs_options *options, double sign);
/* Name in the table of models that option `surrogate` means; NULL for auto. */
const char *ambs_surrogate_name(int surrogate);
const char *ambs_transfer_name(int transfer);

#endif
