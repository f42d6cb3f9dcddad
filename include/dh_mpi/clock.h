/* Time. Code that depends on time takes a `double` in seconds or a `struct dh_clock`, so that
 * tests and simulations can turn the hands themselves. */
#ifndef DH_MPI_CLOCK_H
#define DH_MPI_CLOCK_H

struct dh_clock {
    double (*now)(void *context); /* seconds since an arbitrary start; never goes back */
    void *context;
};

extern const struct dh_clock dh_clock_monotonic;
double dh_clock_now(const struct dh_clock *clock);
/* Seconds since 1970 (UTC), for records that people read. */
double dh_wall_time(void);

/* Growing naps for polling loops: the first `DH_NAP_SPINS` idle rounds only yield the core, then
 * naps double from 10 µs up to `longest` seconds; any work resets them. Zero-initialise but for
 * `longest`. */
#define DH_NAP_SPINS 64
struct dh_nap {
    double longest;
    unsigned idle_rounds;
};
void dh_nap_reset(struct dh_nap *nap);
/* Sleep until the nap is over or, if `fd` >= 0, until that descriptor becomes readable. */
void dh_nap_wait(struct dh_nap *nap, int fd);

#endif
