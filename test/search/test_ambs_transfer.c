/* What old results of another task give: where to look, and nothing that is excluded. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/search/ambs_transfer.h"
#include "dh_mpi/alloc.h"

#define OLD 300

#define MIXED                                                                                      \
    "parameters = ("                                                                               \
    "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"y\"; type = \"real\"; low = 1e-4; high = 1.0; scale = \"log\"; },"                 \
    "{ name = \"c\"; type = \"categorical\"; values = (\"p\", \"q\", \"r\", \"s\"); },"            \
    "{ name = \"z\"; type = \"int\"; low = 0; high = 100; when = \"c in ('q', 'r')\"; },"          \
    "{ name = \"w\"; type = \"real\"; low = 0.0; high = 1.0; default = 0.5; } );"

enum { X, Y, C, Z, W };
static const double old_best[] = {0.7, 0.01, 1, 30, 0.5}; /* y: in the middle of its scale */

static double away(const struct bench *bench, const double *point, size_t i)
{
    const struct dh_parameter *p = dh_space_parameter(bench->space, i);
    return fabs(dh_parameter_encode(p, point[i]) - dh_parameter_encode(p, old_best[i]));
}

static double distance(const struct bench *bench, const double *point)
{
    double x = away(bench, point, X), y = away(bench, point, Y);
    return sqrt(x * x + y * y);
}

/* Nearer to the best. */
static void approach(const struct bench *bench, double *point, size_t i)
{
    const struct dh_parameter *p = dh_space_parameter(bench->space, i);
    double u = dh_parameter_encode(p, point[i]), best = dh_parameter_encode(p, old_best[i]);
    point[i] = dh_parameter_decode(p, best + 0.4 * (u - best));
}

/* Old results, as a search leaves them, of a task whose best point is old_best, to be maximised;
 * those on one side failed, and none of them knew parameter w. */
static void give_old(struct bench *bench)
{
    bench_give_old(bench, OLD);
    for (size_t k = 0; k < OLD; k++) {
        double *point = bench->old_points + k * bench->width;
        point[W] = 0.5;
        for (size_t i = 0; k % 2 && i < C; i++)
            approach(bench, point, i);
        double far = distance(bench, point), z = isnan(point[Z]) ? 0 : away(bench, point, Z);
        bench->old_values[k] = point[X] < 0.1 ? NAN : -far - 0.3 * (point[C] != 1) - z;
    }
}

static void open_bench(struct bench *bench, const char *space, const char *optimizer)
{
    char text[2000];
    snprintf(text, sizeof text,
             "%s objectives = ({ name = \"v\"; goal = \"maximize\"; }); warm_start = [\"a.csv\"];"
             "optimizer = { method = \"ambs\"; initial_points = 300; %s };",
             space, optimizer);
    bench_open(bench, text, 3);
    give_old(bench);
}

static struct run initial(struct bench *bench, const char *space, const char *optimizer)
{
    open_bench(bench, space, optimizer);
    struct run run = bench_run_new(bench, 300);
    assert_int_equal(run.count, 300);
    for (size_t i = 0; i < run.count; i++)
        assert_int_equal(run.proposals[i].origin, DH_ORIGIN_DESIGN);
    return run;
}

/* Shares of proposals. */
struct shares {
    double near, far;
    double category; /* the best one */
    double active;   /* z near its best value, of those where it is active */
    double outer;    /* w in the outer half of its range */
};

static struct shares count(const struct bench *bench, const struct run *run)
{
    struct shares s = {0};
    double active = 0, n = (double)run->count;
    for (size_t i = 0; i < run->count; i++) {
        const double *point = run_point(run, i);
        assert_true((point[C] == 1 || point[C] == 2) == !isnan(point[Z]));
        s.near += distance(bench, point) < 0.25;
        s.far += distance(bench, point) > 0.4;
        s.category += point[C] == 1;
        s.outer += fabs(point[W] - 0.5) > 0.25;
        if (!isnan(point[Z])) {
            active++;
            s.active += away(bench, point, Z) < 0.25;
        }
    }
    return (struct shares){s.near / n, s.far / n, s.category / n, s.active / active, s.outer / n};
}

static struct shares shares_of(const char *optimizer)
{
    struct bench bench;
    struct run run = initial(&bench, MIXED, optimizer);
    struct shares shares = count(&bench, &run);
    run_free(&run);
    bench_close(&bench);
    return shares;
}

