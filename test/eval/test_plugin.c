/* The plugin evaluator: whatever a plugin does to its process is a failed evaluation. */
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/eval/launcher.h"
#include "../../src/eval/process.h"
#include "../../src/eval/wire.h"
#include "bench.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

enum deed {
    GOOD,
    CRASH,
    LEAVE,
    LEAVE_WELL,
    REFUSE,
    RETURN_CODE,
    NO_VALUE,
    HANG,
    REPORT,
    SCRIBBLE,
    KEEP_READING,
    ANSWER_AND_HANG,
    LIVE_ON,
    REPORT_MUCH,
    FORK_AND_RETURN,
    FORK_AND_EXIT,
    EXIT_IN_THREAD,
    HEED,
    WRITE_LATE,
    DEEDS /* how many */
};

static void open_plugin(struct bench *bench, const char *settings)
{
    char evaluator[512];
    snprintf(evaluator, sizeof evaluator, "type = \"plugin\"; library = \"%s\"; %s",
             getenv("PLUGIN_HOSTILE"), settings);
    bench_open(bench, 1, evaluator);
}

static void each_failure_has_its_reason(void **state)
{
    static const struct {
        int deed;
        const char *reason;
    } cases[] = {
        {CRASH, "signal 11 (Segmentation fault)"},
        {LEAVE, "exit code 4"},
        {LEAVE_WELL, "the plugin ended its process (exit code 0) without a result"},
        {REFUSE, "F_diverged"},
        {RETURN_CODE, "dh_evaluate returned 3"},
        {NO_VALUE, "objective is nan"},
    };
    struct bench *bench = *state;
    open_plugin(bench, "");
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_outcome outcome = bench_run(bench, (uint64_t)cases[i].deed);
        assert_failed(&outcome, cases[i].reason);
        if (cases[i].deed == CRASH)
            assert_string_equal(outcome.stderr_tail, "about to crash\n");
        dh_outcome_free(&outcome);
    }
    struct dh_outcome outcome = bench_run(bench, SCRIBBLE);
    assert_int_equal(outcome.status, DH_TRIAL_FAILED);
    dh_outcome_free(&outcome);
    outcome = bench_run(bench, DEEDS + GOOD);
    assert_value(&outcome, 0.25 + 16 + 0.5 + 1);
    char metadata[64];
    snprintf(metadata, sizeof metadata, "{\"seed\":%d,\"count\":1}", 1000 + DEEDS + GOOD);
    assert_string_equal(outcome.metadata, metadata); /* a process each */
    dh_outcome_free(&outcome);
}

static void a_hang_is_ended(void **state)
{
    struct bench *bench = *state;
    open_plugin(bench, "timeout = 0.3;");
    struct dh_outcome outcome = bench_run(bench, HANG);
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    dh_outcome_free(&outcome);
}

/* It hears of the end by what report returns, and has half of kill_after until SIGTERM. */
static void a_report_says_when_to_stop(void **state)
{
    struct bench *bench = *state;
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        open_plugin(bench, cancelled ? "kill_after = 60;" : "timeout = 0.3; kill_after = 60;");
        double start = dh_clock_now(&dh_clock_monotonic);
        bench_start(bench, HEED, 0, ACT_RELU);
        usleep(cancelled ? 300000 : 0);
        if (cancelled)
            dh_eval_cancel(bench->eval, 0, HEED);
        struct dh_eval_event event = bench_wait(bench);
        assert_int_equal(event.outcome.status, cancelled ? DH_TRIAL_CANCELLED : DH_TRIAL_TIMEOUT);
        assert_float_equal(bench->step, -1, 0); /* the last of its reports */
        assert_true(bench->value > 0);
        assert_true(dh_clock_now(&dh_clock_monotonic) - start < 20);
        dh_outcome_free(&event.outcome);
    }
}

/* Its streams are written out while its time still counts. */
static void a_thread_that_keeps_a_stream_is_ended(void **state)
{
    struct bench *bench = *state;
    open_plugin(bench, "timeout = 1; kill_after = 0.2;");
    struct dh_outcome outcome = bench_run(bench, KEEP_READING);
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    dh_outcome_free(&outcome);
}

/* The outcome of an evaluation that took the value `value`, as its process sends it. */
static void write_answer(const struct bench *bench, double value)
{
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED, .objectives = &value};
    struct dh_buffer payload = {0}, frame = {0};
    dh_outcome_pack(&outcome, 1, &payload);
    eval_wire_put(&frame, 0, EVAL_WIRE_DONE, &payload);
    char path[128];
    snprintf(path, sizeof path, "%s/answer", bench->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(frame.data, 1, frame.size, file), frame.size);
    fclose(file);
    dh_buffer_free(&payload);
    dh_buffer_free(&frame);
}

