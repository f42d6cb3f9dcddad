/* What evaluations see of the rank's environment, and what they are told in theirs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/cores.h"

static void mpi_variables_are_hidden(void **state)
{
    struct bench *bench = *state;
    setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    setenv("PMIX_RANK", "1", 1);
    setenv("PMI_FD", "9", 1);
    setenv("HYDI_CONTROL_FD", "1", 1);
    setenv("OMPI_MCA_ess", "^singleton", 1);
    setenv("OMPI_MCA_orte_hnp_uri", "1", 1);
    setenv("OMPI_MCA_rmaps_base_mapping_policy", "ppr:9:node", 1);
    setenv("SLURM_STEP_ID", "1", 1);
    setenv("MPI_LOCALRANKID", "1", 1);
    setenv("SLURM_PMI_FD", "1", 1);
    setenv("I_MPI_HYDRA_UUID", "1", 1);
    setenv("I_MPI_INFO_CORE", "0,1", 1);
    setenv("I_MPI_PIN_MAPPING", "2:0 0,1 1", 1);
    setenv("HYDRA_BSTRAP_PROXY_ID", "0", 1);
    setenv("I_MPI_HYDRA_BOOTSTRAP", "fork", 1);
    setenv("I_MPI_PIN", "off", 1);
    setenv("PRTE_LAUNCHED", "1", 1);
    setenv("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe", 1);
    setenv("SLURM_JOB_ID", "77", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_MCA_pmix_base_verbose", "0", 1); /* begins like one of the launcher's */
    setenv("SLURM_MPI_TYPE", "pmix_v4", 1);
    setenv("HYDRA_BOOTSTRAP", "ssh", 1);
    struct dh_outcome outcome = bench_run_script(
        bench,
        "env | grep -E '^(OMPI_COMM|OMPI_MCA_(ess|orte|rmaps_base_map)|PMI|HYDI|MPI_|"
        "I_MPI_(HYDRA_UUID|INFO|PIN_)|HYDRA_BSTRAP|PRTE_L|SLURM_(PMI|STEP))' >&2 && exit 9\n"
        "test \"$OMPI_MCA_pmix_base_verbose$SLURM_MPI_TYPE$HYDRA_BOOTSTRAP\" = "
        "0pmix_v4ssh || exit 6\n"
        "test \"$I_MPI_HYDRA_BOOTSTRAP$I_MPI_PIN\" = forkoff || exit 5\n"
        "test \"$PRTE_MCA_rmaps_default_mapping_policy\" = :oversubscribe || exit 4\n"
        "test \"$SLURM_JOB_ID\" = 77 && test \"$OMPI_ALLOW_RUN_AS_ROOT\" = 1 || exit 8\n"
        "test \"$GPU $EXTRA\" = 'a 5' || exit 7\necho DH-OUTPUT: 1",
        "resources = { GPU = [\"a\", \"b\"]; }; environment = { EXTRA = 5; };");
    assert_value(&outcome, 1);
    dh_outcome_free(&outcome);
}

static void set_oom_score(int score)
{
    char text[16];
    snprintf(text, sizeof text, "%d", score);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Where memory runs out they are to end before the rank, and before their guard, which tells. */
static void they_go_first_where_memory_runs_out(void **state)
{
    static const struct {
        int ours, theirs;
    } cases[] = {{100, 600}, {600, 1000}};
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        set_oom_score(cases[i].ours);
        struct dh_outcome outcome = bench_run_script(
            bench,
            "read guard </proc/$(cut -d' ' -f4 /proc/$$/stat)/oom_score_adj\n"
            "read own </proc/self/oom_score_adj\necho DH-OUTPUT: $((own * 10000 + guard))",
            "");
        assert_value(&outcome, cases[i].theirs * 10000 + cases[i].ours);
        dh_outcome_free(&outcome);
        dh_eval_destroy(&bench->eval);
        dh_launcher_stop(&bench->launcher); /* the next one begins with another score */
    }
}

/* Slots share the cores, unless the user says otherwise. An MPI launcher's ranks are bound to cores
 * each, where more threads would do harm. */
