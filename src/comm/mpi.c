/* The MPI transport: point-to-point messages on a duplicate of MPI_COMM_WORLD. MPI 3.1, called by
 * one thread; one-sided accesses are in mpi_window.c.
 *
 * A send copies the message into a parcel from a pool and starts an MPI_Isend of it; each later
 * call tests a few of the sends under way and takes their parcels back, so that a sender's memory
 * follows what its peers have not yet taken. A receive is MPI_Improbe and MPI_Mrecv into one
 * buffer that grows. The barrier at the end is a non-blocking one, waited for with naps: a rank
 * that waits leaves its core to the evaluations.
 *
 * Death of a peer (mpiexec --enable-recovery): a send to it fails, or stays under way for ever
 * (Open MPI 4.1 over TCP). It never ends this process: SIGPIPE is ignored, since Open MPI writes
 * to a socket that the peer's death has closed. A failure found late is returned by the next send
 * to that peer. close waits a limited time for sends that do not complete, and for the others; if
 * that is not enough, somebody is lost, and MPI_Finalize, which would wait for ever, is not called.
 * leave does not even try. */
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/comm.h"
#include "limit.h"
#include "mpi_check.h"
#include "mpi_window.h"

/* Seconds that close waits for sends to complete. */
#define CLOSE_PATIENCE 5.0
/* … and then for the other ranks, which may have to end evaluations that do not want to die. */
#define MEET_PATIENCE 60.0
/* Seconds that leave waits for sends to complete, and then takes what others still send: a socket
 * that is closed with bytes unread in it takes with it those under way to the other side. */
#define LEAVE_PATIENCE 1.0
#define LINGER 0.3
/* Sends tested on every call: more than one, so that a backlog shrinks. */
#define TESTS_A_CALL 4
/* Parcels hold at least SMALL bytes; the pool keeps those up to LARGE, and so many of them. */
#define SMALL 256
#define LARGE 65536
#define POOL_LIMIT 1024

struct parcel {
    struct parcel *next; /* in the pool */
    size_t capacity;
    int peer;
    char bytes[];
};

struct sending {
    MPI_Request request;
    struct parcel *parcel;
};

struct mpi_comm {
    struct dh_comm base;
    MPI_Comm world;
    MPI_Comm self, group; /* group: MPI_COMM_NULL until there is one */
    int rank, size;
    bool initialised_here;
    struct sending *sendings; /* under way, in no order */
    size_t sending_count, sending_capacity, cursor;
    struct parcel *pool;
    size_t pool_count;
    char **lost;              /* per rank: why sends to it fail, or NULL */
    struct dh_buffer inbox;   /* the last message */
    struct dh_window *window; /* NULL: none was opened */
};

/* As mpi_check, and names this rank. */
static dh_status check(int code, struct dh_error *err, const char *what, int rank)
{
    dh_status status = mpi_check(code, err, what);
    if (status != DH_OK)
        dh_fail_context(err, "rank %d", rank);
    return status;
}

static struct parcel *parcel_take(struct mpi_comm *mpi, int peer, const void *data, size_t size)
{
    struct parcel *parcel = mpi->pool;
    if (parcel && size <= parcel->capacity) {
        mpi->pool = parcel->next;
        mpi->pool_count--;
    } else {
        size_t capacity = size < SMALL ? SMALL : size;
        parcel = dh_alloc(1, sizeof *parcel + capacity);
        parcel->capacity = capacity;
    }
    parcel->peer = peer;
    if (size)
        memcpy(parcel->bytes, data, size);
    return parcel;
}

static void parcel_return(struct mpi_comm *mpi, struct parcel *parcel)
{
    if (parcel->capacity > LARGE || mpi->pool_count == POOL_LIMIT) {
        free(parcel);
        return;
    }
    parcel->next = mpi->pool;
    mpi->pool = parcel;
    mpi->pool_count++;
}

/* Remember the first failure of a send to `peer`; takes its text from `err`. */
static void mark_lost(struct mpi_comm *mpi, int peer, const struct dh_error *err)
{
    if (!mpi->lost[peer])
        mpi->lost[peer] = dh_strdup(err->text);
}

