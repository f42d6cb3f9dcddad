/* What people and programs read of a search. The rare shapes first: nothing done yet, nothing
 * succeeded, names and reasons that no one would choose, files that cannot be written. */
#include <jansson.h>
#include <math.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/report.h"

#define ONE_OBJECTIVE                                                                              \
    "search = { name = \"digits\"; max_evaluations = 200; };\n"                                    \
    "objectives = ( { name = \"accuracy\"; goal = \"maximize\"; } );\n"
#define SPACE                                                                                      \
    "parameters = ( { name = \"lr\"; type = \"real\"; low = 1e-5; high = 0.1; scale = \"log\"; "   \
    "},\n"                                                                                         \
    "  { name = \"act\"; type = \"categorical\"; values = (\"relu\", \"ta\\\"nh\"); },\n"          \
    "  { name = \"momentum\"; type = \"real\"; low = 0.0; high = 0.9; when = \"act == 'relu'\"; "  \
    "} "                                                                                           \
    ");\n"                                                                                         \
    "evaluator = { type = \"builtin\"; function = \"sphere\"; };\n"

struct scene {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct dh_history *history;
    struct dh_progress progress;
    struct dh_buffer text;
};

static void scene_open(struct scene *scene, const char *head)
{
    struct dh_error err = {0};
    *scene = (struct scene){0};
    char *text = dh_strprintf("%s%s", head, SPACE);
    if (dh_config_parse("test.cfg", text, &scene->config, &err) ||
        dh_settings_unpack(scene->config, &scene->settings, &err) ||
        dh_space_create(&scene->settings, &scene->space, &err))
        fail_msg("%s", err.text);
    free(text);
    scene->history =
        dh_history_create(dh_space_count(scene->space), scene->settings.objective_count);
    dh_report_progress_of("runs/digits.h5", &scene->settings, scene->space, scene->history,
                          &scene->progress);
}

static void scene_close(struct scene *scene)
{
    dh_buffer_free(&scene->text);
    dh_history_destroy(&scene->history);
    dh_space_destroy(&scene->space);
    dh_settings_free(&scene->settings);
    dh_config_destroy(&scene->config);
}

/* One more trial that ended; `objective` for each objective. */
static void add(struct scene *scene, enum dh_trial_status status, double objective,
                const char *reason, const char *stderr_tail)
{
    const double tanh_point[] = {0.001, 1, NAN}, relu_point[] = {0.02, 0, 0.5};
    bool even = dh_history_count(scene->history) % 2 == 0;
    uint64_t id = dh_history_propose(scene->history, even ? relu_point : tanh_point)->id;
    if (status == DH_TRIAL_PENDING)
        return;
    size_t count = scene->settings.objective_count;
    struct dh_outcome outcome = {.status = status,
                                 .reason = dh_strdup(reason),
                                 .stderr_tail = dh_strdup(stderr_tail),
                                 .objectives = dh_alloc(count, sizeof(double))};
    for (size_t i = 0; i < count; i++)
        outcome.objectives[i] = objective;
    assert_int_equal(dh_history_end(scene->history, id, &outcome, NULL), DH_OK);
}

/* Counts and incumbent of what was added so far. */
static void look(struct scene *scene)
{
    dh_report_progress_of("runs/digits.h5", &scene->settings, scene->space, scene->history,
                          &scene->progress);
}

static const char *line_of(struct scene *scene)
{
    dh_buffer_clear(&scene->text);
    dh_report_line(&scene->progress, &scene->text);
    return scene->text.data ? scene->text.data : "";
}

static const char *summary_of(struct scene *scene)
{
    dh_buffer_clear(&scene->text);
    dh_report_summary(&scene->progress, &scene->text);
    return scene->text.data ? scene->text.data : "";
}