static void threads_of_slots_fit_their_cores(void **state)
{
    struct bench *bench = *state;
    int cores = dh_cores_usable();
    char *before = getenv("OMP_NUM_THREADS") ? dh_strdup(getenv("OMP_NUM_THREADS")) : NULL;
    const struct {
        const char *evaluator, *variable;
        double threads; /* 0: not told */
    } cases[] = {
        {"command = \"show\"; slots = 2;", NULL, cores > 2 ? cores / 2 : 1},
        {"command = \"show\"; slots = 256;", NULL, cores > 256 ? cores / 256 : 1},
        {"command = \"show\";", NULL, 0},
        {"command = \"show\"; slots = 2;", "5", 5},
        {"command = \"show\"; slots = 2; environment = { OMP_NUM_THREADS = 6; };", NULL, 6},
        {"command = \"show\"; slots = 2; resources = { OMP_NUM_THREADS = [7, 8]; };", NULL, 7},
        {"command = \"mpiexec.test\"; slots = 2;", NULL, 0},
    };
    bench_write(bench, "show", "#!/bin/sh\necho DH-OUTPUT: ${OMP_NUM_THREADS-0}\n");
    char *command = dh_strprintf("cd %s && chmod +x show && cp show mpiexec.test", bench->folder);
    assert_int_equal(system(command), 0);
    free(command);
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        unsetenv("OMP_NUM_THREADS");
        if (cases[i].variable)
            setenv("OMP_NUM_THREADS", cases[i].variable, 1);
        dh_eval_destroy(&bench->eval);
        dh_launcher_stop(&bench->launcher);
        char *evaluator = dh_strprintf("type = \"command\"; %s", cases[i].evaluator);
        bench_open(bench, 1, evaluator);
        struct dh_outcome outcome = bench_run(bench, i);
        assert_value(&outcome, cases[i].threads);
        dh_outcome_free(&outcome);
        free(evaluator);
    }
    unsetenv("OMP_NUM_THREADS");
    if (before)
        setenv("OMP_NUM_THREADS", before, 1);
    free(before);
}

/* Of Slurm: how many tasks the search has is its own business (PyTorch Lightning takes a process
 * that sees it for one of them). What an inner mpiexec goes by stays. */
static void the_jobs_tasks_are_the_searchs_own(void **state)
{
    static const char *const gone[] = {"SLURM_NTASKS",   "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE",
                                       "SLURM_PROCID",   "SLURM_NODEID", "SLURM_LOCALID",
                                       "SLURM_TASK_PID", "SLURM_GTIDS"};
    static const char *const kept[] = {
        "SLURM_JOB_ID",        "SLURM_JOBID",   "SLURM_JOB_NODELIST",   "SLURM_NODELIST",
        "SLURM_JOB_NUM_NODES", "SLURM_NNODES",  "SLURM_TASKS_PER_NODE", "SLURM_JOB_CPUS_PER_NODE",
        "SLURM_CPUS_PER_TASK", "PBS_JOBCOOKIE", "PBS_NODENUM",          "PBS_TASKNUM"};
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(gone); i++)
        setenv(gone[i], "64", 1);
    for (size_t i = 0; i < DH_COUNT_OF(kept); i++)
        setenv(kept[i], "64", 1);
    struct dh_buffer script = {0};
    for (size_t i = 0; i < DH_COUNT_OF(gone); i++)
        dh_buffer_printf(&script, "[ \"${%s+1}\" ] && echo DH-OUTPUT: F_%s\n", gone[i], gone[i]);
    for (size_t i = 0; i < DH_COUNT_OF(kept); i++)
        dh_buffer_printf(&script, "[ \"$%s\" = 64 ] || exit %zu\n", kept[i], 100 + i);
    struct dh_outcome outcome = bench_run_script(bench, script.data, "");
    assert_failed(&outcome, "no DH-OUTPUT line on stdout"); /* nothing is wrong */
    dh_outcome_free(&outcome);
    outcome = bench_run_script(bench, "echo DH-OUTPUT: $SLURM_NTASKS",
                               "environment = { SLURM_NTASKS = 3; };");
    assert_value(&outcome, 3);
    dh_outcome_free(&outcome);
    dh_buffer_free(&script);
    for (size_t i = 0; i < DH_COUNT_OF(gone); i++)
        unsetenv(gone[i]);
    for (size_t i = 0; i < DH_COUNT_OF(kept); i++)
        unsetenv(kept[i]);
}

