/* The rules of the board (src/comm/rules.h), explored: a few workers, rank 0 and their messages,
 * every order in which their steps can happen, a word of the window at a time. What is explored is
 * what runs: the functions that decide are those of the real board; here is only who steps when.
 *
 * Rank 0 offers, recalls, answers, notices a death and calls the roll; a worker may read an entry
 * from either end, and may die at any moment. Nothing is ever run by two of the living, nothing is
 * lost, nobody gets something that was never offered. Then the same with a mistake put in: each has
 * to be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/comm/rules.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"

enum {
    MOST_RING = 2,
    MOST_WORKERS = 3,
    MOST_TRIALS = 4,
    MOST_MAIL = 8,
    ENTRY = BOARD_ENTRY_HEAD + 1,
    WORDS = BOARD_RING + MOST_RING * ENTRY,
    MARK = 100, /* payload of trial t: MARK + t */
};

enum mistake {
    NONE,
    NO_SUM,        /* a reader believes the ticket number alone */
    RECALL_CLEARS, /* rank 0 wipes its offers instead of taking their tickets */
    FORGETS,       /* a claim by message is not looked up at the desk */
    HASTY,         /* orphans are declared without waiting for the roll call */
    REUSES,        /* a place is used again before its owner has told of it */
    MISTAKES
};

struct scenario {
    struct board_shape shape;
    int workers, claims, trials, recalls;
    bool deadly;
    uint64_t first;
    enum mistake mistake;
};

enum mail_kind { TOLD, DONE, ANSWER, TASK, ROLL };
struct mail {
    uint8_t kind, took, trial;
    uint64_t ticket;
};
struct box {
    uint8_t count;
    struct mail mail[MOST_MAIL];
};

enum phase { FREE, CLAIMING, UNTOLD, WAITING, RUNNING };
struct worker {
    struct board_claim claim;
    uint64_t words[ENTRY];
    uint8_t phase, read, backwards, claims, trial, dead;
    struct box in, out;
};

enum owner { READY = 100, OFFERED, FINISHED }; /* or the number of a worker */
enum desk_phase { LOOKING, SEEN, WRITING, TAKING };

/* No pointers in here: states are compared by their bytes. */
struct state {
    uint64_t memory[WORDS];
    struct board_place places[MOST_RING];
    struct board_desk desk; /* its pointer is set while it is used */
    uint64_t seen, operand, entry_word, entry[ENTRY];
    uint8_t phase, written, recalls, recalling, rolls, rolling, died, ready_count, waiting_count;
    uint8_t ready[MOST_TRIALS], waiting[MOST_WORKERS];
    uint8_t owner[MOST_TRIALS];    /* as rank 0 knows it */
    uint8_t finished[MOST_TRIALS]; /* 1 + the worker that did it */
    uint8_t lost[MOST_WORKERS], awaited[MOST_WORKERS];
    struct worker workers[MOST_WORKERS];
};

struct exploration {
    const struct scenario *scenario;
    struct dh_map seen;
    uint64_t states, ends, starts_by_window, starts_by_message, orphans, withdrawn;
    const char *broken; /* the first thing that went wrong */
};

static void expect(struct exploration *e, bool good, const char *what)
{
    if (!good && !e->broken)
        e->broken = what;
}

static void post(struct exploration *e, struct box *box, struct mail mail)
{
    expect(e, box->count < MOST_MAIL, "a mailbox overflows");
    if (box->count < MOST_MAIL)
        box->mail[box->count++] = mail;
}

static struct mail fetch(struct box *box)
{
    struct mail first = box->mail[0];
    memmove(box->mail, box->mail + 1, (size_t)--box->count * sizeof *box->mail);
    memset(&box->mail[box->count], 0, sizeof *box->mail);
    return first;
}

/* ---- a worker ---- */

static void run(struct exploration *e, struct state *s, int w, uint64_t trial)
{
    expect(e, trial < (uint64_t)e->scenario->trials, "something was run that is no trial");
    if (e->broken)
        return;
    for (int other = 0; other < e->scenario->workers; other++) {
        const struct worker *o = &s->workers[other];
        bool runs =
            o->phase == RUNNING || (o->phase == UNTOLD && o->claim.stage == BOARD_CLAIM_TOOK);
        if (other != w && !o->dead && runs)
            expect(e, o->trial != trial, "two of the living run a trial");
    }
    uint8_t by = s->finished[trial];
    expect(e, !by || s->workers[by - 1].dead, "a trial was run again");
    s->workers[w].trial = (uint8_t)trial;
}

