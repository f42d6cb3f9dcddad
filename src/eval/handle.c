/* The rank's side of the launcher: starting it, ending it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/eval.h"
#include "launcher.h"

/* Longer than the launcher tries to kill what does not die. */
#define STOP_PATIENCE 30.0

dh_status dh_launcher_start(struct dh_launcher **out, struct dh_error *err)
{
    int ends[2];
    *out = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return dh_fail(err, DH_IO, "launcher: cannot make a socket: %s", strerror(errno));
    fflush(NULL); /* or both processes would write what is still in the buffers */
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        eval_launcher_run(ends[1], self);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return dh_fail(err, DH_IO, "launcher: cannot start a process: %s", strerror(errno));
    }
    *out = dh_alloc(1, sizeof **out);
    **out = (struct dh_launcher){.pid = pid, .fd = ends[0]};
    return DH_OK;
}

void dh_launcher_stop(struct dh_launcher **launcher)
{
    if (!*launcher)
        return;
    close((*launcher)->fd);
    double deadline = dh_clock_now(&dh_clock_monotonic) + STOP_PATIENCE;
    pid_t ended;
    while ((ended = waitpid((*launcher)->pid, NULL, WNOHANG)) == 0 ||
           (ended < 0 && errno == EINTR)) {
        if (dh_clock_now(&dh_clock_monotonic) > deadline) {
            kill((*launcher)->pid, SIGKILL);
            waitpid((*launcher)->pid, NULL, 0);
            break;
        }
        struct timespec nap = {.tv_nsec = 500000};
        nanosleep(&nap, NULL);
    }
    free(*launcher);
    *launcher = NULL;
}
