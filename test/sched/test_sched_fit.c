/* What is started near the end of a job, and what is left for the next one. */
#include "stage.h"

#include "dh_mpi/config.h"
#include "dh_mpi/space.h"

static struct dh_sched_settings with_time(double max_time, double grace)
{
    struct dh_sched_settings settings = plain_settings();
    settings.max_time = max_time;
    settings.grace = grace;
    return settings;
}

/* A success that took `seconds`. */
static void take(struct stage *stage, int32_t slot, uint64_t trial, double seconds)
{
    struct dh_outcome outcome = outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL);
    outcome.started = 1000;
    outcome.ended = 1000 + seconds;
    assert_true(result(stage, 1, slot, trial, outcome));
}

/* The HOLD that comes next. */
static struct dh_action expect_hold(struct stage *stage, uint64_t trial)
{
    struct dh_action action;
    assert_true(dh_sched_next(stage->sched, &action));
    assert_int_equal(action.kind, DH_ACTION_HOLD);
    assert_int_equal(action.trial, trial);
    return action;
}

static void test_what_would_not_end_waits(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, with_time(100, 10), 2, 5);
    stage.now = 70;
    take(&stage, 0, 0, 40); /* 40 more seconds are just left */
    expect(&stage, "end 0 ok; start 2@1.0");
    stage.now = 71;
    take(&stage, 1, 1, 30);
    struct dh_action action;
    assert_true(dh_sched_next(stage.sched, &action) && action.kind == DH_ACTION_END);
    assert_int_equal(dh_history_end(stage.history, 1, action.outcome, NULL), DH_OK);
    struct dh_action hold = expect_hold(&stage, 3);
    assert_true(hold.expected == 40 && hold.left == 39 && !hold.by_parameters);
    expect(&stage, ""); /* said once, and not for trial 4 */
    assert_int_equal(counts_of(&stage).ready, 2);
    assert_int_equal(dh_sched_short(stage.sched), 1);
    struct dh_usage usage;
    dh_sched_usage(stage.sched, 81, &usage);
    assert_true(usage.by_use[DH_USE_DRAINING] == 10000000);
    stage.now = 109;
    take(&stage, 0, 2, 39);
    expect(&stage, "end 2 ok; stop out of time; done");
    stage.now = 0;
    stage_reopen(&stage, with_time(100, 10)); /* what waited is the next run's */
    enter(&stage, 1, 2);
    expect(&stage, "start 3@1.0; start 4@1.1");
    stage_close(&stage);
}

/* Where nothing fits, nothing runs, and every slot has had its offer, waiting helps nobody. */
static void test_nothing_fits(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = with_time(100, 0);
    stage_begin(&stage, settings, 1, 1);
    stage.now = 60;
    take(&stage, 0, 0, 60);
    expect(&stage, "end 0 ok");
    assert_int_equal(counts_of(&stage).stop, DH_STOP_NONE);
    offer(&stage, 1);
    expect_hold(&stage, 1);
    expect(&stage, "stop out of time; done");
    stage_close(&stage);
}

static void test_a_finished_search_leaves_nothing_behind(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = with_time(100, 0);
    settings.target = 2;
    stage_begin(&stage, settings, 2, 3);
    stage.now = 60;
    take(&stage, 0, 0, 60);
    struct dh_action action;
    assert_true(dh_sched_next(stage.sched, &action) && action.kind == DH_ACTION_END);
    assert_int_equal(dh_history_end(stage.history, 0, action.outcome, NULL), DH_OK);
    expect_hold(&stage, 2);
    succeed(&stage, 1, 1, 1, 3);
    expect(&stage, "end 1 ok; stop target reached; "
                   "end 2 cancelled (the search was over before its turn); done");
    stage_close(&stage);
}

/* Durations longer than a whole job, e.g. of an earlier, longer one: the beginning of a job is
 * used, its end is not; and the rest of a job that began long ago is no beginning. */
