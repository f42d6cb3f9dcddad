/* The end of a job, from what a batch system's environment says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/walltime.h"

#define NOW 1000000.0
#define NOT NAN

struct row {
    const char *environment[6];
    double pbs_start, slurm_left, slurm_used;
    const char *source; /* NULL: no end */
    double end, start;  /* after NOW */
};

static const struct row rows[] = {
    {{NULL}, NOT, NOT, NOT, NULL, 0, 0},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=1000060", "SLURM_JOB_START_TIME=999940"},
     NOT,
     NOT,
     NOT,
     "Slurm",
     60,
     -60},
    /* a login shell's variable, no job */
    {{"SLURM_JOB_END_TIME=1000060"}, NOT, NOT, NOT, NULL, 0, 0},
    /* asked for */
    {{"SLURM_JOB_ID=7"}, NOT, 90, 30, "Slurm", 90, -30},
    {{"SLURM_JOB_ID=7"}, NOT, 90, NOT, "Slurm", 90, 90},
    {{"SLURM_JOB_ID=7"}, NOT, NOT, 30, NULL, 0, 0},
    /* no numbers, empty, passed */
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=soon"}, NOT, 50, NOT, "Slurm", 50, 50},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME="}, NOT, NOT, NOT, NULL, 0, 0},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=inf"}, NOT, NOT, NOT, NULL, 0, 0},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=1000060x"}, NOT, NOT, NOT, NULL, 0, 0},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=-5"}, NOT, NOT, NOT, NULL, 0, 0},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=999999"}, NOT, 20, NOT, "Slurm", 20, 20},
    /* only a prefix of the name */
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIMES=1000060"}, NOT, NOT, NOT, NULL, 0, 0},
    {{"PBS_JOBID=1.host", "PBS_WALLTIME=3600"}, NOW - 600, NOT, NOT, "PBS", 3000, -600},
    {{"PBS_JOBID=1.host", "PBS_WALLTIME=01:00:00"}, NOW - 600, NOT, NOT, "PBS", 3000, -600},
    {{"PBS_JOBID=1.host", "PBS_WALLTIME=3600"}, NOT, NOT, NOT, NULL, 0, 0},
    {{"PBS_JOBID=1.host", "PBS_WALLTIME=500"}, NOW - 600, NOT, NOT, NULL, 0, 0},
    {{"PBS_JOBID=1.host", "PBS_WALLTIME=long"}, NOW - 600, NOT, NOT, NULL, 0, 0},
    {{"PBS_WALLTIME=3600"}, NOW - 600, NOT, NOT, NULL, 0, 0},
    /* both: the earliest */
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=1000060", "PBS_JOBID=7", "PBS_WALLTIME=100"},
     NOW - 50,
     NOT,
     NOT,
     "PBS",
     50,
     -50},
    {{"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=1000040", "PBS_JOBID=7", "PBS_WALLTIME=100"},
     NOW - 50,
     NOT,
     NOT,
     "Slurm",
     40,
     40},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        struct dh_walltime_facts facts = {NOW, row->pbs_start, row->slurm_left, row->slurm_used};
        struct dh_walltime found;
        dh_walltime_find(row->environment, &facts, &found);
        if ((found.source == NULL) != (row->source == NULL))
            fail_msg("row %zu: %s", i, found.source ? found.source : "nothing");
        if (!found.source)
            continue;
        assert_string_equal(found.source, row->source);
        if (found.end != NOW + row->end || found.start != NOW + row->start)
            fail_msg("row %zu: end %g, start %g", i, found.end - NOW, found.start - NOW);
    }
}

static void test_whom_to_ask(void **state)
{
    (void)state;
    const char *const known[] = {"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=1000060", NULL};
    const char *const passed[] = {"SLURM_JOB_ID=7", "SLURM_JOB_END_TIME=999999", NULL};
    const char *const unknown[] = {"SLURM_JOB_ID=7", NULL};
    const char *const elsewhere[] = {"PBS_JOBID=7", NULL};
    assert_false(dh_walltime_must_ask(known, NOW));
    assert_true(dh_walltime_must_ask(passed, NOW));
    assert_true(dh_walltime_must_ask(unknown, NOW));
    assert_false(dh_walltime_must_ask(elsewhere, NOW));
}

static void test_one_rank_asks(void **state)
{
    (void)state;
    const char *const alone[] = {"HOME=/", NULL};
    const char *const first[] = {"SLURM_PROCID=3", "PMIX_RANK=0", NULL};
    const char *const second[] = {"SLURM_PROCID=0", "OMPI_COMM_WORLD_RANK=1", NULL};
    const char *const tenth[] = {"PMI_RANK=10", NULL};
    const char *const in_a_script[] = {"SLURM_PROCID=0", NULL};
    assert_true(dh_walltime_first(alone));
    assert_true(dh_walltime_first(first));
    assert_false(dh_walltime_first(second));
    assert_false(dh_walltime_first(tenth));
    assert_true(dh_walltime_first(in_a_script));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_whom_to_ask),
        cmocka_unit_test(test_one_rank_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
