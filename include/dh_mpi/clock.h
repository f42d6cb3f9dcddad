/* Time. Code that depends on time takes a `double` in seconds or a `struct dh_clock`, so that
 * tests and simulations can turn the hands themselves. */
#ifndef DH_MPI_CLOCK_H
#define DH_MPI_CLOCK_H

struct dh_clock {
    double (*now)(void *context); /* seconds since an arbitrary start; never goes back */
    void *context;
};

extern const struct dh_clock dh_clock_monotonic;
extern const struct dh_clock dh_clock_processor; /* what the calling thread has computed for */
double dh_clock_now(const struct dh_clock *clock);
/* Seconds since 1970 (UTC), for records that people read. */
double dh_wall_time(void);

/* A moment on both clocks, for records of something that lasts: the wall clock says when it began,
 * the monotonic one how long it took, whatever the former is set to meanwhile. */
struct dh_moment {
    double wall, monotonic;
};
struct dh_moment dh_moment_now(void);
/* The wall time now, had nobody set that clock since `then`; never before it. */
double dh_moment_wall_since(const struct dh_moment *then);

/* Growing naps for polling loops: the first `DH_NAP_SPINS` idle rounds only yield the core, then
 * naps double from 10 µs up to `longest` seconds; any work resets them. Where `patient` is greater
 * than that, they grow on up to it, but no faster than to DH_NAP_SHARE of the time since the last
 * work: whoever waited long may wait a little longer. Zero-initialise but for those two. */
#define DH_NAP_SPINS 64
#define DH_NAP_FIRST 10e-6
#define DH_NAP_SHARE (1.0 / 32)
/* `longest` where nothing wakes the sleeper when a message arrives: with MPI. */
#define DH_NAP_LONGEST 1e-3
struct dh_nap {
    double longest;
    double patient; /* 0: as `longest` */
    unsigned idle_rounds;
    double rested; /* seconds of naps since the last work */
};
void dh_nap_reset(struct dh_nap *nap);
/* Sleep until the nap is over or, if `fd` >= 0, until that descriptor becomes readable. */
void dh_nap_wait(struct dh_nap *nap, int fd);
/* The same, but no longer than `limit` seconds. */
void dh_nap_wait_until(struct dh_nap *nap, int fd, double limit);

#endif
