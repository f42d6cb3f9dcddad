/* Nothing outlives those it works for: kill -9 of the rank, of the launcher, of a guard; and an
 * idle launcher costs nothing. Builtin evaluations, which need no process, are here too, and what
 * all kinds have in common: how long one took. */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/eval/launcher.h"
#include "../../src/eval/process.h"
#include "bench.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

#define SLEEPERS                                                                                   \
    "type = \"command\"; slots = 2; command = [\"sh\", \"-c\", \"trap '' TERM; sleep 1000 & "      \
    "setsid sh -c 'setsid sleep 1000 & sleep 1000' & : >$DH_FOLDER/up{slot}; wait\"];"

/* The same, but a SIGTERM is noted before it is ignored. */
#define WITNESSES                                                                                  \
    "type = \"command\"; slots = 2; command = [\"sh\", \"-c\", "                                   \
    "\"trap ': >$DH_FOLDER/asked{slot}' TERM; "                                                    \
    "setsid sh -c 'setsid sleep 1000 & sleep 1000' & : >$DH_FOLDER/up{slot}; "                     \
    "while :; do sleep 1000 & wait; done\"];"

#define PROCESSES 5 /* of each of these evaluations */

static void wait_for_file(const struct bench *bench, const char *name)
{
    char *text;
    for (int i = 0; !(text = bench_read(bench, name)); i++) {
        assert_true(i < 1500);
        usleep(20000);
    }
    free(text);
}

static void unlink_file(const struct bench *bench, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", bench->folder, name);
    unlink(path);
}

/* Two evaluations with daemons, up and running. */
static void open_two(struct bench *bench, const char *evaluator)
{
    bench_open(bench, 1, evaluator);
    bench_start(bench, 1, 0, ACT_RELU);
    bench_start(bench, 2, 1, ACT_RELU);
    wait_for_file(bench, "up0");
    wait_for_file(bench, "up1");
    assert_int_equal(bench_marked_settles(bench->mark, 2 * PROCESSES), 2 * PROCESSES);
}

static void open_sleepers(struct bench *bench)
{
    open_two(bench, SLEEPERS);
}

