/* When the batch job ends that this process runs in.
 *
 * Slurm says it in SLURM_JOB_END_TIME; where it does not, squeue is asked once. PBS says how long
 * a job may take, in PBS_WALLTIME; its start is that of the oldest ancestor of this process that
 * carries the job's PBS_JOBID, which on the job's first node is the job script. (Without such an
 * ancestor it is this process's own, and the end then found is too late by what came before it.)
 * Of several ends the earliest counts.
 */
#ifndef DH_MPI_WALLTIME_H
#define DH_MPI_WALLTIME_H

#include <stdbool.h>

#include "dh_mpi/log.h"

/* Times are in seconds since 1970. */
struct dh_walltime {
    const char *source; /* "Slurm", "PBS"; NULL: no end is known, and the rest is not set */
    double end;
    double start; /* of the job; `end` if it is not known */
};

/* What a batch system's programs and this machine were found to say. NaN: not known. */
struct dh_walltime_facts {
    double now;
    double pbs_start;              /* of the oldest process of the PBS job */
    double slurm_left, slurm_used; /* seconds of the job, by squeue */
};

/* The end in view of an environment ("NAME=VALUE", …, NULL). Pure. Values that cannot be, and ends
 * that have passed, count as not there. */
void dh_walltime_find(const char *const *environment, const struct dh_walltime_facts *facts,
                      struct dh_walltime *out);
/* Is this a Slurm job whose environment does not say when it ends? */
bool dh_walltime_must_ask(const char *const *environment, double now);
/* Is this the process that will be rank 0, as far as the launcher's environment tells? */
bool dh_walltime_first(const char *const *environment);

/* The end of the job of this process, if it is the first one (dh_walltime_first); others are told
 * none. Reads /proc and may run squeue, for a few seconds at most: to be called before MPI_Init. */
void dh_walltime_ask(const struct dh_log *log, struct dh_walltime *out);

#endif
