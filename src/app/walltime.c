/* When the job ends, from what is known: see walltime.h. Nothing in here asks anybody. */
#include "dh_mpi/walltime.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"

/* Value of a variable that is set and not empty, or NULL. */
static const char *lookup(const char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return (*environment)[length + 1] ? *environment + length + 1 : NULL;
    return NULL;
}

/* A variable that holds seconds since 1970; NaN if it does not. */
static double moment(const char *const *environment, const char *name)
{
    const char *text = lookup(environment, name);
    double value;
    return text && dh_text_number(text, &value) && value > 0 && isfinite(value) ? value
                                                                                : (double)NAN;
}

/* The earlier of two ends; one that has passed, or is no number, is none. */
static void offer(struct dh_walltime *out, const char *source, double start, double end, double now)
{
    if (!(end > now) || (out->source && out->end <= end))
        return;
    out->source = source;
    out->end = end;
    out->start = start <= now ? start : end;
}

static void find_slurm(const char *const *environment, const struct dh_walltime_facts *facts,
                       struct dh_walltime *out)
{
    if (!lookup(environment, "SLURM_JOB_ID"))
        return;
    double start = moment(environment, "SLURM_JOB_START_TIME");
    double end = moment(environment, "SLURM_JOB_END_TIME");
    if (isnan(start))
        start = facts->now - facts->slurm_used;
    offer(out, "Slurm", start, end, facts->now);
    offer(out, "Slurm", start, facts->now + facts->slurm_left, facts->now);
}

static void find_pbs(const char *const *environment, const struct dh_walltime_facts *facts,
                     struct dh_walltime *out)
{
    const char *text = lookup(environment, "PBS_WALLTIME");
    double length;
    if (!lookup(environment, "PBS_JOBID") || !text || !dh_text_duration(text, &length))
        return;
    offer(out, "PBS", facts->pbs_start, facts->pbs_start + length, facts->now);
}

void dh_walltime_find(const char *const *environment, const struct dh_walltime_facts *facts,
                      struct dh_walltime *out)
{
    *out = (struct dh_walltime){0};
    find_slurm(environment, facts, out);
    find_pbs(environment, facts, out);
}

bool dh_walltime_must_ask(const char *const *environment, double now)
{
    return lookup(environment, "SLURM_JOB_ID") &&
           !(moment(environment, "SLURM_JOB_END_TIME") > now);
}

bool dh_walltime_first(const char *const *environment)
{
    /* SLURM_PROCID comes last: it is also there, and 0, for all that a batch script starts */
    static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK",   "PMI_RANK",
                                        "MV2_COMM_WORLD_RANK",  "PALS_RANKID", "ALPS_APP_PE",
                                        "JSM_NAMESPACE_RANK",   "SLURM_PROCID"};
    for (size_t i = 0; i < DH_COUNT_OF(ranks); i++) {
        const char *rank = lookup(environment, ranks[i]);
        if (rank)
            return strcmp(rank, "0") == 0;
    }
    return true;
}