/* Test the send at `index`; when it is over, its parcel goes back and the last send takes its
 * place. True if it was over. */
static bool test_sending(struct mpi_comm *mpi, size_t index)
{
    struct sending *sending = &mpi->sendings[index];
    int done = 0;
    int code = MPI_Test(&sending->request, &done, MPI_STATUS_IGNORE);
    struct dh_error err;
    if (check(code, &err, "sending", mpi->rank) != DH_OK)
        mark_lost(mpi, sending->parcel->peer, &err);
    if (code != MPI_SUCCESS && sending->request != MPI_REQUEST_NULL)
        return false; /* MPI may still read the parcel */
    if (code == MPI_SUCCESS && !done)
        return false;
    parcel_return(mpi, sending->parcel);
    *sending = mpi->sendings[--mpi->sending_count];
    return true;
}

/* Test up to `tests` sends, going round. */
static void drain(struct mpi_comm *mpi, size_t tests)
{
    for (; tests > 0 && mpi->sending_count > 0; tests--) {
        if (mpi->cursor >= mpi->sending_count)
            mpi->cursor = 0;
        if (!test_sending(mpi, mpi->cursor))
            mpi->cursor++;
    }
}

static int mpi_rank(const struct dh_comm *comm)
{
    return ((const struct mpi_comm *)comm)->rank;
}

static int mpi_size(const struct dh_comm *comm)
{
    return ((const struct mpi_comm *)comm)->size;
}

static dh_status mpi_send(struct dh_comm *comm, int peer, enum dh_tag tag, const void *data,
                          size_t size, struct dh_error *err)
{
    struct mpi_comm *mpi = (struct mpi_comm *)comm;
    drain(mpi, TESTS_A_CALL);
    if (mpi->lost[peer])
        return dh_fail(err, DH_COMM, "rank %d is lost: %s", peer, mpi->lost[peer]);
    if (size > INT_MAX)
        return dh_fail(err, DH_COMM, "message of %zu bytes to rank %d: MPI sends at most %d", size,
                       peer, INT_MAX);
    struct sending sending = {.parcel = parcel_take(mpi, peer, data, size)};
    int code = MPI_Isend(sending.parcel->bytes, (int)size, MPI_BYTE, peer, (int)tag, mpi->world,
                         &sending.request);
    if (code == MPI_SUCCESS) {
        *DH_PUSH(mpi->sendings, mpi->sending_count, mpi->sending_capacity) = sending;
        return DH_OK;
    }
    parcel_return(mpi, sending.parcel);
    struct dh_error late;
    check(code, &late, "sending", mpi->rank);
    mark_lost(mpi, peer, &late);
    return dh_fail(err, DH_COMM, "rank %d is lost: %s", peer, late.text);
}

static dh_status mpi_receive(struct dh_comm *comm, struct dh_message *out, struct dh_error *err)
{
    struct mpi_comm *mpi = (struct mpi_comm *)comm;
    drain(mpi, TESTS_A_CALL);
    int there = 0, size = 0;
    MPI_Message message;
    MPI_Status status;
    int code = MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, mpi->world, &there, &message, &status);
    if (check(code, err, "looking for a message", mpi->rank) != DH_OK)
        return DH_COMM;
    if (!there)
        return DH_EMPTY;
    int peer = status.MPI_SOURCE, tag = status.MPI_TAG;
    code = MPI_Get_count(&status, MPI_BYTE, &size);
    if (check(code, err, "size of a message", mpi->rank) != DH_OK)
        return DH_COMM;
    dh_buffer_clear(&mpi->inbox);
    void *bytes = dh_buffer_extend(&mpi->inbox, (size_t)size);
    code = MPI_Mrecv(bytes, size, MPI_BYTE, &message, MPI_STATUS_IGNORE);
    if (check(code, err, "receiving a message", mpi->rank) != DH_OK) {
        if (err)
            dh_fail_context(err, "message %d of %d bytes from rank %d", tag, size, peer);
        return DH_COMM;
    }
    *out = (struct dh_message){
        .peer = peer, .tag = (enum dh_tag)tag, .data = mpi->inbox.data, .size = (size_t)size};
    return DH_OK;
}