/* status.json, parsed; the caller releases it. */
static json_t *status_of(struct scene *scene)
{
    json_error_t problem;
    dh_buffer_clear(&scene->text);
    dh_report_status_json(&scene->progress, &scene->text);
    json_t *status = json_loads(scene->text.data, JSON_REJECT_DUPLICATES, &problem);
    if (!status)
        fail_msg("line %d: %s in %s", problem.line, problem.text, scene->text.data);
    return status;
}

static void assert_holds(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text ? text : "(nothing)");
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

/* ---- the line ---- */

static void test_line_of_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    assert_string_equal(line_of(&scene), "0/200 done");
    scene.settings.search.max_evaluations = 0;
    assert_string_equal(line_of(&scene), "0 done");
    scene_close(&scene);
}

static void test_line_with_all_parts(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    add(&scene, DH_TRIAL_FAILED, NAN, "x", NULL);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.97812345678, NULL, NULL);
    add(&scene, DH_TRIAL_TIMEOUT, NAN, "x", NULL);
    add(&scene, DH_TRIAL_PRUNED, NAN, NULL, NULL);
    add(&scene, DH_TRIAL_CANCELLED, NAN, NULL, NULL);
    add(&scene, DH_TRIAL_PENDING, NAN, NULL, NULL);
    look(&scene);
    scene.progress.rate = 3.14;
    scene.progress.left = 52;
    scene.progress.usage = (struct dh_usage){.by_use = {[DH_USE_EVALUATING] = 94,
                                                        [DH_USE_WAITING] = 3,
                                                        [DH_USE_STARTING] = 2,
                                                        [DH_USE_DRAINING] = 1},
                                             .failed = 4};
    assert_string_equal(line_of(&scene), "4/200 done, 2 failed, 1 pruned | best 0.978123 (#1) | "
                                         "3.1/s | 94% busy | left 0:52");
    scene.progress.usage.by_use[DH_USE_LOST] = 900;
    assert_holds(line_of(&scene), "| 9% busy, 90% lost |");
    scene.progress.usage.by_use[DH_USE_LOST] = 0;
    scene.progress.finished = true;
    scene.progress.rate = 12345.6;
    assert_string_equal(line_of(&scene), "4/200 done, 2 failed, 1 pruned | best 0.978123 (#1) | "
                                         "12346/s | 94% busy");
    scene_close(&scene);
}

static void test_line_of_several_objectives(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "search = { name = \"two\"; };\n"
                       "objectives = ( { name = \"accuracy\"; goal = \"maximize\"; },\n"
                       "  { name = \"size\"; goal = \"minimize\"; } );\n");
    add(&scene, DH_TRIAL_SUCCEEDED, 0.5, NULL, NULL);
    look(&scene);
    scene.settings.search.max_evaluations = 0;
    assert_string_equal(line_of(&scene), "1 done | best accuracy of 2 objectives 0.5 (#0)");
    assert_holds(summary_of(&scene), "best        accuracy = 0.5, size = 0.5 (trial 0, maximised)");
    scene_close(&scene);
}

/* After an error an incumbent may be counted that the history does not have yet. */
static void test_line_on_a_terminal(void **state)
{
    (void)state;
    struct scene scene;
    char *shown = NULL;
    size_t size = 0;
    FILE *terminal = open_memstream(&shown, &size);
    assert_non_null(terminal);
    scene_open(&scene, ONE_OBJECTIVE);
    dh_report_show_line(&scene.progress, terminal);
    scene.progress.finished = true;
    dh_report_show_line(&scene.progress, terminal);
    fclose(terminal);
    assert_string_equal(shown, "\r\033[K0/200 done\r\033[K0/200 done\n");
    free(shown);
    scene_close(&scene);
}

/* A line that is wider than the terminal is cut in front of its last column; the last one is not.
 */
