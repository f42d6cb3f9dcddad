/* The process's stdin, stdout and stderr. */
#ifndef DH_MPI_STREAMS_H
#define DH_MPI_STREAMS_H

#include "dh_mpi/status.h"

/* /dev/null, to be read only, in place of each of descriptors 0 to 2 that is closed: the next file
 * or socket opened would become it otherwise, and be read or written as stdin, stdout or stderr.
 * First thing in main. */
dh_status dh_streams_secure(struct dh_error *err);

/* Send off what waits for stdout. DH_IO if that, or anything written there before, failed. */
dh_status dh_streams_flush(struct dh_error *err);

#endif
