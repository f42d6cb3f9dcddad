/* Threads: see thread.h. */
#include "dh_mpi/thread.h"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/surroundings.h"

struct start {
    void *(*run)(void *argument);
    void *argument;
};

/* Where the system does not allow a working directory of its own, it has the process's. */
static void *begin(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    unshare(CLONE_FS);
    dh_locale_own();
    return start.run(start.argument);
}

int dh_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits its creator's mask */
    struct start start = {run, argument};
    struct start *kept = dh_memdup(&start, sizeof start);
    int failure = pthread_create(thread, NULL, begin, kept);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        free(kept);
    return failure;
}

void dh_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct timespec dh_condition_deadline(double seconds)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    double sum = (double)at.tv_nsec * 1e-9 + seconds, whole = floor(sum);
    at.tv_sec += (time_t)whole;
    at.tv_nsec = (long)((sum - whole) * 1e9);
    return at;
}
