/* The rank's side of the launcher: starting it, replacing it, ending it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/eval.h"
#include "launcher.h"
#include "nursery.h"
#include "process.h"

/* Longer than the launcher tries to kill what does not die. */
#define STOP_PATIENCE 30.0
/* Longer than the nursery takes to end what a killed launcher has left. */
#define START_PATIENCE 10.0

dh_status dh_launcher_start(struct dh_launcher **out, struct dh_error *err)
{
    int ends[2];
    *out = NULL;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return dh_fail(err, DH_IO, "launcher: cannot make a socket: %s", strerror(errno));
    fflush(NULL); /* or both processes would write what is still in the buffers */
    pid_t pid = fork();
    if (pid == 0)
        eval_nursery_run(ends[1]);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return dh_fail(err, DH_IO, "launcher: cannot start a process: %s", strerror(errno));
    }
    *out = dh_alloc(1, sizeof **out);
    **out = (struct dh_launcher){.nursery = pid, .nursery_fd = ends[0], .fd = -1};
    if (dh_launcher_replace(*out, err) == DH_OK)
        return DH_OK;
    dh_launcher_stop(out);
    return err->status;
}

dh_status dh_launcher_replace(struct dh_launcher *launcher, struct dh_error *err)
{
    if (launcher->fd >= 0)
        close(launcher->fd); /* one that lives ends by this */
    launcher->fd = -1;
    launcher->pid = eval_nursery_ask(launcher->nursery_fd, START_PATIENCE, &launcher->fd);
    if (launcher->pid > 0)
        return DH_OK;
    return dh_fail(err, DH_INTERNAL, "launcher: its parent (process %d) cannot start one",
                   (int)launcher->nursery);
}

void dh_launcher_stop(struct dh_launcher **launcher)
{
    if (!*launcher)
        return;
    pid_t nursery = (*launcher)->nursery;
    if ((*launcher)->fd >= 0)
        close((*launcher)->fd);
    close((*launcher)->nursery_fd);
    double deadline = dh_clock_now(&dh_clock_monotonic) + STOP_PATIENCE;
    pid_t ended;
    while ((ended = waitpid(nursery, NULL, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (dh_clock_now(&dh_clock_monotonic) > deadline) {
            kill(nursery, SIGKILL);
            waitpid(nursery, NULL, 0);
            break;
        }
        eval_process_nap();
    }
    free(*launcher);
    *launcher = NULL;
}
