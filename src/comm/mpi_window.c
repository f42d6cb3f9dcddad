/* One-sided memory on rank 0: passive target, one epoch for the window's whole life. Where all
 * ranks are on one host it is shared memory, which they read and change directly.
 *
 * Opening is an attempt: every step's return code is agreed on, so that all ranks have the window
 * or none has, whatever one of them met. (Open MPI 4.1 over plain TCP chooses its component ucx,
 * which then fails with MPI_ERR_WIN on every rank.) What could not be made everywhere is left to
 * MPI_Finalize: freeing is collective, too. Rank 0 reads and writes its memory directly, which
 * needs the unified memory model.
 *
 * Then comes a trial: each rank adds 1 to a word while rank 0 sleeps outside MPI until it sees them
 * all in its memory. If it has to give up waiting, accesses need its help.
 *
 * A rank that dies within the opening leaves the others in a collective that no MPI library gets
 * them out of: they end themselves (limit.h). */
#include "mpi_window.h"

#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "limit.h"
#include "mpi_check.h"

/* Seconds that the trial may take without rank 0's help. */
#define ALONE_PATIENCE 0.5

struct mpi_window {
    struct dh_window base;
    MPI_Win win;
    volatile uint64_t *memory; /* of rank 0, if this rank can reach it by itself; else NULL */
    bool here;                 /* this is rank 0 */
    bool shared;               /* all ranks are on one host, and all can */
};

static dh_status window_add(struct dh_window *base, size_t word, uint64_t operand, uint64_t *before,
                            struct dh_error *err)
{
    const struct mpi_window *window = (const struct mpi_window *)base;
    if (window->shared) {
        *before = __atomic_fetch_add(&window->memory[word], operand, __ATOMIC_ACQ_REL);
        return DH_OK;
    }
    int code =
        MPI_Fetch_and_op(&operand, before, MPI_UINT64_T, 0, (MPI_Aint)word, MPI_SUM, window->win);
    if (code == MPI_SUCCESS)
        code = MPI_Win_flush(0, window->win);
    return mpi_check(code, err, "adding to rank 0's window");
}

static dh_status window_read(struct dh_window *base, size_t word, size_t count, uint64_t *out,
                             struct dh_error *err)
{
    const struct mpi_window *window = (const struct mpi_window *)base;
    if (window->shared) {
        for (size_t i = 0; i < count; i++)
            out[i] = __atomic_load_n(&window->memory[word + i], __ATOMIC_ACQUIRE);
        return DH_OK;
    }
    int code = MPI_Get(out, (int)count, MPI_UINT64_T, 0, (MPI_Aint)word, (int)count, MPI_UINT64_T,
                       window->win);
    if (code == MPI_SUCCESS)
        code = MPI_Win_flush(0, window->win);
    return mpi_check(code, err, "reading rank 0's window");
}

static dh_status window_write(struct dh_window *base, size_t word, size_t count,
                              const uint64_t *words, struct dh_error *err)
{
    const struct mpi_window *window = (const struct mpi_window *)base;
    if (window->shared) {
        for (size_t i = 0; i < count; i++)
            __atomic_store_n(&window->memory[word + i], words[i], __ATOMIC_RELEASE);
        return DH_OK;
    }
    int code = MPI_Put(words, (int)count, MPI_UINT64_T, 0, (MPI_Aint)word, (int)count, MPI_UINT64_T,
                       window->win);
    if (code == MPI_SUCCESS)
        code = MPI_Win_flush(0, window->win);
    return mpi_check(code, err, "writing to rank 0's window");
}

static volatile uint64_t *window_memory(struct dh_window *base)
{
    const struct mpi_window *window = (const struct mpi_window *)base;
    return window->here ? window->memory : NULL;
}

/* A memory barrier: MPI_Win_sync fails for what is no window only. */
static void window_sync(struct dh_window *base)
{
    const struct mpi_window *window = (const struct mpi_window *)base;
    if (window->shared)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    else
        (void)MPI_Win_sync(window->win);
}

static const struct dh_window_ops mpi_window_ops = {
    .add = window_add,
    .read = window_read,
    .write = window_write,
    .memory = window_memory,
    .sync = window_sync,
};

/* Is everybody well? The greatest code of all. */
static int agree(MPI_Comm world, int mine)
{
    int worst = MPI_SUCCESS;
    int code = MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, world);
    return code == MPI_SUCCESS ? worst : code;
}

static int check_model(MPI_Win win)
{
    int *model = NULL, found = 0;
    int code = MPI_Win_get_attr(win, MPI_WIN_MODEL, &model, &found);
    if (code != MPI_SUCCESS)
        return code;
    return found && *model == MPI_WIN_UNIFIED ? MPI_SUCCESS : MPI_ERR_UNSUPPORTED_OPERATION;
}

/* Are all ranks on one host? */
static int on_one_host(MPI_Comm world, int size, bool *one)
{
    MPI_Comm host;
    int here = 0;
    int code = MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(host, &here);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_free(&host);
    *one = here == size;
    return code;
}

/* Memory that all ranks have in their address space: then no access is a call of MPI, and a rank
 * that dies within one holds nothing. */
