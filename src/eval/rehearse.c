/* What a search would start for its evaluations, up to the moment at which it could evaluate. It is
 * a run of the launcher's, with a process and a guard as there, but without an evaluation. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/eval.h"
#include "run.h"
#include "run_process.h"
#include "wire.h"

/* For a process that has been told to end. */
#define END_SECONDS 30.0

/* Wait for what the run's process does, or for its next time, at most until `deadline`. */
static void turn(struct eval_run *run, double deadline)
{
    struct pollfd fds[EVAL_RUN_FDS];
    double left = fmin(eval_run_next_time(run), deadline) - dh_clock_now(&dh_clock_monotonic);
    poll(fds, eval_run_fds(run, fds), (int)(1e3 * fmin(fmax(left, 0), 60)) + 1);
    eval_run_service(run);
    eval_run_tick(run, dh_clock_now(&dh_clock_monotonic));
}

/* Why it did not get ready, as the rank would be told; the caller frees it. */
static char *reason_of(const struct eval_run *run)
{
    size_t offset = 0;
    struct eval_frame frame;
    char *reason = NULL;
    if (!eval_wire_next(&run->host->out, &offset, &frame))
        return dh_strdup(run->unable          ? run->unable
                         : run->ending_reason ? run->ending_reason
                                              : "its guard process was killed");
    if (frame.kind == EVAL_WIRE_FATAL) {
        struct dh_error told;
        eval_wire_fatal(&frame, &told);
        reason = dh_strdup(told.text);
    } else if (frame.kind == EVAL_WIRE_DONE) {
        struct dh_message message = {.data = frame.data, .size = frame.size};
        struct dh_outcome outcome = {0};
        int32_t slot;
        uint64_t trial;
        if (dh_result_unpack(&message, run->host->plan->objective_count, &slot, &trial, &outcome) &&
            outcome.reason)
            reason = dh_strprintf("it ended before it could evaluate (%s)", outcome.reason);
        dh_outcome_free(&outcome);
    }
    return reason ? reason : dh_strdup("?");
}

static dh_status rehearse(const struct eval_plan *plan, struct dh_error *err)
{
    struct eval_host host = {.plan = plan, .signalled_at = -INFINITY};
    struct eval_run run;
    size_t count = dh_space_count(plan->space);
    double *middle = dh_alloc(count, sizeof *middle);
    for (size_t i = 0; i < count; i++)
        middle[i] = 0.5;
    eval_run_init(&run, &host, 0);
    getrlimit(RLIMIT_NOFILE, &host.files);
    run.job = (struct eval_job){.plan = plan, .values = dh_alloc(count, sizeof *run.job.values)};
    dh_space_decode(plan->space, middle, run.job.values);
    free(middle);
    run.started = dh_moment_now();
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    dh_status status = eval_run_spawn(&run, err);
    if (status == DH_OK) {
        run.busy = true;
        plan->kind->runner->greet(&run);
        run.limit_at = dh_clock_now(&dh_clock_monotonic) + plan->kind->runner->startup_limit(plan);
        while (!run.process.ready && !run.lost && run.process.control >= 0 && !host.out.size &&
               !run.ending_reason)
            turn(&run, INFINITY);
        if (!run.process.ready) {
            char *reason = reason_of(&run);
            status = dh_fail(err, host.refused ? DH_CONFIG : DH_UNABLE, "%s", reason);
            free(reason);
        }
        double deadline = dh_clock_now(&dh_clock_monotonic) + END_SECONDS;
        eval_run_order(&run, EVAL_GUARD_KILL);
        while (run.process.control >= 0 && !run.lost &&
               dh_clock_now(&dh_clock_monotonic) < deadline)
            turn(&run, deadline);
        eval_run_close(&run); /* which ends the guard, if it still is there */
        waitpid(run.process.guard, NULL, 0);
    } else {
        eval_run_close(&run);
    }
    signal(SIGPIPE, before);
    dh_buffer_free(&host.out);
    return status;
}

dh_status dh_eval_rehearse(const struct dh_settings *settings, const struct dh_space *space,
                           struct dh_error *err)
{
    struct eval_plan *plan;
    const struct eval_probe probe = {.launcher = NULL};
    dh_status status = eval_plan_create(settings, space, NULL, 0, &probe, &plan, err);
    if (status != DH_OK)
        return status;
    const struct eval_runner *runner = plan->kind->runner;
    if (runner && runner->persistent)
        status = rehearse(plan, err);
    eval_plan_free(&plan);
    return status;
}
