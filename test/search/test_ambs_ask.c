/* What an ask of method ambs decides: its level of effort by the budget, which member of the model
 * judges, and what the cursor tells later of both. The clock is the test's own. */
#include "ambs_stage.h"

#include <math.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define OPTIMIZER                                                                                  \
    "optimizer = { method = \"ambs\"; liar = \"cl_mean\"; initial_points = 1; candidates = 20; };"
#define MOST_AT_RANDOM 4 /* of 30 asks: 0.6 are expected to ask no model */

struct clock {
    double now, tick; /* it goes on by so much whenever it is looked at */
    struct dh_clock clock;
};

static double look(void *context)
{
    struct clock *clock = context;
    return clock->now += clock->tick;
}

static void open_with_clock(struct stage *stage, struct clock *clock, struct fake *fakes,
                            size_t count)
{
    stage_open(stage, SQUARE OPTIMIZER);
    clock->clock = (struct dh_clock){look, clock};
    stage->bench.context.clock = &clock->clock;
    stage_results(stage, 1);
    stage_fakes(stage, fakes, count);
}

/* The level falls with the budget, of which it leaves half; a level that was set is kept. */
static void levels_fall_with_the_budget(void **unused)
{
    (void)unused;
    static const double seconds[AMBS_LEVELS] = {1e-4, 1e-3, 1e-2, 1e-1};
    static const struct {
        double budget;
        uint32_t level;
    } cases[] = {{INFINITY, 3}, {0.21, 3},   {0.19, 2},   {0.021, 2}, {0.019, 1},
                 {0.0021, 1},   {0.0019, 0}, {0.0001, 0}, {0, 0},     {INFINITY, 3}};
    for (int64_t effort = AMBS_EFFORT_AUTO; effort < AMBS_LEVELS; effort++) {
        struct stage stage;
        struct clock clock = {0};
        struct fake fake = {.mean = fake_bowl, .epistemic = 1};
        open_with_clock(&stage, &clock, &fake, 1);
        stage.ambs->options.effort = effort;
        for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
            uint32_t level = 0, wanted = effort < 0 ? cases[i].level : (uint32_t)effort;
            for (int k = 0; k < 3; k++) { /* one at random may be without a level */
                double point[2];
                memcpy(stage.ambs->seconds, seconds, sizeof seconds);
                struct dh_proposal proposal =
                    stage_propose_by_method(&stage, stage.next++, cases[i].budget, point);
                assert_true(proposal.level <= wanted);
                level = proposal.level > level ? proposal.level : level;
            }
            assert_int_equal(level, wanted);
        }
        stage_close(&stage);
    }
}

/* More effort is more predictions; the lowest level keeps its pool. */
static void levels_differ_in_what_they_do(void **unused)
{
    (void)unused;
    size_t before = 0;
    for (int64_t effort = 0; effort < AMBS_LEVELS; effort++) {
        struct stage stage;
        struct clock clock = {0};
        struct fake fake = {.mean = fake_bowl, .epistemic = 1};
        open_with_clock(&stage, &clock, &fake, 1);
        stage.ambs->options.effort = effort;
        stage.ambs->options.candidates = 0;
        double point[2];
        for (uint64_t k = 0; k < 10; k++)
            stage_propose_by_method(&stage, stage.next++, INFINITY, point);
        assert_null(stage.ambs->pool);
        assert_true(fake.predicted > 2 * before);
        before = fake.predicted;
        stage.ambs->options.effort = AMBS_EFFORT_AUTO;
        for (uint64_t k = 0; k < 3; k++)
            stage_propose_by_method(&stage, stage.next++, 0, point);
        assert_non_null(stage.ambs->pool);
        stage_close(&stage);
    }
}

/* A level's time is learnt, slowly; and one that was too slow is tried again some day. */
static void times_are_learnt(void **unused)
{
    (void)unused;
    struct stage stage;
    struct clock clock = {.tick = 1};
    struct fake fake = {.mean = fake_bowl, .epistemic = 1};
    open_with_clock(&stage, &clock, &fake, 1);
    static const double seconds[AMBS_LEVELS] = {1e-4, 1e-3, 1, 100};
    memcpy(stage.ambs->seconds, seconds, sizeof seconds);
    double point[2], before = 100;
    stage_propose_by_method(&stage, stage.next++, 0, point);
    assert_true(stage.ambs->seconds[0] > 0.1 && stage.ambs->seconds[0] < 0.9); /* it took 1 */
    assert_true(stage.ambs->seconds[1] < 1e-3 && stage.ambs->seconds[1] > 0.9e-3);
    for (int k = 0; k < 10; k++) {
        stage_propose_by_method(&stage, stage.next++, 10, point); /* at level 2 */
        assert_true(stage.ambs->seconds[3] < before && stage.ambs->seconds[3] > 0.9 * before);
        before = stage.ambs->seconds[3];
    }
    stage_close(&stage);
}

