/* Limits on the calls of MPI that may never come back.
 *
 * Where a rank is lost or a network does not answer, a rank can be left in a collective that no MPI
 * library gets it out of again. So it says what happened and ends itself, instead of holding its
 * node until the walltime; the search can be resumed. The limit on the end of a process is
 * dh_comm_limit_end.
 *
 * SIGALRM and its timer are used, so there is one limit at a time. Not for a thread that needs
 * either. */
#ifndef DH_MPI_COMM_LIMIT_H
#define DH_MPI_COMM_LIMIT_H

#include <stdbool.h>

/* On before MPI_Init, off when the transport is open. */
void comm_limit_start(bool on);
/* On before a window is opened, off when all ranks know whether it is. */
void comm_limit_window(bool on);

#endif
