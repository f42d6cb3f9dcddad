/* The worker's side of the protocol (comm.h): one event loop over its slots. */
#include "worker.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "peers.h"

#define MANAGER 0
/* A launcher that dies again and again is a machine's fault. */
#define MOST_LAUNCHERS 100
/* Ends of evaluations in one step, so that messages are read between any number of short ones; and
 * how many of them the manager may have to wait for. */
#define EVENTS_A_STEP 64
#define TURNS_A_MESSAGE 32
/* Seconds between two looks for cancellations on the board. */
#define LOOK_GAP 0.02

struct dh_worker {
    const struct dh_app_setup *setup;
    struct dh_comm *comm;
    struct dh_board *board; /* NULL: claims, reports and cancellations are messages */
    const struct dh_log *log;
    struct dh_eval *eval;         /* NULL: cannot evaluate */
    struct dh_launcher *launcher; /* may be NULL */
    uint32_t threads;
    const void *communicator;
    const struct dh_team *team; /* NULL: evaluates by itself */
    bool quiet;                 /* of the group there is nothing more to say */
    int missing;                /* ranks of the group that are not back from its last call */
    bool holds;                 /* what that call gave the leader, in `held`, until they are */
    struct dh_eval_event held;
    struct dh_moment held_since;
    int launchers; /* that were replaced */
    struct dh_buffer scratch;
    struct dh_buffer turns; /* that are not sent yet; they come before any other message */
    int turn_count;
    double next_look; /* at the board, for cancellations */
    struct dh_awake awake;
    double sent, heard, beaten; /* awake time */
    bool done, together;
};

static dh_status send_turns(struct dh_worker *worker, struct dh_error *err)
{
    if (worker->turn_count == 0)
        return DH_OK;
    dh_status status = dh_comm_send(worker->comm, MANAGER, DH_TAG_TURNS, &worker->turns, err);
    dh_buffer_clear(&worker->turns);
    worker->turn_count = 0;
    worker->sent = worker->awake.time;
    return status;
}

