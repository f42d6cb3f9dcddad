/* The scheduler's events, the rare ones first. How a search ends: test_sched_end.c. */
#include <stdio.h>

#include "stage.h"

/* ---- loss ---- */

static void test_lost_trials_go_first(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 2);
    enter(&stage, 2, 1);
    offer(&stage, 4);
    expect(&stage, "start 0@1.0; start 1@1.1; start 2@2.0");
    assert_true(dh_sched_lost(stage.sched, 1, 1));
    expect(&stage, "retry 1 (worker 1 was lost); retry 0 (worker 1 was lost)");
    succeed(&stage, 2, 0, 2, 1);
    expect(&stage, "end 2 ok; start 0@2.0");
    succeed(&stage, 2, 0, 0, 1);
    expect(&stage, "end 0 ok; start 1@2.0");
    assert_int_equal(counts_of(&stage).lost, 2);
    assert_int_equal(counts_of(&stage).retried, 0);
    assert_int_equal(counts_of(&stage).slots, 1);
    assert_int_equal(counts_of(&stage).workers, 1);
    stage_close(&stage);
}

/* While others are still expected, an early loss is not the end. */
static void test_expected_workers_may_be_lost_before_they_join(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.workers = 3;
    stage_open(&stage, settings);
    uint64_t trials[2];
    enter(&stage, 1, 3);
    offer(&stage, 3);
    expect(&stage, "start 0@1.0; start 1@1.1; start 2@1.2");
    assert_int_equal(dh_sched_running_on(stage.sched, 1, trials, 2), 3);
    assert_int_equal(trials[1], 1);
    assert_int_equal(dh_sched_running_on(stage.sched, 2, trials, 2), 0);
    assert_true(dh_sched_lost(stage.sched, 1, 1));
    assert_true(dh_sched_lost(stage.sched, 2, 1)); /* never seen */
    assert_false(dh_sched_lost(stage.sched, 2, 1));
    assert_false(dh_sched_join(stage.sched, 2, 1, 1)); /* too late */
    expect(&stage, "retry 2 (worker 1 was lost); retry 1 (worker 1 was lost); "
                   "retry 0 (worker 1 was lost)");
    assert_int_equal(counts_of(&stage).stop, DH_STOP_NONE);
    assert_true(dh_sched_lost(stage.sched, 3, 2));
    assert_int_equal(counts_of(&stage).stop, DH_STOP_LOST);
    stage_close(&stage);
}

static void test_the_lost_are_not_heard(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    enter(&stage, 2, 2);
    offer(&stage, 2);
    expect(&stage, "start 0@1.0; start 1@2.0");
    assert_false(dh_sched_lost(stage.sched, 3, 1));
    assert_false(dh_sched_lost(stage.sched, -1, 1));
    assert_true(dh_sched_lost(stage.sched, 1, 1));
    assert_false(dh_sched_lost(stage.sched, 1, 1));
    assert_false(result(&stage, 1, 0, 0, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL)));
    assert_false(dh_sched_claim(stage.sched, 1, 0, 1));
    assert_false(dh_sched_join(stage.sched, 1, 1, 1));
    expect(&stage, "retry 0 (worker 1 was lost); start 0@2.1");
    stage_close(&stage);
}

static void test_a_killer_trial_fails_in_the_end(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.lost_retries = 1;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    enter(&stage, 2, 1);
    enter(&stage, 3, 1);
    offer(&stage, 1);
    expect(&stage, "start 0@1.0");
    dh_sched_lost(stage.sched, 1, 1);
    expect(&stage, "retry 0 (worker 1 was lost); start 0@2.0");
    dh_sched_lost(stage.sched, 2, 2);
    expect(&stage, "end 0 failed (lost with its worker 2 times)");
    assert_int_equal(dh_history_trial(stage.history, 0)->outcome.worker, 2);
    assert_true(isnan(dh_history_trial(stage.history, 0)->outcome.objectives[0]));
    stage_close(&stage);
}

