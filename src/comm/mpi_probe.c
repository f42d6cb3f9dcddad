/* What this MPI offers, for `dhctl doctor`: library, thread level, one-sided windows. Collective;
 * called instead of a search. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "dh_mpi/comm.h"

static const char *thread_level_name(int level)
{
    static const struct {
        int level;
        const char *name;
    } names[] = {{MPI_THREAD_SINGLE, "single"},
                 {MPI_THREAD_FUNNELED, "funneled"},
                 {MPI_THREAD_SERIALIZED, "serialized"},
                 {MPI_THREAD_MULTIPLE, "multiple"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].level == level)
            return names[i].name;
    return "unknown";
}

/* A counter on rank 0 that every rank adds 1 to; MPI_SUCCESS if all of that works. */
static int try_window(MPI_Comm comm, int rank)
{
    MPI_Win window;
    int64_t *memory, one = 1, before = -1;
    int code = MPI_Win_allocate(rank == 0 ? sizeof *memory : 0, sizeof *memory, MPI_INFO_NULL, comm,
                                &memory, &window);
    if (code != MPI_SUCCESS)
        return code;
    MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN);
    if (rank == 0)
        *memory = 0;
    MPI_Barrier(comm);
    code = MPI_Win_lock_all(0, window);
    if (code == MPI_SUCCESS)
        code = MPI_Fetch_and_op(&one, &before, MPI_INT64_T, 0, 0, MPI_SUM, window);
    if (code == MPI_SUCCESS)
        code = MPI_Win_flush(0, window);
    if (code == MPI_SUCCESS)
        code = MPI_Win_unlock_all(window);
    MPI_Barrier(comm);
    MPI_Win_free(&window);
    return code;
}

/* The first line of `text`. */
static int line_length(const char *text)
{
    return (int)strcspn(text, "\n\r");
}

dh_status dh_comm_mpi_probe(struct dh_buffer *out, struct dh_error *err)
{
    int level, rank, size, length, mine, worst;
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "", text[MPI_MAX_ERROR_STRING] = "";
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return dh_fail(err, DH_COMM, "MPI_Init_thread failed");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(version, &length);
    mine = try_window(MPI_COMM_WORLD, rank);
    MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (worst != MPI_SUCCESS && MPI_Error_string(worst, text, &length) != MPI_SUCCESS)
        snprintf(text, sizeof text, "error %d", worst);
    if (rank == 0)
        dh_buffer_printf(out, "library %.*s\nranks %d\nthreads %s\nwindows %s\n",
                         line_length(version), version, size, thread_level_name(level),
                         worst == MPI_SUCCESS ? "work" : text);
    if (MPI_Finalize() != MPI_SUCCESS)
        return dh_fail(err, DH_COMM, "MPI_Finalize failed");
    return DH_OK;
}
