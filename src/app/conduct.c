/* A search that is open, to its exit code: see conduct.h. */
#include "conduct.h"

#include <math.h>

#include "dh_mpi/streams.h"
#include "dh_mpi/text.h"
#include "ending.h"
#include "watch.h"

/* In one process everything that can happen has a descriptor or a time. */
#define LONGEST_WAIT 0.1
/* How long goodbyes are waited for after an error. */
#define PATIENCE_AFTER_ERROR 10.0
/* How long the summary waits for a reader where somebody waits for the exit code. */
#define SUMMARY_PATIENCE 5.0

/* One that is under way. */
struct run {
    const struct dh_conduct_parts *parts;
    struct dh_ending ending;
    struct dh_watch watch;
};

static dh_status step(struct run *run, bool *busy, struct dh_error *err)
{
    dh_ending_heed(&run->ending, dh_clock_now(&dh_clock_monotonic));
    dh_status status = dh_manager_step(run->parts->manager, busy, err);
    if (status != DH_OK)
        return status;
    bool worked = false;
    if (run->parts->worker && !dh_worker_done(run->parts->worker))
        status = dh_worker_step(run->parts->worker, &worked, err);
    *busy = *busy || worked;
    if (status != DH_OK)
        return status;
    return dh_watch_tick(&run->watch, dh_clock_now(&dh_clock_monotonic), err);
}

static void wait_a_little(struct run *run, struct dh_nap *nap)
{
    if (!run->parts->worker) {
        dh_nap_wait(nap, dh_manager_fd(run->parts->manager));
        return;
    }
    double now = dh_clock_now(&dh_clock_monotonic);
    double due =
        fmin(dh_worker_next_time(run->parts->worker), dh_manager_next_time(run->parts->manager));
    due = fmin(due, dh_ending_next_time(&run->ending));
    nap->longest = fmin(LONGEST_WAIT, fmax(due - now, 0));
    dh_nap_wait(nap, run->parts->wakeup);
}

static dh_status search_on(struct run *run, struct dh_error *err)
{
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    while (!dh_manager_done(run->parts->manager)) {
        bool busy;
        dh_status status = step(run, &busy, err);
        if (status != DH_OK)
            return status;
        if (busy)
            dh_nap_reset(&nap);
        else
            wait_a_little(run, &nap);
    }
    return DH_OK;
}

void dh_conduct_abandon(const struct dh_conduct_parts *parts)
{
    struct dh_nap nap = {.longest = DH_NAP_LONGEST};
    struct dh_error ignored;
    double give_up = dh_clock_now(&dh_clock_monotonic) + PATIENCE_AFTER_ERROR;
    dh_manager_abandon(parts->manager);
    while (!dh_manager_done(parts->manager) && dh_clock_now(&dh_clock_monotonic) < give_up) {
        bool busy;
        if (dh_manager_step(parts->manager, &busy, &ignored) != DH_OK)
            return;
        if (parts->worker && !dh_worker_done(parts->worker) &&
            dh_worker_step(parts->worker, &busy, &ignored) != DH_OK)
            return;
        dh_nap_wait(&nap, -1);
    }
}

/* A search that came to its end by itself waits for who reads of it. One that was to stop, or that
 * failed, is to tell its exit code to a job script while there is time. */
static double summary_patience(const struct run *run, int code)
{
    bool signalled = isfinite(run->ending.last_signal);
    return code == 0 && !signalled ? INFINITY : SUMMARY_PATIENCE;
}

/* The picture as it was at `now`, when the last evaluation had ended. Returns `code`, or what is
 * wrong if nothing else is. */
static int print_summary(struct run *run, double now, int code)
{
    struct dh_error err;
    struct dh_progress progress;
    struct dh_buffer text = {0};
    dh_watch_picture(&run->watch, now, true, &progress);
    dh_report_summary(&progress, &text);
    if (dh_streams_print(text.data, text.size, summary_patience(run, code), run->parts->signals,
                         &err) != DH_OK) {
        int failure = dh_app_fail(run->parts->log, &err);
        code = code ? code : failure;
    }
    dh_buffer_free(&text);
    return code;
}

