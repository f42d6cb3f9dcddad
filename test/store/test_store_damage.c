/* Damage anywhere: sampled positions, or each one (each N-th) with DH_LONG=1 (N) in the
 * environment. What is served is the true state after some event, and nothing that an undamaged
 * file holds is missing. */
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/store/files.h"
#include "../../src/store/journal.h"
#include "dh_mpi/file.h"
#include "shelf.h"

#define NAME "s.h5"

static void check(dh_status status, const struct dh_error *err)
{
    if (status != DH_OK)
        fail_msg("%s", err->text);
}

static void go_on(const struct fixture *f, struct dh_history *history, struct dh_store *store,
                  uint64_t events)
{
    struct dh_error err = {0};
    while (dh_history_event(history) < events)
        fixture_record(f, history, store);
    check(dh_store_write(store, &err), &err);
}

/* Files of a search that dies after 250 events, with checkpoints at 100 and 200 (or without). Each
 * session of the journal is its own, so that its records are in one file only. */
static void make_files(const struct fixture *f, bool checkpoints, struct shelf *shelf)
{
    struct dh_history *history = fixture_history(f, 0);
    struct dh_store *store;
    struct dh_error err = {0};
    check(dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, &err), &err);
    for (uint64_t events = 100; events <= 200; events += 100) {
        go_on(f, history, store, events);
        if (checkpoints)
            check(dh_store_checkpoint(store, true, &err), &err);
    }
    go_on(f, history, store, 250);
    shelf_take(shelf, f->folder);
    check(dh_store_close(&store, &err), &err);
    dh_history_destroy(&history);
    shelf_drop(shelf, "s.h5-lock");
    shelf_put(shelf, f->folder);
}

static size_t stride(size_t size)
{
    const char *gap = getenv("DH_LONG");
    size_t bytes = gap ? strtoul(gap, NULL, 10) : size / 150 + 1;
    return bytes ? bytes : 1;
}

/* The state that is served: the true one after `least` events or more; returns after how many. */
static uint64_t see(const struct fixture *f, uint64_t least, bool previous)
{
    struct dh_store_image image;
    struct dh_error err = {0};
    check(dh_store_read(f->path, &image, &err), &err);
    uint64_t event = dh_history_event(image.history);
    assert_true(event >= least);
    assert_int_equal(image.used_previous, previous);
    if (previous)
        assert_non_null(strstr(image.notes, "s.h5.previous is used"));
    struct dh_history *expected = fixture_history(f, event);
    fixture_same(f->space, expected, image.space, image.history);
    dh_history_destroy(&expected);
    dh_store_image_free(&image);
    return event;
}

static void expect_damage(const struct fixture *f, uint64_t lost)
{
    struct dh_store_report report;
    struct dh_error err = {0};
    check(dh_store_verify(f->path, &report, &err), &err);
    assert_int_equal(report.status, DH_OK);
    assert_true(report.damaged);
    assert_int_equal(report.last_event - dh_history_event(report.image.history), lost);
    dh_store_report_free(&report);
}

static void test_checkpoint_flipped(void **state)
{
    (void)state;
    struct fixture f;
    struct shelf shelf;
    fixture_open(&f);
    make_files(&f, true, &shelf);
    struct dh_buffer *bytes = shelf_find(&shelf, NAME);
    for (size_t at = 0; at < bytes->size; at += stride(bytes->size)) {
        bytes->data[at] ^= (char)(1 << at % 8);
        fixture_write_file(f.path, bytes->data, bytes->size);
        assert_int_equal(see(&f, 250, true), 250);
        bytes->data[at] ^= (char)(1 << at % 8);
    }
    expect_damage(&f, 0);
    shelf_free(&shelf);
    fixture_close(&f);
}

static void test_checkpoint_cut(void **state)
{
    (void)state;
    struct fixture f;
    struct shelf shelf;
    fixture_open(&f);
    make_files(&f, true, &shelf);
    struct dh_buffer *bytes = shelf_find(&shelf, NAME);
    for (size_t size = 0; size < bytes->size; size += stride(bytes->size)) {
        fixture_write_file(f.path, bytes->data, size);
        assert_int_equal(see(&f, 250, true), 250);
    }
    expect_damage(&f, 0);
    shelf_free(&shelf);
    fixture_close(&f);
}

/* A search that goes on from a damaged journal re-does what is behind the damage, and keeps a
 * copy. */
static void go_on_from_damage(const struct fixture *f)
{
    struct dh_history *history = fixture_history(f, 0);
    struct dh_store *store;
    struct dh_error err = {0};
    char path[160];
    check(dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, &err), &err);
    assert_true(fixture_exists(fixture_file(f, "-journal.damaged", path)));
    go_on(f, history, store, 300);
    check(dh_store_close(&store, &err), &err);
    dh_history_destroy(&history);
    assert_int_equal(see(f, 300, false), 300);
}