static void test_line_on_a_narrow_terminal(void **state)
{
    (void)state;
    struct scene scene;
    const struct winsize window = {.ws_row = 25, .ws_col = 8};
    char shown[64] = "";
    int outer, inner;
    assert_int_equal(openpty(&outer, &inner, NULL, NULL, &window), 0);
    FILE *terminal = fdopen(inner, "w");
    assert_non_null(terminal);
    scene_open(&scene, ONE_OBJECTIVE);
    dh_report_show_line(&scene.progress, terminal);
    assert_int_equal(read(outer, shown, sizeof shown - 1), 4 + 7);
    assert_string_equal(shown, "\r\033[K0/200 d");
    scene.progress.finished = true;
    dh_report_show_line(&scene.progress, terminal);
    assert_int_equal(read(outer, shown, sizeof shown - 1), 4 + 12);
    assert_string_equal(shown, "\r\033[K0/200 done\r\n");
    fclose(terminal);
    close(outer);
    scene_close(&scene);
}

static void test_incumbent_that_is_not_there(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    add(&scene, DH_TRIAL_PENDING, NAN, NULL, NULL);
    look(&scene);
    for (uint64_t id = 0; id < 2; id++) {
        scene.progress.counts.incumbent = id;
        assert_string_equal(line_of(&scene), "0/200 done");
        assert_holds(summary_of(&scene), "no evaluation has succeeded");
        json_t *status = status_of(&scene);
        assert_true(json_is_null(json_object_get(status, "best")));
        json_decref(status);
    }
    scene_close(&scene);
}

/* ---- the summary ---- */

static void test_summary_without_success(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    look(&scene);
    const char *text = summary_of(&scene);
    assert_holds(text, "\ndigits: 0 evaluations\n\nno evaluation has succeeded\n");
    assert_holds(text, "\nevaluations  none\n");
    add(&scene, DH_TRIAL_CANCELLED, NAN, "the search was over", NULL);
    add(&scene, DH_TRIAL_FAILED, NAN, "exit code 1\nand more",
        "Traceback:\n  \033[31mNo module named 'sklearn'\xC2\x9B\x30m\n");
    look(&scene);
    scene.progress.counts.stop = DH_STOP_FAILURES;
    text = summary_of(&scene);
    assert_holds(text, "digits: stopped early (too many failures in a row), 1 evaluation, 0 of");
    assert_holds(text, "no evaluation has succeeded\ntrial 1: exit code 1\n       and more\n"
                       "  stderr: Traceback:\n            [31mNo module named 'sklearn'0m\n");
    assert_holds(text, "evaluations  failed 1  cancelled 1\n       1 x exit code 1\n");
    assert_holds(text, "resume      mend the cause, then run the same command again; what failed "
                       "stays failed (--fresh starts anew)\n");
    scene_close(&scene);
}

static void test_summary_of_a_finished_search(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.25, NULL, NULL);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.75, NULL, NULL);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.5, NULL, NULL);
    look(&scene);
    scene.progress.counts.stop = DH_STOP_BUDGET;
    scene.progress.counts.ended_here = 3;
    scene.progress.counts.slots = 4;
    scene.progress.elapsed = 112;
    scene.progress.usage =
        (struct dh_usage){.by_use = {[DH_USE_EVALUATING] = 400000000, [DH_USE_WAITING] = 48000000},
                          .failed = 44800000};
    scene.progress.usage_before = (struct dh_usage){.by_use = {[DH_USE_LOST] = 448000000}};
    scene.progress.late_asks = 2;
    scene.progress.ask_seconds = 0.0125;
    assert_string_equal(
        summary_of(&scene),
        "\ndigits: finished (all evaluations done), 3 evaluations in 1:52\n"
        "\nbest        accuracy = 0.75 (trial 1, maximised)\n"
        "  { lr = 0.001; act = \"ta\\\"nh\"; }\n"
        "\nevaluations  ok 3\n"
        "worker time 4 slots, 7:28 in all: evaluating 89.3% (10.0% failed or cut "
        "short), waiting for a proposal 10.7%\n"
        "  all runs  14:56 in all: evaluating 44.6% (5.0% failed or cut short), waiting for a "
        "proposal 5.4%, lost 50.0%\n"
        "late asks   2 (12.5 ms an ask)\n"
        "history     runs/digits.h5   (dhctl best runs/digits.h5)\n");
    scene_close(&scene);
}