static int exit_code(const struct dh_conduct_parts *parts)
{
    struct dh_sched_counts counts;
    dh_sched_counts(dh_manager_sched(parts->manager), &counts);
    if (counts.stop == DH_STOP_FAILURES) /* no job script is to submit this again as it is */
        return dh_status_exit_code(DH_CONFIG);
    return dh_stop_finished(counts.stop) ? 0 : DH_EXIT_RESUMABLE;
}

/* Time was up when the job began, as it would be in every job of this length, and nothing was
 * evaluated in search.grace: no job script is to submit the next one. */
static dh_status judge_job(const struct dh_conduct_parts *parts, struct dh_error *err)
{
    const struct dh_search_settings *search = &parts->session->setup.settings.search;
    const struct dh_walltime *walltime = parts->walltime;
    struct dh_sched_counts counts;
    dh_sched_counts(dh_manager_sched(parts->manager), &counts);
    double length = walltime->source ? walltime->end - walltime->start : 0; /* 0: not known */
    if (counts.stop != DH_STOP_TIME || counts.ended_here > 0 || length <= 0 ||
        length > search->grace + search->walltime_margin)
        return DH_OK;
    const struct dh_node *root = dh_config_root(parts->session->setup.config);
    const struct dh_node *group = dh_node_child(root, "search");
    const struct dh_node *node = dh_node_child(group, "walltime_margin");
    node = node ? node : group;
    struct dh_buffer text = {0};
    dh_text_put_duration(&text, length);
    dh_status status = dh_node_fail(err, node ? node : root,
                                    "search: grace and walltime_margin leave nothing of a job of "
                                    "%s, and nothing was evaluated",
                                    text.data);
    dh_buffer_free(&text);
    return status;
}

/* The next run would cut the same evaluations short, and so every one. */
static void warn_of_vain_run(const struct dh_conduct_parts *parts, double seconds)
{
    struct dh_sched_counts counts;
    dh_sched_counts(dh_manager_sched(parts->manager), &counts);
    if (counts.stop != DH_STOP_TIME || counts.ended_here > 0 ||
        counts.by_status[DH_TRIAL_PENDING] == 0)
        return;
    struct dh_buffer text = {0};
    dh_text_put_duration(&text, seconds);
    dh_log_warn(parts->log,
                "no evaluation ended in this run of %s; one that takes longer than a run never "
                "will: give it more time (search.max_time, the job's walltime)",
                text.data);
    dh_buffer_free(&text);
}

int dh_conduct(const struct dh_conduct_parts *parts)
{
    struct run run = {.parts = parts};
    struct dh_error err, close_err;
    double begun = dh_clock_now(&dh_clock_monotonic);
    dh_ending_start(&run.ending, parts->manager, parts->signals,
                    parts->session->setup.settings.search.grace, parts->log);
    dh_watch_start(&run.watch, parts->session, parts->manager, parts->log, stderr);
    dh_status status = search_on(&run, &err);
    if (status != DH_OK)
        dh_conduct_abandon(parts);
    double now = dh_clock_now(&dh_clock_monotonic);
    dh_watch_finish(&run.watch, now);
    dh_watch_note_usage(&run.watch, now);
    /* the last checkpoint comes before the summary that names it */
    dh_status stored = dh_store_checkpoint(parts->session->store, true, &close_err);
    int code = exit_code(parts);
    if (status == DH_OK && stored == DH_OK)
        status = judge_job(parts, &err);
    if (status == DH_OK)
        warn_of_vain_run(parts, now - begun);
    if (status != DH_OK)
        code = dh_app_fail(parts->log, &err);
    else if (stored != DH_OK)
        code = dh_app_fail(parts->log, &close_err);
    code = print_summary(&run, now, code);
    dh_watch_end(&run.watch);
    return code;
}
