/* The store as a whole: resume from every mixture of files, two generations, the lock, kills at
 * random moments, a full disk. */
#include "fixture.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/random.h"

/* Open the search of `f` in a new history; fails the test if that fails. */
static struct dh_store *open_store(const struct fixture *f, struct dh_history **history)
{
    struct dh_store *store;
    struct dh_error err = {0};
    *history = fixture_history(f, 0);
    if (dh_store_open(f->path, &f->settings, f->space, *history, NULL, &store, NULL, &err) != DH_OK)
        fail_msg("%s", err.text);
    return store;
}

static void close_store(struct dh_store *store, struct dh_history *history)
{
    struct dh_error err = {0};
    if (dh_store_close(&store, &err) != DH_OK)
        fail_msg("%s", err.text);
    assert_null(store);
    dh_history_destroy(&history);
}

/* Go on to that many events, written. */
static void go_on(const struct fixture *f, struct dh_history *history, struct dh_store *store,
                  uint64_t events)
{
    struct dh_error err = {0};
    while (dh_history_event(history) < events)
        fixture_record(f, history, store);
    assert_int_equal(dh_store_write(store, &err), DH_OK);
}

static void force(struct dh_store *store)
{
    struct dh_error err = {0};
    if (dh_store_checkpoint(store, true, &err) != DH_OK)
        fail_msg("%s", err.text);
}

/* What a reader sees has to be the state after so many events. The caller frees the image. */
static void expect_events(const struct fixture *f, uint64_t events, struct dh_store_image *image)
{
    struct dh_error err = {0};
    struct dh_history *expected = fixture_history(f, events);
    if (dh_store_read(f->path, image, &err) != DH_OK)
        fail_msg("%s", err.text);
    fixture_same(f->space, expected, image->space, image->history);
    dh_history_destroy(&expected);
}

/* Events in three sessions, checkpoints at 100 and 200, 250 in all; nothing is closed (each
 * session's process would have died), so that all files are as a kill leaves them. */
static void make_files(const struct fixture *f)
{
    struct dh_history *history;
    struct dh_store *store = open_store(f, &history);
    go_on(f, history, store, 100);
    force(store);
    go_on(f, history, store, 200);
    force(store);
    go_on(f, history, store, 250);
    struct dh_buffer bytes = {0};
    char from[160], to[160];
    static const char *const kept[] = {"", ".previous", "-journal", "-journal.1", "-journal.2"};
    for (size_t i = 0; i < DH_COUNT_OF(kept); i++) { /* the close below must not change them */
        if (!fixture_exists(fixture_file(f, kept[i], from)))
            continue;
        snprintf(to, sizeof to, "%s/keep%zu", f->folder, i);
        fixture_read_file(from, &bytes);
        fixture_write_file(to, bytes.data, bytes.size);
    }
    close_store(store, history);
    for (size_t i = 0; i < DH_COUNT_OF(kept); i++) {
        snprintf(from, sizeof from, "%s/keep%zu", f->folder, i);
        if (!fixture_exists(from))
            unlink(fixture_file(f, kept[i], to));
        else
            assert_int_equal(rename(from, fixture_file(f, kept[i], to)), 0);
    }
    unlink(fixture_file(f, "-journal.3", to));
    dh_buffer_free(&bytes);
}

static void test_resume(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store_image image;
    struct dh_history *history;
    char path[160];
    fixture_open(&f);
    make_files(&f);
    expect_events(&f, 250, &image);
    assert_int_equal(image.checkpoint_event, 200);
    assert_int_equal(image.journal_events, 50);
    assert_false(image.used_previous);
    dh_store_image_free(&image);
    assert_false(fixture_exists(fixture_file(&f, "-journal.1", path))); /* nobody needs it */
    assert_true(fixture_exists(fixture_file(&f, "-journal.2", path)));
    for (uint64_t events = 260; events < 400; events += 40) { /* again and again */
        struct dh_store *store = open_store(&f, &history);
        assert_int_equal(dh_history_event(history), events == 260 ? 250 : events - 40);
        go_on(&f, history, store, events);
        expect_events(&f, events, &image); /* while it is open */
        dh_store_image_free(&image);
        close_store(store, history);
        expect_events(&f, events, &image);
        assert_int_equal(image.journal_events, 0);
        dh_store_image_free(&image);
        assert_false(fixture_exists(fixture_file(&f, "-lock", path)));
        assert_false(fixture_exists(fixture_file(&f, ".tmp", path)));
        assert_false(fixture_exists(fixture_file(&f, "-journal", path)));
    }
    fixture_close(&f);
}

