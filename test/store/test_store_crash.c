/* Death at every crash point and each time it is reached (crash.h): then everything that was
 * acknowledged is there, and the search that goes on ends exactly as one that never died. A first
 * life of each scenario lists which points are reached how often; together all of them are. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/store/crash.h"
#include "shelf.h"

#define BEFORE 80 /* events of the life before, where there was one */
#define END 140   /* events of the whole search */
#define CHANCES 100

/* Forks are slow under the sanitizer: there only the last time that each point is reached. */
#ifdef __SANITIZE_ADDRESS__
#define SAMPLED true
#else
#define SAMPLED false
#endif

enum found { NOTHING, FILES, TORN, DAMAGED, HEADERLESS, BROKEN_CHECKPOINT };

struct scenario {
    const char *name;
    enum found found;
    bool links, fresh;
    bool journal_points; /* die at those of each write and sync, too: they are many */
    uint64_t least;      /* events that the files found hold */
};

static const struct scenario scenarios[] = {
    {"a new search", NOTHING, true, false, true, 0},
    {"a resumed search", FILES, true, false, true, BEFORE},
    {"no links", FILES, false, false, false, BEFORE},
    {"a torn record", TORN, true, false, false, BEFORE - 1},
    {"a damaged journal", DAMAGED, true, false, false, 60},
    {"a journal without header", HEADERLESS, true, false, false, 60},
    {"a damaged checkpoint", BROKEN_CHECKPOINT, true, false, false, BEFORE},
    {"--fresh", FILES, true, true, false, BEFORE},
    {"--fresh, no links", FILES, false, true, false, BEFORE},
};

static void check(dh_status status, const struct dh_error *err, const char *what)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

static struct dh_store *begin(const struct fixture *f, struct dh_history **history)
{
    struct dh_store *store;
    struct dh_error err = {0};
    *history = fixture_history(f, 0);
    check(dh_store_open(f->path, &f->settings, f->space, *history, NULL, &store, NULL, &err), &err,
          "open");
    return store;
}

/* Go on to `end`, a write every five events, a checkpoint every twenty. */
static void go_on(const struct fixture *f, struct dh_history *history, struct dh_store *store,
                  uint64_t end, _Atomic uint64_t *told)
{
    struct dh_error err = {0};
    while (dh_history_event(history) < end) {
        fixture_record(f, history, store);
        uint64_t event = dh_history_event(history);
        if (event % 5 == 0 || event == end) {
            check(dh_store_write(store, &err), &err, "write");
            atomic_store(told, event);
        }
        if (event % 20 == 0)
            check(dh_store_checkpoint(store, true, &err), &err, "checkpoint");
    }
}

static void live(const struct fixture *f, const struct scenario *scenario, _Atomic uint64_t *told)
{
    struct dh_history *history;
    struct dh_error err = {0};
    if (scenario->fresh)
        check(dh_store_set_aside(f->path, NULL, &err), &err, "set aside");
    struct dh_store *store = begin(f, &history);
    go_on(f, history, store, END, told);
    check(dh_store_close(&store, &err), &err, "close");
    dh_history_destroy(&history);
}

/* A life in a child with the environment `name` = `value`. Returns how it ended. */
static int live_in_child(const struct fixture *f, const struct scenario *scenario,
                         _Atomic uint64_t *told, const char *name, const char *value)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        setenv(name, value, 1);
        if (!scenario->links)
            setenv("DH_NO_LINKS", "1", 1);
        dh_crash_forget();
        live(f, scenario, told);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* The files that a killed search of BEFORE events left, and what happened to them. */
