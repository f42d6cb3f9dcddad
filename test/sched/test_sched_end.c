/* How a search ends (the exact budget, every reason to stop, resumes), how the time of its slots
 * is accounted for, and which trial is the best. */
#include <stdio.h>

#include "stage.h"

/* ---- the budget ---- */

static void test_budget_is_exact(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 3;
    settings.retries = 1;
    stage_open(&stage, settings);
    enter(&stage, 1, 5);
    assert_int_equal(dh_sched_room(stage.sched), 3);
    assert_int_equal(dh_sched_short(stage.sched), 3);
    offer(&stage, 4); /* one too many */
    expect(&stage, "start 0@1.0; start 1@1.1; start 2@1.2");
    assert_int_equal(dh_sched_room(stage.sched), 0);
    assert_int_equal(dh_sched_short(stage.sched), 0);
    fail_with(&stage, 1, 0, 0, "x");
    expect(&stage, "retry 0 r1 (x); start 0@1.3 r1");
    assert_true(result(&stage, 1, 1, 1, outcome_of(DH_TRIAL_PRUNED, NAN, NULL)));
    assert_true(result(&stage, 1, 3, 0, outcome_of(DH_TRIAL_TIMEOUT, NAN, NULL)));
    expect(&stage, "end 1 pruned; end 0 timeout r1");
    succeed(&stage, 1, 2, 2, 1);
    expect(&stage, "end 2 ok; stop all evaluations done; "
                   "end 3 cancelled (the search was over before its turn); done");
    stage_close(&stage);
}

static void test_a_finished_history(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 1;
    stage_begin(&stage, settings, 1, 1);
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; stop all evaluations done; done");
    stage_reopen(&stage, settings);
    expect(&stage, "stop all evaluations done; done");
    settings.max_evaluations = 2; /* a longer budget goes on */
    stage_reopen(&stage, settings);
    expect(&stage, "");
    assert_int_equal(dh_sched_room(stage.sched), 1);
    stage_close(&stage);
}

static void test_resume_runs_the_pending_first(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 4;
    settings.retries = 1;
    stage_begin(&stage, settings, 3, 3);
    fail_with(&stage, 1, 0, 0, "x");
    succeed(&stage, 1, 1, 1, 7);
    expect(&stage, "retry 0 r1 (x); start 0@1.0 r1; end 1 ok");
    /* the manager is killed here */
    stage_reopen(&stage, settings);
    assert_int_equal(counts_of(&stage).ready, 2);
    assert_int_equal(counts_of(&stage).incumbent, 1);
    assert_int_equal(dh_sched_room(stage.sched), 1);
    offer(&stage, 1);
    enter(&stage, 1, 4);
    expect(&stage, "start 0@1.0; start 2@1.1; start 3@1.2"); /* retries begin anew */
    fail_with(&stage, 1, 0, 0, "x");
    expect(&stage, "retry 0 r1 (x); start 0@1.3 r1");
    stage_close(&stage);
}

static void test_resume_with_a_smaller_budget(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    for (int i = 0; i < 3; i++)
        propose(&stage);
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 1;
    stage_reopen(&stage, settings);
    enter(&stage, 1, 3);
    expect(&stage, "start 0@1.0");
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; stop all evaluations done; "
                   "end 1 cancelled (the search was over before its turn); "
                   "end 2 cancelled (the search was over before its turn); done");
    stage_close(&stage);
}

/* ---- other ends ---- */

static void test_target(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.target = 0.5;
    settings.maximize = false;
    stage_begin(&stage, settings, 3, 4);
    succeed(&stage, 1, 0, 0, 0.5);
    expect(&stage, "end 0 ok; stop target reached; cancel 1@1.1; cancel 2@1.2; "
                   "end 3 cancelled (the search was over before its turn)");
    succeed(&stage, 1, 1, 1, 0.1); /* was faster than its cancel */
    expect(&stage, "end 1 ok");
    dh_sched_cancel_running(stage.sched, 1); /* is on its way already */
    expect(&stage, "");
    come_back_cancelled(&stage, 1, 2, 2);
    expect(&stage, "end 2 cancelled; done");
    assert_int_equal(counts_of(&stage).ended_here, 2);
    assert_int_equal(counts_of(&stage).incumbent, 1);
    stage_reopen(&stage, settings);
    expect(&stage, "stop target reached; done");
    stage_close(&stage);
}

