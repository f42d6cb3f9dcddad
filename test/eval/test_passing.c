/* What an evaluation's main process leaves running when it ends: who still passes on its output is
 * waited for, and nobody else. */
#include <string.h>

#include "bench.h"
#include "dh_mpi/clock.h"

/* As bash's `exec > >(tee run.log) 2>&1`; what is between works for a while before it passes
 * anything on, as it would on a busy machine. */
#define BETWEEN(fd)                                                                                \
    "pipe=${0%/*}/pipe; mkfifo $pipe\n"                                                            \
    "awk 'BEGIN { for (i = 0; i < 1000000; i++) s += i } { print }' <$pipe >&" fd " &\n"           \
    "exec >$pipe 2>&1\n"

static void what_was_written_arrives_through_others(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome = bench_run_script(
        bench, BETWEEN("1") "for i in 9 8 7 6 5 4 3 2; do echo DH-OUTPUT: $i; done", "");
    assert_value(&outcome, 2);
    dh_outcome_free(&outcome);
}

static void what_failed_says_why_through_others(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome =
        bench_run_script(bench, BETWEEN("2") "echo cell 17 >&2\nexit 3", "");
    assert_failed(&outcome, "exit code 3");
    assert_non_null(strstr(outcome.stderr_tail, "cell 17\n"));
    dh_outcome_free(&outcome);
}

/* Seconds that the fastest of some evaluations takes, which all give 5. */
static double fastest(struct bench *bench, const char *script)
{
    double best = 1e9;
    bench_open_script(bench, script, "");
    for (uint64_t trial = 1; trial <= 5; trial++) {
        double start = dh_clock_now(&dh_clock_monotonic);
        struct dh_outcome outcome = bench_run(bench, trial);
        double took = dh_clock_now(&dh_clock_monotonic) - start;
        best = took < best ? took : best;
        assert_value(&outcome, 5);
        dh_outcome_free(&outcome);
    }
    return best;
}

static void who_cannot_write_is_not_waited_for(void **state)
{
    assert_true(fastest(*state, "while :; do :; done >/dev/null 2>&1 &\n"
                                "sleep 1000 >/dev/null 2>&1 &\necho DH-OUTPUT: 5") < 0.18);
}

static void who_sleeps_is_waited_for_for_a_moment(void **state)
{
    assert_true(fastest(*state, "sleep 1000 &\necho DH-OUTPUT: 5") < 0.9);
}

static void who_goes_on_is_waited_for_for_a_second(void **state)
{
    double took = fastest(*state, "while :; do :; done &\necho DH-OUTPUT: 5");
    assert_true(took > 0.9 && took < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(what_was_written_arrives_through_others), TEST(what_failed_says_why_through_others),
        TEST(who_cannot_write_is_not_waited_for),      TEST(who_sleeps_is_waited_for_for_a_moment),
        TEST(who_goes_on_is_waited_for_for_a_second),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
