/* The MPI transport between real ranks: run under a launcher with up to MOST_RANKS of them, or
 * without one. Argument `messages`: all checks; `kill`: the last rank dies and the others go on;
 * `refused`: MPI was initialised by somebody who asked for too little.
 * Exits with 1 and a text at the first thing that is wrong. */
#include <mpi.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/comm.h"

#define BIG ((size_t)10 << 20)
#define MANY 100000
#define MOST_RANKS 64
#define TIME_LIMIT 60.0
#define SKIPPED 77

/* Not an assert: it has to end the other ranks too. */
static void expect(const struct dh_comm *comm, bool good, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void expect(const struct dh_comm *comm, bool good, const char *format, ...)
{
    if (good)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "rank %d: ", comm ? dh_comm_rank(comm) : -1);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void must(const struct dh_comm *comm, dh_status status, const struct dh_error *err)
{
    expect(comm, status == DH_OK, "status %d: %s", (int)status, err->text);
}

static void await(struct dh_comm *comm, struct dh_message *message)
{
    struct dh_error err = {0};
    struct dh_nap nap = {.longest = 1e-3};
    double start = dh_clock_now(&dh_clock_monotonic);
    dh_status status;
    while ((status = dh_comm_receive(comm, message, &err)) == DH_EMPTY) {
        expect(comm, dh_clock_now(&dh_clock_monotonic) - start < TIME_LIMIT, "no message came");
        dh_nap_wait(&nap, -1);
    }
    must(comm, status, &err);
}

/* Everybody sends numbered messages of growing size to everybody, itself too; each pair's arrive
 * in order and whole. */
static void check_pairs(struct dh_comm *comm)
{
    enum { ROUNDS = 50 };
    int rank = dh_comm_rank(comm), size = dh_comm_size(comm);
    struct dh_buffer payload = {0};
    struct dh_error err = {0};
    for (int round = 0; round < ROUNDS; round++)
        for (int peer = 0; peer < size; peer++) {
            dh_buffer_clear(&payload);
            memset(dh_buffer_extend(&payload, (size_t)(round * round)), rank,
                   (size_t)(round * round));
            must(comm, dh_comm_send(comm, peer, DH_TAG_REPORT, &payload, &err), &err);
        }
    int seen[MOST_RANKS] = {0};
    for (int left = ROUNDS * size; left > 0; left--) {
        struct dh_message message;
        await(comm, &message);
        int round = seen[message.peer]++;
        expect(comm, message.tag == DH_TAG_REPORT && message.size == (size_t)(round * round),
               "message %d from rank %d has tag %d, %zu bytes", round, message.peer,
               (int)message.tag, message.size);
        for (size_t i = 0; i < message.size; i++)
            expect(comm, ((const char *)message.data)[i] == (char)message.peer, "wrong byte %zu",
                   i);
    }
    dh_buffer_free(&payload);
}

/* All ranks send their neighbour a message that no eager protocol takes, then receive. */
static void check_big(struct dh_comm *comm)
{
    int rank = dh_comm_rank(comm), size = dh_comm_size(comm);
    struct dh_buffer payload = {0};
    struct dh_error err = {0};
    memset(dh_buffer_extend(&payload, BIG), 'a' + rank, BIG);
    must(comm, dh_comm_send(comm, (rank + 1) % size, DH_TAG_RESULT, &payload, &err), &err);
    memset(payload.data, '?', BIG); /* the message is a copy */
    struct dh_message message;
    await(comm, &message);
    int from = (rank + size - 1) % size;
    expect(comm, message.peer == from && message.size == BIG, "%zu bytes from rank %d",
           message.size, message.peer);
    const char *bytes = message.data;
    for (size_t i = 0; i < BIG; i++)
        expect(comm, bytes[i] == 'a' + from, "wrong byte %zu", i);
    dh_buffer_free(&payload);
}

/* Many small messages sent before the first is received: to rank 0, and back. */
static void check_many(struct dh_comm *comm)
{
    int rank = dh_comm_rank(comm), size = dh_comm_size(comm);
    int peers = size - 1;
    struct dh_buffer payload = {0};
    struct dh_error err = {0};
    double start = dh_clock_now(&dh_clock_monotonic);
    if (peers == 0)
        return;
    int each = MANY / peers;
    for (int n = 0; n < each; n++)
        for (int peer = rank ? 0 : 1; peer < (rank ? 1 : size); peer++) {
            dh_buffer_clear(&payload);
            dh_put_u64(&payload, (uint64_t)n);
            must(comm, dh_comm_send(comm, peer, DH_TAG_CLAIM, &payload, &err), &err);
        }
    uint64_t next[MOST_RANKS] = {0};
    for (int left = rank ? each : each * peers; left > 0; left--) {
        struct dh_message message;
        await(comm, &message);
        struct dh_reader reader = dh_reader_of(message.data, message.size);
        uint64_t number = dh_get_u64(&reader);
        expect(comm, dh_reader_complete(&reader) && number == next[message.peer],
               "number %llu from rank %d is out of order", (unsigned long long)number,
               message.peer);
        next[message.peer]++;
    }
    if (rank == 0)
        printf("%d messages each way: %.0f/s on rank 0\n", each * peers,
               2.0 * each * peers / (dh_clock_now(&dh_clock_monotonic) - start));
    dh_buffer_free(&payload);
}

/* One rank comes late to the end: the others wait without using their cores. */
static dh_status close_late(struct dh_comm **comm, struct dh_error *err)
{
    if (dh_comm_rank(*comm) == 0)
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    dh_status status = dh_comm_close(comm, err);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double used =
        (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    if (status == DH_OK && used >= 0.3)
        return dh_fail(err, DH_INTERNAL, "waiting for a second used %.2f s of CPU time", used);
    return status;
}

static void check_errors(struct dh_comm *comm)
{
    struct dh_error err = {0};
    int size = dh_comm_size(comm);
    expect(comm, dh_comm_send(comm, size, DH_TAG_TASK, NULL, &err) == DH_INTERNAL,
           "a send to rank %d was taken", size);
    expect(comm, dh_comm_mpi_self(comm) != NULL, "no communicator for plugins");
    struct dh_message message;
    expect(comm, dh_comm_receive(comm, &message, &err) == DH_EMPTY, "a message that nobody sent");
}

/* The last rank dies. Rank 0 goes on sending to it, and the living still hear each other. */
static void survive(struct dh_comm *comm)
{
    int rank = dh_comm_rank(comm), last = dh_comm_size(comm) - 1;
    struct dh_buffer payload = {0};
    struct dh_message message;
    struct dh_error err = {0};
    if (rank == last) {
        must(comm, dh_comm_send(comm, 0, DH_TAG_HELLO, NULL, &err), &err);
        for (int i = 0; i < 200; i++) { /* the send may need further calls to leave */
            dh_comm_receive(comm, &message, &err);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        raise(SIGKILL);
    }
    if (rank == 0) {
        await(comm, &message);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        dh_buffer_extend(&payload, 100000);
        for (int i = 0; i < 10; i++) {
            dh_comm_send(comm, last, DH_TAG_CANCEL, i % 2 ? &payload : NULL, &err);
            expect(comm, dh_comm_receive(comm, &message, &err) == DH_EMPTY, "a message too many");
        }
        for (int peer = 1; peer < last; peer++)
            must(comm, dh_comm_send(comm, peer, DH_TAG_TASK, &payload, &err), &err);
    }
    for (int left = rank ? 1 : last - 1; left > 0; left--) {
        await(comm, &message);
        expect(comm, message.size == 100000, "%zu bytes", message.size);
        struct dh_buffer echo = {.data = (char *)message.data, .size = message.size};
        if (rank)
            must(comm, dh_comm_send(comm, 0, DH_TAG_RESULT, &echo, &err), &err);
    }
    dh_buffer_free(&payload);
}

static void check_messages(struct dh_comm *comm)
{
    check_errors(comm);
    MPI_Barrier(MPI_COMM_WORLD); /* keeps the phases apart, with the next */
    check_pairs(comm);
    MPI_Barrier(MPI_COMM_WORLD);
    check_big(comm);
    MPI_Barrier(MPI_COMM_WORLD);
    check_many(comm);
}

/* An MPI that gives too little is refused, and then nothing limits what this process still does. */
static int be_refused(void)
{
    int level;
    struct dh_comm *comm;
    struct dh_error err = {0};
    MPI_Init_thread(NULL, NULL, MPI_THREAD_SINGLE, &level);
    if (level >= MPI_THREAD_FUNNELED)
        return SKIPPED;
    expect(NULL, dh_comm_mpi_open(&comm, &err) == DH_COMM, "%s", err.text);
    expect(NULL, alarm(0) == 0, "the time limit of MPI's start goes on");
    return MPI_Finalize() == MPI_SUCCESS ? 0 : 1;
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "refused") == 0)
        return be_refused();
    bool dying = count > 1 && strcmp(arguments[1], "kill") == 0;
    struct dh_comm *comm;
    struct dh_error err = {0};
    dh_status status = dh_comm_mpi_open(&comm, &err);
    must(NULL, status, &err);
    int rank = dh_comm_rank(comm);
    expect(comm, dh_comm_size(comm) <= MOST_RANKS, "too many ranks");
    if (dying)
        survive(comm);
    else
        check_messages(comm);
    if (dying) {
        dh_comm_leave(&comm);
        printf("survived %d\n", rank);
        fflush(stdout);
        _exit(comm == NULL ? 0 : 1);
    }
    status = close_late(&comm, &err);
    if (status != DH_OK)
        fprintf(stderr, "close: %s\n", err.text);
    return status == DH_OK && !comm ? 0 : 1;
}
