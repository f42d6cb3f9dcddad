/* What the forms of a report share. */
#ifndef DH_MPI_REPORT_PARTS_H
#define DH_MPI_REPORT_PARTS_H

#include "dh_mpi/report.h"

/* Trials that used up budget: ended, but not cancelled. */
uint64_t done_count(const struct dh_progress *progress);
/* The incumbent, or NULL. (After an error it may be counted and not yet be in the history.) */
const struct dh_trial *best_trial(const struct dh_progress *progress);

#endif
