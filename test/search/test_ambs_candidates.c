/* Candidates: where they come from, and the neighbours of a point. */
#include "ambs_stage.h"

#include <math.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define OPTIMIZER "optimizer = { method = \"ambs\"; liar = \"cl_mean\"; };"
#define ASKS 1000

/* How many of 1000 candidates have a value of the only result. */
static size_t inherited(struct ambs_ask *ask)
{
    struct ambs_points points;
    const double *result = ambs_data_x(&ask->ambs->data, 0);
    size_t count = 0;
    ambs_points_make(&points, 1000, 2);
    ambs_candidates(ask, 1000, &points);
    assert_int_equal(points.count, 1000);
    for (size_t i = 0; i < points.count; i++)
        count += points.x[2 * i] == result[0] || points.x[2 * i + 1] == result[1];
    ambs_points_free(&points);
    return count;
}

/* Two values, of which a copy has changed one or both, about as often; a fifth comes of crossing
 * the result with itself. Draws from the prior have none of them, and are 2 of 5 otherwise. */
static void local_candidates_are_changed_copies(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_bowl, .epistemic = 1, .differentiable = true};
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_results(&stage, 1);
    stage_fakes(&stage, &fake, 1);
    for (int local = 0; local < 2; local++) {
        struct ambs_ask ask = stage_ask(&stage, 1, 3);
        double point[2];
        ask.local = local;
        size_t copies = inherited(&ask);
        assert_true(local ? copies > 550 && copies < 650 : copies > 310 && copies < 410);
        fake.gradients = 0;
        assert_true(ambs_choose(&ask, point));
        assert_int_equal(fake.gradients > 0, !local);
    }
    stage_close(&stage);
}

/* Copies are of better results rather than of worse ones, and some have a value of each of two. */
static void parents_are_the_better_results(void **unused)
{
    (void)unused;
    enum { RESULTS = 4 };
    struct stage stage;
    struct fake fake = {.mean = fake_bowl, .epistemic = 1};
    stage_open(&stage, SQUARE OPTIMIZER);
    for (int i = 0; i < RESULTS; i++) /* the later the better */
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, -i, 3);
    stage_fakes(&stage, &fake, 1);
    struct ambs_ask ask = stage_ask(&stage, 1, 3);
    struct ambs_points points;
    ask.local = true;
    ambs_points_make(&points, ASKS, 2);
    ambs_candidates(&ask, ASKS, &points);
    size_t copies[RESULTS] = {0}, crossed = 0;
    for (size_t i = 0; i < points.count; i++) {
        size_t from[2] = {RESULTS, RESULTS};
        for (size_t j = 0; j < 2; j++)
            for (size_t k = 0; k < RESULTS; k++)
                if (points.x[2 * i + j] == ambs_data_x(&stage.ambs->data, k)[j])
                    from[j] = k;
        for (size_t k = 0; k < RESULTS; k++)
            copies[k] += from[0] == k || from[1] == k;
        crossed += from[0] < RESULTS && from[1] < RESULTS && from[0] != from[1];
    }
    for (size_t k = 0; k < RESULTS; k++) /* the k-th best with sqrt((k + 1) / 4) - sqrt(k / 4) */
        assert_true(copies[k] > 20);
    assert_true(copies[3] > 2 * copies[0] && copies[3] > copies[2] + copies[2] / 2);
    assert_true(crossed > 20 && crossed < 150); /* at most a fifth */
    ambs_points_free(&points);
    stage_close(&stage);
}

/* What a blind model is asked about comes from the prior, in a crowd too, and nothing climbs. */
static void blind_models_search_at_random(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage, SQUARE "optimizer = { method = \"ambs\"; surrogate = \"dummy\"; };");
    stage_results(&stage, 30);
    ambs_model_refresh(stage.ambs, 3);
    assert_string_equal(stage.ambs->live->members[0].model->kind->name, "dummy");
    for (int crowd = 0; crowd < 2; crowd++) {
        for (uint64_t id = 0; id < 40; id++) {
            double point[2], x[2];
            struct ambs_ask ask = stage_ask(&stage, id, 3);
            ambs_judge_by(&ask);
            assert_true(ask.blind && !ask.local);
            assert_true(ambs_choose(&ask, point));
            ambs_features_encode(&stage.ambs->features, point, x);
            for (size_t k = 0; k < 30; k++) {
                const double *known = ambs_data_x(&stage.ambs->data, k);
                assert_true(x[0] != known[0] && x[1] != known[1]);
            }
        }
        for (int i = 0; i < 10; i++)
            stage_propose(&stage);
    }
    stage_close(&stage);
}

/* ---- neighbours ---- */

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Is there a row that differs from `x` in feature `j` alone, and is `value` there? NaN: any. */
static bool has_neighbour(const struct ambs_points *points, const double *x, size_t j, double value)
{
    for (size_t i = 0; i < points->count; i++) {
        const double *row = points->x + i * points->width;
        bool alone = !same(row[j], x[j]);
        for (size_t k = 0; k < points->width; k++)
            alone = alone && (k == j || same(row[k], x[k]));
        if (alone && (isnan(value) || fabs(row[j] - value) < 1e-9))
            return true;
    }
    return false;
}

static void neighbours_differ_in_one_feature(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage, MIXED OPTIMIZER);
    struct ambs_points points;
    struct ambs_ask ask = stage_ask(&stage, 1, 3);
    double x[] = {0.5, 0.4, 2, 0.5};
    ambs_points_make(&points, 40, 4);
    ambs_neighbours(&ask, x, 0.1, 14, &points);
    assert_int_equal(points.count, 4 + 4 + 2 + 4);
    assert_true(has_neighbour(&points, x, 0, NAN));
    assert_true(has_neighbour(&points, x, 1, 0.3) && has_neighbour(&points, x, 1, 0.5));
    assert_true(has_neighbour(&points, x, 2, 0));
    assert_true(has_neighbour(&points, x, 3, NAN));
    bool quiet = false; /* in category b there is no z */
    for (size_t i = 0; i < points.count; i++)
        quiet = quiet || (points.x[4 * i + 2] == 1 && isnan(points.x[4 * i + 3]));
    assert_true(quiet);
    points.count = 0;
    double b[] = {0, 1, 1, NAN}; /* at the edge, and z wakes */
    ambs_neighbours(&ask, b, 0.1, 10, &points);
    assert_int_equal(points.count, 4 + 3 + 2);
    assert_true(has_neighbour(&points, b, 1, 0.9));
    for (size_t i = 0; i < points.count; i++)
        assert_int_equal(isnan(points.x[4 * i + 3]), points.x[4 * i + 2] == 1);
    points.count = 0;
    ambs_neighbours(&ask, x, 0.1, 6, &points); /* too few for all: some by chance */
    assert_int_equal(points.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_true(memcmp(points.x + 4 * i, x, sizeof x) != 0);
    ambs_points_free(&points);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_candidates_are_changed_copies),
        cmocka_unit_test(parents_are_the_better_results),
        cmocka_unit_test(blind_models_search_at_random),
        cmocka_unit_test(neighbours_differ_in_one_feature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
