/* The summary at the end of a search: see report.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/report.h"
#include "dh_mpi/text.h"
#include "parts.h"

#define MOST_REASONS 5
#define LONGEST_REASON 70
#define SMALLEST_SHARE 0.0005 /* of the time, that is worth a word */

static void put_headline(const struct dh_progress *progress, struct dh_buffer *out)
{
    enum dh_stop stop = progress->counts.stop;
    dh_buffer_printf(out, "\n%s: ", progress->name);
    if (stop != DH_STOP_NONE)
        dh_buffer_printf(out, "%s (%s), ", dh_stop_finished(stop) ? "finished" : "stopped early",
                         dh_stop_text(stop));
    dh_buffer_printf(out, "%" PRIu64 " evaluation%s", done_count(progress),
                     done_count(progress) == 1 ? "" : "s");
    if (progress->counts.ended_here < done_count(progress))
        dh_buffer_printf(out, ", %" PRIu64 " of them now", progress->counts.ended_here);
    if (isfinite(progress->elapsed)) {
        dh_buffer_text(out, " in ");
        dh_text_put_duration(out, progress->elapsed);
    }
    dh_buffer_text(out, "\n");
}

static void put_best(const struct dh_progress *progress, struct dh_buffer *out)
{
    const struct dh_settings *settings = progress->settings;
    const struct dh_trial *best = best_trial(progress);
    dh_buffer_text(out, "\nbest        ");
    for (size_t i = 0; i < settings->objective_count; i++) {
        dh_buffer_printf(out, "%s%s = ", i ? ", " : "", settings->objectives[i].name);
        dh_text_put_number(out, best->outcome.objectives[i]);
    }
    dh_buffer_printf(out, " (trial %" PRIu64 ", %s)\n  ", best->id,
                     settings->objectives[0].maximize ? "maximised" : "minimised");
    dh_space_format_config(progress->space, best->values, out);
    dh_buffer_text(out, "\n");
}

/* `text` without what could steer a terminal; `margin` stands for each line break but the last. */
static void put_plain(struct dh_buffer *out, const char *text, const char *margin)
{
    struct dh_buffer plain = {0};
    dh_text_put_plain(&plain, text);
    for (const char *line = plain.size ? plain.data : ""; *line;) {
        size_t length = strcspn(line, "\n");
        dh_buffer_append(out, line, length);
        line += length;
        if (*line == '\n' && *++line)
            dh_buffer_text(out, margin);
    }
    dh_buffer_free(&plain);
}

/* Nothing succeeded: what the first failure said is the best hint there is. */
static void put_first_failure(const struct dh_progress *progress, struct dh_buffer *out)
{
    dh_buffer_text(out, "\nno evaluation has succeeded\n");
    for (uint64_t id = 0; id < dh_history_count(progress->history); id++) {
        const struct dh_outcome *outcome = &dh_history_trial(progress->history, id)->outcome;
        if (outcome->status != DH_TRIAL_FAILED && outcome->status != DH_TRIAL_TIMEOUT)
            continue;
        dh_buffer_printf(out, "trial %" PRIu64 ": ", id);
        put_plain(out, outcome->reason ? outcome->reason : dh_trial_status_text(outcome->status),
                  "\n       ");
        dh_buffer_text(out, "\n");
        if (outcome->stderr_tail && *outcome->stderr_tail) {
            dh_buffer_text(out, "  stderr: ");
            put_plain(out, outcome->stderr_tail, "\n          ");
            dh_buffer_text(out, "\n");
        }
        return;
    }
}

struct reason {
    char *text;
    uint64_t count;
};

static int more_often(const void *a, const void *b)
{
    const struct reason *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : strcmp(x->text, y->text);
}

/* The first line of why a trial failed, cut to a readable length (between characters of UTF-8);
 * NULL if it did not. */
