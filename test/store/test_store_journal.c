/* The journal: what was appended comes back; what is torn, flipped or foreign does not, and never
 * does harm; what cannot be written or synced, or is removed, is written from memory. */
#include "fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shelf.h"

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

/* What a reader sees has to be the state after so many events. */
static void expect_events(const struct fixture *f, uint64_t events)
{
    struct dh_store_image image;
    struct dh_error err = {0};
    check(dh_store_read(f->path, &image, &err), &err);
    struct dh_history *expected = fixture_history(f, events);
    fixture_same(f->space, expected, image.space, image.history);
    dh_history_destroy(&expected);
    dh_store_image_free(&image);
}

/* A search whose log is kept. */
static struct dh_store *open_logged(const struct fixture *f, struct dh_history **history,
                                    struct dh_log *log)
{
    struct dh_store *store;
    struct dh_error err = {0};
    *log = (struct dh_log){.stream = tmpfile(), .level = DH_LOG_WARN, .rank = -1};
    assert_non_null(log->stream);
    *history = fixture_history(f, 0);
    check(dh_store_open(f->path, &f->settings, f->space, *history, log, &store, NULL, &err), &err);
    return store;
}

/* How often it says `what`. */
static int count_lines(const struct dh_log *log, const char *what)
{
    char text[4096];
    int count = 0;
    rewind(log->stream);
    text[fread(text, 1, sizeof text - 1, log->stream)] = '\0';
    fseek(log->stream, 0, SEEK_END);
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* The same, and closes the log. */
static int count_said(struct dh_log *log, const char *what)
{
    int count = count_lines(log, what);
    fclose(log->stream);
    return count;
}

enum lost { REMOVED, COPIED, OVERWRITTEN };

/* Somebody removes the journal of a running search, or puts an older copy or no journal at all in
 * its place. It is said, and nothing is missing: neither after the end, nor in the new journal of
 * one that dies before its next checkpoint is there. */
static void lose_journal(enum lost lost, bool dies)
{
    struct fixture f;
    struct shelf shelf;
    struct dh_history *history;
    struct dh_log log;
    struct dh_error err = {0};
    char path[160], journal[160], aside[160];
    fixture_open(&f);
    struct dh_store *store = open_logged(&f, &history, &log);
    go_on(&f, history, store, 100);
    check(dh_store_checkpoint(store, true, &err), &err);
    go_on(&f, history, store, 150);
    shelf_take(&shelf, f.folder);
    struct dh_buffer *copy = shelf_find(&shelf, "s.h5-journal");
    unlink(fixture_file(&f, "-journal", journal));
    if (lost != REMOVED)
        fixture_write_file(journal, lost == COPIED ? copy->data : "no journal",
                           lost == COPIED ? copy->size : 10);
    shelf_free(&shelf);
    go_on(&f, history, store, 200);
    if (dies) {
        assert_int_equal(mkdir(fixture_file(&f, ".tmp", path), 0777), 0); /* in its way */
        assert_int_equal(dh_store_checkpoint(store, true, &err), DH_IO);
        rmdir(path);
        go_on(&f, history, store, 250);
        shelf_take(&shelf, f.folder);
    }
    go_on(&f, history, store, 250);
    check(dh_store_close(&store, &err), &err);
    expect_events(&f, 250);
    assert_int_equal(fixture_exists(fixture_file(&f, "-journal.replaced", aside)), lost != REMOVED);
    if (dies) {
        shelf_put(&shelf, f.folder);
        expect_events(&f, 250);
        shelf_free(&shelf);
    }
    assert_int_equal(count_lines(&log, "s.h5-journal was removed by somebody else"),
                     lost == REMOVED);
    assert_int_equal(count_said(&log, "s.h5-journal was replaced by somebody else"),
                     lost != REMOVED);
    dh_history_destroy(&history);
    fixture_close(&f);
}

static void test_journal_lost(void **state)
{
    (void)state;
    for (enum lost lost = REMOVED; lost <= OVERWRITTEN; lost++) {
        lose_journal(lost, false);
        lose_journal(lost, true);
    }
}

/* The system's, which reports an error so many times (-1: always) and then has forgotten it, as
 * Linux does. Signals interrupt some calls. */
static _Atomic int syncs_fail, syncs_interrupted;

int fdatasync(int fd)
{
    static _Atomic(void *) real;
    if (!atomic_load(&real))
        atomic_store(&real, dlsym(RTLD_NEXT, "fdatasync"));
    int (*sync)(int);
    *(void **)&sync = atomic_load(&real);
    int interrupted = atomic_load(&syncs_interrupted), left = atomic_load(&syncs_fail);
    if (interrupted > 0)
        atomic_store(&syncs_interrupted, interrupted - 1);
    if (left > 0)
        atomic_store(&syncs_fail, left - 1);
    errno = interrupted > 0 ? EINTR : EDQUOT;
    return interrupted > 0 || left ? -1 : sync(fd);
}

/* Renames that happen and are reported as failed, as by NFS when an answer was lost. */
static _Atomic bool renames_lie;

int rename(const char *from, const char *to)
{
    static _Atomic(void *) real;
    if (!atomic_load(&real))
        atomic_store(&real, dlsym(RTLD_NEXT, "rename"));
    int (*call)(const char *, const char *);
    *(void **)&call = atomic_load(&real);
    int result = call(from, to);
    if (!atomic_load(&renames_lie))
        return result;
    errno = ENOENT;
    return -1;
}

static void test_renames_lie(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct dh_log log;
    struct dh_error err = {0};
    fixture_open(&f);
    struct dh_store *store = open_logged(&f, &history, &log);
    atomic_store(&renames_lie, true);
    for (uint64_t end = 20; end <= 100; end += 20) {
        go_on(&f, history, store, end);
        check(dh_store_checkpoint(store, true, &err), &err);
        expect_events(&f, end);
    }
    check(dh_store_close(&store, &err), &err);
    atomic_store(&renames_lie, false);
    expect_events(&f, 100);
    assert_int_equal(count_said(&log, "by somebody else"), 0);
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* Go on, a write an event, until `left` has reached 0, or a write fails. */
static dh_status go_on_until(const struct fixture *f, struct dh_history *history,
                             struct dh_store *store, _Atomic int *left, struct dh_error *err)
{
    dh_status status = DH_OK;
    for (int i = 0; i < 6000 && status == DH_OK && (i < 10 || atomic_load(left)); i++) {
        fixture_record(f, history, store);
        status = dh_store_write(store, err);
        usleep(1000);
    }
    return status;
}

/* A sync that fails once: what may not be on the disk is written anew at once, and the search goes
 * on; an interrupted one is no failure. */
static void test_sync_fails_once(void **state)
{
    (void)state;
    for (int interrupted = 0; interrupted < 2; interrupted++) {
        struct fixture f;
        struct dh_history *history;
        struct dh_log log;
        struct dh_error err = {0};
        char path[160];
        fixture_open(&f);
        struct dh_store *store = open_logged(&f, &history, &log);
        go_on(&f, history, store, 100);
        check(dh_store_checkpoint(store, true, &err), &err);
        atomic_store(interrupted ? &syncs_interrupted : &syncs_fail, interrupted ? 3 : 1);
        check(go_on_until(&f, history, store, interrupted ? &syncs_interrupted : &syncs_fail, &err),
              &err);
        fixture_file(&f, "-journal.2", path);
        for (int i = 0; i < 6000 && !interrupted && !fixture_exists(path); i++) {
            usleep(10000); /* until it is heard of */
            go_on(&f, history, store, dh_history_event(history) + 10);
        }
        uint64_t events = dh_history_event(history);
        expect_events(&f, events);
        assert_int_equal(fixture_exists(path), !interrupted);
        if (!interrupted) { /* what failed to be synced is not needed */
            assert_int_equal(unlink(path), 0);
            expect_events(&f, events);
        }
        check(dh_store_close(&store, &err), &err);
        expect_events(&f, events);
        assert_int_equal(count_said(&log, "cannot sync to disk: Disk quota exceeded"),
                         !interrupted);
        dh_history_destroy(&history);
        fixture_close(&f);
    }
}

/* The folder as a search leaves it that dies at once. */
static void die(const struct fixture *f, struct dh_history **history, struct dh_store **store,
                struct dh_log *log)
{
    struct shelf shelf;
    struct dh_error err = {0};
    shelf_take(&shelf, f->folder);
    check(dh_store_close(store, &err), &err);
    dh_history_destroy(history);
    fclose(log->stream);
    shelf_put(&shelf, f->folder);
    shelf_free(&shelf);
}

/* What is written anew in a search that was resumed, whose session before died with or without a
 * checkpoint: the journals of both are read by the next. */
static void test_sync_fails_after_a_resume(void **state)
{
    (void)state;
    for (int c = 0; c < 4; c++) {
        bool checkpoint = c & 1, removed = c & 2;
        struct fixture f;
        struct dh_history *history;
        struct dh_log log;
        struct dh_error err = {0};
        char path[160];
        fixture_open(&f);
        struct dh_store *store = open_logged(&f, &history, &log);
        go_on(&f, history, store, 50);
        if (checkpoint)
            check(dh_store_checkpoint(store, true, &err), &err);
        go_on(&f, history, store, 100);
        die(&f, &history, &store, &log);
        store = open_logged(&f, &history, &log);
        assert_int_equal(dh_history_event(history), 100);
        go_on(&f, history, store, 110);
        if (removed) { /* and the checkpoint before which this session began another cannot be */
            assert_int_equal(mkdir(fixture_file(&f, ".tmp", path), 0777), 0);
            assert_int_equal(dh_store_checkpoint(store, true, &err), DH_IO);
            rmdir(path);
            go_on(&f, history, store, 120);
            unlink(fixture_file(&f, "-journal", path));
        }
        atomic_store(&syncs_fail, 1);
        check(go_on_until(&f, history, store, &syncs_fail, &err), &err);
        for (int i = 0; i < 6000 && count_lines(&log, "is written anew") == 0; i++) {
            usleep(10000); /* until it is heard of */
            go_on(&f, history, store, dh_history_event(history) + 10);
        }
        uint64_t events = dh_history_event(history);
        expect_events(&f, events);
        die(&f, &history, &store, &log);
        expect_events(&f, events);
        store = open_logged(&f, &history, &log);
        assert_int_equal(dh_history_event(history), events);
        check(dh_store_close(&store, &err), &err);
        expect_events(&f, events);
        fclose(log.stream);
        dh_history_destroy(&history);
        fixture_close(&f);
    }
}

/* Syncs that fail always end the search. Where they work again at its end, all is in the last
 * checkpoint; otherwise it is said how many results may not be on the disk. */
static void test_sync_fails_always(void **state)
{
    (void)state;
    for (int until_the_end = 0; until_the_end < 2; until_the_end++) {
        struct fixture f;
        struct dh_history *history;
        struct dh_log log;
        struct dh_error err = {0};
        char count[80];
        fixture_open(&f);
        struct dh_store *store = open_logged(&f, &history, &log);
        go_on(&f, history, store, 100);
        check(dh_store_checkpoint(store, true, &err), &err);
        uint64_t ended = dh_history_ended(history);
        atomic_store(&syncs_fail, -1);
        assert_int_equal(go_on_until(&f, history, store, &syncs_fail, &err), DH_IO);
        assert_non_null(strstr(err.text, "s.h5-journal: cannot sync to disk: Disk quota exceeded"));
        for (int i = 0; i < 40; i++) /* what comes while it winds down */
            fixture_record(&f, history, store);
        snprintf(count, sizeof count, " %d results could not be saved and will be evaluated again",
                 (int)(dh_history_ended(history) - ended));
        if (!until_the_end)
            atomic_store(&syncs_fail, 0);
        assert_int_equal(dh_store_close(&store, &err), until_the_end ? DH_IO : DH_OK);
        atomic_store(&syncs_fail, 0);
        uint64_t events = dh_history_event(history);
        expect_events(&f, events); /* the machine did not die */
        assert_int_equal(count_said(&log, count), until_the_end);
        dh_history_destroy(&history);
        fixture_close(&f);
    }
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* Record with the disk full, `room` bytes behind the end of the journal. */
static void record_full(const struct fixture *f, struct dh_history *history, struct dh_store *store,
                        uint64_t room)
{
    struct dh_error err = {0};
    struct stat info;
    char path[160];
    assert_int_equal(stat(fixture_file(f, "-journal", path), &info), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_files((rlim_t)info.st_size + room);
    for (int i = 0; i < 40; i++) {
        fixture_record(f, history, store);
        if (i == 39)
            assert_int_equal(dh_store_write(store, &err), DH_IO);
    }
}

/* What a full disk has no room for is counted, if there is none until the end. */
static void test_full_disk_is_counted(void **state)
{
    (void)state;
    for (uint64_t room = 0; room < 2000; room += 100) {
        struct fixture f;
        struct dh_history *history;
        struct dh_store_image image;
        struct dh_log log;
        struct dh_error err = {0};
        char count[80];
        fixture_open(&f);
        struct dh_store *store = open_logged(&f, &history, &log);
        go_on(&f, history, store, 100);
        record_full(&f, history, store, room);
        assert_int_equal(dh_store_close(&store, &err), DH_IO);
        limit_files(RLIM_INFINITY);
        check(dh_store_read(f.path, &image, &err), &err);
        int lost = (int)(dh_history_ended(history) - dh_history_ended(image.history));
        assert_true(lost > 1);
        snprintf(count, sizeof count, " %d results could not be saved and will be evaluated", lost);
        assert_int_equal(count_said(&log, count), 1);
        dh_store_image_free(&image);
        dh_history_destroy(&history);
        fixture_close(&f);
    }
}

/* The part of a record that had room is on the disk when the rest is written: the next journal has
 * nothing but whole ones. */
static void test_room_is_made(void **state)
{
    (void)state;
    for (uint64_t room = 0; room < 500; room += 50) {
        struct fixture f;
        struct dh_history *history;
        struct dh_log log;
        struct dh_error err = {0};
        char path[160];
        fixture_open(&f);
        struct dh_store *store = open_logged(&f, &history, &log);
        go_on(&f, history, store, 100);
        record_full(&f, history, store, room);
        usleep(20000);
        limit_files(RLIM_INFINITY);
        assert_int_equal(mkdir(fixture_file(&f, ".tmp", path), 0777), 0); /* no checkpoint */
        assert_int_equal(dh_store_checkpoint(store, true, &err), DH_IO);
        go_on(&f, history, store, 150);
        expect_events(&f, 150);
        rmdir(path);
        check(dh_store_close(&store, &err), &err);
        expect_events(&f, 150);
        assert_int_equal(count_said(&log, "could not be saved"), 0);
        dh_history_destroy(&history);
        fixture_close(&f);
    }
}

/* The lock file is gone and cannot be made again, and nobody else has it: the search has to stop,
 * but what arrived is written. */
static void test_no_lock(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct dh_log log;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    struct dh_store *store = open_logged(&f, &history, &log);
    go_on(&f, history, store, 100);
    unlink(fixture_file(&f, "-lock", path));
    assert_int_equal(mkdir(path, 0777), 0);
    dh_status status = DH_OK;
    for (int i = 0; i < 2000 && status == DH_OK; i++) {
        fixture_record(&f, history, store);
        status = dh_store_write(store, &err);
        usleep(100000);
    }
    assert_int_equal(status, DH_IO);
    assert_non_null(strstr(err.text, "-lock cannot be opened: Is a directory; this search stops"));
    for (int i = 0; i < 40; i++) {
        fixture_record(&f, history, store);
        assert_int_equal(dh_store_write(store, &err), DH_IO);
    }
    expect_events(&f, dh_history_event(history));
    fixture_record(&f, history, store);
    assert_int_equal(dh_store_close(&store, &err), DH_IO);
    assert_int_equal(rmdir(path), 0);
    expect_events(&f, dh_history_event(history));
    assert_int_equal(count_said(&log, "could not be saved"), 0);
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* Another search has it: nothing is written any more, and that is counted. */
static void test_taken_over(void **state)
{
    (void)state;
    static const char other[] = "process 5 on otherhost since 2026-01-01 00:00:00 +0000\n";
    struct fixture f;
    struct dh_history *history;
    struct dh_log log;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    struct dh_store *store = open_logged(&f, &history, &log);
    go_on(&f, history, store, 100);
    unlink(fixture_file(&f, "-lock", path));
    fixture_write_file(path, other, strlen(other));
    for (int i = 0; i < 2000 && dh_store_write(store, &err) == DH_OK; i++)
        usleep(100000);
    for (int i = 0; i < 40; i++)
        fixture_record(&f, history, store);
    assert_int_equal(dh_store_write(store, &err), DH_IO);
    assert_non_null(strstr(err.text, "-lock was taken over by process 5 on otherhost"));
    assert_int_equal(dh_store_close(&store, &err), DH_IO);
    expect_events(&f, 100);
    assert_int_equal(count_said(&log, "results could not be saved"), 1);
    dh_history_destroy(&history);
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
        cmocka_unit_test(test_journal_lost),
        cmocka_unit_test(test_renames_lie),
        cmocka_unit_test(test_sync_fails_once),
        cmocka_unit_test(test_sync_fails_after_a_resume),
        cmocka_unit_test(test_sync_fails_always),
        cmocka_unit_test(test_full_disk_is_counted),
        cmocka_unit_test(test_room_is_made),
        cmocka_unit_test(test_no_lock),
        cmocka_unit_test(test_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
