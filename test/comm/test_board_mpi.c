/* The board between real ranks: rank 0 offers numbered trials and recalls some again, the others
 * claim. Each trial is had by exactly one rank, whole; all tickets are accounted for. `wrap32`: the
 * ticket counter begins just before 2^32; `wrap64`: just before it wraps. `slow`: one rank takes a
 * ticket and looks only when its place is another ticket's. Exits with 1 and a text at the first
 * thing that is wrong. */
#include <mpi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/comm/rules.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/board.h"
#include "dh_mpi/clock.h"

enum { PARAMETERS = 5, RING = 8, TRIALS = 3000 };
#define TIME_LIMIT 90.0

static void expect(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void expect(bool good, const char *format, ...)
{
    if (good)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void must(dh_status status, const struct dh_error *err)
{
    expect(status == DH_OK, "status %d: %s", (int)status, err->text);
}

static bool receive(struct dh_comm *comm, struct dh_message *message)
{
    struct dh_error err;
    dh_status status = dh_comm_receive(comm, message, &err);
    if (status != DH_EMPTY)
        must(status, &err);
    return status == DH_OK;
}

static void await(struct dh_comm *comm, struct dh_message *message)
{
    struct dh_nap nap = {.longest = 1e-3};
    double start = dh_clock_now(&dh_clock_monotonic);
    while (!receive(comm, message)) {
        expect(dh_clock_now(&dh_clock_monotonic) - start < TIME_LIMIT, "rank %d: no message came",
               dh_comm_rank(comm));
        dh_nap_wait(&nap, -1);
    }
}

/* ---- rank 0 ---- */

struct desk {
    struct dh_comm *comm;
    struct dh_board *board;
    uint64_t queue[TRIALS]; /* trials to hand out, from the end */
    size_t queued, done;
    int waiting[64]; /* ranks */
    size_t waiting_count;
    bool had[TRIALS];
    size_t by_window, by_message, recalled;
};

static void make_task(struct dh_task *task, uint64_t trial, double *values)
{
    *task = (struct dh_task){.trial = trial, .seed = ~trial, .values = values};
    for (int i = 0; i < PARAMETERS; i++)
        values[i] = (double)trial * (i + 1);
}

static void give(struct desk *desk, int rank, uint64_t trial)
{
    struct dh_error err;
    double values[PARAMETERS];
    struct dh_task task;
    struct dh_buffer payload = {0};
    make_task(&task, trial, values);
    dh_task_pack(&task, PARAMETERS, &payload);
    must(dh_comm_send(desk->comm, rank, DH_TAG_TASK, &payload, &err), &err);
    dh_buffer_free(&payload);
    desk->by_message++;
}

static void hear(struct desk *desk, const struct dh_message *message)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    struct dh_turn turn;
    uint64_t trial;
    expect(message->tag == DH_TAG_TURNS && dh_turn_next(&reader, 1, &turn), "a damaged turn");
    if (turn.ended) {
        expect(turn.trial < TRIALS && !desk->had[turn.trial], "trial %llu came back twice",
               (unsigned long long)turn.trial);
        expect(turn.outcome.objectives[0] == (double)turn.trial, "a wrong result");
        desk->had[turn.trial] = true;
        desk->done++;
        dh_outcome_free(&turn.outcome);
    }
    bool offered = dh_board_heard(desk->board, message->peer, &turn, &trial);
    expect(offered || !turn.took, "rank %d took what was not offered", message->peer);
    if (turn.took)
        desk->by_window++;
    else if (offered)
        give(desk, message->peer, trial);
    else
        desk->waiting[desk->waiting_count++] = message->peer;
}

static void serve(struct desk *desk)
{
    while (desk->waiting_count > 0 && desk->queued > 0)
        give(desk, desk->waiting[--desk->waiting_count], desk->queue[--desk->queued]);
    while (desk->queued > 0 && dh_board_room(desk->board)) {
        double values[PARAMETERS];
        struct dh_task task;
        make_task(&task, desk->queue[--desk->queued], values);
        dh_board_offer(desk->board, &task);
    }
}

static void recall(struct desk *desk, uint64_t most)
{
    const uint64_t *trials;
    size_t count;
    struct dh_error err;
    must(dh_board_recall(desk->board, most, &trials, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        desk->queue[desk->queued++] = trials[i];
    desk->recalled += count;
}

static void manage(struct dh_comm *comm, struct dh_board *board)
{
    struct desk *desk = dh_alloc(1, sizeof *desk);
    struct dh_nap nap = {.longest = 1e-3};
    double start = dh_clock_now(&dh_clock_monotonic);
    desk->comm = comm;
    desk->board = board;
    for (uint64_t i = 0; i < TRIALS; i++)
        desk->queue[desk->queued++] = i;
    for (unsigned round = 0; desk->done < TRIALS; round++) {
        struct dh_message message;
        bool busy = receive(comm, &message);
        expect(dh_clock_now(&dh_clock_monotonic) - start < TIME_LIMIT, "%zu of %d came back",
               desk->done, TRIALS);
        if (busy)
            hear(desk, &message);
        if (round % 100 == 99)
            recall(desk, UINT64_MAX);
        if (desk->waiting_count > 0 && desk->queued == 0)
            recall(desk, desk->waiting_count);
        serve(desk);
        if (busy)
            dh_nap_reset(&nap);
        else
            dh_nap_wait(&nap, -1);
    }
    expect(!dh_board_untold(board) && dh_board_stock(board) == 0, "offers are left");
    for (int peer = 1; peer < dh_comm_size(comm); peer++) {
        struct dh_error err;
        must(dh_comm_send(comm, peer, DH_TAG_SHUTDOWN, NULL, &err), &err);
    }
    printf("%zu by window, %zu by message, %zu recalled\n", desk->by_window, desk->by_message,
           desk->recalled);
    free(desk);
}

/* ---- the others ---- */

static void check_task(const struct dh_task *task)
{
    expect(task->trial < TRIALS && task->seed == ~task->trial, "trial %llu has a wrong seed",
           (unsigned long long)task->trial);
    for (int i = 0; i < PARAMETERS; i++)
        expect(task->values[i] == (double)task->trial * (i + 1), "trial %llu: value %d is wrong",
               (unsigned long long)task->trial, i);
}

static void work(struct dh_comm *comm, struct dh_board *board)
{
    struct dh_error err;
    struct dh_turn turn = {0};
    struct dh_buffer payload = {0};
    double value = 0;
    for (;;) {
        struct dh_task task = {0};
        must(dh_board_claim(board, 0, &turn, &task, &err), &err);
        uint64_t trial = task.trial;
        if (turn.took)
            check_task(&task);
        dh_turn_pack(&turn, 1, &payload);
        must(dh_comm_send(comm, 0, DH_TAG_TURNS, &payload, &err), &err);
        dh_buffer_clear(&payload);
        if (!turn.took) {
            struct dh_message message;
            await(comm, &message);
            if (message.tag == DH_TAG_SHUTDOWN)
                break;
            expect(message.tag == DH_TAG_TASK && dh_task_unpack(&message, PARAMETERS, &task),
                   "a damaged task");
            check_task(&task);
            trial = task.trial;
            free(task.values);
        }
        value = (double)trial;
        turn = (struct dh_turn){.ended = true,
                                .trial = trial,
                                .outcome = {.status = DH_TRIAL_SUCCEEDED, .objectives = &value}};
    }
    dh_buffer_free(&payload);
}

/* ---- a slow reader ---- */

/* Rank 1 takes a ticket that is offered; rank 0 goes on as if it had told; then it looks: what is
 * there is another's, and it sees that. */
static void read_late(struct dh_comm *comm, struct dh_window *window)
{
    const struct board_shape shape = {
        .ring = 2, .payload = 1, .ranks = (size_t)dh_comm_size(comm), .slots = 1};
    struct board_claim claim = {0};
    struct board_access access;
    struct dh_error err;
    uint64_t words[BOARD_ENTRY_HEAD + 1] = {0};
    bool mine = dh_comm_rank(comm) == 1;
    for (int step = 0; step < 2; step++) {
        if (mine && board_claim_wants(&claim, &shape, &access)) {
            must(access.kind == BOARD_ADD
                     ? window->ops->add(window, access.word, access.operand, words, &err)
                     : window->ops->read(window, access.word, access.count, words, &err),
                 &err);
            board_claim_got(&claim, &shape, words);
        }
        MPI_Barrier(MPI_COMM_WORLD); /* rank 0 must not go on before the ticket is taken */
        if (dh_comm_rank(comm) == 0) {
            volatile uint64_t *memory = window->ops->memory(window);
            window->ops->sync(window);
            uint64_t ticket = memory[BOARD_TICKETS] + 1; /* the same place, once round */
            words[BOARD_ENTRY_HEAD] = 77;
            board_seal(&shape, ticket, words);
            for (size_t i = 0; i < board_entry_words(&shape); i++)
                memory[board_entry(&shape, ticket) + i] = words[i];
            window->ops->sync(window);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
    if (mine)
        expect(claim.stage == BOARD_CLAIM_WAITS, "another ticket's offer was taken");
}

static void run(uint64_t first, bool slow)
{
    struct dh_comm *comm;
    struct dh_board *board = NULL;
    struct dh_window *window = NULL;
    struct dh_error err = {0};
    const struct dh_board_plan plan = {PARAMETERS, 1, RING, first};
    bool alone;
    must(dh_comm_mpi_open(&comm, &err), &err);
    if (slow) {
        must(dh_comm_window_open(comm, 1024, &alone, &window, &err), &err);
        read_late(comm, window);
    } else {
        must(dh_board_open(comm, &plan, &alone, &board, &err), &err);
        MPI_Barrier(MPI_COMM_WORLD); /* the first ticket is set */
        if (dh_comm_rank(comm) == 0) {
            printf("alone: %s\n", alone ? "yes" : "no");
            manage(comm, board);
        } else {
            work(comm, board);
        }
        dh_board_destroy(&board);
    }
    must(dh_comm_close(&comm, &err), &err);
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "wrap32") == 0)
        run(UINT32_MAX - 100, false);
    else if (strcmp(mode, "wrap64") == 0)
        run(UINT64_MAX - 100, false);
    else if (strcmp(mode, "slow") == 0)
        run(0, true);
    else
        expect(false, "usage: mpiexec -n 4 test_board_mpi wrap32 | wrap64 | slow");
    return 0;
}
