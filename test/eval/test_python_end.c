/* The python evaluator: how its processes end, and how they do not begin. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "dh_mpi/clock.h"

/* What is written when Python ends: a file without an end of its own, and what atexit does. */
static const char writer[] =
    "import atexit, os, time, concurrent.futures\n"
    "log = open(os.environ['DH_FOLDER'] + '/log%d' % os.getpid(), 'w')\n"
    "pool = None\n"
    "def run(job):\n"
    "    global pool\n"
    "    name, slow = os.environ['DH_FOLDER'] + '/end%d' % job.slot, job['job_id'] == 2\n"
    "    atexit.register(lambda: os.rename(log.name, name))\n"
    "    atexit.register(log.flush)\n"
    "    atexit.register(lambda: print('x' * 1000000))\n"
    "    atexit.register(lambda: time.sleep(1000 * slow))\n"
    "    log.write('written')\n"
    "    if job['job_id'] == 3:\n"
    "        pool = concurrent.futures.ProcessPoolExecutor(2)\n"
    "        pool.submit(abs, 1).result()\n"
    "    return 1.0\n";

static void assert_written(const struct bench *bench, const char *name)
{
    char *text = bench_read(bench, name);
    assert_non_null(text);
    assert_string_equal(text, "written");
    free(text);
}

static void run_in_slot(struct bench *bench, uint64_t trial, int32_t slot)
{
    bench_start(bench, trial, slot, ACT_RELU);
    struct dh_eval_event event = bench_wait(bench);
    assert_value(&event.outcome, 1);
    dh_outcome_free(&event.outcome);
}

/* All at the same time; what evaluates, or does not end, is killed. */
static void a_process_may_end_by_itself(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "writer.py", writer);
    bench_open(bench, 1, "type = \"python\"; function = \"writer.run\"; slots = 4;");
    run_in_slot(bench, 3, 3); /* and gets a successor */
    assert_written(bench, "end3");
    for (int32_t slot = 0; slot < 4; slot++)
        run_in_slot(bench, slot ? 2 : 1, slot);
    double start = dh_clock_now(&dh_clock_monotonic);
    dh_eval_destroy(&bench->eval);
    dh_launcher_stop(&bench->launcher);
    double seconds = dh_clock_now(&dh_clock_monotonic) - start;
    assert_int_equal(bench_marked(bench->mark), 0);
    assert_written(bench, "end0");
    assert_null(bench_read(bench, "end1"));
    if (seconds > 3)
        fail_msg("they took %g s to end", seconds);
}

/* Its import takes as many seconds as the file "seconds" says; trial 9 ends the process. */
static const char slow[] = "import os, time\n"
                           "with open(os.environ['DH_FOLDER'] + '/seconds') as file:\n"
                           "    time.sleep(float(file.read()))\n"
                           "def run(job):\n"
                           "    return 1.0 if job['job_id'] < 9 else os._exit(3)\n";

static void assert_given_back(struct bench *bench)
{
    struct dh_outcome outcome = bench_run(bench, 1);
    assert_int_equal(outcome.status, DH_TRIAL_CANCELLED);
    assert_true(isnan(outcome.started));
    assert_non_null(strstr(outcome.reason, "test.cfg:"));
    assert_non_null(strstr(outcome.reason, "python3 was not ready to evaluate after 3 s, "));
    assert_non_null(strstr(outcome.reason, "evaluator.startup"));
    dh_outcome_free(&outcome);
    assert_int_equal(bench_marked(bench->mark), 0);
}

static void open_slow(struct bench *bench)
{
    bench_write(bench, "slow.py", slow);
    bench_open(bench, 1,
               "type = \"python\"; function = \"slow.run\"; startup = 3; kill_after = 2;");
}

/* Imports that take too long are no trial's fault, and none is failed for them; the third in a row
 * says that nothing can be evaluated here. */
static void slow_imports_fail_no_trial(void **state)
{
    struct bench *bench = *state;
    struct dh_eval_event event;
    bench_write(bench, "seconds", "1000");
    open_slow(bench);
    assert_given_back(bench);
    assert_given_back(bench);
    bench_start(bench, 1, 0, ACT_RELU);
    dh_status status;
    while ((status = dh_eval_poll(bench->eval, &event, &bench->err)) == DH_EMPTY)
        usleep(1000);
    assert_int_equal(status, DH_UNABLE);
    assert_non_null(strstr(bench->err.text, "3 evaluations in a row could not begin: "));
    assert_non_null(strstr(bench->err.text, "evaluator.startup"));
}

static void nor_do_those_of_a_successor(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "seconds", "0");
    open_slow(bench);
    struct dh_outcome outcome = bench_run(bench, 9);
    assert_failed(&outcome, "exit code 3");
    dh_outcome_free(&outcome);
    bench_write(bench, "seconds", "1000");
    assert_given_back(bench);
    bench_write(bench, "seconds", "0");
    run_in_slot(bench, 1, 0);
}

/* One that comes up while it is told to end does not evaluate. */
static void what_is_ready_too_late_evaluates_nothing(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "seconds", "0");
    open_slow(bench);
    bench_write(bench, "slow.py",
                "import os, signal, time\n"
                "signal.signal(signal.SIGTERM, lambda *_: None)\n"
                "time.sleep(4)\n"
                "def run(job): open(os.environ['DH_FOLDER'] + '/ran', 'w').close()\n");
    assert_given_back(bench);
    assert_null(bench_read(bench, "ran"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(a_process_may_end_by_itself),
        TEST(slow_imports_fail_no_trial),
        TEST(nor_do_those_of_a_successor),
        TEST(what_is_ready_too_late_evaluates_nothing),
    };
    return cmocka_run_group_tests_name("python end", tests, NULL, NULL);
}
