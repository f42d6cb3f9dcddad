/* Option `transfer`: old results of a task like this one say where to look. */
#ifndef DH_SEARCH_AMBS_TRANSFER_H
#define DH_SEARCH_AMBS_TRANSFER_H

#include <stdbool.h>

#include "ambs.h"
#include "dh_mpi/random.h"

/* What takes the place of the prior, by option `transfer`; NULL if no old result succeeded. Refuses
 * a search without `warm_start`. */
dh_status ambs_transfer_create(const struct ambs *ambs, struct ambs_transfer **out,
                               struct dh_error *err);
void ambs_transfer_destroy(struct ambs_transfer **transfer);
/* A settled and feasible point near good old ones. False for a share of draws, where constraints
 * hold rarely there, and without a transfer: the prior's turn. */
bool ambs_transfer_draw(const struct ambs_transfer *transfer, struct dh_random *random,
                        double *point);

#endif
