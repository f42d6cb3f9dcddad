/* The front and the settings of the methods: given points, errors, ends. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define SQUARE                                                                                     \
    "parameters = (\n"                                                                             \
    "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },\n"                                 \
    "{ name = \"n\"; type = \"int\"; low = 0; high = 9; } );\n"

/* Creating must fail with DH_CONFIG, and say all of this. */
static void assert_refused(const char *text, const char *const *parts)
{
    struct bench bench;
    struct dh_search *search = NULL;
    struct dh_error err = {0};
    bench_open(&bench, text, 1);
    assert_int_equal(dh_search_create(&bench.context, &search, &err), DH_CONFIG);
    assert_null(search);
    for (; *parts; parts++)
        if (!strstr(err.text, *parts))
            fail_msg("\"%s\" does not say \"%s\"", err.text, *parts);
    bench_close(&bench);
}
#define REFUSED(text, ...) assert_refused(text, (const char *const[]){__VA_ARGS__, NULL})

static void bad_settings_are_refused(void **unused)
{
    (void)unused;
    REFUSED(SQUARE "optimizer = { method = \"sobbol\"; };", "test.cfg:4:", "sobbol", "\"sobol\"");
    REFUSED(SQUARE "optimizer = { method = \"quantum annealing\"; };", "test.cfg:4:", "random");
    REFUSED(SQUARE "optimizer = { method = 3; };", "test.cfg:4:", "name of a search method");
    REFUSED(SQUARE "optimizer = {\n method = \"grid\";\n levls = 3; };", "test.cfg:6:", "levels",
            "method grid");
    REFUSED(SQUARE "optimizer = { levels = 3; };", "test.cfg:4:", "levels");
    REFUSED(SQUARE "optimizer = { method = \"grid\"; order = \"alphabetic\"; };",
            "test.cfg:4:", "shuffled");
    REFUSED(SQUARE "optimizer = { method = \"list\"; };", "file");
    REFUSED(SQUARE "optimizer = { method = \"list\"; file = \"a.csv\"; };", "test.cfg:4:", "a.csv",
            "no point");
    REFUSED(SQUARE "initial = ( { x = 0.5; },\n { y = 1; } );", "test.cfg:5:", "y");
    REFUSED(SQUARE "initial = ( { x = 1.5; } );", "test.cfg:4:", "x");
    REFUSED(SQUARE "constraints = ( \"x > 0.5\" );\ninitial = ( { x = 0.1; } );", "test.cfg:5:");
}

/* A grid that the constraints leave nothing of is no empty space, and an empty space no grid. */
static void constraints_that_leave_nothing_say_of_what(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        {SQUARE "constraints = ( \"x > 0.1 and x < 0.2\" );\noptimizer = { method = \"grid\"; };",
         "test.cfg:4: constraints: no point of grid satisfies them"},
        {"parameters = ( { name = \"n\"; type = \"int\"; low = 1; high = 3; } );\n"
         "constraints = ( \"n > 3\" );\noptimizer = { method = \"random\"; };",
         "test.cfg:2: constraints: no point of the space satisfies them"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct bench bench;
        bench_open(&bench, cases[i][0], 1);
        struct dh_search *search = bench_search(&bench);
        struct dh_history *history = dh_history_create(bench.width, 1);
        struct run run = bench_play(&bench, search, history, 5);
        assert_int_equal(run.status, DH_CONFIG);
        assert_non_null(strstr(run.error.text, cases[i][1]));
        run_free(&run);
        dh_history_destroy(&history);
        dh_search_destroy(&search);
        bench_close(&bench);
    }
}

/* `count` parameters, and one that uses no dimension. */
static struct dh_buffer wide_space(const char *optimizer, int count)
{
    struct dh_buffer text = {0};
    dh_buffer_printf(&text, "optimizer = {\n %s };\nparameters = (", optimizer);
    for (int i = 0; i < count; i++)
        dh_buffer_printf(&text, "{ name = \"x%d\"; type = \"bool\"; },", i);
    dh_buffer_text(&text, "{ name = \"k\"; type = \"constant\"; value = 1; } );");
    return text;
}

