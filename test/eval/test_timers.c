/* The heap of slots against a plain search through all of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/eval/timers.h"
#include "dh_mpi/random.h"

#define SLOTS 37

/* The heap's first is as early as any, and one that has that time. */
static void check(const struct eval_timers *timers, const double *times)
{
    double earliest = INFINITY, first;
    int32_t slot = eval_timers_first(timers, &first);
    for (int i = 0; i < SLOTS; i++)
        earliest = fmin(earliest, times[i]);
    assert_true(first == earliest);
    assert_true(slot < 0 ? isinf(earliest) : times[slot] == earliest);
}

static void test_random_times(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(5, DH_STREAM_TEST, 0);
    struct eval_timers timers;
    double times[SLOTS];
    eval_timers_open(&timers, SLOTS);
    for (int i = 0; i < SLOTS; i++)
        times[i] = INFINITY;
    check(&timers, times);
    for (int round = 0; round < 20000; round++) {
        int32_t slot = (int32_t)dh_random_below(&random, SLOTS);
        if (isinf(times[slot])) {
            times[slot] = (double)dh_random_below(&random, 20); /* many alike */
            eval_timers_set(&timers, slot, times[slot]);
        } else {
            times[slot] = INFINITY;
            eval_timers_clear(&timers, slot);
            eval_timers_clear(&timers, slot); /* once more does nothing */
        }
        check(&timers, times);
    }
    eval_timers_close(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
