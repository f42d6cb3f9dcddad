/* What a call of MPI returned, as a status. */
#ifndef DH_MPI_COMM_MPI_CHECK_H
#define DH_MPI_COMM_MPI_CHECK_H

#include <mpi.h>

#include "dh_mpi/status.h"

/* DH_OK for MPI_SUCCESS; otherwise DH_COMM with what was tried and MPI's own text. */
dh_status mpi_check(int code, struct dh_error *err, const char *what);

/* The first failure of the two, for what is called after one, too. */
static inline int mpi_first(int code, int next)
{
    return code == MPI_SUCCESS ? next : code;
}

#endif
