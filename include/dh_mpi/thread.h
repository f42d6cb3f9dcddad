/* Threads that leave signals to the main thread, and what they wait on. */
#ifndef DH_MPI_THREAD_H
#define DH_MPI_THREAD_H

#include <pthread.h>
#include <time.h>

/* Start `run(argument)` on a thread that has every signal blocked, and working directory, file mode
 * mask and locale for itself (see surroundings.h): those of now, whatever the caller does to its
 * own afterwards. The caller joins it. 0, or the error's number (see strerror): then there is no
 * thread.
 */
int dh_thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument);
/* The same for a thread that touches no file and writes no text, and keeps what the process has:
 * the caller need not wait until it runs. */
int dh_thread_start_helper(pthread_t *thread, void *(*run)(void *argument), void *argument);

/* A condition whose timed waits go by the monotonic clock; the moment `seconds` from now, for them.
 * Destroyed with pthread_cond_destroy. */
void dh_condition_init(pthread_cond_t *condition);
struct timespec dh_condition_deadline(double seconds);

#endif
