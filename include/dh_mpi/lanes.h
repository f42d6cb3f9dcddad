/* The threads of a process as a simulation runs them: one after the other on one real thread, each
 * with a clock of its own, a lane.
 *
 * Code that would start a thread or hand it work asks for lanes first: where there are some, it
 * does the work at once, between enter and leave, and holds the result back until the lane's clock
 * at the end. Without lanes (NULL) threads are threads.
 */
#ifndef DH_MPI_LANES_H
#define DH_MPI_LANES_H

enum dh_work { DH_WORK_MANAGE, DH_WORK_ASK, DH_WORK_TELL, DH_WORK_FIT, DH_WORK_COUNT };

struct dh_lanes {
    /* What follows is `work`, on the lane for it: it begins now, or when that lane's last work has
     * ended. Nests; the simulation's clock shows the time of the lane entered last. */
    void (*enter)(void *context, enum dh_work work);
    void (*leave)(void *context);
    /* The present lane does nothing until then. */
    void (*wait)(void *context, double until);
    void *context;
};

#endif
