/* The pool that the lowest level of effort keeps between asks: its rows are renewed in turn, and
 * what is kept of them never hides what the model or the acquisition says now. */
#include "ambs_stage.h"

#include <math.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define OPTIMIZER "optimizer = { method = \"ambs\"; liar = \"cl_mean\"; };"
#define POOL 512

static bool choose_pooled(struct stage *stage, uint64_t id, enum ambs_strategy strategy,
                          double *point)
{
    struct ambs_ask ask = stage_ask(stage, id, 0);
    ask.strategy = strategy;
    return ambs_choose_pooled(&ask, point);
}

/* More asks than it has rows: each predicts a few new ones, and finds a new point. */
static void the_pool_is_renewed(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_bowl};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_fakes(&stage, &fake, 1);
    for (uint64_t id = 0; id < 2 * POOL; id++) {
        double point[2], x[2], again[2];
        size_t before = fake.predicted;
        assert_true(choose_pooled(&stage, id, AMBS_SPREAD_NONE, point));
        size_t predicted = fake.predicted - before;
        assert_true(id == 0 ? predicted > POOL : predicted > 8 && predicted <= 16);
        ambs_features_encode(&stage.ambs->features, point, x);
        assert_true(ambs_is_new(stage.ambs, x, again));
        dh_map_put(&stage.ambs->seen, dh_space_identity(stage.bench.space, point), id);
    }
    stage_close(&stage);
}

static double other_bowl(const double *x)
{
    return pow(x[0] - 0.9, 2) + pow(x[1] - 0.1, 2);
}

/* Where the model has changed its mind the pool follows, at the latest when all rows had their
 * turn; the acquisitions whose scores are kept are no exception. */
static void the_pool_follows_the_model(void **unused)
{
    (void)unused;
    static const enum dh_acquisition_kind kinds[] = {DH_ACQUISITION_LCB, DH_ACQUISITION_EI,
                                                     DH_ACQUISITION_PI, DH_ACQUISITION_MES};
    for (size_t k = 0; k < DH_COUNT_OF(kinds); k++) {
        struct stage stage;
        struct fake fake = {.mean = fake_bowl, .epistemic = 0.01};
        double point[2] = {0};
        stage_open(&stage, SQUARE OPTIMIZER);
        stage_fakes(&stage, &fake, 1);
        for (uint64_t id = 0; id < 80; id++) {
            struct ambs_ask ask = stage_ask(&stage, id, 0);
            ask.acquisition = (struct dh_acquisition){.kind = kinds[k], .kappa = 1};
            assert_true(ambs_choose_pooled(&ask, point));
            if (id == 9)
                assert_true(fake_bowl(point) < 0.05);
            if (id == 9)
                fake.mean = other_bowl;
        }
        assert_true(other_bowl(point) < 0.1);
        stage_close(&stage);
    }
}

static double left_is_bad(const double *x)
{
    return x[0] < 0.5 ? 10 : 0;
}

static double left_is_good(const double *x)
{
    return x[0] < 0.5 ? fake_bowl(x) - 10 : 0;
}

/* Also rows that looked bad are renewed in their turn: then there are many to choose from. */
static void all_rows_have_their_turn(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = left_is_bad};
    double point[2], sum = 0;
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_fakes(&stage, &fake, 1);
    for (uint64_t id = 0; id < 84; id++) {
        assert_true(choose_pooled(&stage, id, AMBS_SPREAD_NONE, point));
        fake.mean = left_is_good;
        sum += id < 64 ? 0 : fake_bowl(point) / 20;
    }
    if (!(sum < 0.03)) /* the best of eight new ones: 0.08 */
        fail_msg("%g on average", sum);
    stage_close(&stage);
}

/* MES draws its minima once in a turn of the pool, from what the model says; none is above the best
 * value known. */
static void minima_are_drawn_once_in_a_turn(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_bowl, .epistemic = 0.01};
    double point[2], minima[16] = {0};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_fakes(&stage, &fake, 1);
    size_t draws = 0;
    for (uint64_t id = 0; id < 130; id++) {
        struct ambs_ask ask = stage_ask(&stage, id, 0);
        ask.acquisition = (struct dh_acquisition){.kind = DH_ACQUISITION_MES, .best = 0.05};
        assert_true(ambs_choose_pooled(&ask, point));
        assert_int_equal(ask.acquisition.minimum_count, 16);
        draws += memcmp(minima, ask.acquisition.minima, sizeof minima) != 0;
        memcpy(minima, ask.acquisition.minima, sizeof minima);
        for (size_t i = 0; i < 16; i++)
            assert_true(minima[i] != 0 && minima[i] <= 0.05 && minima[i] > -1);
    }
    assert_int_equal(draws, 3); /* at 0, 64 and 128 */
    stage_close(&stage);
}

/* The strategies work on the pool, too. */
static void strategies_in_the_pool(void **unused)
{
    (void)unused;
    double best[2], none[2], top[2], fifth[2];
    size_t others = 0;
    for (uint64_t id = 0; id < 10; id++) {
        struct stage stage;
        struct fake fake = {.mean = fake_bowl};
        stage_open(&stage, SQUARE OPTIMIZER);
        stage_fakes(&stage, &fake, 1);
        /* the same pool but for the rows an ask renews; nothing of it is taken by these */
        assert_true(choose_pooled(&stage, 0, AMBS_SPREAD_TOPK, best));
        assert_true(choose_pooled(&stage, 1 + id, AMBS_SPREAD_TOPK, top));
        stage.ambs->data.since_result = 5;
        assert_true(choose_pooled(&stage, 20, AMBS_SPREAD_TOPK, fifth));
        assert_true(choose_pooled(&stage, 30, AMBS_SPREAD_BOLTZMANN, none));
        others += memcmp(none, top, sizeof none) != 0;
        assert_true(fake_bowl(top) <= fake_bowl(best) && fake_bowl(fifth) > fake_bowl(top));
        stage_close(&stage);
    }
    assert_true(others > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pool_is_renewed),
        cmocka_unit_test(the_pool_follows_the_model),
        cmocka_unit_test(all_rows_have_their_turn),
        cmocka_unit_test(minima_are_drawn_once_in_a_turn),
        cmocka_unit_test(strategies_in_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