static void test_lost_after_the_target(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.target = 1;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    enter(&stage, 2, 1);
    offer(&stage, 2);
    expect(&stage, "start 0@1.0; start 1@2.0");
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; stop target reached; cancel 1@2.0");
    dh_sched_lost(stage.sched, 2, 1);
    expect(&stage, "end 1 cancelled (worker 2 was lost); done");
    stage_close(&stage);
}

/* Trial `id` fails on the only slot, and the next one starts there. */
static void end_first_failed(struct stage *stage, uint64_t id)
{
    char *actions = dh_strprintf("end %" PRIu64 " failed; start %" PRIu64 "@1.0", id, id + 1);
    fail_with(stage, 1, 0, id, NULL);
    expect(stage, actions);
    free(actions);
}

static void test_patience(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.patience = 2;
    stage_begin(&stage, settings, 1, 7);
    for (uint64_t id = 0; id < 3; id++) /* there is nothing yet that could be improved */
        end_first_failed(&stage, id);
    succeed(&stage, 1, 0, 3, 1);
    expect(&stage, "end 3 ok; start 4@1.0");
    succeed(&stage, 1, 0, 4, 1); /* as good is not better */
    expect(&stage, "end 4 ok; start 5@1.0");
    fail_with(&stage, 1, 0, 5, NULL);
    expect(&stage, "end 5 failed; stop no improvement any more; "
                   "end 6 cancelled (the search was over before its turn); done");
    assert_int_equal(counts_of(&stage).incumbent, 3);
    settings.patience = 3; /* goes on counting where it was */
    stage_reopen(&stage, settings);
    enter(&stage, 1, 1);
    offer(&stage, 1);
    expect(&stage, "start 7@1.0");
    succeed(&stage, 1, 0, 7, 0);
    expect(&stage, "end 7 ok; stop no improvement any more; done");
    stage_close(&stage);
}

static void test_failures_in_a_row(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_failures = 2;
    stage_begin(&stage, settings, 1, 5);
    fail_with(&stage, 1, 0, 0, NULL);
    expect(&stage, "end 0 failed; start 1@1.0");
    succeed(&stage, 1, 0, 1, 1);
    expect(&stage, "end 1 ok; start 2@1.0");
    fail_with(&stage, 1, 0, 2, NULL);
    expect(&stage, "end 2 failed; start 3@1.0");
    fail_with(&stage, 1, 0, 3, NULL);
    expect(&stage, "end 3 failed; stop too many failures in a row; done");
    assert_int_equal(counts_of(&stage).by_status[DH_TRIAL_PENDING], 1);
    stage_reopen(&stage, settings); /* mended: another try */
    enter(&stage, 1, 1);
    expect(&stage, "start 4@1.0");
    stage_close(&stage);
}

static void test_exhausted(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.retries = 1;
    stage_begin(&stage, settings, 1, 2);
    dh_sched_exhausted(stage.sched, 0);
    assert_int_equal(dh_sched_room(stage.sched), 0);
    assert_int_equal(dh_sched_short(stage.sched), 0);
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; start 1@1.0");
    fail_with(&stage, 1, 0, 1, "x");
    expect(&stage, "retry 1 r1 (x); start 1@1.0 r1");
    fail_with(&stage, 1, 0, 1, "x");
    expect(&stage, "end 1 failed r1 (x); stop nothing is left to propose; done");
    stage_close(&stage);
}

static void test_time(void **state)
{
    (void)state;
    struct stage stage = {.now = 100};
    struct dh_sched_settings settings = plain_settings();
    settings.max_time = 10;
    stage_begin(&stage, settings, 2, 3);
    assert_true(dh_sched_tick(stage.sched, 109) == 110);
    stage.now = 109;
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; start 2@1.0");
    assert_true(isinf(dh_sched_tick(stage.sched, 110)));
    assert_int_equal(dh_sched_room(stage.sched), 0);
    expect(&stage, "stop out of time");
    stage.now = 111;
    succeed(&stage, 1, 0, 2, 2); /* may finish */
    expect(&stage, "end 2 ok");
    dh_sched_cancel_running(stage.sched, 112);
    dh_sched_cancel_running(stage.sched, 112);
    expect(&stage, "cancel 1@1.1");
    come_back_cancelled(&stage, 1, 1, 1);
    expect(&stage, "done"); /* not recorded: the next run evaluates it */
    assert_int_equal(counts_of(&stage).by_status[DH_TRIAL_PENDING], 1);
    stage_reopen(&stage, settings);
    enter(&stage, 1, 1);
    expect(&stage, "start 1@1.0");
    stage_close(&stage);
}

