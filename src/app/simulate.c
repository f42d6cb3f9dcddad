/* A search on simulated workers: see simulate.h.
 *
 * The main thread is the only one whose steps are played one by one: it sleeps until a message
 * arrives, an answer is ready or a time is due, then makes a step that takes as long as was
 * measured. The other threads' work happens within the step that asked for it, and is seen when
 * their clocks have come to it. */
#include "dh_mpi/simulate.h"

#include <dirent.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/eval.h"
#include "ending.h"
#include "imports.h"
#include "manager.h"
#include "threads.h"

struct run {
    const struct dh_simulation *simulation;
    struct dh_app_setup setup; /* the simulation's, with what it changes */
    struct dh_eval_plan plan;
    struct dh_threads threads;
    struct dh_imagined *imagined;
    struct dh_imports imports;
    struct dh_search_context context;
    struct dh_search *search;
    struct dh_history *history;
    char *folder; /* temporary, of the journal */
    struct dh_store *store;
    struct dh_comm **ends;
    struct dh_crowd *crowd;
    struct dh_manager *manager;
    struct dh_ending ending;
    bool busy;         /* the last step had something to do */
    double idle_since; /* end of the last step that had */
    double now;
    uint64_t charged; /* messages */
    double heap, bytes_a_slot;
};

/* Bytes of heap in use; 0 where the allocator does not say. */
static double heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

/* ---- opening ---- */

static dh_status check(const struct run *run, struct dh_error *err)
{
    const struct dh_simulation *s = run->simulation;
    const struct dh_search_settings *search = &run->setup.settings.search;
    if (s->workers < 1)
        return dh_fail(err, DH_USAGE, "expected at least one worker");
    if (!(s->time >= 0) || !(s->latency >= 0) || !(s->message_cost >= 0))
        return dh_fail(err, DH_USAGE, "time, latency and cost of a message cannot be negative");
    if (s->time <= 0 && search->max_time <= 0 && search->max_evaluations <= 0)
        return dh_fail(err, DH_USAGE,
                       "nothing ends this search (search.max_time, search.max_evaluations): give "
                       "the time to simulate (--time 30m)");
    return DH_OK;
}

/* The journal's time is rank 0's, so there is one. */
static dh_status open_store(struct run *run, struct dh_error *err)
{
    const char *place = getenv("TMPDIR");
    run->folder = dh_strprintf("%s/dh_simulate.XXXXXX", place && *place ? place : "/tmp");
    if (!mkdtemp(run->folder)) {
        dh_status status = dh_fail(err, DH_IO, "cannot make a temporary folder %s", run->folder);
        free(run->folder);
        run->folder = NULL;
        return status;
    }
    char *path = dh_strprintf("%s/simulated.h5", run->folder);
    dh_status status = dh_store_open(path, &run->setup.settings, run->setup.space, run->history,
                                     NULL, &run->store, NULL, err);
    free(path);
    return status;
}

static dh_status open_search(struct run *run, struct dh_error *err)
{
    run->context = (struct dh_search_context){
        .space = run->setup.space,
        .settings = &run->setup.settings,
        .seed = (uint64_t)run->setup.settings.search.seed,
        .log = run->simulation->log,
        .clock = &run->threads.clock,
        .lanes = &run->threads.lanes,
    };
    dh_status status =
        dh_imports_read(&run->setup, run->simulation->log, &run->imports, &run->context, err);
    return status == DH_OK ? dh_search_create(&run->context, &run->search, err) : status;
}

static void open_manager(struct run *run)
{
    struct dh_manager_parts parts = {
        .setup = &run->setup,
        .comm = run->ends[0],
        .history = run->history,
        .search = run->search,
        .store = run->store,
        .clock = &run->threads.clock,
        .lanes = &run->threads.lanes,
        .retries = run->plan.retries,
        .threaded = dh_search_slow(run->search),
    };
    run->manager = dh_manager_create(&parts);
    dh_ending_start(&run->ending, run->manager, -1, run->setup.settings.search.grace, NULL);
}

static dh_status open_run(struct run *run, struct dh_error *err)
{
    const struct dh_simulation *s = run->simulation;
    run->setup = *s->setup;
    if (s->time > 0)
        run->setup.settings.search.max_time = 0;
    dh_threads_open(&run->threads);
    dh_status status = check(run, err);
    if (status == DH_OK)
        status = dh_eval_check(&run->setup.settings, run->setup.space, NULL, &run->plan, err);
    if (status == DH_OK)
        status = dh_imagined_create(s, &run->imagined, err);
    if (status != DH_OK)
        return status;
    run->history =
        dh_history_create(dh_space_count(run->setup.space), run->setup.settings.objective_count);
    run->ends = dh_alloc((size_t)s->workers + 1, sizeof(struct dh_comm *));
    dh_comm_loop_create(s->workers + 1, run->ends);
    struct dh_crowd_parts parts = {s, run->imagined, run->ends, run->plan.slots, run->plan.timeout};
    status = dh_crowd_open(&parts, &run->crowd, err);
    run->heap = heap_in_use();
    run->bytes_a_slot = NAN;
    run->busy = true; /* the hellos are there */
    if (status == DH_OK)
        status = open_store(run, err);
    if (status == DH_OK)
        status = open_search(run, err);
    if (status == DH_OK)
        open_manager(run);
    return status;
}

/* ---- closing ---- */

