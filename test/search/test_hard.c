/* Method ambs where models are easily broken: one result, none that succeeded, all alike, the same
 * point with different values, infinite ones, parameters without a choice, 500 parameters, and a
 * million results. Proposals go on, are new and valid, and as good as they can be. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"

#define PLANE                                                                                      \
    "parameters = ("                                                                               \
    "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; } );"                                 \
    "objectives = ( { name = \"f\"; goal = \"minimize\"; } );"

static const char *const surrogates[] = {"auto", "gp", "et", "rf", "gbrt", "dummy"};

struct play {
    struct bench bench;
    struct dh_history *history;
    struct dh_search *search;
    double *point;
};

static void start(struct play *play)
{
    play->history = dh_history_create(play->bench.width, 1);
    play->search = bench_search(&play->bench);
    play->point = dh_alloc(play->bench.width, sizeof *play->point);
}

static void open_play(struct play *play, const char *space, const char *options)
{
    char *text = dh_strprintf("%soptimizer = { method = \"ambs\"; %s };", space, options);
    bench_open(&play->bench, text, 1);
    free(text);
    start(play);
}

static void close_play(struct play *play)
{
    dh_search_destroy(&play->search);
    dh_history_destroy(&play->history);
    free(play->point);
    bench_close(&play->bench);
}

static void enter(struct play *play, const struct dh_proposal *proposal)
{
    struct dh_trial *trial = dh_history_propose(play->history, proposal->point);
    trial->identity = proposal->identity;
    trial->cursor = proposal->cursor;
    trial->origin = proposal->origin;
    dh_search_propose(play->search, trial);
}

/* Ask for the next trial; its id. */
static uint64_t ask(struct play *play, double budget)
{
    struct dh_error err = {0};
    struct dh_proposal proposal = {.point = play->point, .budget = budget};
    uint64_t id = dh_history_count(play->history);
    if (dh_search_ask(play->search, id, &proposal, &err) ||
        dh_space_check(play->bench.space, play->point, &err))
        fail_msg("trial %llu: %s", (unsigned long long)id, err.text);
    enter(play, &proposal);
    return id;
}

static void tell(struct play *play, uint64_t id, double value)
{
    struct dh_error err = {0};
    struct dh_trial *trial = dh_history_trial(play->history, id);
    struct dh_outcome outcome = {.status = isnan(value) ? DH_TRIAL_FAILED : DH_TRIAL_SUCCEEDED};
    outcome.objectives = dh_alloc(1, sizeof(double));
    outcome.objectives[0] = value;
    if (dh_history_end(play->history, id, &outcome, &err))
        fail_msg("%s", err.text);
    dh_search_tell(play->search, trial);
}

/* The distance of the two nearest among the last `count` trials. */
static double least_distance(const struct play *play, uint64_t count)
{
    double least = INFINITY;
    uint64_t end = dh_history_count(play->history);
    for (uint64_t i = end - count; i < end; i++)
        for (uint64_t j = i + 1; j < end; j++) {
            const double *a = dh_history_trial(play->history, i)->values;
            const double *b = dh_history_trial(play->history, j)->values;
            least = fmin(least, hypot(a[0] - b[0], a[1] - b[1]));
        }
    return least;
}

/* From few results that say nothing, at each level: 12 proposals at once that keep apart. */
static void say_little(const char *options, const double *values, size_t count)
{
    for (size_t s = 0; s < DH_COUNT_OF(surrogates); s++)
        for (int effort = 0; effort < 4; effort++) {
            struct play play;
            char *text = dh_strprintf("initial_points = 1; effort = %d; surrogate = \"%s\"; %s",
                                      effort, surrogates[s], options);
            open_play(&play, PLANE, text);
            for (size_t i = 0; i < count; i++)
                tell(&play, ask(&play, INFINITY), values[i]);
            for (int i = 0; i < 12; i++)
                ask(&play, INFINITY);
            if (!(least_distance(&play, 12) > 1e-6))
                fail_msg("%s: two proposals at the same place", text);
            free(text);
            close_play(&play);
        }
}

static void one_result(void **unused)
{
    (void)unused;
    say_little("", (double[]){3}, 1);
}

