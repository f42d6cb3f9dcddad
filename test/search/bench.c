/* See bench.h. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"

void bench_open(struct bench *bench, const char *text, uint64_t seed)
{
    struct dh_error err = {0};
    *bench = (struct bench){0};
    char *whole =
        dh_strprintf("%s\nevaluator = { type = \"builtin\"; function = \"sphere\"; };\n", text);
    if (dh_config_parse("test.cfg", whole, &bench->config, &err) ||
        dh_settings_unpack(bench->config, &bench->settings, &err) ||
        dh_space_create(&bench->settings, &bench->space, &err))
        fail_msg("%s", err.text);
    free(whole);
    bench->width = dh_space_count(bench->space);
    bench->context = (struct dh_search_context){
        .space = bench->space, .settings = &bench->settings, .seed = seed};
}

void bench_close(struct bench *bench)
{
    free(bench->points);
    free(bench->old_points);
    free(bench->old_values);
    dh_space_destroy(&bench->space);
    dh_settings_free(&bench->settings);
    dh_config_destroy(&bench->config);
}

struct dh_search *bench_search(struct bench *bench)
{
    struct dh_search *search = NULL;
    struct dh_error err = {0};
    if (dh_search_create(&bench->context, &search, &err))
        fail_msg("%s", err.text);
    return search;
}

struct dh_log bench_log(void)
{
    FILE *stream = tmpfile();
    assert_non_null(stream);
    return (struct dh_log){.stream = stream, .level = DH_LOG_DEBUG, .rank = -1};
}

char *bench_log_text(struct dh_log *log)
{
    size_t size = (size_t)ftell(log->stream);
    char *text = dh_alloc(size + 1, 1);
    rewind(log->stream);
    assert_int_equal(fread(text, 1, size, log->stream), size);
    fclose(log->stream);
    log->stream = NULL;
    return text;
}

struct run bench_run(struct bench *bench, struct dh_search *search, uint64_t first, size_t limit)
{
    struct run run = {.width = bench->width, .status = DH_OK};
    run.points = dh_alloc(limit * run.width, sizeof *run.points);
    run.proposals = dh_alloc(limit, sizeof *run.proposals);
    double *point = dh_alloc(run.width, sizeof *point);
    while (run.count < limit) {
        struct dh_proposal proposal = {.point = point, .budget = INFINITY};
        run.status = dh_search_ask(search, first + run.count, &proposal, &run.error);
        if (run.status)
            break;
        memcpy(run.points + run.count * run.width, point, run.width * sizeof *point);
        proposal.point = NULL;
        run.proposals[run.count++] = proposal;
    }
    free(point);
    return run;
}

struct run bench_run_new(struct bench *bench, size_t limit)
{
    struct dh_search *search = bench_search(bench);
    struct run run = bench_run(bench, search, 0, limit);
    dh_search_destroy(&search);
    return run;
}

void run_free(struct run *run)
{
    free(run->points);
    free(run->proposals);
}

const double *run_point(const struct run *run, size_t index)
{
    return run->points + index * run->width;
}

double bench_value(const struct bench *bench, const double *point)
{
    double sum = 0;
    for (size_t i = 0; i < bench->width; i++)
        if (!isnan(point[i])) {
            double u = dh_parameter_encode(dh_space_parameter(bench->space, i), point[i]);
            sum += (u - 0.3) * (u - 0.3) + 0.1 * sin(7 * u);
        }
    return sum;
}

void bench_give_old(struct bench *bench, size_t count)
{
    struct dh_error err = {0};
    bench->old_points = dh_alloc(count * bench->width, sizeof *bench->old_points);
    bench->old_values = dh_alloc(count, sizeof *bench->old_values);
    struct dh_random random = dh_random_at(9, DH_STREAM_TEST, 0);
    for (size_t i = 0; i < count; i++) {
        double *point = bench->old_points + i * bench->width;
        if (dh_space_sample(bench->space, &random, point, &err))
            fail_msg("%s", err.text);
        bench->old_values[i] = i % 6 ? bench_value(bench, point) : NAN;
    }
    bench->context.warm_points = bench->old_points;
    bench->context.warm_objectives = bench->old_values;
    bench->context.warm_count = count;
}

static const struct dh_trial *end_trial(const struct bench *bench, struct dh_history *history,
                                        uint64_t id)
{
    const struct dh_trial *trial = dh_history_trial(history, id);
    struct dh_outcome outcome = {.status = id % 6 ? DH_TRIAL_SUCCEEDED : DH_TRIAL_FAILED};
    outcome.objectives = dh_alloc(1, sizeof(double));
    outcome.objectives[0] = id % 6 ? bench_value(bench, trial->values) : NAN;
    struct dh_error err = {0};
    if (dh_history_end(history, id, &outcome, &err))
        fail_msg("%s", err.text);
    return trial;
}

/* The proposal becomes the next trial; returns one that ends after it, or NULL. */
static const struct dh_trial *record(const struct bench *bench, struct dh_history *history,
                                     const double *point, const struct dh_proposal *proposal)
{
    struct dh_trial *trial = dh_history_propose(history, point);
    trial->identity = proposal->identity;
    trial->cursor = proposal->cursor;
    trial->origin = proposal->origin;
    trial->level = proposal->level;
    uint64_t id = trial->id;
    return id >= 3 && id % 2 ? end_trial(bench, history, id - 3) : NULL;
}

struct run bench_play(struct bench *bench, struct dh_search *search, struct dh_history *history,
                      size_t limit)
{
    struct run all = {.width = bench->width};
    all.points = dh_alloc(limit * bench->width, sizeof *all.points);
    all.proposals = dh_alloc(limit, sizeof *all.proposals);
    while (all.count < limit) {
        uint64_t id = dh_history_count(history);
        struct run one = bench_run(bench, search, id, 1);
        all.status = one.status;
        all.error = one.error;
        if (one.count) {
            memcpy(all.points + all.count * all.width, one.points, all.width * sizeof(double));
            all.proposals[all.count++] = one.proposals[0];
            const struct dh_trial *ended = record(bench, history, one.points, one.proposals);
            dh_search_propose(search, dh_history_trial(history, id));
            if (ended)
                dh_search_tell(search, ended);
        }
        run_free(&one);
        if (all.status)
            break;
    }
    return all;
}

struct dh_history *run_history(const struct bench *bench, const struct run *run, size_t count)
{
    struct dh_history *history = dh_history_create(run->width, 1);
    for (size_t i = 0; i < count; i++)
        record(bench, history, run_point(run, i), &run->proposals[i]);
    return history;
}

/* Counts in base `levels` over all parameters, active or not; points that settle to the same are
 * one. */
size_t bench_brute_count(const struct bench *bench)
{
    const struct dh_space *space = bench->space;
    uint64_t *digits = dh_alloc(bench->width, sizeof *digits);
    double *point = dh_alloc(bench->width, sizeof *point);
    struct dh_map found = {0};
    size_t i;
    do {
        for (i = 0; i < bench->width; i++)
            point[i] = dh_parameter_level(dh_space_parameter(space, i), digits[i]);
        dh_space_settle(space, point);
        if (dh_space_feasible(space, point))
            dh_map_put(&found, dh_space_identity(space, point), 0);
        for (i = 0; i < bench->width; i++) {
            if (++digits[i] < (uint64_t)dh_parameter_levels(dh_space_parameter(space, i)))
                break;
            digits[i] = 0;
        }
    } while (i < bench->width);
    size_t count = found.count;
    dh_map_free(&found);
    free(digits);
    free(point);
    return count;
}
