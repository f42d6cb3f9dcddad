/* The worker's side of the protocol (comm.h): one event loop over its slots. */
#include "worker.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"

#define MANAGER 0

struct dh_worker {
    const struct dh_app_setup *setup;
    struct dh_comm *comm;
    const struct dh_log *log;
    struct dh_eval *eval; /* NULL: cannot evaluate */
    struct dh_buffer scratch;
    bool done;
};

static dh_status send(struct dh_worker *worker, enum dh_tag tag, struct dh_error *err)
{
    dh_status status = dh_comm_send(worker->comm, MANAGER, tag, &worker->scratch, err);
    dh_buffer_clear(&worker->scratch);
    return status;
}

/* This worker cannot go on evaluating; the manager decides what that means for the search. */
static dh_status send_fatal(struct dh_worker *worker, const struct dh_error *cause,
                            struct dh_error *err)
{
    dh_put_u32(&worker->scratch, cause->status);
    dh_put_text(&worker->scratch, cause->text);
    return send(worker, DH_TAG_FATAL, err);
}

static dh_status join(struct dh_worker *worker, struct dh_error *err)
{
    struct dh_hello hello = {
        .version = DH_WIRE_VERSION, .slots = dh_eval_slots(worker->eval), .pid = (int32_t)getpid()};
    gethostname(hello.host, sizeof hello.host - 1);
    dh_hello_pack(&hello, &worker->scratch);
    dh_status status = send(worker, DH_TAG_HELLO, err);
    for (int32_t slot = 0; slot < hello.slots && status == DH_OK; slot++) {
        dh_slot_pack(slot, 0, &worker->scratch);
        status = send(worker, DH_TAG_CLAIM, err);
    }
    return status;
}

struct dh_worker *dh_worker_create(const struct dh_app_setup *setup, struct dh_comm *comm,
                                   struct dh_launcher *launcher, const void *communicator,
                                   const struct dh_log *log)
{
    struct dh_worker *worker = dh_alloc(1, sizeof *worker);
    worker->setup = setup;
    worker->comm = comm;
    worker->log = log;
    struct dh_error err;
    dh_status status = dh_eval_create(&setup->settings, setup->space, launcher, dh_comm_rank(comm),
                                      communicator, log, &worker->eval, &err);
    if (status == DH_OK)
        status = join(worker, &err);
    if (status != DH_OK) {
        struct dh_error cause = err;
        if (send_fatal(worker, &cause, &err) != DH_OK)
            dh_log_error(log, "%s (while reporting: %s)", err.text, cause.text);
    }
    return worker;
}

void dh_worker_destroy(struct dh_worker **handle)
{
    struct dh_worker *worker = *handle;
    if (!worker)
        return;
    dh_eval_destroy(&worker->eval);
    dh_buffer_free(&worker->scratch);
    free(worker);
    *handle = NULL;
}

static dh_status bad_message(const struct dh_message *message, struct dh_error *err)
{
    return dh_fail(err, DH_COMM, "a message from rank %d is damaged (tag %d, %zu bytes)",
                   message->peer, (int)message->tag, message->size);
}

static dh_status on_task(struct dh_worker *worker, const struct dh_message *message,
                         struct dh_error *err)
{
    struct dh_task task;
    if (!dh_task_unpack(message, dh_space_count(worker->setup->space), &task))
        return bad_message(message, err);
    if (!worker->eval) { /* the manager has been told and is about to hear it */
        free(task.values);
        return DH_OK;
    }
    dh_status status = dh_eval_start(worker->eval, &task, err);
    free(task.values);
    if (status == DH_OK)
        return DH_OK;
    struct dh_error cause = *err;
    return send_fatal(worker, &cause, err);
}

static dh_status on_cancel(struct dh_worker *worker, const struct dh_message *message,
                           struct dh_error *err)
{
    int32_t slot;
    uint64_t trial;
    if (!dh_slot_unpack(message, &slot, &trial))
        return bad_message(message, err);
    if (worker->eval)
        dh_eval_cancel(worker->eval, slot, trial);
    return DH_OK;
}

static dh_status on_shutdown(struct dh_worker *worker, const struct dh_message *message,
                             struct dh_error *err)
{
    (void)message;
    dh_eval_destroy(&worker->eval);
    worker->done = true;
    return send(worker, DH_TAG_BYE, err);
}

static dh_status (*const handlers[DH_TAG_COUNT])(struct dh_worker *, const struct dh_message *,
                                                 struct dh_error *) = {
    [DH_TAG_TASK] = on_task,
    [DH_TAG_CANCEL] = on_cancel,
    [DH_TAG_SHUTDOWN] = on_shutdown,
};

static dh_status receive_all(struct dh_worker *worker, bool *busy, struct dh_error *err)
{
    struct dh_message message;
    dh_status status;
    while (!worker->done && (status = dh_comm_receive(worker->comm, &message, err)) == DH_OK) {
        *busy = true;
        if (!handlers[message.tag])
            return bad_message(&message, err);
        status = handlers[message.tag](worker, &message, err);
        if (status != DH_OK)
            return status;
    }
    return worker->done || status == DH_EMPTY ? DH_OK : status;
}

static dh_status send_event(struct dh_worker *worker, struct dh_eval_event *event,
                            struct dh_error *err)
{
    if (event->kind == DH_EVAL_REPORT) {
        dh_progress_pack(event->slot, event->trial, event->step, event->value, &worker->scratch);
        return send(worker, DH_TAG_REPORT, err);
    }
    event->outcome.worker = dh_comm_rank(worker->comm);
    event->outcome.slot = event->slot;
    dh_result_pack(event->slot, event->trial, &event->outcome,
                   worker->setup->settings.objective_count, &worker->scratch);
    dh_outcome_free(&event->outcome);
    return send(worker, DH_TAG_RESULT, err);
}

static dh_status send_events(struct dh_worker *worker, bool *busy, struct dh_error *err)
{
    struct dh_eval_event event;
    dh_status status = DH_EMPTY;
    while (worker->eval && (status = dh_eval_poll(worker->eval, &event, err)) == DH_OK) {
        *busy = true;
        status = send_event(worker, &event, err);
        if (status != DH_OK)
            return status;
    }
    if (status == DH_EMPTY)
        return DH_OK;
    struct dh_error cause = *err;
    dh_eval_destroy(&worker->eval); /* it has failed for good: one message, not one a round */
    return send_fatal(worker, &cause, err);
}

dh_status dh_worker_step(struct dh_worker *worker, bool *busy, struct dh_error *err)
{
    *busy = false;
    dh_status status = receive_all(worker, busy, err);
    return status == DH_OK ? send_events(worker, busy, err) : status;
}

bool dh_worker_done(const struct dh_worker *worker)
{
    return worker->done;
}

int dh_worker_fd(const struct dh_worker *worker)
{
    return worker->eval ? dh_eval_fd(worker->eval) : -1;
}

double dh_worker_next_time(const struct dh_worker *worker)
{
    return worker->eval ? dh_eval_next_time(worker->eval) : INFINITY;
}
