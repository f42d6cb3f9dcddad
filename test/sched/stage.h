/* A scheduler on a stage: events in a line each, actions as text to compare with. */
#ifndef DH_TEST_SCHED_STAGE_H
#define DH_TEST_SCHED_STAGE_H

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"
#include "dh_mpi/sched.h"

struct stage {
    struct dh_history *history;
    struct dh_sched *sched;
    double now;
};

static inline struct dh_sched_settings plain_settings(void)
{
    return (struct dh_sched_settings){.target = NAN, .maximize = true, .lost_retries = 3};
}

static inline void stage_open(struct stage *stage, struct dh_sched_settings settings)
{
    if (!stage->history)
        stage->history = dh_history_create(1, 1);
    stage->sched = dh_sched_create(&settings, stage->history, stage->now);
}

static inline void stage_close(struct stage *stage)
{
    dh_sched_destroy(&stage->sched);
    dh_history_destroy(&stage->history);
}

/* Another run on the same history. */
static inline void stage_reopen(struct stage *stage, struct dh_sched_settings settings)
{
    dh_sched_destroy(&stage->sched);
    stage_open(stage, settings);
}

static inline struct dh_sched_counts counts_of(const struct stage *stage)
{
    struct dh_sched_counts counts;
    dh_sched_counts(stage->sched, &counts);
    return counts;
}

static inline struct dh_outcome outcome_of(enum dh_trial_status status, double objective,
                                           const char *reason)
{
    struct dh_outcome outcome = {.status = status, .reason = dh_strdup(reason), .worker = -1};
    outcome.objectives = dh_alloc(1, sizeof(double));
    outcome.objectives[0] = objective;
    return outcome;
}

static inline void put_action(struct stage *stage, struct dh_action *action, struct dh_buffer *out)
{
    const char *const names[] = {"start", "cancel", "retry", "end", "stop", "done", "hold"};
    dh_buffer_printf(out, "%s%s", out->size ? "; " : "", names[action->kind]);
    if (action->kind == DH_ACTION_STOP) {
        dh_buffer_printf(out, " %s", dh_stop_text(action->stop));
        return;
    }
    if (action->kind == DH_ACTION_DONE) {
        assert_int_equal(action->stop, counts_of(stage).stop);
        return;
    }
    dh_buffer_printf(out, " %" PRIu64, action->trial);
    if (action->kind == DH_ACTION_START || action->kind == DH_ACTION_CANCEL)
        dh_buffer_printf(out, "@%d.%d", action->worker, action->slot);
    if (action->kind == DH_ACTION_END)
        dh_buffer_printf(out, " %s", dh_trial_status_text(action->outcome->status));
    if (action->retries > 0)
        dh_buffer_printf(out, " r%u", action->retries);
    if (action->outcome && action->outcome->reason)
        dh_buffer_printf(out, " (%s)", action->outcome->reason);
    if (action->kind == DH_ACTION_END)
        assert_int_equal(dh_history_end(stage->history, action->trial, action->outcome, NULL),
                         DH_OK);
}

/* Every action there is now, as text; END ones are entered in the history. */
static inline void expect(struct stage *stage, const char *actions)
{
    struct dh_buffer text = {0};
    struct dh_action action;
    while (dh_sched_next(stage->sched, &action))
        put_action(stage, &action, &text);
    assert_string_equal(text.size ? text.data : "", actions);
    dh_buffer_free(&text);
}

static inline uint64_t propose(struct stage *stage)
{
    double value = 0;
    return dh_history_propose(stage->history, &value)->id;
}

static inline void offer(struct stage *stage, int count)
{
    for (int i = 0; i < count; i++)
        assert_true(dh_sched_offer(stage->sched, propose(stage), stage->now));
}

/* Worker with `slots` slots that all claim. */
static inline void enter(struct stage *stage, int32_t worker, int32_t slots)
{
    assert_true(dh_sched_join(stage->sched, worker, slots, stage->now));
    for (int32_t s = 0; s < slots; s++)
        assert_true(dh_sched_claim(stage->sched, worker, s, stage->now));
}

/* Worker 1 with `slots` slots that run the first of `trials` trials. */
static inline void stage_begin(struct stage *stage, struct dh_sched_settings settings, int slots,
                               int trials)
{
    struct dh_buffer starts = {0};
    for (int i = 0; i < slots && i < trials; i++)
        dh_buffer_printf(&starts, "%sstart %d@1.%d", i ? "; " : "", i, i);
    stage_open(stage, settings);
    enter(stage, 1, slots);
    offer(stage, trials);
    expect(stage, starts.data);
    dh_buffer_free(&starts);
}

/* Takes `outcome`; says whether the scheduler did. */
static inline bool result(struct stage *stage, int32_t worker, int32_t slot, uint64_t trial,
                          struct dh_outcome outcome)
{
    bool taken = dh_sched_result(stage->sched, worker, slot, trial, &outcome, stage->now);
    if (!taken)
        dh_outcome_free(&outcome);
    return taken;
}

static inline void succeed(struct stage *stage, int32_t worker, int32_t slot, uint64_t trial,
                           double objective)
{
    assert_true(
        result(stage, worker, slot, trial, outcome_of(DH_TRIAL_SUCCEEDED, objective, NULL)));
}

static inline void fail_with(struct stage *stage, int32_t worker, int32_t slot, uint64_t trial,
                             const char *reason)
{
    assert_true(result(stage, worker, slot, trial, outcome_of(DH_TRIAL_FAILED, NAN, reason)));
}

static inline void come_back_cancelled(struct stage *stage, int32_t worker, int32_t slot,
                                       uint64_t trial)
{
    assert_true(result(stage, worker, slot, trial, outcome_of(DH_TRIAL_CANCELLED, NAN, NULL)));
}

#endif
