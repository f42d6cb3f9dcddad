/* The command evaluator, by real processes: the ways in which programs fail first. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/eval/launcher.h"
#include "bench.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

static void each_failure_has_its_reason(void **state)
{
    static const struct {
        const char *script, *reason;
    } cases[] = {
        {"exit 3", "exit code 3"},
        {"echo DH-OUTPUT: 1; exit 1", "exit code 1"},
        {"kill -SEGV $$", "signal 11 (Segmentation fault)"},
        {"echo 1.5", "no DH-OUTPUT line on stdout"},
        {"echo DH-OUTPUT: 1 >&2", "no DH-OUTPUT line on stdout"},
        {"printf '[1] \"DH-OUTPUT: 3\"\\n'",
         "no DH-OUTPUT line on stdout: it has to begin its line, "
         "and stands behind \"[1] \"\""},
        {"printf '99%%\\rDH-OUTPUT 3\\n'",
         "no DH-OUTPUT line on stdout: there is DH-OUTPUT without its colon"},
        {"printf DH-OUTPUT:\\ 3 | sed 's/./&\\x00/g'",
         "no DH-OUTPUT line on stdout: that is UTF-16, and should be UTF-8 (or ASCII)"},
        {"echo DH-OUTPUT: 0,5",
         "2 values for 1 objective: \"0,5\" (decimal commas? numbers have a point)"},
        {"echo DH-OUTPUT: nan", "objective is nan"},
        {"echo 'DH-OUTPUT: {\"objective\": NaN}'", "objective is nan"},
        {"echo DH-OUTPUT: -inf", "objective is -inf"},
        {"echo DH-OUTPUT: 1e999", "objective is inf"},
        {"echo DH-OUTPUT: 1 2", "2 values for 1 objective"},
        {"echo DH-OUTPUT:", "DH-OUTPUT is not a number: \"\""},
        {"echo DH-OUTPUT: fast", "DH-OUTPUT is not a number: \"fast\""},
        {"echo DH-OUTPUT: F_diverged", "F_diverged"},
        {"echo 'DH-OUTPUT: \"F_text\"'", "F_text"},
        {"echo 'DH-OUTPUT: {\"objective\": \"F_dict\"}'", "F_dict"},
        {"echo 'DH-OUTPUT: {\"metadata\": {}}'", "DH-OUTPUT has no \"objective\""},
        {"echo 'DH-OUTPUT: {\"objective\": true}'",
         "DH-OUTPUT: the objective is not a number: true"},
        {"echo DH-OUTPUT: 1; echo DH-OUTPUT: F_last", "F_last"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_outcome outcome = bench_run_script(bench, cases[i].script, "");
        assert_failed(&outcome, cases[i].reason);
        dh_outcome_free(&outcome);
    }
}

static void a_hundred_megabytes_of_output_pass(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome =
        bench_run_script(bench,
                         "yes 'a line of output that says nothing at all' | head -c 50000000\n"
                         "head -c 50000000 /dev/zero\n"
                         "head -c 30000000 /dev/urandom >&2\necho; echo DH-OUTPUT: 4",
                         "");
    assert_value(&outcome, 4);
    dh_outcome_free(&outcome);
}

static void what_it_leaves_behind_is_killed(void **state)
{
    struct bench *bench = *state;
    /* children, a daemon (setsid, double fork) that holds stdout, one with all signals ignored */
    struct dh_outcome outcome = bench_run_script(
        bench,
        "sleep 1000 & sleep 1000 &\n"
        "setsid sh -c 'sleep 1000 & setsid sleep 1000 & sleep 1000' &\n"
        "(trap '' TERM INT HUP; setsid sh -c 'while :; do sleep 0.1; done' </dev/null &)\n"
        "sleep 0.2; echo DH-OUTPUT: 2",
        "");
    assert_value(&outcome, 2);
    assert_int_equal(bench_marked(bench->mark), 0);
    dh_outcome_free(&outcome);
}

