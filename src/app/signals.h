/* Requests to stop, as something to read instead of a handler. */
#ifndef DH_MPI_APP_SIGNALS_H
#define DH_MPI_APP_SIGNALS_H

/* Block SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 in this thread (and those it creates from now on),
 * and return a descriptor that becomes readable when one arrives; -1 on failure. On a worker it is
 * never read: there only the manager ends a search. */
int dh_signals_open(void);
/* The number of a signal that has arrived since, or 0. */
int dh_signals_take(int fd);

#endif