/* What the summary shows as the best can be pasted into `initial`. */
static void test_best_can_be_pasted(void **state)
{
    (void)state;
    struct scene scene;
    struct dh_config *pasted;
    struct dh_error err = {0};
    scene_open(&scene, ONE_OBJECTIVE);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.25, NULL, NULL);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.75, NULL, NULL);
    look(&scene);
    char *text = dh_strdup(summary_of(&scene)), *from = strstr(text, "\n  {"), *to;
    assert_non_null(from);
    to = strchr(from + 1, '\n');
    assert_non_null(to);
    *to = 0;
    char *initial = dh_strprintf("initial = ( %s );", from);
    if (dh_config_parse("pasted", initial, &pasted, &err))
        fail_msg("%s", err.text);
    double point[3];
    const struct dh_node *list = dh_node_child(dh_config_root(pasted), "initial");
    assert_int_equal(dh_space_read_point(scene.space, list->children[0], point, &err), DH_OK);
    assert_true(dh_space_equal(scene.space, point, dh_history_trial(scene.history, 1)->values));
    dh_config_destroy(&pasted);
    free(initial);
    free(text);
    scene_close(&scene);
}

static void test_summary_of_a_resumed_search(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    for (int i = 0; i < 3; i++)
        add(&scene, DH_TRIAL_SUCCEEDED, i, NULL, NULL);
    add(&scene, DH_TRIAL_PENDING, NAN, NULL, NULL);
    look(&scene);
    scene.progress.counts.stop = DH_STOP_TIME;
    scene.progress.counts.ended_here = 1;
    const char *text = summary_of(&scene);
    assert_holds(text, "digits: stopped early (out of time), 3 evaluations, 1 of them now\n");
    assert_holds(text, "evaluations  ok 3  to be evaluated again 1\n");
    assert_holds(text, "resume      run the same command again\n");
    assert_lacks(text, "worker time"); /* nothing is known of it */
    assert_lacks(text, "late asks");
    scene_close(&scene);
}

static void test_reasons_by_frequency(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    const char *const reasons[] = {"f", "a", "b", "b", "c", "d", "e", "b", "e"};
    for (size_t i = 0; i < DH_COUNT_OF(reasons); i++)
        add(&scene, i % 2 ? DH_TRIAL_FAILED : DH_TRIAL_TIMEOUT, NAN, reasons[i], NULL);
    add(&scene, DH_TRIAL_PRUNED, NAN, "not a failure", NULL);
    look(&scene);
    const char *text = summary_of(&scene);
    assert_holds(text, "evaluations  failed 4  timeout 5  pruned 1\n"
                       "       3 x b\n       2 x e\n       1 x a\n       1 x c\n       1 x d\n"
                       "  and 1 more reason\n");
    assert_lacks(text, "not a failure");
    scene_close(&scene);
}

static void test_long_reasons_are_cut_between_characters(void **state)
{
    (void)state;
    struct scene scene;
    char reason[200] = "";
    scene_open(&scene, ONE_OBJECTIVE);
    memset(reason, 'x', 69);
    strcpy(reason + 69, "\xc3\xa4 and the rest");
    add(&scene, DH_TRIAL_FAILED, NAN, reason, NULL);
    add(&scene, DH_TRIAL_SUCCEEDED, 1, NULL, NULL);
    look(&scene);
    reason[69] = 0;
    char *line = dh_strprintf("       1 x %s\n", reason);
    assert_holds(summary_of(&scene), line);
    free(line);
    scene_close(&scene);
}

/* ---- status.json ---- */

