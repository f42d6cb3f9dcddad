/* The process's stdin, stdout and stderr. */
#ifndef DH_MPI_STREAMS_H
#define DH_MPI_STREAMS_H

#include <stddef.h>

#include "dh_mpi/status.h"

/* /dev/null, to be read only, in place of each of descriptors 0 to 2 that is closed: the next file
 * or socket opened would become it otherwise, and be read or written as stdin, stdout or stderr.
 * First thing in main. */
dh_status dh_streams_secure(struct dh_error *err);

/* Send off what waits for stdout. DH_IO if that, or anything written there before, failed. */
dh_status dh_streams_flush(struct dh_error *err);

/* Write to `fd` without being held for ever by a pipe that nobody reads or a terminal that is
 * stopped: for at most `seconds` (INFINITY: no limit), and, where it takes nothing, no longer than
 * until the descriptor `stop` (-1: none) is readable. Returns how much was written; less than
 * `size` with errno, which is EAGAIN where it was given up. Up to PIPE_BUF bytes go whole or not
 * at all into a pipe. `fd` stays as it is, for others that share it. Where it cannot be opened
 * again (no /proc, another user's), a terminal with room for part of a line, or a pipe that has
 * other writers, can still hold it. */
size_t dh_streams_write(int fd, const char *data, size_t size, double seconds, int stop);

/* All of it to stdout, like that; DH_IO where it cannot be written, or nobody reads it. Past the
 * buffer of stdio: not where that has something waiting. */
dh_status dh_streams_print(const char *data, size_t size, double seconds, int stop,
                           struct dh_error *err);

#endif