/* NAME flipped, cut, emptied, gone: NAME.previous and the journals give the same state, and the
 * search that goes on keeps NAME.previous until there is a sound NAME. */
static void test_previous_serves(void **state)
{
    (void)state;
    static const char *const ways[] = {"flip", "cut", "empty", "gone"};
    for (size_t way = 0; way < DH_COUNT_OF(ways); way++) {
        struct fixture f;
        struct dh_store_image image;
        struct dh_buffer bytes = {0};
        struct dh_history *history;
        char path[160];
        fixture_open(&f);
        make_files(&f);
        fixture_read_file(f.path, &bytes);
        bytes.data[bytes.size / 2] = (char)~bytes.data[bytes.size / 2];
        fixture_write_file(f.path, bytes.data, way == 0 ? bytes.size : way == 1 ? 700 : 0);
        if (way == 3)
            unlink(f.path);
        expect_events(&f, 250, &image);
        assert_true(image.used_previous);
        assert_int_equal(image.checkpoint_event, 100);
        assert_non_null(strstr(image.notes, ".previous"));
        dh_store_image_free(&image);
        struct dh_store *store = open_store(&f, &history);
        go_on(&f, history, store, 260);
        force(store);
        unlink(f.path); /* the new one is lost at once, too */
        expect_events(&f, 260, &image);
        assert_int_equal(image.checkpoint_event, 100);
        dh_store_image_free(&image);
        close_store(store, history);
        dh_buffer_free(&bytes);
        assert_true(fixture_exists(fixture_file(&f, ".previous", path)));
        fixture_close(&f);
    }
}

/* Neither generation: the journals alone are not enough any more, and that is said. */
static void test_gap(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store_image image;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    make_files(&f);
    struct dh_history *history;
    struct dh_store *store = open_store(&f, &history); /* nothing older is in its journal */
    go_on(&f, history, store, 260);
    struct dh_buffer journal = {0};
    fixture_read_file(fixture_file(&f, "-journal", path), &journal);
    close_store(store, history);
    static const char *const gone[] = {"", ".previous", "-journal.1", "-journal.2", "-journal.3"};
    for (size_t i = 0; i < DH_COUNT_OF(gone); i++)
        unlink(fixture_file(&f, gone[i], path));
    fixture_write_file(fixture_file(&f, "-journal", path), journal.data, journal.size);
    dh_buffer_free(&journal);
    assert_int_equal(dh_store_read(f.path, &image, &err), DH_CORRUPT);
    assert_non_null(strstr(err.text, "events 1 to 250 are missing"));
    history = fixture_history(&f, 0);
    assert_int_equal(
        dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, &image, &err),
        DH_CORRUPT);
    assert_null(store);
    assert_int_equal(dh_history_count(history), 0);
    assert_false(fixture_exists(fixture_file(&f, "-lock", path)));
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* What a death between two renames leaves. */
static void test_crash_windows(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store_image image;
    struct dh_history *history;
    char from[160], to[160];
    fixture_open(&f);
    make_files(&f);
    /* 2: the journal has been renamed, the new one is not there yet */
    rename(fixture_file(&f, "-journal", from), fixture_file(&f, "-journal.3", to));
    fixture_write_file(fixture_file(&f, "-journal.new", from), "torn", 4);
    expect_events(&f, 250, &image);
    dh_store_image_free(&image);
    /* 4: a half-written checkpoint */
    fixture_write_file(fixture_file(&f, ".tmp", from), "half", 4);
    expect_events(&f, 250, &image);
    dh_store_image_free(&image);
    /* 6, without links: NAME has become NAME.previous */
    rename(f.path, fixture_file(&f, ".previous", to));
    expect_events(&f, 250, &image);
    assert_true(image.used_previous);
    dh_store_image_free(&image);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 300);
    assert_true(fixture_exists(to)); /* the only generation must survive until NAME is there */
    close_store(store, history);
    assert_true(fixture_exists(to) && fixture_exists(f.path));
    /* 6: NAME and NAME.previous are one file */
    unlink(to);
    assert_int_equal(link(f.path, to), 0);
    expect_events(&f, 300, &image);
    dh_store_image_free(&image);
    store = open_store(&f, &history);
    go_on(&f, history, store, 310);
    close_store(store, history);
    expect_events(&f, 310, &image);
    dh_store_image_free(&image);
    fixture_close(&f);
}

