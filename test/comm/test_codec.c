/* Payloads: what is packed comes back; whatever else arrives is refused without harm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/comm.h"
#include "dh_mpi/history.h"
#include "dh_mpi/random.h"

#define PARAMETERS 5
#define OBJECTIVES 2

/* Unpack into a local, free what it owns: did it succeed? One for each payload. */
static bool accept_hello(const struct dh_message *message)
{
    struct dh_hello hello;
    return dh_hello_unpack(message, &hello);
}

static bool accept_task(const struct dh_message *message)
{
    struct dh_task task;
    bool good = dh_task_unpack(message, PARAMETERS, &task);
    assert_true(good == (task.values != NULL));
    assert_true(task.slot >= 0);
    free(task.values);
    return good;
}

static bool accept_result(const struct dh_message *message)
{
    struct dh_outcome outcome;
    int32_t slot;
    uint64_t trial;
    bool good = dh_result_unpack(message, OBJECTIVES, &slot, &trial, &outcome);
    assert_true(slot >= 0);
    assert_true(good == (outcome.objectives != NULL));
    dh_outcome_free(&outcome);
    return good;
}

static bool accept_slot(const struct dh_message *message)
{
    int32_t slot;
    uint64_t trial;
    return dh_slot_unpack(message, &slot, &trial) && slot >= 0;
}

static bool accept_progress(const struct dh_message *message)
{
    int32_t slot;
    uint64_t trial;
    double step, value;
    return dh_progress_unpack(message, &slot, &trial, &step, &value) && slot >= 0;
}

static bool accept_turn(const struct dh_message *message)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    struct dh_turn turn;
    int count = 0;
    while (dh_turn_next(&reader, OBJECTIVES, &turn)) {
        count++;
        assert_true(turn.slot >= 0 && (turn.ended || !turn.outcome.objectives));
        dh_outcome_free(&turn.outcome);
    }
    return dh_reader_complete(&reader) && count == 1;
}

static void sample_hello(struct dh_buffer *out)
{
    struct dh_hello hello = {
        .version = DH_WIRE_VERSION, .slots = 4, .pid = 4711, .silent = true, .host = "node0042"};
    dh_hello_pack(&hello, out);
}

static void sample_task(struct dh_buffer *out)
{
    double values[PARAMETERS] = {0.5, NAN, -0.0, 1e300, INFINITY};
    struct dh_task task = {.trial = 1u << 31,
                           .seed = UINT64_MAX,
                           .proposed = 0.1,
                           .retries = 2,
                           .slot = 7,
                           .values = values};
    dh_task_pack(&task, PARAMETERS, out);
}

static void sample_result(struct dh_buffer *out)
{
    double objectives[OBJECTIVES] = {0.25, NAN};
    struct dh_outcome outcome = {.status = DH_TRIAL_FAILED,
                                 .objectives = objectives,
                                 .reason = "F_nan",
                                 .stderr_tail = "",
                                 .metadata = NULL,
                                 .reports = "[[1, 0.5]]",
                                 .started = 1.5,
                                 .ended = 2.5,
                                 .cpu_seconds = NAN,
                                 .peak_bytes = 1u << 20,
                                 .worker = 3,
                                 .slot = -1,
                                 .retries = 1};
    dh_result_pack(2, 99, &outcome, OBJECTIVES, out);
}

static void sample_turn(struct dh_buffer *out)
{
    double objectives[OBJECTIVES] = {1, -INFINITY};
    struct dh_turn turn = {.slot = 3,
                           .took = true,
                           .ended = true,
                           .ticket = UINT64_MAX,
                           .trial = 12,
                           .outcome = {.status = DH_TRIAL_SUCCEEDED, .objectives = objectives}};
    dh_turn_pack(&turn, OBJECTIVES, out);
}

static void sample_slot(struct dh_buffer *out)
{
    dh_slot_pack(1, 12, out);
}

static void sample_progress(struct dh_buffer *out)
{
    dh_progress_pack(3, 5, 10, 0.125, out);
}

static const struct {
    void (*sample)(struct dh_buffer *out);
    bool (*accept)(const struct dh_message *message);
} payloads[] = {
    {sample_hello, accept_hello},       {sample_task, accept_task}, {sample_result, accept_result},
    {sample_progress, accept_progress}, {sample_slot, accept_slot}, {sample_turn, accept_turn},
};

/* Accepts bytes that lie in a block of exactly their size, so that the sanitizer sees every read
 * behind their end. */
static bool accepts(size_t payload, const void *bytes, size_t size)
{
    void *exact = size ? dh_memdup(bytes, size) : NULL;
    struct dh_message message = {.data = exact, .size = size};
    bool good = payloads[payload].accept(&message);
    free(exact);
    return good;
}

static void test_truncated_and_extended(void **state)
{
    (void)state;
    for (size_t p = 0; p < DH_COUNT_OF(payloads); p++) {
        struct dh_buffer bytes = {0};
        payloads[p].sample(&bytes);
        assert_true(accepts(p, bytes.data, bytes.size));
        for (size_t size = 0; size < bytes.size; size++)
            assert_false(accepts(p, bytes.data, size));
        dh_put_u8(&bytes, 0);
        assert_false(accepts(p, bytes.data, bytes.size));
        dh_buffer_free(&bytes);
    }
}

