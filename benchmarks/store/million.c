/* million [TRIALS [FOLDER]]: what a search of a million trials with 20 parameters costs: writing
 * its checkpoint beside the dispatch, and resuming it. Prints a table; see README.md.
 *
 * The search's life and its resume are processes of their own, so that each has its own peak of
 * memory. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/random.h"
#include "dh_mpi/search.h"
#include "dh_mpi/store.h"

#define RATE 5000.0   /* trials a second while pauses are measured */
#define QUIET_TIME 10 /* seconds of dispatch without a checkpoint, to compare with */

struct bench {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    char path[512];
    uint64_t trials;
};

static void check(dh_status status, const struct dh_error *err)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "million: %s\n", err->text);
    exit(dh_status_exit_code(status));
}

static char *make_config(void)
{
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "search = { name = \"million\"; seed = 1; };\n"
                          "evaluator = { type = \"builtin\"; };\nparameters = (\n");
    for (int i = 0; i < 8; i++)
        dh_buffer_printf(&text, "{ name = \"real%d\"; type = \"real\"; low = 0.0; high = 1.0; },\n",
                         i);
    for (int i = 0; i < 4; i++)
        dh_buffer_printf(&text, "{ name = \"int%d\"; type = \"int\"; low = 1; high = 1000; },\n",
                         i);
    for (int i = 0; i < 4; i++)
        dh_buffer_printf(&text,
                         "{ name = \"choice%d\"; type = \"categorical\"; "
                         "values = (\"relu\", \"tanh\", \"gelu\"); },\n",
                         i);
    dh_buffer_text(&text,
                   "{ name = \"depth\"; type = \"ordinal\"; values = (1, 2, 4, 8); },\n"
                   "{ name = \"norm\"; type = \"bool\"; },\n"
                   "{ name = \"rate\"; type = \"real\"; low = 1e-5; high = 1.0; scale = \"log\"; },"
                   "{ name = \"momentum\"; type = \"real\"; low = 0.0; high = 1.0;"
                   " when = \"norm\"; }\n);\n");
    return dh_buffer_take(&text);
}

/* The next trial is proposed, and ends. */
static void dispatch(const struct bench *bench, struct dh_history *history, struct dh_store *store)
{
    struct dh_error err;
    double point[32];
    uint64_t id = dh_history_count(history);
    struct dh_random random = dh_random_at(1, DH_STREAM_SAMPLE, id);
    check(dh_space_sample(bench->space, &random, point, &err), &err);
    struct dh_trial *trial = dh_history_propose(history, point);
    trial->identity = dh_space_identity(bench->space, point);
    trial->seed = dh_random_u64(&random);
    trial->cursor = id + 1;
    trial->proposed = 1.7e9 + (double)id;
    dh_store_proposed(store, trial);
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_alloc(1, sizeof(double)),
                                 .started = trial->proposed + 0.5,
                                 .ended = trial->proposed + 10,
                                 .cpu_seconds = 9,
                                 .peak_bytes = 1 << 28,
                                 .worker = (int32_t)(id % 4096) + 1};
    outcome.objectives[0] = dh_random_uniform(&random);
    check(dh_history_end(history, id, &outcome, &err), &err);
    dh_store_ended(store, trial);
    check(dh_store_write(store, &err), &err);
}

/* Dispatch at RATE for `seconds`, or until the checkpoint is there. Returns the longest time that
 * one dispatch took, from the moment when it was due. */