/* Not even once is a trial to blame for workers that can begin nothing; others count as ever. */
static void test_no_trial_is_to_blame_for_unfit_workers(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.lost_retries = 0;
    settings.workers = 4;
    stage_open(&stage, settings);
    enter(&stage, 1, 1);
    enter(&stage, 2, 2);
    offer(&stage, 2);
    expect(&stage, "start 0@1.0; start 1@2.0");
    assert_true(dh_sched_unfit(stage.sched, 1, 1));
    expect(&stage, "retry 0 (worker 1 cannot evaluate); start 0@2.1");
    assert_true(dh_sched_unfit(stage.sched, 2, 1));
    expect(&stage, "retry 0 (worker 2 cannot evaluate); retry 1 (worker 2 cannot evaluate)");
    assert_false(dh_sched_unfit(stage.sched, 2, 1));
    assert_true(dh_sched_unfit(stage.sched, 3, 1)); /* before it joined */
    assert_int_equal(counts_of(&stage).stop, DH_STOP_NONE);
    enter(&stage, 4, 1);
    expect(&stage, "start 1@4.0");
    dh_sched_lost(stage.sched, 4, 2);
    expect(&stage, "end 1 failed (lost with its worker 2 times); stop no worker left; done");
    assert_int_equal(dh_history_trial(stage.history, 0)->outcome.status, DH_TRIAL_PENDING);
    stage_close(&stage);
}

static void test_a_start_to_a_lost_worker_is_not_sent(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    offer(&stage, 1);
    enter(&stage, 2, 1);
    dh_sched_lost(stage.sched, 1, 1); /* the start was queued, not yet handed out */
    expect(&stage, "retry 0 (worker 1 was lost); start 0@2.0");
    stage_close(&stage);
}

static void test_no_worker_left(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    offer(&stage, 1);
    dh_sched_lost(stage.sched, 1, 1);
    expect(&stage, "retry 0 (worker 1 was lost); stop no worker left; done");
    assert_int_equal(counts_of(&stage).by_status[DH_TRIAL_PENDING], 1);
    stage_close(&stage);
}

static void test_lost_while_stopping(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    enter(&stage, 2, 1);
    offer(&stage, 2);
    dh_sched_stop(stage.sched, DH_STOP_SIGNAL, 1);
    expect(&stage, "start 0@1.0; start 1@2.0; stop stopped by a signal");
    dh_sched_lost(stage.sched, 1, 2); /* stays pending, so there is nothing to record */
    expect(&stage, "");
    succeed(&stage, 2, 0, 1, 1);
    expect(&stage, "end 1 ok; done");
    assert_int_equal(counts_of(&stage).by_status[DH_TRIAL_PENDING], 1);
    stage_close(&stage);
}

static void test_cancelled_by_nobody_counts_as_lost(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.lost_retries = 1;
    stage_begin(&stage, settings, 1, 1);
    come_back_cancelled(&stage, 1, 0, 0);
    expect(&stage, "retry 0 (worker 1 gave it up); start 0@1.0");
    come_back_cancelled(&stage, 1, 0, 0);
    expect(&stage, "end 0 failed (given up by its worker 2 times)");
    stage_close(&stage);
}

static void decline_in(struct stage *stage, int32_t worker, int32_t slot, uint64_t trial)
{
    struct dh_outcome outcome = outcome_of(DH_TRIAL_CANCELLED, NAN, "no process");
    outcome.started = NAN;
    assert_true(result(stage, worker, slot, trial, outcome));
}

static void decline(struct stage *stage, int32_t worker, uint64_t trial)
{
    decline_in(stage, worker, 0, trial);
}

static void test_what_could_not_begin_says_why(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.lost_retries = 1;
    stage_begin(&stage, settings, 1, 1);
    for (int i = 0; i < DH_UNABLE_LIMIT; i++) { /* as good as a worker that cannot: one loss */
        decline(&stage, 1, 0);
        expect(&stage, "retry 0 (worker 1 gave it up (no process)); start 0@1.0");
    }
    decline(&stage, 1, 0); /* but this one goes on, so that it is the trial */
    expect(&stage, "end 0 failed (given up by its worker (no process) 4 times)");
    stage_close(&stage);
}

static void test_workers_that_can_begin_nothing_cost_a_loss_each(void **state)
{
    (void)state;
    struct stage stage = {0};
    char expected[96];
    stage_begin(&stage, plain_settings(), 1, 1); /* lost_retries 3 */
    for (int32_t worker = 1; worker <= 3; worker++) {
        for (int i = 1; i < DH_UNABLE_LIMIT; i++) {
            decline(&stage, worker, 0);
            snprintf(expected, sizeof expected,
                     "retry 0 (worker %d gave it up (no process)); start 0@%d.0", worker, worker);
            expect(&stage, expected);
        }
        enter(&stage, worker + 1, 1);
        assert_true(dh_sched_lost(stage.sched, worker, 1)); /* instead of declining once more */
        snprintf(expected, sizeof expected, "retry 0 (worker %d was lost); start 0@%d.0", worker,
                 worker + 1);
        expect(&stage, expected);
    }
    succeed(&stage, 4, 0, 0, 1);
    expect(&stage, "end 0 ok");
    stage_close(&stage);
}

