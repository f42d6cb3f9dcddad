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
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/clock.h"

#define MOMENT 0.01

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

/* What `fd` writes to, opened again where writing may block, so that it does not: poll() tells of a
 * terminal that has room for part of a line, and of a pipe whose room another writer takes first.
 * O_NONBLOCK for `fd` itself would hold for all processes that share it. -1: to be written as it
 * is, or cannot be opened (no reader, another user's, no /proc). */
static int open_again(int fd)
{
    struct stat info;
    unsigned number;
    char path[32];
    if (fstat(fd, &info) != 0 || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
        return -1;
    /* a pseudoterminal's other end is no such file: opening it makes a new pair */
    if (!S_ISFIFO(info.st_mode) && (!isatty(fd) || ioctl(fd, TIOCGPTN, &number) == 0))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Can `fd` take something, or say what is wrong with it? Otherwise, at `deadline` or when `stop` is
 * readable, false with EAGAIN. */
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

/* There was room, but not enough: poll() would say so at once again. False as above. */
static bool wait_a_moment(double deadline, int stop)
{
    struct pollfd stopped = {.fd = stop, .events = POLLIN};
    double left = fmax(deadline - dh_clock_now(&dh_clock_monotonic), 0);
    bool end = poll(&stopped, 1, (int)ceil(1e3 * fmin(left, MOMENT))) > 0 || left <= 0;
    errno = EAGAIN;
    return !end;
}

static size_t write_on(int fd, const char *data, size_t size, double seconds, int stop)
{
    double deadline = dh_clock_now(&dh_clock_monotonic) + seconds;
    size_t written = 0;
    while (written < size && wait_for_room(fd, deadline, stop)) {
        size_t left = size - written;
        ssize_t count = write(fd, data + written, left < PIPE_BUF ? left : PIPE_BUF);
        if (count < 0 && errno != EINTR && (errno != EAGAIN || !wait_a_moment(deadline, stop)))
            break;
        written += count > 0 ? (size_t)count : 0;
    }
    return written;
}

size_t dh_streams_write(int fd, const char *data, size_t size, double seconds, int stop)
{
    int own = open_again(fd);
    size_t written = write_on(own < 0 ? fd : own, data, size, seconds, stop);
    int failure = errno;
    if (own >= 0)
        close(own);
    errno = failure;
    return written;
}

dh_status dh_streams_print(const char *data, size_t size, double seconds, int stop,
                           struct dh_error *err)
{
    if (dh_streams_write(STDOUT_FILENO, data, size, seconds, stop) == size)
        return DH_OK;
    return dh_fail(err, DH_IO, "cannot write to standard output: %s",
                   errno == EAGAIN ? "nobody reads it" : strerror(errno));
}