/* It has its result, no limit is in its way, and its process is killed. */
static void what_has_answered_ends(void **state)
{
    static const char *const limits[] = {"", "timeout = 20; kill_after = 20;"};
    struct bench *bench = *state;
    write_answer(bench, 5);
    for (size_t i = 0; i < DH_COUNT_OF(limits); i++) {
        open_plugin(bench, limits[i]);
        double start = dh_clock_now(&dh_clock_monotonic);
        struct dh_outcome outcome = bench_run(bench, ANSWER_AND_HANG);
        assert_value(&outcome, 5);
        assert_true(dh_clock_now(&dh_clock_monotonic) - start < 15);
        dh_outcome_free(&outcome);
        assert_int_equal(bench_marked(bench->mark), 0);
    }
}

/* What the end of the process writes is there when the evaluation has ended, and whatever becomes
 * of that end, the result counts. */
static void the_end_of_the_process_is_the_plugins_too(void **state)
{
    static const struct {
        int act;
        const char *name;
    } cases[] = {{ACT_RELU, "write"}, {ACT_DASH, "crash"}, {ACT_HOSTILE, "hang"}};
    struct bench *bench = *state;
    open_plugin(bench, "timeout = 20; kill_after = 20;");
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        double start = dh_clock_now(&dh_clock_monotonic);
        bench_start(bench, WRITE_LATE, 0, cases[i].act);
        struct dh_eval_event event = bench_wait(bench);
        assert_value(&event.outcome, 3);
        assert_true(dh_clock_now(&dh_clock_monotonic) - start < 15);
        dh_outcome_free(&event.outcome);
        char *text = bench_read(bench, cases[i].name);
        assert_non_null(text);
        assert_int_equal(strncmp(text, cases[i].name, strlen(cases[i].name)), 0);
        free(text);
        assert_int_equal(bench_marked(bench->mark), 0);
    }
}

static void reports_arrive(void **state)
{
    struct bench *bench = *state;
    open_plugin(bench, "");
    struct dh_outcome outcome = bench_run(bench, REPORT);
    assert_value(&outcome, 1.5);
    assert_int_equal(bench->reports, 3);
    assert_string_equal(outcome.reports, "[[1, 0.5], [2, 1], [3, 1.5]]");
    assert_string_equal(outcome.metadata, "{\"metadata_dropped\":\"it is not a JSON object\"}");
    dh_outcome_free(&outcome);
}

/* Only the process that was asked answers; without isolation a child would be a second rank. */
static void a_forked_child_does_not_answer(void **state)
{
    static const char *const ways[] = {"", "isolate = false;"};
    struct bench *bench = *state;
    pid_t self = getpid();
    for (size_t i = 0; i < DH_COUNT_OF(ways); i++) {
        open_plugin(bench, ways[i]);
        struct dh_outcome outcome = bench_run(bench, FORK_AND_RETURN);
        if (getpid() != self)
            _exit(3); /* this is the child */
        assert_value(&outcome, 1);
        dh_outcome_free(&outcome);
    }
}

/* Whoever runs it: memory and history stay bounded, and it is said what is missing. */
static void too_many_reports_are_dropped(void **state)
{
    static const char *const ways[] = {"", "isolate = false;"};
    static const char last[] = ", [9999, 0]]";
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(ways); i++) {
        open_plugin(bench, ways[i]);
        struct dh_outcome outcome = bench_run(bench, REPORT_MUCH);
        assert_value(&outcome, 1);
        assert_int_equal(bench->reports, 10000);
        assert_string_equal(outcome.reports + strlen(outcome.reports) - strlen(last), last);
        assert_string_equal(outcome.stderr_tail,
                            "[3 reports beyond the first 10000 are dropped]\n");
        dh_outcome_free(&outcome);
        outcome = bench_run(bench, REPORT); /* the next one has its own */
        assert_string_equal(outcome.reports, "[[1, 0.5], [2, 1], [3, 1.5]]");
        assert_null(outcome.stderr_tail);
        dh_outcome_free(&outcome);
    }
}

static void inactive_parameters_are_not_listed(void **state)
{
    struct bench *bench = *state;
    open_plugin(bench, "");
    bench_start(bench, GOOD, 0, ACT_DASH);
    struct dh_eval_event event = bench_wait(bench);
    assert_value(&event.outcome, 0.25 + 16 + 100);
    dh_outcome_free(&event.outcome);
}

