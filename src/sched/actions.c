/* The queue of actions, and handing them out.
 *
 * An action is checked when it is handed out, not when it is queued: events that came in between
 * may have taken its slot away, and nothing is sent to a worker that is gone.
 */
#include <stdlib.h>

#include "state.h"

struct queued_action *action_push(struct dh_sched *sched, enum dh_action_kind kind)
{
    struct queued_action *queued =
        DH_PUSH(sched->actions, sched->action_count, sched->action_capacity);
    *queued = (struct queued_action){.action = {.kind = kind, .worker = -1, .slot = -1}};
    return queued;
}

void action_push_slot(struct dh_sched *sched, enum dh_action_kind kind, size_t slot)
{
    const struct slot *s = &sched->slots[slot];
    struct queued_action *queued = action_push(sched, kind);
    queued->slot = slot;
    queued->action.trial = s->trial;
    queued->action.worker = s->worker;
    queued->action.slot = s->number;
    queued->action.retries = trial_at(sched, s->trial)->retries;
}

void action_push_trial(struct dh_sched *sched, enum dh_action_kind kind, uint64_t trial,
                       struct dh_outcome *outcome)
{
    struct queued_action *queued = action_push(sched, kind);
    queued->action.trial = trial;
    queued->action.worker = outcome->worker;
    queued->action.slot = outcome->slot;
    queued->action.retries = trial_at(sched, trial)->retries;
    queued->outcome = *outcome;
    *outcome = (struct dh_outcome){0};
}

/* Was the action overtaken by a later event? If not, note that it is handed out. */
static bool overtaken(struct dh_sched *sched, const struct queued_action *queued)
{
    enum dh_action_kind kind = queued->action.kind;
    if (kind != DH_ACTION_START && kind != DH_ACTION_CANCEL)
        return false;
    struct slot *slot = &sched->slots[queued->slot];
    if (slot->state != SLOT_RUNNING || slot->trial != queued->action.trial)
        return true;
    slot->sent = true;
    return false;
}

bool dh_sched_next(struct dh_sched *sched, struct dh_action *action)
{
    dh_outcome_free(&sched->current.outcome);
    while (sched->taken < sched->action_count) {
        sched->current = sched->actions[sched->taken++];
        if (overtaken(sched, &sched->current))
            continue;
        *action = sched->current.action;
        bool carries = action->kind == DH_ACTION_END || action->kind == DH_ACTION_RETRY;
        action->outcome = carries ? &sched->current.outcome : NULL;
        return true;
    }
    sched->taken = sched->action_count = 0;
    return false;
}

void actions_free(struct dh_sched *sched)
{
    dh_outcome_free(&sched->current.outcome);
    for (size_t i = sched->taken; i < sched->action_count; i++)
        dh_outcome_free(&sched->actions[i].outcome);
    free(sched->actions);
}