static void assert_drawn_to(const struct shares *s)
{
    assert_true(s->near > 0.6 && s->near < 0.97);
    assert_true(s->far > 0.02 && s->far < 0.25);
    assert_true(s->category > 0.45 && s->category < 0.97);
    assert_true(s->active > 0.6 && s->active < 0.99);
    assert_true(fabs(s->outer - 0.5) < 0.12); /* nothing is known of it */
}

static void most_proposals_are_near_good_old_points(void **unused)
{
    (void)unused;
    struct shares top = shares_of("transfer = \"top\";"), best = shares_of("transfer = \"best\";");
    assert_drawn_to(&top);
    assert_drawn_to(&best);
}

/* ---- what the best points are turned into ---- */

#define TOP 12 /* the best tenth */
#define FROM 115
#define SPREAD 0.1
#define DRAWS 200000

#define PLAIN                                                                                      \
    "parameters = ("                                                                               \
    "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"c\"; type = \"categorical\"; values = (\"p\", \"q\", \"r\", \"s\"); },"            \
    "{ name = \"w\"; type = \"real\"; low = 0.0; high = 1.0; } );"                                 \
    "objectives = ({ name = \"v\"; goal = \"minimize\"; }); warm_start = [\"a.csv\"];"             \
    "optimizer = { method = \"ambs\"; transfer = \"top\"; };"

/* The best have x and y at 0.5 +- SPREAD, two in three "q" and the others "r"; w is the same in
 * all, best or not. */
static void give_best(struct bench *bench)
{
    bench_open(bench, PLAIN, 3);
    bench_give_old(bench, FROM);
    for (size_t k = 0; k < FROM; k++) {
        double *point = bench->old_points + k * bench->width;
        point[3] = 0.5;
        bench->old_values[k] = (double)k;
        if (k >= TOP)
            continue;
        point[0] = 0.5 + (k % 2 ? SPREAD : -SPREAD);
        point[1] = 0.5 + (k % 4 < 2 ? SPREAD : -SPREAD);
        point[2] = k % 3 ? 1 : 2;
    }
}

/* A draw is one of the points and a normal step, so that its variance is the sum of theirs. The
 * steps are Scott's: the points' deviation times n^(-1 / (d + 4)), with d = 2 as neither the
 * category counts nor w, of which nothing is known. The bounds are five steps away. A level's
 * share is by Laplace's rule of succession (times seen + 1) / (points + levels): prior and points
 * mixed as they are. The draws' own error, with 180,000 of them: of a variance at most
 * sqrt(2 / 180000) = 0.33 %, of a share 0.0012; six times that is allowed. */
static void steps_and_categories_are_of_the_right_size(void **unused)
{
    (void)unused;
    struct bench bench;
    give_best(&bench);
    struct ambs ambs = {.context = &bench.context, .sign = 1};
    ambs.options.transfer = AMBS_TRANSFER_TOP;
    struct ambs_transfer *transfer;
    struct dh_error err = {0};
    assert_int_equal(ambs_transfer_create(&ambs, &transfer, &err), DH_OK);
    struct dh_random random = dh_random_at(4, DH_STREAM_TEST, 0);
    double drawn = 0, square[2] = {0, 0}, level[4] = {0, 0, 0, 0}, point[4];
    for (size_t k = 0; k < DRAWS; k++) {
        if (!ambs_transfer_draw(transfer, &random, point))
            continue; /* the prior's turn */
        drawn++;
        for (size_t i = 0; i < 2; i++)
            square[i] += (point[i] - 0.5) * (point[i] - 0.5);
        level[(size_t)point[2]]++;
    }
    assert_true(fabs(drawn / DRAWS - 0.9) < 0.01);
    double of_points = SPREAD * SPREAD, sample = of_points * TOP / (TOP - 1);
    double variance = of_points + sample * pow(TOP, -2. / (2 + 4));
    for (size_t i = 0; i < 2; i++)
        if (fabs(square[i] / drawn - variance) > 0.02 * variance)
            fail_msg("variance %zu is %g, not %g", i, square[i] / drawn, variance);
    static const double seen[] = {0, TOP * 2 / 3, TOP / 3, 0};
    for (size_t i = 0; i < 4; i++)
        if (fabs(level[i] / drawn - (seen[i] + 1) / (TOP + 4)) > 0.0072)
            fail_msg("level %zu has a share of %g", i, level[i] / drawn);
    ambs_transfer_destroy(&transfer);
    bench_close(&bench);
}

