/* How a point is chosen: what judges candidates, what keeps proposals apart, and the way uphill;
 * all with models that say what a test wants. */
#include "ambs_stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define OPTIMIZER "optimizer = { method = \"ambs\"; liar = \"cl_mean\"; };"
#define ASKS 1000

/* ---- what judges ---- */

static struct ambs_ask judged(const struct stage *stage, uint64_t id)
{
    struct ambs_ask ask = stage_ask(stage, id, 3);
    ambs_judge_by(&ask);
    return ask;
}

static void acquisitions_by_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        enum dh_acquisition_kind kind;
        bool epistemic;
    } cases[] = {
        {"ucb", DH_ACQUISITION_LCB, false}, {"ucbd", DH_ACQUISITION_LCB, true},
        {"lcb", DH_ACQUISITION_LCB, false}, {"lcbd", DH_ACQUISITION_LCB, true},
        {"ei", DH_ACQUISITION_EI, false},   {"eid", DH_ACQUISITION_EI, true},
        {"pi", DH_ACQUISITION_PI, false},   {"pid", DH_ACQUISITION_PI, true},
        {"mes", DH_ACQUISITION_MES, false}, {"mesd", DH_ACQUISITION_MES, true},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct stage stage;
        struct fake fake = {.mean = fake_zero, .aleatoric = 3, .epistemic = 1};
        char *text = dh_strprintf(
            SQUARE "optimizer = { method = \"ambs\"; acquisition = \"%s\"; };", cases[i].name);
        stage_open(&stage, text);
        free(text);
        stage_fakes(&stage, &fake, 1);
        struct ambs_ask ask = judged(&stage, 7);
        assert_int_equal(ask.acquisition.kind, cases[i].kind);
        assert_true(ask.acquisition.best == -1);
        double x[2] = {0}, mean, deviation, score;
        struct ambs_points points = {1, 2, x, &mean, &deviation, &score};
        ambs_score(&ask, &points, 0);
        assert_true(deviation == (cases[i].epistemic ? 1 : 2));
        assert_int_equal(ask.source, AMBS_BY_NONE);
        stage_close(&stage);
    }
}

/* gp_hedge: `good` of EI, LCB and PI proposed what was good; 3: nothing is known of any. */
static void hedge_after(unsigned good, bool epistemic, size_t counts[3])
{
    static const enum dh_acquisition_kind kinds[] = {DH_ACQUISITION_EI, DH_ACQUISITION_LCB,
                                                     DH_ACQUISITION_PI};
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage.ambs->options.acquisition = AMBS_HEDGE;
    stage.ambs->options.epistemic = epistemic;
    stage_fakes(&stage, &fake, 1);
    for (unsigned source = 0; source < 4; source++) /* of the design too, and failures: no matter */
        for (int i = 0; i < 3 && (good < 3 || source == 3); i++) {
            stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, source == good ? -1 : 1,
                      source);
            stage_end(&stage, stage_propose(&stage), DH_TRIAL_FAILED, NAN, source);
        }
    for (uint64_t id = 0; id < ASKS; id++) {
        struct ambs_ask ask = judged(&stage, id);
        assert_true(ask.source < AMBS_BY_NONE && ask.acquisition.kind == kinds[ask.source]);
        assert_int_equal(ask.epistemic, epistemic);
        counts[ask.source]++;
    }
    stage_close(&stage);
}

/* What counts is the mean, not how often: two great results against twelve fair ones, which the
 * softmax of four times sum / (count + 1) takes for better. */
static void hedging_goes_by_the_mean(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage.ambs->options.acquisition = AMBS_HEDGE;
    stage_fakes(&stage, &fake, 1);
    for (int i = 0; i < 14; i++)
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, i < 2 ? -1 : -0.3, i < 2);
    double great = exp(4 * 2 / 3.0), fair = exp(4 * 12 * 0.3 / 13), counts[3] = {0};
    for (uint64_t id = 0; id < ASKS; id++)
        counts[judged(&stage, id).source]++;
    assert_true(fabs(counts[1] / ASKS - great / (great + fair + 1)) < 0.05);
    assert_true(fabs(counts[0] / ASKS - fair / (great + fair + 1)) < 0.05);
    stage_close(&stage);
}

