/* A plugin that does what the trial's id says: mostly harm. */
#include <dh_mpi/plugin.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const uint32_t dh_plugin_version = DH_PLUGIN_VERSION;
int dh_count;

static int good(const dh_job *job, dh_result *result)
{
    const char *act = dh_job_text(job, "act", "none");
    const dh_argument *debug = dh_job_find(job, "debug");
    int known = job->version == DH_PLUGIN_VERSION && job->objective_count == 1 &&
                job->retries == 1 && debug && debug->kind == DH_KIND_BOOL && debug->integer == 1;
    printf("DH-OUTPUT: 99\n");
    result->objective[0] = known ? dh_job_real(job, "lr", 0) + (double)dh_job_int(job, "units", 0) +
                                       dh_job_real(job, "momentum", 100) + (act[0] == 'r')
                                 : -1;
    snprintf(result->metadata, sizeof result->metadata, "{\"seed\": %llu, \"count\": %d}",
             (unsigned long long)job->seed, ++dh_count);
    return 0;
}

static int crash(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    volatile int *volatile nowhere = NULL;
    fprintf(stderr, "about to crash\n");
    *nowhere = 1;
    return 0;
}

static int leave(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    exit(4);
}

static int leave_well(const dh_job *job, dh_result *result)
{
    (void)job;
    result->objective[0] = 1;
    exit(0);
}

static int refuse(const dh_job *job, dh_result *result)
{
    (void)job;
    snprintf(result->reason, sizeof result->reason, "F_diverged");
    return 1;
}

static int return_code(const dh_job *job, dh_result *result)
{
    (void)job;
    result->objective[0] = 1;
    return 3;
}

static int no_value(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    return 0;
}

static int hang(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    while (sleep(1) == 0)
        ;
    return 0;
}

static int report(const dh_job *job, dh_result *result)
{
    for (int step = 1; step <= 3; step++)
        if (job->report(job, step, step * 0.5))
            return 1;
    result->objective[0] = 1.5;
    snprintf(result->metadata, sizeof result->metadata, "not json");
    return 0;
}

/* Write nonsense into every descriptor there is. */
static int scribble(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    for (int fd = 3; fd < 64; fd++)
        if (write(fd, "\x10\0\0\0\0\0\0\0\x04garbage garbage", 25) < 0)
            continue;
    return 0;
}

int dh_evaluate(const dh_job *job, dh_result *result)
{
    static int (*const deeds[])(const dh_job *, dh_result *) = {
        good, crash, leave, leave_well, refuse, return_code, no_value, hang, report, scribble};
    return deeds[job->id % (sizeof deeds / sizeof *deeds)](job, result);
}