static void test_status_of_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    json_t *status = status_of(&scene);
    assert_true(json_is_null(json_object_get(status, "best")));
    assert_true(json_is_null(json_object_get(status, "left")));
    assert_true(json_is_null(json_object_get(status, "rate")));
    assert_true(json_is_null(json_object_get(status, "method")));
    assert_int_equal(json_integer_value(json_object_get(status, "done")), 0);
    assert_true(json_is_false(json_object_get(status, "finished")));
    json_decref(status);
    scene_close(&scene);
}

static void test_status_in_full(void **state)
{
    (void)state;
    struct scene scene;
    json_int_t id, ok, pending, done, slots, late, pid;
    double accuracy, lr, momentum, rate, waiting;
    const char *act, *line, *stop, *version;
    scene_open(&scene, ONE_OBJECTIVE);
    add(&scene, DH_TRIAL_SUCCEEDED, 0.75, NULL, NULL);
    add(&scene, DH_TRIAL_PENDING, NAN, NULL, NULL);
    look(&scene);
    scene.progress.rate = 2.5;
    scene.progress.counts.slots = 16384;
    scene.progress.late_asks = 3;
    scene.progress.counts.stop = DH_STOP_SIGNAL;
    scene.progress.usage.by_use[DH_USE_WAITING] = 1500000;
    json_t *status = status_of(&scene);
    int shape = json_unpack(
        status,
        "{s:{s:I,s:{s:F},s:{s:F,s:s,s:F}},s:{s:I,s:I},s:I,s:I,s:I,s:I,s:F,s:{s:F},s:s,s:s,s:s}",
        "best", "id", &id, "objectives", "accuracy", &accuracy, "parameters", "lr", &lr, "act",
        &act, "momentum", &momentum, "trials", "ok", &ok, "pending", &pending, "done", &done,
        "slots", &slots, "late_asks", &late, "pid", &pid, "rate", &rate, "slot_seconds", "waiting",
        &waiting, "line", &line, "stop", &stop, "version", &version);
    assert_int_equal(shape, 0);
    assert_true(id == 0 && accuracy == 0.75 && lr == 0.02 && momentum == 0.5);
    assert_string_equal(act, "relu");
    assert_true(ok == 1 && pending == 1 && done == 1 && slots == 16384 && late == 3);
    assert_true(pid == getpid() && rate == 2.5 && waiting == 1.5);
    assert_string_equal(stop, "stopped by a signal");
    assert_string_equal(version, DH_VERSION);
    json_decref(status);
    scene_close(&scene);
}

static void test_status_with_odd_names(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ONE_OBJECTIVE);
    add(&scene, DH_TRIAL_SUCCEEDED, 1, NULL, NULL);
    add(&scene, DH_TRIAL_SUCCEEDED, 2, NULL, NULL);
    look(&scene);
    scene.progress.name = "a \"b\"\\ \n\t\x01 \xc3\xa4";
    scene.progress.checkpoint = "caf\xe9.h5"; /* not UTF-8: replaced */
    scene.progress.method = "";
    json_t *status = status_of(&scene);
    assert_string_equal(json_string_value(json_object_get(status, "name")), scene.progress.name);
    assert_string_equal(json_string_value(json_object_get(status, "checkpoint")),
                        "caf\xef\xbf\xbd.h5");
    const json_t *point = json_object_get(json_object_get(status, "best"), "parameters");
    assert_string_equal(json_string_value(json_object_get(point, "act")), "ta\"nh");
    assert_null(json_object_get(point, "momentum")); /* inactive */
    json_decref(status);
    scene_close(&scene);
}

/* ---- the file ---- */