static void test_time_is_seen_by_any_event(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_time = 10;
    stage_begin(&stage, settings, 1, 2);
    stage.now = 10;
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; stop out of time; done");
    stage_close(&stage);
}

/* What fails while the search drains has its further attempts in the next run. */
static void test_interrupted_retries(void **state)
{
    (void)state;
    const enum dh_stop stops[] = {DH_STOP_TIME, DH_STOP_SIGNAL, DH_STOP_FAILURES, DH_STOP_ERROR};
    for (size_t i = 0; i < DH_COUNT_OF(stops); i++) {
        struct stage stage = {0};
        char expected[96];
        struct dh_sched_settings settings = plain_settings();
        settings.retries = 1;
        settings.max_evaluations = 2;
        stage_begin(&stage, settings, 2, 2);
        dh_sched_stop(stage.sched, stops[i], 1);
        dh_sched_cancel_running(stage.sched, 1); /* too late for these two */
        assert_true(result(&stage, 1, 1, 1, outcome_of(DH_TRIAL_TIMEOUT, NAN, "over 1 s")));
        fail_with(&stage, 1, 0, 0, "exit code 3");
        snprintf(expected, sizeof expected,
                 "stop %s; retry 1 r1 (over 1 s); retry 0 r1 (exit code 3); done",
                 dh_stop_text(stops[i]));
        expect(&stage, expected);
        assert_int_equal(counts_of(&stage).stop, stops[i]);
        assert_int_equal(counts_of(&stage).by_status[DH_TRIAL_PENDING], 2);
        assert_int_equal(counts_of(&stage).retried, 2);

        stage_reopen(&stage, settings);
        enter(&stage, 1, 1);
        expect(&stage, "start 0@1.0"); /* a run counts its own attempts */
        fail_with(&stage, 1, 0, 0, "exit code 3");
        expect(&stage, "retry 0 r1 (exit code 3); start 0@1.0 r1");
        succeed(&stage, 1, 0, 0, 1);
        expect(&stage, "end 0 ok r1; start 1@1.0");
        succeed(&stage, 1, 0, 1, 2);
        expect(&stage, "end 1 ok; stop all evaluations done; done");
        stage_close(&stage);
    }
}

/* A finished search tries nothing again: neither what fails after the target was reached, nor what
 * failed while it drained and is dropped since the target was reached after all. */
static void test_finished_without_retries(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.retries = 1;
    settings.target = 5;
    stage_begin(&stage, settings, 2, 2);
    succeed(&stage, 1, 0, 0, 7);
    fail_with(&stage, 1, 1, 1, "x");
    expect(&stage, "end 0 ok; stop target reached; end 1 failed (x); done");
    stage_close(&stage);

    stage = (struct stage){0};
    stage_begin(&stage, settings, 2, 2);
    dh_sched_stop(stage.sched, DH_STOP_TIME, 1);
    fail_with(&stage, 1, 1, 1, "x");
    succeed(&stage, 1, 0, 0, 7);
    expect(&stage, "stop out of time; retry 1 r1 (x); end 0 ok; "
                   "end 1 cancelled r1 (the search was over before its turn); done");
    assert_int_equal(counts_of(&stage).stop, DH_STOP_TARGET);
    stage_close(&stage);
}

static void test_finished_after_time(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 1;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    offer(&stage, 1);
    dh_sched_stop(stage.sched, DH_STOP_SIGNAL, 1);
    dh_sched_stop(stage.sched, DH_STOP_ERROR, 1);
    expect(&stage, "start 0@1.0; stop stopped by a signal");
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; done");
    assert_int_equal(counts_of(&stage).stop, DH_STOP_BUDGET);
    stage_close(&stage);
}

static void test_an_error_stays_an_error(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 1;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    offer(&stage, 1);
    dh_sched_stop(stage.sched, DH_STOP_ERROR, 1);
    expect(&stage, "start 0@1.0; stop an error");
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok; done");
    assert_int_equal(counts_of(&stage).stop, DH_STOP_ERROR);
    stage_close(&stage);
}

