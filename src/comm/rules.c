/* The rules of the board: see rules.h. */
#include "rules.h"

#include "dh_mpi/hash.h"

/* Does ticket `a` come before `b`? */
static bool before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

size_t board_rank_record(const struct board_shape *shape, size_t rank)
{
    size_t ring = shape->ring * board_entry_words(shape);
    size_t records = (BOARD_RING + ring + BOARD_RECORD_WORDS - 1) / BOARD_RECORD_WORDS;
    return (records + rank * (1 + shape->slots)) * BOARD_RECORD_WORDS;
}

size_t board_slot_record(const struct board_shape *shape, size_t rank, size_t slot)
{
    return board_rank_record(shape, rank) + (1 + slot) * BOARD_RECORD_WORDS;
}

size_t board_words(const struct board_shape *shape)
{
    return board_rank_record(shape, shape->ranks);
}

/* ---- a claim ---- */

static uint64_t sum_of(const struct board_shape *shape, uint64_t ticket, const uint64_t *payload)
{
    uint64_t sum = dh_hash_mix(ticket + 1);
    for (size_t i = 0; i < shape->payload; i++)
        sum = dh_hash_mix(sum ^ payload[i]);
    return sum;
}

void board_seal(const struct board_shape *shape, uint64_t ticket, uint64_t *entry)
{
    entry[0] = ticket;
    entry[1] = sum_of(shape, ticket, entry + BOARD_ENTRY_HEAD);
}

bool board_claim_wants(const struct board_claim *claim, const struct board_shape *shape,
                       struct board_access *out)
{
    if (claim->stage == BOARD_CLAIM_TAKE)
        *out = (struct board_access){.kind = BOARD_ADD, .word = BOARD_TICKETS, .operand = 1};
    else if (claim->stage == BOARD_CLAIM_LOOK)
        *out = (struct board_access){.kind = BOARD_READ,
                                     .word = board_entry(shape, claim->ticket),
                                     .count = board_entry_words(shape)};
    else
        return false;
    return true;
}

void board_claim_got(struct board_claim *claim, const struct board_shape *shape,
                     const uint64_t *words)
{
    if (claim->stage == BOARD_CLAIM_TAKE) {
        claim->ticket = words[0];
        claim->stage = BOARD_CLAIM_LOOK;
        return;
    }
    bool whole = words[0] == claim->ticket &&
                 words[1] == sum_of(shape, claim->ticket, words + BOARD_ENTRY_HEAD);
    claim->stage = whole ? BOARD_CLAIM_TOOK : BOARD_CLAIM_WAITS;
}

/* ---- the desk ---- */

static struct board_place *place_of(struct board_desk *desk, const struct board_shape *shape,
                                    uint64_t ticket)
{
    return &desk->places[ticket % shape->ring];
}

static void vacate(struct board_desk *desk, struct board_place *place, uint64_t *trial)
{
    *trial = place->trial;
    place->offered = false;
    desk->offered--;
}

/* Tickets that were taken with nothing offered for them are skipped: their owners ask. */
static uint64_t next_ticket(const struct board_desk *desk, uint64_t counter)
{
    return before(desk->next, counter) ? counter : desk->next;
}

bool board_desk_room(const struct board_desk *desk, const struct board_shape *shape,
                     uint64_t counter)
{
    return !desk->places[next_ticket(desk, counter) % shape->ring].offered;
}

bool board_desk_offer(struct board_desk *desk, const struct board_shape *shape, uint64_t counter,
                      uint64_t trial, uint64_t *ticket)
{
    desk->next = next_ticket(desk, counter);
    struct board_place *place = place_of(desk, shape, desk->next);
    if (place->offered)
        return false;
    *ticket = desk->next++;
    *place = (struct board_place){*ticket, trial, true};
    desk->offered++;
    return true;
}

bool board_desk_heard(struct board_desk *desk, const struct board_shape *shape, uint64_t ticket,
                      uint64_t *trial)
{
    if (before(desk->next, ticket + 1))
        desk->next = ticket + 1;
    struct board_place *place = place_of(desk, shape, ticket);
    if (!place->offered || place->ticket != ticket)
        return false;
    vacate(desk, place, trial);
    return true;
}

uint64_t board_desk_stock(const struct board_desk *desk, uint64_t counter)
{
    uint64_t stock = before(counter, desk->next) ? desk->next - counter : 0;
    return stock < desk->offered ? stock : desk->offered;
}

bool board_desk_recall_wants(const struct board_desk *desk, uint64_t counter, uint64_t most,
                             struct board_access *out)
{
    uint64_t stock = board_desk_stock(desk, counter);
    if (stock == 0 || most == 0)
        return false;
    *out = (struct board_access){
        .kind = BOARD_ADD, .word = BOARD_TICKETS, .operand = most < stock ? most : stock};
    return true;
}

void board_desk_recall_got(struct board_desk *desk, uint64_t seen, uint64_t operand)
{
    desk->next = next_ticket(desk, seen + operand);
}

bool board_desk_withdrawn(struct board_desk *desk, const struct board_shape *shape, uint64_t seen,
                          uint64_t operand, uint64_t *trial)
{
    for (uint64_t ticket = seen + operand; ticket != seen;) {
        struct board_place *place = place_of(desk, shape, --ticket);
        if (place->offered && place->ticket == ticket) {
            vacate(desk, place, trial);
            return true;
        }
    }
    return false;
}

bool board_desk_untold(const struct board_desk *desk, const struct board_shape *shape,
                       uint64_t counter)
{
    if (desk->offered == board_desk_stock(desk, counter))
        return false;
    for (size_t i = 0; i < shape->ring; i++)
        if (desk->places[i].offered && before(desk->places[i].ticket, counter))
            return true;
    return false;
}

void board_desk_roll(struct board_desk *desk, uint64_t counter)
{
    desk->rolled = counter;
}

bool board_desk_orphan(struct board_desk *desk, const struct board_shape *shape, uint64_t *trial)
{
    for (size_t i = 0; i < shape->ring && desk->offered > 0; i++) {
        struct board_place *place = &desk->places[i];
        if (place->offered && before(place->ticket, desk->rolled)) {
            vacate(desk, place, trial);
            return true;
        }
    }
    return false;
}
