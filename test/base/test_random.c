/* Random numbers: Random123's known answers, independence of positions, moments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"

#define DRAWS 200000

/* kat_vectors of Random123, philox4x32-10. */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], output[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {UINT32_MAX, UINT32_MAX},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t v = 0; v < DH_COUNT_OF(vectors); v++) {
        struct dh_random random = dh_random_at(0, DH_STREAM_TEST, 0);
        memcpy(random.counter, vectors[v].counter, sizeof random.counter);
        memcpy(random.key, vectors[v].key, sizeof random.key);
        for (int i = 0; i < 4; i++)
            assert_int_equal(dh_random_u32(&random), vectors[v].output[i]);
    }
}

/* The block counter carries, and stays out of the half that holds the index. */
static void test_counter_carries(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(5, DH_STREAM_TEST, 77);
    random.counter[0] = UINT32_MAX;
    for (int i = 0; i < 5; i++)
        dh_random_u32(&random);
    assert_int_equal(random.counter[0], 1);
    assert_int_equal(random.counter[1], 1);
    assert_int_equal(random.counter[2], 77);
    assert_int_equal(random.counter[3], 0);
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Neighbouring seeds, streams and indices all give different sequences, each reproducible. */
static void test_positions_differ(void **state)
{
    (void)state;
    enum { SEEDS = 20, INDICES = 50, STREAMS = DH_STREAM_TEST };
    uint64_t *words = dh_alloc(SEEDS * INDICES * STREAMS, sizeof *words);
    size_t count = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (int stream = 1; stream <= STREAMS; stream++)
            for (uint64_t index = 0; index < INDICES; index++) {
                struct dh_random random = dh_random_at(seed, stream, index);
                struct dh_random again = dh_random_at(seed, stream, index);
                words[count] = dh_random_u64(&random);
                assert_true(words[count++] == dh_random_u64(&again));
            }
    qsort(words, count, sizeof *words, compare_words);
    for (size_t i = 1; i < count; i++)
        assert_true(words[i] != words[i - 1]);
    free(words);
}

/* Within five standard errors of the mean, second and fourth moments. */
static void expect_moments(double (*draw)(struct dh_random *), double mean, double variance,
                           double fourth)
{
    struct dh_random random = dh_random_at(11, DH_STREAM_TEST, 0);
    double sum = 0, squares = 0, fourths = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = draw(&random) - mean;
        sum += x;
        squares += x * x;
        fourths += x * x * x * x;
    }
    assert_true(fabs(sum / DRAWS) < 5 * sqrt(variance / DRAWS));
    assert_true(fabs(squares / DRAWS - variance) <
                5 * sqrt((fourth - variance * variance) / DRAWS));
    assert_true(fabs(fourths / DRAWS / fourth - 1) < 0.1);
}

static void test_moments(void **state)
{
    (void)state;
    expect_moments(dh_random_uniform, 0.5, 1 / 12.0, 1 / 80.0);
    expect_moments(dh_random_normal, 0, 1, 3);
    struct dh_random random = dh_random_at(3, DH_STREAM_TEST, 0);
    for (int i = 0; i < DRAWS; i++) {
        double u = dh_random_uniform(&random);
        assert_true(u >= 0 && u < 1);
    }
}

static void test_below(void **state)
{
    (void)state;
    struct dh_random random = dh_random_at(4, DH_STREAM_TEST, 0);
    enum { BOUND = 7 };
    int seen[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t value = dh_random_below(&random, BOUND);
        assert_true(value < BOUND);
        seen[value]++;
    }
    double expected = (double)DRAWS / BOUND;
    for (int i = 0; i < BOUND; i++)
        assert_true(fabs(seen[i] - expected) < 5 * sqrt(expected));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(dh_random_below(&random, 1), 0);
        dh_random_below(&random, UINT64_MAX);
        assert_true(dh_random_below(&random, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_counter_carries),
        cmocka_unit_test(test_positions_differ),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