static void hedging_follows_what_was_good(void **unused)
{
    (void)unused;
    for (unsigned good = 0; good < 3; good++) {
        size_t counts[3] = {0};
        hedge_after(good, good == 1, counts);
        assert_true(counts[good] > ASKS * 9 / 10);
    }
    size_t unknown[3] = {0};
    hedge_after(3, false, unknown);
    for (size_t k = 0; k < 3; k++)
        assert_true(unknown[k] > ASKS / 4);
}

/* kappa and xi begin at 1.96 and 1, and follow the trial's id. */
static void schedules(void **unused)
{
    (void)unused;
    static const struct {
        int schedule;
        uint64_t id;
        double share; /* of what they began with */
    } cases[] = {
        {DH_SCHEDULE_CONSTANT, 0, 1}, {DH_SCHEDULE_CONSTANT, 9, 1}, {DH_SCHEDULE_DECAY, 0, 1},
        {DH_SCHEDULE_DECAY, 9, 0.01}, {DH_SCHEDULE_DECAY, 10, 1},   {DH_SCHEDULE_DECAY, 19, 0.01},
        {DH_SCHEDULE_BANDIT, 0, 0},   {DH_SCHEDULE_BANDIT, 9, 0},   {DH_SCHEDULE_BANDIT, 99, 0},
    };
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_fakes(&stage, &fake, 1);
    struct ambs_options *o = &stage.ambs->options;
    o->acquisition = AMBS_UCB;
    o->strategy = AMBS_SPREAD_NONE;
    o->kappa = 1.96;
    o->xi = 1;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        o->schedule = cases[i].schedule;
        struct ambs_ask ask = judged(&stage, cases[i].id);
        double t = (double)cases[i].id + 1, share = cases[i].share, kappa = share * o->kappa;
        if (o->schedule == DH_SCHEDULE_BANDIT)
            share = sqrt(0.4 * log(2 * t * t * M_PI * M_PI / 0.6)) / 1.96, kappa = share * 1.96;
        else if (share < 1)
            kappa = 0.01; /* whatever it was */
        if (!(fabs(ask.acquisition.kappa - kappa) < 1e-9 &&
              fabs(ask.acquisition.xi - share) < 1e-9))
            fail_msg("case %zu: %g, %g", i, ask.acquisition.kappa, ask.acquisition.xi);
    }
    stage_close(&stage);
}

/* ---- what keeps proposals apart ---- */

#define ROWS 12

/* Rows of a square, the k-th with score -k. */
struct ladder {
    struct stage stage;
    struct ambs_points points;
};

static void ladder_open(struct ladder *ladder)
{
    stage_open(&ladder->stage, SQUARE OPTIMIZER);
    ambs_points_make(&ladder->points, ROWS, 2);
    for (size_t k = 0; k < ROWS; k++) {
        stage_row(&ladder->stage, k, ladder->points.x + 2 * k);
        ladder->points.score[k] = -(double)k;
    }
    ladder->points.count = ROWS;
}

static void ladder_close(struct ladder *ladder)
{
    ambs_points_free(&ladder->points);
    stage_close(&ladder->stage);
}

/* The row that is picked; its point has to be the one that comes with it. */
static size_t picked(struct ladder *ladder, enum ambs_strategy strategy, uint64_t id)
{
    double point[2], own[2];
    struct ambs_ask ask = stage_ask(&ladder->stage, id, 3);
    ask.strategy = strategy;
    size_t row = ambs_pick(&ask, &ladder->points, point);
    if (row != SIZE_MAX) {
        stage_point(&ladder->stage, row, own);
        assert_true(dh_space_equal(ladder->stage.bench.space, point, own));
    }
    return row;
}

/* `none` and `qucb` take the best, `topk` one of the ten best in turn; proposed ones do not count.
 */
