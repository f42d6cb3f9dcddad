/* Threads that leave signals to the main thread. */
#ifndef DH_MPI_THREAD_H
#define DH_MPI_THREAD_H

#include <pthread.h>

/* Start `run(argument)` on a thread that has every signal blocked; the caller joins it. 0, or the
 * error's number (see strerror): then there is no thread. */
int dh_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument);

#endif
