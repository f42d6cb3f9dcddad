/* Permutations are permutations; an enumeration gives every settled point once, in any order of
 * asking, and never walks what is inactive. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/search/enumerate.h"
#include "../../src/search/permute.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"

static void permutations(void **unused)
{
    (void)unused;
    static const uint64_t counts[] = {1, 2, 3, 4, 5, 16, 17, 100, 4096, 5000};
    for (size_t c = 0; c < DH_COUNT_OF(counts); c++) {
        uint8_t *hit = dh_alloc(counts[c], 1);
        for (uint64_t i = 0; i < counts[c]; i++) {
            uint64_t to = dh_permute(9, counts[c], i);
            assert_true(to < counts[c]);
            assert_int_equal(hit[to]++, 0);
        }
        free(hit);
    }
    assert_true(dh_permute(1, (uint64_t)1 << 62, 5) < (uint64_t)1 << 62);
}

/* All orders of three things come up about equally often. */
static void permutations_are_fair(void **unused)
{
    (void)unused;
    int count[9] = {0};
    for (uint64_t key = 0; key < 6000; key++)
        count[3 * dh_permute(dh_hash_mix(key), 3, 0) + dh_permute(dh_hash_mix(key), 3, 1)]++;
    for (size_t i = 0; i < 9; i++)
        assert_true(i % 4 == 0 ? count[i] == 0 : count[i] > 850 && count[i] < 1150);
}

static struct dh_axis *all_levels(const struct bench *bench)
{
    struct dh_axis *axes = dh_alloc(bench->width, sizeof *axes);
    for (size_t i = 0; i < bench->width; i++)
        axes[i].count = (uint64_t)dh_parameter_levels(dh_space_parameter(bench->space, i));
    return axes;
}

/* Every point is settled and comes once; the end comes after `total`. */
static void assert_complete(const struct bench *bench, enum dh_order order, uint64_t total)
{
    struct dh_axis *axes = all_levels(bench);
    struct dh_enumeration *e = dh_enumeration_create(bench->space, axes, order, 4);
    assert_int_equal(dh_enumeration_total(e), total);
    double *point = dh_alloc(bench->width, sizeof *point);
    struct dh_map seen = {0};
    struct dh_error err = {0};
    for (uint64_t i = 0; i < total; i++) {
        assert_true(dh_enumeration_point(e, i, point));
        if (dh_space_check(bench->space, point, &err))
            fail_msg("%s", err.text);
        dh_map_put(&seen, dh_space_identity(bench->space, point), i);
    }
    assert_false(dh_enumeration_point(e, total, point));
    assert_int_equal(seen.count, total);
    for (uint64_t i = total; i-- > 0;) { /* backwards: any number can be asked for */
        uint64_t was = UINT64_MAX;
        assert_true(dh_enumeration_point(e, i, point));
        assert_true(dh_map_get(&seen, dh_space_identity(bench->space, point), &was));
        assert_int_equal(was, i);
    }
    dh_map_free(&seen);
    free(point);
    dh_enumeration_destroy(&e);
    free(axes);
}

static void flat_spaces(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench,
               "parameters = ("
               "{ name = \"a\"; type = \"int\"; low = 1; high = 7; },"
               "{ name = \"k\"; type = \"constant\"; value = 1; },"
               "{ name = \"b\"; type = \"bool\"; },"
               "{ name = \"c\"; type = \"real\"; low = 0.0; high = 1.0; step = 0.1; } );",
               1);
    assert_complete(&bench, DH_ORDER_SORTED, 7 * 2 * 11);
    assert_complete(&bench, DH_ORDER_SHUFFLED, 7 * 2 * 11);
    bench_close(&bench);
}

/* A chain of 40 switches, each active if the last is on, with a number under each: 2^40 times
 * 10^40 combinations, but 1 + 10 (1 + 10 (…)) points if all numbers are active at once; here a
 * number is active only where the next switch is off, so there are 40 * 10 + 10 of them. */
static void deep_chains_are_short(void **unused)
{
    (void)unused;
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "parameters = ( { name = \"s0\"; type = \"bool\"; }");
    for (int i = 1; i <= 40; i++)
        dh_buffer_printf(&text,
                         ", { name = \"s%d\"; type = \"bool\"; when = \"s%d\"; }"
                         ", { name = \"n%d\"; type = \"int\"; low = 1; high = 10;"
                         "  when = \"not s%d\"; }",
                         i, i - 1, i, i);
    dh_buffer_text(&text, ");");
    struct bench bench;
    bench_open(&bench, text.data, 1);
    dh_buffer_free(&text);
    /* s0 off; s0 … s(i-1) on and s(i) off with ten numbers; all on. */
    assert_complete(&bench, DH_ORDER_SORTED, 1 + 40 * 10 + 1);
    assert_complete(&bench, DH_ORDER_SHUFFLED, 1 + 40 * 10 + 1);
    bench_close(&bench);
}

/* Too large to count: still lazy, spread out, settled, and sorted it is the walk from the start. */
static void huge_spaces(void **unused)
{
    (void)unused;
    struct bench bench;
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "parameters = ( { name = \"s\"; type = \"bool\"; }");
    for (int i = 0; i < 30; i++)
        dh_buffer_printf(&text,
                         ", { name = \"n%d\"; type = \"int\"; low = 1; high = 10;"
                         "  when = \"%ss\"; }",
                         i, i < 20 ? "" : "not ");
    dh_buffer_text(&text, ");");
    bench_open(&bench, text.data, 1);
    dh_buffer_free(&text);
    struct dh_axis *axes = all_levels(&bench);
    double point[31];
    struct dh_enumeration *e = dh_enumeration_create(bench.space, axes, DH_ORDER_SHUFFLED, 4);
    assert_int_equal(dh_enumeration_total(e), 0);
    int on = 0;
    struct dh_error err;
    for (uint64_t i = 0; i < 200; i++) {
        assert_true(dh_enumeration_point(e, i, point));
        assert_int_equal(dh_space_check(bench.space, point, &err), DH_OK);
        on += point[0] == 1;
    }
    assert_true(on > 60 && on < 140);
    dh_enumeration_destroy(&e);
    e = dh_enumeration_create(bench.space, axes, DH_ORDER_SORTED, 4);
    assert_true(dh_enumeration_point(e, 123, point));
    assert_true(point[0] == 0 && point[30] == 4 && point[29] == 3 && point[28] == 2);
    assert_true(isnan(point[1]));
    dh_enumeration_destroy(&e);
    free(axes);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutations), cmocka_unit_test(permutations_are_fair),
        cmocka_unit_test(flat_spaces),  cmocka_unit_test(deep_chains_are_short),
        cmocka_unit_test(huge_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
