/* The board over a transport's window: see board.h; what may be done when is in rules.h.
 *
 * Rank 0 writes offers and flags as plain memory. A reader may meet them half-written: offers carry
 * a sum, flags are single words. What rank 0 reads of the others' it reads as plain memory, too. */
#include "dh_mpi/board.h"

#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/bits.h"
#include "rules.h"

#define SMALLEST_RING 1024
#define LARGEST_RING 16384

/* Words of an offer. */
enum { OFFER_TRIAL, OFFER_SEED, OFFER_PROPOSED, OFFER_RETRIES, OFFER_VALUES };

struct dh_board {
    struct dh_window *window; /* the transport's */
    struct board_shape shape;
    size_t rank;
    uint64_t *entry; /* one offer, on its way in or out */
    double *values;
    uint64_t *tickets; /* worker: of each slot; rank 0: of each record */
    /* worker */
    uint64_t beats, pulse, stops;
    uint64_t *reports; /* of each slot; rank 0: of each record, as far as they were seen */
    uint64_t *records; /* the own slots', as they were read */
    /* rank 0 */
    struct board_desk desk;
    volatile uint64_t *memory;
    uint64_t *recalled;
    uint64_t seen;        /* the counter, when it was asked whether there is room */
    uint64_t *beats_seen; /* of each rank */
    uint64_t news_seen;
    size_t news_next; /* record; record_count: no scan is under way */
};

struct dh_board_plan dh_board_plan_for(size_t parameter_count, int ranks, int32_t slots)
{
    struct dh_board_plan plan = {
        .parameter_count = parameter_count, .slots = (uint64_t)slots, .ring = SMALLEST_RING};
    while (plan.ring < 2 * (uint64_t)ranks * plan.slots && plan.ring < LARGEST_RING)
        plan.ring *= 2;
    return plan;
}

void dh_board_plan_pack(const struct dh_board_plan *plan, struct dh_buffer *out)
{
    if (!plan)
        return;
    dh_put_u64(out, plan->parameter_count);
    dh_put_u64(out, plan->slots);
    dh_put_u64(out, plan->ring);
    dh_put_u64(out, plan->first);
}

bool dh_board_plan_unpack(const struct dh_message *message, bool *there, struct dh_board_plan *out)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    *out = (struct dh_board_plan){0};
    *there = message->size > 0;
    if (!*there)
        return true;
    out->parameter_count = dh_get_u64(&reader);
    out->slots = dh_get_u64(&reader);
    out->ring = dh_get_u64(&reader);
    out->first = dh_get_u64(&reader);
    return dh_reader_complete(&reader) && out->ring > 0 && (out->ring & (out->ring - 1)) == 0;
}

static size_t record_count(const struct dh_board *board)
{
    return board->shape.ranks * board->shape.slots;
}

static void set_up_desk(struct dh_board *board, uint64_t first)
{
    board->memory = board->window->ops->memory(board->window);
    board->desk = (struct board_desk){
        .places = dh_alloc(board->shape.ring, sizeof *board->desk.places), .next = first};
    board->recalled = dh_alloc(board->shape.ring, sizeof *board->recalled);
    board->beats_seen = dh_alloc(board->shape.ranks, sizeof *board->beats_seen);
    board->news_next = record_count(board);
}

/* The first ticket is set through the window, as whoever comes first finds it. */
static dh_status set_first(struct dh_board *board, uint64_t first, struct dh_error *err)
{
    uint64_t before = 0;
    return first == 0 ? DH_OK
                      : board->window->ops->add(board->window, BOARD_TICKETS, first, &before, err);
}

dh_status dh_board_open(struct dh_comm *comm, const struct dh_board_plan *plan, bool *alone,
                        struct dh_board **out, struct dh_error *err)
{
    *out = NULL;
    struct dh_window *window;
    struct board_shape shape = {.ring = (size_t)plan->ring,
                                .payload = OFFER_VALUES + (size_t)plan->parameter_count,
                                .ranks = (size_t)dh_comm_size(comm),
                                .slots = (size_t)plan->slots};
    dh_status status = dh_comm_window_open(comm, board_words(&shape), alone, &window, err);
    if (status != DH_OK)
        return status;
    struct dh_board *board = dh_alloc(1, sizeof *board);
    *board = (struct dh_board){.window = window, .shape = shape};
    board->rank = (size_t)dh_comm_rank(comm);
    board->entry = dh_alloc(board_entry_words(&shape), sizeof *board->entry);
    board->values = dh_alloc((size_t)plan->parameter_count, sizeof *board->values);
    size_t records = board->rank == 0 ? record_count(board) : shape.slots;
    board->tickets = dh_alloc(records, sizeof *board->tickets);
    board->reports = dh_alloc(records, sizeof *board->reports);
    if (board->rank == 0) {
        set_up_desk(board, plan->first);
        status = set_first(board, plan->first, err);
    } else {
        board->records = dh_alloc(shape.slots * BOARD_RECORD_WORDS, sizeof *board->records);
    }
    *out = board;
    return status;
}

