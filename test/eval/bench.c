/* See bench.h. */
#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

static const char parameters[] =
    "parameters = (\n"
    "  { name = \"lr\"; type = \"real\"; low = 0.0; high = 1.0; },\n"
    "  { name = \"units\"; type = \"int\"; low = 1; high = 64; },\n"
    "  { name = \"act\"; type = \"categorical\"; values = (\"relu\",\n"
    "    \"a b';touch hacked;$(touch hacked)`touch hacked`\\\" *\", \"-rf\"); },\n"
    "  { name = \"momentum\"; type = \"real\"; low = 0.0; high = 1.0; when = \"act == 'relu'\"; "
    "},\n"
    "  { name = \"debug\"; type = \"constant\"; value = true; }\n"
    ");\n";

static void make_folder(struct bench *bench)
{
    *bench = (struct bench){0};
    snprintf(bench->folder, sizeof bench->folder, "/tmp/dh-test-eval-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->mark, sizeof bench->mark, "DH_TEST_MARK=%s", strrchr(bench->folder, '-') + 1);
}

void bench_write(const struct bench *bench, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bench->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

char *bench_read(const struct bench *bench, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bench->folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    struct dh_buffer text = {0};
    for (int c; (c = fgetc(file)) != EOF;)
        dh_put_u8(&text, (uint8_t)c);
    fclose(file);
    return dh_buffer_take(&text);
}

static void unload(struct bench *bench)
{
    dh_eval_destroy(&bench->eval);
    dh_space_destroy(&bench->space);
    dh_settings_free(&bench->settings);
    bench->settings = (struct dh_settings){0};
    dh_config_destroy(&bench->config);
}

dh_status bench_load(struct bench *bench, int objectives, const char *evaluator)
{
    unload(bench);
    struct dh_buffer text = {0};
    dh_buffer_text(&text, parameters);
    dh_buffer_text(&text, "objectives = (");
    for (int i = 0; i < objectives; i++)
        dh_buffer_printf(&text, "%s{ name = \"o%d\"; goal = \"maximize\"; }", i ? ", " : "", i);
    dh_buffer_printf(&text, ");\nevaluator = { %s", evaluator);
    if (!strstr(evaluator, "builtin") && !strstr(evaluator, "isolate = false") &&
        !strstr(evaluator, "environment"))
        dh_buffer_printf(&text, " environment = { DH_TEST_MARK = \"%s\"; };",
                         strchr(bench->mark, '=') + 1);
    dh_buffer_text(&text, " };\n");
    bench_write(bench, "test.cfg", text.data);
    dh_buffer_free(&text);
    char path[128];
    snprintf(path, sizeof path, "%s/test.cfg", bench->folder);
    dh_status status = dh_config_read(path, NULL, 0, &bench->config, &bench->err);
    if (status == DH_OK)
        status = dh_settings_unpack(bench->config, &bench->settings, &bench->err);
    if (status == DH_OK)
        status = dh_space_create(&bench->settings, &bench->space, &bench->err);
    struct dh_eval_plan plan;
    if (status == DH_OK)
        status = dh_eval_check(&bench->settings, bench->space, bench->launcher, &plan, &bench->err);
    return status;
}

void bench_open(struct bench *bench, int objectives, const char *evaluator)
{
    if (bench_load(bench, objectives, evaluator) != DH_OK)
        fail_msg("%s", bench->err.text);
    if (!bench->launcher)
        assert_int_equal(dh_launcher_start(&bench->launcher, &bench->err), DH_OK);
    if (dh_eval_create(&bench->settings, bench->space, bench->launcher, 3, 0, NULL, NULL,
                       &bench->eval, &bench->err) != DH_OK)
        fail_msg("%s", bench->err.text);
    bench->reports = 0;
}

void bench_close(struct bench *bench)
{
    unload(bench);
    dh_launcher_stop(&bench->launcher);
    assert_int_equal(bench_marked(bench->mark), 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", bench->folder);
    assert_int_equal(system(command), 0);
}

void bench_start(struct bench *bench, uint64_t trial, int32_t slot, int act)
{
    double values[BENCH_PARAMETERS] = {0.25, 16, act, act == ACT_RELU ? 0.5 : NAN, 0};
    struct dh_task task = {
        .trial = trial, .seed = 1000 + trial, .retries = 1, .slot = slot, .values = values};
    assert_int_equal(dh_eval_start(bench->eval, &task, &bench->err), DH_OK);
}

void bench_open_script(struct bench *bench, const char *script, const char *settings)
{
    char evaluator[512];
    bench_write(bench, "script.sh", script);
    snprintf(evaluator, sizeof evaluator,
             "type = \"command\"; command = [\"sh\", \"{folder}/script.sh\", \"{lr}\", \"{act}\", "
             "\"{momentum}\"]; %s",
             settings);
    bench_open(bench, 1, evaluator);
}

struct dh_eval_event bench_wait(struct bench *bench)
{
    double deadline = dh_clock_now(&dh_clock_monotonic) + 30, now;
    struct dh_eval_event event;
    while ((now = dh_clock_now(&dh_clock_monotonic)) < deadline) {
        dh_status status = dh_eval_poll(bench->eval, &event, &bench->err);
        if (status == DH_OK && event.kind == DH_EVAL_DONE)
            return event;
        if (status == DH_OK) {
            bench->reports++;
            bench->step = event.step;
            bench->value = event.value;
            continue;
        }
        if (status != DH_EMPTY)
            fail_msg("%s", bench->err.text);
        struct pollfd fd = {.fd = dh_eval_fd(bench->eval), .events = POLLIN};
        double wait = fmin(dh_eval_next_time(bench->eval) - now, 1);
        poll(&fd, fd.fd >= 0, wait > 0 ? (int)(wait * 1e3) + 1 : 0);
    }
    fail_msg("the evaluation did not end");
    abort();
}

struct dh_outcome bench_run(struct bench *bench, uint64_t trial)
{
    bench_start(bench, trial, 0, ACT_RELU);
    struct dh_eval_event event = bench_wait(bench);
    assert_true(event.trial == trial);
    assert_int_equal(event.slot, 0);
    assert_int_equal(event.outcome.slot, 0);
    assert_int_equal(event.outcome.retries, 1);
    bool given_back = event.outcome.status == DH_TRIAL_CANCELLED; /* it did not begin */
    assert_true(given_back ? isnan(event.outcome.started)
                           : event.outcome.ended >= event.outcome.started);
    return event.outcome;
}

struct dh_outcome bench_run_script(struct bench *bench, const char *script, const char *settings)
{
    bench_open_script(bench, script, settings);
    return bench_run(bench, 7);
}

void assert_failed(const struct dh_outcome *outcome, const char *reason)
{
    if (outcome->status == DH_TRIAL_SUCCEEDED)
        fail_msg("succeeded with %g, expected: %s", outcome->objectives[0], reason);
    assert_int_equal(outcome->status, DH_TRIAL_FAILED);
    assert_string_equal(outcome->reason, reason);
    assert_true(isnan(outcome->objectives[0]));
}

void assert_value(const struct dh_outcome *outcome, double value)
{
    if (outcome->status != DH_TRIAL_SUCCEEDED)
        fail_msg("%s: %s\n%s", dh_trial_status_text(outcome->status), outcome->reason,
                 outcome->stderr_tail ? outcome->stderr_tail : "");
    assert_true(outcome->objectives[0] == value);
    assert_null(outcome->reason);
}

static int has_mark(const char *pid, const char *mark)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    char *entry = NULL;
    size_t capacity = 0;
    int found = 0;
    while (!found && getdelim(&entry, &capacity, '\0', file) >= 0)
        found = strcmp(entry, mark) == 0;
    free(entry);
    fclose(file);
    return found;
}

int bench_marked(const char *mark)
{
    int count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count += has_mark(entry->d_name, mark);
    closedir(folder);
    return count;
}

int bench_marked_settles(const char *mark, int expected)
{
    double deadline = dh_clock_now(&dh_clock_monotonic) + 20;
    int count;
    while ((count = bench_marked(mark)) != expected && dh_clock_now(&dh_clock_monotonic) < deadline)
        usleep(20000);
    return count;
}

int bench_setup(void **state)
{
    struct bench *bench = *state = dh_alloc(1, sizeof *bench);
    make_folder(bench);
    return 0;
}

int bench_teardown(void **state)
{
    struct bench *bench = *state;
    bench_close(bench);
    free(bench);
    return 0;
}