static dh_status send(struct dh_worker *worker, enum dh_tag tag, struct dh_error *err)
{
    dh_status status = send_turns(worker, err);
    if (status == DH_OK)
        status = dh_comm_send(worker->comm, MANAGER, tag, &worker->scratch, err);
    dh_buffer_clear(&worker->scratch);
    worker->sent = worker->awake.time;
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

/* Does it claim, and send results? */
static bool leads(const struct dh_worker *worker)
{
    return !worker->team || worker->team->leads;
}

static dh_status start(struct dh_worker *worker, const struct dh_task *task, struct dh_error *err);

/* A slot with a ticket from the board: what it ran last goes along, what it took starts. */
static dh_status take_turn(struct dh_worker *worker, struct dh_turn *turn, struct dh_error *err)
{
    struct dh_task task;
    dh_status status = dh_board_claim(worker->board, turn->slot, turn, &task, err);
    if (status != DH_OK)
        return status;
    dh_turn_pack(turn, worker->setup->settings.objective_count, &worker->turns);
    worker->turn_count++;
    return turn->took ? start(worker, &task, err) : DH_OK;
}

static dh_status claim(struct dh_worker *worker, int32_t slot, struct dh_error *err)
{
    if (worker->board) {
        struct dh_turn turn = {.slot = slot};
        return take_turn(worker, &turn, err);
    }
    dh_slot_pack(slot, 0, &worker->scratch);
    return send(worker, DH_TAG_CLAIM, err);
}

/* Without a pool, too, so that the manager knows who it is that cannot evaluate. */
static dh_status join(struct dh_worker *worker, struct dh_error *err)
{
    bool able = worker->eval != NULL;
    struct dh_hello hello = {.version = DH_WIRE_VERSION,
                             .slots = able && leads(worker) ? dh_eval_slots(worker->eval) : 0,
                             .pid = (int32_t)getpid(),
                             .silent = able && dh_eval_blocks(worker->eval)};
    gethostname(hello.host, sizeof hello.host - 1);
    dh_hello_pack(&hello, &worker->scratch);
    dh_status status = send(worker, DH_TAG_HELLO, err);
    for (int32_t slot = 0; slot < hello.slots && status == DH_OK; slot++)
        status = claim(worker, slot, err);
    return status == DH_OK ? send_turns(worker, err) : status;
}

/* Before the plugin is called: the leader's turn to call the others. */
static dh_status begin_together(void *context, const struct dh_task *task, struct dh_error *err)
{
    struct dh_worker *worker = context;
    dh_status status = DH_OK;
    dh_vigil_enter(worker->team->vigil);
    if (!worker->team->leads)
        return DH_OK;
    dh_task_pack(task, dh_space_count(worker->setup->space), &worker->scratch);
    for (int i = 1; i < worker->team->count && status == DH_OK; i++)
        status =
            dh_comm_send(worker->comm, worker->team->ranks[i], DH_TAG_TASK, &worker->scratch, err);
    dh_buffer_clear(&worker->scratch);
    if (status != DH_OK)
        dh_vigil_leave(worker->team->vigil);
    worker->missing = worker->team->count - 1;
    return status;
}

static void end_together(void *context)
{
    dh_vigil_leave(((const struct dh_worker *)context)->team->vigil);
}

static double heartbeat_gap(const struct dh_worker *worker)
{
    return DH_HEARTBEAT_SHARE * worker->setup->settings.scheduler.lost_after;
}

static dh_status create_pool(struct dh_worker *worker, struct dh_error *err)
{
    const struct dh_eval_hooks together = {begin_together, end_together, worker};
    const void *communicator = worker->team ? worker->team->communicator : worker->communicator;
    dh_status status = dh_eval_create(&worker->setup->settings, worker->setup->space,
                                      worker->launcher, dh_comm_rank(worker->comm), worker->threads,
                                      communicator, worker->log, &worker->eval, err);
    if (status == DH_OK && worker->team)
        dh_eval_set_hooks(worker->eval, &together);
    return status;
}

struct dh_worker *dh_worker_create(const struct dh_app_setup *setup, struct dh_comm *comm,
                                   struct dh_board *board, struct dh_launcher *launcher,
                                   uint32_t threads, const void *communicator,
                                   const struct dh_team *team, const struct dh_log *log)
{
    struct dh_worker *worker = dh_alloc(1, sizeof *worker);
    worker->setup = setup;
    worker->comm = comm;
    worker->log = log;
    worker->launcher = launcher;
    worker->threads = threads;
    worker->communicator = communicator;
    worker->team = team;
    worker->awake = (struct dh_awake){.last = dh_clock_now(&dh_clock_monotonic),
                                      .longest = heartbeat_gap(worker)};
    struct dh_error cause, err;
    dh_status status = create_pool(worker, &cause);
    if (status == DH_OK && board && dh_eval_slots(worker->eval) <= dh_board_slots(board))
        worker->board = board;
    dh_status joined = join(worker, status == DH_OK ? &cause : &err);
    if ((status != DH_OK || joined != DH_OK) && send_fatal(worker, &cause, &err) != DH_OK)
        dh_log_error(log, "%s (while reporting: %s)", err.text, cause.text);
    return worker;
}

void dh_worker_destroy(struct dh_worker **handle)
{
    struct dh_worker *worker = *handle;
    if (!worker)
        return;
    dh_eval_destroy(&worker->eval);
    dh_outcome_free(&worker->held.outcome);
    dh_buffer_free(&worker->scratch);
    dh_buffer_free(&worker->turns);
    free(worker);
    *handle = NULL;
}

/* A result for which nothing is taken from the board: the manager decides what the slot runs next.
 * Frees what `outcome` owns. */
static dh_status send_result(struct dh_worker *worker, int32_t slot, uint64_t trial,
                             struct dh_outcome *outcome, struct dh_error *err)
{
    outcome->worker = dh_comm_rank(worker->comm);
    outcome->slot = slot;
    dh_result_pack(slot, trial, outcome, worker->setup->settings.objective_count, &worker->scratch);
    dh_outcome_free(outcome);
    return send(worker, DH_TAG_RESULT, err);
}

/* What `slot` runs is gone with the launcher: CANCELLED, which nobody asked for, says so, and
 * claims for the slot. */
static dh_status give_up(struct dh_worker *worker, int32_t slot, uint64_t trial,
                         struct dh_error *err)
{
    struct dh_outcome outcome = {
        .status = DH_TRIAL_CANCELLED, .started = NAN, .ended = NAN, .cpu_seconds = NAN};
    size_t objectives = worker->setup->settings.objective_count;
    outcome.objectives = dh_alloc(objectives, sizeof *outcome.objectives);
    for (size_t i = 0; i < objectives; i++)
        outcome.objectives[i] = NAN;
    return send_result(worker, slot, trial, &outcome, err);
}

/* What a group's call gave is sent as soon as `missing` allows. */
static dh_status send_held(struct dh_worker *worker, int missing, struct dh_error *err)
{
    if (!worker->holds || missing > 0)
        return DH_OK;
    struct dh_eval_event event = worker->held;
    worker->holds = false;
    worker->held = (struct dh_eval_event){0};
    return send_result(worker, event.slot, event.trial, &event.outcome, err);
}

/* Before the pool is closed: results that it has already are not lost with it. Not where they are
 * made while it is asked for them. */
static dh_status send_last_results(struct dh_worker *worker, struct dh_error *err)
{
    struct dh_eval_event event;
    struct dh_error ignored; /* the pool is closed in any case */
    dh_status status = send_held(worker, 0, err);
    if (!worker->eval || !leads(worker) || dh_eval_blocks(worker->eval))
        return status;
    while (status == DH_OK && dh_eval_poll(worker->eval, &event, &ignored) == DH_OK)
        if (event.kind == DH_EVAL_DONE)
            status = send_result(worker, event.slot, event.trial, &event.outcome, err);
    return status;
}

/* Another launcher and pool; otherwise `cause` is why there is none. */
static bool begin_anew(struct dh_worker *worker, struct dh_error *cause)
{
    bool can = worker->launchers++ < MOST_LAUNCHERS &&
               dh_launcher_replace(worker->launcher, cause) == DH_OK &&
               create_pool(worker, cause) == DH_OK;
    if (can)
        dh_log_warn(worker->log, "the launcher was killed; there is a new one");
    return can;
}

/* The pool has failed for `cause`. If its launcher was lost and there is a new one, there is a new
 * pool, and the manager hears only of what was lost. Otherwise this rank is of no use any more, and
 * says so. */
static dh_status recover(struct dh_worker *worker, struct dh_error *cause, struct dh_error *err)
{
    dh_status status = send_last_results(worker, err);
    bool launcher_lost = cause->status == DH_INTERNAL && !dh_eval_blocks(worker->eval);
    int32_t slots = dh_eval_slots(worker->eval);
    uint64_t *trials = dh_alloc((size_t)slots, sizeof *trials);
    bool *running = dh_alloc((size_t)slots, sizeof *running);
    for (int32_t slot = 0; slot < slots; slot++)
        running[slot] = dh_eval_running(worker->eval, slot, &trials[slot]);
    dh_eval_destroy(&worker->eval);
    if (status == DH_OK && !(launcher_lost && begin_anew(worker, cause)))
        status = send_fatal(worker, cause, err);
    for (int32_t slot = 0; worker->eval && slot < slots && status == DH_OK; slot++)
        if (running[slot])
            status = give_up(worker, slot, trials[slot], err);
    free(running);
    free(trials);
    return status;
}

static dh_status start(struct dh_worker *worker, const struct dh_task *task, struct dh_error *err)
{
    if (!worker->eval) /* the manager has been told and is about to hear it */
        return DH_OK;
    dh_status status = dh_eval_start(worker->eval, task, err);
    if (status == DH_OK)
        return DH_OK;
    struct dh_error cause = *err;
    return recover(worker, &cause, err);
}

static dh_status on_task(struct dh_worker *worker, const struct dh_message *message,
                         struct dh_error *err)
{
    struct dh_task task;
    if (!dh_task_unpack(message, dh_space_count(worker->setup->space), &task))
        return dh_message_damaged(message, err);
    dh_status status = start(worker, &task, err);
    free(task.values);
    return status;
}

/* A rank of the group is back from the call. */
static dh_status on_returned(struct dh_worker *worker, const struct dh_message *message,
                             struct dh_error *err)
{
    int32_t slot;
    uint64_t trial;
    if (!dh_slot_unpack(message, &slot, &trial) || worker->missing <= 0)
        return dh_message_damaged(message, err);
    worker->missing--;
    if (worker->holds)
        worker->held.outcome.ended = dh_moment_wall_since(&worker->held_since);
    return send_held(worker, worker->missing, err);
}

static dh_status on_cancel(struct dh_worker *worker, const struct dh_message *message,
                           struct dh_error *err)
{
    int32_t slot;
    uint64_t trial;
    if (!dh_slot_unpack(message, &slot, &trial))
        return dh_message_damaged(message, err);
    if (worker->eval)
        dh_eval_cancel(worker->eval, slot, trial);
    return DH_OK;
}

static dh_status on_roll(struct dh_worker *worker, const struct dh_message *message,
                         struct dh_error *err)
{
    (void)message;
    return send(worker, DH_TAG_ROLL, err); /* behind all turns */
}

static dh_status on_shutdown(struct dh_worker *worker, const struct dh_message *message,
                             struct dh_error *err)
{
    (void)message;
    worker->quiet = true;
    dh_status status = send_last_results(worker, err);
    if (leads(worker)) /* the others stay at their leader's hand until everybody leaves */
        dh_eval_destroy(&worker->eval);
    return status == DH_OK ? send(worker, DH_TAG_BYE, err) : status;
}

static dh_status on_leave(struct dh_worker *worker, const struct dh_message *message,
                          struct dh_error *err)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    worker->together = dh_get_u8(&reader) == 1;
    worker->done = true;
    return dh_reader_complete(&reader) ? DH_OK : dh_message_damaged(message, err);
}