static void without_isolation_it_runs_in_the_rank(void **state)
{
    struct bench *bench = *state;
    open_plugin(bench, "isolate = false;");
    for (int i = 1; i <= 2; i++) {
        char metadata[64];
        struct dh_outcome outcome = bench_run(bench, GOOD);
        assert_value(&outcome, 0.25 + 16 + 0.5 + 1);
        snprintf(metadata, sizeof metadata, "{\"seed\":1000,\"count\":%d}", i);
        assert_string_equal(outcome.metadata, metadata); /* the same process */
        dh_outcome_free(&outcome);
    }
    struct dh_outcome outcome = bench_run(bench, REPORT);
    assert_int_equal(bench->reports, 3);
    assert_string_equal(outcome.reports, "[[1, 0.5], [2, 1], [3, 1.5]]");
    dh_outcome_free(&outcome);
    bench_start(bench, GOOD, 0, ACT_RELU);
    dh_eval_cancel(bench->eval, 0, GOOD);
    struct dh_eval_event event = bench_wait(bench);
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    dh_outcome_free(&event.outcome);
}

/* The rank stays, with what has ended and why there is no more; a child ends by it as ever. */
static void a_plugin_that_calls_exit_does_not_end_the_rank(void **state)
{
    static const struct {
        bool first; /* it evaluates something before */
        int deed;
        const char *reason;
        dh_status status;
    } cases[] = {
        {true, LEAVE, "the plugin called exit(4) instead of returning", DH_INTERNAL},
        {false, LEAVE_WELL, "the plugin called exit(0) instead of returning", DH_CONFIG},
        {true, LEAVE_WELL, "the plugin called exit(0) instead of returning", DH_INTERNAL},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_eval_event event;
        open_plugin(bench, "isolate = false;");
        struct dh_outcome outcome = {0};
        if (cases[i].first)
            outcome = bench_run(bench, FORK_AND_EXIT);
        dh_outcome_free(&outcome);
        outcome = bench_run(bench, (uint64_t)cases[i].deed);
        assert_failed(&outcome, cases[i].reason);
        dh_outcome_free(&outcome);
        assert_true(dh_eval_failed(bench->eval));
        assert_int_equal(dh_eval_poll(bench->eval, &event, &bench->err), cases[i].status);
        assert_non_null(strstr(bench->err.text, "isolate = true"));
    }
}

/* A thread of it cannot go back into the call. */
static void exit_in_a_thread_of_the_plugin_ends_the_rank_with_an_error(void **state)
{
    struct bench *bench = *state;
    open_plugin(bench, "isolate = false;");
    fflush(NULL);
    pid_t rank = fork();
    if (rank == 0) {
        bench_run(bench, EXIT_IN_THREAD);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(rank, &status, 0), rank);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), dh_status_exit_code(DH_INTERNAL));
}

/* A pool that is closed does not take the code away from under a thread of the plugin. */
static void a_thread_of_the_plugin_outlives_the_pool(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 2; i++) {
        open_plugin(bench, "isolate = false;");
        struct dh_outcome outcome = bench_run(bench, LIVE_ON);
        assert_value(&outcome, 1);
        dh_outcome_free(&outcome);
        dh_eval_destroy(&bench->eval);
        usleep(50000); /* it would crash in a millisecond */
    }
}

/* Also where the launcher looks, since the rank may not fork. */
static void what_cannot_be_used_is_said(void **state)
{
    static const struct {
        const char *variable, *settings, *message;
    } cases[] = {
        {"PLUGIN_VERSION", "", "is for version 2"},
        {"PLUGIN_NOTHING", "", "has no function dh_evaluate"},
        {"PLUGIN_CRASHING", "", "crashes when it is loaded: signal 11"},
        {"PLUGIN_LEAVING", "", "ends the process when it is loaded: exit code 0"},
        {"PLUGIN_LEAVING", "isolate = false;", "ends the process when it is loaded: exit code 0"},
        {"PLUGIN_TEXT", "", "cannot be loaded"},
        {"PLUGIN_MISSING", "", "No such file"},
        {"PLUGIN_HOSTILE", "isolate = false; timeout = 5;", "timeout needs a process"},
        {"PLUGIN_HOSTILE", "isolate = false; slots = 2;", "slots must be 1"},
    };
    struct bench *bench = *state;
    bench_write(bench, "text.so", "no library");
    setenv("PLUGIN_TEXT", "text.so", 1); /* beside the configuration */
    setenv("PLUGIN_MISSING", "missing.so", 1);
    for (size_t i = 0; i < 2 * DH_COUNT_OF(cases); i++) {
        char evaluator[512];
        size_t k = i % DH_COUNT_OF(cases);
        if (i == DH_COUNT_OF(cases))
            assert_int_equal(dh_launcher_start(&bench->launcher, &bench->err), DH_OK);
        snprintf(evaluator, sizeof evaluator, "type = \"plugin\"; library = \"%s\"; %s",
                 getenv(cases[k].variable), cases[k].settings);
        assert_int_equal(bench_load(bench, 1, evaluator), DH_CONFIG);
        if (!strstr(bench->err.text, cases[k].message))
            fail_msg("\"%s\" does not say \"%s\"", bench->err.text, cases[k].message);
        assert_non_null(strstr(bench->err.text, "test.cfg:"));
    }
}

