/* Every method on every kind of space: points are canonical, feasible and new; they follow from
 * the seed; a resume at any cut goes on with the same points; a finite space ends exactly. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"

#define ASKS 200
#define LISTED 300
#define OLD 40

struct kind {
    const char *name;
    const char *text;
    bool finite; /* and every method but list has to reach each of its points */
    size_t asks;
};

static const struct kind kinds[] = {
    {.name = "flat mixed",
     .asks = ASKS,
     .text = "parameters = ("
             "{ name = \"lr\"; type = \"real\"; low = 1e-5; high = 0.1; scale = \"log\"; },"
             "{ name = \"units\"; type = \"int\"; low = 8; high = 512; scale = \"log\"; },"
             "{ name = \"depth\"; type = \"ordinal\"; values = (1, 2, 4); },"
             "{ name = \"act\"; type = \"categorical\"; values = (\"relu\", \"tanh\");"
             "  weights = [2.0, 1.0]; },"
             "{ name = \"bn\"; type = \"bool\"; },"
             "{ name = \"fixed\"; type = \"constant\"; value = 7; },"
             "{ name = \"x\"; type = \"real\"; low = -1.0; high = 1.0; prior = \"normal\";"
             "  mean = 0.0; deviation = 0.25; } );"},
    {.name = "conditional",
     .asks = ASKS,
     .text = "parameters = ("
             "{ name = \"solver\"; type = \"categorical\"; values = (\"sgd\", \"adam\"); },"
             "{ name = \"momentum\"; type = \"real\"; low = 0.0; high = 0.99;"
             "  when = \"solver == 'sgd'\"; },"
             "{ name = \"nesterov\"; type = \"bool\"; when = \"momentum > 0.5\"; },"
             "{ name = \"beta\"; type = \"real\"; low = 0.8; high = 0.999;"
             "  when = \"solver == 'adam'\"; },"
             "{ name = \"layers\"; type = \"int\"; low = 1; high = 9; } );"},
    {.name = "constrained",
     .asks = ASKS,
     .text = "parameters = ("
             "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"
             "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; },"
             "{ name = \"n\"; type = \"int\"; low = 0; high = 100; } );"
             "constraints = ( \"x + y <= 0.6\", \"n % 2 == 0\" );"},
    {.name = "tightly constrained",
     .asks = 40,
     .text = "parameters = ("
             "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"
             "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; } );"
             "constraints = ( \"x + y <= 0.03\" );"},
    {.name = "finite conditional",
     .finite = true,
     .asks = ASKS,
     .text = "parameters = ("
             "{ name = \"a\"; type = \"ordinal\"; values = (1, 2, 3); },"
             "{ name = \"b\"; type = \"bool\"; when = \"a > 1\"; },"
             "{ name = \"c\"; type = \"int\"; low = 0; high = 6; when = \"b\"; },"
             "{ name = \"d\"; type = \"real\"; low = 0.0; high = 0.5; step = 0.25;"
             "  when = \"a == 1\"; },"
             "{ name = \"e\"; type = \"categorical\"; values = (\"p\", \"q\", \"r\"); } );"
             "constraints = ( \"c != 3\" );"},
    {.name = "finite flat, uneven weights",
     .finite = true,
     .asks = ASKS,
     .text = "parameters = ("
             "{ name = \"a\"; type = \"categorical\"; values = (\"p\", \"q\", \"r\", \"s\");"
             "  weights = [1000000.0, 1.0, 1.0, 1e-9]; },"
             "{ name = \"b\"; type = \"int\"; low = -1; high = 1; } );"},
    {.name = "parameters with one value",
     .asks = ASKS,
     .text = "parameters = ("
             "{ name = \"c\"; type = \"constant\"; value = \"text\"; },"
             "{ name = \"i\"; type = \"int\"; low = 3; high = 3; },"
             "{ name = \"r\"; type = \"real\"; low = 2.5; high = 2.5; },"
             "{ name = \"o\"; type = \"ordinal\"; values = (8); },"
             "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; } );"},
    {.name = "a single point",
     .finite = true,
     .asks = ASKS,
     .text = "parameters = ( { name = \"c\"; type = \"constant\"; value = 1; } );"},
};

