/* The process's stdin, stdout and stderr: see streams.h. */
#include "dh_mpi/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/clock.h"

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

/* Can `fd` take something, or say what is wrong with it? Otherwise, at `deadline` or when `stop` is
 * readable, false with EAGAIN. The descriptor may be shared with other processes: it stays as it
 * is, without O_NONBLOCK. */
static bool wait_for_room(int fd, double deadline, int stop)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLOUT}, {.fd = stop, .events = POLLIN}};
    for (;;) {
        double left = fmax(deadline - dh_clock_now(&dh_clock_monotonic), 0);
        int ready = poll(fds, 2, (int)ceil(1e3 * fmin(left, 60)));
        if (ready > 0 && fds[0].revents)
            return true;
        if (ready > 0 || (ready == 0 && left <= 0) || (ready < 0 && errno != EINTR)) {
            errno = EAGAIN;
            return false;
        }
    }
}

size_t dh_streams_write(int fd, const char *data, size_t size, double seconds, int stop)
{
    double deadline = dh_clock_now(&dh_clock_monotonic) + seconds;
    size_t written = 0;
    while (written < size && wait_for_room(fd, deadline, stop)) {
        size_t left = size - written;
        ssize_t count = write(fd, data + written, left < PIPE_BUF ? left : PIPE_BUF);
        if (count < 0 && errno != EINTR && errno != EAGAIN)
            break;
        written += count > 0 ? (size_t)count : 0;
    }
    return written;
}
