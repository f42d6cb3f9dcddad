/* A search that is stopped in the middle of a step (a node that hangs, a file server that does not
 * answer), for so long that another takes over, and maybe ends: when it goes on, it leaves every
 * file to the other and says why it stops. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/store/crash.h"
#include "../../src/store/lock.h"
#include "shelf.h"

#define BEGIN 60 /* events before the step; checkpoints at 20, 40, 60 */
#define END 80   /* a checkpoint follows */

static const char owner[] = "process 5 on otherhost since 2026-01-01 00:00:00 +0000\n";

/* What became of the other. */
enum other { WORKS, ENDED, OTHERS };
static const char *const reasons[] = {"taken over by process 5 on otherhost",
                                      "another may have come and gone"};

/* The moments after which files would change that are the other's. */
static const enum dh_crash moments[] = {
    DH_CRASH_AT_MEND_CUT,           DH_CRASH_AT_MEND_ASIDE,        DH_CRASH_AT_JOURNAL_WRITTEN,
    DH_CRASH_AT_ROTATE_CREATE,      DH_CRASH_AT_ROTATE_CREATED,    DH_CRASH_AT_ROTATE_HEADER,
    DH_CRASH_AT_ROTATE_SEALED,      DH_CRASH_AT_PREVIOUS_REMOVED,  DH_CRASH_AT_CHECKPOINT_BEGIN,
    DH_CRASH_AT_CHECKPOINT_CREATED, DH_CRASH_AT_CHECKPOINT_SYNCED, DH_CRASH_AT_PREVIOUS_LINKED,
    DH_CRASH_AT_CHECKPOINT_DURABLE, DH_CRASH_AT_CLOSE_REMOVE,
};
#define MOMENTS DH_COUNT_OF(moments)

static void check(dh_status status, const struct dh_error *err, const char *what)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

static struct dh_store *begin(const struct fixture *f, struct dh_history *history)
{
    struct dh_store *store;
    struct dh_error err = {0};
    check(dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, &err), &err,
          "open");
    while (dh_history_event(history) < BEGIN) {
        fixture_record(f, history, store);
        if (dh_history_event(history) % 20 == 0)
            check(dh_store_checkpoint(store, true, &err), &err, "checkpoint");
    }
    return store;
}

/* Files of a search that died while it wrote to its journal, or before the header was there. */
static void die_torn(const struct fixture *f, bool headerless)
{
    char path[160];
    pid_t child = fork();
    if (child == 0) {
        struct dh_error err = {0};
        struct dh_history *history = fixture_history(f, 0);
        struct dh_store *store = begin(f, history);
        while (dh_history_event(history) < END)
            fixture_record(f, history, store);
        check(dh_store_write(store, &err), &err, "write");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    int fd = open(fixture_file(f, "-journal", path), O_RDWR | O_CLOEXEC);
    bool done = headerless ? pwrite(fd, "torn", 4, 20) == 4
                           : lseek(fd, 0, SEEK_END) > 0 && write(fd, "torn", 4) == 4;
    close(fd);
    if (!done)
        abort();
}

/* The search goes on over the point and, if nobody stops it, to its end. */
static dh_status pass(const struct fixture *f, bool opening, const char *where,
                      struct dh_error *err)
{
    struct dh_history *history = fixture_history(f, 0);
    struct dh_store *store = NULL;
    if (opening) {
        setenv("DH_CRASH_STOP", where, 1);
        return dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, err);
    }
    store = begin(f, history);
    dh_crash_forget();
    setenv("DH_CRASH_STOP", where, 1);
    while (dh_history_event(history) < END)
        fixture_record(f, history, store);
    dh_status status = dh_store_checkpoint(store, true, err);
    return status == DH_OK ? dh_store_close(&store, err) : status;
}

/* In a child: stop at the point, and end with 0 if the search then stops as it has to. */
static void live(const struct fixture *f, enum dh_crash point, const char *reason)
{
    struct dh_error err = {0};
    char where[64];
    bool headerless = point == DH_CRASH_AT_MEND_ASIDE;
    bool opening = headerless || point == DH_CRASH_AT_MEND_CUT;
    snprintf(where, sizeof where, "%s:1", dh_crash_name(point));
    if (opening)
        die_torn(f, headerless);
    dh_status status = pass(f, opening, where, &err);
    bool told = status == DH_IO && strstr(err.text, reason);
    if (!told)
        fprintf(stderr, "at %s: status %d, %s\n", dh_crash_name(point), (int)status, err.text);
    _exit(told ? 0 : 1);
}

static pid_t start(const struct fixture *f, enum dh_crash point, enum other other)
{
    pid_t child = fork();
    if (child == 0)
        live(f, point, reasons[other]);
    return child;
}

static void put(const struct fixture *f, const char *suffix, const char *text)
{
    char path[160];
    unlink(fixture_file(f, suffix, path));
    fixture_write_file(path, text, strlen(text));
}

/* Another search: it has the lock, or had it, and files of its own are in the middle of a step. */
static void play_other(const struct fixture *f, enum other other)
{
    char path[160];
    put(f, "-lock", owner);
    if (other == ENDED)
        unlink(fixture_file(f, "-lock", path));
    put(f, ".tmp", "the other's checkpoint");
    put(f, "-journal.new", "the other's journal");
}

static void expect_same(struct shelf *before, struct shelf *after, const char *when)
{
    if (before->count != after->count)
        fail_msg("%s: %zu files instead of %zu", when, after->count, before->count);
    for (size_t i = 0; i < before->count; i++) {
        const struct dh_buffer *was = &before->files[i].bytes;
        const struct dh_buffer *is = shelf_find(after, before->files[i].name);
        if (was->size != is->size || memcmp(was->data, is->data, was->size) != 0)
            fail_msg("%s: %s changed", when, before->files[i].name);
    }
}

struct life {
    struct fixture fixture;
    struct shelf before;
    pid_t child;
};

static void expect_end(struct life *life, const char *when)
{
    struct shelf after;
    int status;
    assert_int_equal(waitpid(life->child, &status, 0), life->child);
    shelf_take(&after, life->fixture.folder);
    expect_same(&life->before, &after, when);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: ended with %d", when, status);
    shelf_free(&life->before);
    shelf_free(&after);
    fixture_close(&life->fixture);
}

static void test_cut_off_in_a_step(void **state)
{
    (void)state;
    static struct life lives[MOMENTS][OTHERS];
    int status;
    for (size_t i = 0; i < MOMENTS; i++)
        for (enum other other = WORKS; other < OTHERS; other++) {
            fixture_open(&lives[i][other].fixture);
            lives[i][other].child = start(&lives[i][other].fixture, moments[i], other);
        }
    for (size_t i = 0; i < MOMENTS; i++)
        for (enum other other = WORKS; other < OTHERS; other++) {
            assert_true(waitpid(lives[i][other].child, &status, WUNTRACED) > 0);
            if (!WIFSTOPPED(status))
                fail_msg("%s was not reached", dh_crash_name(moments[i]));
        }
    sleep((unsigned)dh_lock_default_rule.patience);
    for (size_t i = 0; i < MOMENTS; i++)
        for (enum other other = WORKS; other < OTHERS; other++) {
            play_other(&lives[i][other].fixture, other);
            shelf_take(&lives[i][other].before, lives[i][other].fixture.folder);
            kill(lives[i][other].child, SIGCONT);
        }
    for (size_t i = 0; i < MOMENTS; i++)
        for (enum other other = WORKS; other < OTHERS; other++)
            expect_end(&lives[i][other], dh_crash_name(moments[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut_off_in_a_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