/* Wait until no send is under way, but no longer than `patience`. */
static dh_status finish_sends(struct mpi_comm *mpi, double patience, struct dh_error *err)
{
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    for (;;) {
        drain(mpi, mpi->sending_count);
        if (mpi->sending_count == 0)
            return DH_OK;
        if (dh_clock_now(&dh_clock_monotonic) - start > patience)
            return dh_fail(err, DH_COMM,
                           "rank %d: %zu messages were never taken, the first by rank %d",
                           mpi->rank, mpi->sending_count, mpi->sendings[0].parcel->peer);
        dh_nap_wait(&nap, -1);
    }
}

/* Wait with naps for the other ranks. */
static dh_status meet(struct mpi_comm *mpi, struct dh_error *err)
{
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    MPI_Request request;
    int code = MPI_Ibarrier(mpi->world, &request);
    for (int done = 0;;) {
        if (code == MPI_SUCCESS)
            code = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (check(code, err, "last barrier", mpi->rank) != DH_OK)
            return DH_COMM;
        if (done)
            return DH_OK;
        if (dh_clock_now(&dh_clock_monotonic) - start > MEET_PATIENCE)
            return dh_fail(err, DH_COMM, "rank %d: not all ranks came to the end within %g s",
                           mpi->rank, MEET_PATIENCE);
        dh_nap_wait(&nap, -1);
    }
}

static void release(struct mpi_comm *mpi)
{
    while (mpi->pool) {
        struct parcel *parcel = mpi->pool;
        mpi->pool = parcel->next;
        free(parcel);
    }
    for (int rank = 0; rank < mpi->size; rank++)
        free(mpi->lost[rank]);
    free(mpi->lost);
    free(mpi->sendings);
    dh_buffer_free(&mpi->inbox);
    free(mpi);
}

static dh_status mpi_close(struct dh_comm *comm, struct dh_error *err)
{
    struct mpi_comm *mpi = (struct mpi_comm *)comm;
    int rank = mpi->rank;
    bool finalize = mpi->initialised_here;
    dh_status status = finish_sends(mpi, CLOSE_PATIENCE, err);
    if (status == DH_OK)
        status = meet(mpi, err);
    if (status == DH_OK && mpi->group != MPI_COMM_NULL)
        status = check(MPI_Comm_free(&mpi->group), err, "freeing a communicator", rank);
    if (status == DH_OK)
        status = mpi_window_close(&mpi->window, err);
    if (status == DH_OK)
        status = check(MPI_Comm_free(&mpi->self), err, "freeing a communicator", rank);
    if (status == DH_OK)
        status = check(MPI_Comm_free(&mpi->world), err, "freeing a communicator", rank);
    if (status == DH_OK && finalize)
        status = check(MPI_Finalize(), err, "MPI_Finalize", rank);
    if (status == DH_OK)
        release(mpi); /* otherwise MPI may still use it */
    return status;
}

static void mpi_leave(struct dh_comm *comm)
{
    struct mpi_comm *mpi = (struct mpi_comm *)comm;
    struct dh_message ignored;
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    if (mpi->world == MPI_COMM_NULL) /* MPI_Finalize failed: there is nothing under way */
        return;
    finish_sends(mpi, LEAVE_PATIENCE, NULL);
    double end = dh_clock_now(&dh_clock_monotonic) + LINGER;
    while (dh_clock_now(&dh_clock_monotonic) < end)
        if (mpi_receive(comm, &ignored, NULL) != DH_OK)
            dh_nap_wait(&nap, -1);
}