static void test_journal_flipped(void **state)
{
    (void)state;
    struct fixture f;
    struct shelf shelf;
    char path[160];
    fixture_open(&f);
    make_files(&f, true, &shelf);
    struct dh_buffer *bytes = shelf_find(&shelf, "s.h5-journal");
    fixture_file(&f, "-journal", path);
    for (size_t at = 0; at < bytes->size; at += stride(bytes->size)) {
        bytes->data[at] ^= (char)(1 << at % 8);
        fixture_write_file(path, bytes->data, bytes->size);
        uint64_t event = see(&f, 200, false);
        assert_true(event < 250);
        if (at + 2000 < bytes->size) /* what is lost is known from the records behind it */
            expect_damage(&f, 250 - event);
        bytes->data[at] ^= (char)(1 << at % 8);
    }
    bytes->data[bytes->size / 2] ^= 1;
    fixture_write_file(path, bytes->data, bytes->size);
    go_on_from_damage(&f);
    shelf_free(&shelf);
    fixture_close(&f);
}

/* Cut anywhere, also filled up with zeros as after a power failure: the rest never counted, and
 * that is no damage. */
static void test_journal_torn(void **state)
{
    (void)state;
    struct fixture f;
    struct shelf shelf;
    struct dh_store_report report;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    make_files(&f, true, &shelf);
    struct dh_buffer *bytes = shelf_find(&shelf, "s.h5-journal");
    char *zeros = dh_alloc(bytes->size, 1);
    fixture_file(&f, "-journal", path);
    for (size_t size = 0; size < bytes->size; size += stride(bytes->size)) {
        memset(zeros, 0, bytes->size);
        memcpy(zeros, bytes->data, size);
        fixture_write_file(path, zeros, size % 2 ? size : bytes->size);
        see(&f, 200, false);
        check(dh_store_verify(f.path, &report, &err), &err);
        if (size % 2)
            assert_false(report.damaged);
        assert_int_equal(report.last_event, dh_history_event(report.image.history));
        dh_store_report_free(&report);
    }
    free(zeros);
    shelf_free(&shelf);
    fixture_close(&f);
}

/* What cannot be read is not called damaged, or torn by a death. */
static void test_unread(void **state)
{
    (void)state;
    static const char *const suffixes[] = {".previous", "-journal"};
    for (size_t i = 0; i < DH_COUNT_OF(suffixes); i++) {
        struct fixture f;
        struct shelf shelf;
        struct dh_store_report report;
        struct dh_error err = {0};
        char path[160];
        fixture_open(&f);
        make_files(&f, true, &shelf);
        unlink(fixture_file(&f, suffixes[i], path));
        assert_int_equal(mkdir(path, 0700), 0);
        check(dh_store_verify(f.path, &report, &err), &err);
        assert_true(report.unread);
        assert_false(report.damaged);
        size_t unread = 0;
        for (size_t k = 0; k < report.count; k++) {
            unread += report.files[k].state == DH_FILE_UNREAD;
            assert_int_equal(report.files[k].torn_bytes, 0);
        }
        assert_int_equal(unread, 1);
        assert_int_equal(report.status, i ? DH_IO : DH_OK);
        dh_store_report_free(&report);
        rmdir(path);
        shelf_free(&shelf);
        fixture_close(&f);
    }
}

/* Backups that do not belong together. */
static void test_old_and_new(void **state)
{
    (void)state;
    struct fixture f;
    struct shelf shelf, later;
    struct dh_store_report report;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    make_files(&f, true, &shelf);
    struct dh_history *history = fixture_history(&f, 0);
    struct dh_store *store;
    check(dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, NULL, &err), &err);
    go_on(&f, history, store, 400);
    check(dh_store_checkpoint(store, true, &err), &err);
    go_on(&f, history, store, 420);
    shelf_take(&later, f.folder);
    check(dh_store_close(&store, &err), &err);
    dh_history_destroy(&history);
    /* the checkpoint is newer than every journal */
    shelf_put(&shelf, f.folder);
    struct dh_buffer *bytes = shelf_find(&later, NAME);
    fixture_write_file(f.path, bytes->data, bytes->size);
    assert_int_equal(see(&f, 400, false), 400);
    /* journals that are newer than both checkpoints, with the ones between gone */
    shelf_put(&shelf, f.folder);
    for (int n = 1; n < 4; n++) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, "-journal.%d", n);
        unlink(fixture_file(&f, suffix, path));
    }
    bytes = shelf_find(&shelf, "s.h5.previous");
    fixture_write_file(f.path, bytes->data, bytes->size);
    bytes = shelf_find(&later, "s.h5-journal");
    fixture_write_file(fixture_file(&f, "-journal", path), bytes->data, bytes->size);
    check(dh_store_verify(f.path, &report, &err), &err);
    assert_int_equal(report.status, DH_CORRUPT);
    assert_non_null(strstr(report.problem, "events 101 to "));
    assert_int_equal(report.last_event, 420);
    dh_store_report_free(&report);
    shelf_free(&shelf);
    shelf_free(&later);
    fixture_close(&f);
}

/* A checkpoint of another search, put into the place of one whose journals are still there: they
 * are not added to it. Where they would add nothing, they may stay. */