static void test_damaged_journal_header(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store_image image;
    struct dh_history *history;
    char path[160];
    fixture_open(&f);
    make_files(&f);
    struct dh_buffer bytes = {0};
    fixture_read_file(fixture_file(&f, "-journal", path), &bytes);
    memset(bytes.data, 0, 10);
    fixture_write_file(path, bytes.data, bytes.size);
    dh_buffer_free(&bytes);
    expect_events(&f, 200, &image);
    assert_non_null(strstr(image.notes, "-journal"));
    dh_store_image_free(&image);
    FILE *said = tmpfile();
    const struct dh_log log = {.stream = said, .level = DH_LOG_WARN, .rank = -1};
    struct dh_store *store;
    struct dh_error err = {0};
    history = fixture_history(&f, 0);
    if (dh_store_open(f.path, &f.settings, f.space, history, &log, &store, NULL, &err) != DH_OK)
        fail_msg("%s", err.text);
    assert_true(fixture_exists(fixture_file(&f, "-journal.damaged", path)));
    char text[1024] = "";
    rewind(said);
    assert_true(fread(text, 1, sizeof text - 1, said) > 0);
    fclose(said);
    assert_non_null(strstr(text, "50 events behind it do not count any more"));
    assert_non_null(strstr(text, "s.h5-journal.damaged keeps it as it was"));
    go_on(&f, history, store, 210);
    close_store(store, history);
    fixture_close(&f);
}

/* The system's, which reports an error after so many entries where that is not negative. */
static int listing_fails_after = -1;

struct dirent *readdir(DIR *folder)
{
    static struct dirent *(*real)(DIR *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, sizeof(off_t) == sizeof(long) ? "readdir64" : "readdir");
    if (listing_fails_after != 0) {
        listing_fails_after -= listing_fails_after > 0;
        return real(folder);
    }
    errno = EIO;
    return NULL;
}

/* A folder that cannot be listed to its end is no folder without the files that were not seen:
 * nothing is begun, and nothing replaced. */
static void test_folder_that_cannot_be_listed(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct dh_store_image image;
    fixture_open(&f);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 50);
    char path[160];
    struct dh_buffer journal = {0};
    fixture_read_file(fixture_file(&f, "-journal", path), &journal);
    close_store(store, history); /* as a kill had left it: */
    unlink(f.path);
    fixture_write_file(path, journal.data, journal.size);
    for (int seen = 0; seen < 3; seen++) { /* ".", ".." and the journal */
        struct dh_error err = {0};
        history = fixture_history(&f, 0);
        listing_fails_after = seen;
        dh_status status =
            dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, NULL, &err);
        dh_status read = dh_store_read(f.path, &image, NULL);
        listing_fails_after = -1;
        assert_int_equal(status, DH_IO);
        assert_int_equal(read, DH_IO);
        assert_non_null(strstr(err.text, "cannot read the folder: Input/output error"));
        dh_history_destroy(&history);
    }
    expect_events(&f, 50, &image);
    dh_store_image_free(&image);
    dh_buffer_free(&journal);
    fixture_close(&f);
}

