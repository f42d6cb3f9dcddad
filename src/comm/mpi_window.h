/* Windows of the MPI transport. */
#ifndef DH_MPI_COMM_MPI_WINDOW_H
#define DH_MPI_COMM_MPI_WINDOW_H

#include <mpi.h>

#include "dh_mpi/comm.h"

/* See dh_comm_window_open. */
dh_status mpi_window_open(MPI_Comm world, size_t words, bool *alone, struct dh_window **out,
                          struct dh_error *err);
/* Collective, on the communicator that it was opened on. NULL is none. */
dh_status mpi_window_close(struct dh_window **window, struct dh_error *err);

#endif