static void mpi_abort(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

/* Its messages must not be taken by mpi_receive, so it is made from the communicator that nothing
 * else uses. */
static dh_status mpi_group(struct dh_comm *comm, const int32_t *ranks, int count, const void **out,
                           struct dh_error *err)
{
    struct mpi_comm *mpi = (struct mpi_comm *)comm;
    MPI_Group all = MPI_GROUP_NULL, some = MPI_GROUP_NULL;
    int *members = dh_alloc((size_t)count, sizeof *members);
    for (int i = 0; i < count; i++)
        members[i] = ranks[i];
    int code = MPI_Comm_group(MPI_COMM_WORLD, &all);
    if (code == MPI_SUCCESS)
        code = MPI_Group_incl(all, count, members, &some);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_create_group(MPI_COMM_WORLD, some, 0, &mpi->group);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(mpi->group, MPI_ERRORS_RETURN);
    if (some != MPI_GROUP_NULL)
        code = mpi_first(code, MPI_Group_free(&some));
    if (all != MPI_GROUP_NULL)
        code = mpi_first(code, MPI_Group_free(&all));
    free(members);
    *out = &mpi->group;
    return check(code, err, "making the communicator of a group", mpi->rank);
}

static dh_status mpi_window_open_here(struct dh_comm *comm, size_t words, bool *alone,
                                      struct dh_window **out, struct dh_error *err)
{
    struct mpi_comm *mpi = (struct mpi_comm *)comm;
    dh_status status = mpi_window_open(mpi->world, words, alone, &mpi->window, err);
    *out = mpi->window;
    return status;
}

static const struct dh_comm_ops mpi_ops = {
    .name = "mpi",
    .rank = mpi_rank,
    .size = mpi_size,
    .send = mpi_send,
    .receive = mpi_receive,
    .close = mpi_close,
    .leave = mpi_leave,
    .abort = mpi_abort,
    .group = mpi_group,
    .window_open = mpi_window_open_here,
};

/* MPI_Init_thread unless that was done; DH_COMM if MPI gives less than FUNNELED. */
static dh_status initialise(bool *here, struct dh_error *err)
{
    int initialised = 0, provided = MPI_THREAD_SINGLE;
    if (check(MPI_Initialized(&initialised), err, "MPI_Initialized", -1) != DH_OK)
        return DH_COMM;
    *here = !initialised;
    int code = initialised ? MPI_Query_thread(&provided)
                           : MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (check(code, err, "MPI_Init_thread", -1) != DH_OK)
        return DH_COMM;
    if (provided < MPI_THREAD_FUNNELED)
        return dh_fail(err, DH_COMM,
                       "this MPI library gives thread level %d; dh_mpi needs MPI_THREAD_FUNNELED "
                       "(%d): threads beside the one that calls MPI",
                       provided, MPI_THREAD_FUNNELED);
    return DH_OK;
}

static dh_status duplicate(struct mpi_comm *mpi, struct dh_error *err)
{
    int code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_dup(MPI_COMM_WORLD, &mpi->world);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(mpi->world, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_dup(MPI_COMM_SELF, &mpi->self);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(mpi->world, &mpi->rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(mpi->world, &mpi->size);
    return check(code, err, "duplicating MPI_COMM_WORLD", -1);
}

dh_status dh_comm_mpi_open(struct dh_comm **out, struct dh_error *err)
{
    *out = NULL;
    signal(SIGPIPE, SIG_IGN);
    struct mpi_comm *mpi = dh_alloc(1, sizeof *mpi);
    mpi->base.ops = &mpi_ops;
    mpi->group = MPI_COMM_NULL;
    comm_limit_start(true);
    dh_status status = initialise(&mpi->initialised_here, err);
    if (status == DH_OK)
        status = duplicate(mpi, err);
    comm_limit_start(false);
    if (status != DH_OK) {
        free(mpi);
        return status;
    }
    mpi->lost = dh_alloc((size_t)mpi->size, sizeof *mpi->lost);
    *out = &mpi->base;
    return DH_OK;
}

const void *dh_comm_mpi_self(const struct dh_comm *comm)
{
    return comm && comm->ops == &mpi_ops ? &((const struct mpi_comm *)comm)->self : NULL;
}