/* Each slot may decline it, before one has done so often enough for the worker to be let go. */
static void test_a_worker_of_many_slots_costs_a_loss_too(void **state)
{
    (void)state;
    enum { SLOTS = 8 };
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.lost_retries = 1;
    stage_begin(&stage, settings, SLOTS, 1);
    char expected[96];
    for (int i = 0; i < DH_UNABLE_LIMIT * SLOTS - 1; i++) {
        decline_in(&stage, 1, i % SLOTS, 0);
        snprintf(expected, sizeof expected,
                 "retry 0 (worker 1 gave it up (no process)); start 0@1.%d", (i + 1) % SLOTS);
        expect(&stage, expected);
    }
    enter(&stage, 2, 1);
    assert_true(dh_sched_lost(stage.sched, 1, 1));
    expect(&stage, "retry 0 (worker 1 was lost); start 0@2.0");
    succeed(&stage, 2, 0, 0, 1);
    expect(&stage, "end 0 ok");
    stage_close(&stage);
}

/* ---- events that do not fit ---- */

static void test_results_that_do_not_fit(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 2);
    offer(&stage, 1);
    assert_false(result(&stage, 1, 0, 0, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL))); /* not sent */
    expect(&stage, "start 0@1.0");
    assert_false(result(&stage, 1, 0, 1, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL)));
    assert_false(result(&stage, 1, 1, 0, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL)));
    assert_false(result(&stage, 1, 2, 0, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL)));
    assert_false(result(&stage, 1, -1, 0, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL)));
    assert_false(result(&stage, 7, 0, 0, outcome_of(DH_TRIAL_SUCCEEDED, 1, NULL)));
    succeed(&stage, 1, 0, 0, 1);
    assert_false(result(&stage, 1, 0, 0, outcome_of(DH_TRIAL_SUCCEEDED, 2, NULL)));
    expect(&stage, "end 0 ok");
    assert_int_equal(counts_of(&stage).ended_here, 1);
    stage_close(&stage);
}

static void test_joins_and_claims_that_do_not_fit(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    assert_false(dh_sched_claim(stage.sched, 1, 0, 0));
    assert_false(dh_sched_join(stage.sched, -1, 1, 0));
    assert_false(dh_sched_join(stage.sched, 1, 0, 0));
    assert_true(dh_sched_join(stage.sched, 1, 2, 0));
    assert_false(dh_sched_join(stage.sched, 1, 2, 0));
    assert_false(dh_sched_claim(stage.sched, 1, 2, 0));
    assert_true(dh_sched_claim(stage.sched, 1, 1, 0));
    assert_false(dh_sched_claim(stage.sched, 1, 1, 0));
    assert_int_equal(counts_of(&stage).waiting_slots, 1);
    assert_int_equal(counts_of(&stage).slots, 2);
    stage_close(&stage);
}

static void test_offers_that_do_not_fit(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_open(&stage, plain_settings());
    enter(&stage, 1, 1);
    assert_false(dh_sched_offer(stage.sched, 0, 0)); /* not in the history */
    offer(&stage, 1);
    assert_false(dh_sched_offer(stage.sched, 0, 0)); /* runs */
    expect(&stage, "start 0@1.0");
    succeed(&stage, 1, 0, 0, 1);
    assert_false(dh_sched_offer(stage.sched, 0, 0)); /* has ended */
    expect(&stage, "end 0 ok");
    stage_close(&stage);
}

static void test_offers_after_a_stop(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.target = 5;
    stage_begin(&stage, settings, 2, 2);
    succeed(&stage, 1, 0, 0, 6);
    offer(&stage, 1);
    expect(&stage, "end 0 ok; stop target reached; cancel 1@1.1; "
                   "end 2 cancelled (the search was over before its turn)");
    come_back_cancelled(&stage, 1, 1, 1);
    expect(&stage, "end 1 cancelled; done");
    assert_false(dh_sched_offer(stage.sched, propose(&stage), 1));
    expect(&stage, "");
    stage_close(&stage);
}

/* ---- outcomes ---- */