/* Processes that end as soon as they have a successor, so that every list of them is out of date:
 * what makes a fork bomb hard to kill, without its size. */
static void runaway_processes_are_caught(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "again.sh", "sleep 0.002\nsetsid sh \"$0\" &\n");
    struct dh_outcome outcome = bench_run_script(
        bench,
        "for i in 1 2 3 4; do sh \"$DH_FOLDER/again.sh\" & done; sleep 0.3; echo DH-OUTPUT: 1", "");
    assert_value(&outcome, 1);
    assert_int_equal(bench_marked(bench->mark), 0);
    usleep(50000);
    assert_int_equal(bench_marked(bench->mark), 0);
    dh_outcome_free(&outcome);
}

static void cancelling_ends_it(void **state)
{
    struct bench *bench = *state;
    bench_open_script(bench, "sleep 1000", "slots = 2;");
    bench_start(bench, 1, 0, ACT_RELU);
    bench_start(bench, 2, 1, ACT_RELU);
    struct dh_task busy = {.trial = 3, .slot = 1, .values = (double[]){0, 1, 0, 0}};
    assert_int_equal(dh_eval_start(bench->eval, &busy, &bench->err), DH_COMM);
    dh_eval_cancel(bench->eval, 0, 2); /* not there: nothing happens */
    dh_eval_cancel(bench->eval, 1, 2);
    struct dh_eval_event event = bench_wait(bench);
    assert_true(event.trial == 2);
    assert_int_equal(event.outcome.status, DH_TRIAL_CANCELLED);
    dh_outcome_free(&event.outcome);
    dh_eval_cancel(bench->eval, 0, 1);
    event = bench_wait(bench);
    assert_true(event.trial == 1);
    dh_outcome_free(&event.outcome);
}

static void values_are_single_arguments(void **state)
{
    struct bench *bench = *state;
    bench_open_script(
        bench,
        "printf '%s\\n' \"$#\" \"$1\" \"$2\" \"$3\" \"$DH_PARAM_act\" "
        "\"${DH_PARAM_momentum-unset}\" \"$DH_ID\" \"$DH_SEED\" \"$DH_SLOT\" \"$DH_WORKER\" "
        "\"$DH_RETRIES\" >\"$DH_FOLDER/seen\"\n"
        "cp \"$DH_PARAMETERS\" \"$DH_FOLDER/json\"; echo \"$DH_PARAMETERS\" >\"$DH_FOLDER/path\"\n"
        "echo DH-OUTPUT: 1",
        "");
    static const struct {
        int act;
        const char *seen;
    } cases[] = {
        {ACT_HOSTILE, "3\n0.25\n" HOSTILE "\n\n" HOSTILE "\nunset\n9\n1009\n0\n3\n1\n"},
        {ACT_DASH, "3\n0.25\n-rf\n\n-rf\nunset\n9\n1009\n0\n3\n1\n"},
        {ACT_RELU, "3\n0.25\nrelu\n0.5\nrelu\n0.5\n9\n1009\n0\n3\n1\n"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        bench_start(bench, 9, 0, cases[i].act);
        struct dh_eval_event event = bench_wait(bench);
        assert_value(&event.outcome, 1);
        dh_outcome_free(&event.outcome);
        char *seen = bench_read(bench, "seen");
        assert_string_equal(seen, cases[i].seen);
        free(seen);
    }
    char *json = bench_read(bench, "json"), *path = bench_read(bench, "path");
    assert_string_equal(json,
                        "{\"id\": 9, \"seed\": 1009, \"retries\": 1, \"slot\": 0, \"worker\": 3, "
                        "\"parameters\": {\"lr\": 0.25, \"units\": 16, \"act\": \"relu\", "
                        "\"momentum\": 0.5, \"debug\": true}}\n");
    *strchr(path, '\n') = '\0';
    assert_int_not_equal(access(path, F_OK), 0); /* the temporary file is gone */
    free(json);
    free(path);
}

static void a_shell_never_parses_a_value(void **state)
{
    struct bench *bench = *state;
    bench_open(bench, 1,
               "type = \"command\"; shell = true; command = \"cd {folder}; printf '%s|' {act} "
               "\\\"x{act}y\\\" \\\"{id}\\\" >seen && echo DH-OUTPUT: 1\";");
    bench_start(bench, 5, 0, ACT_HOSTILE);
    struct dh_eval_event event = bench_wait(bench);
    assert_value(&event.outcome, 1);
    dh_outcome_free(&event.outcome);
    char *seen = bench_read(bench, "seen");
    assert_string_equal(seen, HOSTILE "|x" HOSTILE "y|5|");
    assert_null(bench_read(bench, "hacked"));
    free(seen);
    assert_int_equal(
        bench_load(bench, 1, "type = \"command\"; shell = true; command = \"echo '{act}'\";"),
        DH_CONFIG);
    assert_non_null(strstr(bench->err.text, "single quotes"));
    assert_int_equal(
        bench_load(bench, 1,
                   "type = \"command\"; shell = true; command = \"echo\\n$((1+{units}*{lr}))\";"),
        DH_CONFIG);
    assert_non_null(strstr(bench->err.text, "{lr} stands in $((…)), which takes whole numbers"));
    assert_non_null(strstr(bench->err.text, "(line 2, at: {lr}))"));
}

static void a_shell_gets_values_whole_wherever_they_stand(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "count", "printf '%s|' $# \"$@\"");
    bench_open(bench, 1,
               "type = \"command\"; shell = true; command = \"cd {folder}; "
               "x=\\\"$(sh count {act} {momentum} {units})\\\"; "
               "y=\\\"`sh count {act} {momentum} {units}`\\\"\\n"
               "cat >seen <<EOF\\n$x $y {act} $((1+{units}))\\nEOF\\necho DH-OUTPUT: 1\";");
    bench_start(bench, 5, 0, ACT_HOSTILE);
    struct dh_eval_event event = bench_wait(bench);
    assert_value(&event.outcome, 1);
    dh_outcome_free(&event.outcome);
    char *seen = bench_read(bench, "seen");
    assert_string_equal(seen, "3|" HOSTILE "||16| 3|" HOSTILE "||16| " HOSTILE " 17\n");
    assert_null(bench_read(bench, "hacked"));
    free(seen);
}

