/* The python evaluator with a real interpreter: one process a slot, and what happens to it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

/* Does what the number of the trial says. */
static const char module[] =
    "import os, sys, time, subprocess, signal\n"
    "count = 0\n"
    "def ignore():\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "    time.sleep(1000)\n"
    "def daemon():\n"
    "    subprocess.Popen(['setsid', 'sleep', '1000'])\n"
    "    subprocess.Popen('sleep 1000 & setsid sleep 1000 &', shell=True)\n"
    "    time.sleep(0.2)\n"
    "    return 6.0\n"
    "def fail():\n"
    "    print('DH-OUTPUT: 5')\n"
    "    raise ValueError('no \\u00e9')\n"
    "def leave():\n"
    "    print('gone', file=sys.stderr)\n"
    "    os._exit(3)\n"
    "def record(job):\n"
    "    job.record(1, 0.5); job.record(2, float('nan'))\n"
    "    return {'objective': 2.0, 'metadata': {'env': os.environ['DH_PARAM_act'],\n"
    "            'gpu': os.environ['GPU'], 'cwd': os.getcwd(), 'seed': job.seed}}\n"
    "def poll(job, nap=0.0):\n"
    "    while not job.stopped():\n"
    "        time.sleep(0.01)\n"
    "    open(os.environ['DH_FOLDER'] + '/saw%d' % job['job_id'], 'w').close()\n"
    "    time.sleep(nap)\n"
    "    return {'objective': 1e9, 'metadata': {'saw': True}}\n"
    "def say(job, text, value):\n"
    "    os.write(job._channel.writer, text)\n"
    "    return value()\n"
    "def late(job):\n" /* reports of other evaluations */
    "    for attempt in ['', ', \"attempt\": [18, 1]', ', \"attempt\": [19, 0]', ', \"attempt\": "
    "7']:\n"
    "        os.write(job._channel.writer, b'{\"report\": [1, 0.5]%s}\\n' % "
    "attempt.encode())\n"
    "    job.record(5, 0.25)\n"
    "    return 4.0\n"
    "def odd():\n"
    "    return {'objective': 3.0, 'metadata': {'hash': 2**63, 'caf\\udce9': 'x\\0y'}}\n"
    "def run(job):\n"
    "    global count\n"
    "    count += 1\n"
    "    deeds = [lambda: float(count), fail, lambda: sys.exit(2), leave,\n"
    "             lambda: os.kill(os.getpid(), 9), lambda: float('nan'), lambda: 'F_text',\n"
    "             lambda: (1.0, 2.0), lambda: None, lambda: record(job), daemon,\n"
    "             lambda: time.sleep(1000), ignore, lambda: job['lr'] + job.parameters['units'],\n"
    "             lambda: 'x' * 300000 and (print('y' * 3000000), 8.0)[1]]\n"
    "    deeds += [lambda: poll(job), lambda: poll(job, 100), odd,\n"
    "              lambda: say(job, b'{\"id\": 18, \"objective\": }\\n', lambda: "
    "time.sleep(1000)),\n"
    "              lambda: say(job, b'hello\\n[}\\n\\0\\n\\n{}\\n', lambda: late(job))]\n"
    "    if job['job_id'] >= 100:\n"
    "        return say(job, b'\\0\\xff', lambda: 1.0)\n"
    "    return deeds[int(job.id.split('.')[-1]) % 20]()\n";

enum {
    COUNT,
    FAIL,
    EXIT,
    LEAVE,
    KILLED,
    NOT_FINITE,
    TEXT,
    TUPLE,
    NOTHING,
    RECORD,
    DAEMON,
    HANG,
    IGNORE,
    SUM,
    PRINT,
    POLL,
    POLL_AND_NAP,
    ODD,
    GARBLED,
    NOISE,
    SPOILT = 100 /* the line of the answer */
};

static int setup(void **state)
{
    bench_setup(state);
    bench_write(*state, "train.py", module);
    return 0;
}

static void open_python(struct bench *bench, const char *settings)
{
    char evaluator[512];
    snprintf(evaluator, sizeof evaluator, "type = \"python\"; function = \"train.run\"; %s",
             settings);
    bench_open(bench, 1, evaluator);
}