/* One word of the entry; after the last, the claim is decided. */
static void look(struct exploration *e, struct state *s, int w)
{
    const struct board_shape *shape = &e->scenario->shape;
    struct worker *worker = &s->workers[w];
    struct board_access access;
    board_claim_wants(&worker->claim, shape, &access);
    size_t at = worker->backwards ? access.count - 1 - worker->read : worker->read;
    worker->words[at] = s->memory[access.word + at];
    if (++worker->read < access.count)
        return;
    if (e->scenario->mistake == NO_SUM)
        board_seal(shape, worker->words[0], worker->words);
    board_claim_got(&worker->claim, shape, worker->words);
    worker->phase = UNTOLD;
    if (worker->claim.stage == BOARD_CLAIM_TOOK) {
        run(e, s, w, worker->words[BOARD_ENTRY_HEAD] - MARK);
        e->starts_by_window++;
    }
    memset(worker->words, 0, sizeof worker->words);
    worker->read = 0;
}

static void tell(struct exploration *e, struct state *s, int w)
{
    struct worker *worker = &s->workers[w];
    bool took = worker->claim.stage == BOARD_CLAIM_TOOK;
    post(e, &worker->out,
         (struct mail){.kind = TOLD, .took = took, .ticket = worker->claim.ticket});
    worker->phase = took ? RUNNING : WAITING;
    memset(&worker->claim, 0, sizeof worker->claim);
}

static void read_mail(struct exploration *e, struct state *s, int w)
{
    struct worker *worker = &s->workers[w];
    struct mail mail = fetch(&worker->in);
    if (mail.kind == ROLL) {
        post(e, &worker->out, (struct mail){.kind = ANSWER});
        return;
    }
    expect(e, worker->phase == WAITING, "a task for a slot that does not wait");
    run(e, s, w, mail.trial);
    worker->phase = RUNNING;
    e->starts_by_message++;
}

static void take_ticket(struct exploration *e, struct state *s, int w)
{
    struct worker *worker = &s->workers[w];
    struct board_access access;
    board_claim_wants(&worker->claim, &e->scenario->shape, &access);
    uint64_t was = s->memory[access.word];
    s->memory[access.word] += access.operand;
    board_claim_got(&worker->claim, &e->scenario->shape, &was);
    worker->phase = CLAIMING;
    worker->claims--;
}

enum worker_move { STEP, STEP_BACKWARDS, MAIL, DIE, WORKER_MOVES };

static bool move_worker(struct exploration *e, struct state *s, int w, enum worker_move move)
{
    struct worker *worker = &s->workers[w];
    if (worker->dead)
        return false;
    if (move == DIE) {
        if (!e->scenario->deadly || s->died)
            return false;
        worker->dead = s->died = 1;
        return true;
    }
    if (move == MAIL) { /* between claims only */
        if (worker->in.count == 0 || worker->phase == CLAIMING || worker->phase == UNTOLD)
            return false;
        read_mail(e, s, w);
        return true;
    }
    if (move == STEP_BACKWARDS) {
        if (worker->phase != CLAIMING || worker->read > 0 || worker->backwards)
            return false;
        worker->backwards = 1;
        look(e, s, w);
        return true;
    }
    if (worker->phase == FREE && worker->claims > 0) {
        take_ticket(e, s, w);
    } else if (worker->phase == CLAIMING) {
        look(e, s, w);
    } else if (worker->phase == UNTOLD) {
        worker->backwards = 0;
        tell(e, s, w);
    } else if (worker->phase == RUNNING) {
        post(e, &worker->out, (struct mail){.kind = DONE, .trial = worker->trial});
        s->finished[worker->trial] = (uint8_t)(w + 1);
        worker->phase = FREE;
        worker->trial = 0;
    } else {
        return false;
    }
    return true;
}

/* ---- rank 0 ---- */

static bool stopping(const struct state *s)
{
    return s->recalls == 0;
}

static void make_ready(struct state *s, uint64_t trial)
{
    s->owner[trial] = READY;
    memmove(s->ready + 1, s->ready, s->ready_count++);
    s->ready[0] = (uint8_t)trial;
}

static uint8_t next_ready(struct state *s)
{
    uint8_t trial = s->ready[0];
    memmove(s->ready, s->ready + 1, --s->ready_count);
    s->ready[s->ready_count] = 0;
    return trial;
}

