/* A rank that cannot be met at the end does not cost the search's exit code. Argument: that code.
 * Run under a launcher, which has to return it (test/comm/run_mpi.sh). */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/app.h"
#include "dh_mpi/comm.h"
#include "dh_mpi/log.h"

/* MPI's own, whose last meeting fails on rank 0: the others wait there. */
int MPI_Ibarrier(MPI_Comm comm, MPI_Request *request)
{
    int rank;
    MPI_Comm_rank(comm, &rank);
    return rank == 0 ? MPI_ERR_OTHER : PMPI_Ibarrier(comm, request);
}

int main(int argc, char **argv)
{
    struct dh_error err;
    struct dh_comm *comm = NULL;
    if (argc != 2)
        return 2;
    if (dh_comm_mpi_open(&comm, &err) != DH_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    bool conducts = dh_comm_rank(comm) == 0;
    struct dh_app_end end = {.code = conducts ? atoi(argv[1]) : 0, .conducts = conducts};
    const struct dh_log log = {.stream = stderr, .level = DH_LOG_ERROR, .rank = -1};
    dh_app_leave(&comm, end, &log);
    fprintf(stderr, "the end went well\n");
    return 2;
}