static void assert_count(struct bench *bench, double count)
{
    struct dh_outcome outcome = bench_run(bench, COUNT);
    assert_value(&outcome, count);
    dh_outcome_free(&outcome);
}

static void failures_do_not_end_the_process(void **state)
{
    static const struct {
        int deed;
        const char *reason;
    } cases[] = {
        {FAIL, "ValueError: no \xC3\xA9"},
        {EXIT, "SystemExit: 2"},
        {NOT_FINITE, "objective is nan"},
        {TEXT, "F_text"},
        {TUPLE, "TypeError: returned 2 values, expected a number"},
        {NOTHING, "TypeError: returned None, expected a number"},
    };
    struct bench *bench = *state;
    open_python(bench, "");
    assert_count(bench, 1);
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_outcome outcome = bench_run(bench, (uint64_t)cases[i].deed);
        assert_failed(&outcome, cases[i].reason);
        if (cases[i].deed == FAIL)
            assert_non_null(strstr(outcome.stderr_tail, "train.py"));
        dh_outcome_free(&outcome);
    }
    assert_count(bench, 2 + DH_COUNT_OF(cases)); /* imported once */
    struct dh_outcome outcome = bench_run(bench, SUM);
    assert_value(&outcome, 16.25);
    dh_outcome_free(&outcome);
    outcome = bench_run(bench, PRINT);
    assert_value(&outcome, 8);
    dh_outcome_free(&outcome);
}

/* What a child said, and then what was raised, which is never cut off. */
static void stderr_comes_before_the_traceback(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "says.py",
                "import subprocess, sys\n"
                "def run(job):\n"
                "    sys.stderr.write('y' * 200000 + '\\nfull\\n')\n"
                "    subprocess.run('echo no space >&2; exit 3', shell=True, check=True)\n");
    bench_open(bench, 1, "type = \"python\"; function = \"says.run\";");
    struct dh_outcome outcome = bench_run(bench, 0);
    const char *tail = outcome.stderr_tail;
    assert_memory_equal(tail, "yyyy", 4); /* how it began, and what was left out */
    assert_non_null(strstr(tail, " bytes left out]\nfull\nno space\nTraceback (most recent"));
    assert_non_null(strstr(tail, "says.py\", line 4"));
    assert_non_null(strstr(tail, "CalledProcessError: "));
    dh_outcome_free(&outcome);
}

static void a_dead_process_gets_a_successor(void **state)
{
    struct bench *bench = *state;
    open_python(bench, "");
    assert_count(bench, 1);
    struct dh_outcome outcome = bench_run(bench, LEAVE);
    assert_failed(&outcome, "exit code 3");
    assert_string_equal(outcome.stderr_tail, "gone\n");
    dh_outcome_free(&outcome);
    assert_count(bench, 1);
    outcome = bench_run(bench, KILLED);
    assert_failed(&outcome, "signal 9 (Killed); not by dh_mpi: out of memory?");
    dh_outcome_free(&outcome);
    assert_count(bench, 1);
}

static void limits_hold_and_the_next_one_works(void **state)
{
    struct bench *bench = *state;
    open_python(bench, "timeout = 0.5; kill_after = 0.2; slots = 2;");
    for (uint64_t deed = HANG; deed <= IGNORE; deed++) {
        assert_count(bench, 1);
        struct dh_outcome outcome = bench_run(bench, deed);
        assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
        dh_outcome_free(&outcome);
    }
    bench_start(bench, HANG, 0, ACT_RELU);
    usleep(100000);
    dh_eval_cancel(bench->eval, 0, HANG);
    struct dh_eval_event event = bench_wait(bench);
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    dh_outcome_free(&event.outcome);
    assert_count(bench, 1);
}

static void assert_saw(const struct bench *bench, uint64_t trial)
{
    char name[32];
    snprintf(name, sizeof name, "saw%d", (int)trial);
    char *text = bench_read(bench, name);
    assert_non_null(text);
    free(text);
}

/* job.stopped() comes true at a cancellation and at a timeout. What the function then returns is
 * not taken for a result, and its process lives on; one that takes too long gets its signal. */