static void test_journals_of_another_search(void **state)
{
    (void)state;
    static const uint64_t events[] = {20, 99, 230, 249, 250, 300};
    for (size_t i = 0; i < DH_COUNT_OF(events); i++) {
        struct fixture f;
        struct shelf shelf;
        struct dh_store_report report;
        struct dh_error err = {0};
        char path[160];
        fixture_open(&f);
        make_files(&f, true, &shelf);
        struct dh_history *history = fixture_history(&f, events[i]);
        for (uint64_t id = 0; id < dh_history_count(history); id++)
            dh_history_trial(history, id)->proposed += 3600;
        check(fixture_checkpoint(&f, f.path, history, events[i], &err), &err);
        unlink(fixture_file(&f, ".previous", path));
        check(dh_store_verify(f.path, &report, &err), &err);
        assert_int_equal(report.status, events[i] < 250 ? DH_CORRUPT : DH_OK);
        if (events[i] < 250)
            assert_non_null(strstr(report.problem, "is the journal of another search"));
        else
            fixture_same(f.space, history, report.image.space, report.image.history);
        dh_store_report_free(&report);
        dh_history_destroy(&history);
        shelf_free(&shelf);
        fixture_close(&f);
    }
}

/* The machine dies, and only the newest journal reached the disk whole: it follows on what was
 * synced before. Here nothing was, so it has everything. */
static void test_power_failure(void **state)
{
    (void)state;
    struct fixture f;
    struct shelf shelf;
    char path[160];
    fixture_open(&f);
    f.settings.checkpoint.sync = 1000;
    make_files(&f, true, &shelf);
    unlink(f.path); /* its checkpoints did not get there either */
    unlink(fixture_file(&f, ".previous", path));
    struct dh_buffer *bytes = shelf_find(&shelf, "s.h5-journal.2");
    fixture_file(&f, "-journal.2", path);
    for (size_t size = 0; size < bytes->size; size += stride(bytes->size)) {
        fixture_write_file(path, bytes->data, size);
        assert_int_equal(see(&f, 250, false), 250);
    }
    shelf_free(&shelf);
    fixture_close(&f);
}

/* A search that was cut off adds to its journal after another has taken over: that does not count,
 * whether or not what the other did is in a checkpoint. */
static void test_cut_off(void **state)
{
    (void)state;
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        struct fixture f;
        struct shelf shelf;
        struct dh_store *store;
        struct dh_error err = {0};
        struct dh_buffer late = {0};
        char path[160];
        fixture_open(&f);
        make_files(&f, true, &shelf);
        int fd = open(fixture_file(&f, "-journal", path), O_WRONLY | O_APPEND | O_CLOEXEC);
        struct dh_history *history = fixture_history(&f, 0), *other = fixture_history(&f, 250);
        check(dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, NULL, &err), &err);
        go_on(&f, history, store, 300);
        for (int i = 0; i < 60; i++)
            dh_journal_put_proposed(&late,
                                    dh_history_propose(other, dh_history_trial(other, 0)->values),
                                    dh_space_count(f.space));
        assert_int_equal(dh_file_write(fd, late.data, late.size, NULL), 0);
        if (checkpoint)
            check(dh_store_checkpoint(store, true, &err), &err);
        assert_int_equal(see(&f, 300, false), 300);
        shelf_free(&shelf);
        shelf_take(&shelf, f.folder); /* it is killed, and a third goes on */
        check(dh_store_close(&store, &err), &err);
        dh_history_destroy(&history);
        shelf_drop(&shelf, "s.h5-lock");
        shelf_put(&shelf, f.folder);
        history = fixture_history(&f, 0);
        check(dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, NULL, &err), &err);
        assert_int_equal(dh_history_event(history), 300);
        check(dh_store_close(&store, &err), &err);
        assert_int_equal(see(&f, 300, false), 300);
        dh_history_destroy(&history);
        dh_history_destroy(&other);
        dh_buffer_free(&late);
        close(fd);
        shelf_free(&shelf);
        fixture_close(&f);
    }
}

/* What was synced is not written again. */
static void test_synced_once(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer bytes = {0};
    struct dh_error err = {0};
    struct dh_store *store;
    char path[160];
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 0);
    check(dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, NULL, &err), &err);
    size_t empty = 0;
    for (int i = 0; i < 200 && empty == 0; i++) { /* as soon as the disk is done */
        go_on(&f, history, store, dh_history_event(history) + 10);
        usleep(50000);
        check(dh_store_checkpoint(store, true, &err), &err);
        fixture_read_file(fixture_file(&f, "-journal", path), &bytes);
        empty = bytes.size < 2500 ? bytes.size : 0;
    }
    assert_true(empty > 0);
    check(dh_store_close(&store, &err), &err);
    dh_history_destroy(&history);
    dh_buffer_free(&bytes);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint_flipped),
        cmocka_unit_test(test_checkpoint_cut),
        cmocka_unit_test(test_journal_flipped),
        cmocka_unit_test(test_journal_torn),
        cmocka_unit_test(test_unread),
        cmocka_unit_test(test_old_and_new),
        cmocka_unit_test(test_journals_of_another_search),
        cmocka_unit_test(test_power_failure),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_synced_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
