/* The vigil over a group's processes, on real ones. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/vigil.h"

static void nap(void)
{
    struct timespec time = {.tv_nsec = 10000000};
    nanosleep(&time, NULL);
}

/* A process that waits to be killed. */
static pid_t neighbour(void)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_loss_is_noticed(void **state)
{
    (void)state;
    int32_t pids[] = {neighbour(), neighbour()};
    struct dh_vigil *vigil = dh_vigil_start(pids, 2, NULL);
    dh_vigil_enter(vigil);
    dh_vigil_leave(vigil);
    nap();
    assert_int_equal(dh_vigil_lost(vigil), 0);
    end(pids[1]);
    while (dh_vigil_lost(vigil) == 0)
        nap();
    assert_int_equal(dh_vigil_lost(vigil), pids[1]);
    dh_vigil_stop(&vigil);
    assert_null(vigil);
    dh_vigil_stop(&vigil);
    end(pids[0]);
}

/* Nobody can be watched: it is a vigil all the same, and ends. */
static void test_nobody(void **state)
{
    (void)state;
    int32_t gone = neighbour();
    end(gone);
    struct dh_vigil *vigil = dh_vigil_start(&gone, 1, NULL);
    nap();
    assert_int_equal(dh_vigil_lost(vigil), 0);
    dh_vigil_stop(&vigil);
    vigil = dh_vigil_start(NULL, 0, NULL);
    dh_vigil_stop(&vigil);
}

/* One that is in the plugin when a neighbour dies, and does not come back, ends. */
static void test_stuck(void **state)
{
    (void)state;
    int32_t pid = neighbour();
    pid_t stuck = fork();
    if (stuck == 0) {
        dh_vigil_enter(dh_vigil_start(&pid, 1, NULL));
        for (;;)
            pause();
    }
    nap();
    end(pid);
    int status;
    assert_int_equal(waitpid(stuck, &status, 0), stuck);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EX_SOFTWARE);
}

/* One that does come back lives on. */
static void test_not_stuck(void **state)
{
    (void)state;
    int32_t pid = neighbour();
    struct dh_vigil *vigil = dh_vigil_start(&pid, 1, NULL);
    dh_vigil_enter(vigil);
    end(pid);
    while (dh_vigil_lost(vigil) == 0)
        nap();
    dh_vigil_leave(vigil);
    double waited = 0;
    for (; waited < DH_VIGIL_GRACE + 0.5; waited += 0.01)
        nap();
    dh_vigil_stop(&vigil);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_is_noticed),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_not_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
