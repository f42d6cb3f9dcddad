/* The checkpoint file alone: what is written comes back bit by bit, whatever the mark; a file that
 * was cut or flipped anywhere is refused. */
#include "fixture.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

static void expect_mark(const struct fixture *f, uint64_t mark)
{
    struct dh_store_image image;
    struct dh_error err = {0};
    struct dh_history *expected = fixture_history(f, mark);
    if (dh_store_read(f->path, &image, &err) != DH_OK)
        fail_msg("%s", err.text);
    assert_int_equal(image.checkpoint_event, mark);
    assert_string_equal(image.config_text, dh_config_text(f->config));
    fixture_same(f->space, expected, image.space, image.history);
    dh_store_image_free(&image);
    dh_history_destroy(&expected);
}

/* A snapshot at every mark of a history that has gone further. */
static void test_round_trip(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_error err = {0};
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 300);
    for (uint64_t mark = 0; mark <= 300; mark += mark < 8 ? 1 : 73) {
        assert_int_equal(fixture_checkpoint(&f, f.path, history, mark, &err), DH_OK);
        expect_mark(&f, mark);
    }
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* More rows than a block has: chunked and compressed. */
static void test_many_rows(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_error err = {0};
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 70000);
    assert_true(dh_history_count(history) > 2 * 16384);
    assert_int_equal(fixture_checkpoint(&f, f.path, history, 70000, &err), DH_OK);
    expect_mark(&f, 70000);
    dh_history_destroy(&history);
    fixture_close(&f);
}

static void test_numbers_exactly(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store_image image;
    struct dh_error err = {0};
    const double numbers[] = {0.0,    -0.0, NAN,        INFINITY, -INFINITY,
                              5e-324, 0.1,  0x1.fp1023, 1e-5,     123456789.123456789};
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 0);
    struct dh_history *donor = fixture_history(&f, 2);
    for (size_t i = 0; i < DH_COUNT_OF(numbers); i++) {
        struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED, .started = numbers[i]};
        dh_history_propose(history, dh_history_trial(donor, 0)->values)->seed = UINT64_MAX - i;
        outcome.objectives = dh_alloc(2, sizeof(double));
        outcome.objectives[0] = numbers[i];
        outcome.metadata = dh_strdup("{\"名\": \"\xF0\x9F\x98\x80\"}");
        outcome.peak_bytes = UINT64_MAX;
        outcome.worker = INT32_MIN;
        assert_int_equal(dh_history_end(history, i, &outcome, &err), DH_OK);
    }
    assert_int_equal(fixture_checkpoint(&f, f.path, history, dh_history_event(history), &err),
                     DH_OK);
    assert_int_equal(dh_store_read(f.path, &image, &err), DH_OK);
    fixture_same(f.space, history, image.space, image.history);
    dh_store_image_free(&image);
    dh_history_destroy(&history);
    dh_history_destroy(&donor);
    fixture_close(&f);
}

static void expect_refused(const struct fixture *f, const char *data, size_t size)
{
    struct dh_store_image image;
    struct dh_error err = {0};
    fixture_write_file(f->path, data, size);
    assert_int_equal(dh_store_read(f->path, &image, &err), DH_CORRUPT);
    assert_non_null(strstr(err.text, f->path));
}

static void test_damage(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0};
    struct dh_error err = {0};
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 60);
    assert_int_equal(fixture_checkpoint(&f, f.path, history, 60, &err), DH_OK);
    fixture_read_file(f.path, &bytes);
    for (size_t at = 0; at < bytes.size; at += at < 1024 ? 1 : 61) {
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << (at % 8)));
        expect_refused(&f, bytes.data, bytes.size);
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << (at % 8)));
    }
    for (size_t size = 0; size < bytes.size; size += size < 1024 ? 1 : 97)
        expect_refused(&f, bytes.data, size);
    dh_buffer_append(&bytes, "x", 1);
    expect_refused(&f, bytes.data, bytes.size);
    fixture_write_file(f.path, bytes.data, bytes.size - 1);
    expect_mark(&f, 60);
    dh_buffer_free(&bytes);
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* The main thread goes on while the snapshot of an earlier moment is written. */
struct concurrent {
    struct fixture f;
    struct dh_history *history;
    _Atomic bool written;
};

static void *write_often(void *argument)
{
    struct concurrent *c = argument;
    struct dh_error err = {0};
    for (int i = 0; i < 5; i++)
        if (fixture_checkpoint(&c->f, c->f.path, c->history, 2000, &err) != DH_OK)
            return (void *)1;
    c->written = true;
    return NULL;
}

static void test_beside_a_writer(void **state)
{
    (void)state;
    struct concurrent c = {0};
    pthread_t writer;
    void *failed;
    bool ended;
    fixture_open(&c.f);
    c.history = fixture_history(&c.f, 2000);
    assert_int_equal(pthread_create(&writer, NULL, write_often, &c), 0);
    while (!c.written || dh_history_event(c.history) < 3000)
        if (dh_history_event(c.history) < 200000)
            fixture_step(&c.f, c.history, &ended);
        else
            usleep(100);
    pthread_join(writer, &failed);
    assert_null(failed);
    expect_mark(&c.f, 2000);
    dh_history_destroy(&c.history);
    fixture_close(&c.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_numbers_exactly), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