/* As a method and as the initial design of ambs: the message is about what was asked for. */
static void sequences_say_what_chose_them(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *limit;
        int count;
    } cases[] = {
        {"sobol", "limited to 40 ", 41},
        {"halton", "limited to 1229 ", 1230},
        {"hammersley", "limited to 1230 ", 1231},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *method = dh_strprintf("\n method = \"%s\";", cases[i].name);
        char *design =
            dh_strprintf("method = \"ambs\";\n\n initial_design = \"%s\";", cases[i].name);
        struct dh_buffer text = wide_space(method, cases[i].count);
        REFUSED(text.data, "test.cfg:3: optimizer.method: ", cases[i].name, cases[i].limit);
        dh_buffer_free(&text);
        text = wide_space(design, cases[i].count);
        REFUSED(text.data, "test.cfg:4: optimizer.initial_design: ", cases[i].name, cases[i].limit);
        dh_buffer_free(&text);
        free(method);
        free(design);
    }
}

static void sobol_has_a_limit(void **unused)
{
    (void)unused;
    for (int count = 40; count <= 41; count++) {
        struct dh_buffer text = wide_space("method = \"sobol\";", count);
        if (count == 41) {
            REFUSED(text.data, "test.cfg:2:", "40", "41", "halton");
        } else {
            struct bench bench;
            bench_open(&bench, text.data, 1);
            struct run run = bench_run_new(&bench, 10);
            assert_int_equal(run.count, 10);
            run_free(&run);
            bench_close(&bench);
        }
        dh_buffer_free(&text);
    }
}

static void default_is_model_based(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench, SQUARE, 1);
    struct dh_search *search = bench_search(&bench);
    assert_string_equal(dh_search_name(search), "ambs");
    dh_search_destroy(&search);
    dh_search_destroy(&search); /* NULL is fine */
    bench_close(&bench);
}

/* Given points come first, in order, once each; a resume between them goes on with the next. */
static void given_points_come_first(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               SQUARE "initial = ( { x = 0.5; n = 1; }, { x = 0.25; n = 2; }, { x = 0.5; n = 1; },"
                      " { n = 3; x = 0.0; } ); optimizer = { method = \"halton\"; };",
               1);
    struct run run = bench_run_new(&bench, 8);
    static const double expected[3][2] = {{0.5, 1}, {0.25, 2}, {0, 3}};
    for (size_t i = 0; i < run.count; i++) {
        bool given = i < DH_COUNT_OF(expected);
        assert_int_equal(run.proposals[i].origin, given ? DH_ORIGIN_USER : DH_ORIGIN_METHOD);
        assert_int_equal(run.proposals[i].cursor, given ? 0 : i - 2);
        if (given)
            assert_memory_equal(run_point(&run, i), expected[i], sizeof expected[i]);
    }
    for (size_t cut = 0; cut <= run.count; cut++) {
        struct dh_history *history = run_history(&bench, &run, cut);
        struct dh_search *search = bench_search(&bench);
        dh_search_replay(search, history);
        struct run again = bench_run(&bench, search, cut, run.count - cut);
        assert_int_equal(again.count, run.count - cut);
        for (size_t i = 0; i < again.count; i++)
            assert_true(
                dh_space_equal(bench.space, run_point(&again, i), run_point(&run, cut + i)));
        run_free(&again);
        dh_search_destroy(&search);
        dh_history_destroy(&history);
    }
    run_free(&run);
    bench_close(&bench);
}

static void impossible_constraints(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        SQUARE "constraints = ( \"x > 2\" );",
        SQUARE "constraints = ( \"x > 2\" ); optimizer = { method = \"sobol\"; };",
        SQUARE "constraints = ( \"x > 2\" ); optimizer = { method = \"grid\"; };",
        "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 9; } );"
        "constraints = ( \"n > 20\" );",
        "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 9; } );"
        "constraints = ( \"n > 20\" ); optimizer = { method = \"lhs\"; };",
    };
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        struct bench bench;
        bench_open(&bench, texts[i], 1);
        struct run run = bench_run_new(&bench, 3);
        assert_int_equal(run.count, 0);
        assert_int_equal(run.status, DH_CONFIG);
        assert_non_null(strstr(run.error.text, "constraint"));
        run_free(&run);
        bench_close(&bench);
    }
}