static void test_nothing_to_cancel_unless_stopping(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    offer(&stage, 1);
    dh_sched_cancel_running(stage.sched, 1);
    expect(&stage, "start 0@1.0");
    stage_close(&stage);
}

/* ---- usage ---- */

/* In seconds. */
struct wanted {
    int evaluating, failed, waiting, starting, reporting, draining, lost;
};

static void check_usage(struct stage *stage, struct wanted wanted)
{
    const int seconds[DH_USE_COUNT] = {
        [DH_USE_EVALUATING] = wanted.evaluating, [DH_USE_WAITING] = wanted.waiting,
        [DH_USE_STARTING] = wanted.starting,     [DH_USE_REPORTING] = wanted.reporting,
        [DH_USE_DRAINING] = wanted.draining,     [DH_USE_LOST] = wanted.lost};
    struct dh_usage usage;
    dh_sched_usage(stage->sched, stage->now, &usage);
    for (int use = 0; use < DH_USE_COUNT; use++)
        assert_int_equal(usage.by_use[use], seconds[use] * 1000000LL);
    assert_int_equal(usage.failed, wanted.failed * 1000000LL);
}

/* A success whose evaluation took from `started` to `ended` by its worker's clock. */
static void succeed_at(struct stage *stage, int32_t slot, uint64_t trial, double started,
                       double ended)
{
    struct dh_outcome outcome = outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL);
    outcome.started = started;
    outcome.ended = ended;
    assert_true(result(stage, 1, slot, trial, outcome));
}

static void test_usage_of_each_kind(void **state)
{
    (void)state;
    struct stage stage = {.now = 1000};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 3;
    stage_open(&stage, settings);
    stage.now = 1001;
    assert_true(dh_sched_join(stage.sched, 1, 2, stage.now));
    stage.now = 1003;
    assert_true(dh_sched_claim(stage.sched, 1, 0, stage.now));
    stage.now = 1004;
    assert_true(dh_sched_claim(stage.sched, 1, 1, stage.now));
    check_usage(&stage, (struct wanted){.starting = 7, .waiting = 1});
    stage.now = 1006;
    offer(&stage, 3);
    expect(&stage, "start 0@1.0; start 1@1.1");
    stage.now = 1010;
    check_usage(&stage, (struct wanted){.starting = 7, .waiting = 5, .evaluating = 8});
    fail_with(&stage, 1, 0, 0, NULL);
    check_usage(&stage, (struct wanted){.starting = 7, .waiting = 5, .evaluating = 8, .failed = 4});
    stage.now = 1012;
    succeed(&stage, 1, 1, 1, 1); /* the last trial runs on the other slot */
    stage.now = 1015;
    expect(&stage, "end 0 failed; start 2@1.0; end 1 ok");
    check_usage(
        &stage,
        (struct wanted){.starting = 7, .waiting = 5, .evaluating = 15, .failed = 4, .draining = 3});
    assert_true(dh_sched_lost(stage.sched, 1, stage.now));
    stage.now = 1020;
    check_usage(
        &stage,
        (struct wanted){
            .starting = 7, .waiting = 5, .evaluating = 10, .failed = 4, .draining = 3, .lost = 15});
    assert_true(dh_sched_join(stage.sched, 2, 1, stage.now)); /* it had the whole time, too */
    check_usage(&stage, (struct wanted){.starting = 27,
                                        .waiting = 5,
                                        .evaluating = 10,
                                        .failed = 4,
                                        .draining = 3,
                                        .lost = 15});
    stage_close(&stage);
}

/* The worker's times tell what happened between handing out and result. */
static void test_usage_on_the_way(void **state)
{
    (void)state;
    struct stage stage = {.now = 10};
    struct dh_sched_settings settings = plain_settings();
    settings.epoch = 5000;
    stage_begin(&stage, settings, 1, 6);
    stage.now = 20; /* 5010 by the wall clock */
    succeed_at(&stage, 0, 0, 5002, 5009);
    check_usage(&stage, (struct wanted){.evaluating = 7, .starting = 2, .reporting = 1});
    expect(&stage, "end 0 ok; start 1@1.0");
    stage.now = 30; /* longer than it can have been: nothing of it is believed that does not fit */
    succeed_at(&stage, 0, 1, 5000, 5100);
    check_usage(&stage, (struct wanted){.evaluating = 17, .starting = 2, .reporting = 1});
    expect(&stage, "end 1 ok; start 2@1.0");
    stage.now = 40; /* no times */
    succeed_at(&stage, 0, 2, NAN, NAN);
    check_usage(&stage, (struct wanted){.evaluating = 27, .starting = 2, .reporting = 1});
    stage_close(&stage);
}