static void give(struct exploration *e, struct state *s, int w, uint64_t trial)
{
    s->owner[trial] = (uint8_t)w;
    post(e, &s->workers[w].in, (struct mail){.kind = TASK, .trial = (uint8_t)trial});
}

static void serve(struct exploration *e, struct state *s)
{
    while (!stopping(s) && s->waiting_count > 0 && s->ready_count > 0) {
        int w = s->waiting[0];
        memmove(s->waiting, s->waiting + 1, --s->waiting_count);
        s->waiting[s->waiting_count] = 0;
        give(e, s, w, next_ready(s));
    }
}

static void hear_ticket(struct exploration *e, struct state *s, int w, const struct mail *mail)
{
    uint64_t trial = 0;
    bool forgets = e->scenario->mistake == FORGETS && !mail->took;
    if (!forgets && board_desk_heard(&s->desk, &e->scenario->shape, mail->ticket, &trial)) {
        expect(e, s->owner[trial] == OFFERED, "a trial was offered twice");
        if (mail->took)
            s->owner[trial] = (uint8_t)w;
        else
            give(e, s, w, trial);
    } else {
        expect(e, !mail->took, "a worker took what was not offered");
        s->waiting[s->waiting_count++] = (uint8_t)w;
    }
}

static bool hear(struct exploration *e, struct state *s, int w)
{
    if (s->workers[w].out.count == 0 || s->phase == WRITING || s->phase == TAKING)
        return false;
    struct mail mail = fetch(&s->workers[w].out);
    if (s->lost[w])
        return true; /* is not listened to any more */
    if (mail.kind == TOLD) {
        hear_ticket(e, s, w, &mail);
    } else if (mail.kind == DONE) {
        expect(e, s->owner[mail.trial] == w, "a result from one who was not known to run it");
        s->owner[mail.trial] = FINISHED;
    } else {
        s->awaited[w] = 0;
    }
    serve(e, s);
    return true;
}

static bool notice_death(struct exploration *e, struct state *s, int w)
{
    if (!s->workers[w].dead || s->lost[w] || s->phase == WRITING || s->phase == TAKING)
        return false;
    s->lost[w] = 1;
    s->awaited[w] = 0;
    for (int t = 0; t < e->scenario->trials; t++)
        if (s->owner[t] == w)
            make_ready(s, (uint64_t)t);
    uint8_t kept = 0;
    for (uint8_t i = 0; i < s->waiting_count; i++)
        if (s->waiting[i] != w)
            s->waiting[kept++] = s->waiting[i];
    memset(s->waiting + kept, 0, (size_t)(s->waiting_count - kept));
    s->waiting_count = kept;
    serve(e, s);
    return true;
}

static bool offer(struct exploration *e, struct state *s)
{
    const struct board_shape *shape = &e->scenario->shape;
    if (stopping(s) || s->ready_count == 0 || s->waiting_count > 0)
        return false;
    if (e->scenario->mistake == REUSES)
        for (size_t i = 0; i < shape->ring; i++)
            s->places[i].offered = false;
    uint64_t ticket;
    if (!board_desk_offer(&s->desk, shape, s->seen, s->ready[0], &ticket))
        return false;
    uint8_t trial = next_ready(s);
    s->owner[trial] = OFFERED;
    s->entry[BOARD_ENTRY_HEAD] = (uint64_t)MARK + trial;
    board_seal(shape, ticket, s->entry);
    s->entry_word = board_entry(shape, ticket);
    s->phase = WRITING;
    return true;
}

static bool write_word(struct state *s)
{
    s->memory[s->entry_word + s->written] = s->entry[s->written];
    if (++s->written == ENTRY) {
        s->written = 0;
        s->phase = LOOKING;
        memset(s->entry, 0, sizeof s->entry);
        s->seen = s->entry_word = 0;
    }
    return true;
}

static bool begin_recall(struct state *s)
{
    struct board_access access;
    bool starving = s->waiting_count > 0 && s->ready_count == 0 && !stopping(s);
    if (starving && board_desk_recall_wants(&s->desk, s->seen, s->waiting_count, &access)) {
        s->operand = access.operand;
        s->phase = TAKING;
        return true;
    }
    if (s->recalls == 0)
        return false;
    s->recalling = 1;
    if (!board_desk_recall_wants(&s->desk, s->seen, UINT64_MAX, &access)) {
        s->recalling = 0;
        s->recalls--;
        s->phase = LOOKING;
        s->seen = 0;
        return true;
    }
    s->operand = access.operand;
    s->phase = TAKING;
    return true;
}