static void test_longer_than_any_job(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 1, 3);
    take(&stage, 0, 0, 500);
    expect(&stage, "end 0 ok; start 1@1.0");
    stage_reopen(&stage, with_time(100, 0));
    enter(&stage, 1, 1);
    expect(&stage, "start 1@1.0");
    struct dh_sched_settings rest = with_time(100, 0);
    rest.span = 200;
    stage_reopen(&stage, rest);
    enter(&stage, 1, 1);
    expect_hold(&stage, 1);
    expect(&stage, "stop out of time; done");
    stage_close(&stage);
}

/* ---- by parameters ---- */

struct field {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
};

static struct field field_open(void)
{
    struct field f = {0};
    struct dh_error err = {0};
    const char *text =
        "parameters = ( { name = \"x\"; type = \"real\"; low = 0; high = 1; },\n"
        "{ name = \"y\"; type = \"real\"; low = 0; high = 1; when = \"x > 0.5\"; } );"
        "evaluator = { type = \"builtin\"; };";
    if (dh_config_parse("t.cfg", text, &f.config, &err) != DH_OK ||
        dh_settings_unpack(f.config, &f.settings, &err) != DH_OK ||
        dh_space_create(&f.settings, &f.space, &err) != DH_OK)
        fail_msg("%s", err.text);
    return f;
}

static void field_close(struct field *f)
{
    dh_space_destroy(&f->space);
    dh_settings_free(&f->settings);
    dh_config_destroy(&f->config);
}

static uint64_t propose_at(struct stage *stage, double x)
{
    double values[2] = {x, x > 0.5 ? 0.5 : (double)NAN};
    return dh_history_propose(stage->history, values)->id;
}

/* Sixty successes; `seconds` of each by its x. */
static void fill(struct stage *stage, double (*seconds)(double x, int i))
{
    for (int i = 0; i < 60; i++) {
        double x = (double)i / 59;
        struct dh_outcome outcome = outcome_of(DH_TRIAL_SUCCEEDED, 0, NULL);
        outcome.ended = seconds(x, i);
        dh_history_end(stage->history, propose_at(stage, x), &outcome, NULL);
    }
}

static double short_or_long(double x, int i)
{
    (void)i;
    return x > 0.5 ? 50 : 5;
}

static double any(double x, int i)
{
    (void)x;
    return i * 7 % 10 == 0 ? 50 : 5 + i % 3;
}

static void test_parameters_explain(void **state)
{
    (void)state;
    struct field f = field_open();
    struct stage stage = {.history = dh_history_create(2, 1)};
    fill(&stage, short_or_long);
    uint64_t slow = propose_at(&stage, 0.9), quick = propose_at(&stage, 0.1);
    struct dh_sched_settings settings = with_time(20, 0);
    settings.span = 100;
    settings.space = f.space;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    struct dh_action hold = expect_hold(&stage, slow);
    assert_true(hold.by_parameters && hold.expected == 50);
    struct dh_action start;
    assert_true(dh_sched_next(stage.sched, &start));
    assert_true(start.kind == DH_ACTION_START && start.trial == quick);
    stage_close(&stage);
    field_close(&f);
}

static void test_parameters_do_not_explain(void **state)
{
    (void)state;
    struct field f = field_open();
    struct stage stage = {.history = dh_history_create(2, 1)};
    fill(&stage, any);
    uint64_t trial = propose_at(&stage, 0.9);
    struct dh_sched_settings settings = with_time(6.5, 0);
    settings.span = 100;
    settings.space = f.space;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    struct dh_action hold = expect_hold(&stage, trial);
    assert_false(hold.by_parameters);
    assert_true(hold.expected == 7); /* the quantile: not the rare 50, not the common 5 */
    stage_close(&stage);
    field_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_not_end_waits),
        cmocka_unit_test(test_nothing_fits),
        cmocka_unit_test(test_a_finished_search_leaves_nothing_behind),
        cmocka_unit_test(test_longer_than_any_job),
        cmocka_unit_test(test_parameters_explain),
        cmocka_unit_test(test_parameters_do_not_explain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
