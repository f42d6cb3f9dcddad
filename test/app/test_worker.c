/* A worker with a real launcher, and a manager played over the loop transport: what it still says
 * when its pool is at an end. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/worker.h"
#include "../../src/eval/launcher.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

static const char config_text[] =
    "parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; } );\n"
    "evaluator = { type = \"command\"; slots = 2; command = (\"echo\", \"DH-OUTPUT: {id}\"); };\n";

#define PATIENCE 20.0

struct bench {
    struct dh_app_setup setup;
    struct dh_launcher *launcher;
    struct dh_comm *ends[2]; /* the manager's, the worker's */
    struct dh_worker *worker;
    struct dh_error err;
};

static int setup(void **state)
{
    struct bench *bench = *state = dh_alloc(1, sizeof *bench);
    assert_int_equal(dh_app_setup_parse("test.cfg", config_text, &bench->setup, &bench->err),
                     DH_OK);
    assert_int_equal(dh_launcher_start(&bench->launcher, &bench->err), DH_OK);
    dh_comm_loop_create(2, bench->ends);
    bench->worker =
        dh_worker_create(&bench->setup, bench->ends[1], NULL, bench->launcher, 0, NULL, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    dh_worker_destroy(&bench->worker);
    for (int i = 0; i < 2; i++)
        dh_comm_close(&bench->ends[i], &bench->err);
    dh_launcher_stop(&bench->launcher);
    dh_app_setup_free(&bench->setup);
    free(bench);
    return 0;
}

static void tell(struct bench *bench, enum dh_tag tag, struct dh_buffer *payload)
{
    assert_int_equal(dh_comm_send(bench->ends[0], 1, tag, payload, &bench->err), DH_OK);
    dh_buffer_free(payload);
}

static void give(struct bench *bench, uint64_t trial, int32_t slot)
{
    struct dh_buffer payload = {0};
    double value = 0.5;
    struct dh_task task = {.trial = trial, .slot = slot, .values = &value};
    dh_task_pack(&task, 1, &payload);
    tell(bench, DH_TAG_TASK, &payload);
}

/* Trial 1 runs in slot 0 and ends; the worker has not looked yet. */
static void let_one_end(struct bench *bench)
{
    bool busy;
    give(bench, 1, 0);
    assert_int_equal(dh_worker_step(bench->worker, &busy, &bench->err), DH_OK);
    struct pollfd result = {.fd = dh_worker_fd(bench->worker), .events = POLLIN};
    assert_int_equal(poll(&result, 1, (int)(1e3 * PATIENCE)), 1);
}

/* The next message that says how an evaluation or the worker ends. */
static struct dh_message hear(struct bench *bench)
{
    double deadline = dh_clock_now(&dh_clock_monotonic) + PATIENCE;
    struct dh_message message;
    while (dh_clock_now(&dh_clock_monotonic) < deadline) {
        bool busy;
        if (dh_comm_receive(bench->ends[0], &message, &bench->err) != DH_OK) {
            assert_int_equal(dh_worker_step(bench->worker, &busy, &bench->err), DH_OK);
            usleep(1000);
        } else if (message.tag == DH_TAG_RESULT || message.tag == DH_TAG_FATAL ||
                   message.tag == DH_TAG_BYE) {
            return message;
        }
    }
    fail_msg("the worker says nothing");
    abort();
}

static void hear_result(struct bench *bench, uint64_t trial, enum dh_trial_status status)
{
    struct dh_message message = hear(bench);
    struct dh_outcome outcome;
    int32_t slot;
    uint64_t heard;
    assert_int_equal(message.tag, DH_TAG_RESULT);
    assert_true(dh_result_unpack(&message, 1, &slot, &heard, &outcome));
    assert_true(heard == trial);
    assert_int_equal(outcome.status, status);
    dh_outcome_free(&outcome);
}

static void a_lost_launcher_takes_no_result_along(void **state)
{
    struct bench *bench = *state;
    let_one_end(bench);
    kill(bench->launcher->pid, SIGKILL);
    usleep(100000);
    give(bench, 2, 1);
    hear_result(bench, 1, DH_TRIAL_SUCCEEDED);
    hear_result(bench, 2, DH_TRIAL_CANCELLED); /* given up: to be queued again */
    give(bench, 2, 1);
    hear_result(bench, 2, DH_TRIAL_SUCCEEDED); /* by another launcher */
}

static void results_come_before_a_fatal_error(void **state)
{
    struct bench *bench = *state;
    let_one_end(bench);
    kill(bench->launcher->nursery, SIGKILL); /* the launcher ends with it */
    usleep(300000);
    give(bench, 2, 1);
    hear_result(bench, 1, DH_TRIAL_SUCCEEDED);
    assert_int_equal(hear(bench).tag, DH_TAG_FATAL);
}

static void results_come_before_the_goodbye(void **state)
{
    struct bench *bench = *state;
    struct dh_buffer nothing = {0};
    let_one_end(bench);
    tell(bench, DH_TAG_SHUTDOWN, &nothing);
    hear_result(bench, 1, DH_TRIAL_SUCCEEDED);
    assert_int_equal(hear(bench).tag, DH_TAG_BYE);
}

/* So that the manager can name its host. */
static void one_that_cannot_begin_says_hello_first(void **state)
{
    struct bench *bench = *state;
    struct dh_message message;
    struct dh_hello hello;
    while (dh_comm_receive(bench->ends[0], &message, &bench->err) == DH_OK)
        ; /* of the first one, which is gone */
    dh_worker_destroy(&bench->worker);
    bench->worker =
        dh_worker_create(&bench->setup, bench->ends[1], NULL, NULL, 0, NULL, NULL, NULL);
    assert_int_equal(dh_comm_receive(bench->ends[0], &message, &bench->err), DH_OK);
    assert_int_equal(message.tag, DH_TAG_HELLO);
    assert_true(dh_hello_unpack(&message, &hello));
    assert_int_equal(hello.slots, 0);
    assert_int_equal(hello.pid, getpid());
    assert_int_not_equal(hello.host[0], '\0');
    assert_int_equal(hear(bench).tag, DH_TAG_FATAL);
    struct dh_buffer nothing = {0};
    tell(bench, DH_TAG_SHUTDOWN, &nothing);
    assert_int_equal(hear(bench).tag, DH_TAG_BYE);
}

/* No new launcher mends what somebody else has got wrong. */
static void a_task_for_a_busy_slot_is_no_lost_launcher(void **state)
{
    struct bench *bench = *state;
    give(bench, 1, 0);
    give(bench, 2, 0);
    struct dh_message message = hear(bench);
    if (message.tag == DH_TAG_RESULT) /* trial 1 was quick */
        message = hear(bench);
    assert_int_equal(message.tag, DH_TAG_FATAL);
    struct dh_reader reader = dh_reader_of(message.data, message.size);
    assert_int_equal(dh_get_u32(&reader), DH_COMM);
    char *text = dh_get_text(&reader);
    assert_non_null(strstr(text, "trial 2 was given to slot 0, which is busy"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_lost_launcher_takes_no_result_along),
        TEST(results_come_before_a_fatal_error),
        TEST(results_come_before_the_goodbye),
        TEST(one_that_cannot_begin_says_hello_first),
        TEST(a_task_for_a_busy_slot_is_no_lost_launcher),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
