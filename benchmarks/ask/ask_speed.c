/* How long asks and tells take, with n results known and some trials pending, under full load:
 *
 *   ask_speed [-a] [-d PARAMETERS] [-o SETTINGS] [PENDING [N …]]
 *                                                      default: 64 100 1000 10000 100000
 *
 * 10 mixed parameters (or another multiple of it), method "ambs", budget 0: every ask is late.
 * Each step tells the oldest pending trial and asks for a new one, as a worker that has finished
 * would make it; a fifth of n steps, so that refits are in it, and all of it again until there are
 * some thousand steps. The process keeps to one core, so that the fitting thread's work is in the
 * times, too; with -a it takes those that it is allowed. SETTINGS are further ones of the
 * optimizer, as in a configuration: -o 'surrogate = "gp";'. One line a size, apart by spaces:
 *
 *   dh_mpi N PENDING CORES STEPS MEAN WORK ASK TELL MEMORY
 *
 * MEAN: milliseconds a step. WORK: processor time of all threads a step. ASK and TELL are five
 * numbers each: median, 99th percentile and worst; 99th percentile and worst of the calling
 * thread's processor time, which leaves out what others on the machine do. MEMORY: the most that
 * the process held so far, in MiB.
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"
#include "dh_mpi/search.h"

#define PARAMETERS 10
#define LEAST_STEPS 4000

/* Parameters of one block; %zu: its number. */
static const char block_text[] =
    "%s{ name = \"r0_%zu\"; type = \"real\"; low = 0.0; high = 1.0; },\n"
    "{ name = \"r1_%zu\"; type = \"real\"; low = 0.0; high = 1.0; },\n"
    "{ name = \"r2_%zu\"; type = \"real\"; low = 1e-5; high = 1.0; scale = \"log\"; },\n"
    "{ name = \"r3_%zu\"; type = \"real\"; low = 1e-5; high = 1.0; scale = \"log\"; },\n"
    "{ name = \"i0_%zu\"; type = \"int\"; low = 1; high = 100; },\n"
    "{ name = \"i1_%zu\"; type = \"int\"; low = 8; high = 1024; scale = \"log\"; },\n"
    "{ name = \"c0_%zu\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },\n"
    "{ name = \"c1_%zu\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\", \"d\", \"e\"); "
    "},\n"
    "{ name = \"b0_%zu\"; type = \"bool\"; },\n"
    "{ name = \"o0_%zu\"; type = \"ordinal\"; values = (1, 2, 4, 8); }";
static const char rest_text[] = "search = { seed = 1; };\n"
                                "objectives = ( { name = \"value\"; goal = \"minimize\"; } );\n"
                                "evaluator = { type = \"builtin\"; function = \"sphere\"; };\n";

struct bench {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct dh_history *history;
    struct dh_search *search;
    size_t width;
    double *point, *unit;
};

struct setup {
    size_t width;
    const char *optimizer;
};

/* What one call took, in milliseconds. */
struct cost {
    double wall, work;
};

static void need(dh_status status, const struct dh_error *err)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "ask_speed: %s\n", err->text);
    exit(dh_status_exit_code(status));
}

static char *config_text(const struct setup *setup)
{
    struct dh_buffer text = {0};
    dh_buffer_printf(&text, "%soptimizer = { method = \"ambs\"; %s };\nparameters = (\n", rest_text,
                     setup->optimizer);
    for (size_t i = 0; i < setup->width / PARAMETERS; i++)
        dh_buffer_printf(&text, block_text, i ? ",\n" : "", i, i, i, i, i, i, i, i, i, i);
    dh_buffer_printf(&text, ");\n");
    return dh_buffer_take(&text);
}

static void open_bench(struct bench *bench, const struct setup *setup)
{
    struct dh_error err = {0};
    *bench = (struct bench){0};
    char *text = config_text(setup);
    need(dh_config_parse("ask_speed", text, &bench->config, &err), &err);
    free(text);
    need(dh_settings_unpack(bench->config, &bench->settings, &err), &err);
    need(dh_space_create(&bench->settings, &bench->space, &err), &err);
    bench->width = dh_space_count(bench->space);
    bench->point = dh_alloc(bench->width, sizeof *bench->point);
    bench->unit = dh_alloc(bench->width, sizeof *bench->unit);
    bench->history = dh_history_create(bench->width, 1);
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
    free(bench->unit);
}