static void nothing_outlives_the_rank(void **state)
{
    struct bench *bench = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t rank = fork();
    if (rank == 0) { /* plays the rank */
        open_sleepers(bench);
        pid_t nursery = bench->launcher->nursery;
        if (write(ends[1], &nursery, sizeof nursery) == sizeof nursery)
            pause();
        _exit(1);
    }
    pid_t nursery;
    close(ends[1]);
    assert_int_equal(read(ends[0], &nursery, sizeof nursery), sizeof nursery);
    close(ends[0]);
    kill(rank, SIGKILL);
    waitpid(rank, NULL, 0);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
    int status;
    assert_int_equal(waitpid(nursery, &status, 0), nursery); /* its orphans are ours */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void nothing_outlives_the_launcher(void **state)
{
    struct bench *bench = *state;
    struct dh_eval_event event;
    open_sleepers(bench);
    kill(bench->launcher->pid, SIGKILL);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
    assert_int_equal(dh_eval_poll(bench->eval, &event, &bench->err), DH_INTERNAL);
    assert_non_null(strstr(bench->err.text, "launcher process"));
}

/* The results of evaluations that had ended before something failed come before the error. */
static void results_come_before_an_error(void **state)
{
    struct bench *bench = *state;
    struct dh_eval_event event;
    char runs[80], moved[80];
    snprintf(runs, sizeof runs, "%s/runs", bench->folder);
    snprintf(moved, sizeof moved, "%s/moved", bench->folder);
    struct dh_buffer evaluator = {0};
    dh_buffer_printf(&evaluator,
                     "type = \"command\"; slots = 2; runs = \"%s\"; "
                     "command = \"echo DH-OUTPUT: {id}\";",
                     runs);
    bench_open(bench, 1, evaluator.data);
    dh_buffer_free(&evaluator);
    bench_start(bench, 1, 0, ACT_RELU);
    struct pollfd result = {.fd = dh_eval_fd(bench->eval), .events = POLLIN};
    assert_int_equal(poll(&result, 1, 20000), 1);
    assert_int_equal(rename(runs, moved), 0);
    bench_write(bench, "runs", "no folder any more");
    bench_start(bench, 2, 1, ACT_RELU);
    usleep(300000);
    event = bench_wait(bench);
    assert_true(event.trial == 1);
    assert_value(&event.outcome, 1);
    dh_outcome_free(&event.outcome);
    while (dh_eval_poll(bench->eval, &event, &bench->err) == DH_EMPTY)
        usleep(1000);
    assert_int_equal(dh_eval_poll(bench->eval, &event, &bench->err), DH_IO); /* for good */
    assert_non_null(strstr(bench->err.text, "cannot make the folder"));
}

/* Again and again: the next launcher evaluates, and nothing of the one before is left. */
static void a_killed_launcher_is_replaced(void **state)
{
    struct bench *bench = *state;
    struct dh_eval_event event;
    for (int i = 0; i < 3; i++) {
        uint64_t trial;
        open_sleepers(bench);
        assert_true(dh_eval_running(bench->eval, 0, &trial));
        assert_false(dh_eval_blocks(bench->eval));
        pid_t killed = bench->launcher->pid;
        kill(killed, SIGKILL);
        while (dh_eval_poll(bench->eval, &event, &bench->err) == DH_EMPTY)
            usleep(1000);
        dh_eval_destroy(&bench->eval);
        assert_int_equal(dh_launcher_replace(bench->launcher, &bench->err), DH_OK);
        assert_int_not_equal(bench->launcher->pid, killed);
        assert_int_equal(bench_marked(bench->mark), 0); /* before the new one starts anything */
    }
    open_sleepers(bench);
    dh_eval_destroy(&bench->eval);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
}

static void ignore(int number)
{
    (void)number;
}

/* An MPI library may have timers of its own. */
static void signals_do_not_keep_a_launcher_from_being_replaced(void **state)
{
    const struct itimerval often = {{.tv_usec = 1000}, {.tv_usec = 1000}}, never = {0};
    const struct sigaction handler = {.sa_handler = ignore}; /* system calls are not restarted */
    struct bench *bench = *state;
    struct sigaction before;
    open_sleepers(bench); /* so that it takes a while */
    dh_eval_destroy(&bench->eval);
    sigaction(SIGALRM, &handler, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    dh_status status = dh_launcher_replace(bench->launcher, &bench->err);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_int_equal(status, DH_OK);
}

static void without_its_nursery_a_launcher_is_not_replaced(void **state)
{
    struct bench *bench = *state;
    open_sleepers(bench);
    kill(bench->launcher->nursery, SIGKILL);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0); /* it ends with it */
    dh_eval_destroy(&bench->eval);
    assert_int_equal(dh_launcher_replace(bench->launcher, &bench->err), DH_INTERNAL);
}

/* Were the nursery's socket somebody's stdout, a line to it would end what runs. */
static void only_a_request_is_one_to_the_nursery(void **state)
{
    static const char *const others[] = {"Launch it, says a line of a log", "l", "\n"};
    struct bench *bench = *state;
    open_sleepers(bench);
    for (size_t i = 0; i < DH_COUNT_OF(others); i++)
        assert_true(write(bench->launcher->nursery_fd, others[i], strlen(others[i])) > 0);
    usleep(2500000); /* it is patient with what runs */
    assert_int_equal(bench_marked(bench->mark), 2 * PROCESSES);
    assert_int_equal(dh_launcher_replace(bench->launcher, &bench->err), DH_OK);
    assert_int_equal(bench_marked(bench->mark), 0);
}

static void nothing_outlives_the_pool(void **state)
{
    struct bench *bench = *state;
    open_sleepers(bench);
    dh_eval_destroy(&bench->eval);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
    open_sleepers(bench); /* the launcher serves another pool */
    dh_eval_destroy(&bench->eval);
    dh_launcher_stop(&bench->launcher);
    assert_int_equal(bench_marked(bench->mark), 0);
    assert_int_equal(dh_launcher_start(&bench->launcher, &bench->err), DH_OK);
}

/* The guards are the launcher's children. */
static pid_t find_guard(pid_t launcher)
{
    struct eval_process_table table = {0};
    eval_process_scan(&table);
    pid_t guard = 0;
    for (size_t i = 0; i < table.count && !guard; i++)
        if (table.rows[i].parent == launcher)
            guard = table.rows[i].pid;
    eval_process_table_free(&table);
    return guard;
}

static void a_killed_guard_is_a_failed_evaluation(void **state)
{
    struct bench *bench = *state;
    open_two(bench, WITNESSES);
    kill(find_guard(bench->launcher->pid), SIGKILL);
    struct dh_eval_event event = bench_wait(bench);
    assert_failed(&event.outcome, "its guard process was killed");
    /* the other evaluation's */
    assert_int_equal(bench_marked_settles(bench->mark, PROCESSES), PROCESSES);
    dh_outcome_free(&event.outcome);
    int32_t other = 1 - event.slot;
    dh_eval_cancel(bench->eval, other, other == 0 ? 1 : 2);
    wait_for_file(bench, other == 0 ? "asked0" : "asked1");
    kill(find_guard(bench->launcher->pid), SIGKILL);
    event = bench_wait(bench);
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    assert_int_equal(bench_marked(bench->mark), 0);
    dh_outcome_free(&event.outcome);
}

/* Batch systems signal every process of a job; what that means is the rank's decision. */
static void signals_for_the_rank_are_not_for_the_launcher(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    struct bench *bench = *state;
    bench_open(bench, 1,
               "type = \"command\"; "
               "command = [\"sh\", \"-c\", \": >$DH_FOLDER/up; sleep 0.5; echo DH-OUTPUT: 1\"];");
    bench_start(bench, 1, 0, ACT_RELU);
    wait_for_file(bench, "up");
    for (size_t i = 0; i < DH_COUNT_OF(numbers); i++) {
        kill(bench->launcher->pid, numbers[i]);
        kill(find_guard(bench->launcher->pid), numbers[i]);
    }
    struct dh_eval_event event = bench_wait(bench);
    assert_value(&event.outcome, 1);
    dh_outcome_free(&event.outcome);
}

/* It says why on stderr, and that it is up, waits for the file "go" and dies of signal `name`. */
static void start_mortal(struct bench *bench, const char *name)
{
    char evaluator[256];
    snprintf(evaluator, sizeof evaluator,
             "type = \"command\"; command = [\"sh\", \"-c\", \"echo why >&2; : >$DH_FOLDER/up; "
             "until [ -e $DH_FOLDER/go ]; do sleep 0.02; done; kill -%s $$\"];",
             name);
    bench_open(bench, 1, evaluator);
    bench_start(bench, 1, 0, ACT_RELU);
    wait_for_file(bench, "up");
}

/* What dies of SIGTERM while the job goes on has failed, as of any other signal. */
static void dying_of_a_signal_is_a_failure(void **state)
{
    static const struct {
        const char *signal, *reason;
    } cases[] = {{"TERM", "signal 15 (Terminated)"}, {"INT", "signal 2 (Interrupt)"}};
    struct bench *bench = *state;
    bench_write(bench, "go", "");
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        double start = dh_clock_now(&dh_clock_monotonic);
        start_mortal(bench, cases[i].signal);
        double up = dh_clock_now(&dh_clock_monotonic);
        struct dh_eval_event event = bench_wait(bench);
        double end = dh_clock_now(&dh_clock_monotonic);
        assert_failed(&event.outcome, cases[i].reason);
        assert_string_equal(event.outcome.stderr_tail, "why\n");
        assert_true(end - up > 2); /* or an evaluation at the job's end would have failed */
        assert_true(event.outcome.ended - event.outcome.started < end - start - 2);
        dh_outcome_free(&event.outcome);
    }
}