/* Where constraints hold at a few points in a million, draws miss them often, which ends nothing
 * once they have held: points near the last one are new, too, and the method goes on being asked.
 */
static void rare_points(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        SQUARE "constraints = ( \"x < 3e-6\" ); initial = ( { x = 1e-6; } );"
               "optimizer = { method = \"random\"; };",
        SQUARE "constraints = ( \"x < 3e-6\" ); initial = ( { x = 1e-6; } );"
               "optimizer = { method = \"ambs\"; initial_points = 5; effort = 1; };",
        "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 999999; },"
        "{ name = \"m\"; type = \"int\"; low = 0; high = 99; } );"
        "constraints = ( \"n < 6\" );"
        "optimizer = { method = \"ambs\"; initial_points = 5; effort = 1; };",
    };
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        struct bench bench;
        bench_open(&bench, texts[i], 1);
        struct dh_log log = bench_log();
        bench.context.log = &log;
        struct dh_history *history = dh_history_create(bench.width, 1);
        struct dh_search *search = bench_search(&bench);
        struct run run = bench_play(&bench, search, history, 20);
        if (run.status)
            fail_msg("%s: %s", texts[i], run.error.text);
        bool modelled = false;
        for (size_t k = 0; k < run.count; k++) {
            assert_int_not_equal(run.proposals[k].origin, DH_ORIGIN_ENUMERATED);
            modelled |= run.proposals[k].level > 0;
        }
        assert_int_equal(modelled, i > 0);
        char *text = bench_log_text(&log);
        assert_non_null(strstr(text, "looked for near others"));
        assert_true(strstr(text, "the constraints held at none of 100000 random points") ||
                    strstr(text, "none of 1000 points in a row of ambs satisfies them"));
        free(text);
        dh_search_destroy(&search);
        bench.context.log = NULL;
        for (size_t cut = 2; cut < run.count;
             cut += 5) { /* a resume goes on with the same points */
            struct dh_history *part = run_history(&bench, &run, cut);
            struct dh_search *resumed = bench_search(&bench);
            dh_search_replay(resumed, part);
            struct run rest = bench_play(&bench, resumed, part, 3);
            for (size_t k = 0; k < rest.count && cut + k < run.count; k++)
                assert_true(
                    dh_space_equal(bench.space, run_point(&rest, k), run_point(&run, cut + k)));
            assert_int_equal(rest.count, 3);
            run_free(&rest);
            dh_search_destroy(&resumed);
            dh_history_destroy(&part);
        }
        run_free(&run);
        dh_history_destroy(&history);
        bench_close(&bench);
    }
}

/* Each attempt is another draw: of ten points the first eight are the method's own. */
static void random_tries_again(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 9; } );"
               "optimizer = { method = \"random\"; };",
               1);
    struct run run = bench_run_new(&bench, 8);
    assert_int_equal(run.count, 8);
    for (size_t i = 0; i < run.count; i++)
        assert_int_equal(run.proposals[i].origin, DH_ORIGIN_METHOD);
    run_free(&run);
    bench_close(&bench);
}

/* Three feasible points among a million: sampling gives up, enumeration does not. */
static void rare_points_of_a_finite_space(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 999999; } );"
               "constraints = ( \"n % 400000 == 7\" );",
               1);
    struct dh_search *search = bench_search(&bench);
    struct run run = bench_run(&bench, search, 0, 10);
    assert_int_equal(run.count, 3);
    assert_int_equal(run.status, DH_EXHAUSTED);
    assert_non_null(strstr(run.error.text, "after 3 points"));
    struct run more = bench_run(&bench, search, 3, 10); /* and it stays so */
    assert_int_equal(more.count, 0);
    assert_int_equal(more.status, DH_EXHAUSTED);
    run_free(&more);
    run_free(&run);
    dh_search_destroy(&search);
    bench_close(&bench);
}

/* A real that can never be active makes no point: two points, then the end. */
static void infinite_only_in_name(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(
        &bench,
        "parameters = ( { name = \"a\"; type = \"bool\"; },"
        "{ name = \"b\"; type = \"bool\"; when = \"a\"; },"
        "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; when = \"b and not a\"; } );",
        1);
    struct run run = bench_run_new(&bench, 10);
    assert_int_equal(run.count, 3);
    assert_int_equal(run.status, DH_EXHAUSTED);
    run_free(&run);
    bench_close(&bench);
}

