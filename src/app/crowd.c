/* Simulated workers: see crowd.h. */
#include "crowd.h"

#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/comm.h"
#include "peers.h"
#include "worker.h"

#define SPIN 2e-6  /* seconds that an idle round without a nap takes */
#define SLACK 6e-5 /* that a nap takes longer than asked for: the system's timer slack */

/* A message that reaches the manager at `time`; `slot` < 0: a heartbeat. */
struct event {
    double time;
    int32_t rank, slot;
};

struct slot {
    double arrives; /* of the result at the manager; NaN: nothing runs */
    uint64_t trial;
    double value, started, ended;
    uint32_t retries;
    enum dh_trial_status status;
};

struct rank {
    double active; /* when it last had something to do */
    double sent;   /* when its last message reached the manager */
    bool touched;  /* in the list of those that the manager has written to */
    bool bye;
};

struct dh_crowd {
    struct dh_crowd_parts parts;
    struct rank *ranks; /* [0] is the manager's and unused */
    struct slot *slots; /* by rank */
    struct event *heap; /* least time first */
    size_t heap_count, heap_capacity;
    int32_t *touched;
    size_t touched_count;
    struct dh_buffer scratch;
    double beat; /* seconds between heartbeats */
    uint64_t messages, started;
};

double dh_crowd_notices(double since, double event, double patient)
{
    const double longest = DH_NAP_LONGEST;
    double at = since + DH_NAP_SPINS * SPIN, rested = 0, nap = DH_NAP_FIRST;
    if (event <= at)
        return event + SPIN;
    for (; at < event && nap < fmax(longest, patient); rested += nap) {
        nap = nap < longest ? nap : fmax(longest, fmin(patient, DH_NAP_SHARE * rested));
        at += nap + SLACK;
        nap = nap < longest ? 2 * nap : nap;
    }
    nap = fmax(longest, patient);
    return at < event ? at + ceil((event - at) / (nap + SLACK)) * (nap + SLACK) : at;
}

/* ---- the queue ---- */

static void push(struct dh_crowd *crowd, double time, int32_t rank, int32_t slot)
{
    crowd->heap =
        dh_grow(crowd->heap, crowd->heap_count, &crowd->heap_capacity, sizeof *crowd->heap);
    size_t at = crowd->heap_count++;
    for (; at > 0 && crowd->heap[(at - 1) / 2].time > time; at = (at - 1) / 2)
        crowd->heap[at] = crowd->heap[(at - 1) / 2];
    crowd->heap[at] = (struct event){time, rank, slot};
}

static struct event pop(struct dh_crowd *crowd)
{
    struct event first = crowd->heap[0], last = crowd->heap[--crowd->heap_count];
    size_t at = 0, count = crowd->heap_count;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && crowd->heap[child + 1].time < crowd->heap[child].time;
        if (crowd->heap[child].time >= last.time)
            break;
        crowd->heap[at] = crowd->heap[child];
    }
    crowd->heap[at] = last;
    return first;
}

/* ---- what the ranks say ---- */

static dh_status send(struct dh_crowd *crowd, int32_t rank, enum dh_tag tag, double now,
                      struct dh_error *err)
{
    dh_status status = dh_comm_send(crowd->parts.ends[rank], 0, tag, &crowd->scratch, err);
    dh_buffer_clear(&crowd->scratch);
    crowd->ranks[rank].sent = now;
    crowd->messages++;
    return status;
}

static struct slot *slot_of(const struct dh_crowd *crowd, int32_t rank, int32_t slot)
{
    return &crowd->slots[(size_t)(rank - 1) * (size_t)crowd->parts.slots + (size_t)slot];
}

static dh_status join(struct dh_crowd *crowd, int32_t rank, struct dh_error *err)
{
    struct dh_hello hello = {
        .version = DH_WIRE_VERSION, .slots = crowd->parts.slots, .host = "simulated"};
    dh_hello_pack(&hello, &crowd->scratch);
    dh_status status = send(crowd, rank, DH_TAG_HELLO, 0, err);
    for (int32_t slot = 0; slot < crowd->parts.slots && status == DH_OK; slot++) {
        dh_slot_pack(slot, 0, &crowd->scratch);
        status = send(crowd, rank, DH_TAG_CLAIM, 0, err);
    }
    push(crowd, crowd->beat, rank, -1);
    return status;
}