void dh_board_destroy(struct dh_board **handle)
{
    struct dh_board *board = *handle;
    if (!board)
        return;
    free(board->entry);
    free(board->values);
    free(board->tickets);
    free(board->reports);
    free(board->records);
    free(board->desk.places);
    free(board->recalled);
    free(board->beats_seen);
    free(board);
    *handle = NULL;
}

/* ---- for a worker ---- */

int32_t dh_board_slots(const struct dh_board *board)
{
    return (int32_t)board->shape.slots;
}

static dh_status carry_out(struct dh_board *board, const struct board_access *access,
                           uint64_t *words, struct dh_error *err)
{
    const struct dh_window_ops *ops = board->window->ops;
    return access->kind == BOARD_ADD
               ? ops->add(board->window, access->word, access->operand, words, err)
               : ops->read(board->window, access->word, access->count, words, err);
}

dh_status dh_board_claim(struct dh_board *board, int32_t slot, struct dh_turn *turn,
                         struct dh_task *task, struct dh_error *err)
{
    struct board_claim claim = {0};
    struct board_access access;
    while (board_claim_wants(&claim, &board->shape, &access)) {
        dh_status status = carry_out(board, &access, board->entry, err);
        if (status != DH_OK)
            return status;
        board_claim_got(&claim, &board->shape, board->entry);
    }
    turn->slot = slot;
    turn->ticket = board->tickets[slot] = claim.ticket;
    turn->took = claim.stage == BOARD_CLAIM_TOOK;
    if (!turn->took)
        return DH_OK;
    const uint64_t *offer = board->entry + BOARD_ENTRY_HEAD;
    for (size_t i = OFFER_VALUES; i < board->shape.payload; i++)
        board->values[i - OFFER_VALUES] = dh_bits_number(offer[i]);
    *task = (struct dh_task){.trial = offer[OFFER_TRIAL],
                             .seed = offer[OFFER_SEED],
                             .proposed = dh_bits_number(offer[OFFER_PROPOSED]),
                             .retries = (uint32_t)offer[OFFER_RETRIES],
                             .slot = slot,
                             .values = board->values};
    return DH_OK;
}

dh_status dh_board_report(struct dh_board *board, int32_t slot, uint64_t trial, double step,
                          double value, struct dh_error *err)
{
    const struct dh_window_ops *ops = board->window->ops;
    uint64_t before;
    const uint64_t record[BOARD_SLOT_OWN] = {[BOARD_TRIAL] = trial,
                                             [BOARD_REPORTS] = ++board->reports[slot],
                                             [BOARD_STEP] = dh_bits_of(step),
                                             [BOARD_VALUE] = dh_bits_of(value)};
    dh_status status =
        ops->write(board->window, board_slot_record(&board->shape, board->rank, (size_t)slot),
                   BOARD_SLOT_OWN, record, err);
    if (status == DH_OK)
        status = ops->add(board->window, BOARD_NEWS, 1, &before, err);
    return status;
}

dh_status dh_board_beat(struct dh_board *board, bool *alive, struct dh_error *err)
{
    const struct dh_window_ops *ops = board->window->ops;
    uint64_t pulse = 0, beat = ++board->beats;
    size_t word = board_rank_record(&board->shape, board->rank) + BOARD_BEAT;
    dh_status status = ops->write(board->window, word, 1, &beat, err);
    if (status == DH_OK)
        status = ops->read(board->window, BOARD_PULSE, 1, &pulse, err);
    *alive = pulse != board->pulse;
    board->pulse = pulse;
    return status;
}

dh_status dh_board_look(struct dh_board *board, struct dh_error *err)
{
    const struct dh_window_ops *ops = board->window->ops;
    uint64_t stops = 0;
    size_t word = board_rank_record(&board->shape, board->rank) + BOARD_STOPS;
    dh_status status = ops->read(board->window, word, 1, &stops, err);
    if (status != DH_OK || stops == board->stops)
        return status;
    board->stops = stops;
    return ops->read(board->window, board_slot_record(&board->shape, board->rank, 0),
                     board->shape.slots * BOARD_RECORD_WORDS, board->records, err);
}

bool dh_board_stopped(const struct dh_board *board, int32_t slot)
{
    const uint64_t *record = board->records + (size_t)slot * BOARD_RECORD_WORDS;
    return record[BOARD_STOP] == 1 && record[BOARD_STOP_TICKET] == board->tickets[slot];
}

/* ---- for rank 0 ---- */

static uint64_t counter(struct dh_board *board)
{
    board->window->ops->sync(board->window);
    return board->memory[BOARD_TICKETS];
}

void dh_board_pulse(struct dh_board *board)
{
    board->memory[BOARD_PULSE]++;
}

uint64_t dh_board_stock(struct dh_board *board)
{
    return board_desk_stock(&board->desk, counter(board));
}