static dh_status on_heartbeat(struct dh_worker *worker, const struct dh_message *message,
                              struct dh_error *err)
{
    (void)worker;
    (void)message;
    (void)err;
    return DH_OK; /* that it came is all it says */
}

static dh_status (*const handlers[DH_TAG_COUNT])(struct dh_worker *, const struct dh_message *,
                                                 struct dh_error *) = {
    [DH_TAG_TASK] = on_task,           [DH_TAG_CANCEL] = on_cancel,
    [DH_TAG_SHUTDOWN] = on_shutdown,   [DH_TAG_LEAVE] = on_leave,
    [DH_TAG_HEARTBEAT] = on_heartbeat, [DH_TAG_ROLL] = on_roll,
    [DH_TAG_RETURNED] = on_returned,
};

static dh_status receive_all(struct dh_worker *worker, bool *busy, struct dh_error *err)
{
    struct dh_message message;
    dh_status status;
    while (!worker->done && (status = dh_comm_receive(worker->comm, &message, err)) == DH_OK) {
        *busy = true;
        worker->heard = worker->awake.time;
        if (!handlers[message.tag])
            return dh_message_damaged(&message, err);
        status = handlers[message.tag](worker, &message, err);
        if (status != DH_OK)
            return status;
    }
    return worker->done || status == DH_EMPTY ? DH_OK : status;
}