static void assert_given_back(struct dh_eval_event event, const char *reason)
{
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    assert_string_equal(event.outcome.reason, reason);
    dh_outcome_free(&event.outcome);
}

/* Where the launcher gets the signal, too, before or after, the evaluation is given back. */
static void dying_at_the_end_of_the_job_is_none(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct bench *bench = *state;
    for (size_t i = 0; i < 2 * DH_COUNT_OF(numbers); i++) {
        unlink_file(bench, "go");
        unlink_file(bench, "up");
        start_mortal(bench, "TERM");
        if (i % 2 == 0)
            kill(bench->launcher->pid, numbers[i / 2]);
        bench_write(bench, "go", "");
        double start = dh_clock_now(&dh_clock_monotonic);
        if (i % 2 == 1) {
            assert_int_equal(bench_marked_settles(bench->mark, 0), 0); /* it is dead */
            usleep(200000);
            kill(bench->launcher->pid, numbers[i / 2]);
            kill(bench->launcher->pid, SIGTERM);
        }
        assert_given_back(bench_wait(bench), "signal 15 (Terminated)");
        assert_true(dh_clock_now(&dh_clock_monotonic) - start < 4);
        dh_eval_destroy(&bench->eval);
        dh_launcher_stop(&bench->launcher); /* the next one was never signalled */
    }
    unlink_file(bench, "up");
    start_mortal(bench, "TERM");
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0);
    dh_eval_cancel(bench->eval, 0, 1); /* the search ends while that waits */
    assert_given_back(bench_wait(bench), "cancelled");
}

