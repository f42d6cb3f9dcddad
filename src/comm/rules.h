/* The rules of the board: who may do what to its memory, and what follows. Pure: no MPI, no
 * transport, no clock. board.c carries out what they ask for through a window; the model test
 * (test/comm/test_rules.c) carries out the same, a word at a time, in every order that can be.
 *
 * A claim is a ticket: whoever adds 1 to the counter owns the number that was there. Rank 0's desk
 * offers trials for tickets by writing entries of the ring, before or after their tickets are
 * taken. The owner of a ticket looks at its entry once. If it holds the offer for that very ticket,
 * whole, the owner has the trial; otherwise it asks by message and waits. In both cases its next
 * message tells the desk of the ticket, and only then is the place used again. So:
 *
 * - A trial goes to one ticket, and a ticket has one owner: nobody gets another's trial, however
 *   late it looks, since an offer says which ticket it is for and carries a sum over everything.
 * - A message with a ticket that was offered after its owner had looked is answered with that
 *   trial; any other waits for the next trial that is ready. Tickets need no trial: the desk skips
 *   those that were taken before it had something for them.
 * - Offers are withdrawn by taking their tickets: then nobody else can. What was taken before that
 *   runs, or will be told of. Rank 0 withdraws all of them where nothing is to start any more, and
 *   as many as are needed where slots wait that had looked too early.
 * - A ticket that was taken and that every living rank has had time to tell of, and nobody did, was
 *   a dead one's: its trial is an orphan. "Had time": each rank has answered a roll call that began
 *   after the ticket was taken; it tells of a ticket before it answers anything.
 *
 * Numbers wrap: tickets are compared by their distance. */
#ifndef DH_MPI_COMM_RULES_H
#define DH_MPI_COMM_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words of the window. Each rank's record and each slot's fills a cache line. */
enum {
    BOARD_PULSE = 0,   /* grows while rank 0 lives */
    BOARD_NEWS = 1,    /* grows when a slot reports */
    BOARD_TICKETS = 8, /* the counter, on a line of its own */
    BOARD_RING = 16,
    BOARD_RECORD_WORDS = 8,
};
/* A rank's record. */
enum { BOARD_BEAT = 0, BOARD_STOPS = 1 };
/* A slot's record: the owner writes the first part, rank 0 the stop. */
enum {
    BOARD_TRIAL = 0,
    BOARD_REPORTS = 1, /* how many came */
    BOARD_STEP = 2,    /* bits of a double, as the value */
    BOARD_VALUE = 3,
    BOARD_SLOT_OWN = 4, /* words of the owner's */
    BOARD_STOP = 4,     /* 1: the evaluation of ticket … */
    BOARD_STOP_TICKET = 5,
};

/* An entry of the ring: ticket, sum, payload. */
enum { BOARD_ENTRY_HEAD = 2 };

struct board_shape {
    size_t ring;         /* entries; a power of two */
    size_t payload;      /* words of an offer */
    size_t ranks, slots; /* slots of each rank */
};

size_t board_words(const struct board_shape *shape);
static inline size_t board_entry_words(const struct board_shape *shape)
{
    return BOARD_ENTRY_HEAD + shape->payload;
}
static inline size_t board_entry(const struct board_shape *shape, uint64_t ticket)
{
    return BOARD_RING + (size_t)(ticket % shape->ring) * board_entry_words(shape);
}
size_t board_rank_record(const struct board_shape *shape, size_t rank);
size_t board_slot_record(const struct board_shape *shape, size_t rank, size_t slot);

/* What somebody does to the window next. */
enum board_access_kind { BOARD_ADD, BOARD_READ };
struct board_access {
    enum board_access_kind kind;
    size_t word, count; /* READ */
    uint64_t operand;   /* ADD; what was there comes back */
};

/* ---- a claim ---- */

enum board_claim_stage { BOARD_CLAIM_TAKE, BOARD_CLAIM_LOOK, BOARD_CLAIM_TOOK, BOARD_CLAIM_WAITS };
/* Zero-initialise for a new one. */
struct board_claim {
    enum board_claim_stage stage;
    uint64_t ticket;
};

/* The next access of a claim; false when it is decided (TOOK, WAITS). */
bool board_claim_wants(const struct board_claim *claim, const struct board_shape *shape,
                       struct board_access *out);
/* That access gave `words` (an ADD: what was there before). After TOOK, the payload of `words` is
 * the trial's. */
void board_claim_got(struct board_claim *claim, const struct board_shape *shape,
                     const uint64_t *words);
/* Complete `entry`, whose payload is filled, as the offer for `ticket`. */
void board_seal(const struct board_shape *shape, uint64_t ticket, uint64_t *entry);

/* ---- the desk ---- */

struct board_place {
    uint64_t ticket, trial;
    bool offered; /* … and its owner, if there is one, has not told of it */
};

struct board_desk {
    struct board_place *places; /* by ticket, modulo the ring; the caller's */
    uint64_t next;              /* the first ticket that was neither offered nor skipped */
    uint64_t rolled;            /* the roll call asks for tickets before this one */
    size_t offered;             /* places */
};

/* Offer `trial` for the next ticket, the counter having been seen at `counter`: the entry of
 * `*ticket` is then to be written, sealed. False if its place is still in use. */
bool board_desk_offer(struct board_desk *desk, const struct board_shape *shape, uint64_t counter,
                      uint64_t trial, uint64_t *ticket);
/* Would it be true? */
bool board_desk_room(const struct board_desk *desk, const struct board_shape *shape,
                     uint64_t counter);
/* Its owner tells of `ticket`. True if it was offered `*trial`. */
bool board_desk_heard(struct board_desk *desk, const struct board_shape *shape, uint64_t ticket,
                      uint64_t *trial);
/* The access that takes the tickets of at most `most` offers, the counter having been seen at
 * `counter`; false if none is free there. */
bool board_desk_recall_wants(const struct board_desk *desk, uint64_t counter, uint64_t most,
                             struct board_access *out);
/* That access added `operand` to a counter that was at `seen`: these tickets are rank 0's own. */
void board_desk_recall_got(struct board_desk *desk, uint64_t seen, uint64_t operand);
/* After that, one by one: a trial that is thereby withdrawn, the latest ticket first. False: no
 * more. */
bool board_desk_withdrawn(struct board_desk *desk, const struct board_shape *shape, uint64_t seen,
                          uint64_t operand, uint64_t *trial);
/* Has somebody taken an offer and not told of it yet? */
bool board_desk_untold(const struct board_desk *desk, const struct board_shape *shape,
                       uint64_t counter);
/* A roll call begins with the counter at `counter`. When everybody alive has answered, its orphans,
 * one by one. */
void board_desk_roll(struct board_desk *desk, uint64_t counter);
bool board_desk_orphan(struct board_desk *desk, const struct board_shape *shape, uint64_t *trial);

/* Offers that nobody has taken, the counter being at `counter`. */
uint64_t board_desk_stock(const struct board_desk *desk, uint64_t counter);

#endif