static char *make_folder(void)
{
    char *folder = dh_strdup("/tmp/dh-report-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void test_write(void **state)
{
    (void)state;
    struct scene scene;
    struct dh_error err = {0};
    struct stat info;
    char *folder = make_folder(), *path = dh_strprintf("%s/status.json", folder);
    char *left_over = dh_strprintf("%s.digits.h5.tmp", path);
    scene_open(&scene, ONE_OBJECTIVE);
    FILE *torn = fopen(left_over, "w"); /* of a process that died while it wrote */
    assert_non_null(torn);
    fclose(torn);
    mode_t before = umask(027);
    for (int i = 0; i < 2; i++) /* the second replaces the first */
        if (dh_report_write_status(path, &scene.progress, &err))
            fail_msg("%s", err.text);
    umask(before);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(access(left_over, F_OK), -1);
    json_t *status = json_load_file(path, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(status, "name")), "digits");
    json_decref(status);
    unlink(path);
    rmdir(folder);
    free(left_over);
    free(path);
    free(folder);
    scene_close(&scene);
}

static void test_write_where_it_cannot(void **state)
{
    (void)state;
    struct scene scene;
    struct dh_error err = {0};
    char *folder = make_folder(), *path = dh_strprintf("%s/none/status.json", folder);
    scene_open(&scene, ONE_OBJECTIVE);
    assert_int_equal(dh_report_write_status(path, &scene.progress, &err), DH_IO);
    assert_holds(err.text, "/none/status.json.digits.h5.tmp: No such file or directory");
    free(path);
    path = dh_strprintf("%s/status.json", folder); /* a folder in its place */
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(dh_report_write_status(path, &scene.progress, &err), DH_IO);
    assert_holds(err.text, "cannot replace ");
    char *left_over = dh_strprintf("%s.digits.h5.tmp", path);
    assert_int_equal(access(left_over, F_OK), -1);
    rmdir(path);
    rmdir(folder);
    free(left_over);
    free(path);
    free(folder);
    scene_close(&scene);
}

/* A write that fails half-way, as on a full disk, leaves the old status as it was. */
static void test_write_that_fails_half_way(void **state)
{
    (void)state;
    struct scene scene;
    struct dh_error err = {0};
    struct rlimit before, tight;
    char *folder = make_folder(), *path = dh_strprintf("%s/status.json", folder);
    char *temporary = dh_strprintf("%s.digits.h5.tmp", path);
    scene_open(&scene, ONE_OBJECTIVE);
    assert_int_equal(dh_report_write_status(path, &scene.progress, &err), DH_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    dh_status status = dh_report_write_status(path, &scene.progress, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, DH_IO);
    assert_holds(err.text, "cannot write ");
    assert_holds(err.text, "File too large");
    assert_int_equal(access(temporary, F_OK), -1);
    json_t *old = json_load_file(path, 0, NULL);
    assert_non_null(old);
    json_decref(old);
    unlink(path);
    rmdir(folder);
    free(temporary);
    free(path);
    free(folder);
    scene_close(&scene);
}

static void test_path(void **state)
{
    (void)state;
    const char *const cases[][2] = {{"digits.h5", "status.json"},
                                    {"runs/digits.h5", "runs/status.json"},
                                    {"/digits.h5", "/status.json"}};
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *path = dh_report_status_path(cases[i][0]);
        assert_string_equal(path, cases[i][1]);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_of_nothing),
        cmocka_unit_test(test_line_with_all_parts),
        cmocka_unit_test(test_line_of_several_objectives),
        cmocka_unit_test(test_line_on_a_terminal),
        cmocka_unit_test(test_line_on_a_narrow_terminal),
        cmocka_unit_test(test_incumbent_that_is_not_there),
        cmocka_unit_test(test_summary_without_success),
        cmocka_unit_test(test_summary_of_a_finished_search),
        cmocka_unit_test(test_best_can_be_pasted),
        cmocka_unit_test(test_summary_of_a_resumed_search),
        cmocka_unit_test(test_reasons_by_frequency),
        cmocka_unit_test(test_long_reasons_are_cut_between_characters),
        cmocka_unit_test(test_status_of_nothing),
        cmocka_unit_test(test_status_in_full),
        cmocka_unit_test(test_status_with_odd_names),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_where_it_cannot),
        cmocka_unit_test(test_write_that_fails_half_way),
        cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
