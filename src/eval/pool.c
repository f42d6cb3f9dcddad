/* The pool of slots: see eval.h. It knows which trial is in which slot; all else is up to the
 * backend: the launcher (remote.c), builtin functions (builtin.c), plugins in the rank. */
#include "pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "process.h"
#include "threads.h"

bool dh_eval_sees_processes(void)
{
    return eval_process_visible();
}

/* The first worker for all: they run in the same kind of container. */
static void warn_of_surroundings(const struct dh_eval *pool)
{
    if (pool->plan->worker == 1 && pool->backend == &eval_backend_remote &&
        !dh_eval_sees_processes())
        dh_log_warn(pool->log,
                    "/proc is not there, or that of another PID namespace: what evaluations "
                    "leave running is not ended with them, and limits of memory and processes do "
                    "not hold");
}

dh_status dh_eval_check(const struct dh_settings *settings, const struct dh_space *space,
                        struct dh_launcher *launcher, struct dh_eval_plan *out,
                        struct dh_error *err)
{
    struct eval_plan *plan;
    const struct eval_probe probe = {.launcher = launcher};
    dh_status status = eval_plan_create(settings, space, NULL, 0, &probe, &plan, err);
    if (status != DH_OK)
        return status;
    *out = (struct dh_eval_plan){.type = plan->kind->name,
                                 .slots = (int32_t)plan->options->slots,
                                 .retries = (uint32_t)plan->options->retries,
                                 .timeout = plan->options->timeout,
                                 .ranks = 1,
                                 .in_rank = eval_plan_backend(plan) == &eval_backend_rank,
                                 .cores = plan->kind->process,
                                 .threads = eval_threads_ours(plan)};
    if (plan->kind->ranks)
        out->ranks = plan->kind->ranks(plan);
    eval_plan_free(&plan);
    return DH_OK;
}

void dh_eval_warnings(const struct dh_settings *settings, const struct dh_space *space,
                      struct dh_buffer *out)
{
    struct eval_plan *plan;
    if (eval_plan_create(settings, space, NULL, 0, NULL, &plan, NULL) != DH_OK)
        return;
    dh_buffer_append(out, plan->warnings.data, plan->warnings.size);
    eval_plan_free(&plan);
}

dh_status dh_eval_create(const struct dh_settings *settings, const struct dh_space *space,
                         struct dh_launcher *launcher, int32_t worker, uint32_t threads,
                         const void *communicator, const struct dh_log *log, struct dh_eval **out,
                         struct dh_error *err)
{
    *out = NULL;
    struct dh_eval *pool = dh_alloc(1, sizeof *pool);
    pool->launcher = launcher;
    pool->communicator = communicator;
    pool->log = log;
    dh_status status = eval_plan_create(settings, space, NULL, worker, NULL, &pool->plan, err);
    if (status == DH_OK) {
        pool->plan->threads = threads;
        pool->slots = dh_alloc((size_t)pool->plan->options->slots, sizeof *pool->slots);
        pool->backend = eval_plan_backend(pool->plan);
        warn_of_surroundings(pool);
        status = pool->backend->create(pool, err);
    }
    if (status == DH_OK)
        *out = pool;
    else
        dh_eval_destroy(&pool);
    return status;
}

void dh_eval_destroy(struct dh_eval **eval)
{
    struct dh_eval *pool = *eval;
    if (!pool)
        return;
    if (pool->backend)
        pool->backend->destroy(pool);
    for (size_t i = pool->first; i < pool->event_count; i++)
        dh_outcome_free(&pool->events[i].outcome);
    free(pool->events);
    free(pool->slots);
    eval_plan_free(&pool->plan);
    free(pool);
    *eval = NULL;
}

void dh_eval_set_hooks(struct dh_eval *eval, const struct dh_eval_hooks *hooks)
{
    eval->hooks = *hooks;
}

int32_t dh_eval_slots(const struct dh_eval *eval)
{
    return (int32_t)eval->plan->options->slots;
}

bool dh_eval_running(const struct dh_eval *eval, int32_t slot, uint64_t *trial)
{
    *trial = eval->slots[slot].trial;
    return eval->slots[slot].busy;
}

bool dh_eval_blocks(const struct dh_eval *eval)
{
    return eval->backend == &eval_backend_rank;
}

bool dh_eval_failed(const struct dh_eval *eval)
{
    return eval->failure.status != DH_OK;
}

dh_status dh_eval_start(struct dh_eval *eval, const struct dh_task *task, struct dh_error *err)
{
    if (task->slot < 0 || task->slot >= dh_eval_slots(eval) || eval->slots[task->slot].busy)
        return dh_fail(err, DH_COMM, "worker %d: trial %llu was given to slot %d, which is %s",
                       eval->plan->worker, (unsigned long long)task->trial, task->slot,
                       task->slot < 0 || task->slot >= dh_eval_slots(eval) ? "not there" : "busy");
    eval->slots[task->slot] = (struct eval_slot){.busy = true, .trial = task->trial};
    dh_log_debug(eval->log, "trial %llu starts in slot %d", (unsigned long long)task->trial,
                 task->slot);
    return eval->backend->start(eval, task, err);
}

void dh_eval_cancel(struct dh_eval *eval, int32_t slot, uint64_t trial)
{
    if (slot >= 0 && slot < dh_eval_slots(eval) && eval->slots[slot].busy &&
        eval->slots[slot].trial == trial)
        eval->backend->cancel(eval, slot, trial);
}

void eval_pool_push(struct dh_eval *pool, struct dh_eval_event *event)
{
    struct eval_slot *slot =
        event->slot >= 0 && event->slot < dh_eval_slots(pool) ? &pool->slots[event->slot] : NULL;
    if (!slot || !slot->busy || slot->trial != event->trial) {
        dh_log_warn(pool->log, "dropped a result for trial %llu, which slot %d does not run",
                    (unsigned long long)event->trial, event->slot);
        dh_outcome_free(&event->outcome);
        return;
    }
    if (event->kind == DH_EVAL_DONE) {
        slot->busy = false;
        dh_log_debug(pool->log, "trial %llu ended: %s%s%s", (unsigned long long)event->trial,
                     dh_trial_status_text(event->outcome.status), event->outcome.reason ? ", " : "",
                     event->outcome.reason ? event->outcome.reason : "");
    }
    *DH_PUSH(pool->events, pool->event_count, pool->event_capacity) = *event;
}

dh_status dh_eval_poll(struct dh_eval *eval, struct dh_eval_event *out, struct dh_error *err)
{
    if (eval->first == eval->event_count) {
        eval->first = eval->event_count = 0;
        if (!dh_eval_failed(eval))
            eval->backend->poll(eval, &eval->failure);
    }
    if (eval->first == eval->event_count && dh_eval_failed(eval)) {
        *err = eval->failure;
        return err->status;
    }
    if (eval->first == eval->event_count)
        return DH_EMPTY;
    *out = eval->events[eval->first];
    memset(&eval->events[eval->first++], 0, sizeof *eval->events);
    return DH_OK;
}

int dh_eval_fd(const struct dh_eval *eval)
{
    return eval->backend->fd ? eval->backend->fd(eval) : -1;
}

double dh_eval_next_time(const struct dh_eval *eval)
{
    if (eval->first < eval->event_count || dh_eval_failed(eval))
        return -INFINITY;
    return eval->backend->next_time ? eval->backend->next_time(eval) : (double)INFINITY;
}
