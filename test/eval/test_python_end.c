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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(a_process_may_end_by_itself),
    };
    return cmocka_run_group_tests_name("python end", tests, NULL, NULL);
}