static size_t grid_count(const char *text, size_t limit)
{
    struct bench bench;
    bench_open(&bench, text, 1);
    struct run run = bench_run_new(&bench, limit);
    assert_int_equal(run.status, run.count < limit ? DH_EXHAUSTED : DH_OK);
    size_t count = run.count;
    run_free(&run);
    bench_close(&bench);
    return count;
}

static void grids_have_the_right_size(void **unused)
{
    (void)unused;
    assert_int_equal(grid_count(SQUARE "optimizer = { method = \"grid\"; };", 100), 5 * 5);
    assert_int_equal(grid_count(SQUARE "optimizer = { method = \"grid\"; levels = 10; };", 200),
                     10 * 10);
    assert_int_equal(grid_count(SQUARE "optimizer = { method = \"grid\"; levels = 1; };", 100), 1);
    assert_int_equal(grid_count(SQUARE "constraints = ( \"x <= 0.5\" );"
                                       "optimizer = { method = \"grid\"; };",
                                100),
                     3 * 5);
    assert_int_equal(
        grid_count("parameters = ("
                   "{ name = \"s\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },"
                   "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; when = \"s == 'a'\"; },"
                   "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; when = \"x > 0.6\"; },"
                   "{ name = \"b\"; type = \"bool\"; } );"
                   "optimizer = { method = \"grid\"; levels = 4; };",
                   100),
        ((2 + 2 * 4) + 1 + 1) * 2);
}

static void sorted_grids(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               "parameters = ("
               "{ name = \"lr\"; type = \"real\"; low = 0.001; high = 0.1; scale = \"log\"; },"
               "{ name = \"b\"; type = \"bool\"; } );"
               "optimizer = { method = \"grid\"; levels = 3; order = \"sorted\"; };",
               1);
    struct run run = bench_run_new(&bench, 10);
    static const double expected[6][2] = {{0.001, 0}, {0.001, 1}, {0.01, 0},
                                          {0.01, 1},  {0.1, 0},   {0.1, 1}};
    assert_int_equal(run.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_true(fabs(run_point(&run, i)[0] - expected[i][0]) < 1e-12);
        assert_true(run_point(&run, i)[1] == expected[i][1]);
    }
    run_free(&run);
    bench_close(&bench);
}

/* The list is used in its order; what repeats or violates a constraint is passed over. */
static void lists(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               SQUARE "constraints = ( \"x < 0.9\" );"
                      "optimizer = { method = \"list\"; file = \"old/results.csv\"; };",
               1);
    assert_string_equal(dh_search_list_file(&bench.settings), "old/results.csv");
    double points[] = {0.5, 1, 0.95, 2, 0.5, 1, 0.25, 3};
    bench.context.points = points;
    bench.context.point_count = 4;
    struct run run = bench_run_new(&bench, 10);
    assert_int_equal(run.count, 2);
    assert_int_equal(run.status, DH_EXHAUSTED);
    assert_true(run_point(&run, 0)[1] == 1 && run_point(&run, 1)[1] == 3);
    assert_int_equal(run.proposals[1].cursor, 4);
    run_free(&run);
    bench_close(&bench);

    bench_open(&bench, SQUARE "optimizer = { method = \"random\"; };", 1);
    assert_null(dh_search_list_file(&bench.settings));
    bench_close(&bench);
    bench_open(&bench, SQUARE, 1);
    assert_null(dh_search_list_file(&bench.settings));
    bench_close(&bench);
}

static void end_as(struct dh_history *history, uint64_t id, enum dh_trial_status status)
{
    struct dh_outcome outcome = {.status = status, .objectives = dh_alloc(1, sizeof(double))};
    outcome.objectives[0] = status == DH_TRIAL_SUCCEEDED ? (double)id : NAN;
    assert_int_equal(dh_history_end(history, id, &outcome, NULL), DH_OK);
}

/* A run: resumes, and asks for at most `limit` points; the first `good` of them succeed, the others
 * are cancelled. How many there were. */