bool dh_board_room(struct dh_board *board)
{
    board->seen = counter(board);
    return board_desk_room(&board->desk, &board->shape, board->seen);
}

void dh_board_offer(struct dh_board *board, const struct dh_task *task)
{
    uint64_t ticket, *offer = board->entry + BOARD_ENTRY_HEAD;
    /* with the counter as it was when there was room: by now it may be on to a place in use */
    if (!board_desk_offer(&board->desk, &board->shape, board->seen, task->trial, &ticket))
        return;
    offer[OFFER_TRIAL] = task->trial;
    offer[OFFER_SEED] = task->seed;
    offer[OFFER_PROPOSED] = dh_bits_of(task->proposed);
    offer[OFFER_RETRIES] = task->retries;
    for (size_t i = OFFER_VALUES; i < board->shape.payload; i++)
        offer[i] = dh_bits_of(task->values[i - OFFER_VALUES]);
    board_seal(&board->shape, ticket, board->entry);
    volatile uint64_t *entry = board->memory + board_entry(&board->shape, ticket);
    for (size_t i = board_entry_words(&board->shape); i-- > 0;) /* the ticket last */
        entry[i] = board->entry[i];
    board->window->ops->sync(board->window);
}

static size_t record_of(const struct dh_board *board, int rank, int32_t slot)
{
    return (size_t)rank * board->shape.slots + (size_t)slot;
}

bool dh_board_heard(struct dh_board *board, int rank, const struct dh_turn *turn, uint64_t *trial)
{
    if ((size_t)turn->slot < board->shape.slots)
        board->tickets[record_of(board, rank, turn->slot)] = turn->ticket;
    return board_desk_heard(&board->desk, &board->shape, turn->ticket, trial);
}

dh_status dh_board_recall(struct dh_board *board, uint64_t most, const uint64_t **trials,
                          size_t *count, struct dh_error *err)
{
    struct board_access access;
    uint64_t before = 0;
    *count = 0;
    *trials = board->recalled;
    if (!board_desk_recall_wants(&board->desk, counter(board), most, &access))
        return DH_OK;
    dh_status status = carry_out(board, &access, &before, err);
    if (status != DH_OK)
        return status;
    board_desk_recall_got(&board->desk, before, access.operand);
    while (board_desk_withdrawn(&board->desk, &board->shape, before, access.operand,
                                &board->recalled[*count]))
        ++*count;
    return DH_OK;
}

bool dh_board_untold(struct dh_board *board)
{
    return board_desk_untold(&board->desk, &board->shape, counter(board));
}

void dh_board_roll(struct dh_board *board)
{
    board_desk_roll(&board->desk, counter(board));
}

bool dh_board_orphan(struct dh_board *board, uint64_t *trial)
{
    return board_desk_orphan(&board->desk, &board->shape, trial);
}

void dh_board_stop(struct dh_board *board, int rank, int32_t slot)
{
    if ((size_t)slot >= board->shape.slots)
        return;
    volatile uint64_t *record =
        board->memory + board_slot_record(&board->shape, (size_t)rank, (size_t)slot);
    record[BOARD_STOP_TICKET] = board->tickets[record_of(board, rank, slot)];
    record[BOARD_STOP] = 1;
    board->window->ops->sync(board->window);
    board->memory[board_rank_record(&board->shape, (size_t)rank) + BOARD_STOPS]++;
    board->window->ops->sync(board->window);
}

bool dh_board_heard_beat(struct dh_board *board, int rank)
{
    uint64_t beat = board->memory[board_rank_record(&board->shape, (size_t)rank) + BOARD_BEAT];
    bool new = beat != board->beats_seen[rank];
    board->beats_seen[rank] = beat;
    return new;
}

/* Are there reports that no scan has looked for yet? Then a scan begins. */
static bool scan_due(struct dh_board *board)
{
    if (board->news_next < record_count(board))
        return true;
    board->window->ops->sync(board->window);
    uint64_t news = board->memory[BOARD_NEWS];
    if (news == board->news_seen)
        return false;
    board->news_seen = news;
    board->news_next = 0;
    return true;
}

bool dh_board_news(struct dh_board *board, int *rank, int32_t *slot, uint64_t *trial, double *step,
                   double *value)
{
    if (!scan_due(board))
        return false;
    while (board->news_next < record_count(board)) {
        size_t at = board->news_next++;
        *rank = (int)(at / board->shape.slots);
        *slot = (int32_t)(at % board->shape.slots);
        const volatile uint64_t *record =
            board->memory + board_slot_record(&board->shape, (size_t)*rank, (size_t)*slot);
        uint64_t reports = record[BOARD_REPORTS];
        if (reports == board->reports[at])
            continue;
        board->reports[at] = reports;
        *trial = record[BOARD_TRIAL];
        *step = dh_bits_number(record[BOARD_STEP]);
        *value = dh_bits_number(record[BOARD_VALUE]);
        return true;
    }
    return false;
}