static void the_best_that_are_new(void **unused)
{
    (void)unused;
    struct ladder ladder;
    ladder_open(&ladder);
    struct ambs *ambs = ladder.stage.ambs;
    for (uint64_t turn = 0; turn < 25; turn++) {
        ambs->data.since_result = turn;
        assert_int_equal(picked(&ladder, AMBS_SPREAD_NONE, turn), 0);
        assert_int_equal(picked(&ladder, AMBS_SPREAD_QUCB, turn), 0);
        assert_int_equal(picked(&ladder, AMBS_SPREAD_TOPK, turn), turn % 10);
    }
    ambs->data.since_result = 3;
    double point[2];
    size_t last = ROWS - 2; /* the one behind it is not new */
    stage_point(&ladder.stage, last + 1, point);
    dh_map_put(&ambs->seen, dh_space_identity(ladder.stage.bench.space, point), last + 1);
    for (size_t k = 0; k <= last; k++) {
        assert_int_equal(picked(&ladder, AMBS_SPREAD_NONE, 0), k);
        assert_int_equal(picked(&ladder, AMBS_SPREAD_TOPK, 0), k + 3 < last ? k + 3 : last);
        stage_point(&ladder.stage, k, point);
        dh_map_put(&ambs->seen, dh_space_identity(ladder.stage.bench.space, point), k);
    }
    assert_true(picked(&ladder, AMBS_SPREAD_NONE, 0) == SIZE_MAX);
    assert_true(picked(&ladder, AMBS_SPREAD_TOPK, 0) == SIZE_MAX);
    assert_true(picked(&ladder, AMBS_SPREAD_BOLTZMANN, 0) == SIZE_MAX);
    ladder_close(&ladder);
}

/* The ends of climbs are the same top again and again: `topk` passes over what is near a better
 * one, also where that leaves fewer than ten. */
static void topk_are_not_near_each_other(void **unused)
{
    (void)unused;
    struct ladder ladder;
    ladder_open(&ladder);
    for (size_t k = 1; k < ROWS; k++)
        if (k != 5 && k != 9) {
            ladder.points.x[2 * k] = ladder.points.x[0] + 0.001 * (double)k;
            ladder.points.x[2 * k + 1] = ladder.points.x[1] - 0.001 * (double)k;
        }
    const size_t expected[] = {0, 5, 9, 9, 9, 9, 9, 9, 9, 9, 0};
    for (uint64_t turn = 0; turn < DH_COUNT_OF(expected); turn++) {
        struct ambs_ask ask = stage_ask(&ladder.stage, turn, 3);
        double point[2];
        ask.strategy = AMBS_SPREAD_TOPK;
        ladder.stage.ambs->data.since_result = turn;
        assert_int_equal(ambs_pick(&ask, &ladder.points, point), expected[turn]);
    }
    ladder_close(&ladder);
}

/* Improvement itself says how often, whatever the hopeless ones score. */
static void boltzmann_shares_of_improvement(void **unused)
{
    (void)unused;
    static const double improvement[] = {4, 2, 1, 0};
    static const enum dh_acquisition_kind kinds[] = {DH_ACQUISITION_EI, DH_ACQUISITION_PI};
    for (size_t i = 0; i < DH_COUNT_OF(kinds); i++) {
        struct ladder ladder;
        ladder_open(&ladder);
        for (size_t k = 0; k < ROWS; k++)
            ladder.points.score[k] = k < 3 ? log(improvement[k]) : -1e24;
        size_t counts[ROWS] = {0};
        for (uint64_t id = 0; id < ASKS; id++) {
            struct ambs_ask ask = stage_ask(&ladder.stage, id, 3);
            double point[2];
            ask.strategy = AMBS_SPREAD_BOLTZMANN;
            ask.acquisition.kind = kinds[i];
            counts[ambs_pick(&ask, &ladder.points, point)]++;
        }
        for (size_t k = 0; k < 4; k++)
            assert_true(fabs((double)counts[k] / ASKS - improvement[k] / 7) < 0.05);
        ladder_close(&ladder);
    }
}

/* Each is picked as often as exp(3 score / deviation of the scores) says. */
static void boltzmann_shares(void **unused)
{
    (void)unused;
    struct ladder ladder;
    ladder_open(&ladder);
    ladder.points.count = 4;
    double sum = 0, deviation = sqrt(1.25);
    size_t counts[4] = {0};
    for (size_t k = 0; k < 4; k++)
        ladder.points.score[k] /= 4, sum += exp(-3 * (double)k / deviation);
    for (uint64_t id = 0; id < ASKS; id++)
        counts[picked(&ladder, AMBS_SPREAD_BOLTZMANN, id)]++;
    for (size_t k = 0; k < 4; k++)
        assert_true(fabs((double)counts[k] / ASKS - exp(-3 * (double)k / deviation) / sum) < 0.02);
    assert_true(counts[0] < ASKS && counts[1] > 0);
    ladder_close(&ladder);
}