static void only_failures(void **unused)
{
    (void)unused;
    static const char *const failures[] = {"failures = \"worst\";", "failures = \"mean\";",
                                           "failures = \"ignore\";"};
    for (size_t i = 0; i < DH_COUNT_OF(failures); i++)
        say_little(failures[i], (double[]){NAN, NAN, NAN, NAN}, 4);
}

static void constant_objective(void **unused)
{
    (void)unused;
    say_little("", (double[]){7, 7, 7, 7, 7, 7}, 6);
    say_little("", (double[]){-1e300, -1e300, -1e300}, 3);
}

/* A value that is not finite counts as a failure; the largest finite ones leave the smaller ones
 * something to say. */
static void infinite_values(void **unused)
{
    (void)unused;
    say_little("", (double[]){INFINITY, 1, -INFINITY, NAN}, 4);
    for (size_t s = 0; s + 1 < DH_COUNT_OF(surrogates); s++) {
        struct play play;
        char *text = dh_strprintf("effort = 2; surrogate = \"%s\";", surrogates[s]);
        open_play(&play, PLANE, text);
        double best = INFINITY;
        for (int i = 0; i < 40; i++) {
            uint64_t id = ask(&play, INFINITY);
            double away = hypot(play.point[0] - .3, play.point[1] - .6);
            tell(&play, id, away < .5 ? away : i % 2 ? 1e300 : INFINITY);
            best = fmin(best, away);
        }
        if (best > .08) /* 40 random points: 0.09 in the mean */
            fail_msg("%s: no nearer than %g", surrogates[s], best);
        free(text);
        close_play(&play);
    }
}

/* Old results with the same points again and again, each time another value: noise. */
static void same_point_other_value(void **unused)
{
    (void)unused;
    enum { OLD = 60, DIFFERENT = 6 };
    double points[OLD][2], values[OLD];
    for (int i = 0; i < OLD; i++) {
        points[i][0] = (i % DIFFERENT) / 5.0;
        points[i][1] = .5;
        values[i] = fabs(points[i][0] - .4) + (i % 7) * .01;
    }
    for (size_t s = 0; s + 1 < DH_COUNT_OF(surrogates); s++) {
        struct play play;
        char *text = dh_strprintf(PLANE "optimizer = { method = \"ambs\"; effort = 2; surrogate = "
                                        "\"%s\"; }; warm_start = [\"a.csv\"];",
                                  surrogates[s]);
        bench_open(&play.bench, text, 1);
        play.bench.context.warm_points = points[0];
        play.bench.context.warm_objectives = values;
        play.bench.context.warm_count = OLD;
        start(&play);
        double nearest = INFINITY;
        for (int i = 0; i < 10; i++) {
            ask(&play, INFINITY);
            nearest = fmin(nearest, fabs(play.point[0] - .4));
        }
        if (nearest > .2)
            fail_msg("%s: no nearer than %g", surrogates[s], nearest);
        free(text);
        close_play(&play);
    }
}

/* Parameters with one value are no features; a space of nothing else has one point. */
static void one_value(void **unused)
{
    (void)unused;
    static const char fixed[] = "{ name = \"n\"; type = \"int\"; low = 4; high = 4; },"
                                "{ name = \"c\"; type = \"categorical\"; values = (\"a\"); }";
    struct play play;
    char *text = dh_strprintf("parameters = ( %s, { name = \"x\"; type = \"real\"; low = 0.0; "
                              "high = 1.0; } ); objectives = ( { name = \"f\"; } );",
                              fixed);
    open_play(&play, text, "initial_points = 3;");
    free(text);
    for (int i = 0; i < 12; i++) {
        tell(&play, ask(&play, i % 2 ? 0 : INFINITY), i);
        assert_true(play.point[0] == 4 && play.point[1] == 0);
    }
    close_play(&play);
    text = dh_strprintf("parameters = ( %s ); objectives = ( { name = \"f\"; } );", fixed);
    open_play(&play, text, "initial_points = 1;");
    free(text);
    tell(&play, ask(&play, INFINITY), 1);
    struct dh_error err = {0};
    struct dh_proposal proposal = {.point = play.point, .budget = INFINITY};
    assert_int_equal(dh_search_ask(play.search, 1, &proposal, &err), DH_EXHAUSTED);
    close_play(&play);
}

