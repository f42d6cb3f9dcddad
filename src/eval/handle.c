/* The rank's side of the launcher: starting it, replacing it, ending it. */
#include <errno.h>
#include <poll.h>
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

dh_status eval_launcher_send(struct dh_launcher *launcher, enum eval_wire kind,
                             const struct dh_buffer *payload, struct dh_error *err)
{
    struct dh_buffer frame = {0};
    eval_wire_put(&frame, launcher->epoch, kind, payload);
    dh_status status = DH_OK;
    for (size_t sent = 0; sent < frame.size && status == DH_OK;) {
        ssize_t size = send(launcher->fd, frame.data + sent, frame.size - sent, MSG_NOSIGNAL);
        if (size > 0)
            sent += (size_t)size;
        else if (errno != EINTR)
            status = dh_fail(err, DH_INTERNAL, "its launcher process (%d) is gone: %s",
                             (int)launcher->pid, strerror(errno));
    }
    dh_buffer_free(&frame);
    return status;
}

/* The one frame that answers. It comes within the time limit of a try. */
static dh_status hear_of_try(const struct dh_launcher *launcher, struct dh_error *err)
{
    struct dh_buffer in = {0};
    struct pollfd readable = {.fd = launcher->fd, .events = POLLIN};
    struct eval_frame frame;
    size_t offset = 0;
    int there = 0;
    bool told = false;
    while (!told && there >= 0) {
        poll(&readable, 1, -1);
        there = eval_read_some(launcher->fd, &in, 1 << 16);
        told = eval_wire_next(&in, &offset, &frame);
    }
    dh_status status =
        !told ? dh_fail(err, DH_INTERNAL, "its launcher process (%d) has ended", (int)launcher->pid)
        : frame.kind == EVAL_WIRE_TRIED ? DH_OK
                                        : eval_wire_fatal(&frame, err);
    dh_buffer_free(&in);
    return status;
}

dh_status eval_launcher_try(struct dh_launcher *launcher, const char *plugin, struct dh_error *err)
{
    struct dh_buffer payload = {0};
    dh_put_text(&payload, plugin);
    dh_status status = eval_launcher_send(launcher, EVAL_WIRE_TRY, &payload, err);
    dh_buffer_free(&payload);
    return status == DH_OK ? hear_of_try(launcher, err) : status;
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