/* "list" needs points: draws from the space, with repeats where it is small. */
static void give_list(struct bench *bench)
{
    struct dh_error err = {0};
    bench->points = dh_alloc(LISTED * bench->width, sizeof *bench->points);
    for (size_t i = 0; i < LISTED; i++) {
        struct dh_random random = dh_random_at(5, DH_STREAM_TEST, i);
        if (dh_space_sample(bench->space, &random, bench->points + i * bench->width, &err))
            fail_msg("%s", err.text);
    }
    bench->context.points = bench->points;
    bench->context.point_count = LISTED;
}

/* A method, with settings of its own. */
struct subject {
    const struct dh_search_method *method;
    const char *settings;
    bool old; /* learns from old results, too */
};

static void open_for(struct bench *bench, const struct subject *subject, const char *space,
                     uint64_t seed)
{
    const struct dh_search_method *method = subject->method;
    bool list = strcmp(method->name, "list") == 0, grid = strcmp(method->name, "grid") == 0;
    char *text = dh_strprintf("%s\noptimizer = { method = \"%s\"; %s %s };%s", space, method->name,
                              list             ? "file = \"points.csv\";"
                              : grid           ? "levels = 8;"
                              : method->learns ? "effort = 1; candidates = 30;"
                                               : "",
                              subject->settings, subject->old ? "warm_start = [\"old.csv\"];" : "");
    bench_open(bench, text, seed);
    free(text);
    if (list)
        give_list(bench);
    if (subject->old)
        bench_give_old(bench, OLD);
}

static void check_points(const struct bench *bench, const struct run *run, const char *what)
{
    struct dh_error err = {0};
    for (size_t i = 0; i < run->count; i++) {
        if (dh_space_check(bench->space, run_point(run, i), &err))
            fail_msg("%s: point %zu: %s", what, i, err.text);
        assert_int_equal(run->proposals[i].identity,
                         dh_space_identity(bench->space, run_point(run, i)));
        for (size_t j = 0; j < i; j++)
            if (dh_space_equal(bench->space, run_point(run, i), run_point(run, j)))
                fail_msg("%s: point %zu repeats point %zu", what, i, j);
    }
}

static void check_same(const struct bench *bench, const struct run *run, size_t from,
                       const struct run *again, const char *what)
{
    for (size_t i = 0; i < again->count; i++) {
        assert_true(from + i < run->count);
        if (!dh_space_equal(bench->space, run_point(run, from + i), run_point(again, i)))
            fail_msg("%s: point %zu differs", what, from + i);
        assert_int_equal(run->proposals[from + i].cursor, again->proposals[i].cursor);
        assert_int_equal(run->proposals[from + i].origin, again->proposals[i].origin);
    }
}

/* A new object that replays the first `cut` trials continues like the first object did. */
static void check_cut(struct bench *bench, const struct run *run, size_t cut, const char *what)
{
    struct dh_history *history = run_history(bench, run, cut);
    struct dh_search *search = bench_search(bench);
    dh_search_replay(search, history);
    size_t rest = run->count - cut < 12 ? run->count - cut : 12;
    struct run again = bench_play(bench, search, history, rest + 1);
    if (again.count > rest)
        again.count = rest; /* the first run was stopped there, not exhausted */
    else
        assert_int_equal(again.status, run->status);
    assert_int_equal(again.count, rest);
    check_same(bench, run, cut, &again, what);
    run_free(&again);
    dh_search_destroy(&search);
    dh_history_destroy(&history);
}

static void check_cuts(struct bench *bench, const struct run *run, const char *what)
{
    static const size_t cuts[] = {0, 1, 2, 5, 11, 12, 13, 31, 64, 127, 150, 188, 199, 200};
    for (size_t i = 0; i < DH_COUNT_OF(cuts); i++)
        if (cuts[i] <= run->count)
            check_cut(bench, run, cuts[i], what);
    check_cut(bench, run, run->count, what);
    check_cut(bench, run, run->count / 2, what);
}

static size_t distinct_listed(const struct bench *bench)
{
    struct dh_map map = {0};
    for (size_t i = 0; i < LISTED; i++)
        dh_map_put(&map, dh_space_identity(bench->space, bench->points + i * bench->width), 0);
    size_t count = map.count;
    dh_map_free(&map);
    return count;
}

static void check_end(const struct bench *bench, const struct kind *kind, const struct run *run,
                      const char *what)
{
    size_t expected = kind->asks;
    if (bench->points && distinct_listed(bench) < expected)
        expected = distinct_listed(bench);
    else if (kind->finite && !bench->points)
        expected = bench_brute_count(bench);
    else if (strstr(what, "grid ") == what)
        return; /* as many as the grid has; see test_search.c */
    if (run->count != expected)
        fail_msg("%s: %zu points instead of %zu: %s", what, run->count, expected, run->error.text);
    assert_int_equal(run->status, expected < kind->asks ? DH_EXHAUSTED : DH_OK);
}

