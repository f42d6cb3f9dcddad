/* The pool's backend for evaluations in processes: requests to the launcher, events from it. */
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "launcher.h"
#include "pool.h"
#include "wire.h"

struct remote {
    struct dh_buffer in;
};

static dh_status request(struct dh_eval *pool, enum eval_wire kind, const struct dh_buffer *payload,
                         struct dh_error *err)
{
    dh_status status = eval_launcher_send(pool->launcher, kind, payload, err);
    return status == DH_OK ? DH_OK : dh_fail_context(err, "worker %d", pool->plan->worker);
}

static dh_status create(struct dh_eval *pool, struct dh_error *err)
{
    if (!pool->launcher)
        return dh_fail(err, DH_INTERNAL, "evaluator %s needs a launcher process",
                       pool->plan->kind->name);
    pool->state = dh_alloc(1, sizeof(struct remote));
    pool->launcher->epoch++;
    const struct dh_config *config = pool->plan->settings->config;
    struct dh_buffer payload = {0};
    dh_put_text(&payload, dh_config_path(config));
    dh_put_text(&payload, dh_config_text(config));
    dh_put_text(&payload, pool->plan->folder);
    dh_put_u32(&payload, (uint32_t)pool->plan->worker);
    dh_put_u32(&payload, pool->plan->threads);
    dh_status status = request(pool, EVAL_WIRE_CONFIGURE, &payload, err);
    dh_buffer_free(&payload);
    return status;
}

static void destroy(struct dh_eval *pool)
{
    struct remote *remote = pool->state;
    if (!remote)
        return;
    request(pool, EVAL_WIRE_RESET, NULL, NULL);
    dh_buffer_free(&remote->in);
    free(remote);
}

static dh_status start(struct dh_eval *pool, const struct dh_task *task, struct dh_error *err)
{
    struct dh_buffer payload = {0};
    dh_task_pack(task, dh_space_count(pool->plan->space), &payload);
    dh_status status = request(pool, EVAL_WIRE_START, &payload, err);
    dh_buffer_free(&payload);
    return status;
}

static void cancel(struct dh_eval *pool, int32_t slot, uint64_t trial)
{
    struct dh_buffer payload = {0};
    dh_slot_pack(slot, trial, &payload);
    request(pool, EVAL_WIRE_CANCEL, &payload, NULL); /* a dead launcher is noticed by poll */
    dh_buffer_free(&payload);
}

static dh_status take(struct dh_eval *pool, const struct eval_frame *frame, struct dh_error *err)
{
    struct dh_message message = {.data = frame->data, .size = frame->size};
    struct dh_eval_event event = {0};
    bool known = false;
    if (frame->kind == EVAL_WIRE_FATAL)
        return eval_wire_fatal(frame, err);
    if (frame->kind == EVAL_WIRE_DONE) {
        event.kind = DH_EVAL_DONE;
        known = dh_result_unpack(&message, pool->plan->objective_count, &event.slot, &event.trial,
                                 &event.outcome);
    } else if (frame->kind == EVAL_WIRE_REPORT) {
        event.kind = DH_EVAL_REPORT;
        known = dh_progress_unpack(&message, &event.slot, &event.trial, &event.step, &event.value);
    }
    if (!known)
        return dh_fail(err, DH_INTERNAL, "worker %d: its launcher sent a broken message (kind %d)",
                       pool->plan->worker, (int)frame->kind);
    eval_pool_push(pool, &event);
    return DH_OK;
}

static dh_status poll_launcher(struct dh_eval *pool, struct dh_error *err)
{
    struct remote *remote = pool->state;
    int there = eval_read_some(pool->launcher->fd, &remote->in, 1 << 16);
    size_t offset = 0;
    struct eval_frame frame;
    dh_status status = DH_OK;
    while (eval_wire_next(&remote->in, &offset, &frame)) {
        if (frame.epoch != pool->launcher->epoch)
            continue;
        /* the first error counts; results that came behind it do, too */
        dh_status taken = take(pool, &frame, status == DH_OK ? err : NULL);
        status = status == DH_OK ? taken : status;
    }
    dh_buffer_consume(&remote->in, offset);
    if (status == DH_OK && there < 0)
        return dh_fail(err, DH_INTERNAL, "worker %d: its launcher process (%d) has ended",
                       pool->plan->worker, (int)pool->launcher->pid);
    return status;
}

static int descriptor(const struct dh_eval *pool)
{
    return pool->launcher->fd;
}

const struct eval_backend eval_backend_remote = {
    .create = create,
    .destroy = destroy,
    .start = start,
    .cancel = cancel,
    .poll = poll_launcher,
    .fd = descriptor,
};
