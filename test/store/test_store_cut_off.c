/* A search that is stopped in the middle of a step (a node that hangs, a file server that does not
 * answer), for so long that another takes over: when it goes on, it leaves every file to the other
 * and says whose they are. */
#include "fixture.h"

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

/* The moments after which files would change that are the other's. */
static const enum dh_crash moments[] = {
    DH_CRASH_AT_JOURNAL_WRITTEN, DH_CRASH_AT_ROTATE_CREATE,      DH_CRASH_AT_ROTATE_CREATED,
    DH_CRASH_AT_ROTATE_HEADER,   DH_CRASH_AT_CHECKPOINT_CREATED, DH_CRASH_AT_CHECKPOINT_SYNCED,
};
#define MOMENTS DH_COUNT_OF(moments)

static void check(dh_status status, const struct dh_error *err, const char *what)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

/* In a child: stop at the point, and end with 0 if the search then stops as it has to. */
static void live(const struct fixture *f, enum dh_crash point)
{
    struct dh_history *history = fixture_history(f, 0);
    struct dh_store *store;
    struct dh_error err = {0};
    char where[64];
    check(dh_store_open(f->path, &f->settings, f->space, history, NULL, &store, NULL, &err), &err,
          "open");
    while (dh_history_event(history) < BEGIN) {
        fixture_record(f, history, store);
        if (dh_history_event(history) % 20 == 0)
            check(dh_store_checkpoint(store, true, &err), &err, "checkpoint");
    }
    dh_crash_forget();
    snprintf(where, sizeof where, "%s:1", dh_crash_name(point));
    setenv("DH_CRASH_STOP", where, 1);
    while (dh_history_event(history) < END)
        fixture_record(f, history, store);
    dh_status status = dh_store_checkpoint(store, true, &err);
    bool told = status == DH_IO && strstr(err.text, "taken over by process 5 on otherhost");
    if (!told)
        fprintf(stderr, "at %s: status %d, %s\n", dh_crash_name(point), (int)status, err.text);
    status = dh_store_close(&store, &err);
    dh_history_destroy(&history);
    _exit(told && status == DH_IO ? 0 : 1);
}

static pid_t start(const struct fixture *f, enum dh_crash point)
{
    pid_t child = fork();
    if (child == 0)
        live(f, point);
    return child;
}

/* What it had begun is nobody's: the next that opens the search removes it. */
static void forget_begun(struct shelf *shelf)
{
    static const char *const begun[] = {"s.h5.tmp", "s.h5-journal.new"};
    for (size_t i = 0; i < DH_COUNT_OF(begun); i++)
        for (size_t k = 0; k < shelf->count; k++)
            if (strcmp(shelf->files[k].name, begun[i]) == 0)
                shelf_drop(shelf, begun[i]);
}

static void expect_same(struct shelf *before, struct shelf *after, const char *when)
{
    forget_begun(before);
    forget_begun(after);
    if (before->count != after->count)
        fail_msg("%s: %zu files instead of %zu", when, after->count, before->count);
    for (size_t i = 0; i < before->count; i++) {
        const struct dh_buffer *was = &before->files[i].bytes;
        const struct dh_buffer *is = shelf_find(after, before->files[i].name);
        if (was->size != is->size || memcmp(was->data, is->data, was->size) != 0)
            fail_msg("%s: %s changed", when, before->files[i].name);
    }
}

static void test_cut_off_in_a_step(void **state)
{
    (void)state;
    struct fixture f[MOMENTS];
    struct shelf before[MOMENTS], after;
    pid_t children[MOMENTS];
    char path[160];
    int status;
    for (size_t i = 0; i < MOMENTS; i++) {
        fixture_open(&f[i]);
        children[i] = start(&f[i], moments[i]);
    }
    for (size_t i = 0; i < MOMENTS; i++) {
        assert_int_equal(waitpid(children[i], &status, WUNTRACED), children[i]);
        if (!WIFSTOPPED(status))
            fail_msg("%s was not reached", dh_crash_name(moments[i]));
    }
    sleep((unsigned)dh_lock_default_rule.patience);
    for (size_t i = 0; i < MOMENTS; i++) {
        unlink(fixture_file(&f[i], "-lock", path));
        fixture_write_file(path, owner, strlen(owner));
        shelf_take(&before[i], f[i].folder);
        kill(children[i], SIGCONT);
    }
    for (size_t i = 0; i < MOMENTS; i++) {
        const char *when = dh_crash_name(moments[i]);
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        shelf_take(&after, f[i].folder);
        expect_same(&before[i], &after, when);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("%s: ended with %d", when, status);
        shelf_free(&before[i]);
        shelf_free(&after);
        fixture_close(&f[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut_off_in_a_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
