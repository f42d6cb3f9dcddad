/* Requests to stop, as something to read instead of a handler: see dh_app_signals_open. */
#ifndef DH_MPI_APP_SIGNALS_H
#define DH_MPI_APP_SIGNALS_H

/* The number of a signal that has arrived since, or 0. */
int dh_app_signals_take(int fd);

#endif
