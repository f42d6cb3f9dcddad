/* What a call of MPI returned, as a status: see mpi_check.h. */
#include "mpi_check.h"

#include <stdio.h>

dh_status mpi_check(int code, struct dh_error *err, const char *what)
{
    if (code == MPI_SUCCESS)
        return DH_OK;
    char text[MPI_MAX_ERROR_STRING + 1] = "";
    int length = 0;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
        snprintf(text, sizeof text, "MPI error %d", code);
    return dh_fail(err, DH_COMM, "%s: %s", what, text);
}