static void it_is_told_to_stop(void **state)
{
    struct bench *bench = *state;
    open_python(bench, "kill_after = 20;");
    assert_count(bench, 1);
    bench_start(bench, POLL, 0, ACT_RELU);
    usleep(300000);
    double start = dh_clock_now(&dh_clock_monotonic);
    dh_eval_cancel(bench->eval, 0, POLL);
    struct dh_eval_event event = bench_wait(bench);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 9);
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    assert_true(isnan(event.outcome.objectives[0]));
    assert_non_null(strstr(event.outcome.metadata, "saw"));
    dh_outcome_free(&event.outcome);
    assert_saw(bench, POLL);
    assert_count(bench, 3);
    open_python(bench, "timeout = 0.3; kill_after = 4;");
    assert_count(bench, 1);
    struct dh_outcome outcome = bench_run(bench, 20 + POLL);
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_string_equal(outcome.reason, "timeout after 0.3 s");
    dh_outcome_free(&outcome);
    assert_saw(bench, 20 + POLL);
    assert_count(bench, 3);
    start = dh_clock_now(&dh_clock_monotonic);
    outcome = bench_run(bench, POLL_AND_NAP);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start >= 2.3);
    assert_int_equal(outcome.status, DH_TRIAL_TIMEOUT);
    assert_null(outcome.metadata);
    dh_outcome_free(&outcome);
    assert_saw(bench, POLL_AND_NAP);
    assert_count(bench, 1); /* another process */
}

static void the_time_limit_does_not_count_imports(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "slow.py", "import time\ntime.sleep(1)\ndef run(job): return 1.0\n");
    bench_open(bench, 1, "type = \"python\"; function = \"slow.run\"; timeout = 0.8;");
    struct dh_outcome outcome = bench_run(bench, 1);
    assert_value(&outcome, 1);
    dh_outcome_free(&outcome);
}

static void what_it_leaves_behind_is_killed(void **state)
{
    struct bench *bench = *state;
    open_python(bench, "");
    assert_count(bench, 1);
    assert_int_equal(bench_marked(bench->mark), 1);
    struct dh_outcome outcome = bench_run(bench, DAEMON);
    assert_value(&outcome, 6);
    dh_outcome_free(&outcome);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0); /* one of them was below it */
    assert_count(bench, 1);
}

static void metadata_reports_and_environment(void **state)
{
    struct bench *bench = *state;
    char settings[256], want[256];
    snprintf(settings, sizeof settings, "runs = \"%s/runs\"; resources = { GPU = [4]; };",
             bench->folder);
    open_python(bench, settings);
    struct dh_outcome outcome = bench_run(bench, 20 + RECORD);
    assert_value(&outcome, 2);
    snprintf(want, sizeof want,
             "{\"env\":\"relu\",\"gpu\":\"4\",\"cwd\":\"%s/runs/29\",\"seed\":1029}",
             bench->folder);
    assert_string_equal(outcome.metadata, want);
    assert_string_equal(outcome.reports, "[[1, 0.5], [2, null]]");
    assert_int_equal(bench->reports, 2);
    assert_true(isnan(bench->value));
    assert_true(outcome.cpu_seconds >= 0);
    dh_outcome_free(&outcome);
    outcome = bench_run(bench, 40 + FAIL);
    dh_outcome_free(&outcome);
    char *out = bench_read(bench, "runs/41/stdout");
    assert_string_equal(out, "DH-OUTPUT: 5\n");
    free(out);
}

/* Modules beside the configuration and on a relative PYTHONPATH are found from a run folder, at the
 * first call, too; names of folders are bytes. */
