/* The python evaluator and processes that outlive a call in Python: joblib's workers, a pool in a
 * global variable, what an import started. Nothing of an evaluation outlives it, and none is spoilt
 * by what was killed after the one before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* The objective is the number of the process that evaluates. */
static const char module[] =
    "import concurrent.futures, multiprocessing, os, subprocess, time\n"
    "helper = subprocess.Popen(['sleep', '1000'])\n"
    "daemon = int(subprocess.check_output('sleep 1000 >/dev/null & echo $!', shell=True))\n"
    "pool = None\n"
    "def look():\n"
    "    assert helper.poll() is None\n"
    "    os.kill(daemon, 0)\n"
    "def spread():\n"
    "    from joblib import Parallel, delayed\n"
    "    assert Parallel(n_jobs=2)(delayed(abs)(i) for i in (1, -2, 3, -4)) == [1, 2, 3, 4]\n"
    "def keep():\n"
    "    global pool\n"
    "    pool = pool or concurrent.futures.ProcessPoolExecutor(2)\n"
    "    assert pool.submit(abs, -5).result() == 5\n"
    "def share():\n"
    "    multiprocessing.get_context('spawn').Semaphore()\n"
    "def renew():\n" /* its workers are replaced by a thread as soon as they end */
    "    global pool\n"
    "    pool = pool or multiprocessing.Pool(2)\n"
    "    assert pool.apply(abs, (-6,)) == 6\n"
    "def serve():\n"
    "    with multiprocessing.get_context('forkserver').Pool(1) as forked:\n"
    "        assert forked.apply(abs, (-7,)) == 7\n"
    "def manage():\n" /* as torch does for the sharing strategy file_system */
    "    global manager\n"
    "    name = os.environ['DH_FOLDER'] + '/torch_shm_manager'\n"
    "    manager = subprocess.Popen(['sh', name], stdin=subprocess.PIPE, start_new_session=True)\n"
    "def leak():\n"
    "    global shared\n"
    "    from multiprocessing import shared_memory\n"
    "    manage()\n"
    "    shared = shared_memory.SharedMemory(create=True, size=1)\n"
    "    with open(os.environ['DH_FOLDER'] + '/name', 'w') as file:\n"
    "        file.write('/dev/shm/' + shared.name)\n"
    "    time.sleep(1000)\n"
    "def run(job):\n"
    "    [look, spread, keep, share, renew, serve, manage, leak][job['job_id']]()\n"
    "    look()\n"
    "    return float(os.getpid())\n";

enum { LOOK, SPREAD, KEEP, SHARE, RENEW, SERVE, MANAGE, LEAK };

/* It ends with those that it serves. */
static const char manager[] = "while read line; do :; done\n: >$DH_FOLDER/cleaned\n";

static int setup(void **state)
{
    bench_setup(state);
    bench_write(*state, "pools.py", module);
    bench_open(*state, 1,
               "type = \"python\"; function = \"pools.run\"; python = \"/usr/bin/python3\";");
    return 0;
}

/* Returns the number of the process. */
static double evaluate(struct bench *bench, uint64_t deed)
{
    struct dh_outcome outcome = bench_run(bench, deed);
    if (outcome.status != DH_TRIAL_SUCCEEDED)
        fail_msg("deed %d: %s\n%s", (int)deed, outcome.reason, outcome.stderr_tail);
    double process = outcome.objectives[0];
    dh_outcome_free(&outcome);
    return process;
}

static void what_an_import_started_lives_on(void **state)
{
    struct bench *bench = *state;
    double process = evaluate(bench, LOOK);
    for (int i = 0; i < 3; i++)
        assert_true(evaluate(bench, LOOK) == process);
    assert_int_equal(bench_marked(bench->mark), 3); /* itself, and two */
}

static void joblib_works_in_each_evaluation(void **state)
{
    struct bench *bench = *state;
    double process = evaluate(bench, SPREAD);
    for (int i = 0; i < 4; i++) { /* its helpers, and at most two trackers, but no worker */
        assert_in_range(bench_marked(bench->mark), 3, 5);
        assert_true(evaluate(bench, SPREAD) == process);
    }
}

static void a_pool_in_a_global_is_made_anew(void **state)
{
    struct bench *bench = *state;
    double process = evaluate(bench, KEEP);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
        double next = evaluate(bench, i % 2 ? KEEP : RENEW);
        assert_true(next != process);
        process = next;
    }
}

static void a_fork_server_is_no_reason_for_a_new_process(void **state)
{
    struct bench *bench = *state;
    double process = evaluate(bench, SERVE);
    for (int i = 0; i < 3; i++)
        assert_true(evaluate(bench, SERVE) == process);
}

static void trackers_are_no_reason_for_a_new_process(void **state)
{
    struct bench *bench = *state;
    double process = evaluate(bench, SHARE);
    for (int i = 0; i < 3; i++)
        assert_true(evaluate(bench, SHARE) == process);
    assert_int_equal(bench_marked(bench->mark), 4);
}

static void nor_is_what_cleans_up_after_torch(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "torch_shm_manager", manager);
    double process = evaluate(bench, MANAGE);
    assert_int_equal(bench_marked(bench->mark), 4);
    assert_true(evaluate(bench, LOOK) == process);
    assert_int_equal(bench_marked(bench->mark), 4);
    dh_eval_destroy(&bench->eval);
    dh_launcher_stop(&bench->launcher);
    char *text = bench_read(bench, "cleaned");
    assert_non_null(text);
    free(text);
}

/* Nothing is left in /dev/shm, nor of those that see to that. */
static void what_a_killed_process_shared_is_removed(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "torch_shm_manager", manager);
    bench_open(bench, 1,
               "type = \"python\"; function = \"pools.run\"; python = \"/usr/bin/python3\"; "
               "timeout = 2; kill_after = 0;");
    struct dh_outcome outcome = bench_run(bench, LEAK);
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    dh_outcome_free(&outcome);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
    char *name = bench_read(bench, "name"), *text = bench_read(bench, "cleaned");
    assert_non_null(name);
    assert_int_equal(strncmp(name, "/dev/shm/", 9), 0);
    assert_int_not_equal(access(name, F_OK), 0);
    assert_non_null(text);
    free(name);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
        TEST(what_an_import_started_lives_on),
        TEST(joblib_works_in_each_evaluation),
        TEST(a_pool_in_a_global_is_made_anew),
        TEST(a_fork_server_is_no_reason_for_a_new_process),
        TEST(trackers_are_no_reason_for_a_new_process),
        TEST(nor_is_what_cleans_up_after_torch),
        TEST(what_a_killed_process_shared_is_removed),
    };
    return cmocka_run_group_tests_name("python pools", tests, NULL, NULL);
}
