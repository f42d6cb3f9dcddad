/* Simulation of a search on any number of workers.
 *
 * The manager, the scheduler and the search method are the real ones, on the loop transport; the
 * workers are imitated, and their time is virtual. What the manager, the method and its model
 * really compute is measured as CPU time of this thread and passes in virtual time too: on a lane
 * of its own for each thread that the program would have (lanes.h). So the answer is how busy the
 * workers would be kept by this machine's rank 0, and it does not depend on what else the machine
 * does meanwhile.
 *
 * What is assumed: every rank has a core of its own, rank 0 one for each of its threads; all ranks
 * start at once; a message takes `latency`, and rank 0 `message_cost` of CPU time. The journal is
 * written (to a temporary folder); checkpoints, which have a thread of their own, are not.
 */
#ifndef DH_MPI_SIMULATE_H
#define DH_MPI_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/app.h"
#include "dh_mpi/lanes.h"
#include "dh_mpi/sched.h"

/* Seconds, measured by benchmarks/dispatch over TCP, the slowest of transports. */
#define DH_SIMULATE_LATENCY 8e-6
#define DH_SIMULATE_MESSAGE 1e-6

enum dh_duration_kind {
    DH_DURATION_OWN, /* that of the builtin function, or of the old history */
    DH_DURATION_FIXED,
    DH_DURATION_UNIFORM,
    DH_DURATION_NORMAL, /* cut at 0 */
    DH_DURATION_LOGNORMAL,
    DH_DURATION_EXPONENTIAL
};
struct dh_duration {
    enum dh_duration_kind kind;
    double a, b; /* fixed: a; uniform: from a to b; normal, lognormal: mean and deviation (of the
                    duration itself); exponential: mean */
};
/* "fixed:60", "uniform:30,90", "normal:60,20", "lognormal:60,20", "exponential:60"; numbers are
 * durations (10m). DH_USAGE with what is wrong. */
dh_status dh_duration_parse(const char *text, struct dh_duration *out, struct dh_error *err);

struct dh_simulation {
    const struct dh_app_setup *setup; /* borrowed */
    int32_t workers;                  /* ranks, each with the evaluator's slots; >= 1 */
    struct dh_duration duration;
    double time;         /* seconds after which the picture is taken, however much still runs (the
                            search's max_time then does not count); 0: at the search's own end */
    double latency;      /* seconds that a message takes */
    double message_cost; /* CPU seconds of rank 0 for a message, beyond those of the loop */
    const char *history; /* old checkpoint or results.csv: a model of it evaluates. NULL: none */
    const struct dh_log *log;
};

struct dh_simulated {
    int32_t workers;
    uint64_t slots;
    double elapsed; /* virtual seconds */
    struct dh_sched_counts counts;
    struct dh_usage usage;
    double busy;                  /* share of slot time spent on evaluations */
    uint64_t started;             /* evaluations */
    double best;                  /* of the first objective; NaN: none succeeded */
    uint64_t asks, late_asks;     /* late: one of several slots waited too long for it */
    uint64_t replaced;            /* trials proposed from the best points because an ask was late */
    double ask_seconds;           /* mean, of work */
    double spent[DH_WORK_COUNT];  /* seconds of rank 0's threads */
    uint64_t done[DH_WORK_COUNT]; /* steps, asks, tells, fits */
    double bytes_a_slot;          /* heap of manager and search, once all slots have work; NaN: not
                                     known */
    double cpu_seconds;           /* that the simulation took */
};

/* DH_USAGE and DH_CONFIG for what cannot be simulated. */
dh_status dh_simulate(const struct dh_simulation *simulation, struct dh_simulated *out,
                      struct dh_error *err);

#endif