/* NAME may be a link to where nothing is yet: the file comes to be there. */
static void test_link_to_a_new_file(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct stat info;
    char path[160];
    fixture_open(&f);
    assert_int_equal(symlink("s.h5.elsewhere", f.path), 0);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 20);
    close_store(store, history);
    assert_int_equal(lstat(f.path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(lstat(fixture_file(&f, ".elsewhere", path), &info), 0);
    assert_true(S_ISREG(info.st_mode));
    struct dh_store_image image;
    expect_events(&f, 20, &image);
    dh_store_image_free(&image);
    fixture_close(&f);
}

static void test_lock(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history, *other;
    struct dh_store *second;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 10);
    other = fixture_history(&f, 0);
    assert_int_equal(dh_store_open(f.path, &f.settings, f.space, other, NULL, &second, NULL, &err),
                     DH_IO);
    assert_non_null(strstr(err.text, "another search"));
    assert_non_null(strstr(err.text, "process"));
    assert_int_equal(dh_store_set_aside(f.path, NULL, &err), DH_IO);
    dh_history_destroy(&other);
    close_store(store, history);
    assert_false(fixture_exists(fixture_file(&f, "-lock", path)));
    static const char dead[] = "process 1 on elsewhere since 2001-01-01 00:00:00 +0000\n";
    fixture_write_file(path, dead, sizeof dead - 1); /* its owner died long ago */
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    store = open_store(&f, &history);
    close_store(store, history);
    fixture_close(&f);
}

static void test_other_space(void **state)
{
    (void)state;
    struct fixture f, other;
    struct dh_store *store;
    struct dh_error err = {0};
    fixture_open(&f);
    make_files(&f);
    static const char *const configs[] = {
        "parameters = ( { name = \"lr\"; type = \"real\"; low = 0.0; high = 1.0; } );"
        "objectives = ( { name = \"accuracy\"; }, { name = \"size\"; goal = \"minimize\"; } );"
        "evaluator = { type = \"builtin\"; };",
        NULL};
    fixture_open_config(&other, configs[0]);
    struct dh_history *history = fixture_history(&other, 0);
    assert_int_equal(
        dh_store_open(f.path, &other.settings, other.space, history, NULL, &store, NULL, &err),
        DH_CONFIG);
    assert_non_null(strstr(err.text, "units"));
    assert_int_equal(dh_history_count(history), 0);
    dh_history_destroy(&history);
    other.settings.objective_count = 1;
    history = fixture_history(&f, 0);
    assert_int_equal(
        dh_store_open(f.path, &other.settings, f.space, history, NULL, &store, NULL, &err),
        DH_CONFIG);
    assert_non_null(strstr(err.text, "objectives"));
    dh_history_destroy(&history);
    fixture_close(&other);
    fixture_close(&f);
}

/* The same parameters in another order, and another budget: values follow their names, through
 * checkpoint, old and new journals. */
static void test_reordered(void **state)
{
    (void)state;
    struct fixture f, other;
    struct dh_store_image image;
    struct dh_store *store;
    struct dh_error err = {0};
    fixture_open(&f);
    make_files(&f);
    fixture_open_config(&other, fixture_reordered);
    struct dh_history *history = fixture_history(&other, 0), *expected = fixture_history(&f, 250);
    if (dh_store_open(f.path, &other.settings, other.space, history, NULL, &store, &image, &err) !=
        DH_OK)
        fail_msg("%s", err.text);
    dh_store_image_free(&image);
    fixture_same(f.space, expected, other.space, history);
    double point[64]; /* one event of the new session, in its own order */
    struct dh_random random = dh_random_at(1, DH_STREAM_SAMPLE, 0);
    assert_int_equal(dh_space_sample(other.space, &random, point, &err), DH_OK);
    dh_store_proposed(store, dh_history_propose(history, point));
    assert_int_equal(dh_store_write(store, &err), DH_OK);
    assert_int_equal(dh_store_read(f.path, &image, &err), DH_OK);
    assert_int_equal(image.settings.search.max_evaluations, 9); /* the newest configuration */
    fixture_same(other.space, history, image.space, image.history);
    dh_store_image_free(&image);
    assert_int_equal(dh_store_close(&store, &err), DH_OK);
    assert_int_equal(dh_store_read(f.path, &image, &err), DH_OK);
    fixture_same(other.space, history, image.space, image.history);
    dh_store_image_free(&image);
    dh_history_destroy(&history);
    dh_history_destroy(&expected);
    fixture_close(&other);
    fixture_close(&f);
}