static char *reason_line(const struct dh_outcome *outcome)
{
    if (outcome->status != DH_TRIAL_FAILED && outcome->status != DH_TRIAL_TIMEOUT)
        return NULL;
    const char *text = outcome->reason ? outcome->reason : dh_trial_status_text(outcome->status);
    size_t length = strcspn(text, "\n");
    if (length > LONGEST_REASON)
        for (length = LONGEST_REASON; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    return dh_strndup(text, length);
}

/* Different reasons with their counts, most frequent first. */
static struct reason *collect_reasons(const struct dh_history *history, size_t *count)
{
    struct reason *reasons = NULL;
    struct dh_map places = {0};
    size_t capacity = 0;
    *count = 0;
    for (uint64_t id = 0; id < dh_history_count(history); id++) {
        char *text = reason_line(&dh_history_trial(history, id)->outcome);
        if (!text)
            continue;
        uint64_t key = dh_hash_bytes(0, text, strlen(text)), place;
        if (dh_map_get(&places, key, &place)) {
            reasons[place].count++;
            free(text);
            continue;
        }
        dh_map_put(&places, key, *count);
        *DH_PUSH(reasons, *count, capacity) = (struct reason){text, 1};
    }
    dh_map_free(&places);
    if (*count > 1)
        qsort(reasons, *count, sizeof *reasons, more_often);
    return reasons;
}

static void put_reason(const struct reason *reason, struct dh_buffer *out)
{
    dh_buffer_printf(out, "  %6" PRIu64 " x ", reason->count);
    put_plain(out, reason->text, " ");
    dh_buffer_text(out, "\n");
}

static void put_statuses(const struct dh_progress *progress, struct dh_buffer *out)
{
    size_t reason_count;
    dh_buffer_text(out, "\nevaluations");
    if (dh_history_count(progress->history) == 0)
        dh_buffer_text(out, "  none");
    for (int s = DH_TRIAL_PENDING + 1; s < DH_TRIAL_STATUS_COUNT; s++)
        if (progress->counts.by_status[s] > 0)
            dh_buffer_printf(out, "  %s %" PRIu64, dh_trial_status_text(s),
                             progress->counts.by_status[s]);
    if (progress->counts.by_status[DH_TRIAL_PENDING] > 0)
        dh_buffer_printf(out, "  to be evaluated again %" PRIu64,
                         progress->counts.by_status[DH_TRIAL_PENDING]);
    dh_buffer_text(out, "\n");
    struct reason *reasons = collect_reasons(progress->history, &reason_count);
    for (size_t i = 0; i < reason_count; i++) {
        if (i < MOST_REASONS)
            put_reason(&reasons[i], out);
        free(reasons[i].text);
    }
    if (reason_count > MOST_REASONS)
        dh_buffer_printf(out, "  and %zu more reason%s\n", reason_count - MOST_REASONS,
                         reason_count - MOST_REASONS == 1 ? "" : "s");
    free(reasons);
}

/* "evaluating 97.1% (0.4% in vain), waiting for a proposal 2.9%" */
static void put_shares(const struct dh_usage *usage, struct dh_buffer *out)
{
    double total = (double)dh_usage_total(usage);
    dh_text_put_duration(out, total / DH_TICKS);
    dh_buffer_text(out, " in all:");
    for (int use = 0; use < DH_USE_COUNT; use++) {
        double share = dh_usage_share(usage, use);
        if (use == DH_USE_EVALUATING || share > SMALLEST_SHARE)
            dh_buffer_printf(out, "%s %s %.1f%%", use ? "," : "", dh_use_text(use), 100 * share);
        if (use == DH_USE_EVALUATING && (double)usage->failed > SMALLEST_SHARE * total)
            dh_buffer_printf(out, " (%.1f%% failed or cut short)",
                             100 * (double)usage->failed / total);
    }
    dh_buffer_text(out, "\n");
}

static void put_usage(const struct dh_progress *progress, struct dh_buffer *out)
{
    struct dh_usage whole = progress->usage;
    dh_usage_add(&whole, &progress->usage_before);
    if (dh_usage_total(&progress->usage) > 0) {
        dh_buffer_printf(out, "worker time %" PRIu64 " slot%s, ", progress->counts.slots,
                         progress->counts.slots == 1 ? "" : "s");
        put_shares(&progress->usage, out);
    }
    if (dh_usage_total(&progress->usage_before) > 0) {
        dh_buffer_text(out, "  all runs  ");
        put_shares(&whole, out);
    }
    if (progress->late_asks > 0)
        dh_buffer_printf(out, "late asks   %" PRIu64 " (%.3g ms an ask)\n", progress->late_asks,
                         1e3 * progress->ask_seconds);
}

void dh_report_summary(const struct dh_progress *progress, struct dh_buffer *out)
{
    put_headline(progress, out);
    if (best_trial(progress))
        put_best(progress, out);
    else
        put_first_failure(progress, out);
    put_statuses(progress, out);
    put_usage(progress, out);
    dh_buffer_printf(out, "history     %s   (dhctl best %s)\n", progress->checkpoint,
                     progress->checkpoint);
    enum dh_stop stop = progress->counts.stop;
    if (stop == DH_STOP_FAILURES || stop == DH_STOP_ERROR)
        dh_buffer_text(
            out, "resume      mend the cause, then run the same command again; what failed stays "
                 "failed (--fresh starts anew)\n");
    else if (!dh_stop_finished(stop))
        dh_buffer_text(out, "resume      run the same command again\n");
}