/* It is up, waits for the file "go", and fails as `how` says; another is what Python is for. */
static void start_failing(struct bench *bench, const char *how)
{
    char evaluator[256];
    snprintf(evaluator, sizeof evaluator,
             "type = \"command\"; command = [\"sh\", \"-c\", \": >$DH_FOLDER/up; "
             "until [ -e $DH_FOLDER/go ]; do sleep 0.02; done; %s\"];",
             how);
    if (!*how) {
        bench_write(bench, "train.py",
                    "import os, time\n"
                    "def run(job):\n"
                    "    open(os.environ['DH_FOLDER'] + '/up', 'w').close()\n"
                    "    while not os.path.exists(os.environ['DH_FOLDER'] + '/go'):\n"
                    "        time.sleep(0.02)\n"
                    "    raise KeyboardInterrupt\n");
        strcpy(evaluator, "type = \"python\"; function = \"train.run\";");
    }
    unlink_file(bench, "go");
    unlink_file(bench, "up");
    bench_open(bench, 1, evaluator);
    bench_start(bench, 1, 0, ACT_RELU);
    wait_for_file(bench, "up");
}

static const struct {
    const char *how, *reason;
} failures[] = {
    {"exit 143", "exit code 143"}, /* this one waits by itself */
    {"exec python3 -c 'import os, signal; signal.signal(signal.SIGUSR2, signal.SIG_DFL); "
     "os.kill(os.getpid(), signal.SIGUSR2)'",
     "signal 12 (User defined signal 2)"}, /* and this */
    {"exit 1", "exit code 1"},
    {"exit 0", "no DH-OUTPUT line on stdout"},
    {"echo DH-OUTPUT: nan", "objective is nan"},
    {"", "KeyboardInterrupt"},
};

/* What a handler makes of the signal: the guard has seen it, too, and in the end the launcher. */
static void failing_at_the_end_of_the_job_is_none(void **state)
{
    static const int numbers[] = {SIGTERM, SIGUSR2, SIGUSR1, SIGINT};
    struct bench *bench = *state;
    for (size_t i = 0; i < 2 * DH_COUNT_OF(failures); i++) {
        start_failing(bench, failures[i / 2].how);
        kill(find_guard(bench->launcher->pid), numbers[i % 4]);
        if (i % 2 == 0)
            kill(bench->launcher->pid, numbers[(i + 2) % 4]);
        bench_write(bench, "go", "");
        if (i % 2 == 1) {
            usleep(700000);
            kill(bench->launcher->pid, SIGINT);
        }
        assert_given_back(bench_wait(bench), failures[i / 2].reason);
        dh_eval_destroy(&bench->eval);
        dh_launcher_stop(&bench->launcher); /* the next one was never signalled */
    }
}