static dh_status send_report(struct dh_worker *worker, const struct dh_eval_event *event,
                             struct dh_error *err)
{
    if (worker->board)
        return dh_board_report(worker->board, event->slot, event->trial, event->step, event->value,
                               err);
    dh_progress_pack(event->slot, event->trial, event->step, event->value, &worker->scratch);
    return send(worker, DH_TAG_REPORT, err);
}

static dh_status send_outcome(struct dh_worker *worker, struct dh_eval_event *event,
                              struct dh_error *err)
{
    if (!worker->board)
        return send_result(worker, event->slot, event->trial, &event->outcome, err);
    event->outcome.worker = dh_comm_rank(worker->comm);
    event->outcome.slot = event->slot;
    struct dh_turn turn = {
        .slot = event->slot, .ended = true, .trial = event->trial, .outcome = event->outcome};
    dh_status status = take_turn(worker, &turn, err);
    dh_outcome_free(&event->outcome);
    return status;
}

/* A group's evaluation has ended when all its ranks are back from the call: then the leader has a
 * result, and may claim again. So nobody has more than one call to do, all do the same ones in the
 * same order, and none of them is cut short by the next trial, or by the end of the search. */
static dh_status return_together(struct dh_worker *worker, struct dh_eval_event *event,
                                 struct dh_error *err)
{
    if (leads(worker)) {
        worker->held = *event;
        worker->held_since = (struct dh_moment){.wall = event->outcome.ended,
                                                .monotonic = dh_clock_now(&dh_clock_monotonic)};
        worker->holds = true;
        return send_held(worker, worker->missing, err);
    }
    dh_outcome_free(&event->outcome); /* the leader's counts */
    dh_slot_pack(event->slot, event->trial, &worker->scratch);
    /* a leader that cannot be reached is missed by the manager, and its group with it */
    dh_comm_send(worker->comm, worker->team->ranks[0], DH_TAG_RETURNED, &worker->scratch, NULL);
    dh_buffer_clear(&worker->scratch);
    return DH_OK;
}

static dh_status send_event(struct dh_worker *worker, struct dh_eval_event *event,
                            struct dh_error *err)
{
    if (event->kind == DH_EVAL_REPORT)
        return leads(worker) ? send_report(worker, event, err) : DH_OK;
    if (dh_eval_failed(worker->eval)) /* nothing is to follow, nor does a group come to its end */
        return send_result(worker, event->slot, event->trial, &event->outcome, err);
    return worker->team ? return_together(worker, event, err) : send_outcome(worker, event, err);
}