/* `qucb` draws the weight of the deviation from an exponential distribution. */
static void qucb_draws_kappa(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_fakes(&stage, &fake, 1);
    stage.ambs->options.acquisition = AMBS_UCB;
    stage.ambs->options.kappa = 2;
    for (int strategy = AMBS_SPREAD_NONE; strategy <= AMBS_SPREAD_BOLTZMANN; strategy++) {
        double sum = 0, squares = 0;
        stage.ambs->options.strategy = strategy;
        for (uint64_t id = 0; id < ASKS; id++) {
            struct ambs_ask ask = judged(&stage, id);
            assert_int_equal(ask.strategy, strategy);
            sum += ask.acquisition.kappa / ASKS;
            squares += pow(ask.acquisition.kappa, 2) / ASKS;
        }
        bool draws = strategy == AMBS_SPREAD_QUCB;
        assert_true(draws ? fabs(sum - 2) < 0.3 && fabs(squares - 8) < 2 : fabs(sum - 2) < 1e-9);
    }
    stage_close(&stage);
}

/* A point that was proposed, or told, is not new, whatever is inactive in it. */
static void proposed_points_are_not_new(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage, MIXED OPTIMIZER);
    double x[STAGE_WIDTH], point[STAGE_WIDTH], own[STAGE_WIDTH];
    for (uint64_t id = 0; id < 20; id++) {
        stage_row(&stage, id, x);
        stage_point(&stage, id, own);
        assert_true(ambs_is_new(stage.ambs, x, point));
        assert_true(dh_space_equal(stage.bench.space, point, own));
        stage_propose(&stage);
        assert_false(ambs_is_new(stage.ambs, x, point));
        if (id % 2)
            stage_end(&stage, id, DH_TRIAL_SUCCEEDED, 0, 3);
        assert_false(ambs_is_new(stage.ambs, x, point));
        x[0] = x[0] < 0.5 ? x[0] + 0.01 : x[0] - 0.01;
        assert_true(ambs_is_new(stage.ambs, x, point));
    }
    stage_close(&stage);
}

/* ---- the way uphill ---- */

/* Of MIXED: the best lies in one category, on a lattice, and where z is active. */
static double mixed_bowl(const double *x)
{
    double z = isnan(x[3]) ? 0.5 : pow(x[3] - 0.6, 2);
    return pow(x[0] - 0.3, 2) + pow(x[1] - 0.4, 2) + (x[2] == 2 ? 0 : 1) + z;
}

/* From a far corner to the best point; how near depends on whether there is a gradient. */
static void climbs(void **unused)
{
    (void)unused;
    static const struct {
        const char *space;
        double (*mean)(const double *x);
        bool differentiable;
        double within; /* the height of the best point */
    } cases[] = {
        {SQUARE OPTIMIZER, fake_bowl, true, 1e-10},
        {SQUARE OPTIMIZER, fake_bowl, false, 1e-2},
        {MIXED OPTIMIZER, mixed_bowl, true, 1e-9},
        {MIXED OPTIMIZER, mixed_bowl, false, 2e-2},
    };
    static const struct ambs_effort effort = {1, 1, 30, 80, 60};
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct stage stage;
        struct fake fake = {
            .mean = cases[i].mean, .epistemic = 1, .differentiable = cases[i].differentiable};
        stage_open(&stage, cases[i].space);
        stage_fakes(&stage, &fake, 1);
        struct ambs_ask ask = stage_ask(&stage, 1, 3);
        struct ambs_points points;
        ambs_points_make(&points, 2, fake.width);
        static const double corner[] = {0.95, 0, 1, NAN};
        memcpy(points.x, corner, fake.width * sizeof *corner);
        points.count = 1;
        ambs_score(&ask, &points, 0);
        ambs_climb(&ask, &effort, &points, 0);
        assert_int_equal(points.count, 2);
        assert_true(memcmp(points.x, corner, fake.width * sizeof *corner) == 0);
        assert_int_equal(fake.gradients > 0, cases[i].differentiable);
        assert_true(points.score[1] == -cases[i].mean(points.x + fake.width));
        if (!(points.score[1] > -cases[i].within))
            fail_msg("case %zu: %g after %zu gradients", i, -points.score[1], fake.gradients);
        ambs_points_free(&points);
        stage_close(&stage);
    }
}