/* What is not drawn near them is the design's. */
static void the_rest_is_the_initial_design(void **unused)
{
    (void)unused;
    struct bench bench;
    struct run run = initial(&bench, MIXED, "transfer = \"best\"; initial_design = \"grid\";");
    size_t corners = 0;
    for (size_t i = 0; i < run.count; i++) {
        double x = run_point(&run, i)[X], w = run_point(&run, i)[W];
        corners += fabs(3 * x - round(3 * x)) < 1e-9 && fabs(3 * w - round(3 * w)) < 1e-9;
    }
    assert_in_range(corners, 10, 60);
    run_free(&run);
    bench_close(&bench);
}

/* One that cuts through the good points, and one that leaves none of them. */
static void constraints_hold(void **unused)
{
    (void)unused;
    static const char *const settings[] = {"transfer = \"top\";", "transfer = \"best\";"};
    for (size_t k = 0; k < DH_COUNT_OF(settings); k++) {
        struct bench bench;
        struct run run = initial(
            &bench, MIXED "constraints = ( \"x <= 0.7\", \"c != 'p' or w < 0.5\" );", settings[k]);
        struct shares shares = count(&bench, &run);
        for (size_t i = 0; i < run.count; i++)
            assert_true(dh_space_feasible(bench.space, run_point(&run, i)));
        assert_true(shares.near > 0.5);
        run_free(&run);
        bench_close(&bench);
        run = initial(&bench, MIXED "constraints = ( \"x + z / 1000 < 0.02\" );", settings[k]);
        for (size_t i = 0; i < run.count; i++)
            assert_true(dh_space_feasible(bench.space, run_point(&run, i)));
        run_free(&run);
        bench_close(&bench);
    }
}

/* Old results are another task's: the same points may be tried again, all of a finite space. */
static void old_points_may_be_tried_again(void **unused)
{
    (void)unused;
    static const char *const transfers[] = {"model", "top", "best"};
    for (size_t k = 0; k < DH_COUNT_OF(transfers); k++) {
        char text[400];
        snprintf(text, sizeof text,
                 "parameters = ( { name = \"a\"; type = \"int\"; low = 0; high = 9; } );"
                 "warm_start = [\"a.csv\"];"
                 "optimizer = { method = \"ambs\"; effort = 0; transfer = \"%s\"; };",
                 transfers[k]);
        struct bench bench;
        bench_open(&bench, text, 3);
        bench_give_old(&bench, 4);
        for (size_t i = 0; i < 4; i++)
            bench.old_points[i] = (double)i;
        size_t known;
        struct dh_search *search = bench_search(&bench);
        assert_ptr_equal(dh_search_known(search, &known), bench.old_points);
        assert_int_equal(known, k ? 0 : 4);
        dh_search_destroy(&search);
        struct run run = bench_run_new(&bench, 20);
        assert_int_equal(run.status, DH_EXHAUSTED);
        assert_int_equal(run.count, k ? 10 : 6);
        run_free(&run);
        bench_close(&bench);
    }
}

/* Only failures, or a file without results: as without. */
static void nothing_to_transfer(void **unused)
{
    (void)unused;
    struct run runs[3];
    for (size_t k = 0; k < 3; k++) {
        struct bench bench;
        open_bench(&bench, MIXED, k ? "transfer = \"top\";" : "");
        for (size_t i = 0; i < OLD; i++)
            bench.old_values[i] = NAN;
        bench.context.warm_count = k == 1 ? OLD : 0;
        runs[k] = bench_run_new(&bench, 20);
        if (k)
            assert_memory_equal(runs[0].points, runs[k].points, 20 * bench.width * sizeof(double));
        bench_close(&bench);
    }
    for (size_t k = 0; k < 3; k++)
        run_free(&runs[k]);
}

static void it_needs_old_results(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench, MIXED "\noptimizer = { method = \"ambs\";\n transfer = \"best\"; };", 1);
    struct dh_search *search = NULL;
    struct dh_error err = {0};
    assert_int_equal(dh_search_create(&bench.context, &search, &err), DH_CONFIG);
    assert_non_null(strstr(err.text, "test.cfg:3: optimizer.transfer: \"best\""));
    assert_non_null(strstr(err.text, "warm_start"));
    bench_close(&bench);
}

/* ---- a bowl, beside an old one ---- */

#define BOWL_WIDTH 8

static double bowl(const double *point, double center)
{
    double sum = 0;
    for (size_t i = 0; i < BOWL_WIDTH; i++)
        sum += (double)(i + 1) * (point[i] - center) * (point[i] - center);
    return sum;
}