static void modules_are_found_from_run_folders(void **state)
{
    struct bench *bench = *state;
    char folder[sizeof bench->folder], here[256], command[256];
    snprintf(folder, sizeof folder, "%.50s-caf\xE9", bench->folder);
    assert_int_equal(rename(bench->folder, folder), 0);
    memcpy(bench->folder, folder, sizeof folder);
    bench_write(bench, "above.py",
                "import beside\n"
                "def run(job):\n"
                "    import os, late\n"
                "    assert os.environb[b'DH_FOLDER'] + b'/runs' == "
                "os.path.dirname(os.getcwdb())\n"
                "    open(os.environ['DH_PARAMETERS']).close()\n"
                "    return beside.value + late.value\n");
    snprintf(command, sizeof command,
             "mkdir '%s/lib'; cd '%s/lib'; echo value = 1 >beside.py; echo value = 2 >late.py",
             folder, folder);
    assert_int_equal(system(command), 0);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(setenv("PYTHONPATH", "lib", 1), 0);
    bench_open(bench, 1, "type = \"python\"; function = \"above.run\"; runs = \"runs\";");
    for (uint64_t trial = 0; trial < 3; trial++) {
        struct dh_outcome outcome = bench_run(bench, trial);
        assert_value(&outcome, 3);
        dh_outcome_free(&outcome);
    }
    unsetenv("PYTHONPATH");
    assert_int_equal(chdir(here), 0);
}

static void what_readers_of_json_refuse_leaves_the_result(void **state)
{
    struct bench *bench = *state;
    open_python(bench, "");
    struct dh_outcome outcome = bench_run(bench, ODD);
    assert_value(&outcome, 3);
    assert_string_equal(outcome.metadata,
                        "{\"hash\":\"9223372036854775808\",\"caf\\\\udce9\":\"x\\\\x00y\"}");
    dh_outcome_free(&outcome);
    assert_count(bench, 2);
}

/* The driver's pipe is within reach of what it calls. */
static void an_unreadable_answer_is_not_waited_for(void **state)
{
    struct bench *bench = *state;
    open_python(bench, "");
    assert_count(bench, 1);
    struct dh_outcome outcome = bench_run(bench, GARBLED);
    assert_failed(&outcome,
                  "the Python process sent what cannot be read: unexpected token near '}'");
    dh_outcome_free(&outcome);
    assert_count(bench, 1); /* another process */
    outcome = bench_run(bench, SPOILT);
    assert_failed(&outcome, "the Python process sent what cannot be read: a NUL byte");
    dh_outcome_free(&outcome);
    assert_count(bench, 1);
    outcome = bench_run(bench, NOISE);
    assert_value(&outcome, 4);
    assert_string_equal(outcome.reports, "[[5, 0.25]]");
    dh_outcome_free(&outcome);
    assert_count(bench, 3);
}

/* The error of poll, within 30 s. */
static dh_status poll_error(struct bench *bench)
{
    struct dh_eval_event event;
    dh_status status;
    double deadline = dh_clock_now(&dh_clock_monotonic) + 30;
    while ((status = dh_eval_poll(bench->eval, &event, &bench->err)) == DH_EMPTY ||
           status == DH_OK) {
        if (status == DH_OK)
            dh_outcome_free(&event.outcome);
        assert_true(dh_clock_now(&dh_clock_monotonic) < deadline);
        usleep(1000);
    }
    return status;
}

static void a_failing_import_is_one_message(void **state)
{
    static const struct {
        const char *function, *message;
    } cases[] = {
        {"missing.run", "ModuleNotFoundError: No module named 'missing'"},
        {"train.runs", "did you mean 'run'"},
        {"broken.run", "broken.py"},
        {"latin.run", "ValueError: no file caf\\udce9"},
        {"garbled.run", "sent what cannot be read"},
    };
    struct bench *bench = *state;
    bench_write(bench, "broken.py", "import nothing_of_that_name\n");
    bench_write(bench, "latin.py", "raise ValueError('no file caf\\udce9')\n");
    bench_write(bench, "garbled.py",
                "import os, time\n"
                "for fd in range(3, 16):\n"
                "    try: os.write(fd, b'{\"fatal\": \\n')\n"
                "    except OSError: pass\n"
                "time.sleep(1000)\n");
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char evaluator[128];
        snprintf(evaluator, sizeof evaluator, "type = \"python\"; function = \"%s\"; slots = 2;",
                 cases[i].function);
        bench_open(bench, 1, evaluator);
        bench_start(bench, 1, 0, ACT_RELU);
        bench_start(bench, 2, 1, ACT_RELU);
        assert_int_equal(poll_error(bench), DH_CONFIG);
        if (!strstr(bench->err.text, cases[i].message))
            fail_msg("\"%s\" does not say \"%s\"", bench->err.text, cases[i].message);
        assert_non_null(strstr(bench->err.text, "test.cfg:"));
    }
    assert_int_equal(bench_load(bench, 1, "type = \"python\"; function = \"train\";"), DH_CONFIG);
    assert_int_equal(
        bench_load(bench, 1, "type = \"python\"; function = \"train.run\"; python = \"pithon\";"),
        DH_CONFIG);
    assert_non_null(strstr(bench->err.text, "no executable \"pithon\""));
}