static bool recall(struct exploration *e, struct state *s)
{
    const struct board_shape *shape = &e->scenario->shape;
    uint64_t was = s->memory[BOARD_TICKETS], trial;
    if (e->scenario->mistake == RECALL_CLEARS) {
        was = s->seen;
        memset(s->memory + BOARD_RING, 0, sizeof s->memory - BOARD_RING * sizeof *s->memory);
    } else {
        s->memory[BOARD_TICKETS] += s->operand;
    }
    board_desk_recall_got(&s->desk, was, s->operand);
    while (board_desk_withdrawn(&s->desk, shape, was, s->operand, &trial)) {
        make_ready(s, trial);
        e->withdrawn++;
    }
    s->recalls -= s->recalling;
    s->recalling = 0;
    s->phase = LOOKING;
    s->seen = s->operand = 0;
    serve(e, s);
    return true;
}

static bool call_roll(struct exploration *e, struct state *s)
{
    if (s->rolling || s->rolls == 0 || !s->died ||
        !board_desk_untold(&s->desk, &e->scenario->shape, s->seen))
        return false;
    board_desk_roll(&s->desk, s->seen);
    for (int w = 0; w < e->scenario->workers; w++)
        if (!s->lost[w]) {
            s->awaited[w] = 1;
            post(e, &s->workers[w].in, (struct mail){.kind = ROLL});
        }
    s->rolling = 1;
    s->rolls--;
    s->phase = LOOKING;
    s->seen = 0;
    return true;
}

static bool end_roll(struct exploration *e, struct state *s)
{
    uint64_t trial;
    if (!s->rolling)
        return false;
    for (int w = 0; w < e->scenario->workers; w++)
        if (s->awaited[w] && e->scenario->mistake != HASTY)
            return false;
    s->rolling = 0;
    while (board_desk_orphan(&s->desk, &e->scenario->shape, &trial)) {
        make_ready(s, trial);
        e->orphans++;
    }
    serve(e, s);
    return true;
}

enum desk_move {
    LOOK,
    OFFER,
    RECALL,
    ROLL_CALL,
    END_ROLL,
    HEAR,
    NOTICE = HEAR + MOST_WORKERS,
    DESK_MOVES = NOTICE + MOST_WORKERS
};

static bool move_desk(struct exploration *e, struct state *s, int move)
{
    if (move >= NOTICE)
        return notice_death(e, s, move - NOTICE);
    if (move >= HEAR)
        return hear(e, s, move - HEAR);
    if (s->phase == WRITING || s->phase == TAKING)
        return move == OFFER && (s->phase == WRITING ? write_word(s) : recall(e, s));
    if (move == END_ROLL)
        return end_roll(e, s);
    if (move == LOOK) {
        bool stale = s->phase == LOOKING || s->seen != s->memory[BOARD_TICKETS];
        bool of_use = s->recalls > 0 || (!s->rolling && s->rolls > 0 && s->died);
        if (!stale || !of_use)
            return false;
        s->seen = s->memory[BOARD_TICKETS];
        s->phase = SEEN;
        return true;
    }
    if (s->phase != SEEN)
        return false;
    return move == OFFER ? offer(e, s) : move == RECALL ? begin_recall(s) : call_roll(e, s);
}

/* ---- exploring ---- */

/* Nobody can do anything any more: is every trial where it belongs? */
static void check_end(struct exploration *e, const struct state *s)
{
    e->ends++;
    for (int t = 0; t < e->scenario->trials; t++) {
        int queued = 0;
        for (int i = 0; i < s->ready_count; i++)
            queued += s->ready[i] == t;
        expect(e, s->owner[t] == READY || s->owner[t] == FINISHED, "a trial is lost");
        expect(e, queued == (s->owner[t] == READY), "the queue is wrong");
    }
    expect(e, s->desk.offered == 0, "an offer is never taken back");
}

static void explore(struct exploration *e, const struct state *s);

/* The state after one move, if that is possible. */
static bool follow(struct exploration *e, const struct state *s, int move)
{
    struct state next = *s;
    next.desk.places = next.places;
    bool moved = move < DESK_MOVES
                     ? move_desk(e, &next, move)
                     : move_worker(e, &next, (move - DESK_MOVES) / WORKER_MOVES,
                                   (enum worker_move)((move - DESK_MOVES) % WORKER_MOVES));
    next.desk.places = NULL;
    if (moved && !e->broken)
        explore(e, &next);
    return moved;
}

