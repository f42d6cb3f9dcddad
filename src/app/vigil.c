/* A thread that waits for the end of neighbours: see vigil.h. */
#include "vigil.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/thread.h"

#define LOOK_GAP 100 /* ms between two looks at a rank that is in the plugin after a loss */

struct dh_vigil {
    pthread_t thread;
    bool running;
    const struct dh_log *log;
    int32_t *pids;
    struct pollfd *fds; /* [0] is the end of the vigil, [i + 1] of pids[i] */
    size_t count;
    _Atomic bool inside;
    _Atomic int32_t lost;
};

/* Wait for one of them; false when the vigil is over. */
static bool wait_for_loss(struct dh_vigil *vigil)
{
    while (poll(vigil->fds, vigil->count + 1, -1) <= 0)
        ;
    for (size_t i = 0; i < vigil->count; i++)
        if (vigil->fds[i + 1].revents)
            atomic_store(&vigil->lost, vigil->pids[i]);
    return vigil->fds[0].revents == 0;
}

/* After a loss: see to it that the plugin is not waited for longer than the grace. */
static void *keep_vigil(void *argument)
{
    struct dh_vigil *vigil = argument;
    double stuck_since = 0;
    if (!wait_for_loss(vigil))
        return NULL;
    while (poll(vigil->fds, 1, LOOK_GAP) <= 0) {
        double now = dh_clock_now(&dh_clock_monotonic);
        if (!atomic_load(&vigil->inside))
            stuck_since = 0;
        else if (stuck_since == 0)
            stuck_since = now;
        else if (now - stuck_since > DH_VIGIL_GRACE) {
            dh_log_error(vigil->log,
                         "process %d of this group has ended, and the plugin waits for it: this "
                         "rank ends, too",
                         (int)atomic_load(&vigil->lost));
            _exit(EX_SOFTWARE);
        }
    }
    return NULL;
}

static int open_process(int32_t pid)
{
    return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
}

static void end(struct dh_vigil *vigil)
{
    for (size_t i = 0; i <= vigil->count; i++)
        if (vigil->fds[i].fd >= 0)
            close(vigil->fds[i].fd);
    free(vigil->fds);
    free(vigil->pids);
    free(vigil);
}

struct dh_vigil *dh_vigil_start(const int32_t *pids, size_t count, const struct dh_log *log)
{
    struct dh_vigil *vigil = dh_alloc(1, sizeof *vigil);
    vigil->log = log;
    vigil->pids = dh_alloc(count + 1, sizeof *vigil->pids);
    vigil->fds = dh_alloc(count + 1, sizeof *vigil->fds);
    vigil->fds[0] = (struct pollfd){.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN};
    for (size_t i = 0; i < count; i++) {
        int fd = open_process(pids[i]);
        if (fd < 0 && errno == ESRCH)
            dh_log_debug(log, "process %d of this group cannot be watched", (int)pids[i]);
        if (fd < 0)
            continue;
        vigil->pids[vigil->count] = pids[i];
        vigil->fds[++vigil->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    vigil->running =
        vigil->fds[0].fd >= 0 && dh_thread_start(&vigil->thread, keep_vigil, vigil) == 0;
    if (!vigil->running)
        dh_log_warn(log, "the processes of this group cannot be watched");
    return vigil;
}

void dh_vigil_stop(struct dh_vigil **handle)
{
    struct dh_vigil *vigil = *handle;
    *handle = NULL;
    if (!vigil)
        return;
    uint64_t one = 1;
    if (vigil->running && write(vigil->fds[0].fd, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(vigil->thread, NULL);
    end(vigil);
}

void dh_vigil_enter(struct dh_vigil *vigil)
{
    atomic_store(&vigil->inside, true);
}

void dh_vigil_leave(struct dh_vigil *vigil)
{
    atomic_store(&vigil->inside, false);
}

int32_t dh_vigil_lost(const struct dh_vigil *vigil)
{
    return atomic_load(&vigil->lost);
}
