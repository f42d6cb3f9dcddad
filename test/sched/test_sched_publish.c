/* Trials that slots take by themselves: what may be published, what becomes of it when the search
 * stops, runs out of time, or loses the slot that took it. */
#include "stage.h"

/* The next publication is `trial`. */
static void publish(struct stage *stage, uint64_t trial)
{
    uint64_t id = UINT64_MAX;
    uint32_t retries;
    assert_true(dh_sched_publish(stage->sched, &id, &retries, stage->now));
    assert_int_equal(id, trial);
}

static bool may_publish(struct stage *stage)
{
    uint64_t id;
    uint32_t retries;
    return dh_sched_publish(stage->sched, &id, &retries, stage->now);
}

static void test_taken_trials_run_at_once(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 2, 2);
    assert_false(may_publish(&stage)); /* nothing is ready */
    offer(&stage, 3);
    publish(&stage, 2);
    publish(&stage, 3);
    assert_int_equal(counts_of(&stage).published, 2);
    assert_int_equal(counts_of(&stage).ready, 1);
    assert_true(dh_sched_assign(stage.sched, 1, 0, 2, true));
    assert_false(dh_sched_assign(stage.sched, 1, 0, 3, true)); /* one at a time */
    succeed(&stage, 1, 0, 0, 1);
    expect(&stage, "end 0 ok"); /* no start: it runs */
    assert_int_equal(counts_of(&stage).running, 2);
    assert_int_equal(counts_of(&stage).published, 1);
    succeed(&stage, 1, 0, 2, 1); /* its result may come at once */
    expect(&stage, "end 2 ok; start 4@1.0");
    assert_true(dh_sched_assign(stage.sched, 1, 1, 3, false)); /* offered too late to be seen */
    succeed(&stage, 1, 1, 1, 1);
    expect(&stage, "start 3@1.1; end 1 ok");
    stage_close(&stage);
}

static void test_waiting_slots_come_first(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 1, 2);
    assert_false(may_publish(&stage)); /* one slot alone waits for its own results */
    assert_true(dh_sched_join(stage.sched, 2, 1, stage.now));
    publish(&stage, 1); /* for the slot that is about to claim */
    assert_true(dh_sched_claim(stage.sched, 2, 0, stage.now)); /* it did not see that */
    expect(&stage, "");
    assert_int_equal(dh_sched_recall(stage.sched), 1); /* it gets the one that waits for others */
    dh_sched_withdrawn(stage.sched, 1, stage.now);
    expect(&stage, "start 1@2.0");
    assert_int_equal(dh_sched_recall(stage.sched), 0);
    stage_close(&stage);
}

static void test_publications_are_in_the_budget(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = 3;
    stage_begin(&stage, settings, 2, 2);
    offer(&stage, 2); /* one too many */
    publish(&stage, 2);
    assert_false(may_publish(&stage));
    assert_int_equal(dh_sched_room(stage.sched), 0);
    succeed(&stage, 1, 0, 0, 1);
    succeed(&stage, 1, 1, 1, 1);
    expect(&stage, "end 0 ok; end 1 ok"); /* 3 is not started beside it */
    assert_int_equal(dh_sched_recall(stage.sched), 2);
    dh_sched_withdrawn(stage.sched, 2, stage.now);
    expect(&stage, "start 2@1.0");
    succeed(&stage, 1, 0, 2, 1);
    expect(&stage, "end 2 ok; stop all evaluations done; "
                   "end 3 cancelled (the search was over before its turn); done");
    stage_close(&stage);
}

