/* The proposer: answers in order, and what each of them may take. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/app/proposer.h"
#include "dh_mpi/app.h"

#define SAME 1e-12

static const char config_text[] =
    "parameters = ( { name = \"n\"; type = \"int\"; low = 1; high = 20; } );\n"
    "optimizer = { method = \"random\"; };\n"
    "evaluator = { type = \"builtin\"; function = \"sphere\"; };\n";

#define TICK 0.01

/* A clock that goes on by a tick whenever it is looked at: once when asks are made, and twice for
 * each answer. */
static double ticking(void *context)
{
    double *time = context;
    return *time += TICK;
}

struct bench {
    double time;
    struct dh_clock clock;
    struct dh_app_setup setup;
    struct dh_search *search;
    struct dh_proposer *proposer;
};

static void start(struct bench *b, bool threaded)
{
    struct dh_error err;
    *b = (struct bench){.clock = {ticking, &b->time}};
    assert_int_equal(dh_app_setup_parse("test.cfg", config_text, &b->setup, &err), DH_OK);
    struct dh_search_context context = {
        .space = b->setup.space, .settings = &b->setup.settings, .seed = 5};
    assert_int_equal(dh_search_create(&context, &b->search, &err), DH_OK);
    struct dh_proposer_parts parts = {
        .search = b->search, .clock = &b->clock, .parameter_count = 1, .threaded = threaded};
    b->proposer = dh_proposer_create(&parts);
}

static void end(struct bench *b)
{
    dh_proposer_destroy(&b->proposer);
    dh_search_destroy(&b->search);
    dh_app_setup_free(&b->setup);
}

/* The next answer's status; and what that ask was given to take. */
static dh_status next_budget(struct bench *b, double *budget)
{
    struct dh_proposed *proposed = NULL;
    double end = dh_clock_now(&dh_clock_monotonic) + 60;
    while (!dh_proposer_take(b->proposer, &proposed))
        assert_true(dh_clock_now(&dh_clock_monotonic) < end);
    dh_status status = proposed->status;
    *budget = proposed->proposal.budget;
    dh_proposed_free(proposed);
    return status;
}

static void expect_budgets(struct bench *b, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double budget;
        assert_int_equal(next_budget(b, &budget), DH_OK);
        if (isinf(expected[i]))
            assert_true(isinf(budget));
        else
            assert_float_equal(budget, expected[i], SAME);
    }
}

/* Those that come at once share what is left of the patience, none gets more than its own budget,
 * and one that is overdue is patient anew. */
static void asks_that_queue_share_the_patience(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        struct bench b;
        start(&b, threaded);
        dh_proposer_ask(b.proposer, 4, INFINITY, 0.25);
        expect_budgets(&b, (double[]){0.24 / 4, 0.22 / 3, 0.2 / 2, 0.18}, 4);
        dh_proposer_ask(b.proposer, 3, 0.1, 0.25); /* of those before none is left */
        expect_budgets(&b, (double[]){0.24 / 3, 0.1, 0.1}, 3);
        dh_proposer_ask(b.proposer, 3, INFINITY, 0.025);
        expect_budgets(&b, (double[]){0.015 / 3, 0.025 / 2, 0.025}, 3);
        dh_proposer_ask(b.proposer, 2, INFINITY, INFINITY);
        expect_budgets(&b, (double[]){INFINITY, INFINITY}, 2);
        end(&b);
    }
}

/* When the search has nothing more, that is said once. */
static void the_end_is_the_last_answer(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        struct bench b;
        double budget;
        start(&b, threaded);
        dh_proposer_ask(b.proposer, 25, INFINITY, INFINITY);
        for (int i = 0; i < 20; i++)
            assert_int_equal(next_budget(&b, &budget), DH_OK);
        assert_int_equal(next_budget(&b, &budget), DH_EXHAUSTED);
        struct dh_proposed *none;
        assert_false(dh_proposer_take(b.proposer, &none));
        end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_that_queue_share_the_patience),
        cmocka_unit_test(the_end_is_the_last_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
