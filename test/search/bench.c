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

struct run bench_run(struct bench *bench, struct dh_search *search, uint64_t first, size_t limit)
{
    struct run run = {.width = bench->width, .status = DH_OK};
    run.points = dh_alloc(limit * run.width, sizeof *run.points);
    run.proposals = dh_alloc(limit, sizeof *run.proposals);
    double *point = dh_alloc(run.width, sizeof *point);
    while (run.count < limit) {
        struct dh_proposal proposal = {.point = point};
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

static void end_trial(struct dh_history *history, uint64_t id)
{
    struct dh_outcome outcome = {.status = id % 6 ? DH_TRIAL_SUCCEEDED : DH_TRIAL_FAILED};
    outcome.objectives = dh_alloc(1, sizeof(double));
    outcome.objectives[0] = id % 6 ? (double)id : NAN;
    struct dh_error err = {0};
    if (dh_history_end(history, id, &outcome, &err))
        fail_msg("%s", err.text);
}

struct dh_history *run_history(const struct run *run, size_t count)
{
    struct dh_history *history = dh_history_create(run->width, 1);
    for (size_t i = 0; i < count; i++) {
        struct dh_trial *trial = dh_history_propose(history, run_point(run, i));
        trial->identity = run->proposals[i].identity;
        trial->cursor = run->proposals[i].cursor;
        trial->origin = run->proposals[i].origin;
        trial->level = run->proposals[i].level;
        if (i >= 3 && i % 2)
            end_trial(history, i - 3);
    }
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