static size_t run_and_cancel(struct bench *bench, struct dh_history *history, size_t limit,
                             size_t good)
{
    struct dh_search *search = bench_search(bench);
    dh_search_replay(search, history);
    uint64_t first = dh_history_count(history);
    struct run run = bench_run(bench, search, first, limit);
    for (size_t i = 0; i < run.count; i++) {
        struct dh_trial *trial = dh_history_propose(history, run_point(&run, i));
        trial->identity = run.proposals[i].identity;
        trial->cursor = run.proposals[i].cursor;
        trial->origin = run.proposals[i].origin;
    }
    for (size_t i = 0; i < run.count; i++)
        end_as(history, first + i, i < good ? DH_TRIAL_SUCCEEDED : DH_TRIAL_CANCELLED);
    size_t count = run.count;
    assert_int_equal(run.status, count < limit ? DH_EXHAUSTED : DH_OK);
    run_free(&run);
    dh_search_destroy(&search);
    return count;
}

/* Trials that were cancelled since the search was over: their points come again in one that goes
 * on, each once, whichever runs they were cancelled in. */
static void cancelled_points_come_again(void **unused)
{
    (void)unused;
    static const char *const methods[] = {"grid\"; order = \"sorted",
                                          "grid",
                                          "random",
                                          "sobol",
                                          "lhs",
                                          "list",
                                          "ambs\"; effort = 0; transfer = \"model"};
    for (size_t m = 0; m < DH_COUNT_OF(methods); m++) {
        char text[300];
        bool list = strcmp(methods[m], "list") == 0;
        struct bench bench;
        snprintf(text, sizeof text,
                 "parameters = ( { name = \"n\"; type = \"int\"; low = 0; high = 11; } );"
                 "optimizer = { method = \"%s\"; %s };",
                 methods[m],
                 list    ? "file = \"f.csv\";"
                 : m < 2 ? "levels = 20;"
                         : "");
        bench_open(&bench, text, 5);
        double points[12], times[12] = {0};
        for (size_t i = 0; i < 12; i++)
            points[i] = (double)((7 * i) % 12);
        if (list) {
            bench.context.points = points;
            bench.context.point_count = 12;
        }
        struct dh_history *history = dh_history_create(1, 1);
        assert_int_equal(run_and_cancel(&bench, history, 5, 1), 5);   /* 4 are cancelled */
        assert_int_equal(run_and_cancel(&bench, history, 2, 2), 2);   /* some come again */
        assert_int_equal(run_and_cancel(&bench, history, 6, 3), 6);   /* 3 more, or again */
        assert_int_equal(run_and_cancel(&bench, history, 20, 20), 6); /* all that is left */
        assert_int_equal(run_and_cancel(&bench, history, 20, 20), 0);
        for (uint64_t id = 0; id < dh_history_count(history); id++) {
            const struct dh_trial *trial = dh_history_trial(history, id);
            times[(size_t)trial->values[0]] += trial->outcome.status == DH_TRIAL_SUCCEEDED;
        }
        for (size_t i = 0; i < 12; i++)
            assert_true(times[i] == 1);
        dh_history_destroy(&history);
        bench_close(&bench);
    }
}

static void small_helpers(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               SQUARE "objectives = ( { name = \"a\"; goal = \"maximize\"; },"
                      "{ name = \"b\"; goal = \"minimize\"; } );",
               1);
    assert_true(dh_search_sign(&bench.settings, 0) == -1);
    assert_true(dh_search_sign(&bench.settings, 1) == 1);
    struct run run = bench_run_new(&bench, 5); /* several objectives are no obstacle */
    assert_int_equal(run.count, 5);
    run_free(&run);
    bench_close(&bench);
    assert_string_equal(dh_origin_text(DH_ORIGIN_USER), "user");
    assert_string_equal(dh_origin_text(DH_ORIGIN_ENUMERATED), "enumerated");
    assert_string_equal(dh_origin_text(77), "unknown");
}

/* What another method, another seed or other settings proposed says nothing of how far a walk came:
 * it begins at its beginning, and goes on where it was once it has begun. */