static void open_bowl(struct bench *bench, const char *optimizer, bool old, uint64_t seed)
{
    struct dh_buffer text = {0};
    for (int i = 0; i < BOWL_WIDTH; i++)
        dh_buffer_printf(&text, "%s{ name = \"x%d\"; type = \"real\"; low = 0.0; high = 1.0; }",
                         i ? "," : "parameters = (", i);
    dh_buffer_printf(&text,
                     "); objectives = ({ name = \"v\"; goal = \"minimize\"; }); %s"
                     "optimizer = { method = \"ambs\"; effort = 1; %s };",
                     old ? "warm_start = [\"a.csv\"];" : "", optimizer);
    bench_open(bench, text.data, seed);
    dh_buffer_free(&text);
    if (!old)
        return;
    bench_give_old(bench, 200);
    for (size_t k = 0; k < 200; k++) {
        double *point = bench->old_points + k * BOWL_WIDTH;
        for (size_t i = 0; k % 2 && i < BOWL_WIDTH; i++) /* as a search leaves them */
            point[i] = dh_parameter_decode(dh_space_parameter(bench->space, i),
                                           0.75 + 0.3 * (point[i] - 0.75));
        bench->old_values[k] = bowl(point, 0.75);
    }
}

/* How many evaluations it takes until the value is below `goal`. */
static size_t evaluations(struct bench *bench, double goal)
{
    struct dh_history *history = dh_history_create(BOWL_WIDTH, 1);
    struct dh_search *search = bench_search(bench);
    double value = INFINITY;
    while (value > goal && dh_history_count(history) < 80) {
        uint64_t id = dh_history_count(history);
        struct run one = bench_run(bench, search, id, 1);
        assert_int_equal(one.count, 1);
        struct dh_trial *trial = dh_history_propose(history, one.points);
        trial->identity = one.proposals[0].identity;
        trial->cursor = one.proposals[0].cursor;
        trial->origin = one.proposals[0].origin;
        dh_search_propose(search, trial);
        value = bowl(one.points, 0.8);
        struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED};
        outcome.objectives = dh_alloc(1, sizeof(double));
        outcome.objectives[0] = 1000 + 50 * value; /* as large as no old value */
        struct dh_error err = {0};
        if (dh_history_end(history, id, &outcome, &err))
            fail_msg("%s", err.text);
        dh_search_tell(search, trial);
        run_free(&one);
    }
    size_t count = dh_history_count(history);
    dh_search_destroy(&search);
    dh_history_destroy(&history);
    return count;
}

/* … with six seeds. */
static size_t evaluations_of(const char *optimizer, bool old, double goal)
{
    size_t sum = 0;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct bench bench;
        open_bowl(&bench, optimizer, old, seed);
        sum += evaluations(&bench, goal);
        bench_close(&bench);
    }
    return sum;
}

/* What a search without old results took to 0.1 when transfer was made. It has become faster since,
 * which is no excuse for a slower transfer. */
#define WITHOUT_THEN 174

static void the_optimum_is_found_earlier(void **unused)
{
    (void)unused;
    static const char *const options[] = {"transfer = \"top\";", "transfer = \"best\";"};
    size_t near = evaluations_of("", false, 0.1), far = evaluations_of("", false, 0.2);
    for (size_t i = 0; i < DH_COUNT_OF(options); i++) {
        size_t with = evaluations_of(options[i], true, 0.1);
        assert_true(3 * with < 2 * WITHOUT_THEN && 4 * with < 3 * near);
        assert_true(3 * evaluations_of(options[i], true, 0.2) < 2 * far);
    }
}

/* Why values are not learnt: nearer to the optimum those of another task lead astray. */
static void old_values_do_not_mislead(void **unused)
{
    (void)unused;
    size_t learnt = evaluations_of("transfer = \"model\";", true, 0.05);
    assert_true(2 * evaluations_of("transfer = \"top\";", true, 0.05) < learnt);
    assert_true(2 * evaluations_of("transfer = \"best\";", true, 0.05) < learnt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_proposals_are_near_good_old_points),
        cmocka_unit_test(steps_and_categories_are_of_the_right_size),
        cmocka_unit_test(the_rest_is_the_initial_design),
        cmocka_unit_test(constraints_hold),
        cmocka_unit_test(old_points_may_be_tried_again),
        cmocka_unit_test(nothing_to_transfer),
        cmocka_unit_test(it_needs_old_results),
        cmocka_unit_test(the_optimum_is_found_earlier),
        cmocka_unit_test(old_values_do_not_mislead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
