/* What this MPI offers, for `dhctl doctor`: library, thread level, one-sided windows. Collective;
 * called instead of a search. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "dh_mpi/comm.h"
#include "mpi_check.h"

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

/* A counter on rank 0 that every rank adds 1 to; MPI_SUCCESS if all of that works. What others wait
 * for is done also after something has failed. */
static int try_window(MPI_Comm comm, int rank)
{
    MPI_Win window;
    int64_t *memory, one = 1, before = -1;
    int code = MPI_Win_allocate(rank == 0 ? sizeof *memory : 0, sizeof *memory, MPI_INFO_NULL, comm,
                                &memory, &window);
    if (code != MPI_SUCCESS)
        return code;
    code = MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN);
    if (rank == 0)
        *memory = 0;
    code = mpi_first(code, MPI_Barrier(comm));
    if (code == MPI_SUCCESS)
        code = MPI_Win_lock_all(0, window);
    if (code == MPI_SUCCESS)
        code = MPI_Fetch_and_op(&one, &before, MPI_INT64_T, 0, 0, MPI_SUM, window);
    if (code == MPI_SUCCESS)
        code = MPI_Win_flush(0, window);
    if (code == MPI_SUCCESS)
        code = MPI_Win_unlock_all(window);
    code = mpi_first(code, MPI_Barrier(comm));
    return mpi_first(code, MPI_Win_free(&window));
}

/* The first line of `text`. */
static int line_length(const char *text)
{
    return (int)strcspn(text, "\n\r");
}

dh_status dh_comm_mpi_probe(struct dh_buffer *out, struct dh_error *err)
{
    int level = MPI_THREAD_SINGLE, rank = 0, size = 0, length = 0, worst = MPI_SUCCESS;
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "", text[MPI_MAX_ERROR_STRING] = "";
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (mpi_check(code, err, "MPI_Init_thread") != DH_OK)
        return DH_COMM;
    code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (code == MPI_SUCCESS)
        code = MPI_Get_library_version(version, &length);
    int mine = try_window(MPI_COMM_WORLD, rank);
    code = mpi_first(code, MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD));
    if (mpi_check(code, err, "asking MPI what it offers") != DH_OK)
        return DH_COMM;
    if (worst != MPI_SUCCESS && MPI_Error_string(worst, text, &length) != MPI_SUCCESS)
        snprintf(text, sizeof text, "error %d", worst);
    if (rank == 0)
        dh_buffer_printf(out, "library %.*s\nranks %d\nthreads %s\nwindows %s\n",
                         line_length(version), version, size, thread_level_name(level),
                         worst == MPI_SUCCESS ? "work" : text);
    return mpi_check(MPI_Finalize(), err, "MPI_Finalize");
}
