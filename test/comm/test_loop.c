/* The loop transport and the front: rare events first. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/comm.h"

#define RANKS 3

static int setup(void **state)
{
    struct dh_comm **ranks = calloc(RANKS, sizeof *ranks);
    dh_comm_loop_create(RANKS, ranks);
    *state = ranks;
    return 0;
}

static int teardown(void **state)
{
    struct dh_comm **ranks = *state;
    for (int i = 0; i < RANKS; i++)
        assert_int_equal(dh_comm_close(&ranks[i], NULL), DH_OK);
    free(ranks);
    return 0;
}

static void send_text(struct dh_comm *from, int peer, const char *text)
{
    struct dh_buffer payload = {0};
    struct dh_error err;
    dh_buffer_text(&payload, text);
    assert_int_equal(dh_comm_send(from, peer, DH_TAG_RESULT, &payload, &err), DH_OK);
    dh_buffer_free(&payload); /* the message is a copy */
}

static void expect_text(struct dh_comm *at, int peer, const char *text)
{
    struct dh_message message;
    struct dh_error err;
    assert_int_equal(dh_comm_receive(at, &message, &err), DH_OK);
    assert_int_equal(message.peer, peer);
    assert_int_equal(message.tag, DH_TAG_RESULT);
    assert_int_equal(message.size, strlen(text));
    assert_memory_equal(message.data, text, message.size);
}

static void expect_nothing(struct dh_comm *at)
{
    struct dh_message message;
    assert_int_equal(dh_comm_receive(at, &message, NULL), DH_EMPTY);
    assert_int_equal(message.tag, DH_TAG_NONE);
    assert_null(message.data);
}

static void test_wrong_arguments(void **state)
{
    struct dh_comm **ranks = *state;
    struct dh_error err;
    assert_int_equal(dh_comm_send(ranks[0], -1, DH_TAG_TASK, NULL, &err), DH_INTERNAL);
    assert_int_equal(dh_comm_send(ranks[0], RANKS, DH_TAG_TASK, NULL, &err), DH_INTERNAL);
    assert_non_null(strstr(err.text, "rank 3"));
    assert_int_equal(dh_comm_send(ranks[0], 1, DH_TAG_NONE, NULL, &err), DH_INTERNAL);
    assert_int_equal(dh_comm_send(ranks[0], 1, DH_TAG_COUNT, NULL, &err), DH_INTERNAL);
    expect_nothing(ranks[1]);
    struct dh_comm *nobody = NULL;
    assert_int_equal(dh_comm_close(&nobody, &err), DH_OK);
}

static void test_peer_is_gone(void **state)
{
    struct dh_comm **ranks = *state;
    struct dh_error err;
    send_text(ranks[0], 1, "never read");
    send_text(ranks[1], 2, "last words");
    assert_int_equal(dh_comm_close(&ranks[1], &err), DH_OK);
    assert_null(ranks[1]);
    assert_int_equal(dh_comm_send(ranks[0], 1, DH_TAG_TASK, NULL, &err), DH_COMM);
    assert_non_null(strstr(err.text, "rank 1"));
    expect_text(ranks[2], 1, "last words"); /* what was sent before still arrives */
    expect_nothing(ranks[2]);
}

static void test_order_and_peers(void **state)
{
    struct dh_comm **ranks = *state;
    for (int i = 0; i < RANKS; i++) {
        assert_int_equal(dh_comm_rank(ranks[i]), i);
        assert_int_equal(dh_comm_size(ranks[i]), RANKS);
    }
    send_text(ranks[1], 0, "one");
    send_text(ranks[2], 0, "two");
    send_text(ranks[1], 0, "three");
    send_text(ranks[0], 0, "to myself");
    expect_text(ranks[0], 1, "one");
    expect_text(ranks[0], 2, "two");
    expect_text(ranks[0], 1, "three");
    expect_text(ranks[0], 0, "to myself");
    expect_nothing(ranks[0]);
    assert_int_equal(dh_comm_send(ranks[0], 2, DH_TAG_SHUTDOWN, NULL, NULL), DH_OK);
    struct dh_message message;
    assert_int_equal(dh_comm_receive(ranks[2], &message, NULL), DH_OK);
    assert_int_equal(message.tag, DH_TAG_SHUTDOWN);
    assert_int_equal(message.size, 0);
    assert_null(message.data);
    expect_nothing(ranks[2]);
}

static void test_received_bytes_can_be_sent_on(void **state)
{
    struct dh_comm **ranks = *state;
    struct dh_message message;
    send_text(ranks[0], 1, "pass it on");
    assert_int_equal(dh_comm_receive(ranks[1], &message, NULL), DH_OK);
    struct dh_buffer borrowed = {.data = (char *)message.data, .size = message.size};
    assert_int_equal(dh_comm_send(ranks[1], 2, message.tag, &borrowed, NULL), DH_OK);
    expect_text(ranks[2], 1, "pass it on");
}

#define ECHOES 2000

static void *echo(void *argument)
{
    struct dh_comm *comm = argument;
    for (size_t done = 0; done < ECHOES;) {
        struct dh_message message;
        if (dh_comm_receive(comm, &message, NULL) != DH_OK)
            continue;
        struct dh_buffer borrowed = {.data = (char *)message.data, .size = message.size};
        dh_comm_send(comm, 0, DH_TAG_RESULT, &borrowed, NULL);
        done++;
    }
    dh_comm_close(&comm, NULL);
    return NULL;
}

static void test_threads(void **state)
{
    struct dh_comm **ranks = *state;
    pthread_t threads[RANKS];
    for (int i = 1; i < RANKS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, echo, ranks[i]), 0);
        ranks[i] = NULL; /* the thread closes it */
    }
    struct dh_buffer payload = {0};
    uint64_t expected[RANKS] = {0};
    for (uint64_t n = 0; n < ECHOES; n++)
        for (int i = 1; i < RANKS; i++) {
            dh_buffer_clear(&payload);
            dh_put_u64(&payload, n);
            assert_int_equal(dh_comm_send(ranks[0], i, DH_TAG_TASK, &payload, NULL), DH_OK);
        }
    for (int left = ECHOES * (RANKS - 1); left > 0;) {
        struct dh_message message;
        if (dh_comm_receive(ranks[0], &message, NULL) != DH_OK)
            continue;
        struct dh_reader reader = dh_reader_of(message.data, message.size);
        assert_int_equal(dh_get_u64(&reader), expected[message.peer]++);
        left--;
    }
    for (int i = 1; i < RANKS; i++)
        pthread_join(threads[i], NULL);
    dh_buffer_free(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_and_peers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_received_bytes_can_be_sent_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