static void results_reports_and_metadata_come_back(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome = bench_run_script(
        bench,
        "echo DH-REPORT: 1 0.5; echo ' DH-REPORT: 2 0.75'; echo DH-REPORT: x\n"
        "echo DH-OUTPUT: 7; echo noise\n"
        "printf ' DH-OUTPUT: {\"objective\": 3, \"metadata\": {\"a\": NaN}, \"b\": \"NaN\"}'",
        "");
    assert_value(&outcome, 3);
    assert_string_equal(outcome.metadata, "{\"a\":null,\"b\":\"NaN\"}");
    assert_string_equal(outcome.reports, "[[1, 0.5], [2, 0.75]]");
    assert_int_equal(bench->reports, 2);
    assert_true(bench->step == 2 && bench->value == 0.75);
    assert_true(outcome.cpu_seconds >= 0 && outcome.peak_bytes > 0);
    dh_outcome_free(&outcome);
    outcome = bench_run_script(bench, "printf '\\r 9%%\\r99%%\\rDH-OUTPUT: 4\\r100%%\\n'", "");
    assert_value(&outcome, 4);
    dh_outcome_free(&outcome);
    bench_open(bench, 2, "type = \"command\"; command = \"echo 'DH-OUTPUT: {lr}, {units}'\";");
    outcome = bench_run(bench, 8);
    assert_value(&outcome, 0.25);
    assert_true(outcome.objectives[1] == 16);
    dh_outcome_free(&outcome);
    bench_open(bench, 2, "type = \"command\"; command = \"echo DH-OUTPUT: 1\";");
    outcome = bench_run(bench, 8);
    assert_failed(&outcome, "1 value for 2 objectives");
    dh_outcome_free(&outcome);
}