static double longest_pause(const struct bench *bench, struct dh_history *history,
                            struct dh_store *store, double seconds, bool until_checkpoint)
{
    double start = dh_clock_now(&dh_clock_monotonic), longest = 0, due = start;
    struct dh_error err;
    if (until_checkpoint) /* its part in this thread is a pause, too */
        check(dh_store_checkpoint(store, false, &err), &err);
    for (;;) {
        dispatch(bench, history, store);
        double now = dh_clock_now(&dh_clock_monotonic);
        longest = fmax(longest, now - due);
        if (until_checkpoint ? access(bench->path, F_OK) == 0 : now > start + seconds)
            return longest;
        due = fmax(due + 1 / RATE, now);
        if (due > now)
            usleep((useconds_t)((due - now) * 1e6));
    }
}

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void live(const struct bench *bench)
{
    struct dh_error err;
    struct dh_store *store;
    struct stat info;
    struct dh_history *history = dh_history_create(dh_space_count(bench->space), 1);
    check(dh_store_open(bench->path, &bench->settings, bench->space, history, NULL, &store, NULL,
                        &err),
          &err);
    double start = dh_clock_now(&dh_clock_monotonic);
    while (dh_history_count(history) < bench->trials)
        dispatch(bench, history, store);
    double taken = dh_clock_now(&dh_clock_monotonic) - start;
    printf("journal of %" PRIu64 " trials    %8.1f s   %.0f trials a second\n", bench->trials,
           taken, (double)bench->trials / taken);
    double quiet = longest_pause(bench, history, store, QUIET_TIME, false);
    printf("history and journal          %8.0f MiB peak memory\n", peak_mib());
    start = dh_clock_now(&dh_clock_monotonic);
    double pause = longest_pause(bench, history, store, 0, true);
    printf("checkpoint written           %8.2f s   beside %.0f trials a second\n",
           dh_clock_now(&dh_clock_monotonic) - start, RATE);
    stat(bench->path, &info);
    printf("  size                       %8.1f MB\n", (double)info.st_size / 1e6);
    printf("  peak memory                %8.0f MiB\n", peak_mib());
    printf("  longest pause in dispatch  %8.1f ms  (%.1f ms in %d s without a checkpoint)\n",
           pause * 1e3, quiet * 1e3, QUIET_TIME);
    fflush(stdout);
    _exit(0); /* as if killed: the resume has journals to read, too */
}

static void resume(const struct bench *bench)
{
    struct dh_error err;
    struct dh_store *store;
    struct dh_store_image image;
    struct dh_search *search;
    struct dh_search_context context = {.space = bench->space, .settings = &bench->settings};
    struct dh_history *history = dh_history_create(dh_space_count(bench->space), 1);
    double start = dh_clock_now(&dh_clock_monotonic);
    check(dh_search_create(&context, &search, &err), &err);
    check(dh_store_open(bench->path, &bench->settings, bench->space, history, NULL, &store, &image,
                        &err),
          &err);
    double opened = dh_clock_now(&dh_clock_monotonic);
    dh_search_replay(search, history);
    double end = dh_clock_now(&dh_clock_monotonic);
    printf("resume of %" PRIu64 " trials     %8.2f s   (%.2f s the files, %.2f s the search)\n",
           dh_history_count(history), end - start, opened - start, end - opened);
    printf("  events                     %8" PRIu64 "     from the checkpoint, %" PRIu64
           " from journals\n",
           image.checkpoint_event, image.journal_events);
    printf("  peak memory                %8.0f MiB\n", peak_mib());
    fflush(stdout);
    _exit(0);
}

static void run(void (*part)(const struct bench *bench), const struct bench *bench)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        part(bench);
    if (waitpid(child, &status, 0) != child || status != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    struct bench bench = {.trials = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000};
    struct dh_error err;
    char folder[256], *config = make_config();
    snprintf(folder, sizeof folder, "%s/million-XXXXXX", argc > 2 ? argv[2] : ".");
    if (bench.trials == 0 || !mkdtemp(folder)) {
        fprintf(stderr, "usage: million [TRIALS [FOLDER]]\n");
        return 64;
    }
    snprintf(bench.path, sizeof bench.path, "%s/million.h5", folder);
    check(dh_config_parse("million.cfg", config, &bench.config, &err), &err);
    check(dh_settings_unpack(bench.config, &bench.settings, &err), &err);
    check(dh_space_create(&bench.settings, &bench.space, &err), &err);
    run(live, &bench);
    run(resume, &bench);
    free(config);
    static const char *const suffixes[] = {"",           ".previous",  "-journal", "-journal.1",
                                           "-journal.2", "-journal.3", "-lock"};
    for (size_t i = 0; i < DH_COUNT_OF(suffixes); i++) {
        char path[544];
        snprintf(path, sizeof path, "%s%s", bench.path, suffixes[i]);
        unlink(path);
    }
    if (rmdir(folder) != 0)
        perror(folder);
    dh_space_destroy(&bench.space);
    dh_settings_free(&bench.settings);
    dh_config_destroy(&bench.config);
    return 0;
}
