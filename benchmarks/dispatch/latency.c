/* What a message costs: the two numbers that `dhctl simulate` takes for granted.
 *
 *     mpiexec -n 2 latency
 *
 * Prints the microseconds that a message of 256 bytes is on its way (half of a round trip, waiting
 * without naps: the quickest of 20,000, and their median), and the microseconds of CPU time that
 * rank 0 spends on a message: half of what sending one by MPI_Isend and receiving one by
 * MPI_Improbe and MPI_Mrecv take, while nothing waits. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BYTES 256
#define ROUNDS 20000
#define BATCH 500
#define BATCHES 40
enum { TAG_PING = 1, TAG_BATCH };

static void check(int code, const char *what)
{
    if (code == MPI_SUCCESS)
        return;
    fprintf(stderr, "latency: %s failed\n", what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void send_one(int peer, int tag)
{
    char bytes[BYTES] = {0};
    check(MPI_Send(bytes, BYTES, MPI_BYTE, peer, tag, MPI_COMM_WORLD), "MPI_Send");
}

static void receive_one(int peer, int tag)
{
    char bytes[BYTES];
    check(MPI_Recv(bytes, BYTES, MPI_BYTE, peer, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
          "MPI_Recv");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ping(void)
{
    static double half[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = MPI_Wtime();
        send_one(1, TAG_PING);
        receive_one(1, TAG_PING);
        half[i] = (MPI_Wtime() - start) / 2;
    }
    qsort(half, ROUNDS, sizeof *half, ascending);
    printf("on its way    %6.2f us at best, %.2f us median\n", 1e6 * half[0],
           1e6 * half[ROUNDS / 2]);
}

static double cpu_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* CPU seconds of BATCH sends, as dh_mpi's transport makes them. */
static double time_sends(void)
{
    static char bytes[BYTES];
    MPI_Request requests[BATCH];
    MPI_Status statuses[BATCH]; /* gcc warns of MPICH's way to ignore them */
    double start = cpu_now();
    for (int i = 0; i < BATCH; i++) {
        int done;
        check(MPI_Isend(bytes, BYTES, MPI_BYTE, 1, TAG_BATCH, MPI_COMM_WORLD, &requests[i]),
              "MPI_Isend");
        check(MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE), "MPI_Test");
    }
    double seconds = cpu_now() - start;
    check(MPI_Waitall(BATCH, requests, statuses), "MPI_Waitall");
    return seconds;
}

/* … and of BATCH receives of what is there. */
static double time_receives(void)
{
    static char bytes[BYTES];
    double start = cpu_now();
    for (int received = 0; received < BATCH;) {
        int there = 0;
        MPI_Message message;
        check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &message,
                          MPI_STATUS_IGNORE),
              "MPI_Improbe");
        if (!there)
            continue;
        check(MPI_Mrecv(bytes, BYTES, MPI_BYTE, &message, MPI_STATUS_IGNORE), "MPI_Mrecv");
        received++;
    }
    return cpu_now() - start;
}

/* The best of all batches: in the others something else came in between. */
static void batches(void)
{
    double least = 1e9;
    for (int i = 0; i < BATCHES; i++) {
        double seconds = time_sends();
        usleep(20000); /* the other side sends as many meanwhile */
        seconds += time_receives();
        least = seconds < least ? seconds : least;
    }
    printf("rank 0's time %6.2f us\n", 1e6 * least / (2 * BATCH));
}

static void answer(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        receive_one(0, TAG_PING);
        send_one(0, TAG_PING);
    }
    for (int i = 0; i < BATCHES; i++) {
        for (int k = 0; k < BATCH; k++)
            receive_one(0, TAG_BATCH);
        for (int k = 0; k < BATCH; k++)
            send_one(0, TAG_BATCH);
    }
}

int main(int argc, char **argv)
{
    int rank = 0, size = 0;
    check(MPI_Init(&argc, &argv), "MPI_Init");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
    if (size != 2) {
        fprintf(stderr, "usage: mpiexec -n 2 latency\n");
        MPI_Abort(MPI_COMM_WORLD, 64);
    }
    if (rank == 0) {
        ping();
        batches();
    } else {
        answer();
    }
    check(MPI_Finalize(), "MPI_Finalize");
    return 0;
}
