/* What becomes of a trial: it ends, goes back to the front of the queue, or stays pending for the
 * next run. */
#include <math.h>
#include <stdlib.h>

#include "state.h"

struct trial_state *trial_at(struct dh_sched *sched, uint64_t id)
{
    size_t wanted = (size_t)id + 1;
    if (wanted > sched->trial_count) {
        size_t half_more = sched->trial_count + sched->trial_count / 2;
        size_t count = wanted > half_more ? wanted : half_more;
        sched->trials = dh_realloc(sched->trials, count * sizeof *sched->trials);
        memset(sched->trials + sched->trial_count, 0,
               (count - sched->trial_count) * sizeof *sched->trials);
        sched->trial_count = count;
    }
    return &sched->trials[id];
}

void trials_resume(struct dh_sched *sched)
{
    for (uint64_t id = 0; id < dh_history_count(sched->history); id++) {
        bool ended = dh_trial_ended_by(dh_history_trial(sched->history, id), UINT64_MAX);
        trial_at(sched, id)->phase = ended ? TRIAL_ENDED : TRIAL_READY;
        if (!ended)
            deque_push_back(&sched->ready, id);
    }
}

static void end(struct dh_sched *sched, uint64_t trial, struct dh_outcome *outcome)
{
    struct trial_state *state = trial_at(sched, trial);
    state->phase = TRIAL_ENDED;
    outcome->retries = state->retries;
    tally_end(&sched->tally, trial, outcome);
    fit_learn(&sched->fit, dh_history_trial(sched->history, trial), outcome);
    sched->ended_here += outcome->status != DH_TRIAL_CANCELLED;
    action_push_trial(sched, DH_ACTION_END, trial, outcome);
}

void trial_put_back(struct dh_sched *sched, uint64_t trial)
{
    trial_at(sched, trial)->phase = TRIAL_READY;
    deque_push_front(&sched->ready, trial);
}

/* An outcome of an evaluation that did not report one itself. Takes `reason`. */
static struct dh_outcome outcome_without_result(const struct dh_sched *sched,
                                                enum dh_trial_status status, char *reason,
                                                int32_t worker, int32_t slot)
{
    struct dh_outcome outcome = {.status = status,
                                 .reason = reason,
                                 .started = NAN,
                                 .ended = NAN,
                                 .cpu_seconds = NAN,
                                 .worker = worker,
                                 .slot = slot};
    outcome_check(sched, &outcome);
    return outcome;
}

static void refuse(struct dh_outcome *outcome, char *reason)
{
    outcome->status = DH_TRIAL_FAILED;
    free(outcome->reason);
    outcome->reason = reason;
}

static void refuse_non_finite(struct dh_outcome *outcome, size_t count)
{
    for (size_t i = 0; i < count && outcome->status == DH_TRIAL_SUCCEEDED; i++) {
        double value = outcome->objectives[i];
        const char *text = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
        if (!isfinite(value))
            refuse(outcome, count == 1 ? dh_strprintf("objective is %s", text)
                                       : dh_strprintf("objective %zu is %s", i, text));
    }
}

void outcome_check(const struct dh_sched *sched, struct dh_outcome *outcome)
{
    size_t count = dh_history_objective_count(sched->history);
    if (outcome->status <= DH_TRIAL_PENDING || outcome->status >= DH_TRIAL_STATUS_COUNT)
        refuse(outcome, dh_strdup("the evaluation came back without a final status"));
    if (outcome->status == DH_TRIAL_SUCCEEDED && !outcome->objectives)
        refuse(outcome, dh_strdup("objective is missing"));
    refuse_non_finite(outcome, count);
    if (outcome->status == DH_TRIAL_SUCCEEDED)
        return;
    if (!outcome->objectives)
        outcome->objectives = dh_alloc(count, sizeof *outcome->objectives);
    for (size_t i = 0; i < count; i++)
        outcome->objectives[i] = NAN; /* never mistaken for a good value */
}

/* The evaluation of `trial` vanished before it had an outcome; blame: the trial may be the cause.
 * `how` says so in words that can stand before "3 times". Takes `reason`, which says how it was
 * this time. */
