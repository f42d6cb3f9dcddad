/* The journal alone: what was appended comes back; what is torn, flipped or foreign does not, and
 * never does harm. */
#include "fixture.h"

#include <unistd.h>

/* A search that was killed: only a journal, of so many events. */
static void make_journal(const struct fixture *f, uint64_t events, struct dh_buffer *bytes)
{
    struct dh_history *history = fixture_history(f, 0);
    struct dh_store *store;
    char path[160], copy[160];
    struct dh_error err = {0};
    if (dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, &err) != DH_OK)
        fail_msg("%s", err.text);
    while (dh_history_event(history) < events)
        fixture_record(f, history, store);
    assert_int_equal(dh_store_write(store, &err), DH_OK);
    fixture_read_file(fixture_file(f, "-journal", path), bytes);
    assert_int_equal(dh_store_close(&store, &err), DH_OK);
    unlink(f->path);
    unlink(fixture_file(f, "-journal.1", copy));
    fixture_write_file(path, bytes->data, bytes->size);
    dh_history_destroy(&history);
}

static dh_status read_back(const struct fixture *f, struct dh_store_image *image,
                           struct dh_error *err)
{
    return dh_store_read(f->path, image, err);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0};
    struct dh_store_image image;
    struct dh_error err = {0};
    fixture_open(&f);
    make_journal(&f, 500, &bytes);
    struct dh_history *expected = fixture_history(&f, 500);
    assert_int_equal(read_back(&f, &image, &err), DH_OK);
    fixture_same(f.space, expected, image.space, image.history);
    assert_int_equal(image.checkpoint_event, 0);
    assert_int_equal(image.journal_events, 500);
    assert_int_equal(image.torn_bytes, 0);
    assert_string_equal(image.notes, "");
    assert_string_equal(image.config_text, dh_config_text(f.config));
    dh_store_image_free(&image);
    dh_history_destroy(&expected);
    dh_buffer_free(&bytes);
    fixture_close(&f);
}

/* Where the last record begins: records are length (4), checksum (4), content. */
static size_t last_record(const struct dh_buffer *bytes, size_t *header_end)
{
    size_t at = 0, last = 0;
    *header_end = 0;
    while (at < bytes->size) {
        struct dh_reader reader = dh_reader_of(bytes->data + at, 4);
        last = at;
        at += 8 + dh_get_u32(&reader);
        if (*header_end == 0)
            *header_end = at;
    }
    assert_int_equal(at, bytes->size);
    return last;
}

static void test_torn_everywhere(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0};
    struct dh_store_image image;
    struct dh_error err = {0};
    char path[160];
    size_t header_end;
    fixture_open(&f);
    make_journal(&f, 40, &bytes);
    struct dh_history *expected = fixture_history(&f, 39);
    size_t last = last_record(&bytes, &header_end);
    for (size_t cut = last + 1; cut < bytes.size; cut++) {
        fixture_write_file(fixture_file(&f, "-journal", path), bytes.data, cut);
        assert_int_equal(read_back(&f, &image, &err), DH_OK);
        assert_int_equal(image.torn_bytes, cut - last);
        fixture_same(f.space, expected, image.space, image.history);
        dh_store_image_free(&image);
    }
    for (size_t cut = 0; cut < header_end; cut += 7) { /* nothing sound is left */
        fixture_write_file(path, bytes.data, cut);
        assert_int_equal(read_back(&f, &image, &err), DH_CORRUPT);
        assert_null(image.history);
    }
    dh_history_destroy(&expected);
    dh_buffer_free(&bytes);
    fixture_close(&f);
}

/* A search that opens a torn journal cuts it, and goes on behind. */
static void test_torn_then_continued(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0};
    struct dh_store_image image;
    struct dh_store *store;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    make_journal(&f, 60, &bytes);
    fixture_write_file(fixture_file(&f, "-journal", path), bytes.data, bytes.size - 3);
    struct dh_history *history = fixture_history(&f, 0);
    assert_int_equal(
        dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, &image, &err), DH_OK);
    assert_int_equal(dh_history_event(history), 59);
    assert_true(image.torn_bytes > 0 && strstr(image.notes, "torn") != NULL);
    assert_null(image.history);
    dh_store_image_free(&image);
    while (dh_history_event(history) < 100)
        fixture_record(&f, history, store);
    assert_int_equal(dh_store_write(store, &err), DH_OK);
    struct dh_history *expected = fixture_history(&f, 100);
    assert_int_equal(read_back(&f, &image, &err), DH_OK); /* beside the running search */
    fixture_same(f.space, expected, image.space, image.history);
    assert_int_equal(image.torn_bytes, 0);
    dh_store_image_free(&image);
    assert_int_equal(dh_store_close(&store, &err), DH_OK);
    dh_history_destroy(&history);
    dh_history_destroy(&expected);
    dh_buffer_free(&bytes);
    fixture_close(&f);
}

/* One flipped bit: everything before it is there, nothing else, or it is refused. */
static void test_flips(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0};
    struct dh_store_image image;
    struct dh_error err = {0};
    char path[160];
    size_t header_end;
    fixture_open(&f);
    make_journal(&f, 30, &bytes);
    last_record(&bytes, &header_end);
    fixture_file(&f, "-journal", path);
    for (size_t at = 0; at < bytes.size; at += at < header_end ? 41 : 1) {
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << (at % 8)));
        fixture_write_file(path, bytes.data, bytes.size);
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << (at % 8)));
        dh_status status = read_back(&f, &image, &err);
        assert_int_equal(status, at < header_end ? DH_CORRUPT : DH_OK);
        if (status != DH_OK)
            continue;
        assert_true(dh_history_event(image.history) < 30);
        assert_true(image.torn_bytes > 0);
        struct dh_history *expected = fixture_history(&f, dh_history_event(image.history));
        fixture_same(f.space, expected, image.space, image.history);
        dh_history_destroy(&expected);
        dh_store_image_free(&image);
    }
    dh_buffer_free(&bytes);
    fixture_close(&f);
}

/* Sound records that make no sense: repeated, missing in the middle, or not a journal at all. */
static void test_nonsense(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0}, other = {0};
    struct dh_store_image image;
    struct dh_error err = {0};
    char path[160];
    size_t header_end;
    fixture_open(&f);
    make_journal(&f, 30, &bytes);
    size_t last = last_record(&bytes, &header_end);
    fixture_file(&f, "-journal", path);
    dh_buffer_append(&other, bytes.data, bytes.size); /* everything twice: harmless */
    dh_buffer_append(&other, bytes.data + header_end, bytes.size - header_end);
    fixture_write_file(path, other.data, other.size);
    assert_int_equal(read_back(&f, &image, &err), DH_OK);
    assert_int_equal(dh_history_event(image.history), 30);
    dh_store_image_free(&image);
    dh_buffer_clear(&other); /* the last one alone: events 1 to 29 are missing */
    dh_buffer_append(&other, bytes.data, header_end);
    dh_buffer_append(&other, bytes.data + last, bytes.size - last);
    fixture_write_file(path, other.data, other.size);
    assert_int_equal(read_back(&f, &image, &err), DH_CORRUPT);
    assert_non_null(strstr(err.text, "events 1 to 29 are missing"));
    fixture_write_file(path, "parameters = ();\n", 17);
    assert_int_equal(read_back(&f, &image, &err), DH_CORRUPT);
    unlink(path);
    assert_int_equal(read_back(&f, &image, &err), DH_MISSING);
    dh_buffer_free(&bytes);
    dh_buffer_free(&other);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_torn_everywhere),
        cmocka_unit_test(test_torn_then_continued),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
