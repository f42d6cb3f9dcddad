/* Limits of evaluations (time, memory, processes), by real processes: who is told to end, how long
 * that may take, and what counts. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

static void a_hang_that_ignores_sigterm_is_killed(void **state)
{
    struct bench *bench = *state;
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_outcome outcome =
        bench_run_script(bench, "trap '' TERM\necho busy >&2\nwhile :; do sleep 0.05; done",
                         "timeout = \"0.3s\"; kill_after = \"0.3s\";");
    double took = dh_clock_now(&dh_clock_monotonic) - start;
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_string_equal(outcome.reason, "timeout after 0.3 s");
    assert_string_equal(outcome.stderr_tail, "busy\n");
    assert_true(took > 0.59 && took < 10);
    assert_int_equal(bench_marked(bench->mark), 0);
    dh_outcome_free(&outcome);
}

static void sigterm_gives_time_to_end(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome =
        bench_run_script(bench, "trap 'echo saved >&2; exit 0' TERM\nwhile :; do sleep 0.05; done",
                         "timeout = \"0.3s\"; kill_after = \"20s\";");
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_non_null(strstr(outcome.stderr_tail, "saved\n"));
    dh_outcome_free(&outcome);
}

/* A shell dies of SIGTERM at once; the program that it runs has the time that was promised. */
static void sigterm_gives_time_to_what_a_shell_runs(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "child.sh",
                "trap 'sleep 0.5; echo saved >&2; exit 0' TERM\nwhile :; do sleep 0.05; done");
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_outcome outcome =
        bench_run_script(bench, "sh \"${0%/*}/child.sh\"\necho DH-OUTPUT: 1",
                         "timeout = \"0.5s\"; kill_after = \"20s\";");
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_string_equal(outcome.reason, "timeout after 0.5 s");
    assert_non_null(strstr(outcome.stderr_tail, "saved\n"));
    assert_true(dh_clock_now(&dh_clock_monotonic) - start <
                15); /* when all have ended, not later */
    dh_outcome_free(&outcome);
}

/* … and no more than that. */
static void what_a_shell_leaves_is_killed_in_time(void **state)
{
    struct bench *bench = *state;
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_outcome outcome =
        bench_run_script(bench, "(trap '' TERM; while :; do sleep 0.05; done) &\nwait",
                         "timeout = \"0.3s\"; kill_after = \"0.7s\";");
    double took = dh_clock_now(&dh_clock_monotonic) - start;
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_true(took > 0.99 && took < 10);
    assert_int_equal(bench_marked(bench->mark), 0);
    dh_outcome_free(&outcome);
}

/* Limits hold until its process has ended, whatever it has said and closed. */
static void a_hang_after_the_result_is_ended(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome = bench_run_script(
        bench, "echo DH-OUTPUT: 1\nexec >&- 2>&-\nsleep 1000", "timeout = \"0.5s\";");
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_true(isnan(outcome.objectives[0]));
    dh_outcome_free(&outcome);
}

static void a_memory_hog_is_killed(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome =
        bench_run_script(bench, "head -c 300000000 /dev/zero | tail -c 300000000 | sleep 1000",
                         "memory_limit = \"64M\";");
    assert_failed(&outcome, "memory limit 64 MiB exceeded");
    assert_true(outcome.peak_bytes > 64u << 20);
    dh_outcome_free(&outcome);
}

/* A little over a limit, it is told to end first: srun takes a moment to end what it has started
 * elsewhere. */
static void a_limit_is_told_first(void **state)
{
    static const struct {
        const char *script, *settings, *reason;
    } cases[] = {
        {"for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done", "process_limit = 10;",
         "process limit 10 exceeded: 11 processes"},
        {"head -c 68500000 /dev/zero | tail -c 68500000 | sleep 1000 &", "memory_limit = \"64M\";",
         "memory limit 64 MiB exceeded"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char script[256];
        snprintf(script, sizeof script, "trap 'echo told >&2; exit 1' TERM\n%s\nwait\n",
                 cases[i].script);
        struct dh_outcome outcome = bench_run_script(bench, script, cases[i].settings);
        assert_failed(&outcome, cases[i].reason);
        assert_non_null(outcome.stderr_tail);
        assert_non_null(strstr(outcome.stderr_tail, "told\n"));
        dh_outcome_free(&outcome);
    }
}

/* 60 MiB that six processes share are 60 MiB. */
static void shared_memory_counts_once(void **state)
{
    static const char script[] = "exec python3 -c '\n"
                                 "import os, time\n"
                                 "data = bytearray(b\"1\" * (60 << 20))\n"
                                 "for i in range(5):\n"
                                 "    if os.fork() == 0:\n"
                                 "        sum(data[::4096])\n"
                                 "        time.sleep(1.5)\n"
                                 "        os._exit(0)\n"
                                 "for i in range(5):\n"
                                 "    os.wait()\n"
                                 "print(\"DH-OUTPUT: 1\")'\n";
    struct bench *bench = *state;
    struct dh_outcome outcome = bench_run_script(bench, script, "memory_limit = \"200M\";");
    assert_value(&outcome, 1);
    assert_true(outcome.peak_bytes > 60u << 20 && outcome.peak_bytes < 200u << 20);
    dh_outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(a_hang_that_ignores_sigterm_is_killed),
        TEST(sigterm_gives_time_to_end),
        TEST(sigterm_gives_time_to_what_a_shell_runs),
        TEST(what_a_shell_leaves_is_killed_in_time),
        TEST(a_hang_after_the_result_is_ended),
        TEST(a_memory_hog_is_killed),
        TEST(a_limit_is_told_first),
        TEST(shared_memory_counts_once),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
