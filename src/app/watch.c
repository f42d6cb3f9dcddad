/* What the manager shows while it runs: see watch.h. */
#include "watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a log the gaps between lines grow to a minute, so that a short search is seen at all. */
#define FIRST_GAP 5.0
#define LONGEST_GAP 60.0
#define TERMINAL_GAP 1.0
#define STATUS_GAP 1.0

void dh_watch_start(struct dh_watch *watch, const struct dh_session *session,
                    const struct dh_manager *manager, const struct dh_log *log, FILE *progress_to)
{
    double now = dh_clock_now(&dh_clock_monotonic);
    bool quiet = !log || log->level < DH_LOG_INFO;
    *watch = (struct dh_watch){
        .session = session,
        .manager = manager,
        .log = log,
        .terminal = !quiet && isatty(fileno(progress_to)) ? progress_to : NULL,
        .status_path = dh_report_status_path(session->setup.settings.checkpoint.file),
        .start = now,
        .next_status = now,
        .next_checkpoint = now + session->setup.settings.checkpoint.interval,
    };
    watch->line_gap = watch->terminal ? TERMINAL_GAP : FIRST_GAP;
    watch->next_line = now + watch->line_gap;
}

void dh_watch_end(struct dh_watch *watch)
{
    free(watch->status_path);
    watch->status_path = NULL;
}

/* Ended trials per second over the samples kept. */
static double rate_now(const struct dh_watch *watch, double now, uint64_t ended)
{
    if (watch->sample_count == 0)
        return now > watch->start ? (double)ended / (now - watch->start) : 0;
    size_t oldest = watch->sample_count < DH_RATE_SAMPLES ? 0 : watch->sample_count;
    double time = watch->samples[oldest % DH_RATE_SAMPLES].time;
    uint64_t then = watch->samples[oldest % DH_RATE_SAMPLES].ended;
    return now > time ? (double)(ended - then) / (now - time) : 0;
}

static void take_sample(struct dh_watch *watch, double now)
{
    struct dh_sched_counts counts;
    dh_sched_counts(dh_manager_sched(watch->manager), &counts);
    size_t place = watch->sample_count++ % DH_RATE_SAMPLES;
    watch->samples[place].time = now;
    watch->samples[place].ended = counts.ended_here;
}

/* Seconds until the budget or `deadline`, whichever comes first; NaN: not known. */
static double time_left(const struct dh_progress *progress, double now, double deadline)
{
    const struct dh_search_settings *search = &progress->settings->search;
    double left = NAN;
    uint64_t ended = 0;
    for (int s = DH_TRIAL_PENDING + 1; s < DH_TRIAL_STATUS_COUNT; s++)
        ended += s == DH_TRIAL_CANCELLED ? 0 : progress->counts.by_status[s];
    if (search->max_evaluations > 0 && progress->rate > 0)
        left = (double)((uint64_t)search->max_evaluations > ended
                            ? (uint64_t)search->max_evaluations - ended
                            : 0) /
               progress->rate;
    if (isfinite(deadline))
        left = fmin(left, fmax(0, deadline - now));
    return left;
}

void dh_watch_picture(const struct dh_watch *watch, double now, bool finished,
                      struct dh_progress *out)
{
    const struct dh_session *session = watch->session;
    const struct dh_demand *demand = dh_manager_demand(watch->manager);
    *out = (struct dh_progress){
        .name = session->setup.settings.search.name,
        .checkpoint = session->setup.settings.checkpoint.file,
        .method = dh_search_name(session->search),
        .settings = &session->setup.settings,
        .space = session->setup.space,
        .history = session->history,
        .usage_before = session->usage_before,
        .elapsed = now - watch->start,
        .late_asks = demand->late,
        .ask_seconds = demand->ask_seconds,
        .wall_time = dh_wall_time(),
        .finished = finished,
    };
    dh_sched_counts(dh_manager_sched(watch->manager), &out->counts);
    dh_sched_usage(dh_manager_sched(watch->manager), now, &out->usage);
    out->rate = rate_now(watch, now, out->counts.ended_here);
    out->left = time_left(out, now, dh_sched_deadline(dh_manager_sched(watch->manager)));
}

static void write_status(struct dh_watch *watch, const struct dh_progress *progress)
{
    struct dh_error err;
    if (dh_report_write_status(watch->status_path, progress, &err) == DH_OK) {
        watch->status_failed = false;
    } else if (!watch->status_failed) {
        watch->status_failed = true;
        dh_log_warn(watch->log, "%s (the search goes on without it)", err.text);
    }
}

static void show_line(struct dh_watch *watch, const struct dh_progress *progress)
{
    if (watch->terminal) {
        dh_report_show_line(progress, watch->terminal);
        return;
    }
    struct dh_buffer line = {0};
    dh_report_line(progress, &line);
    dh_log_info(watch->log, "%s", line.data);
    dh_buffer_free(&line);
}

void dh_watch_note_usage(const struct dh_watch *watch, double now)
{
    struct dh_usage usage;
    dh_sched_usage(dh_manager_sched(watch->manager), now, &usage);
    dh_usage_add(&usage, &watch->session->usage_before);
    dh_store_set_usage(watch->session->store, &usage);
}

dh_status dh_watch_tick(struct dh_watch *watch, double now, struct dh_error *err)
{
    if (now >= watch->next_checkpoint) {
        watch->next_checkpoint = now + watch->session->setup.settings.checkpoint.interval;
        dh_watch_note_usage(watch, now);
        dh_status status = dh_store_checkpoint(watch->session->store, false, err);
        if (status != DH_OK)
            return status;
    }
    if (now < watch->next_status && now < watch->next_line)
        return DH_OK;
    struct dh_progress progress;
    dh_watch_picture(watch, now, false, &progress);
    if (now >= watch->next_status) {
        watch->next_status = now + STATUS_GAP;
        take_sample(watch, now);
        write_status(watch, &progress);
    }
    if (now >= watch->next_line) {
        if (!watch->terminal)
            watch->line_gap = fmin(watch->line_gap * 2, LONGEST_GAP);
        watch->next_line = now + watch->line_gap;
        show_line(watch, &progress);
    }
    return DH_OK;
}

void dh_watch_finish(struct dh_watch *watch, double now)
{
    struct dh_progress progress;
    dh_watch_picture(watch, now, true, &progress);
    write_status(watch, &progress);
    show_line(watch, &progress);
}