/* A longer budget alone has to reach the checkpoint, too. */
static void test_config_follows(void **state)
{
    (void)state;
    struct fixture f, other;
    struct dh_store_image image;
    struct dh_store *store;
    struct dh_history *history;
    struct dh_error err = {0};
    fixture_open_config(&f, fixture_config);
    store = open_store(&f, &history);
    go_on(&f, history, store, 20);
    close_store(store, history);
    char *longer = dh_strprintf("%s", fixture_config);
    memcpy(strstr(longer, "seed = 42"), "seed = 43", 9);
    fixture_open_config(&other, longer);
    history = fixture_history(&f, 0);
    assert_int_equal(
        dh_store_open(f.path, &other.settings, other.space, history, NULL, &store, NULL, &err),
        DH_OK);
    close_store(store, history);
    assert_int_equal(dh_store_read(f.path, &image, &err), DH_OK);
    assert_int_equal(image.settings.search.seed, 43);
    dh_store_image_free(&image);
    free(longer);
    fixture_close(&other);
    fixture_close(&f);
}

static void test_set_aside(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store_image image;
    struct dh_error err = {0};
    char *moved, path[160];
    fixture_open(&f);
    assert_int_equal(dh_store_set_aside(f.path, &moved, &err), DH_OK);
    assert_null(moved);
    for (int n = 1; n <= 2; n++) {
        make_files(&f);
        assert_int_equal(dh_store_set_aside(f.path, &moved, &err), DH_OK);
        snprintf(path, sizeof path, "%s.%d", f.path, n);
        assert_string_equal(moved, path);
        free(moved);
        assert_int_equal(dh_store_read(f.path, &image, &err), DH_MISSING);
        assert_int_equal(dh_store_read(path, &image, &err), DH_OK);
        assert_int_equal(dh_history_event(image.history), 250);
        dh_store_image_free(&image);
        assert_false(fixture_exists(fixture_file(&f, ".previous", path)));
        assert_false(fixture_exists(fixture_file(&f, "-journal.2", path)));
    }
    fixture_close(&f);
}

/* Checkpoints beside the running search, while a reader opens it all the time. */
static void test_reader_beside(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct dh_error err = {0};
    fixture_open(&f);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 10);
    pid_t reader = fork();
    if (reader == 0) {
        uint64_t last = 0;
        for (int i = 0; i < 200; i++) {
            struct dh_store_image image;
            if (dh_store_read(f.path, &image, &err) != DH_OK ||
                dh_history_event(image.history) < last)
                _exit(1);
            last = dh_history_event(image.history);
            dh_store_image_free(&image);
        }
        _exit(0);
    }
    int status = 0, checkpoints = 0;
    while (waitpid(reader, &status, WNOHANG) == 0) {
        if (dh_history_event(history) < 20000)
            go_on(&f, history, store, dh_history_event(history) + 5);
        assert_int_equal(dh_store_checkpoint(store, checkpoints++ % 7 == 0, &err), DH_OK);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close_store(store, history);
    fixture_close(&f);
}

/* The life of a search in a child, until it is killed. Acknowledged events are told. */
static void live(const struct fixture *f, _Atomic uint64_t *told)
{
    struct dh_history *history = fixture_history(f, 0);
    struct dh_store *store;
    struct dh_error err;
    if (dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, &err) != DH_OK)
        _exit(1);
    for (int i = 0;; i++) {
        fixture_record(f, history, store);
        if (i % 3 == 0) {
            if (dh_store_write(store, &err) != DH_OK)
                _exit(1);
            atomic_store(told, dh_history_event(history));
        }
        if (i % 40 == 0 && dh_store_checkpoint(store, i % 160 == 0, &err) != DH_OK)
            _exit(1);
    }
}

/* Killed at random moments: every event that was acknowledged is there, and the state is the one
 * that a search never killed has after as many events. */