/* Does what is told in turns have to go now? An evaluation that runs within poll would keep it. */
static bool turns_due(const struct dh_worker *worker)
{
    return worker->turn_count >= TURNS_A_MESSAGE || (worker->eval && dh_eval_blocks(worker->eval));
}

static dh_status send_events(struct dh_worker *worker, bool *busy, struct dh_error *err)
{
    struct dh_eval_event event;
    dh_status status = DH_EMPTY;
    for (int i = 0; i < EVENTS_A_STEP && worker->eval; i++) {
        status = dh_eval_poll(worker->eval, &event, err);
        if (status != DH_OK)
            break;
        *busy = true;
        status = send_event(worker, &event, err);
        if (status == DH_OK && turns_due(worker))
            status = send_turns(worker, err);
        if (status != DH_OK)
            return status;
    }
    if (status == DH_OK || status == DH_EMPTY)
        return send_turns(worker, err);
    struct dh_error cause = *err;
    *busy = true;
    return recover(worker, &cause, err);
}

/* A group in which a rank has ended is of no use any more. Whoever sees that says so: the leader
 * may be the one that has ended, while the others wait for its next call. */
static dh_status look_after_team(struct dh_worker *worker, struct dh_error *err)
{
    const struct dh_team *team = worker->team;
    if (!team || !team->vigil || worker->quiet || !dh_vigil_lost(team->vigil))
        return DH_OK;
    struct dh_error cause;
    worker->quiet = true;
    dh_fail(&cause, DH_INTERNAL, "process %d of its group has ended",
            (int)dh_vigil_lost(team->vigil));
    return send_fatal(worker, &cause, err);
}

/* Does rank 0 want something to end? */
static dh_status heed_stops(struct dh_worker *worker, struct dh_error *err)
{
    double now = worker->awake.last;
    if (!worker->board || !worker->eval || now < worker->next_look)
        return DH_OK;
    worker->next_look = now + LOOK_GAP;
    dh_status status = dh_board_look(worker->board, err);
    for (int32_t slot = 0; status == DH_OK && slot < dh_eval_slots(worker->eval); slot++) {
        uint64_t trial;
        if (dh_board_stopped(worker->board, slot) && dh_eval_running(worker->eval, slot, &trial))
            dh_eval_cancel(worker->eval, slot, trial);
    }
    return status;
}

/* On the board also when messages go out: none need come back. */
static dh_status beat(struct dh_worker *worker, struct dh_error *err)
{
    bool alive = false;
    if (worker->awake.time - worker->beaten < heartbeat_gap(worker))
        return DH_OK;
    worker->beaten = worker->awake.time;
    dh_status status = dh_board_beat(worker->board, &alive, err);
    if (alive)
        worker->heard = worker->awake.time;
    return status;
}

/* Say that this rank lives, and see whether the manager does. */
static dh_status stay_in_touch(struct dh_worker *worker, struct dh_error *err)
{
    double patience = DH_MANAGER_PATIENCE * worker->setup->settings.scheduler.lost_after;
    if (worker->awake.time - worker->heard > patience)
        return dh_fail(err, DH_COMM, "rank 0 was silent for %.3g s: it is lost, and so is this run",
                       worker->awake.time - worker->heard);
    if (worker->board)
        return beat(worker, err);
    if (worker->awake.time - worker->sent < heartbeat_gap(worker))
        return DH_OK;
    return send(worker, DH_TAG_HEARTBEAT, err);
}

dh_status dh_worker_step(struct dh_worker *worker, bool *busy, struct dh_error *err)
{
    *busy = false;
    dh_awake_at(&worker->awake, dh_clock_now(&dh_clock_monotonic));
    dh_status status = receive_all(worker, busy, err);
    if (status == DH_OK)
        status = heed_stops(worker, err);
    if (status == DH_OK)
        status = send_events(worker, busy, err);
    if (status == DH_OK && !worker->done)
        status = look_after_team(worker, err);
    return status == DH_OK && !worker->done ? stay_in_touch(worker, err) : status;
}

bool dh_worker_done(const struct dh_worker *worker)
{
    return worker->done;
}

bool dh_worker_together(const struct dh_worker *worker)
{
    return worker->together;
}

int dh_worker_fd(const struct dh_worker *worker)
{
    return worker->eval ? dh_eval_fd(worker->eval) : -1;
}

double dh_worker_next_time(const struct dh_worker *worker)
{
    return worker->eval ? dh_eval_next_time(worker->eval) : INFINITY;
}