static void test_a_stop_wants_them_back(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 2, 2);
    offer(&stage, 3);
    publish(&stage, 2);
    publish(&stage, 3);
    publish(&stage, 4);
    assert_int_equal(dh_sched_recall(stage.sched), 0);
    dh_sched_stop(stage.sched, DH_STOP_SIGNAL, stage.now);
    assert_true(dh_sched_recall(stage.sched) == UINT64_MAX);
    dh_sched_withdrawn(stage.sched, 4, stage.now);
    succeed(&stage, 1, 0, 0, 1);
    succeed(&stage, 1, 1, 1, 1);
    expect(&stage, "stop stopped by a signal; end 0 ok; end 1 ok"); /* not done: 2 and 3 may run */
    dh_sched_cancel_running(stage.sched, stage.now);
    dh_sched_withdrawn(stage.sched, 3, stage.now);
    expect(&stage, "");
    dh_sched_orphaned(stage.sched, 2, stage.now);
    expect(&stage, "done"); /* all pending, for the next run */
    assert_int_equal(counts_of(&stage).by_status[DH_TRIAL_PENDING], 3);
    stage_close(&stage);
}

static void test_what_turns_out_to_run_is_cancelled(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.target = 10;
    settings.maximize = true;
    stage_begin(&stage, settings, 2, 2);
    offer(&stage, 2);
    publish(&stage, 2);
    publish(&stage, 3);
    succeed(&stage, 1, 0, 0, 11);
    expect(&stage, "end 0 ok; stop target reached; cancel 1@1.1");
    assert_true(dh_sched_assign(stage.sched, 1, 1, 2, true));
    come_back_cancelled(&stage, 1, 1, 1);
    expect(&stage, "cancel 2@1.1; end 1 cancelled");
    dh_sched_withdrawn(stage.sched, 3, stage.now);
    expect(&stage, "end 3 cancelled (the search was over before its turn)");
    come_back_cancelled(&stage, 1, 1, 2);
    expect(&stage, "end 2 cancelled; done");
    stage_close(&stage);
}

static void test_what_has_not_begun_is_not_begun_after_a_stop(void **state)
{
    (void)state;
    struct stage stage = {0};
    stage_begin(&stage, plain_settings(), 2, 2);
    offer(&stage, 1);
    publish(&stage, 2);
    dh_sched_stop(stage.sched, DH_STOP_SIGNAL, stage.now);
    assert_true(dh_sched_assign(stage.sched, 1, 0, 2, false));
    succeed(&stage, 1, 0, 0, 1);
    succeed(&stage, 1, 1, 1, 1);
    expect(&stage, "stop stopped by a signal; end 0 ok; end 1 ok; done");
    stage_close(&stage);
}

static void test_orphans_are_tried_again(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.lost_retries = 1;
    stage_begin(&stage, settings, 2, 2);
    offer(&stage, 1);
    for (int i = 0; i < 2; i++) {
        publish(&stage, 2);
        dh_sched_orphaned(stage.sched, 2, stage.now);
        expect(&stage, i == 0 ? "retry 2 (the worker that took it was lost)"
                              : "end 2 failed (lost with its worker 2 times)");
    }
    dh_sched_orphaned(stage.sched, 2, stage.now); /* it is not published */
    dh_sched_orphaned(stage.sched, 99, stage.now);
    expect(&stage, "");
    stage_close(&stage);
}

static void test_none_near_the_end_of_time(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct dh_sched_settings settings = plain_settings();
    settings.max_time = 100;
    settings.grace = 0;
    stage_begin(&stage, settings, 2, 2);
    offer(&stage, 2);
    publish(&stage, 2);
    stage.now += 90;
    dh_sched_tick(stage.sched, stage.now);
    assert_int_equal(dh_sched_recall(stage.sched), 0);
    stage.now += 8.5;
    dh_sched_tick(stage.sched, stage.now);
    assert_true(dh_sched_recall(stage.sched) == UINT64_MAX);
    assert_false(may_publish(&stage));
    dh_sched_withdrawn(stage.sched, 2, stage.now);
    assert_int_equal(dh_sched_recall(stage.sched), 0);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_trials_run_at_once),
        cmocka_unit_test(test_waiting_slots_come_first),
        cmocka_unit_test(test_publications_are_in_the_budget),
        cmocka_unit_test(test_a_stop_wants_them_back),
        cmocka_unit_test(test_what_turns_out_to_run_is_cancelled),
        cmocka_unit_test(test_what_has_not_begun_is_not_begun_after_a_stop),
        cmocka_unit_test(test_orphans_are_tried_again),
        cmocka_unit_test(test_none_near_the_end_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