static void walks_pass_what_others_proposed(void **unused)
{
    (void)unused;
    static const char *const methods[] = {"sobol", "halton", "hammersley", "lhs", "grid"};
    static const struct {
        uint64_t from, to; /* cursors of trials that others proposed, one after the other */
    } cases[] = {{3, 3}, {40, 40}, {1, 1500}, {UINT64_C(1) << 63 | 44, UINT64_C(1) << 63 | 44}};
    for (size_t m = 0; m < DH_COUNT_OF(methods) * DH_COUNT_OF(cases); m++) {
        char text[200];
        struct bench bench;
        uint64_t from = cases[m / DH_COUNT_OF(methods)].from;
        uint64_t to = cases[m / DH_COUNT_OF(methods)].to;
        snprintf(text, sizeof text, SQUARE "optimizer = { method = \"%s\"; };",
                 methods[m % DH_COUNT_OF(methods)]);
        bench_open(&bench, text, 5);
        struct run expected = bench_run_new(&bench, 30);
        struct dh_history *history = dh_history_create(bench.width, 1);
        const double given[2] = {0.456, 5};
        struct dh_trial *trial;
        for (uint64_t cursor = from; cursor <= to; cursor++) {
            const double others[2] = {0.123 + 1e-5 * (double)(cursor - from), 4};
            trial = dh_history_propose(history, others);
            trial->origin = DH_ORIGIN_METHOD;
            trial->cursor = cursor;
            trial->identity = dh_space_identity(bench.space, others);
        }
        trial = dh_history_propose(history, given);
        trial->origin = DH_ORIGIN_USER;
        trial->cursor = to;
        trial->identity = dh_space_identity(bench.space, given);
        for (size_t i = 0; i < expected.count;) {
            struct dh_search *search = bench_search(&bench);
            dh_search_replay(search, history);
            struct run run = bench_run(&bench, search, dh_history_count(history), 5);
            assert_int_equal(run.count, 5);
            for (size_t k = 0; k < run.count; k++, i++) {
                trial = dh_history_propose(history, run_point(&run, k));
                trial->origin = run.proposals[k].origin;
                trial->cursor = run.proposals[k].cursor;
                trial->identity = run.proposals[k].identity;
                assert_int_equal(trial->origin, DH_ORIGIN_METHOD);
                assert_true(
                    dh_space_equal(bench.space, run_point(&run, k), run_point(&expected, i)));
            }
            run_free(&run);
            dh_search_destroy(&search);
        }
        dh_history_destroy(&history);
        run_free(&expected);
        bench_close(&bench);
    }
}

/* A grid that goes on with another seed, and a list that was edited, still come to all points. */
static void changed_sequences_miss_nothing(void **unused)
{
    (void)unused;
    double points[] = {0, 0, .1, 1, .2, 2, .3, 3, .4, 4, .5, 5,
                       0, 0, .1, 1, .2, 2, .3, 3, .4, 4, .6, 6};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct dh_history *history = dh_history_create(2, 1);
        for (size_t run = 0; run < 3; run++) {
            struct bench bench;
            bench_open(&bench,
                       seed % 2 ? SQUARE "optimizer = { method = \"list\"; file = \"f\"; };"
                                : SQUARE "optimizer = { method = \"grid\"; levels = 3; };",
                       seed * 3 + run);
            bench.context.points = points + (run ? 10 : 0); /* a row more before the others */
            bench.context.point_count = run ? 7 : 5;
            run_and_cancel(&bench, history, run < 2 ? 3 : 9, 9);
            bench_close(&bench);
        }
        assert_int_equal(dh_history_count(history), seed % 2 ? 7 : 9);
        dh_history_destroy(&history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(constraints_that_leave_nothing_say_of_what),
        cmocka_unit_test(sobol_has_a_limit),
        cmocka_unit_test(sequences_say_what_chose_them),
        cmocka_unit_test(default_is_model_based),
        cmocka_unit_test(given_points_come_first),
        cmocka_unit_test(impossible_constraints),
        cmocka_unit_test(rare_points),
        cmocka_unit_test(random_tries_again),
        cmocka_unit_test(rare_points_of_a_finite_space),
        cmocka_unit_test(infinite_only_in_name),
        cmocka_unit_test(grids_have_the_right_size),
        cmocka_unit_test(sorted_grids),
        cmocka_unit_test(lists),
        cmocka_unit_test(cancelled_points_come_again),
        cmocka_unit_test(walks_pass_what_others_proposed),
        cmocka_unit_test(changed_sequences_miss_nothing),
        cmocka_unit_test(small_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