/* Fortran's numbers, commas and DOS's ends of lines are read; what is not is told, with success or
 * without. */
static void reports_that_cannot_be_read_are_told(void **state)
{
    static const char script[] = "echo why >&2\n"
                                 "echo DH-REPORT: 1 1.0D-3\n"
                                 "echo DH-REPORT: 2, 0.5\n"
                                 "printf 'DH-REPORT: 3 0.25\\r\\n'\n"
                                 "echo DH-REPORT: 4\n"
                                 "echo 'DH-REPORT: 5; 6'\n"
                                 "echo DH-REPORT: 7 8 9\n";
    static const char note[] = "[3 DH-REPORT lines without STEP VALUE, the first: \"4\"]\n";
    struct bench *bench = *state;
    char text[512];
    for (int code = 0; code < 2; code++) {
        snprintf(text, sizeof text, "%secho DH-OUTPUT: 1.5d1\nexit %d\n", script, code);
        struct dh_outcome outcome = bench_run_script(bench, text, "");
        assert_string_equal(outcome.reports, "[[1, 0.001], [2, 0.5], [3, 0.25]]");
        char told[256];
        snprintf(told, sizeof told, "%s%s", code ? "why\n" : "", note);
        assert_string_equal(outcome.stderr_tail, told);
        if (code == 0)
            assert_value(&outcome, 15);
        else
            assert_failed(&outcome, "exit code 1");
        dh_outcome_free(&outcome);
    }
}

static void huge_metadata_is_dropped_and_said(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome =
        bench_run_script(bench,
                         "printf 'DH-OUTPUT: {\"objective\": 1, \"metadata\": {\"a\": \"'\n"
                         "head -c 500000 /dev/zero | tr '\\0' x; echo '\", \"b\": 2}}'",
                         "metadata_limit = 100000;");
    assert_value(&outcome, 1);
    assert_string_equal(outcome.metadata,
                        "{\"b\":2,\"metadata_dropped\":\"over metadata_limit: a (500007 bytes)\"}");
    dh_outcome_free(&outcome);
}