/* A machine that has no file or process to spare says nothing of the configuration. */
static void what_cannot_be_tried_is_no_error_of_the_configuration(void **state)
{
    struct bench *bench = *state;
    struct rlimit before, tight;
    char evaluator[512];
    snprintf(evaluator, sizeof evaluator, "type = \"plugin\"; library = \"%s\";",
             getenv("PLUGIN_HOSTILE"));
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(STDERR_FILENO);
    close(next);
    tight = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    dh_status status = bench_load(bench, 1, evaluator);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(status, DH_UNABLE);
    assert_non_null(strstr(bench->err.text, "Too many open files"));
}

/* Numbers have a point whatever locale the library takes, which its function then goes by. */
static void a_locale_of_the_library_does_not_matter(void **state)
{
    static const char *const ways[] = {"", "isolate = false;"};
    struct bench *bench = *state;
    locale_t commas = newlocale(LC_ALL_MASK, "de_DE.UTF-8", (locale_t)0);
    if (!commas)
        skip();
    freelocale(commas);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    for (size_t i = 0; i < DH_COUNT_OF(ways); i++) {
        char evaluator[512];
        snprintf(evaluator, sizeof evaluator, "type = \"plugin\"; library = \"%s\"; %s",
                 getenv("PLUGIN_LOCAL"), ways[i]);
        bench_open(bench, 1, evaluator);
        for (int twice = 0; twice < 2; twice++) {
            struct dh_outcome outcome = bench_run(bench, 1);
            assert_value(&outcome, 2);
            dh_outcome_free(&outcome);
        }
    }
    unsetenv("LC_ALL");
    setlocale(LC_ALL, "C");
}

/* To try a library is to wait for the process that loads it, not for what that leaves running. */
static void what_loading_leaves_running_is_not_waited_for(void **state)
{
    struct bench *bench = *state;
    char evaluator[512];
    snprintf(evaluator, sizeof evaluator, "type = \"plugin\"; library = \"%s\";",
             getenv("PLUGIN_HELPED"));
    double start = dh_clock_now(&dh_clock_monotonic);
    assert_int_equal(bench_load(bench, 1, evaluator), DH_OK); /* which tries it */
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 5);
}

static size_t children(pid_t pid)
{
    struct eval_process_table table = {0};
    eval_process_scan(&table);
    size_t count = eval_process_tree_use(&table, pid).processes;
    eval_process_table_free(&table);
    return count;
}

static void what_loading_leaves_running_ends_with_the_try(void **state)
{
    struct bench *bench = *state;
    double start = dh_clock_now(&dh_clock_monotonic);
    assert_int_equal(dh_launcher_start(&bench->launcher, &bench->err), DH_OK);
    assert_int_equal(eval_launcher_try(bench->launcher, getenv("PLUGIN_HELPED"), &bench->err),
                     DH_OK);
    assert_int_equal(children(bench->launcher->pid), 0);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 8); /* it did not end by itself */
}

static void without_its_launcher_nothing_is_tried(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(dh_launcher_start(&bench->launcher, &bench->err), DH_OK);
    kill(bench->launcher->pid, SIGKILL);
    for (int i = 0; i < 2; i++) { /* while it ends, and afterwards */
        assert_int_equal(eval_launcher_try(bench->launcher, "x.so", &bench->err), DH_INTERNAL);
        assert_non_null(strstr(bench->err.text, "its launcher process"));
        usleep(100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(each_failure_has_its_reason),
        TEST(a_hang_is_ended),
        TEST(a_report_says_when_to_stop),
        TEST(a_thread_that_keeps_a_stream_is_ended),
        TEST(what_has_answered_ends),
        TEST(the_end_of_the_process_is_the_plugins_too),
        TEST(reports_arrive),
        TEST(a_forked_child_does_not_answer),
        TEST(too_many_reports_are_dropped),
        TEST(inactive_parameters_are_not_listed),
        TEST(without_isolation_it_runs_in_the_rank),
        TEST(a_plugin_that_calls_exit_does_not_end_the_rank),
        TEST(exit_in_a_thread_of_the_plugin_ends_the_rank_with_an_error),
        TEST(a_thread_of_the_plugin_outlives_the_pool),
        TEST(what_cannot_be_used_is_said),
        TEST(what_cannot_be_tried_is_no_error_of_the_configuration),
        TEST(a_locale_of_the_library_does_not_matter),
        TEST(what_loading_leaves_running_is_not_waited_for),
        TEST(what_loading_leaves_running_ends_with_the_try),
        TEST(without_its_launcher_nothing_is_tried),
    };
    return cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
}
