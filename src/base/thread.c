/* Threads: see thread.h. */
#include "dh_mpi/thread.h"

#include <math.h>
#include <signal.h>

int dh_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits its creator's mask */
    int failure = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
