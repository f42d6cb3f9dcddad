/* The least that a manager and workers can do over MPI: what dispatch costs without a search.
 *
 *     mpiexec -n 4 bare_loop 400000 [4]
 *
 * Rank 0 sends tasks of eight numbers; a worker sums each and sends the number back, which is also
 * its request for the next. Every worker has up to `depth` tasks (4). Nothing is recorded, nothing
 * can fail, and waiting burns the cores. Prints tasks per second. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBERS 8
enum { TAG_TASK = 1, TAG_RESULT, TAG_END };

static void check(int code, const char *what)
{
    if (code == MPI_SUCCESS)
        return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    fprintf(stderr, "bare_loop: %s: %s\n", what, text);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void send_task(int worker, long number)
{
    double task[NUMBERS];
    for (int i = 0; i < NUMBERS; i++)
        task[i] = (double)(number + i);
    check(MPI_Send(task, NUMBERS, MPI_DOUBLE, worker, TAG_TASK, MPI_COMM_WORLD), "sending a task");
}

static int take_result(double *sum)
{
    double result = 0;
    MPI_Status status;
    check(MPI_Recv(&result, 1, MPI_DOUBLE, MPI_ANY_SOURCE, TAG_RESULT, MPI_COMM_WORLD, &status),
          "receiving a result");
    *sum += result;
    return status.MPI_SOURCE;
}

/* All tasks once; seconds from the first sent to the last result. */
static double manage(int workers, long tasks, int depth)
{
    double start = MPI_Wtime(), sum = 0, expected = 0;
    long sent = 0;
    for (int d = 0; d < depth; d++)
        for (int worker = 1; worker <= workers && sent < tasks; worker++)
            send_task(worker, sent++);
    for (long done = 0; done < tasks; done++) {
        int worker = take_result(&sum);
        if (sent < tasks)
            send_task(worker, sent++);
    }
    double seconds = MPI_Wtime() - start;
    for (long number = 0; number < tasks; number++)
        expected += (double)(NUMBERS * number + NUMBERS * (NUMBERS - 1) / 2);
    if (sum != expected) {
        fprintf(stderr, "bare_loop: the results sum to %g instead of %g\n", sum, expected);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int worker = 1; worker <= workers; worker++)
        check(MPI_Send(NULL, 0, MPI_DOUBLE, worker, TAG_END, MPI_COMM_WORLD), "ending a worker");
    return seconds;
}

static void work(void)
{
    for (;;) {
        double task[NUMBERS], sum = 0;
        MPI_Status status;
        check(MPI_Recv(task, NUMBERS, MPI_DOUBLE, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status),
              "receiving a task");
        if (status.MPI_TAG == TAG_END)
            return;
        for (int i = 0; i < NUMBERS; i++)
            sum += task[i];
        check(MPI_Send(&sum, 1, MPI_DOUBLE, 0, TAG_RESULT, MPI_COMM_WORLD), "sending a result");
    }
}

int main(int argc, char **argv)
{
    int rank = 0, size = 0;
    check(MPI_Init(&argc, &argv), "MPI_Init");
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "error handler");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size), "size");
    long tasks = argc > 1 ? atol(argv[1]) : 0;
    int depth = argc > 2 ? atoi(argv[2]) : 4;
    if (size < 2 || tasks < 1 || depth < 1) {
        fprintf(stderr, "usage: mpiexec -n 4 bare_loop TASKS [DEPTH]\n");
        MPI_Abort(MPI_COMM_WORLD, 64);
    }
    check(MPI_Barrier(MPI_COMM_WORLD), "barrier");
    if (rank == 0)
        printf("%.0f\n", (double)tasks / manage(size - 1, tasks, depth));
    else
        work();
    check(MPI_Finalize(), "MPI_Finalize");
    return 0;
}