static void test_kills(void **state)
{
    (void)state;
    enum { ROUNDS = 60 };
    struct fixture f;
    _Atomic uint64_t *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct dh_random random = dh_random_at((uint64_t)getpid(), DH_STREAM_TEST, 0);
    fixture_open(&f);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        if (child == 0)
            live(&f, told);
        uint64_t before = atomic_load(told);
        for (int i = 0; round % 3 && i < 10000 && atomic_load(told) == before; i++)
            usleep(1000); /* most of them get somewhere, however slow the machine is */
        usleep((useconds_t)dh_random_below(&random, 30000));
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status)); /* it did not end by an error */
        struct dh_store_image image;
        struct dh_error err = {0};
        dh_status read = dh_store_read(f.path, &image, &err);
        if (read == DH_MISSING && atomic_load(told) == 0)
            continue;
        if (read != DH_OK)
            fail_msg("round %d: %s", round, err.text);
        assert_true(dh_history_event(image.history) >= atomic_load(told));
        struct dh_history *expected = fixture_history(&f, dh_history_event(image.history));
        fixture_same(f.space, expected, image.space, image.history);
        dh_history_destroy(&expected);
        dh_store_image_free(&image);
    }
    assert_true(atomic_load(told) >= ROUNDS / 3);
    munmap((void *)told, sizeof *told);
    fixture_close(&f);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* In a child (its files are limited): 0 if all went as it should. */
static int fill_disk(const struct fixture *f, bool make_room)
{
    struct dh_history *history;
    struct dh_store *store = open_store(f, &history);
    struct dh_error err = {0};
    uint64_t told = 0;
    limit_files(30000);
    while (dh_history_event(history) < 5000) {
        fixture_record(f, history, store);
        if (dh_store_write(store, &err) != DH_OK)
            break;
        told = dh_history_event(history);
    }
    if (told == 5000 || err.status != DH_IO || !strstr(err.text, "-journal: cannot write"))
        return 1;
    if (dh_store_checkpoint(store, true, &err) != DH_IO)
        return 2;
    if (!make_room)
        return dh_store_close(&store, &err) == DH_IO && told > 50 ? 0 : 3;
    for (int i = 0; i < 20; i++) { /* what happens meanwhile is kept for later */
        fixture_record(f, history, store);
        if (dh_store_write(store, &err) != DH_IO)
            return 4;
    }
    limit_files(70000);
    uint64_t events = dh_history_event(history);
    if (dh_store_write(store, &err) != DH_OK)
        return 5;
    struct dh_store_image image;
    if (dh_store_read(f->path, &image, &err) != DH_OK ||
        dh_history_event(image.history) != events || image.torn_bytes)
        return 6;
    dh_store_image_free(&image);
    limit_files(40000); /* the checkpoint fails alone */
    if (dh_store_checkpoint(store, true, &err) != DH_IO || !strstr(err.text, "s.h5.tmp"))
        return 7;
    limit_files(RLIM_INFINITY);
    if (dh_store_close(&store, &err) != DH_OK)
        return 8;
    dh_history_destroy(&history);
    return 0;
}

