/* The end of a search, in steps: see ending.h. */
#include "ending.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "dh_mpi/text.h"
#include "signals.h"

/* Looking for a signal is a system call: not in every step. */
#define LOOK_GAP 0.01
/* Launchers and batch systems may each pass on the same request: that is one signal. */
#define SAME_SIGNAL 0.25

void dh_ending_start(struct dh_ending *ending, struct dh_manager *manager, int signals,
                     double grace, const struct dh_log *log)
{
    *ending = (struct dh_ending){.manager = manager,
                                 .log = log,
                                 .signals = signals,
                                 .grace = grace,
                                 .last_signal = -INFINITY,
                                 .cancel_at = INFINITY};
}

static void take_signal(struct dh_ending *ending, int number, double now)
{
    const char *name = sigabbrev_np(number) ? sigabbrev_np(number) : "?";
    bool first = isinf(ending->last_signal) != 0;
    if (first) {
        struct dh_sched_counts counts;
        dh_sched_counts(dh_manager_sched(ending->manager), &counts);
        bool over = dh_stop_finished(counts.stop);
        dh_log_warn(ending->log, "SIG%s: %s", name,
                    over ? "the search is over; a further signal ends at once what still runs"
                         : "stopping; the same command resumes");
        dh_manager_stop(ending->manager, DH_STOP_SIGNAL, false);
    } else if (now - ending->last_signal >= SAME_SIGNAL) {
        if (!ending->cancelled)
            dh_log_warn(ending->log, "SIG%s: stopping at once", name);
        ending->cancel_at = fmin(ending->cancel_at, now);
    }
    ending->last_signal = now;
}

static void look_for_signals(struct dh_ending *ending, double now)
{
    int number;
    if (now < ending->next_look)
        return;
    ending->next_look = now + LOOK_GAP;
    while ((number = dh_app_signals_take(ending->signals)) != 0)
        take_signal(ending, number, now);
}

/* A stop has just begun. One of a finished search has cancelled already what still ran; but a
 * plugin in a rank does not hear that, and it has the same time to come to its end. */
static void begin(struct dh_ending *ending, const struct dh_sched_counts *counts, double now)
{
    double deadline = dh_sched_deadline(dh_manager_sched(ending->manager));
    ending->begun = true;
    ending->cancel_at = fmax(now, fmin(now, deadline) + ending->grace);
    if (dh_stop_finished(counts->stop) || counts->running == 0 || ending->grace <= 0)
        return;
    struct dh_buffer text = {0};
    dh_text_put_duration(&text, ending->cancel_at - now);
    dh_log_info(ending->log,
                "%" PRIu64 " evaluation%s may end within %s; a further signal stops %s at once",
                counts->running, counts->running == 1 ? "" : "s", text.data,
                counts->running == 1 ? "it" : "them");
    dh_buffer_free(&text);
}

static void cancel(struct dh_ending *ending, const struct dh_sched_counts *counts)
{
    ending->cancelled = true;
    if (counts->running > 0 && !dh_stop_finished(counts->stop))
        dh_log_info(ending->log, "stopping %" PRIu64 " evaluation%s; the next run repeats %s",
                    counts->running, counts->running == 1 ? "" : "s",
                    counts->running == 1 ? "it" : "them");
    dh_manager_stop(ending->manager, counts->stop, true);
}

void dh_ending_heed(struct dh_ending *ending, double now)
{
    struct dh_sched_counts counts;
    look_for_signals(ending, now);
    dh_sched_counts(dh_manager_sched(ending->manager), &counts);
    if (counts.stop == DH_STOP_NONE)
        return;
    if (!ending->begun)
        begin(ending, &counts, now);
    if (!ending->cancelled && now >= ending->cancel_at)
        cancel(ending, &counts);
}

double dh_ending_next_time(const struct dh_ending *ending)
{
    return ending->cancelled ? (double)INFINITY : ending->cancel_at;
}