/* Up to the edge of what constraints and lattices allow, and not beyond. */
static void climbs_end_at_points_of_the_space(void **unused)
{
    (void)unused;
    static const struct ambs_effort effort = {1, 1, 30, 80, 60};
    static const char *const spaces[] = {
        SQUARE "constraints = ( \"x >= 0.5\" );" OPTIMIZER, /* the top of the bowl is outside */
        "parameters = ( { name = \"x\"; type = \"int\"; low = 0; high = 9; },"
        "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; } );" OPTIMIZER};
    for (size_t i = 0; i < 2 * DH_COUNT_OF(spaces); i++) {
        struct stage stage;
        struct fake fake = {.mean = fake_bowl, .epistemic = 1, .differentiable = i % 2};
        stage_open(&stage, spaces[i / 2]);
        stage_fakes(&stage, &fake, 1);
        struct ambs_ask ask = stage_ask(&stage, 1, 3);
        double x[4] = {1, 0}, mean[2], deviation[2], score[2], point[2], again[2];
        struct ambs_points points = {1, 2, x, mean, deviation, score};
        ambs_score(&ask, &points, 0);
        ambs_climb(&ask, &effort, &points, 0);
        ambs_features_decode(&stage.ambs->features, x + 2, point);
        ambs_features_encode(&stage.ambs->features, point, again);
        assert_true(dh_space_feasible(stage.bench.space, point));
        assert_true(again[0] == x[2] && again[1] == x[3]);
        if (!(score[1] > score[0]))
            fail_msg("case %zu: from %g to %g", i, score[0], score[1]);
        stage_close(&stage);
    }
}

/* A few candidates, and the best of them climb, from the second level on. */
static void choosing_climbs(void **unused)
{
    (void)unused;
    static const double within[AMBS_LEVELS] = {1, 1e-9, 1e-9, 1e-9};
    for (unsigned level = 0; level < AMBS_LEVELS; level++) {
        struct stage stage;
        struct fake fake = {.mean = fake_bowl, .epistemic = 1, .differentiable = true};
        stage_open(&stage, SQUARE OPTIMIZER);
        stage.ambs->options.candidates = 12;
        stage_fakes(&stage, &fake, 1);
        struct ambs_ask ask = stage_ask(&stage, 1, level);
        double point[2];
        assert_true(ambs_choose(&ask, point));
        assert_true(fake_bowl(point) < within[level]);
        assert_int_equal(fake.gradients > 0, level > 0);
        stage_close(&stage);
    }
}

/* Some proposals of a crowd that has time choose among changed copies of the best, unless an
 * acquisition was asked for by name. */
static void some_of_a_crowd_are_local(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_fakes(&stage, &fake, 1);
    for (size_t pending = 0; pending <= 9; pending++) {
        stage.ambs->options.acquisition = pending == 9 ? AMBS_EI : AMBS_AUTO;
        size_t local[AMBS_LEVELS] = {0};
        for (uint64_t id = 0; id < AMBS_LEVELS * ASKS; id++) {
            struct ambs_ask ask = stage_ask(&stage, id, (unsigned)(id % AMBS_LEVELS));
            ambs_judge_by(&ask);
            local[ask.level] += ask.local;
        }
        for (unsigned level = 0; level < AMBS_LEVELS; level++) {
            bool named = stage.ambs->options.acquisition != AMBS_AUTO;
            double share = pending < 8 || level < 2 || named ? 0 : 0.25;
            assert_true(fabs((double)local[level] / ASKS - share) <= 0.2 * share);
        }
        stage_propose(&stage);
    }
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acquisitions_by_name),
        cmocka_unit_test(hedging_follows_what_was_good),
        cmocka_unit_test(hedging_goes_by_the_mean),
        cmocka_unit_test(schedules),
        cmocka_unit_test(the_best_that_are_new),
        cmocka_unit_test(topk_are_not_near_each_other),
        cmocka_unit_test(boltzmann_shares),
        cmocka_unit_test(boltzmann_shares_of_improvement),
        cmocka_unit_test(qucb_draws_kappa),
        cmocka_unit_test(proposed_points_are_not_new),
        cmocka_unit_test(climbs),
        cmocka_unit_test(climbs_end_at_points_of_the_space),
        cmocka_unit_test(choosing_climbs),
        cmocka_unit_test(some_of_a_crowd_are_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