static dh_status send_result(struct dh_crowd *crowd, const struct event *event,
                             struct dh_error *err)
{
    struct slot *slot = slot_of(crowd, event->rank, event->slot);
    double value = slot->status == DH_TRIAL_SUCCEEDED ? slot->value : NAN;
    struct dh_outcome outcome = {.status = slot->status,
                                 .objectives = &value,
                                 .started = slot->started,
                                 .ended = slot->ended,
                                 .cpu_seconds = NAN,
                                 .worker = event->rank,
                                 .slot = event->slot,
                                 .retries = slot->retries};
    dh_result_pack(event->slot, slot->trial, &outcome, 1, &crowd->scratch);
    slot->arrives = NAN;
    return send(crowd, event->rank, DH_TAG_RESULT, event->time, err);
}

/* If nothing else was sent for a while. */
static dh_status beat(struct dh_crowd *crowd, const struct event *event, struct dh_error *err)
{
    double due = crowd->ranks[event->rank].sent + crowd->beat;
    if (crowd->ranks[event->rank].bye)
        return DH_OK;
    bool quiet = due <= event->time;
    push(crowd, quiet ? event->time + crowd->beat : due, event->rank, -1);
    return quiet ? send(crowd, event->rank, DH_TAG_HEARTBEAT, event->time, err) : DH_OK;
}

dh_status dh_crowd_deliver(struct dh_crowd *crowd, double now, struct dh_error *err)
{
    dh_status status = DH_OK;
    while (status == DH_OK && crowd->heap_count > 0 && crowd->heap[0].time <= now) {
        struct event event = pop(crowd);
        if (event.slot < 0)
            status = beat(crowd, &event, err);
        else if (slot_of(crowd, event.rank, event.slot)->arrives == event.time)
            status = send_result(crowd, &event, err); /* it was not cancelled meanwhile */
    }
    return status;
}

double dh_crowd_next_time(const struct dh_crowd *crowd)
{
    return crowd->heap_count > 0 ? crowd->heap[0].time : (double)INFINITY;
}

/* ---- what they hear ---- */

static dh_status start(struct dh_crowd *crowd, int32_t rank, const struct dh_message *message,
                       double now, struct dh_error *err)
{
    struct dh_task task;
    const struct dh_simulation *simulation = crowd->parts.simulation;
    if (!dh_task_unpack(message, dh_space_count(simulation->setup->space), &task))
        return dh_fail(err, DH_INTERNAL, "a simulated task is damaged");
    struct slot *slot = slot_of(crowd, rank, task.slot);
    double duration, timeout = crowd->parts.timeout;
    double value = dh_imagined_evaluate(crowd->parts.imagined, task.values, task.seed, task.retries,
                                        &duration);
    bool late = timeout > 0 && duration > timeout;
    double begun =
        dh_crowd_notices(crowd->ranks[rank].active, now + simulation->latency, DH_WORKER_NAP);
    double ended = begun + (late ? timeout : duration);
    *slot = (struct slot){
        .trial = task.trial,
        .value = value,
        .started = begun,
        .ended = ended,
        .retries = task.retries,
        .status = late           ? DH_TRIAL_TIMEOUT
                  : isnan(value) ? DH_TRIAL_FAILED
                                 : DH_TRIAL_SUCCEEDED,
        .arrives = ended + SLACK + simulation->latency, /* it sleeps no longer than that */
    };
    crowd->ranks[rank].active = begun;
    crowd->started++;
    push(crowd, slot->arrives, rank, task.slot);
    free(task.values);
    return DH_OK;
}

