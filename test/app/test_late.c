/* What the main thread proposes where the search is late. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/app/late.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/app.h"

struct bench {
    struct dh_app_setup setup;
    struct dh_history *history;
    struct dh_late late;
};

static void start(struct bench *b, const char *parameters)
{
    struct dh_error err;
    char *text = dh_strprintf("parameters = (%s);\nevaluator = { type = \"builtin\"; function = "
                              "\"sphere\"; };\nconstraints = ( \"x >= 0\" );\n",
                              parameters);
    assert_int_equal(dh_app_setup_parse("test.cfg", text, &b->setup, &err), DH_OK);
    free(text);
    b->history = dh_history_create(dh_space_count(b->setup.space), 1);
    dh_late_open(&b->late, b->setup.space, b->history, 7, false);
}

static void end(struct bench *b)
{
    dh_late_close(&b->late);
    dh_history_destroy(&b->history);
    dh_app_setup_free(&b->setup);
}

/* A trial there; with a value (NaN: it failed) learnt from. */
static void add(struct bench *b, const double *point, double value)
{
    struct dh_error err;
    struct dh_trial *trial = dh_history_propose(b->history, point);
    trial->identity = dh_space_identity(b->setup.space, point);
    struct dh_outcome outcome = {.status = isnan(value) ? DH_TRIAL_FAILED : DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_memdup(&value, sizeof value)};
    assert_int_equal(dh_history_end(b->history, trial->id, &outcome, &err), DH_OK);
    dh_late_learn(&b->late, trial);
}

static void asks_are_overdue_in_their_order(void **state)
{
    (void)state;
    struct bench b;
    start(&b, "{ name = \"x\"; type = \"real\"; low = -1.0; high = 1.0; }");
    dh_late_answered(&b.late); /* an answer to nothing */
    dh_late_asked(&b.late, 3, 1);
    dh_late_asked(&b.late, 2, 2);
    assert_int_equal(dh_late_overdue(&b.late, 0.9), 0);
    assert_int_equal(dh_late_overdue(&b.late, 1), 3);
    assert_true(dh_late_oldest(&b.late) == 1);
    dh_late_answered(&b.late);
    assert_int_equal(dh_late_overdue(&b.late, 5), 4);
    dh_late_replaced(&b.late, 4);
    assert_int_equal(dh_late_overdue(&b.late, 1.5), 1);
    assert_int_equal(dh_late_overdue(&b.late, 3), 3);
    assert_int_equal(dh_late_overdue(&b.late, 5), 4);
    for (int i = 0; i < 1000; i++) { /* it does not grow with the asks made so far */
        dh_late_asked(&b.late, 1, 10 + i);
        dh_late_answered(&b.late);
    }
    assert_int_equal(dh_late_overdue(&b.late, 1e9), 4);
    assert_true(b.late.capacity < 200);
    end(&b);
}

static void points_are_near_the_best_and_new(void **state)
{
    (void)state;
    struct bench b;
    start(&b, "{ name = \"x\"; type = \"real\"; low = -1.0; high = 1.0; },\n"
              "{ name = \"c\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },\n"
              "{ name = \"n\"; type = \"int\"; low = 1; high = 9; when = \"c == 'b'\"; }");
    double point[3], sum = 0;
    uint64_t identity;
    for (int i = 0; i < 50; i++) { /* without results: from the prior */
        assert_true(dh_late_point(&b.late, point, &identity));
        assert_true(point[0] >= 0 && isnan(point[2]) == (point[1] != 1));
        add(&b, point, NAN);
    }
    for (int i = 0; i < 40; i++)
        add(&b, (double[]){0.5 + 1e-3 * i, 1, 3}, 40 - i);
    assert_int_equal(b.late.best_count, DH_LATE_BEST);
    assert_int_equal(b.late.best[0], 50 + 39);
    for (int i = 0; i < 300; i++) {
        assert_true(dh_late_point(&b.late, point, &identity));
        assert_true(point[0] >= 0 && isnan(point[2]) == (point[1] != 1));
        assert_false(dh_late_repeats(&b.late, identity));
        sum += fabs(point[0] - 0.53);
        add(&b, point, 1000);
        assert_true(dh_late_repeats(&b.late, identity));
    }
    assert_true(sum / 300 < 0.15); /* of the prior: 0.25 */
    end(&b);
}

static void excluded_points_are_not_new(void **state)
{
    (void)state;
    struct bench b;
    double point[1];
    uint64_t identity;
    start(&b, "{ name = \"x\"; type = \"int\"; low = -2; high = 3; }");
    dh_late_exclude(&b.late, (double[]){0, 1, 3}, 3);
    assert_true(dh_late_point(&b.late, point, &identity));
    assert_true(point[0] == 2);
    add(&b, point, 5);
    for (int i = 0; i < 20; i++)
        assert_false(dh_late_point(&b.late, point, &identity));
    assert_true(dh_late_repeats(&b.late, dh_space_identity(b.setup.space, &(double){3})));
    end(&b);
}

static void the_first_point_is_known_at_once(void **state)
{
    (void)state;
    struct bench b;
    double point[1];
    uint64_t identity;
    start(&b, "{ name = \"x\"; type = \"int\"; low = -2; high = 3; }");
    assert_true(dh_late_point(&b.late, point, &identity)); /* before there is a trial */
    assert_false(dh_late_repeats(&b.late, identity));
    add(&b, point, NAN);
    assert_true(dh_late_repeats(&b.late, identity));
    end(&b);
}

/* Of an earlier run: the search may propose its point again, and so may we. */
static void cancelled_points_are_new(void **state)
{
    (void)state;
    struct bench b;
    double point[1] = {2};
    uint64_t identity;
    start(&b, "{ name = \"x\"; type = \"int\"; low = -2; high = 3; }");
    for (int x = 0; x <= 3; x++)
        if (x != 2)
            add(&b, (double[]){x}, x);
    struct dh_trial *trial = dh_history_propose(b.history, point);
    trial->identity = dh_space_identity(b.setup.space, point);
    struct dh_outcome outcome = {.status = DH_TRIAL_CANCELLED};
    assert_int_equal(dh_history_end(b.history, trial->id, &outcome, NULL), DH_OK);
    assert_true(dh_late_point(&b.late, point, &identity));
    assert_true(point[0] == 2);
    add(&b, point, 1);
    assert_true(dh_late_repeats(&b.late, identity));
    end(&b);
}

static void nothing_new_is_no_point(void **state)
{
    (void)state;
    struct bench b;
    double point[1];
    uint64_t identity;
    start(&b, "{ name = \"x\"; type = \"int\"; low = -2; high = 3; }");
    for (int x = 0; x <= 3; x++)
        add(&b, (double[]){x}, x);
    for (int i = 0; i < 20; i++)
        assert_false(dh_late_point(&b.late, point, &identity));
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_are_overdue_in_their_order),
        cmocka_unit_test(points_are_near_the_best_and_new),
        cmocka_unit_test(excluded_points_are_not_new),
        cmocka_unit_test(the_first_point_is_known_at_once),
        cmocka_unit_test(cancelled_points_are_new),
        cmocka_unit_test(nothing_new_is_no_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
