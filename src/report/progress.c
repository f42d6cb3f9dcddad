/* The picture of a search, and its one-line form: see report.h. */
#include <inttypes.h>
#include <math.h>
#include <sys/ioctl.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/report.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/text.h"
#include "parts.h"

/* Share of idle time from which the line says what it is spent on. */
#define NOTEWORTHY 0.05

void dh_report_progress_of(const char *checkpoint, const struct dh_settings *settings,
                           const struct dh_space *space, const struct dh_history *history,
                           struct dh_progress *out)
{
    *out = (struct dh_progress){
        .name = settings->search.name,
        .checkpoint = checkpoint,
        .settings = settings,
        .space = space,
        .history = history,
        .elapsed = NAN,
        .rate = NAN,
        .left = NAN,
        .ask_seconds = NAN,
        .wall_time = dh_wall_time(),
    };
    for (uint64_t id = 0; id < dh_history_count(history); id++)
        out->counts.by_status[dh_history_trial(history, id)->outcome.status]++;
    out->counts.ready = out->counts.by_status[DH_TRIAL_PENDING];
    out->counts.incumbent = dh_history_best(history, settings->objectives[0].maximize);
}

uint64_t done_count(const struct dh_progress *progress)
{
    const uint64_t *by_status = progress->counts.by_status;
    return by_status[DH_TRIAL_SUCCEEDED] + by_status[DH_TRIAL_FAILED] +
           by_status[DH_TRIAL_TIMEOUT] + by_status[DH_TRIAL_PRUNED];
}

const struct dh_trial *best_trial(const struct dh_progress *progress)
{
    uint64_t id = progress->counts.incumbent;
    if (id >= dh_history_count(progress->history))
        return NULL;
    const struct dh_trial *trial = dh_history_trial(progress->history, id);
    bool there = dh_trial_ended_by(trial, UINT64_MAX);
    return there && trial->outcome.status == DH_TRIAL_SUCCEEDED ? trial : NULL;
}

static void put_counts(const struct dh_progress *progress, struct dh_buffer *out)
{
    const uint64_t *by_status = progress->counts.by_status;
    uint64_t failed = by_status[DH_TRIAL_FAILED] + by_status[DH_TRIAL_TIMEOUT];
    dh_buffer_printf(out, "%" PRIu64, done_count(progress));
    if (progress->settings->search.max_evaluations > 0)
        dh_buffer_printf(out, "/%" PRId64, progress->settings->search.max_evaluations);
    dh_buffer_text(out, " done");
    if (failed > 0)
        dh_buffer_printf(out, ", %" PRIu64 " failed", failed);
    if (by_status[DH_TRIAL_PRUNED] > 0)
        dh_buffer_printf(out, ", %" PRIu64 " pruned", by_status[DH_TRIAL_PRUNED]);
}

/* Of several objectives the first is the one that the scheduler follows: it is named. */
static void put_best(const struct dh_progress *progress, struct dh_buffer *out)
{
    const struct dh_settings *settings = progress->settings;
    const struct dh_trial *best = best_trial(progress);
    if (!best)
        return;
    dh_buffer_text(out, " | best ");
    if (settings->objective_count > 1)
        dh_buffer_printf(out, "%s of %zu objectives ", settings->objectives[0].name,
                         settings->objective_count);
    dh_buffer_printf(out, "%.6g (#%" PRIu64 ")", best->outcome.objectives[0], best->id);
}

/* What is not evaluating is named where it is most of the rest and matters. */
static void put_busy(const struct dh_usage *usage, struct dh_buffer *out)
{
    int most = DH_USE_WAITING;
    for (int use = DH_USE_WAITING + 1; use < DH_USE_COUNT; use++)
        if (usage->by_use[use] > usage->by_use[most])
            most = use;
    dh_buffer_printf(out, " | %.0f%% busy", 100 * dh_usage_share(usage, DH_USE_EVALUATING));
    if (dh_usage_share(usage, most) >= NOTEWORTHY)
        dh_buffer_printf(out, ", %.0f%% %s", 100 * dh_usage_share(usage, most), dh_use_key(most));
}

void dh_report_line(const struct dh_progress *progress, struct dh_buffer *out)
{
    put_counts(progress, out);
    put_best(progress, out);
    if (progress->rate > 0)
        dh_buffer_printf(out, " | %.*f/s", progress->rate < 100 ? 1 : 0, progress->rate);
    if (dh_usage_total(&progress->usage) > 0)
        put_busy(&progress->usage, out);
    if (!progress->finished && isfinite(progress->left)) {
        dh_buffer_text(out, " | left ");
        dh_text_put_duration(out, progress->left);
    }
}

/* How much of a line, whose text begins at `begin`, the terminal has room for: one that wraps is
 * not overwritten by the next. UTF-8 is cut between characters, each of them one column wide. */
static size_t fitting(int fd, const struct dh_buffer *line, size_t begin)
{
    struct winsize window;
    size_t columns = 0, size = begin;
    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
        return line->size;
    for (; size < line->size; size++) {
        bool starts = ((unsigned char)line->data[size] & 0xc0) != 0x80;
        columns += starts;
        if (starts && columns >= window.ws_col)
            break;
    }
    return size;
}

void dh_report_show_line(const struct dh_progress *progress, FILE *terminal)
{
    struct dh_buffer line = {0};
    int fd = fileno(terminal);
    dh_buffer_text(&line, "\r\033[K");
    size_t begin = line.size;
    dh_report_line(progress, &line);
    dh_buffer_text(&line, progress->finished ? "\n" : "");
    size_t size = progress->finished ? line.size : fitting(fd, &line, begin);
    if (fd >= 0) { /* one that is stopped (Ctrl-S) does not stop the search */
        dh_streams_write(fd, line.data, size, 0, -1);
    } else {
        fwrite(line.data, 1, size, terminal);
        fflush(terminal);
    }
    dh_buffer_free(&line);
}