static dh_status cancel(struct dh_crowd *crowd, int32_t rank, const struct dh_message *message,
                        double now, struct dh_error *err)
{
    int32_t number;
    uint64_t trial;
    if (!dh_slot_unpack(message, &number, &trial))
        return dh_fail(err, DH_INTERNAL, "a simulated cancel is damaged");
    struct slot *slot = slot_of(crowd, rank, number);
    double then = dh_crowd_notices(crowd->ranks[rank].active,
                                   now + crowd->parts.simulation->latency, DH_WORKER_NAP);
    if (isnan(slot->arrives) || slot->trial != trial || slot->ended <= then)
        return DH_OK;
    slot->status = DH_TRIAL_CANCELLED;
    slot->ended = then;
    slot->arrives = then + crowd->parts.simulation->latency;
    push(crowd, slot->arrives, rank, number);
    return DH_OK;
}

static dh_status hear(struct dh_crowd *crowd, int32_t rank, const struct dh_message *message,
                      double now, struct dh_error *err)
{
    switch (message->tag) {
    case DH_TAG_TASK:
        return start(crowd, rank, message, now, err);
    case DH_TAG_CANCEL:
        return cancel(crowd, rank, message, now, err);
    case DH_TAG_SHUTDOWN:
        crowd->ranks[rank].bye = true;
        return send(crowd, rank, DH_TAG_BYE, now, err);
    case DH_TAG_HEARTBEAT:
        return DH_OK;
    default:
        return dh_fail(err, DH_INTERNAL, "simulated workers do not know messages of tag %d",
                       (int)message->tag);
    }
}

dh_status dh_crowd_hear(struct dh_crowd *crowd, double now, struct dh_error *err)
{
    dh_status status = DH_OK;
    for (size_t i = 0; i < crowd->touched_count; i++) {
        struct dh_message message;
        int32_t rank = crowd->touched[i];
        crowd->ranks[rank].touched = false;
        while (status == DH_OK &&
               (status = dh_comm_receive(crowd->parts.ends[rank], &message, err)) == DH_OK) {
            crowd->messages++;
            status = hear(crowd, rank, &message, now, err);
        }
        status = status == DH_EMPTY ? DH_OK : status;
    }
    crowd->touched_count = 0;
    return status;
}

static void note_sent(void *context, int peer)
{
    struct dh_crowd *crowd = context;
    if (crowd->ranks[peer].touched)
        return;
    crowd->ranks[peer].touched = true;
    crowd->touched[crowd->touched_count++] = peer;
}

/* ---- its life ---- */

dh_status dh_crowd_open(const struct dh_crowd_parts *parts, struct dh_crowd **out,
                        struct dh_error *err)
{
    size_t count = (size_t)parts->simulation->workers, slots = count * (size_t)parts->slots;
    struct dh_crowd *crowd = *out = dh_alloc(1, sizeof *crowd);
    crowd->parts = *parts;
    crowd->ranks = dh_alloc(count + 1, sizeof *crowd->ranks);
    crowd->touched = dh_alloc(count + 1, sizeof *crowd->touched);
    crowd->slots = dh_alloc(slots, sizeof *crowd->slots);
    for (size_t i = 0; i < slots; i++)
        crowd->slots[i].arrives = NAN;
    crowd->heap_capacity = 2 * (slots + count);
    crowd->heap = dh_alloc(crowd->heap_capacity, sizeof *crowd->heap);
    crowd->beat = DH_HEARTBEAT_SHARE * parts->simulation->setup->settings.scheduler.lost_after;
    dh_comm_loop_watch(parts->ends[0], note_sent, crowd);
    dh_status status = DH_OK;
    for (int32_t rank = 1; rank <= parts->simulation->workers && status == DH_OK; rank++)
        status = join(crowd, rank, err);
    return status;
}

void dh_crowd_close(struct dh_crowd **handle)
{
    struct dh_crowd *crowd = *handle;
    if (!crowd)
        return;
    dh_comm_loop_watch(crowd->parts.ends[0], NULL, NULL);
    dh_buffer_free(&crowd->scratch);
    free(crowd->ranks);
    free(crowd->touched);
    free(crowd->slots);
    free(crowd->heap);
    free(crowd);
    *handle = NULL;
}

uint64_t dh_crowd_messages(const struct dh_crowd *crowd)
{
    return crowd->messages;
}

uint64_t dh_crowd_started(const struct dh_crowd *crowd)
{
    return crowd->started;
}
