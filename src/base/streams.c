/* The process's stdin, stdout and stderr: see streams.h. */
#include "dh_mpi/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

dh_status dh_streams_secure(struct dh_error *err)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* becomes `fd`, the lowest number that is free; writing to it goes on being an error */
        if (open("/dev/null", O_RDONLY) != fd)
            return dh_fail(err, DH_IO,
                           "descriptor %d is closed, and /dev/null cannot take its place: %s", fd,
                           strerror(errno));
    }
    return DH_OK;
}

dh_status dh_streams_flush(struct dh_error *err)
{
    if (fflush(stdout) != 0)
        return dh_fail(err, DH_IO, "cannot write to standard output: %s", strerror(errno));
    if (ferror(stdout)) /* a write that failed before leaves nothing to flush, and no errno */
        return dh_fail(err, DH_IO, "cannot write to standard output");
    return DH_OK;
}
