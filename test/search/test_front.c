/* The front alone, over a method that misbehaves on purpose: it repeats itself, fails, or ends;
 * and it writes down what it hears. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "../../src/search/methods.h"
#include "dh_mpi/alloc.h"

/* What the fake method does, and what it heard; reset by each test. */
struct fake {
    dh_status answer; /* of every ask */
    double value;     /* of the first parameter in every proposal */
    unsigned asks, last_attempt;
    char heard[400];
};
struct fake *fake_of_test(void);

struct fake *fake_of_test(void)
{
    static struct fake fake; /* the method table has no other way to reach a test */
    return &fake;
}

static dh_status fake_create(const struct dh_search_context *context, const void *options,
                             void **state, struct dh_error *err)
{
    (void)context;
    (void)options;
    (void)err;
    *state = fake_of_test();
    return DH_OK;
}

static void fake_destroy(void *state)
{
    (void)state;
}

static dh_status fake_ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                          struct dh_error *err)
{
    struct fake *fake = state;
    (void)id;
    fake->asks++;
    fake->last_attempt = attempt;
    if (fake->answer)
        return dh_fail(err, fake->answer, "the fake method fails");
    proposal->point[0] = fake->value;
    proposal->cursor = fake->asks;
    proposal->level = 5;
    return DH_OK;
}

static void hear(struct fake *fake, char what, uint64_t id)
{
    size_t used = strlen(fake->heard);
    snprintf(fake->heard + used, sizeof fake->heard - used, "%c%d ", what, (int)id);
}

static void fake_propose(void *state, const struct dh_trial *trial)
{
    hear(state, 'p', trial->id);
}

static void fake_tell(void *state, const struct dh_trial *trial)
{
    hear(state, 't', trial->id);
}

static const struct dh_search_method fake_method = {
    .name = "fake",
    .summary = "misbehaves",
    .create = fake_create,
    .destroy = fake_destroy,
    .ask = fake_ask,
    .propose = fake_propose,
    .tell = fake_tell,
};

/* In place of methods.c. */
dh_status dh_method_find(const struct dh_settings *settings, const struct dh_search_method **out,
                         struct dh_error *err)
{
    (void)settings;
    (void)err;
    *out = &fake_method;
    return DH_OK;
}

void *dh_method_unpack(const struct dh_search_method *method, const struct dh_settings *settings,
                       struct dh_error *err)
{
    (void)method;
    (void)settings;
    (void)err;
    return dh_alloc(1, 1);
}

static struct fake *open_fake(struct bench *bench, const char *text)
{
    struct fake *fake = fake_of_test();
    memset(fake, 0, sizeof *fake);
    bench_open(bench, text, 1);
    return fake;
}

#define LINE "parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; } );"
#define SMALL "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 9; } );"

/* A method that always says 0.5 is asked 1000 times, then a random draw takes its place; what it
 * said of cursor and level does not stick to a point that is not its own. */
static void repeats_in_an_infinite_space(void **unused)
{
    (void)unused;
    struct bench bench;
    struct fake *fake = open_fake(&bench, LINE);
    fake->value = 0.5;
    struct run run = bench_run_new(&bench, 3);
    assert_int_equal(run.count, 3);
    assert_int_equal(fake->asks, 1 + 2 * DH_SEARCH_ATTEMPTS);
    assert_int_equal(fake->last_attempt, DH_SEARCH_ATTEMPTS - 1);
    assert_int_equal(run.proposals[0].level, 5);
    assert_int_equal(run.proposals[1].level, 0);
    assert_int_equal(run.proposals[2].cursor, fake->asks);
    assert_true(run_point(&run, 1)[0] != 0.5 && run_point(&run, 2)[0] != run_point(&run, 1)[0]);
    run_free(&run);
    bench_close(&bench);
}

/* In a finite one everything comes exactly once, and the method is not asked again. */
static void repeats_in_a_finite_space(void **unused)
{
    (void)unused;
    struct bench bench;
    struct fake *fake = open_fake(&bench, SMALL);
    fake->value = 4;
    struct run run = bench_run_new(&bench, 20);
    assert_int_equal(run.count, 10);
    assert_int_equal(run.status, DH_EXHAUSTED);
    assert_int_equal(fake->asks, 1 + DH_SEARCH_ATTEMPTS);
    bool sorted = true;
    for (size_t i = 1; i < 10; i++) {
        assert_int_equal(run.proposals[i].origin, DH_ORIGIN_ENUMERATED);
        sorted = sorted && run_point(&run, i)[0] > run_point(&run, i - 1)[0];
    }
    assert_false(sorted);

    struct dh_history *history = run_history(&bench, &run, 5);
    struct dh_search *search = bench_search(&bench);
    dh_search_replay(search, history);
    fake->asks = 0;
    struct run rest = bench_run(&bench, search, 5, 20);
    assert_int_equal(fake->asks, 0); /* the enumeration goes on at once */
    assert_int_equal(rest.count, 5);
    for (size_t i = 0; i < rest.count; i++)
        assert_true(run_point(&rest, i)[0] == run_point(&run, 5 + i)[0]);
    run_free(&rest);
    dh_search_destroy(&search);
    dh_history_destroy(&history);
    run_free(&run);
    bench_close(&bench);
}

static void failing_methods(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        dh_status answer, expected;
        size_t count;
    } cases[] = {
        {LINE, DH_INTERNAL, DH_INTERNAL, 0}, {SMALL, DH_INTERNAL, DH_INTERNAL, 0},
        {LINE, DH_CONFIG, DH_CONFIG, 0},     {SMALL, DH_CONFIG, DH_EXHAUSTED, 10},
        {LINE, DH_EXHAUSTED, DH_OK, 20},     {SMALL, DH_EXHAUSTED, DH_EXHAUSTED, 10},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct bench bench;
        struct fake *fake = open_fake(&bench, cases[i].text);
        fake->answer = cases[i].answer;
        struct run run = bench_run_new(&bench, 20);
        assert_int_equal(run.count, cases[i].count);
        assert_int_equal(run.status, cases[i].expected);
        run_free(&run);
        bench_close(&bench);
    }
}

/* Replay tells in the order of the events: run_history ends trial i - 3 right after the proposal
 * of each odd i >= 3; here 1 ends before 0, and 2 never. */
static void replay_is_in_order(void **unused)
{
    (void)unused;
    struct bench bench;
    struct fake *fake = open_fake(&bench, LINE);
    struct dh_history *history = dh_history_create(1, 1);
    struct dh_search *search = bench_search(&bench);
    double value = 0;
    static const int script[] = {'p', 'p', 1, 'p', 'p', 3, 0, 'p'};
    for (size_t i = 0; i < DH_COUNT_OF(script); i++) {
        value += 0.1;
        if (script[i] == 'p') {
            dh_history_propose(history, &value)->identity = i;
            continue;
        }
        struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED};
        outcome.objectives = dh_alloc(1, sizeof(double));
        assert_int_equal(dh_history_end(history, (uint64_t)script[i], &outcome, NULL), DH_OK);
    }
    dh_search_replay(search, history);
    assert_string_equal(fake->heard, "p0 p1 t1 p2 p3 t3 t0 p4 ");
    dh_search_destroy(&search);
    dh_history_destroy(&history);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_in_an_infinite_space),
        cmocka_unit_test(repeats_in_a_finite_space),
        cmocka_unit_test(failing_methods),
        cmocka_unit_test(replay_is_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
