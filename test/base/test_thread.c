/* Threads stand apart from the process's working directory, mask and locale. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/thread.h"

struct seen {
    int go[2]; /* a pipe: the thread looks when there is something in it */
    char folder[4096];
    mode_t mask;
    bool blocked;
};

static void *look(void *argument)
{
    struct seen *seen = argument;
    sigset_t mask;
    char byte;
    if (read(seen->go[0], &byte, 1) != 1 || !getcwd(seen->folder, sizeof seen->folder))
        seen->folder[0] = '\0';
    seen->mask = umask(0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->blocked = sigismember(&mask, SIGTERM) == 1;
    return NULL;
}

/* Often, since a thread that was not waited for has what the caller changes only now and then. */
static void a_thread_keeps_what_was_there_at_its_start(void **state)
{
    (void)state;
    char home[4096];
    if (unshare(CLONE_FS) != 0)
        skip(); /* then a thread has what the process has: see thread.c */
    assert_non_null(getcwd(home, sizeof home));
    mode_t mask = umask(022);
    for (int i = 0; i < 500; i++) {
        struct seen seen;
        pthread_t thread;
        assert_int_equal(pipe(seen.go), 0);
        assert_int_equal(dh_thread_start(&thread, look, &seen), 0);
        assert_int_equal(chdir("/"), 0);
        umask(077);
        assert_int_equal(write(seen.go[1], "", 1), 1);
        pthread_join(thread, NULL);
        assert_string_equal(seen.folder, home);
        assert_int_equal(seen.mask, 022);
        assert_true(seen.blocked);
        assert_int_equal(umask(022), 077); /* nor has the caller what the thread changed */
        assert_int_equal(chdir(home), 0);
        close(seen.go[0]);
        close(seen.go[1]);
    }
    umask(mask);
}

static void *count(void *argument)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    *(int *)argument = sigismember(&mask, SIGTERM);
    return argument;
}

static void a_helper_leaves_signals_to_others(void **state)
{
    (void)state;
    pthread_t thread;
    int blocked = 0;
    void *result;
    assert_int_equal(dh_thread_start_helper(&thread, count, &blocked), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &blocked);
    assert_int_equal(blocked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_keeps_what_was_there_at_its_start),
        cmocka_unit_test(a_helper_leaves_signals_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