/* An interpreter that dies as `script` does where there is a file "broken". */
static void write_interpreter(const struct bench *bench, const char *script)
{
    char text[512], path[128];
    snprintf(text, sizeof text, "#!/bin/sh\n[ -e %s/broken ] || exec /usr/bin/python3 \"$@\"\n%s\n",
             bench->folder, script);
    bench_write(bench, "interpreter", text);
    snprintf(path, sizeof path, "%s/interpreter", bench->folder);
    assert_int_equal(chmod(path, 0755), 0);
}

static void open_interpreter(struct bench *bench)
{
    open_python(bench, "python = \"./interpreter\";");
}

static void assert_says(const struct bench *bench, const char *words)
{
    if (!strstr(bench->err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", bench->err.text, words);
}

/* Where nothing was ever evaluated, it is the configuration's fault, and no trial's. */
static void a_python_that_never_comes_up_is_one_message(void **state)
{
    static const struct {
        const char *script, *how, *words;
    } cases[] = {
        {"exit 0", "(exit code 0)", ""},
        {"echo no libpython >&2; exit 127", "(exit code 127)",
         "its stderr ends with\nno libpython"},
        {"kill -ABRT $$", "(signal 6 (Aborted))", ""},
        {"PYTHONHOME=/nonexistent exec /usr/bin/python3 \"$@\"", "(exit code 1)", "'encodings'"},
        {"i=0; while [ $((i += 1)) -lt 1000 ]; do echo line $i >&2; done; exit 3", "(exit code 3)",
         "ends with\nline 8"},
    };
    struct bench *bench = *state;
    bench_write(bench, "broken", "");
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        write_interpreter(bench, cases[i].script);
        open_interpreter(bench);
        bench_start(bench, 1, 0, ACT_RELU);
        assert_int_equal(poll_error(bench), DH_CONFIG);
        assert_says(bench, "test.cfg:");
        assert_says(bench, "/interpreter ended before it could evaluate ");
        assert_says(bench, cases[i].how);
        assert_says(bench, cases[i].words);
    }
}

/* An interpreter that is a script, which does as `command` says. */
static void open_script(struct bench *bench, const char *command)
{
    char text[512], path[128];
    snprintf(text, sizeof text, "#!/bin/sh\n%s\nexit $?\n", command);
    bench_write(bench, "script", text);
    snprintf(path, sizeof path, "%s/script", bench->folder);
    assert_int_equal(chmod(path, 0755), 0);
    open_python(bench, "python = \"./script\";");
}

/* The process stays, though it is not the guard's child; so does what the script started before. */
static void a_script_may_wait_for_its_python(void **state)
{
    struct bench *bench = *state;
    open_script(bench, "sleep 1000 & echo loading\n"
                       "sh -c '/usr/bin/python3 \"$@\"; exit $?' -- \"$@\"");
    for (int count = 1; count < 4; count++)
        assert_count(bench, count);
    assert_int_equal(bench_marked(bench->mark), 4); /* two shells, Python, and sleep */
    struct dh_outcome outcome = bench_run(bench, DAEMON);
    assert_value(&outcome, 6);
    dh_outcome_free(&outcome);
    assert_int_equal(bench_marked_settles(bench->mark, 0), 0); /* one was below Python */
    assert_count(bench, 1);
    outcome = bench_run(bench, LEAVE);
    assert_failed(&outcome, "exit code 3");
    dh_outcome_free(&outcome);
}

static void a_script_is_told_what_it_has_to_pass_on(void **state)
{
    static const struct {
        const char *command, *words;
    } cases[] = {
        {"exec env -i /usr/bin/python3 \"$@\"",
         "has to pass its environment on to Python (DH_DRIVER_IN is not in it)"},
        {"exec /usr/bin/python3 \"$@\" 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-",
         "has to pass its open files on to Python (descriptor "},
        {"exec /usr/bin/python3 \"$@\" 3</dev/null 4<&3 5<&3 6<&3 7<&3 8<&3 9<&3", "not a pipe)"},
        {"exec /usr/bin/python3 -c 'import subprocess, sys; "
         "sys.exit(subprocess.call([sys.executable] + sys.argv[1:]))' \"$@\"",
         "Bad file descriptor)"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        open_script(bench, cases[i].command);
        bench_start(bench, 1, 0, ACT_RELU);
        assert_int_equal(poll_error(bench), DH_CONFIG);
        assert_says(bench, "/script ended before it could evaluate (exit code 1)");
        assert_says(bench, cases[i].words);
        assert_null(strstr(bench->err.text, "Traceback"));
    }
}

static void assert_given_back(struct bench *bench, const char *how)
{
    struct dh_outcome outcome = bench_run(bench, COUNT);
    assert_int_equal(outcome.status, DH_TRIAL_CANCELLED);
    assert_true(isnan(outcome.started));
    if (!strstr(outcome.reason, how))
        fail_msg("\"%s\" does not say \"%s\"", outcome.reason, how);
    dh_outcome_free(&outcome);
}

/* What worked before is given back a few times, and so is one that was killed, as by the kernel
 * where memory runs out: it may come up the next time. */
static void a_python_that_does_not_come_up_any_more_gives_back(void **state)
{
    static const struct {
        const char *script, *how;
        bool before; /* it worked */
    } cases[] = {
        {"echo gone >&2; exit 1", "(exit code 1)", true},
        {"kill -KILL $$", "(signal 9 (Killed))", false},
    };
    struct bench *bench = *state;
    char broken[128];
    snprintf(broken, sizeof broken, "%s/broken", bench->folder);
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        write_interpreter(bench, cases[i].script);
        open_interpreter(bench);
        if (cases[i].before) {
            struct dh_outcome outcome = bench_run(bench, LEAVE);
            assert_failed(&outcome, "exit code 3");
            dh_outcome_free(&outcome);
        }
        bench_write(bench, "broken", "");
        assert_given_back(bench, cases[i].how);
        assert_given_back(bench, cases[i].how);
        assert_int_equal(unlink(broken), 0);
        assert_count(bench, 1); /* no third in a row */
        struct dh_outcome outcome = bench_run(bench, KILLED);
        assert_failed(&outcome, "signal 9 (Killed); not by dh_mpi: out of memory?");
        dh_outcome_free(&outcome);
        bench_write(bench, "broken", "");
        assert_given_back(bench, cases[i].how);
        assert_given_back(bench, cases[i].how);
        bench_start(bench, 1, 0, ACT_RELU);
        assert_int_equal(poll_error(bench), DH_UNABLE);
        assert_says(bench, "3 evaluations in a row could not begin: ");
        assert_says(bench, cases[i].how);
        assert_int_equal(unlink(broken), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
        TEST(failures_do_not_end_the_process),
        TEST(stderr_comes_before_the_traceback),
        TEST(a_dead_process_gets_a_successor),
        TEST(limits_hold_and_the_next_one_works),
        TEST(it_is_told_to_stop),
        TEST(the_time_limit_does_not_count_imports),
        TEST(what_it_leaves_behind_is_killed),
        TEST(metadata_reports_and_environment),
        TEST(a_failing_import_is_one_message),
        TEST(modules_are_found_from_run_folders),
        TEST(a_python_that_never_comes_up_is_one_message),
        TEST(a_script_may_wait_for_its_python),
        TEST(a_script_is_told_what_it_has_to_pass_on),
        TEST(a_python_that_does_not_come_up_any_more_gives_back),
        TEST(what_readers_of_json_refuse_leaves_the_result),
        TEST(an_unreadable_answer_is_not_waited_for),
    };
    return cmocka_run_group_tests_name("python", tests, NULL, NULL);
}