static int allocate_shared(struct mpi_window *window, MPI_Comm world, MPI_Aint bytes)
{
    void *memory = NULL;
    MPI_Aint size = 0;
    int unit = 0;
    int code = MPI_Win_allocate_shared(bytes, sizeof(uint64_t), MPI_INFO_NULL, world, &memory,
                                       &window->win);
    if (agree(world, code) != MPI_SUCCESS)
        return code == MPI_SUCCESS ? MPI_ERR_OTHER : code;
    code = MPI_Win_shared_query(window->win, 0, &size, &unit, &memory);
    window->memory = memory;
    window->shared = agree(world, code) == MPI_SUCCESS;
    return window->shared ? MPI_SUCCESS : MPI_ERR_OTHER;
}

static int allocate(struct mpi_window *window, MPI_Comm world, MPI_Aint bytes)
{
    void *memory = NULL;
    int code =
        MPI_Win_allocate(bytes, sizeof(uint64_t), MPI_INFO_NULL, world, &memory, &window->win);
    code = agree(world, code);
    window->memory = window->here ? memory : NULL;
    return code;
}

static int start(struct mpi_window *window, size_t words, bool here)
{
    int code = MPI_Win_set_errhandler(window->win, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = check_model(window->win);
    if (code == MPI_SUCCESS)
        code = MPI_Win_lock_all(MPI_MODE_NOCHECK, window->win);
    for (size_t i = 0; here && i < words; i++)
        window->memory[i] = 0;
    if (code == MPI_SUCCESS)
        code = MPI_Win_sync(window->win);
    return code;
}

/* Sleep outside MPI until the word is `expected`, but not too long. */
static bool see_alone(const volatile uint64_t *word, uint64_t expected)
{
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    while (*word != expected && dh_clock_now(&dh_clock_monotonic) - start < ALONE_PATIENCE)
        dh_nap_wait(&nap, -1);
    return *word == expected;
}

static dh_status try_window(struct mpi_window *window, MPI_Comm world, int rank, int size,
                            bool *alone, struct dh_error *err)
{
    uint64_t was = 0;
    struct dh_error mine_err;
    int mine = MPI_SUCCESS, helped = 1;
    if (rank == 0)
        helped = !see_alone(window->memory, (uint64_t)size - 1);
    else if (window_add(&window->base, 0, 1, &was, &mine_err) != DH_OK)
        mine = MPI_ERR_OTHER;
    if (agree(world, mine) != MPI_SUCCESS)
        return dh_fail(err, DH_COMM, "adding to rank 0's window failed%s%s",
                       mine != MPI_SUCCESS ? ": " : " on another rank",
                       mine != MPI_SUCCESS ? mine_err.text : "");
    int code = MPI_Bcast(&helped, 1, MPI_INT, 0, world);
    *alone = !helped;
    if (rank == 0) {
        window_sync(&window->base);
        window->memory[0] = 0;
        window_sync(&window->base);
    }
    if (code == MPI_SUCCESS)
        code = MPI_Barrier(world); /* nobody uses it before it is zero again */
    return mpi_check(code, err, "trying rank 0's window");
}

static dh_status open_window(struct mpi_window *window, MPI_Comm world, size_t words, bool *alone,
                             struct dh_error *err)
{
    int rank = 0, size = 0;
    int code = MPI_Comm_rank(world, &rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(world, &size);
    if (mpi_check(agree(world, code), err, "asking for rank and size") != DH_OK)
        return DH_COMM;
    MPI_Aint bytes = rank == 0 ? (MPI_Aint)(words * sizeof(uint64_t)) : 0;
    bool one = false;
    window->here = rank == 0;
    code = agree(world, on_one_host(world, size, &one));
    if (code == MPI_SUCCESS && one)
        code = allocate_shared(window, world, bytes);
    if (code != MPI_SUCCESS || !one)
        code = allocate(window, world, bytes);
    if (mpi_check(code, err, "MPI_Win_allocate") != DH_OK)
        return DH_COMM;
    code = agree(world, start(window, words, rank == 0));
    if (mpi_check(code, err, "starting one-sided access") != DH_OK)
        return DH_COMM;
    return try_window(window, world, rank, size, alone, err);
}

dh_status mpi_window_open(MPI_Comm world, size_t words, bool *alone, struct dh_window **out,
                          struct dh_error *err)
{
    struct mpi_window *window = dh_alloc(1, sizeof *window);
    window->base.ops = &mpi_window_ops;
    comm_limit_window(true);
    dh_status status = open_window(window, world, words, alone, err);
    comm_limit_window(false);
    if (status == DH_OK)
        *out = &window->base;
    else
        free(window);
    return status;
}

dh_status mpi_window_close(struct dh_window **base, struct dh_error *err)
{
    struct mpi_window *window = (struct mpi_window *)*base;
    if (!window)
        return DH_OK;
    int code = MPI_Win_unlock_all(window->win);
    if (code == MPI_SUCCESS)
        code = MPI_Win_free(&window->win);
    free(window);
    *base = NULL;
    return mpi_check(code, err, "closing rank 0's window");
}