static void test_random_bytes(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    uint8_t bytes[200];
    for (int round = 0; round < 20000; round++) {
        size_t size = dh_random_below(&random, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(dh_random_u32(&random) & (round % 2 ? 0xFF : 0x01));
        for (size_t p = 0; p < DH_COUNT_OF(payloads); p++)
            accepts(p, bytes, size);
    }
}

static void test_turns_come_in_bunches(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    struct dh_turn claim = {.slot = 1, .ticket = 5}, turn;
    dh_turn_pack(&claim, OBJECTIVES, &bytes);
    sample_turn(&bytes);
    struct dh_reader reader = dh_reader_of(bytes.data, bytes.size);
    assert_true(dh_turn_next(&reader, OBJECTIVES, &turn));
    assert_true(turn.slot == 1 && turn.ticket == 5 && !turn.took && !turn.ended);
    assert_true(dh_turn_next(&reader, OBJECTIVES, &turn));
    assert_true(turn.slot == 3 && turn.ticket == UINT64_MAX && turn.took && turn.ended);
    assert_true(turn.trial == 12 && turn.outcome.objectives[0] == 1);
    dh_outcome_free(&turn.outcome);
    assert_false(dh_turn_next(&reader, OBJECTIVES, &turn));
    assert_true(dh_reader_complete(&reader));
    dh_buffer_free(&bytes);
}

static void test_damaged_samples(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(2, DH_STREAM_TEST, 0);
    for (size_t p = 0; p < DH_COUNT_OF(payloads); p++) {
        struct dh_buffer bytes = {0};
        payloads[p].sample(&bytes);
        for (int round = 0; round < 5000; round++) {
            size_t place = dh_random_below(&random, bytes.size);
            char before = bytes.data[place];
            bytes.data[place] = (char)dh_random_u32(&random);
            accepts(p, bytes.data, bytes.size);
            bytes.data[place] = before;
        }
        dh_buffer_free(&bytes);
    }
}

static void test_out_of_range(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    dh_slot_pack(-1, 0, &bytes);
    struct dh_message message = {.data = bytes.data, .size = bytes.size};
    int32_t slot;
    uint64_t trial;
    assert_false(dh_slot_unpack(&message, &slot, &trial));
    dh_buffer_clear(&bytes);
    struct dh_hello hello = {.version = DH_WIRE_VERSION, .slots = -3, .pid = 1, .host = "h"};
    dh_hello_pack(&hello, &bytes);
    assert_false(accepts(0, bytes.data, bytes.size));
    dh_buffer_clear(&bytes);
    dh_put_u32(&bytes, DH_WIRE_VERSION);
    dh_put_u64(&bytes, 1);
    dh_put_text(&bytes, "a host name that is far too long to fit into sixty-four bytes, alas");
    assert_false(accepts(0, bytes.data, bytes.size));
    dh_buffer_free(&bytes);
}

/* Another version's hello is told as such, whatever follows. */
static void test_other_version(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    dh_put_u32(&bytes, DH_WIRE_VERSION + 1);
    dh_put_text(&bytes, "something new");
    struct dh_message message = {.data = bytes.data, .size = bytes.size};
    struct dh_hello hello;
    assert_true(dh_hello_unpack(&message, &hello));
    assert_int_equal(hello.version, DH_WIRE_VERSION + 1);
    assert_int_equal(hello.slots, 0);
    dh_buffer_free(&bytes);
}

static void test_hello_and_task(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    sample_hello(&bytes);
    struct dh_message message = {.data = bytes.data, .size = bytes.size};
    struct dh_hello hello;
    assert_true(dh_hello_unpack(&message, &hello));
    assert_int_equal(hello.slots, 4);
    assert_int_equal(hello.pid, 4711);
    assert_true(hello.silent);
    assert_string_equal(hello.host, "node0042");
    dh_buffer_clear(&bytes);
    sample_task(&bytes);
    message = (struct dh_message){.data = bytes.data, .size = bytes.size};
    struct dh_task task;
    assert_true(dh_task_unpack(&message, PARAMETERS, &task));
    assert_int_equal(task.trial, 1u << 31);
    assert_true(task.seed == UINT64_MAX);
    assert_true(task.proposed == 0.1);
    assert_int_equal(task.retries, 2);
    assert_int_equal(task.slot, 7);
    assert_true(isnan(task.values[1]) && signbit(task.values[2]) && isinf(task.values[4]));
    free(task.values);
    assert_false(dh_task_unpack(&message, PARAMETERS - 1, &task));
    assert_false(dh_task_unpack(&message, PARAMETERS + 1, &task));
    dh_buffer_free(&bytes);
}

static void test_result_and_progress(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    int32_t slot;
    uint64_t trial;
    double step, value;
    sample_result(&bytes);
    struct dh_message message = {.data = bytes.data, .size = bytes.size};
    struct dh_outcome outcome;
    assert_true(dh_result_unpack(&message, OBJECTIVES, &slot, &trial, &outcome));
    assert_int_equal(slot, 2);
    assert_int_equal(trial, 99);
    assert_int_equal(outcome.status, DH_TRIAL_FAILED);
    assert_true(outcome.objectives[0] == 0.25 && isnan(outcome.objectives[1]));
    assert_string_equal(outcome.reason, "F_nan");
    assert_string_equal(outcome.stderr_tail, "");
    assert_null(outcome.metadata);
    assert_int_equal(outcome.slot, -1);
    dh_outcome_free(&outcome);
    assert_false(dh_result_unpack(&message, OBJECTIVES + 1, &slot, &trial, &outcome));
    dh_buffer_clear(&bytes);
    sample_progress(&bytes);
    message = (struct dh_message){.data = bytes.data, .size = bytes.size};
    assert_true(dh_progress_unpack(&message, &slot, &trial, &step, &value));
    assert_int_equal(slot, 3);
    assert_int_equal(trial, 5);
    assert_true(step == 10 && value == 0.125);
    dh_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated_and_extended), cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_turns_come_in_bunches),  cmocka_unit_test(test_damaged_samples),
        cmocka_unit_test(test_out_of_range),           cmocka_unit_test(test_other_version),
        cmocka_unit_test(test_hello_and_task),         cmocka_unit_test(test_result_and_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
