/* Clocks and naps: see clock.h. */
#include "dh_mpi/clock.h"

#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>

static double read_clock(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double monotonic_now(void *context)
{
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

static double processor_now(void *context)
{
    (void)context;
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

const struct dh_clock dh_clock_monotonic = {.now = monotonic_now};
const struct dh_clock dh_clock_processor = {.now = processor_now};

double dh_clock_now(const struct dh_clock *clock)
{
    return clock->now(clock->context);
}

double dh_wall_time(void)
{
    return read_clock(CLOCK_REALTIME);
}

struct dh_moment dh_moment_now(void)
{
    return (struct dh_moment){.wall = dh_wall_time(),
                              .monotonic = dh_clock_now(&dh_clock_monotonic)};
}

double dh_moment_wall_since(const struct dh_moment *then)
{
    return then->wall + (dh_clock_now(&dh_clock_monotonic) - then->monotonic);
}

void dh_nap_reset(struct dh_nap *nap)
{
    nap->idle_rounds = 0;
    nap->rested = 0;
}

/* The length of the next nap. */
static double next_nap(struct dh_nap *nap)
{
    unsigned doublings = nap->idle_rounds - DH_NAP_SPINS;
    double seconds = DH_NAP_FIRST;
    for (unsigned i = 0; i < doublings && seconds < nap->longest; i++)
        seconds *= 2;
    if (seconds < nap->longest) {
        nap->idle_rounds++;
        return seconds;
    }
    return fmax(nap->longest, fmin(nap->patient, DH_NAP_SHARE * nap->rested));
}

void dh_nap_wait_until(struct dh_nap *nap, int fd, double limit)
{
    if (nap->idle_rounds < DH_NAP_SPINS) {
        nap->idle_rounds++;
        sched_yield();
        return;
    }
    double seconds = fmin(next_nap(nap), fmax(limit, 0));
    nap->rested += seconds;
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ppoll(&readable, fd >= 0, &time, NULL);
}

void dh_nap_wait(struct dh_nap *nap, int fd)
{
    dh_nap_wait_until(nap, fd, INFINITY);
}
