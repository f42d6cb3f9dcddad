/* The board on the loop transport: what workers and rank 0 do to it, one call at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/board.h"

#define NO_TRIAL UINT64_MAX

enum { RANKS = 3, SLOTS = 2, PARAMETERS = 3, RING = 4 };

struct table {
    struct dh_comm *comms[RANKS];
    struct dh_board *boards[RANKS];
};

static void set_table(struct table *table, uint64_t first)
{
    const struct dh_board_plan plan = {PARAMETERS, SLOTS, RING, first};
    struct dh_error err;
    dh_comm_loop_create(RANKS, table->comms);
    for (int rank = 0; rank < RANKS; rank++) {
        bool alone = false;
        assert_int_equal(
            dh_board_open(table->comms[rank], &plan, &alone, &table->boards[rank], &err), DH_OK);
        assert_true(alone);
    }
}

static void clear_table(struct table *table)
{
    struct dh_error err;
    for (int rank = 0; rank < RANKS; rank++) {
        dh_board_destroy(&table->boards[rank]);
        dh_board_destroy(&table->boards[rank]); /* NULL is fine */
        assert_int_equal(dh_comm_close(&table->comms[rank], &err), DH_OK);
    }
}

static void offer(struct table *table, uint64_t trial)
{
    double values[PARAMETERS] = {(double)trial, 0.5, -1};
    const struct dh_task task = {
        .trial = trial, .seed = 1000 + trial, .proposed = 1e9, .retries = 2, .values = values};
    assert_true(dh_board_room(table->boards[0]));
    dh_board_offer(table->boards[0], &task);
}

static struct dh_turn claim(struct table *table, int rank, int32_t slot, struct dh_task *task)
{
    struct dh_turn turn = {0};
    struct dh_error err;
    assert_int_equal(dh_board_claim(table->boards[rank], slot, &turn, task, &err), DH_OK);
    assert_int_equal(turn.slot, slot);
    return turn;
}

/* Rank 0 hears of the turn: the trial that it took, or NO_TRIAL. */
static uint64_t heard(struct table *table, int rank, const struct dh_turn *turn)
{
    uint64_t trial;
    return dh_board_heard(table->boards[0], rank, turn, &trial) ? trial : NO_TRIAL;
}

static void what_is_offered_is_taken_whole(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    set_table(&table, UINT64_MAX - 1); /* the numbers wrap in between */
    for (uint64_t i = 0; i < 10; i++) {
        offer(&table, i);
        assert_int_equal(dh_board_stock(table.boards[0]), 1);
        struct dh_turn turn = claim(&table, 1 + (int)(i % 2), 1, &task);
        assert_true(turn.took);
        assert_int_equal(turn.ticket, UINT64_MAX - 1 + i);
        assert_int_equal(task.trial, i);
        assert_int_equal(task.seed, 1000 + i);
        assert_true(task.proposed == 1e9);
        assert_int_equal(task.retries, 2);
        assert_int_equal(task.slot, 1);
        assert_true(task.values[0] == (double)i && task.values[2] == -1);
        assert_int_equal(dh_board_stock(table.boards[0]), 0);
        assert_true(dh_board_untold(table.boards[0]));
        assert_int_equal(heard(&table, 1, &turn), i);
        assert_int_equal(heard(&table, 1, &turn), NO_TRIAL); /* a second time */
        assert_false(dh_board_untold(table.boards[0]));
    }
    clear_table(&table);
}

static void early_tickets_wait_and_are_skipped(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    set_table(&table, UINT32_MAX);
    struct dh_turn early = claim(&table, 1, 0, &task);
    assert_false(early.took);
    offer(&table, 7); /* not for the ticket that is taken */
    struct dh_turn late = claim(&table, 2, 0, &task);
    assert_true(late.took);
    assert_int_equal(late.ticket, (uint64_t)UINT32_MAX + 1);
    assert_int_equal(heard(&table, 1, &early), NO_TRIAL);
    assert_int_equal(heard(&table, 2, &late), 7);
    clear_table(&table);
}

static void a_full_ring_has_no_room_until_it_is_told(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    set_table(&table, 0);
    for (uint64_t i = 0; i < RING; i++)
        offer(&table, i);
    assert_false(dh_board_room(table.boards[0]));
    struct dh_turn slow = claim(&table, 1, 0, &task);
    assert_false(dh_board_room(table.boards[0])); /* taken, not told */
    assert_int_equal(heard(&table, 1, &slow), 0);
    assert_true(dh_board_room(table.boards[0]));
    offer(&table, RING);
    assert_int_equal(dh_board_stock(table.boards[0]), RING);
    clear_table(&table);
}

static void a_recall_takes_what_nobody_has(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    struct dh_error err;
    const uint64_t *trials;
    size_t count;
    set_table(&table, UINT64_MAX);
    for (uint64_t i = 0; i < 3; i++)
        offer(&table, i);
    struct dh_turn turn = claim(&table, 1, 0, &task);
    assert_int_equal(dh_board_recall(table.boards[0], UINT64_MAX, &trials, &count, &err), DH_OK);
    assert_int_equal(count, 2);
    assert_int_equal(trials[0], 2); /* the latest first */
    assert_int_equal(trials[1], 1);
    assert_int_equal(dh_board_stock(table.boards[0]), 0);
    assert_false(claim(&table, 2, 0, &task).took);
    assert_int_equal(dh_board_recall(table.boards[0], UINT64_MAX, &trials, &count, &err), DH_OK);
    assert_int_equal(count, 0);
    assert_int_equal(heard(&table, 1, &turn), 0);
    offer(&table, 2); /* and on it goes */
    assert_true(claim(&table, 2, 1, &task).took);
    clear_table(&table);
}