static void prepare(const struct fixture *f, enum found found, struct shelf *shelf)
{
    struct dh_history *history;
    _Atomic uint64_t told;
    *shelf = (struct shelf){0};
    if (found == NOTHING)
        return;
    pid_t child = fork();
    if (child == 0) {
        struct dh_store *store = begin(f, &history);
        go_on(f, history, store, BEFORE - 1, &told); /* checkpoints at 20, 40, 60 */
        go_on(f, history, store, BEFORE - 1, &told);
        fixture_record(f, history, store);
        struct dh_error err;
        check(dh_store_write(store, &err), &err, "write");
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    shelf_take(shelf, f->folder);
    struct dh_buffer *journal = shelf_find(shelf, "s.h5-journal");
    struct dh_buffer *checkpoint = shelf_find(shelf, "s.h5");
    if (found == TORN)
        journal->size -= 3;
    if (found == DAMAGED) /* well behind the header, well before the end */
        journal->data[journal->size - 600] = (char)~journal->data[journal->size - 600];
    if (found == HEADERLESS)
        journal->data[20] = (char)~journal->data[20];
    if (found == BROKEN_CHECKPOINT)
        checkpoint->data[checkpoint->size / 2] = (char)~checkpoint->data[checkpoint->size / 2];
}

/* What a reader sees is the state after at least `least` events; returns after how many. */
static uint64_t see(const struct fixture *f, const char *path, uint64_t least, const char *when)
{
    struct dh_store_image image;
    struct dh_error err = {0};
    dh_status status = dh_store_read(path, &image, &err);
    if (status == DH_MISSING && least == 0)
        return 0;
    if (status != DH_OK)
        fail_msg("%s: %s", when, err.text);
    uint64_t event = dh_history_event(image.history);
    if (event < least)
        fail_msg("%s: %llu events are there, expected %llu at least", when,
                 (unsigned long long)event, (unsigned long long)least);
    struct dh_history *expected = fixture_history(f, event);
    fixture_same(f->space, expected, image.space, image.history);
    dh_history_destroy(&expected);
    dh_store_image_free(&image);
    return event;
}

static void nothing_left(const struct fixture *f, const char *when)
{
    static const char *const suffixes[] = {"-lock", ".tmp", "-journal", "-journal.new"};
    char path[160];
    for (size_t i = 0; i < DH_COUNT_OF(suffixes); i++)
        if (fixture_exists(fixture_file(f, suffixes[i], path)))
            fail_msg("%s: %s is left", when, path);
}

/* --fresh again and again: one of the folders' families is the old one, whole. */
static void find_old(const struct fixture *f, const char *when)
{
    for (int n = 1; n <= 3; n++) {
        struct dh_store_image image;
        struct dh_error err;
        char path[128];
        snprintf(path, sizeof path, "%s.%d", f->path, n);
        if (dh_store_read(path, &image, &err) != DH_OK)
            continue;
        bool old = dh_history_event(image.history) == BEFORE;
        dh_store_image_free(&image);
        if (old)
            return;
    }
    fail_msg("%s: the old search is nowhere", when);
}

/* One death, and the life after it. Was the point reached? */
static bool die_and_go_on(const struct fixture *f, const struct scenario *scenario,
                          const struct shelf *shelf, enum dh_crash point, unsigned occurrence,
                          _Atomic uint64_t *told)
{
    char where[64], when[160];
    _Atomic uint64_t after = 0;
    snprintf(where, sizeof where, "%s:%u", dh_crash_name(point), occurrence);
    snprintf(when, sizeof when, "%s, %s", scenario->name, where);
    shelf_put(shelf, f->folder);
    atomic_store(told, 0);
    int status = live_in_child(f, scenario, told, "DH_CRASH", where);
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!died && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        fail_msg("%s: ended with %d", when, status);
    uint64_t least = atomic_load(told);
    if (!scenario->fresh)
        see(f, f->path, least > scenario->least ? least : scenario->least, when);
    live(f, scenario, &after);
    assert_int_equal(see(f, f->path, END, when), END);
    nothing_left(f, when);
    if (scenario->fresh)
        find_old(f, when);
    return died;
}

/* How often each point is reached in a life that does not end there. */
static void list_points(const struct fixture *f, const struct scenario *scenario,
                        const struct shelf *shelf, _Atomic uint64_t *told,
                        unsigned counts[DH_CRASH_COUNT])
{
    char list[] = "/tmp/dh_crash_XXXXXX", line[64];
    int fd = mkstemp(list);
    assert_true(fd >= 0);
    close(fd);
    memset(counts, 0, DH_CRASH_COUNT * sizeof *counts);
    shelf_put(shelf, f->folder);
    assert_int_equal(live_in_child(f, scenario, told, "DH_CRASH_LIST", list), 0);
    FILE *lines = fopen(list, "r");
    assert_non_null(lines);
    while (fgets(line, sizeof line, lines)) {
        int point = 0;
        line[strcspn(line, "\n")] = '\0';
        while (point < DH_CRASH_COUNT && strcmp(line, dh_crash_name((enum dh_crash)point)) != 0)
            point++;
        assert_true(point < DH_CRASH_COUNT);
        counts[point]++;
    }
    fclose(lines);
    unlink(list);
}

/* Points of the thread that syncs: how often it gets to them depends on the machine. Dying the
 * first time is what can be asked for, in the end (CHANCES). */
static bool by_chance(enum dh_crash point)
{
    return point == DH_CRASH_AT_JOURNAL_SYNC || point == DH_CRASH_AT_JOURNAL_SYNCED ||
           point == DH_CRASH_AT_SEAL_SYNC || point == DH_CRASH_AT_SEAL_SYNCED ||
           point == DH_CRASH_AT_FOLDER_SYNCED;
}

static bool of_journal(enum dh_crash point)
{
    return point == DH_CRASH_AT_JOURNAL_WRITE || point == DH_CRASH_AT_JOURNAL_HALF ||
           point == DH_CRASH_AT_JOURNAL_WRITTEN || by_chance(point);
}

/* Die at occurrence `k` of the point. Returns whether it happened. */
static bool die_there(const struct fixture *f, const struct scenario *scenario,
                      const struct shelf *shelf, enum dh_crash point, unsigned k,
                      _Atomic uint64_t *told)
{
    bool died = die_and_go_on(f, scenario, shelf, point, k, told);
    for (int i = 1; !died && k == 1 && by_chance(point) && i < CHANCES; i++)
        died = die_and_go_on(f, scenario, shelf, point, k, told);
    if (!died && (k == 1 || !by_chance(point)))
        fail_msg("%s: %s was not reached for the %u. time", scenario->name, dh_crash_name(point),
                 k);
    return died;
}

static void test_every_point(void **state)
{
    (void)state;
    unsigned deaths[DH_CRASH_COUNT] = {0}, counts[DH_CRASH_COUNT], total = 0;
    _Atomic uint64_t *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t s = 0; s < DH_COUNT_OF(scenarios); s++) {
        struct fixture f;
        struct shelf shelf;
        fixture_open(&f);
        prepare(&f, scenarios[s].found, &shelf);
        list_points(&f, &scenarios[s], &shelf, told, counts);
        for (int p = 0; p < DH_CRASH_COUNT; p++) /* this life may have missed it */
            counts[p] += counts[p] == 0 && by_chance((enum dh_crash)p);
        for (int p = 0; p < DH_CRASH_COUNT; p++)
            for (unsigned k = 1; k <= counts[p]; k++) {
                enum dh_crash point = (enum dh_crash)p;
                if (of_journal(point) && !scenarios[s].journal_points)
                    continue;
                if (SAMPLED && k != (by_chance(point) ? 1 : counts[p]))
                    continue;
                bool died = die_there(&f, &scenarios[s], &shelf, point, k, told);
                deaths[p] += died;
                total += died;
            }
        shelf_free(&shelf);
        fixture_close(&f);
    }
    for (int p = 0; p < DH_CRASH_COUNT; p++)
        if (deaths[p] == 0)
            fail_msg("nobody ever died at %s", dh_crash_name((enum dh_crash)p));
    print_message("%u deaths at %d points\n", total, DH_CRASH_COUNT);
    munmap((void *)told, sizeof *told);
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0) /* in memory: there are thousands of syncs */
        setenv("DH_TEST_FOLDER", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_point)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
