/* The nursery process: see nursery.h. */
#include "nursery.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/clock.h"
#include "launcher.h"
#include "process.h"

/* How long the guards of a killed launcher may take to end their evaluations by themselves. */
#define GUARDS_PATIENCE 2.0
/* At the end the launcher does that, and has its own limit. */
#define END_PATIENCE 28.0

/* The rank's message. Any other is none of its: asking ends what runs. */
#define REQUEST 'L'

/* One message with its descriptor. */
struct parcel {
    pid_t pid;
    struct iovec bytes;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message;
};

static void parcel_open(struct parcel *parcel)
{
    memset(parcel, 0, sizeof *parcel);
    parcel->bytes = (struct iovec){&parcel->pid, sizeof parcel->pid};
    parcel->message = (struct msghdr){.msg_iov = &parcel->bytes,
                                      .msg_iovlen = 1,
                                      .msg_control = parcel->control,
                                      .msg_controllen = sizeof parcel->control};
}

/* False if the rank is gone. */
static bool hand_over(int fd, pid_t pid, int launcher_fd)
{
    struct parcel parcel;
    parcel_open(&parcel);
    parcel.pid = pid;
    struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &launcher_fd, sizeof launcher_fd);
    if (pid == 0) {
        parcel.message.msg_control = NULL;
        parcel.message.msg_controllen = 0;
    }
    ssize_t sent;
    while ((sent = sendmsg(fd, &parcel.message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return sent > 0;
}

/* Is `fd` readable within `patience` seconds? Signals, which may be an MPI library's, do not end
 * that. */
static bool await(int fd, double patience)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    double deadline = dh_clock_now(&dh_clock_monotonic) + patience;
    int ready;
    do {
        double left = fmax(deadline - dh_clock_now(&dh_clock_monotonic), 0);
        ready = poll(&readable, 1, (int)ceil(1e3 * left));
    } while (ready < 0 && errno == EINTR);
    return ready == 1;
}

pid_t eval_nursery_ask(int fd, double patience, int *launcher_fd)
{
    struct parcel parcel;
    parcel_open(&parcel);
    const char request = REQUEST;
    if (send(fd, &request, 1, MSG_NOSIGNAL) != 1 || !await(fd, patience) ||
        recvmsg(fd, &parcel.message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof parcel.pid)
        return 0;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
    if (parcel.pid <= 0 || !header || header->cmsg_type != SCM_RIGHTS)
        return 0;
    memcpy(launcher_fd, CMSG_DATA(header), sizeof *launcher_fd);
    return parcel.pid;
}

/* Wait until no child is left, at most `patience` seconds; then kill what is left. */
static void end_children(double patience)
{
    double now = dh_clock_now(&dh_clock_monotonic);
    double kill_at = now + patience, give_up = kill_at + patience;
    for (; now < give_up; now = dh_clock_now(&dh_clock_monotonic)) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid > 0)
            continue;
        if (now >= kill_at)
            eval_process_kill_descendants(getpid(), NULL, NULL);
        eval_process_nap();
    }
}

/* Fork a launcher and tell the rank of it. False if the rank is gone. */
static bool bear(int fd)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return hand_over(fd, 0, -1);
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        eval_launcher_run(ends[1], self);
    close(ends[1]);
    bool there = hand_over(fd, pid > 0 ? pid : 0, ends[0]);
    close(ends[0]);
    return there;
}

void eval_nursery_run(int fd)
{
    setsid();
    for (int number = 1; number < NSIG; number++)
        if (number != SIGCHLD)
            signal(number, SIG_IGN); /* they are for the rank, which may drain */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "dh_nursery");
    eval_process_close_others(&fd, 1);
    char request;
    ssize_t size;
    while ((size = recv(fd, &request, 1, MSG_TRUNC)) > 0 || (size < 0 && errno == EINTR)) {
        if (size != 1 || request != REQUEST) /* MSG_TRUNC: the size that it had */
            continue;
        end_children(GUARDS_PATIENCE);
        if (!bear(fd))
            break;
    }
    end_children(END_PATIENCE);
    _exit(0);
}
