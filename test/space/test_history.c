/* The table of trials: counters, events, what a reader on another thread may see, outcomes on the
 * wire. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/history.h"

static struct dh_outcome succeeded(double value)
{
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED, .worker = 3, .slot = 1};
    outcome.objectives = dh_alloc(2, sizeof(double));
    outcome.objectives[0] = value;
    outcome.objectives[1] = -value;
    return outcome;
}

static void test_status_texts(void **state)
{
    (void)state;
    for (int i = 0; i < DH_TRIAL_STATUS_COUNT; i++)
        assert_int_equal(dh_trial_status_parse(dh_trial_status_text((enum dh_trial_status)i)), i);
    assert_int_equal(dh_trial_status_parse("OK"), -1);
    assert_int_equal(dh_trial_status_parse(""), -1);
}

static void test_refused_ends(void **state)
{
    (void)state;
    struct dh_history *history = dh_history_create(1, 2);
    struct dh_error err;
    struct dh_outcome outcome = succeeded(1);
    double x = 0.5;
    assert_int_equal(dh_history_end(history, 0, &outcome, &err), DH_INTERNAL);
    dh_history_propose(history, &x);
    outcome.status = DH_TRIAL_PENDING;
    assert_int_equal(dh_history_end(history, 0, &outcome, &err), DH_INTERNAL);
    outcome.status = DH_TRIAL_SUCCEEDED;
    assert_int_equal(dh_history_end(history, 0, &outcome, &err), DH_OK);
    assert_null(outcome.objectives);
    outcome = succeeded(2);
    assert_int_equal(dh_history_end(history, 0, &outcome, &err), DH_INTERNAL);
    assert_non_null(strstr(err.text, "trial 0"));
    assert_non_null(outcome.objectives); /* still the caller's */
    assert_true(dh_history_trial(history, 0)->outcome.objectives[0] == 1);
    assert_int_equal(dh_history_event(history), 2);
    dh_outcome_free(&outcome);
    dh_history_destroy(&history);
    assert_null(history);
    dh_history_destroy(&history);
}

static void test_pending_has_no_outcome(void **state)
{
    (void)state;
    struct dh_history *history = dh_history_create(2, 2);
    const struct dh_trial *trial = dh_history_propose(history, (double[]){1, NAN});
    assert_int_equal(trial->outcome.status, DH_TRIAL_PENDING);
    assert_true(isnan(trial->outcome.objectives[1]) && isnan(trial->outcome.started));
    assert_int_equal(trial->outcome.worker, -1);
    assert_false(dh_trial_ended_by(trial, UINT64_MAX));
    struct dh_outcome outcome = {.status = DH_TRIAL_FAILED}; /* no objectives at all */
    assert_int_equal(dh_history_end(history, 0, &outcome, NULL), DH_OK);
    assert_true(isnan(trial->outcome.objectives[0]));
    assert_true(dh_trial_ended_by(trial, 2) && !dh_trial_ended_by(trial, 1));
    dh_history_destroy(&history);
}

/* Over several chunks, ended backwards: nothing moves, the order is that of the events. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct dh_history *history = dh_history_create(1, 2);
    const struct dh_trial *first = NULL;
    for (int i = 0; i < COUNT; i++) {
        double x = i;
        const struct dh_trial *trial = dh_history_propose(history, &x);
        first = first ? first : trial;
        assert_int_equal(trial->id, i);
    }
    assert_ptr_equal(first, dh_history_trial(history, 0));
    for (uint64_t i = COUNT; i-- > 10;) {
        struct dh_outcome outcome = succeeded((double)i);
        assert_int_equal(dh_history_end(history, i, &outcome, NULL), DH_OK);
    }
    uint64_t count;
    uint64_t *order = dh_history_ended_order(history, &count);
    assert_int_equal(count, COUNT - 10);
    assert_int_equal(dh_history_ended(history), count);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(order[i], COUNT - 1 - i);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_true(dh_history_trial(history, i)->values[0] == (double)i);
    free(order);
    dh_history_clear(history);
    assert_int_equal(dh_history_count(history), 0);
    assert_int_equal(dh_history_event(history), 0);
    assert_int_equal(dh_history_propose(history, &(double){7})->proposed_event, 1);
    dh_history_destroy(&history);
}

/* Loading gives trials the events they had; the next event follows the highest. */
static void test_set_events(void **state)
{
    (void)state;
    struct dh_history *history = dh_history_create(1, 1);
    const uint64_t events[][2] = {{1, 5}, {2, 0}, {3, 4}};
    for (size_t i = 0; i < 3; i++) {
        struct dh_trial *trial = dh_history_propose(history, &(double){1});
        struct dh_outcome outcome = {.status = DH_TRIAL_FAILED};
        if (events[i][1])
            assert_int_equal(dh_history_end(history, i, &outcome, NULL), DH_OK);
        dh_history_set_events(history, trial, events[i][0], events[i][1]);
    }
    assert_int_equal(dh_history_event(history), 5);
    assert_int_equal(dh_history_ended(history), 2);
    uint64_t count;
    uint64_t *order = dh_history_ended_order(history, &count);
    assert_int_equal(count, 2);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    free(order);
    assert_int_equal(dh_history_propose(history, &(double){1})->proposed_event, 6);
    dh_history_destroy(&history);
}

