/* Limits of a run, and how its evaluation is told to end: see run_limits.h. */
#include "run_limits.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/text.h"

/* Of the time until SIGKILL: for an evaluation that can be told, before SIGTERM tells it. */
#define STOP_SHARE 0.5
/* Seconds between SIGTERM and SIGKILL of what is over a limit of memory or processes, for srun and
 * its like to end what they have started elsewhere. The limit is there for the sake of others on
 * the node: at so many times the limit SIGKILL comes at once. */
#define OVER_PATIENCE 2.0
#define OVER_MOST 1.1
/* Of what the processes have resident, from one look at their memory to the next: that costs some
 * milliseconds per GiB. */
#define PEAK_STEP 1.05

static void send_signal(struct eval_run *run, enum eval_guard_order order)
{
    run->process.doomed = run->process.control >= 0; /* there may be no process yet */
    eval_run_order(run, order);
}

/* Is there somebody who hears the runner's `stop`? */
static bool can_be_told(const struct eval_run *run)
{
    const struct eval_runner *runner = eval_run_runner(run);
    return runner->stop && run->process.requests >= 0 &&
           (run->process.ready || !runner->persistent);
}

/* Tell the evaluation to end with `status` and `reason` (taken): politely first, if there are
 * `patience` > 0 seconds until SIGKILL. Nothing happens if it has answered (unless that waits,
 * which it then does no longer) or was told before. */
static void tell_to_end(struct eval_run *run, enum dh_trial_status status, char *reason,
                        double patience, double now)
{
    bool answered = run->answered && isinf(run->conclude_at);
    if (!run->busy || answered || run->ending != DH_TRIAL_PENDING) {
        free(reason);
        return;
    }
    run->ending = status;
    run->ending_reason = reason;
    run->limit_at = INFINITY;
    run->kill_at = patience > 0 ? now + patience : INFINITY;
    run->conclude_at = isinf(run->conclude_at) ? INFINITY : now;
    if (patience > 0 && can_be_told(run)) {
        eval_run_runner(run)->stop(run);
        run->term_at = now + STOP_SHARE * patience;
    } else {
        send_signal(run, patience > 0 ? EVAL_GUARD_TERM : EVAL_GUARD_KILL);
    }
}

void eval_run_kill_within(struct eval_run *run, double seconds, double now)
{
    run->kill_at = fmin(run->kill_at, now + seconds);
}

void eval_run_break(struct eval_run *run, const char *reason)
{
    tell_to_end(run, DH_TRIAL_FAILED, dh_strdup(reason), 0, dh_clock_now(&dh_clock_monotonic));
}

void eval_run_cancel(struct eval_run *run, uint64_t trial, double now)
{
    if (run->busy && run->job.trial == trial)
        tell_to_end(run, DH_TRIAL_CANCELLED, dh_strdup("cancelled"),
                    run->host->plan->options->kill_after, now);
}

/* "2 GiB", "512 MiB", "1000 bytes" */
static void put_bytes(struct dh_buffer *out, double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < DH_COUNT_OF(units); unit++)
        bytes /= 1024;
    dh_buffer_printf(out, "%.4g %s", bytes, units[unit]);
}

/* Bytes that count against `limit` (0: none) and for the peak: the memory of all processes, each
 * page once, where what they have resident says that it may matter; else 0. */
static uint64_t memory_in_use(struct eval_run *run, const struct eval_process_table *table,
                              const struct eval_process_use *use, double limit)
{
    bool over = limit > 0 && (double)use->resident > limit;
    bool peak = (double)use->resident > PEAK_STEP * (double)run->peak_resident;
    if (use->processes < 2)
        return use->resident;
    if (!over && !peak)
        return 0;
    if (peak)
        run->peak_resident = use->resident;
    return eval_process_tree_memory(table, run->process.guard);
}

void eval_run_check_use(struct eval_run *run, const struct eval_process_table *table, double now)
{
    const struct eval_options *options = run->host->plan->options;
    if (!run->busy || run->process.control < 0)
        return;
    struct eval_process_use use = eval_process_tree_use(table, run->process.guard);
    uint64_t memory = memory_in_use(run, table, &use, options->memory_limit);
    run->peak_bytes = memory > run->peak_bytes ? memory : run->peak_bytes;
    double bytes = options->memory_limit > 0 ? (double)memory / options->memory_limit : 0;
    double count =
        options->process_limit > 0 ? (double)use.processes / (double)options->process_limit : 0;
    if (run->answered || fmax(bytes, count) <= 1)
        return;
    struct dh_buffer text = {0};
    if (bytes > 1) {
        dh_buffer_text(&text, "memory limit ");
        put_bytes(&text, options->memory_limit);
        dh_buffer_text(&text, " exceeded");
    } else {
        dh_buffer_printf(&text, "process limit %lld exceeded: %zu processes",
                         (long long)options->process_limit, use.processes);
    }
    tell_to_end(run, DH_TRIAL_FAILED, dh_buffer_take(&text), OVER_PATIENCE, now);
    eval_run_kill_within(run, fmax(bytes, count) > OVER_MOST ? 0 : OVER_PATIENCE, now);
    run->process.doomed =
        true; /* what it keeps in memory would be the next evaluation's end, too */
}

/* "10:00" from a minute on, "2.5 s" below. */
static void put_limit(struct dh_buffer *out, double seconds)
{
    if (seconds < 60)
        dh_buffer_printf(out, "%g s", seconds);
    else
        dh_text_put_duration(out, seconds);
}

/* A persistent process is not ready in time: no evaluation was in it, so none has failed. */
static void give_up_waiting(struct eval_run *run, double now)
{
    const struct eval_plan *plan = run->host->plan;
    double patience = plan->options->kill_after;
    struct dh_buffer limit = {0};
    put_limit(&limit, eval_run_runner(run)->startup_limit(plan));
    run->unable = eval_run_runner(run)->too_slow(plan, limit.data);
    dh_buffer_free(&limit);
    send_signal(run, patience > 0 ? EVAL_GUARD_TERM : EVAL_GUARD_KILL);
    run->kill_at = patience > 0 ? now + patience : INFINITY;
}

static void time_is_up(struct eval_run *run, double now)
{
    const struct eval_plan *plan = run->host->plan;
    run->limit_at = INFINITY;
    if (eval_run_runner(run)->persistent && !run->process.ready) {
        give_up_waiting(run, now);
        return;
    }
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "timeout after ");
    put_limit(&text, plan->options->timeout);
    tell_to_end(run, DH_TRIAL_TIMEOUT, dh_buffer_take(&text), plan->options->kill_after, now);
}

void eval_run_enforce(struct eval_run *run, double now)
{
    if (run->busy && now >= run->limit_at)
        time_is_up(run, now);
    if (now >= run->term_at) {
        run->term_at = INFINITY;
        if (!run->answered)
            send_signal(run, EVAL_GUARD_TERM);
    }
    if (now >= run->kill_at) {
        run->kill_at = INFINITY;
        send_signal(run, EVAL_GUARD_KILL);
    }
}

double eval_run_next_time(const struct eval_run *run)
{
    double end = fmin(run->term_at, run->kill_at);
    return fmin(run->busy ? run->limit_at : INFINITY, fmin(end, run->conclude_at));
}

void eval_run_postpone(struct eval_run *run, double seconds)
{
    run->limit_at += seconds;
    run->term_at += seconds;
    run->kill_at += seconds;
    run->conclude_at += seconds;
}