/* Programs read numbers with a decimal point, whatever the locale of the ranks. */
static void numbers_have_a_decimal_point(void **state)
{
    static const char *const names[] = {"LC_ALL", "LC_NUMERIC", "LC_MESSAGES", "LANG"};
    static const struct {
        const char *values[4], *settings, *seen; /* of names, in their order */
    } cases[] = {
        {{"de_DE.UTF-8", NULL, "fr_FR", "C"}, "", "-,C,fr_FR,de_DE.UTF-8"},
        {{"de_DE.UTF-8", "de_DE", NULL, NULL}, "", "-,C,-,de_DE.UTF-8"},
        {{NULL, "de_DE.UTF-8", NULL, "fr_FR"}, "", "-,C,-,fr_FR"},
        {{"", NULL, NULL, "de_DE.UTF-8"}, "", ",C,-,de_DE.UTF-8"},
        {{"C.UTF-8", NULL, NULL, "de_DE"}, "", "C.UTF-8,-,-,de_DE"},
        {{NULL, "C", NULL, "de_DE"}, "", "-,C,-,de_DE"},
        {{NULL, NULL, NULL, NULL}, "", "-,-,-,-"},
        {{"de_DE", NULL, NULL, NULL}, "environment = { LC_ALL = \"fr_FR\"; };", "fr_FR,-,-,-"},
        {{"de_DE", NULL, NULL, NULL},
         "environment = { LC_NUMERIC = \"fr_FR\"; };",
         "-,fr_FR,-,de_DE"},
        {{NULL, "C", NULL, "de_DE"},
         "resources = { LC_NUMERIC = [\"fr_FR\"]; };",
         "-,fr_FR,-,de_DE"},
    };
    struct bench *bench = *state;
    char *before[DH_COUNT_OF(names)];
    for (size_t k = 0; k < DH_COUNT_OF(names); k++)
        before[k] = getenv(names[k]) ? dh_strdup(getenv(names[k])) : NULL;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        for (size_t k = 0; k < DH_COUNT_OF(names); k++)
            if (cases[i].values[k])
                setenv(names[k], cases[i].values[k], 1);
            else
                unsetenv(names[k]);
        dh_eval_destroy(&bench->eval);
        dh_launcher_stop(&bench->launcher);
        struct dh_outcome outcome =
            bench_run_script(bench,
                             "echo DH-OUTPUT: F_${LC_ALL--},${LC_NUMERIC--},${LC_MESSAGES--},"
                             "${LANG--}",
                             cases[i].settings);
        assert_string_equal(outcome.reason + strlen("F_"), cases[i].seen);
        dh_outcome_free(&outcome);
    }
    setenv("LC_ALL", "de_DE.UTF-8", 1); /* where there is none, all read a point anyway */
    dh_eval_destroy(&bench->eval);
    dh_launcher_stop(&bench->launcher);
    struct dh_outcome outcome = bench_run_script(
        bench, "awk -v lr=$1 'BEGIN { print \"DH-OUTPUT: \" 4 * ENVIRON[\"DH_PARAM_lr\"] * lr }'",
        "");
    assert_value(&outcome, 0.25);
    dh_outcome_free(&outcome);
    for (size_t k = 0; k < DH_COUNT_OF(names); k++) {
        unsetenv(names[k]);
        if (before[k])
            setenv(names[k], before[k], 1);
        free(before[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(mpi_variables_are_hidden),
        TEST(the_jobs_tasks_are_the_searchs_own),
        TEST(they_go_first_where_memory_runs_out),
        TEST(threads_of_slots_fit_their_cores),
        TEST(numbers_have_a_decimal_point),
    };
    return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