struct shared {
    struct dh_history *history;
    _Atomic uint64_t told; /* events another thread may look at */
};

/* What ended by the mark never changes, while the table grows. */
static void *read_along(void *argument)
{
    struct shared *shared = argument;
    uint64_t wrong = 0, mark;
    do {
        mark = atomic_load(&shared->told);
        for (uint64_t id = 0; id < mark / 2; id++) {
            const struct dh_trial *trial = dh_history_trial(shared->history, id);
            wrong += !dh_trial_ended_by(trial, mark) || trial->values[0] != (double)id ||
                     trial->outcome.objectives[1] != -(double)id;
        }
    } while (mark < 8000);
    return (void *)(uintptr_t)wrong;
}

static void test_reader_thread(void **state)
{
    (void)state;
    struct shared shared = {.history = dh_history_create(1, 2)};
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_along, &shared), 0);
    for (uint64_t id = 0; id < 4000; id++) {
        dh_history_propose(shared.history, &(double){(double)id});
        struct dh_outcome outcome = succeeded((double)id);
        assert_int_equal(dh_history_end(shared.history, id, &outcome, NULL), DH_OK);
        atomic_store(&shared.told, dh_history_event(shared.history));
    }
    void *wrong;
    pthread_join(reader, &wrong);
    assert_null(wrong);
    dh_history_destroy(&shared.history);
}

static struct dh_outcome full_outcome(void)
{
    struct dh_outcome outcome = succeeded(1e-300);
    outcome.objectives[1] = NAN;
    outcome.reason = dh_strdup("F_größer");
    outcome.stderr_tail = dh_strdup("");
    outcome.metadata = dh_strdup("{\"a\": 1}");
    outcome.started = 1.5;
    outcome.ended = INFINITY;
    outcome.cpu_seconds = NAN;
    outcome.peak_bytes = UINT64_MAX;
    outcome.worker = outcome.slot = -1;
    outcome.retries = UINT32_MAX;
    return outcome;
}

static void test_pack(void **state)
{
    (void)state;
    struct dh_outcome out = full_outcome(), in;
    struct dh_buffer bytes = {0};
    dh_outcome_pack(&out, 2, &bytes);
    struct dh_reader reader = dh_reader_of(bytes.data, bytes.size);
    assert_true(dh_outcome_unpack(&reader, 2, &in));
    assert_true(dh_reader_complete(&reader));
    assert_int_equal(in.status, out.status);
    assert_memory_equal(in.objectives, out.objectives, 2 * sizeof(double));
    assert_string_equal(in.reason, out.reason);
    assert_string_equal(in.stderr_tail, "");
    assert_string_equal(in.metadata, out.metadata);
    assert_null(in.reports);
    assert_true(in.started == 1.5 && isinf(in.ended) && isnan(in.cpu_seconds));
    assert_true(in.peak_bytes == UINT64_MAX && in.worker == -1 && in.slot == -1);
    assert_int_equal(in.retries, UINT32_MAX);
    dh_outcome_free(&in);
    for (size_t cut = 0; cut < bytes.size; cut++) { /* cut anywhere: refused, nothing leaks */
        reader = dh_reader_of(bytes.data, cut);
        assert_false(dh_outcome_unpack(&reader, 2, &in));
    }
    bytes.data[0] = DH_TRIAL_STATUS_COUNT;
    reader = dh_reader_of(bytes.data, bytes.size);
    assert_false(dh_outcome_unpack(&reader, 2, &in));
    dh_outcome_free(&out);
    dh_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_texts),
        cmocka_unit_test(test_refused_ends),
        cmocka_unit_test(test_pending_has_no_outcome),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_set_events),
        cmocka_unit_test(test_reader_thread),
        cmocka_unit_test(test_pack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