static bool same_points(const struct bench *bench, const struct run *a, const struct run *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!dh_space_equal(bench->space, run_point(a, i), run_point(b, i)))
            return false;
    return true;
}

static struct run play_new(struct bench *bench, size_t limit)
{
    struct dh_history *history = dh_history_create(bench->width, 1);
    struct dh_search *search = bench_search(bench);
    struct run run = bench_play(bench, search, history, limit);
    dh_search_destroy(&search);
    dh_history_destroy(&history);
    return run;
}

static void conform(const struct subject *subject, const struct kind *kind)
{
    char what[100];
    snprintf(what, sizeof what, "%s %s, %s", subject->method->name, subject->settings, kind->name);
    struct bench bench;
    open_for(&bench, subject, kind->text, 42);
    struct run run = play_new(&bench, kind->asks), again = play_new(&bench, kind->asks);
    check_points(&bench, &run, what);
    check_end(&bench, kind, &run, what);
    assert_int_equal(run.count, again.count);
    check_same(&bench, &run, 0, &again, what);
    check_cuts(&bench, &run, what);

    bench.context.seed = 43;
    struct run other = play_new(&bench, kind->asks);
    bool follows_seed = strcmp(subject->method->name, "list") != 0 && run.count >= 10;
    if (follows_seed && same_points(&bench, &run, &other))
        fail_msg("%s: the seed makes no difference", what);
    run_free(&other);
    run_free(&again);
    run_free(&run);
    bench_close(&bench);
}

static void every_method_conforms(void **unused)
{
    (void)unused;
    for (const struct dh_search_method *const *m = dh_search_methods(); *m; m++)
        for (size_t k = 0; k < DH_COUNT_OF(kinds); k++)
            conform(&(struct subject){.method = *m, .settings = ""}, &kinds[k]);
}

/* What "ambs" begins with: long enough to be cut, and a grid to end before it. */
static void every_design_conforms(void **unused)
{
    (void)unused;
    static const struct {
        const char *settings;
        bool old;
    } designs[] = {
        {"initial_design = \"hammersley\"; initial_points = 25;", false},
        {"initial_design = \"maximin\"; initial_points = 25;", false},
        {"initial_design = \"grid\"; initial_points = 25;", false},
        {"transfer = \"top\"; initial_points = 25;", true},
        {"transfer = \"best\"; initial_design = \"grid\"; initial_points = 25;", true},
    };
    for (size_t i = 0; i < DH_COUNT_OF(designs); i++)
        for (size_t k = 0; k < DH_COUNT_OF(kinds); k++) {
            struct kind kind = kinds[k];
            kind.asks = 60;
            conform(&(struct subject){dh_search_methods()[0], designs[i].settings, designs[i].old},
                    &kind);
        }
}

/* More dimensions than Sobol' sequences have. */
static void wide_spaces(void **unused)
{
    (void)unused;
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "parameters = (");
    for (int i = 0; i < 41; i++)
        dh_buffer_printf(&text, "%s{ name = \"x%d\"; type = \"real\"; low = 0.0; high = 1.0; }",
                         i ? "," : "", i);
    dh_buffer_text(&text, ");");
    struct kind wide = {.name = "41 dimensions", .text = text.data, .asks = ASKS};
    for (const struct dh_search_method *const *m = dh_search_methods(); *m; m++)
        if (strcmp((*m)->name, "sobol") != 0)
            conform(&(struct subject){.method = *m, .settings = ""}, &wide);
    dh_buffer_free(&text);
}

static void methods_describe_themselves(void **unused)
{
    (void)unused;
    for (const struct dh_search_method *const *m = dh_search_methods(); *m; m++) {
        assert_true(strlen((*m)->name) > 0 && strlen((*m)->summary) > 0);
        for (size_t i = 0; i < (*m)->option_count; i++) {
            assert_non_null((*m)->options[i].help);
            assert_true((*m)->options[i].offset < (*m)->options_size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_conforms),
        cmocka_unit_test(every_design_conforms),
        cmocka_unit_test(wide_spaces),
        cmocka_unit_test(methods_describe_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