static void vanished(struct dh_sched *sched, uint64_t trial, bool blame, const char *how,
                     char *reason, int32_t worker, int32_t slot)
{
    struct trial_state *state = trial_at(sched, trial);
    sched->lost++;
    state->gone++;
    state->losses += blame;
    enum dh_trial_status status = stopping(sched) ? DH_TRIAL_CANCELLED : DH_TRIAL_FAILED;
    bool again = state->losses <= sched->settings.lost_retries && !stopping(sched);
    if (interrupted(sched)) {
        free(reason);
        trial_put_back(sched, trial);
        return;
    }
    if (status == DH_TRIAL_FAILED && !again) {
        free(reason);
        reason = dh_strprintf("%s %u time%s", how, state->gone, state->gone == 1 ? "" : "s");
    }
    struct dh_outcome outcome = outcome_without_result(sched, status, reason, worker, slot);
    if (again) {
        trial_put_back(sched, trial);
        action_push_trial(sched, DH_ACTION_RETRY, trial, &outcome);
    } else {
        end(sched, trial, &outcome);
    }
}

static bool declined_by(const struct trial_state *state, int32_t worker)
{
    return state->declined > 0 && state->decliner == worker;
}

void trial_lost(struct dh_sched *sched, uint64_t trial, int32_t worker, int32_t slot, bool fit)
{
    /* what was declined often is why the worker is let go */
    bool blame = fit && !declined_by(trial_at(sched, trial), worker);
    char *reason = worker < 0
                       ? dh_strdup("the worker that took it was lost")
                       : dh_strprintf("worker %d %s", worker, fit ? "was lost" : "cannot evaluate");
    vanished(sched, trial, blame, "lost with its worker", reason, worker, slot);
}

/* Is the trial to blame for what its worker gave up? A worker that can begin nothing declines
 * whatever it claims, and claims what it gave back, until one of its slots has done so often enough
 * and it is let go: of as many times in a row as all slots may need, only the first counts. */
static bool blames(const struct dh_sched *sched, struct trial_state *state,
                   const struct dh_outcome *outcome)
{
    bool began = !isnan(outcome->started) || !outcome->reason;
    uint32_t most = DH_UNABLE_LIMIT * (uint32_t)sched->workers[outcome->worker].slot_count;
    state->declined = began ? 0 : declined_by(state, outcome->worker) ? state->declined + 1 : 1;
    state->decliner = outcome->worker;
    return began || state->declined % most == 1;
}

/* Nobody asked for that: the worker is on its way out, or could not begin it and says why; then the
 * outcome has no start. */
static void given_up(struct dh_sched *sched, uint64_t trial, const struct dh_outcome *outcome)
{
    const char *why = outcome->reason ? outcome->reason : "";
    const char *open = *why ? " (" : "", *shut = *why ? ")" : "";
    char *how = dh_strprintf("given up by its worker%s%s%s", open, why, shut);
    vanished(sched, trial, blames(sched, trial_at(sched, trial), outcome), how,
             dh_strprintf("worker %d gave it up%s%s%s", outcome->worker, open, why, shut),
             outcome->worker, outcome->slot);
    free(how);
}

void trial_drop(struct dh_sched *sched, uint64_t trial)
{
    struct dh_outcome outcome = outcome_without_result(
        sched, DH_TRIAL_CANCELLED, dh_strdup("the search was over before its turn"), -1, -1);
    end(sched, trial, &outcome);
}

/* A search that is finished tries nothing again; one that is interrupted leaves it to the next
 * run. */
static bool may_retry(struct dh_sched *sched, uint64_t trial, const struct dh_outcome *outcome)
{
    bool failed = outcome->status == DH_TRIAL_FAILED || outcome->status == DH_TRIAL_TIMEOUT;
    bool over = dh_stop_finished(sched->stop);
    return failed && !over && trial_at(sched, trial)->retries < sched->settings.retries;
}

static void retry(struct dh_sched *sched, uint64_t trial, struct dh_outcome *outcome)
{
    trial_put_back(sched, trial);
    trial_at(sched, trial)->retries++;
    sched->retried++;
    action_push_trial(sched, DH_ACTION_RETRY, trial, outcome);
}

void trial_result(struct dh_sched *sched, uint64_t trial, struct dh_outcome *outcome,
                  bool cancelled)
{
    if (outcome->status == DH_TRIAL_CANCELLED && !(cancelled && dh_stop_finished(sched->stop))) {
        if (cancelled)
            trial_put_back(sched, trial); /* for the next run */
        else
            given_up(sched, trial, outcome);
        dh_outcome_free(outcome);
    } else if (may_retry(sched, trial, outcome)) {
        retry(sched, trial, outcome);
    } else {
        end(sched, trial, outcome);
    }
}