static void remove_folder(char *folder)
{
    DIR *files = opendir(folder);
    for (struct dirent *file; files && (file = readdir(files));)
        unlinkat(dirfd(files), file->d_name, 0); /* "." and ".." it refuses */
    if (files)
        closedir(files);
    rmdir(folder);
    free(folder);
}

static void close_run(struct run *run)
{
    struct dh_error ignored;
    dh_manager_destroy(&run->manager);
    dh_search_destroy(&run->search);
    if (run->store)
        dh_store_close(&run->store, &ignored);
    if (run->folder)
        remove_folder(run->folder);
    if (run->crowd)
        dh_crowd_close(&run->crowd);
    for (int rank = 0; run->ends && rank <= run->simulation->workers; rank++)
        dh_comm_close(&run->ends[rank], &ignored);
    free(run->ends);
    dh_history_destroy(&run->history);
    dh_imports_free(&run->imports);
    dh_imagined_destroy(&run->imagined);
}

/* ---- running ---- */

/* When the main thread makes its next step. An answer wakes it, anything else it has to find. */
static double next_step(const struct run *run)
{
    if (run->busy)
        return run->now;
    double answer = dh_manager_next_answer(run->manager);
    double event = fmin(dh_crowd_next_time(run->crowd), fmin(dh_manager_next_time(run->manager),
                                                             dh_ending_next_time(&run->ending)));
    double found = event < answer ? dh_crowd_notices(run->idle_since, event, 0) : INFINITY;
    return fmax(run->now, fmin(answer, found));
}

static dh_status step(struct run *run, double now, struct dh_error *err)
{
    dh_status status = dh_crowd_deliver(run->crowd, now, err);
    if (status != DH_OK)
        return status;
    dh_threads_begin(&run->threads, now);
    dh_ending_heed(&run->ending, now);
    status = dh_manager_step(run->manager, &run->busy, err);
    run->now = dh_threads_end(&run->threads);
    if (status == DH_OK)
        status = dh_crowd_hear(run->crowd, run->now, err);
    uint64_t messages = dh_crowd_messages(run->crowd);
    dh_threads_charge(&run->threads,
                      run->simulation->message_cost * (double)(messages - run->charged));
    run->now = run->threads.time;
    run->charged = messages;
    if (run->busy)
        run->idle_since = run->now;
    return status;
}

/* The heap when every slot has had its first task: what the manager needs for each. */
static void weigh(struct run *run)
{
    struct dh_sched_counts counts;
    uint64_t slots = (uint64_t)run->simulation->workers * (uint64_t)run->plan.slots;
    if (!isnan(run->bytes_a_slot) || dh_crowd_started(run->crowd) < slots)
        return;
    dh_sched_counts(dh_manager_sched(run->manager), &counts);
    double heap = heap_in_use();
    run->bytes_a_slot = heap > 0 ? (heap - run->heap) / (double)slots : -1;
}

static dh_status play(struct run *run, struct dh_error *err)
{
    double end = run->simulation->time > 0 ? run->simulation->time : (double)INFINITY;
    while (!dh_manager_done(run->manager)) {
        double now = next_step(run);
        if (isinf(now))
            return dh_fail(err, DH_INTERNAL, "the simulated search waits for nothing at %g s",
                           run->now);
        if (now >= end) {
            run->now = end;
            return DH_OK;
        }
        dh_status status = step(run, now, err);
        if (status != DH_OK)
            return status;
        weigh(run);
    }
    return DH_OK;
}

/* ---- the result ---- */

static void collect(const struct run *run, struct dh_simulated *out)
{
    const struct dh_sched *sched = dh_manager_sched(run->manager);
    const struct dh_demand *demand = dh_manager_demand(run->manager);
    out->workers = run->simulation->workers;
    out->slots = (uint64_t)out->workers * (uint64_t)run->plan.slots;
    out->elapsed = run->now;
    dh_sched_counts(sched, &out->counts);
    dh_sched_usage(sched, run->now, &out->usage);
    out->busy = dh_usage_share(&out->usage, DH_USE_EVALUATING);
    out->started = dh_crowd_started(run->crowd);
    out->best = out->counts.incumbent == UINT64_MAX
                    ? NAN
                    : dh_history_trial(run->history, out->counts.incumbent)->outcome.objectives[0];
    out->asks = demand->asks;
    out->late_asks = demand->late;
    out->replaced = dh_origin_count(run->history, DH_ORIGIN_LATE);
    memcpy(out->spent, run->threads.spent, sizeof out->spent);
    memcpy(out->done, run->threads.done, sizeof out->done);
    out->ask_seconds = out->done[DH_WORK_ASK]
                           ? out->spent[DH_WORK_ASK] / (double)out->done[DH_WORK_ASK]
                           : demand->ask_seconds;
    out->bytes_a_slot = run->bytes_a_slot < 0 ? NAN : run->bytes_a_slot;
}

dh_status dh_simulate(const struct dh_simulation *simulation, struct dh_simulated *out,
                      struct dh_error *err)
{
    struct run run = {.simulation = simulation};
    double start = dh_clock_now(&dh_clock_processor);
    *out = (struct dh_simulated){0};
    dh_status status = open_run(&run, err);
    if (status == DH_OK)
        status = play(&run, err);
    if (status == DH_OK)
        collect(&run, out);
    close_run(&run);
    out->cpu_seconds = dh_clock_now(&dh_clock_processor) - start;
    return status;
}
