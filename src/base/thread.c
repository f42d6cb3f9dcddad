/* Threads: see thread.h. */
#include "dh_mpi/thread.h"

#include <math.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>

#include "dh_mpi/surroundings.h"

struct start {
    void *(*run)(void *argument);
    void *argument;
    sem_t apart;
};

/* Where the system does not allow a working directory of its own, it has the process's. */
static void *begin(void *argument)
{
    struct start *start = argument;
    void *(*run)(void *argument) = start->run;
    argument = start->argument;
    unshare(CLONE_FS);
    dh_locale_own();
    sem_post(&start->apart); /* after which the caller's `start` is gone */
    return run(argument);
}

int dh_thread_start_helper(pthread_t *thread, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits its creator's mask */
    int failure = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

int dh_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument)
{
    struct start start = {.run = run, .argument = argument};
    sem_init(&start.apart, 0, 0);
    int failure = dh_thread_start_helper(thread, begin, &start);
    while (!failure && sem_wait(&start.apart) != 0)
        ;
    sem_destroy(&start.apart);
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