static void metadata_that_json_readers_refuse_leaves_the_result(void **state)
{
    static const struct {
        const char *script, *metadata;
    } cases[] = {
        {"echo 'DH-OUTPUT: {\"objective\": 5, \"metadata\": {\"hash\": 18446744073709551615}}'",
         "{\"hash\":\"18446744073709551615\"}"},
        {"printf 'DH-OUTPUT: {\"objective\": 5, \"metadata\": {\"a\": \"caf\\351\"}}\\n'",
         "{\"a\":\"caf\xEF\xBF\xBD\"}"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_outcome outcome = bench_run_script(bench, cases[i].script, "");
        assert_value(&outcome, 5);
        assert_string_equal(outcome.metadata, cases[i].metadata);
        dh_outcome_free(&outcome);
    }
}

static void the_tail_of_stderr_is_valid_text(void **state)
{
    struct bench *bench = *state;
    struct dh_outcome outcome = bench_run_script(
        bench, "echo cause >&2; seq 100000 >&2; printf 'bad \\377\\000 byte\\nlast\\n' >&2; exit 2",
        "");
    assert_failed(&outcome, "exit code 2");
    const char *tail = outcome.stderr_tail;
    assert_true(strlen(tail) <= 4096 + 4 && strlen(tail) > 3000);
    assert_non_null(strstr(tail, "\n100000\nbad \xEF\xBF\xBD\xEF\xBF\xBD byte\nlast\n"));
    assert_memory_equal(tail, "cause\n1\n2\n", 10);
    assert_non_null(tail = strstr(tail, " bytes left out]\n"));
    assert_true(strtol(strchr(tail, '\n') + 1, NULL, 10) > 90000); /* goes on with a whole line */
    dh_outcome_free(&outcome);
}

static void run_folders_hold_what_was_said(void **state)
{
    struct bench *bench = *state;
    char settings[128];
    snprintf(settings, sizeof settings, "runs = \"%s/deep/runs\"; output_limit = 10;",
             bench->folder);
    struct dh_outcome outcome =
        bench_run_script(bench,
                         "pwd -P >cwd; echo out; echo err >&2; cat "
                         "parameters.json >copy; seq 100; echo DH-OUTPUT: 1",
                         settings);
    assert_value(&outcome, 1);
    dh_outcome_free(&outcome);
    char *out = bench_read(bench, "deep/runs/7/stdout"),
         *err = bench_read(bench, "deep/runs/7/stderr");
    char *cwd = bench_read(bench, "deep/runs/7/cwd"), *json = bench_read(bench, "deep/runs/7/copy");
    assert_string_equal(out, "out\n1\n2\n3\n\n[output_limit reached: the rest is not kept]\n");
    assert_string_equal(err, "err\n");
    assert_non_null(strstr(cwd, "/deep/runs/7\n"));
    assert_non_null(strstr(json, "\"parameters\": {\"lr\": 0.25"));
    free(out);
    free(err);
    free(cwd);
    free(json);
}

/* Not of the evaluation, which is to be done again where it can be. */
static void run_folders_that_cannot_be_made_end_the_pool(void **state)
{
    struct bench *bench = *state;
    char settings[128];
    struct dh_eval_event event;
    dh_status status;
    snprintf(settings, sizeof settings, "runs = \"%s/script.sh\";", bench->folder);
    bench_open_script(bench, "echo DH-OUTPUT: 1", settings);
    bench_start(bench, 7, 0, ACT_RELU);
    while ((status = dh_eval_poll(bench->eval, &event, &bench->err)) == DH_EMPTY)
        usleep(1000);
    assert_int_equal(status, DH_IO);
    assert_non_null(strstr(bench->err.text, "cannot make the folder"));
}

/* Nor is what the machine lacks: it is given back, and then there will be no more here. */
static void without_a_temporary_file_evaluations_are_given_back(void **state)
{
    struct bench *bench = *state;
    struct dh_eval_event event;
    dh_status status;
    char *before = getenv("TMPDIR") ? dh_strdup(getenv("TMPDIR")) : NULL;
    setenv("TMPDIR", "/nonexist", 1);
    bench_open_script(bench, "echo DH-OUTPUT: 1", "");
    for (uint64_t trial = 7; trial < 9; trial++) {
        struct dh_outcome outcome = bench_run(bench, trial);
        assert_int_equal(outcome.status, DH_TRIAL_CANCELLED);
        assert_string_equal(outcome.reason,
                            "cannot make a file in /nonexist (TMPDIR): No such file or directory");
        dh_outcome_free(&outcome);
    }
    bench_start(bench, 9, 0, ACT_RELU);
    while ((status = dh_eval_poll(bench->eval, &event, &bench->err)) == DH_EMPTY)
        usleep(1000);
    assert_int_equal(status, DH_UNABLE);
    assert_string_equal(bench->err.text,
                        "3 evaluations in a row could not begin: cannot make a file "
                        "in /nonexist (TMPDIR): No such file or directory");
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
}

static void without_pipes_evaluations_are_given_back(void **state)
{
    struct bench *bench = *state;
    struct rlimit few = {.rlim_cur = 10, .rlim_max = 10}; /* enough for the launcher itself */
    bench_open_script(bench, "echo DH-OUTPUT: 1", "");
    struct dh_outcome outcome = bench_run(bench, 6);
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    dh_outcome_free(&outcome);
    assert_int_equal(prlimit(bench->launcher->pid, RLIMIT_NOFILE, &few, NULL), 0);
    outcome = bench_run(bench, 7);
    assert_int_equal(outcome.status, DH_TRIAL_CANCELLED);
    assert_string_equal(outcome.reason, "cannot start a process: Too many open files");
    dh_outcome_free(&outcome);
}

/* A file system that is gone, say. */
static void a_program_that_vanished_is_not_the_trials_fault(void **state)
{
    struct bench *bench = *state;
    char program[300];
    snprintf(program, sizeof program, "%s/program", bench->folder);
    bench_write(bench, "program", "#!/bin/sh\necho DH-OUTPUT: 1");
    assert_int_equal(chmod(program, 0755), 0);
    bench_open(bench, 1, "type = \"command\"; command = \"{folder}/program\";");
    struct dh_outcome outcome = bench_run(bench, 6);
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    dh_outcome_free(&outcome);
    assert_int_equal(unlink(program), 0);
    outcome = bench_run(bench, 7);
    assert_int_equal(outcome.status, DH_TRIAL_CANCELLED);
    assert_non_null(strstr(outcome.reason, "cannot run "));
    assert_non_null(strstr(outcome.reason, "No such file"));
    assert_true(isnan(outcome.started)); /* by which the scheduler knows */
    dh_outcome_free(&outcome);
}

/* Before any has run, it is the configuration's. */
static void a_program_that_never_ran_ends_the_pool(void **state)
{
    struct bench *bench = *state;
    struct dh_eval_event event;
    dh_status status;
    char program[300], interpreter[300], text[320];
    snprintf(program, sizeof program, "%s/program", bench->folder);
    snprintf(interpreter, sizeof interpreter, "%s/other", bench->folder);
    snprintf(text, sizeof text, "#!%s\n", interpreter);
    bench_write(bench, "program", text); /* its interpreter is there, but … */
    bench_write(bench, "other", "echo DH-OUTPUT: 1");
    assert_int_equal(chmod(program, 0755), 0);
    assert_int_equal(chmod(interpreter, 0755), 0);
    bench_open(bench, 1, "type = \"command\"; command = \"program\";");
    bench_start(bench, 7, 0, ACT_RELU);
    while ((status = dh_eval_poll(bench->eval, &event, &bench->err)) == DH_EMPTY)
        usleep(1000);
    assert_int_equal(status, DH_CONFIG);
    assert_non_null(strstr(bench->err.text, "test.cfg:"));
    assert_non_null(strstr(bench->err.text, ": evaluator: cannot run "));
    assert_non_null(strstr(bench->err.text, "it is no program for this machine"));
}

/* Another evaluation's would be shorter. */
static void arguments_that_are_too_long_are_a_failure(void **state)
{
    struct bench *bench = *state;
    size_t length = 40 << 12; /* more than Linux takes in one argument */
    char *command = dh_alloc(length + 128, 1);
    strcpy(command, "type = \"command\"; command = [\"true\", \"");
    memset(command + strlen(command), 'x', length);
    strcat(command, "{lr}\"];");
    bench_open(bench, 1, command);
    struct dh_outcome outcome = bench_run(bench, 7);
    assert_int_equal(outcome.status, DH_TRIAL_FAILED);
    assert_non_null(strstr(outcome.reason, "Argument list too long"));
    dh_outcome_free(&outcome);
    free(command);
}

/* What is in the way fails no evaluation: it is moved aside. */
static void a_file_is_no_run_folder(void **state)
{
    struct bench *bench = *state;
    char settings[128];
    bench_write(bench, "7", "");
    snprintf(settings, sizeof settings, "runs = \"%s\";", bench->folder);
    struct dh_outcome outcome = bench_run_script(bench, "echo DH-OUTPUT: 1", settings);
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    dh_outcome_free(&outcome);
}

static void bad_settings_are_named(void **state)
{
    static const struct {
        const char *evaluator, *message;
    } cases[] = {
        {"type = \"comand\";", "did you mean \"command\""},
        {"slots = 1;", "`type` must be given"},
        {"typ = \"command\";", "unknown setting 'typ'; did you mean 'type'?"},
        {"type = \"command\"; command = \"echo {unit}\";", "did you mean {units}?"},
        {"type = \"command\"; command = \"echo {lr\";", "opened and not closed"},
        {"type = \"command\"; command = \"echo 'x\";", "a quote is not closed"},
        {"type = \"command\"; command = \"\";", "there is no program"},
        {"type = \"command\"; command = [\"no-such-program\"];",
         "no executable \"no-such-program\""},
        {"type = \"command\"; command = [\"./test.cfg\"];", "no executable \"./test.cfg\" in /"},
        {"type = \"command\"; command = [\"./sh\"];",
         "the configuration's folder (the one in the current folder is not looked for)"},
        {"type = \"command\"; command = [\"/no/such\"];", "there is no executable /no/such"},
        {"type = \"command\"; command = [\"./test.cfg\"];", "cannot be executed (chmod +x?)"},
        {"type = \"command\"; command = [\"{folder}/test.cfg\"];",
         "/test.cfg: what is there cannot be executed (chmod +x?)"},
        {"type = \"command\"; command = \"{folder}/no-such-program {lr}\";", "/no-such-program"},
        {"type = \"command\"; command = \"echo\"; timeuot = 5;", "timeout"},
        {"type = \"command\"; command = \"echo\"; slots = 2; resources = { G = [\"0\"]; };",
         "G has 1 entries for 2 slots"},
        {"type = \"command\"; command = \"echo\"; function = \"x\";", "function"},
        {"type = \"builtin\"; function = \"akley\";", "did you mean \"ackley\""},
        {"type = \"builtin\"; function = \"branin\"; runs = \"x\";", "runs"},
    };
    struct bench *bench = *state;
    int before = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir("/bin"), 0); /* where there is a ./sh */
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        assert_int_equal(bench_load(bench, 1, cases[i].evaluator), DH_CONFIG);
        if (!strstr(bench->err.text, cases[i].message))
            fail_msg("\"%s\" does not say \"%s\"", bench->err.text, cases[i].message);
        assert_non_null(strstr(bench->err.text, "test.cfg:"));
    }
    assert_int_equal(fchdir(before), 0);
    close(before);
}