/* 500 parameters of all types, at full load and at a higher level. */
static void many_parameters(void **unused)
{
    (void)unused;
    static const char *const types[] = {
        "type = \"real\"; low = 0.0; high = 1.0; }",
        "type = \"int\"; low = 1; high = 1000; scale = \"log\"; }",
        "type = \"categorical\"; values = (\"a\", \"b\", \"c\"); }",
        "type = \"bool\"; }",
    };
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "parameters = (");
    for (int i = 0; i < 500; i++)
        dh_buffer_printf(&text, "%s{ name = \"p%d\"; %s", i ? "," : "", i, types[i % 4]);
    dh_buffer_text(&text, "); objectives = ( { name = \"f\"; } );");
    struct play play;
    open_play(&play, (const char *)text.data, "");
    dh_buffer_free(&text);
    uint64_t running[16];
    for (int i = 0; i < 60; i++) {
        if (i >= 16)
            tell(&play, running[i % 16],
                 dh_history_trial(play.history, running[i % 16])->values[0]);
        running[i % 16] = ask(&play, i == 55 ? .05 : 0);
    }
    close_play(&play);
}

/* Of 4,096 that run, one ends and one begins, in any order; then all end. */
static void thousands_pending(void **unused)
{
    (void)unused;
    enum { RUNNING = 4096, STEPS = 3000 };
    struct play play;
    open_play(&play, PLANE, "");
    uint64_t *running = dh_alloc(RUNNING, sizeof *running);
    for (size_t i = 0; i < RUNNING; i++)
        running[i] = ask(&play, 0);
    struct dh_random random = dh_random_at(3, DH_STREAM_TEST, 0);
    double best = INFINITY, late = INFINITY;
    for (size_t i = 0; i < STEPS + RUNNING; i++) {
        size_t left = i < STEPS ? RUNNING : RUNNING + STEPS - i;
        size_t which = (size_t)dh_random_below(&random, left);
        const double *p = dh_history_trial(play.history, running[which])->values;
        double value = hypot(p[0] - .3, p[1] - .6);
        best = fmin(best, value);
        late = i >= STEPS ? fmin(late, value) : late;
        tell(&play, running[which], value);
        running[which] = i < STEPS ? ask(&play, 0) : running[left - 1];
    }
    assert_true(best < .02 && late < .05);
    assert_int_equal(dh_history_ended(play.history), dh_history_count(play.history));
    free(running);
    close_play(&play);
}

/* A million results, as of a search that went on before: still in time, and near the best. */
static void a_million(void **unused)
{
    (void)unused;
    enum { RESULTS = 1000000 };
    struct dh_error err = {0};
    struct play play;
    open_play(&play, PLANE, "");
    struct dh_random random = dh_random_at(7, DH_STREAM_TEST, 0);
    for (uint64_t id = 0; id < RESULTS; id++) {
        if (dh_space_sample(play.bench.space, &random, play.point, &err))
            fail_msg("%s", err.text);
        struct dh_proposal proposal = {.point = play.point,
                                       .identity = dh_space_identity(play.bench.space, play.point),
                                       .origin = DH_ORIGIN_METHOD};
        enter(&play, &proposal);
        tell(&play, id, hypot(play.point[0] - .3, play.point[1] - .6));
    }
    double near = 0;
    for (int i = 0; i < 100; i++) {
        ask(&play, i < 90 ? 0 : INFINITY);
        near += hypot(play.point[0] - .3, play.point[1] - .6) < .1;
    }
    assert_true(near > 50);
    close_play(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_result),
        cmocka_unit_test(only_failures),
        cmocka_unit_test(constant_objective),
        cmocka_unit_test(infinite_values),
        cmocka_unit_test(same_point_other_value),
        cmocka_unit_test(one_value),
        cmocka_unit_test(many_parameters),
        cmocka_unit_test(thousands_pending),
        cmocka_unit_test(a_million),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