/* One of the guard's alone is no end of the job; nor is a failure without one, which does not
 * wait. */
static void a_failure_waits_only_where_there_was_a_signal(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i <= DH_COUNT_OF(failures); i++) {
        bool asked = i == DH_COUNT_OF(failures);
        const char *reason = failures[asked ? i - 1 : i].reason;
        start_failing(bench, failures[asked ? i - 1 : i].how);
        if (asked)
            kill(find_guard(bench->launcher->pid), SIGTERM);
        double start = dh_clock_now(&dh_clock_monotonic);
        bench_write(bench, "go", "");
        struct dh_eval_event event = bench_wait(bench);
        double seconds = dh_clock_now(&dh_clock_monotonic) - start;
        assert_failed(&event.outcome, reason);
        assert_true(asked || i < 2 ? seconds > 2 : seconds < 2);
        dh_outcome_free(&event.outcome);
    }
    start_failing(bench, "exit 143");
    bench_write(bench, "go", "");
    usleep(700000);
    dh_eval_cancel(bench->eval, 0, 1); /* the search ends while that waits */
    assert_given_back(bench_wait(bench), "cancelled");
    start_failing(bench, "");
    kill(find_guard(bench->launcher->pid), SIGTERM);
    bench_write(bench, "go", "");
    usleep(700000);
    dh_eval_cancel(bench->eval, 0, 1);
    assert_given_back(bench_wait(bench), "cancelled");
}

static void an_idle_launcher_sleeps(void **state)
{
    struct bench *bench = *state;
    bench_open(bench, 1,
               "type = \"command\"; command = \"echo DH-OUTPUT: 1\"; memory_limit = \"1G\";");
    struct dh_outcome outcome = bench_run(bench, 1);
    assert_value(&outcome, 1);
    dh_outcome_free(&outcome);
    clockid_t clock;
    struct timespec before, after;
    assert_int_equal(clock_getcpuclockid(bench->launcher->pid, &clock), 0);
    clock_gettime(clock, &before);
    usleep(500000);
    clock_gettime(clock, &after);
    double used =
        (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    assert_true(used < 0.001);
}

static void evaluations_leave_no_descriptors(void **state)
{
    struct bench *bench = *state;
    bench_open(bench, 1, "type = \"command\"; command = \"echo DH-OUTPUT: {id}\";");
    char path[64], *link[2];
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 30; i++) {
            struct dh_outcome outcome = bench_run(bench, i);
            assert_value(&outcome, (double)i);
            dh_outcome_free(&outcome);
        }
        snprintf(path, sizeof path, "ls /proc/%d/fd | wc -l", (int)bench->launcher->pid);
        FILE *count = popen(path, "r");
        size_t capacity = 0;
        link[round] = NULL;
        assert_true(getline(&link[round], &capacity, count) > 0);
        pclose(count);
    }
    assert_string_equal(link[0], link[1]);
    free(link[0]);
    free(link[1]);
}

static void builtin_functions_need_no_process(void **state)
{
    struct bench *bench = *state;
    bench_open(bench, 1, "type = \"builtin\"; function = \"sphere\"; slots = 2; duration = 0.2;");
    double start = dh_clock_now(&dh_clock_monotonic);
    bench_start(bench, 1, 0, ACT_RELU);
    bench_start(bench, 2, 1, ACT_RELU);
    assert_true(dh_eval_next_time(bench->eval) > start);
    assert_int_equal(dh_eval_fd(bench->eval), -1);
    dh_eval_cancel(bench->eval, 1, 2);
    struct dh_eval_event event = bench_wait(bench);
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    dh_outcome_free(&event.outcome);
    event = bench_wait(bench);
    assert_value(&event.outcome, -(0.25 * 0.25 + 16 * 16 + 0.5 * 0.5)); /* maximised */
    assert_true(dh_clock_now(&dh_clock_monotonic) - start >= 0.2);
    dh_outcome_free(&event.outcome);
    bench_open(bench, 1, "type = \"builtin\"; function = \"sphere\"; duration = 5; timeout = 0.1;");
    event.outcome = bench_run(bench, 3);
    assert_int_equal(event.outcome.status, DH_TRIAL_TIMEOUT);
    dh_outcome_free(&event.outcome);
}