static void test_full_disk(void **state)
{
    (void)state;
    for (int make_room = 0; make_room < 2; make_room++) {
        struct fixture f;
        char path[160];
        fixture_open(&f);
        pid_t child = fork();
        if (child == 0) {
            signal(SIGXFSZ, SIG_IGN);
            _exit(fill_disk(&f, make_room));
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_false(fixture_exists(fixture_file(&f, ".tmp", path)));
        struct dh_store_image image;
        struct dh_error err = {0};
        assert_int_equal(dh_store_read(f.path, &image, &err), DH_OK);
        struct dh_history *expected = fixture_history(&f, dh_history_event(image.history));
        fixture_same(f.space, expected, image.space, image.history);
        assert_true(dh_history_event(image.history) > 50);
        dh_history_destroy(&expected);
        dh_store_image_free(&image);
        fixture_close(&f);
    }
}

/* Folders that cannot be used are told by name. */
static void test_bad_folders(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_store *store;
    struct dh_store_image image;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 0);
    snprintf(path, sizeof path, "%s/nowhere/s.h5", f.folder);
    assert_int_equal(dh_store_open(path, &f.settings, f.space, history, NULL, &store, NULL, &err),
                     DH_IO);
    assert_non_null(strstr(err.text, "nowhere"));
    assert_int_equal(dh_store_read(path, &image, &err), DH_MISSING);
    assert_int_equal(dh_store_read(f.folder, &image, &err), DH_IO);
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* A user who could not replace another's files is told so before anything is done, and leaves none
 * of his own in the other's way. */
static void test_sticky_folder(void **state)
{
    (void)state;
    enum { ANNE = 1001, BEN };
    struct fixture f;
    struct dh_history *history;
    struct dh_store *store;
    struct dh_error err = {0};
    char name[160];
    if (geteuid() != 0)
        skip();
    fixture_open(&f);
    assert_int_equal(chmod(f.folder, 01777), 0);
    assert_int_equal(seteuid(ANNE), 0);
    store = open_store(&f, &history);
    go_on(&f, history, store, 20);
    close_store(store, history);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(seteuid(BEN), 0);
    history = fixture_history(&f, 0);
    assert_int_equal(dh_store_open(f.path, &f.settings, f.space, history, NULL, &store, NULL, &err),
                     DH_IO);
    assert_int_equal(seteuid(0), 0);
    assert_non_null(strstr(err.text, "(1001), and in a folder with the sticky bit"));
    assert_false(fixture_exists(fixture_file(&f, "-lock", name)));
    assert_false(fixture_exists(fixture_file(&f, ".tmp", name)));
    dh_history_destroy(&history);
    assert_int_equal(seteuid(ANNE), 0);
    store = open_store(&f, &history);
    go_on(&f, history, store, 40);
    close_store(store, history);
    assert_int_equal(seteuid(0), 0);
    fixture_close(&f);
}

/* NAME may be a link to another file system: what it points to is replaced, not the link. */
static void test_symbolic_link(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct stat info;
    char target[160], link_name[160];
    fixture_open(&f);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 20);
    close_store(store, history);
    assert_int_equal(rename(f.path, fixture_file(&f, ".target", target)), 0);
    assert_int_equal(symlink(target, fixture_file(&f, "", link_name)), 0);
    store = open_store(&f, &history);
    assert_int_equal(dh_history_event(history), 20);
    go_on(&f, history, store, 40);
    close_store(store, history);
    assert_int_equal(lstat(f.path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    struct dh_store_image image;
    expect_events(&f, 40, &image);
    dh_store_image_free(&image);
    fixture_close(&f);
}

/* The account of time goes into each checkpoint and comes back to the next session; that alone is
 * reason enough for a forced one. */
static void test_usage(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_history *history;
    struct dh_store_image image;
    struct dh_usage usage = {.by_use = {[DH_USE_EVALUATING] = 7, [DH_USE_LOST] = 5000000001},
                             .failed = 3};
    fixture_open(&f);
    struct dh_store *store = open_store(&f, &history);
    go_on(&f, history, store, 10);
    force(store);
    expect_events(&f, 10, &image);
    assert_int_equal(dh_usage_total(&image.usage), 0);
    dh_store_image_free(&image);
    dh_store_set_usage(store, &usage);
    force(store);
    expect_events(&f, 10, &image);
    assert_memory_equal(&image.usage, &usage, sizeof usage);
    dh_store_image_free(&image);
    close_store(store, history);
    store = open_store(&f, &history); /* that says nothing keeps what is there */
    go_on(&f, history, store, 20);
    close_store(store, history);
    expect_events(&f, 20, &image);
    assert_memory_equal(&image.usage, &usage, sizeof usage);
    dh_store_image_free(&image);
    usage.by_use[DH_USE_WAITING] = -1; /* that cannot be: as good as none */
    store = open_store(&f, &history);
    dh_store_set_usage(store, &usage);
    close_store(store, history);
    expect_events(&f, 20, &image);
    assert_int_equal(dh_usage_total(&image.usage), 0);
    dh_store_image_free(&image);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_previous_serves),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_crash_windows),
        cmocka_unit_test(test_damaged_journal_header),
        cmocka_unit_test(test_folder_that_cannot_be_listed),
        cmocka_unit_test(test_link_to_a_new_file),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_other_space),
        cmocka_unit_test(test_reordered),
        cmocka_unit_test(test_config_follows),
        cmocka_unit_test(test_set_aside),
        cmocka_unit_test(test_reader_beside),
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_bad_folders),
        cmocka_unit_test(test_sticky_folder),
        cmocka_unit_test(test_symbolic_link),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