static void a_recall_may_be_for_a_few(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    struct dh_error err;
    const uint64_t *trials;
    size_t count;
    set_table(&table, UINT64_MAX);
    for (uint64_t i = 0; i < 4; i++)
        offer(&table, i);
    assert_int_equal(dh_board_recall(table.boards[0], 2, &trials, &count, &err), DH_OK);
    assert_int_equal(count, 2);
    assert_int_equal(trials[0], 1);
    assert_int_equal(trials[1], 0);
    assert_int_equal(dh_board_stock(table.boards[0]), 2);
    assert_true(claim(&table, 1, 0, &task).took);
    assert_int_equal(task.trial, 2);
    offer(&table, 9);
    assert_true(claim(&table, 1, 1, &task).took);
    assert_int_equal(task.trial, 3);
    clear_table(&table);
}

static void orphans_are_those_before_the_roll(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    uint64_t trial;
    set_table(&table, 5);
    offer(&table, 1);
    offer(&table, 2);
    assert_true(claim(&table, 1, 0, &task).took); /* and is never heard of again */
    dh_board_roll(table.boards[0]);
    struct dh_turn later = claim(&table, 2, 0, &task);
    assert_true(later.took);
    assert_true(dh_board_orphan(table.boards[0], &trial));
    assert_int_equal(trial, 1);
    assert_false(dh_board_orphan(table.boards[0], &trial));
    assert_int_equal(heard(&table, 2, &later), 2);
    clear_table(&table);
}

static void stops_are_for_one_evaluation(void **state)
{
    (void)state;
    struct table table;
    struct dh_task task;
    struct dh_error err;
    set_table(&table, 0);
    struct dh_turn turn = claim(&table, 2, 1, &task);
    assert_int_equal(heard(&table, 2, &turn), NO_TRIAL);
    assert_int_equal(dh_board_look(table.boards[2], &err), DH_OK);
    assert_false(dh_board_stopped(table.boards[2], 1));
    dh_board_stop(table.boards[0], 2, 1);
    assert_false(dh_board_stopped(table.boards[2], 1)); /* nobody has looked */
    assert_int_equal(dh_board_look(table.boards[2], &err), DH_OK);
    assert_true(dh_board_stopped(table.boards[2], 1));
    assert_false(dh_board_stopped(table.boards[2], 0));
    assert_int_equal(dh_board_look(table.boards[1], &err), DH_OK);
    assert_false(dh_board_stopped(table.boards[1], 1));
    claim(&table, 2, 1, &task); /* the next one is not meant */
    assert_false(dh_board_stopped(table.boards[2], 1));
    clear_table(&table);
}

static void records_carry_beats_and_reports(void **state)
{
    (void)state;
    struct table table;
    struct dh_error err;
    bool alive;
    int rank;
    int32_t slot;
    uint64_t trial;
    double step, value;
    set_table(&table, 0);
    assert_false(dh_board_heard_beat(table.boards[0], 1));
    assert_int_equal(dh_board_beat(table.boards[1], &alive, &err), DH_OK);
    assert_false(alive);
    assert_true(dh_board_heard_beat(table.boards[0], 1));
    assert_false(dh_board_heard_beat(table.boards[0], 1));
    assert_false(dh_board_heard_beat(table.boards[0], 2));
    dh_board_pulse(table.boards[0]);
    assert_int_equal(dh_board_beat(table.boards[1], &alive, &err), DH_OK);
    assert_true(alive);

    assert_false(dh_board_news(table.boards[0], &rank, &slot, &trial, &step, &value));
    assert_int_equal(dh_board_report(table.boards[1], 0, 4, 1, 0.5, &err), DH_OK);
    assert_int_equal(dh_board_report(table.boards[1], 0, 4, 2, 0.25, &err), DH_OK);
    assert_int_equal(dh_board_report(table.boards[2], 1, 5, 9, -1, &err), DH_OK);
    assert_true(dh_board_news(table.boards[0], &rank, &slot, &trial, &step, &value));
    assert_true(rank == 1 && slot == 0 && trial == 4 && step == 2 && value == 0.25);
    assert_true(dh_board_news(table.boards[0], &rank, &slot, &trial, &step, &value));
    assert_true(rank == 2 && slot == 1 && trial == 5 && step == 9 && value == -1);
    assert_false(dh_board_news(table.boards[0], &rank, &slot, &trial, &step, &value));
    clear_table(&table);
}

static void plans_travel(void **state)
{
    (void)state;
    struct dh_board_plan plan = dh_board_plan_for(20, 4097, 1), back;
    struct dh_buffer bytes = {0};
    bool there = false;
    assert_int_equal(plan.ring, 16384);
    assert_int_equal(dh_board_plan_for(20, 2, 1).ring, 1024);
    dh_board_plan_pack(&plan, &bytes);
    struct dh_message message = {.data = bytes.data, .size = bytes.size};
    assert_true(dh_board_plan_unpack(&message, &there, &back));
    assert_true(there && back.ring == plan.ring && back.parameter_count == 20 && back.slots == 1);
    message.size--;
    assert_false(dh_board_plan_unpack(&message, &there, &back));
    message.size = 0;
    assert_true(dh_board_plan_unpack(&message, &there, &back));
    assert_false(there);
    dh_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_taken_whole),
        cmocka_unit_test(early_tickets_wait_and_are_skipped),
        cmocka_unit_test(a_full_ring_has_no_room_until_it_is_told),
        cmocka_unit_test(a_recall_takes_what_nobody_has),
        cmocka_unit_test(a_recall_may_be_for_a_few),
        cmocka_unit_test(orphans_are_those_before_the_roll),
        cmocka_unit_test(stops_are_for_one_evaluation),
        cmocka_unit_test(records_carry_beats_and_reports),
        cmocka_unit_test(plans_travel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