static void explore(struct exploration *e, const struct state *s)
{
    uint64_t key = dh_hash_bytes(0, s, sizeof *s);
    if (dh_map_get(&e->seen, key, NULL))
        return;
    dh_map_put(&e->seen, key, 1);
    e->states++;
    bool moved = false;
    for (int move = 0; move < DESK_MOVES + e->scenario->workers * WORKER_MOVES && !e->broken;
         move++)
        if (move >= DESK_MOVES || move < HEAR ||
            (move - HEAR) % MOST_WORKERS < e->scenario->workers)
            moved = follow(e, s, move) || moved;
    if (!moved && !e->broken)
        check_end(e, s);
}

static void explore_all(struct exploration *e, const struct scenario *scenario)
{
    struct state s;
    memset(&s, 0, sizeof s); /* padding too: states are hashed */
    *e = (struct exploration){.scenario = scenario};
    s.memory[BOARD_TICKETS] = s.desk.next = scenario->first;
    s.recalls = (uint8_t)scenario->recalls;
    s.rolls = 2;
    for (int w = 0; w < scenario->workers; w++)
        s.workers[w].claims = (uint8_t)scenario->claims;
    for (int t = scenario->trials - 1; t >= 0; t--)
        make_ready(&s, (uint64_t)t);
    explore(e, &s);
    dh_map_free(&e->seen);
}

/* {ring, payload, ranks, slots}, workers, claims of each, trials, recalls (the last for good) … */
static const struct scenario wrap = {{2, 1, 2, 1}, 2, 2, 2, 1, false, UINT64_MAX, NONE};
static const struct scenario slow = {{1, 1, 2, 1}, 2, 2, 3, 1, false, UINT32_MAX, NONE};
static const struct scenario three = {{1, 1, 3, 1}, 3, 1, 2, 1, false, 7, NONE};
static const struct scenario again = {{2, 1, 2, 1}, 2, 1, 2, 2, false, UINT64_MAX - 1, NONE};
static const struct scenario deaths = {{2, 1, 2, 1}, 2, 1, 2, 1, true, UINT64_MAX, NONE};

static void check(const struct scenario *scenario, const char *name)
{
    struct exploration e;
    explore_all(&e, scenario);
    print_message("%s: %llu states, %llu ends, %llu starts by window, %llu by message, "
                  "%llu withdrawn, %llu orphans\n",
                  name, (unsigned long long)e.states, (unsigned long long)e.ends,
                  (unsigned long long)e.starts_by_window, (unsigned long long)e.starts_by_message,
                  (unsigned long long)e.withdrawn, (unsigned long long)e.orphans);
    if (e.broken)
        fail_msg("%s: %s", name, e.broken);
    assert_true(e.ends > 0 && e.starts_by_window > 0 && e.starts_by_message > 0);
    assert_true(e.withdrawn > 0);
    assert_true((e.orphans > 0) == scenario->deadly);
}

static void holds_over_wraps(void **context)
{
    (void)context;
    check(&wrap, "wrap");
}

static void holds_with_slow_readers(void **context)
{
    (void)context;
    check(&slow, "slow");
}

static void holds_among_three(void **context)
{
    (void)context;
    check(&three, "three");
}

static void holds_after_a_recall(void **context)
{
    (void)context;
    check(&again, "again");
}

static void holds_with_deaths(void **context)
{
    (void)context;
    check(&deaths, "deaths");
}

static void finds_every_mistake(void **context)
{
    (void)context;
    static const struct {
        enum mistake mistake;
        const struct scenario *in;
    } mistakes[] = {{NO_SUM, &wrap},
                    {RECALL_CLEARS, &wrap},
                    {FORGETS, &wrap},
                    {HASTY, &deaths},
                    {REUSES, &slow}};
    assert_int_equal(DH_COUNT_OF(mistakes), MISTAKES - 1);
    for (size_t i = 0; i < DH_COUNT_OF(mistakes); i++) {
        struct scenario scenario = *mistakes[i].in;
        struct exploration e;
        scenario.mistake = mistakes[i].mistake;
        explore_all(&e, &scenario);
        print_message("mistake %d: %s (after %llu states)\n", (int)scenario.mistake,
                      e.broken ? e.broken : "not found", (unsigned long long)e.states);
        assert_non_null(e.broken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_over_wraps),  cmocka_unit_test(holds_with_slow_readers),
        cmocka_unit_test(holds_among_three), cmocka_unit_test(holds_after_a_recall),
        cmocka_unit_test(holds_with_deaths), cmocka_unit_test(finds_every_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