/* A worker's clock is a day ahead, another's a day behind: what cannot be is corrected. */
static void test_usage_with_wrong_clocks(void **state)
{
    (void)state;
    for (int day = -86400; day <= 86400; day += 2 * 86400) {
        struct stage stage = {.now = 0};
        struct dh_sched_settings settings = plain_settings();
        settings.epoch = 1e6;
        stage_begin(&stage, settings, 1, 2);
        stage.now = 10; /* at once begun or at once reported, so that the clock shows itself */
        succeed_at(&stage, 0, 0, 1e6 + day + (day > 0 ? 4 : 0), 1e6 + day + (day > 0 ? 10 : 6));
        expect(&stage, "end 0 ok; start 1@1.0");
        stage.now = 20;
        succeed_at(&stage, 0, 1, 1e6 + day + 13, 1e6 + day + 18);
        check_usage(&stage, (struct wanted){.evaluating = 11,
                                            .starting = 3 + (day > 0 ? 4 : 0),
                                            .reporting = 2 + (day > 0 ? 0 : 4)});
        stage_close(&stage);
    }
}

static void test_time_never_goes_back(void **state)
{
    (void)state;
    struct stage stage = {.now = 10};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    stage.now = 12;
    offer(&stage, 1);
    expect(&stage, "start 0@1.0");
    stage.now = 11;
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok");
    check_usage(&stage, (struct wanted){.waiting = 2});
    stage_close(&stage);
}

/* ---- the incumbent ---- */

static void test_better(void **state)
{
    (void)state;
    assert_true(dh_objective_better(true, 2, 1));
    assert_false(dh_objective_better(true, 1, 1));
    assert_true(dh_objective_better(false, 1, 2));
    assert_false(dh_objective_better(true, NAN, 1));
    assert_false(dh_objective_better(false, NAN, NAN));
    assert_true(dh_objective_better(false, 1, NAN));
}

static void end_trial(struct stage *stage, uint64_t id, enum dh_trial_status status, double value)
{
    struct dh_outcome outcome = outcome_of(status, value, NULL);
    assert_int_equal(dh_history_end(stage->history, id, &outcome, NULL), DH_OK);
}

static void test_best_of_a_history(void **state)
{
    (void)state;
    struct stage stage = {.history = dh_history_create(1, 1)};
    assert_true(dh_history_best(stage.history, true) == UINT64_MAX);
    for (int i = 0; i < 6; i++)
        propose(&stage);
    end_trial(&stage, 3, DH_TRIAL_PRUNED, 100); /* no success, whatever its number */
    end_trial(&stage, 0, DH_TRIAL_FAILED, NAN);
    assert_true(dh_history_best(stage.history, true) == UINT64_MAX);
    end_trial(&stage, 4, DH_TRIAL_SUCCEEDED, 5);
    end_trial(&stage, 1, DH_TRIAL_SUCCEEDED, 5); /* equal, later */
    end_trial(&stage, 2, DH_TRIAL_SUCCEEDED, -5);
    assert_int_equal(dh_history_best(stage.history, true), 4);
    assert_int_equal(dh_history_best(stage.history, false), 2);
    dh_history_destroy(&stage.history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget_is_exact),
        cmocka_unit_test(test_a_finished_history),
        cmocka_unit_test(test_resume_runs_the_pending_first),
        cmocka_unit_test(test_resume_with_a_smaller_budget),
        cmocka_unit_test(test_target),
        cmocka_unit_test(test_lost_after_the_target),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_failures_in_a_row),
        cmocka_unit_test(test_exhausted),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_time_is_seen_by_any_event),
        cmocka_unit_test(test_interrupted_retries),
        cmocka_unit_test(test_finished_without_retries),
        cmocka_unit_test(test_finished_after_time),
        cmocka_unit_test(test_an_error_stays_an_error),
        cmocka_unit_test(test_nothing_to_cancel_unless_stopping),
        cmocka_unit_test(test_usage_of_each_kind),
        cmocka_unit_test(test_usage_on_the_way),
        cmocka_unit_test(test_usage_with_wrong_clocks),
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_better),
        cmocka_unit_test(test_best_of_a_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
