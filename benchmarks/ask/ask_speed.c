/* How long asks and tells take, with n results known and some trials pending, under full load:
 *
 *   ask_speed [PENDING N [N …]]       default: 64 100 1000 10000 100000
 *
 * 10 mixed parameters, method "ambs", budget 0: every ask is late. Each step tells
 * the oldest pending trial and asks for a new one, as a worker that has finished would make it; a
 * fifth of n steps, 500 to 20,000, so that refits are in it. The process keeps to one core, so
 * that the fitting thread's work is in the times, too. One line a size, fields apart by spaces:
 *
 *   dh_mpi N PENDING STEPS MEAN ASK50 ASK99 TELL50 TELL99      milliseconds; mean of ask and tell
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/search.h"

static const char config_text[] =
    "search = { seed = 1; };\n"
    "objectives = ( { name = \"value\"; goal = \"minimize\"; } );\n"
    "parameters = (\n"
    "  { name = \"r0\"; type = \"real\"; low = 0.0; high = 1.0; },\n"
    "  { name = \"r1\"; type = \"real\"; low = 0.0; high = 1.0; },\n"
    "  { name = \"r2\"; type = \"real\"; low = 1e-5; high = 1.0; scale = \"log\"; },\n"
    "  { name = \"r3\"; type = \"real\"; low = 1e-5; high = 1.0; scale = \"log\"; },\n"
    "  { name = \"i0\"; type = \"int\"; low = 1; high = 100; },\n"
    "  { name = \"i1\"; type = \"int\"; low = 8; high = 1024; scale = \"log\"; },\n"
    "  { name = \"c0\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },\n"
    "  { name = \"c1\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\", \"d\", \"e\"); },\n"
    "  { name = \"b0\"; type = \"bool\"; },\n"
    "  { name = \"o0\"; type = \"ordinal\"; values = (1, 2, 4, 8); }\n"
    ");\n"
    "optimizer = { method = \"ambs\"; };\n"
    "evaluator = { type = \"builtin\"; function = \"sphere\"; };\n";

struct bench {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct dh_history *history;
    struct dh_search *search;
    double *point;
};

static void need(dh_status status, const struct dh_error *err)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "ask_speed: %s\n", err->text);
    exit(dh_status_exit_code(status));
}

static double now_ms(void)
{
    return 1e3 * dh_clock_now(&dh_clock_monotonic);
}

static void open_bench(struct bench *bench)
{
    struct dh_error err = {0};
    *bench = (struct bench){0};
    need(dh_config_parse("ask_speed", config_text, &bench->config, &err), &err);
    need(dh_settings_unpack(bench->config, &bench->settings, &err), &err);
    need(dh_space_create(&bench->settings, &bench->space, &err), &err);
    bench->point = dh_alloc(dh_space_count(bench->space), sizeof *bench->point);
    bench->history = dh_history_create(dh_space_count(bench->space), 1);
    struct dh_search_context context = {
        .space = bench->space, .settings = &bench->settings, .seed = 1};
    need(dh_search_create(&context, &bench->search, &err), &err);
}

static void close_bench(struct bench *bench)
{
    dh_search_destroy(&bench->search);
    dh_history_destroy(&bench->history);
    dh_space_destroy(&bench->space);
    dh_settings_free(&bench->settings);
    dh_config_destroy(&bench->config);
    free(bench->point);
}

static double value_of(const struct bench *bench, const double *values)
{
    double unit[10], sum = 0;
    dh_space_encode(bench->space, values, unit);
    for (size_t i = 0; i < DH_COUNT_OF(unit); i++)
        sum += (unit[i] - .3) * (unit[i] - .3) * (double)(i + 1) + .1 * cos(20 * unit[i]);
    return sum;
}

static void propose(struct bench *bench, const struct dh_proposal *proposal)
{
    struct dh_trial *trial = dh_history_propose(bench->history, proposal->point);
    trial->identity = proposal->identity;
    trial->cursor = proposal->cursor;
    trial->origin = proposal->origin;
    trial->level = proposal->level;
    dh_search_propose(bench->search, trial);
}

/* End trial `id`; returns the milliseconds that the search took to hear it. */
static double tell(struct bench *bench, uint64_t id)
{
    struct dh_error err = {0};
    struct dh_trial *trial = dh_history_trial(bench->history, id);
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED};
    outcome.objectives = dh_alloc(1, sizeof *outcome.objectives);
    outcome.objectives[0] = value_of(bench, trial->values);
    need(dh_history_end(bench->history, id, &outcome, &err), &err);
    double start = now_ms();
    dh_search_tell(bench->search, trial);
    return now_ms() - start;
}

/* Ask for the next trial; returns the milliseconds until the search has it as pending. */
static double ask(struct bench *bench)
{
    struct dh_error err = {0};
    struct dh_proposal proposal = {.point = bench->point, .budget = 0};
    double start = now_ms();
    need(dh_search_ask(bench->search, dh_history_count(bench->history), &proposal, &err), &err);
    propose(bench, &proposal);
    return now_ms() - start;
}

/* `count` trials at random points, as of a search that went on before. */
static void fill(struct bench *bench, uint64_t count)
{
    struct dh_error err = {0};
    struct dh_random random = dh_random_at(7, DH_STREAM_TEST, 0);
    for (uint64_t id = 0; id < count; id++) {
        need(dh_space_sample(bench->space, &random, bench->point, &err), &err);
        struct dh_proposal proposal = {.point = bench->point,
                                       .identity = dh_space_identity(bench->space, bench->point),
                                       .origin = DH_ORIGIN_METHOD};
        propose(bench, &proposal);
        tell(bench, id);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(uint64_t known, uint64_t pending)
{
    struct bench bench;
    open_bench(&bench);
    fill(&bench, known);
    for (uint64_t i = 0; i < pending; i++)
        ask(&bench);
    size_t steps = known / 5 < 500 ? 500 : known / 5 > 20000 ? 20000 : (size_t)(known / 5);
    double *asks = dh_alloc(steps, sizeof *asks), *tells = dh_alloc(steps, sizeof *tells);
    double start = now_ms();
    for (size_t i = 0; i < steps; i++) {
        tells[i] = tell(&bench, known + i);
        asks[i] = ask(&bench);
    }
    double mean = (now_ms() - start) / (double)steps;
    qsort(asks, steps, sizeof *asks, ascending);
    qsort(tells, steps, sizeof *tells, ascending);
    size_t middle = steps / 2, late = steps * 99 / 100;
    printf("dh_mpi %llu %llu %zu %.4f %.4f %.4f %.4f %.4f\n", (unsigned long long)known,
           (unsigned long long)pending, steps, mean, asks[middle], asks[late], tells[middle],
           tells[late]);
    fflush(stdout);
    free(asks);
    free(tells);
    close_bench(&bench);
}

int main(int argc, char **argv)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    uint64_t pending = argc > 1 ? strtoull(argv[1], NULL, 10) : 64;
    static const uint64_t sizes[] = {100, 1000, 10000, 100000};
    for (size_t i = 0; argc <= 2 && i < DH_COUNT_OF(sizes); i++)
        measure(sizes[i], pending);
    for (int i = 2; i < argc; i++)
        measure(strtoull(argv[i], NULL, 10), pending);
    return 0;
}