/* The members take turns by the trial's id where there is time; in a hurry the first judges. */
static void members_take_turns(void **unused)
{
    (void)unused;
    for (int64_t effort = AMBS_EFFORT_AUTO; effort < AMBS_LEVELS; effort++)
        for (size_t count = 1; count <= AMBS_MEMBERS; count++) {
            struct stage stage;
            struct clock clock = {0};
            struct fake fakes[AMBS_MEMBERS] = {
                {.mean = fake_bowl}, {.mean = fake_bowl}, {.mean = fake_bowl}};
            open_with_clock(&stage, &clock, fakes, count);
            stage.ambs->options.effort = effort;
            size_t random = 0;
            for (uint64_t id = stage.next; id < 30; id++) {
                double point[2];
                size_t all = 0, judge = effort >= 2 ? id % count : 0;
                for (size_t k = 0; k < count; k++)
                    fakes[k].predicted = 0;
                stage_propose_by_method(&stage, id, 0, point);
                for (size_t k = 0; k < count; k++)
                    all += fakes[k].predicted;
                assert_int_equal(fakes[judge].predicted, all);
                random += all == 0;
            }
            assert_true(random <= MOST_AT_RANDOM);
            stage_close(&stage);
        }
}

/* A local ask has no gradient to follow. One whose only candidate is the result itself, as crossing
 * it with itself gives in a fifth of them, asks at large, and there the candidate climbs: .98 ·
 * (.75 + .25 · .2) = .784 of all asks climb, and .735 if it did not. */
static void a_local_ask_in_vain_asks_at_large(void **unused)
{
    (void)unused;
    struct stage stage;
    struct clock clock = {0};
    struct fake fake = {.mean = fake_bowl, .epistemic = 1, .differentiable = true};
    open_with_clock(&stage, &clock, &fake, 1);
    stage.ambs->options.effort = AMBS_LEVELS - 1;
    stage.ambs->options.candidates = 1;
    for (int i = 0; i < 8; i++)
        stage_propose(&stage);
    size_t asks = 4000, climbs = 0;
    for (size_t i = 0; i < asks; i++) {
        double point[2];
        fake.gradients = 0;
        stage_propose_by_method(&stage, stage.next++, 0, point);
        climbs += fake.gradients > 0;
    }
    assert_true(climbs > asks * 76 / 100 && climbs < asks * 81 / 100);
    stage_close(&stage);
}

/* The last bits of a cursor say whose proposal it was, and gp_hedge hears of its result by them. */
static void cursors_name_the_acquisition(void **unused)
{
    (void)unused;
    struct stage stage;
    struct clock clock = {0};
    struct fake fake = {.mean = fake_bowl, .epistemic = 1};
    open_with_clock(&stage, &clock, &fake, 1);
    stage.ambs->options.effort = 2;
    size_t counts[4] = {0};
    for (int k = 0; k < 60; k++) {
        double point[2], y = 0;
        stage.ambs->options.acquisition = k < 50 ? AMBS_HEDGE : AMBS_EI;
        struct dh_trial trial = {.id = stage.next++, .values = point};
        struct dh_proposal proposal = stage_propose_by_method(&stage, trial.id, 1, point);
        size_t source = proposal.cursor & 3;
        counts[source]++;
        assert_true(k < 50 || source == 3);
        trial.cursor = proposal.cursor;
        trial.origin = proposal.origin;
        trial.identity = proposal.identity;
        trial.outcome = (struct dh_outcome){.status = DH_TRIAL_SUCCEEDED, .objectives = &y};
        dh_search_ambs.tell(stage.ambs, &trial);
        assert_int_equal(stage.ambs->sources[stage.ambs->source_count - 1], source);
    }
    assert_true(counts[0] && counts[1] && counts[2] && counts[3] <= 10 + MOST_AT_RANDOM);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_fall_with_the_budget),
        cmocka_unit_test(levels_differ_in_what_they_do),
        cmocka_unit_test(times_are_learnt),
        cmocka_unit_test(members_take_turns),
        cmocka_unit_test(a_local_ask_in_vain_asks_at_large),
        cmocka_unit_test(cursors_name_the_acquisition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
