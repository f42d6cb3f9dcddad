/* Which models learn the results: what the options and the level of effort make of auto. */
#ifndef DH_SEARCH_AMBS_KINDS_H
#define DH_SEARCH_AMBS_KINDS_H

#include <stdbool.h>

#include "ambs.h"
#include "ambs_fit.h"

/* Results and pending trials: most that a Gaussian process holds where it was asked for. Its time
 * grows with their cube. */
#define AMBS_GP_MOST 2000

/* The members of a fit at this level, and what each learns from. */
void ambs_choose_kinds(const struct ambs *ambs, unsigned level, struct ambs_fit *fit);
/* Is the model one that must not grow further? */
bool ambs_outgrown(const struct ambs *ambs);

#endif
