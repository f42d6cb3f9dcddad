/* The threads of rank 0 on one real thread: lanes whose clocks show virtual time.
 *
 * While a lane works, its clock goes on by the CPU time that this thread uses; between two works it
 * goes on by what the simulation decides. */
#ifndef DH_MPI_APP_THREADS_H
#define DH_MPI_APP_THREADS_H

#include <stdint.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/lanes.h"

#define DH_THREADS_DEPTH 4

struct dh_threads {
    struct dh_clock clock; /* of the lane entered last */
    struct dh_lanes lanes;
    enum dh_work work;
    double time;                   /* of that lane, when the thread's CPU time was `mark` */
    double mark;                   /* NaN: nothing is working, time stands still */
    double free_at[DH_WORK_COUNT]; /* by lane: when its last work ended */
    struct {
        enum dh_work work;
        double time;
    } outer[DH_THREADS_DEPTH];
    int depth;
    double spent[DH_WORK_COUNT];
    uint64_t done[DH_WORK_COUNT];
};

/* Its address must not change afterwards. */
void dh_threads_open(struct dh_threads *threads);
/* A step of the main thread begins at `now`, and ends; returns its end. */
void dh_threads_begin(struct dh_threads *threads, double now);
double dh_threads_end(struct dh_threads *threads);
/* The main thread, which works, takes `seconds` more than is measured. */
void dh_threads_charge(struct dh_threads *threads, double seconds);

#endif