static double clock_ms(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static struct cost begin_cost(void)
{
    double work = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    return (struct cost){clock_ms(CLOCK_MONOTONIC), work};
}

static struct cost end_cost(struct cost start)
{
    double wall = clock_ms(CLOCK_MONOTONIC);
    return (struct cost){wall - start.wall, clock_ms(CLOCK_THREAD_CPUTIME_ID) - start.work};
}

static double value_of(const struct bench *bench, const double *values)
{
    double sum = 0;
    dh_space_encode(bench->space, values, bench->unit);
    for (size_t i = 0; i < bench->width; i++) {
        double u = bench->unit[i];
        sum += (u - .3) * (u - .3) * (double)(i % PARAMETERS + 1) + .1 * cos(20 * u);
    }
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

/* End trial `id`; returns what it cost the search to hear it. */
static struct cost tell(struct bench *bench, uint64_t id)
{
    struct dh_error err = {0};
    struct dh_trial *trial = dh_history_trial(bench->history, id);
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED};
    outcome.objectives = dh_alloc(1, sizeof *outcome.objectives);
    outcome.objectives[0] = value_of(bench, trial->values);
    need(dh_history_end(bench->history, id, &outcome, &err), &err);
    struct cost start = begin_cost();
    dh_search_tell(bench->search, trial);
    return end_cost(start);
}

/* Ask for the next trial; returns what it cost until the search has it as pending. */
static struct cost ask(struct bench *bench)
{
    struct dh_error err = {0};
    struct dh_proposal proposal = {.point = bench->point, .budget = 0};
    struct cost start = begin_cost();
    need(dh_search_ask(bench->search, dh_history_count(bench->history), &proposal, &err), &err);
    propose(bench, &proposal);
    return end_cost(start);
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

/* Median, 99th percentile, worst; and the last two of processor time. */
static void print_costs(const struct cost *costs, size_t count)
{
    double *sorted = dh_alloc(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = costs[i].wall;
    qsort(sorted, count, sizeof *sorted, ascending);
    printf(" %.4f %.4f %.3f", sorted[count / 2], sorted[count * 99 / 100], sorted[count - 1]);
    for (size_t i = 0; i < count; i++)
        sorted[i] = costs[i].work;
    qsort(sorted, count, sizeof *sorted, ascending);
    printf(" %.4f %.3f", sorted[count * 99 / 100], sorted[count - 1]);
    free(sorted);
}

struct series {
    struct cost *asks, *tells;
    size_t count, capacity;
    struct cost sum;
};

static void play(struct series *series, uint64_t known, uint64_t pending, const struct setup *setup)
{
    struct bench bench;
    open_bench(&bench, setup);
    fill(&bench, known);
    for (uint64_t i = 0; i < pending; i++)
        ask(&bench);
    double wall = clock_ms(CLOCK_MONOTONIC), work = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < series->capacity; i++) {
        series->tells[series->count + i] = tell(&bench, known + i);
        series->asks[series->count + i] = ask(&bench);
    }
    series->count += series->capacity;
    series->sum.wall += clock_ms(CLOCK_MONOTONIC) - wall;
    series->sum.work += clock_ms(CLOCK_PROCESS_CPUTIME_ID) - work;
    close_bench(&bench);
}

static void measure(uint64_t known, uint64_t pending, const struct setup *setup, int cores)
{
    size_t steps = known < 500 ? 100 : (size_t)(known / 5);
    size_t rounds = (LEAST_STEPS + steps - 1) / steps;
    struct series series = {.asks = dh_alloc(steps * rounds, sizeof *series.asks),
                            .tells = dh_alloc(steps * rounds, sizeof *series.tells),
                            .capacity = steps};
    for (size_t round = 0; round < rounds; round++)
        play(&series, known, pending, setup);
    double count = (double)series.count;
    printf("dh_mpi %llu %llu %d %zu %.4f %.4f", (unsigned long long)known,
           (unsigned long long)pending, cores, series.count, series.sum.wall / count,
           series.sum.work / count);
    print_costs(series.asks, series.count);
    print_costs(series.tells, series.count);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(" %ld\n", usage.ru_maxrss / 1024);
    fflush(stdout);
    free(series.asks);
    free(series.tells);
}

/* Keep to the core that this runs on, or to those allowed; returns how many. */
static int take_cores(bool all)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (all && sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    sched_setaffinity(0, sizeof set, &set);
    return 1;
}

int main(int argc, char **argv)
{
    bool all = false;
    struct setup setup = {PARAMETERS, ""};
    for (int option; (option = getopt(argc, argv, "ad:o:")) != -1;) {
        if (option == 'a')
            all = true;
        else if (option == 'd' && strtoul(optarg, NULL, 10) >= PARAMETERS)
            setup.width = strtoul(optarg, NULL, 10) / PARAMETERS * PARAMETERS;
        else if (option == 'o')
            setup.optimizer = optarg;
        else
            return 64;
    }
    int cores = take_cores(all);
    uint64_t pending = optind < argc ? strtoull(argv[optind], NULL, 10) : 64;
    static const uint64_t sizes[] = {100, 1000, 10000, 100000};
    for (size_t i = 0; optind + 1 >= argc && i < DH_COUNT_OF(sizes); i++)
        measure(sizes[i], pending, &setup, cores);
    for (int i = optind + 1; i < argc; i++)
        measure(strtoull(argv[i], NULL, 10), pending, &setup, cores);
    return 0;
}