static void noise_follows_the_seed(void **state)
{
    struct bench *bench = *state;
    double values[3];
    bench_open(bench, 1,
               "type = \"builtin\"; function = \"sphere\"; noise = 0.1; duration = 0.001; "
               "duration_spread = 0.5;");
    for (int i = 0; i < 3; i++) {
        struct dh_outcome outcome = bench_run(bench, i == 1 ? 5 : 4);
        values[i] = outcome.objectives[0];
        dh_outcome_free(&outcome);
    }
    assert_true(values[0] == values[2] && values[0] != values[1]);
}

/* Seconds by which the wall clock is set before each reading. */
static time_t wall_step;

int clock_gettime(clockid_t id, struct timespec *out)
{
    static time_t readings;
    int status = (int)syscall(SYS_clock_gettime, id, out);
    if (status == 0 && id == CLOCK_REALTIME)
        out->tv_sec += ++readings * wall_step;
    return status;
}

/* Somebody sets the clock while an evaluation runs, forwards or back: it took no longer for that,
 * and no less. */
static void the_wall_clock_does_not_change_durations(void **state)
{
    static const struct {
        const char *evaluator;
        double shortest;
    } cases[] = {
        {"type = \"builtin\"; function = \"sphere\"; duration = 0.2;", 0.2},
        {"type = \"command\"; command = [\"sh\", \"-c\", \"sleep 0.2; echo DH-OUTPUT: 1\"];", 0.2},
        {"type = \"plugin\"; library = \"hostile.so\"; isolate = false;", 0},
    };
    struct bench *bench = *state;
    char library[128];
    snprintf(library, sizeof library, "%s/hostile.so", bench->folder);
    assert_int_equal(symlink(getenv("PLUGIN_HOSTILE"), library), 0);
    for (size_t i = 0; i < 2 * DH_COUNT_OF(cases); i++) {
        dh_eval_destroy(&bench->eval);
        dh_launcher_stop(&bench->launcher); /* the next one has the other step */
        wall_step = i % 2 ? 3 * 3600 : -3 * 3600;
        bench_open(bench, 1, cases[i / 2].evaluator);
        bench_start(bench, 0, 0, ACT_RELU);
        struct dh_eval_event event = bench_wait(bench);
        wall_step = 0;
        assert_int_equal(event.outcome.status, DH_TRIAL_SUCCEEDED);
        double seconds = event.outcome.ended - event.outcome.started;
        if (!(seconds >= cases[i / 2].shortest - 1e-6 && seconds < 30))
            fail_msg("%s took %g s", cases[i / 2].evaluator, seconds);
        dh_outcome_free(&event.outcome);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(nothing_outlives_the_rank),
        TEST(nothing_outlives_the_launcher),
        TEST(results_come_before_an_error),
        TEST(a_killed_launcher_is_replaced),
        TEST(signals_do_not_keep_a_launcher_from_being_replaced),
        TEST(without_its_nursery_a_launcher_is_not_replaced),
        TEST(only_a_request_is_one_to_the_nursery),
        TEST(nothing_outlives_the_pool),
        TEST(a_killed_guard_is_a_failed_evaluation),
        TEST(signals_for_the_rank_are_not_for_the_launcher),
        TEST(dying_of_a_signal_is_a_failure),
        TEST(dying_at_the_end_of_the_job_is_none),
        TEST(failing_at_the_end_of_the_job_is_none),
        TEST(a_failure_waits_only_where_there_was_a_signal),
        TEST(an_idle_launcher_sleeps),
        TEST(evaluations_leave_no_descriptors),
        TEST(builtin_functions_need_no_process),
        TEST(noise_follows_the_seed),
        TEST(the_wall_clock_does_not_change_durations),
    };
    return cmocka_run_group_tests_name("survival", tests, NULL, NULL);
}