static void check_refused(double value, const char *actions)
{
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 1, 1);
    succeed(&stage, 1, 0, 0, value);
    expect(&stage, actions);
    assert_true(isnan(dh_history_trial(stage.history, 0)->outcome.objectives[0]));
    assert_true(counts_of(&stage).incumbent == UINT64_MAX);
    stage_close(&stage);
}

static void test_success_needs_a_number(void **state)
{
    (void)state;
    check_refused(NAN, "end 0 failed (objective is nan)");
    check_refused(INFINITY, "end 0 failed (objective is inf)");
    check_refused(-INFINITY, "end 0 failed (objective is -inf)");
}

static void test_outcomes_without_sense(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 1, 2);
    assert_true(result(&stage, 1, 0, 0, outcome_of(DH_TRIAL_PENDING, 1, NULL)));
    expect(&stage, "end 0 failed (the evaluation came back without a final status); start 1@1.0");
    assert_true(result(&stage, 1, 0, 1, (struct dh_outcome){.status = DH_TRIAL_SUCCEEDED}));
    expect(&stage, "end 1 failed (objective is missing)");
    stage_close(&stage);
}

static void test_a_failure_keeps_no_number(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 1, 1);
    assert_true(result(&stage, 1, 0, 0, outcome_of(DH_TRIAL_PRUNED, 0, "no hope")));
    expect(&stage, "end 0 pruned (no hope)");
    assert_true(isnan(dh_history_trial(stage.history, 0)->outcome.objectives[0]));
    assert_int_equal(dh_history_trial(stage.history, 0)->outcome.worker, 1);
    stage_close(&stage);
}

static void test_retries(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.retries = 1;
    stage_begin(&stage, settings, 1, 3);
    fail_with(&stage, 1, 0, 0, "signal 11");
    expect(&stage, "retry 0 r1 (signal 11); start 0@1.0 r1");
    fail_with(&stage, 1, 0, 0, "signal 6");
    expect(&stage, "end 0 failed r1 (signal 6); start 1@1.0");
    assert_int_equal(dh_history_trial(stage.history, 0)->outcome.retries, 1);
    assert_true(result(&stage, 1, 0, 1, outcome_of(DH_TRIAL_TIMEOUT, NAN, "over 10 s")));
    expect(&stage, "retry 1 r1 (over 10 s); start 1@1.0 r1");
    succeed(&stage, 1, 0, 1, 3);
    expect(&stage, "end 1 ok r1; start 2@1.0");
    fail_with(&stage, 1, 0, 2, "signal 9");
    expect(&stage, "retry 2 r1 (signal 9); start 2@1.0 r1");
    dh_sched_stop(stage.sched, DH_STOP_TIME, 1);
    fail_with(&stage, 1, 0, 2, "signal 9"); /* there was one attempt more, and that was it */
    expect(&stage, "stop out of time; end 2 failed r1 (signal 9); done");
    assert_int_equal(counts_of(&stage).retried, 3);
    stage_close(&stage);
}

static void test_destroy_accepts_nothing(void **state)
{
    (void)state;
    struct dh_sched *sched = NULL;
    dh_sched_destroy(&sched);
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 1, 1);
    fail_with(&stage, 1, 0, 0, "an outcome that nobody fetches");
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_trials_go_first),
        cmocka_unit_test(test_expected_workers_may_be_lost_before_they_join),
        cmocka_unit_test(test_the_lost_are_not_heard),
        cmocka_unit_test(test_a_killer_trial_fails_in_the_end),
        cmocka_unit_test(test_no_trial_is_to_blame_for_unfit_workers),
        cmocka_unit_test(test_a_start_to_a_lost_worker_is_not_sent),
        cmocka_unit_test(test_no_worker_left),
        cmocka_unit_test(test_lost_while_stopping),
        cmocka_unit_test(test_cancelled_by_nobody_counts_as_lost),
        cmocka_unit_test(test_what_could_not_begin_says_why),
        cmocka_unit_test(test_workers_that_can_begin_nothing_cost_a_loss_each),
        cmocka_unit_test(test_a_worker_of_many_slots_costs_a_loss_too),
        cmocka_unit_test(test_results_that_do_not_fit),
        cmocka_unit_test(test_joins_and_claims_that_do_not_fit),
        cmocka_unit_test(test_offers_that_do_not_fit),
        cmocka_unit_test(test_offers_after_a_stop),
        cmocka_unit_test(test_success_needs_a_number),
        cmocka_unit_test(test_outcomes_without_sense),
        cmocka_unit_test(test_a_failure_keeps_no_number),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_destroy_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