static void words_are_split_and_filled(void **state)
{
    struct bench *bench = *state;
    bench_write(bench, "show",
                "#!/bin/sh\nprintf '%s|' \"$@\" >\"$DH_FOLDER/seen\"; echo DH-OUTPUT: 1\n");
    char path[128];
    snprintf(path, sizeof path, "chmod +x %s/show", bench->folder);
    assert_int_equal(system(path), 0);
    bench_open(bench, 1,
               "type = \"command\"; command = \"show a 'b {lr}' \\\"c'\\\" d\\\\ e {{x}} '' "
               "--{units}={id}.{slot}.{worker}.{retries}.{seed}\";");
    struct dh_outcome outcome = bench_run(bench, 2);
    assert_value(&outcome, 1);
    dh_outcome_free(&outcome);
    char *seen = bench_read(bench, "seen");
    assert_string_equal(seen, "a|b 0.25|c'|d e|{x}||--16=2.0.3.1.1002|");
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(each_failure_has_its_reason),
        TEST(a_hundred_megabytes_of_output_pass),
        TEST(what_it_leaves_behind_is_killed),
        TEST(runaway_processes_are_caught),
        TEST(cancelling_ends_it),
        TEST(values_are_single_arguments),
        TEST(a_shell_never_parses_a_value),
        TEST(a_shell_gets_values_whole_wherever_they_stand),
        TEST(results_reports_and_metadata_come_back),
        TEST(reports_that_cannot_be_read_are_told),
        TEST(huge_metadata_is_dropped_and_said),
        TEST(metadata_that_json_readers_refuse_leaves_the_result),
        TEST(the_tail_of_stderr_is_valid_text),
        TEST(run_folders_hold_what_was_said),
        TEST(run_folders_that_cannot_be_made_end_the_pool),
        TEST(without_a_temporary_file_evaluations_are_given_back),
        TEST(without_pipes_evaluations_are_given_back),
        TEST(a_program_that_vanished_is_not_the_trials_fault),
        TEST(a_program_that_never_ran_ends_the_pool),
        TEST(arguments_that_are_too_long_are_a_failure),
        TEST(a_file_is_no_run_folder),
        TEST(bad_settings_are_named),
        TEST(words_are_split_and_filled),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
