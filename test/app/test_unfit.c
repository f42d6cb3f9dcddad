/* What is said of ranks that cannot evaluate, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/app/unfit.h"

#define RANKS 40

struct bench {
    struct dh_peers peers;
    struct dh_unfit unfit;
    struct dh_log log;
    char *said;
    size_t size;
};

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.log = {.level = DH_LOG_WARN, .rank = -1}};
    bench.log.stream = open_memstream(&bench.said, &bench.size);
    dh_peers_open(&bench.peers, RANKS + 1, 30, 0);
    for (int rank = 1; rank <= RANKS; rank++)
        dh_peers_hello(&bench.peers, rank, &(struct dh_hello){.pid = 100 + rank, .host = "node"});
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    dh_unfit_close(&bench->unfit);
    dh_peers_close(&bench->peers);
    fclose(bench->log.stream);
    free(bench->said);
    return 0;
}

static void add(struct bench *bench, int rank, const char *text, double now)
{
    dh_unfit_add(&bench->unfit, &bench->peers, rank, text, now);
}

/* What was said since the last call, without the time of day; one line. */
static const char *said(struct bench *bench)
{
    fflush(bench->log.stream);
    const char *text = bench->size ? strstr(bench->said, "error: ") : NULL;
    if (text)
        bench->said[strcspn(bench->said, "\n")] = '\0';
    rewind(bench->log.stream);
    return text ? text : "";
}

/* As soon as it is seen that others work; if that takes long, once all may have said the same. */
static void they_are_told_of_in_time(void **state)
{
    struct bench *bench = *state;
    assert_false(dh_unfit_due(&bench->unfit, true, 1e9));
    add(bench, 3, "no module", 5);
    add(bench, 4, "no module", 14);
    assert_false(dh_unfit_due(&bench->unfit, false, 14.9));
    assert_true(dh_unfit_due(&bench->unfit, true, 5));
    assert_true(dh_unfit_due(&bench->unfit, false, 15));
    dh_unfit_tell(&bench->unfit, NULL, NULL);
    assert_false(dh_unfit_due(&bench->unfit, true, 1e9));
    add(bench, 5, "no module", 100);
    assert_false(dh_unfit_due(&bench->unfit, false, 101));
}

static void a_reason_is_said_once(void **state)
{
    struct bench *bench = *state;
    add(bench, 3, "no module", 5);
    dh_unfit_tell(&bench->unfit, "no plugin", &bench->log);
    assert_string_equal(said(bench), "error: rank 3 (node, process 103) cannot evaluate and is put "
                                     "aside: no module");
    add(bench, 7, "no plugin", 6);
    add(bench, 5, "no module", 6);
    add(bench, 4, "no plugin", 6);
    dh_unfit_tell(&bench->unfit, "no module", &bench->log);
    assert_string_equal(said(bench),
                        "error: rank 7 (node, process 107), rank 4 (node, process 104) cannot "
                        "evaluate and are put aside: no plugin");
    dh_unfit_tell(&bench->unfit, NULL, &bench->log);
    assert_string_equal(said(bench), "");
}

static void addresses_make_no_other_reason(void **state)
{
    static const char *const texts[] = {"thread 0x00007f16 (most", "thread 0x7fe (most",
                                        "thread 0x", "thread 0x7fe (least", "thread 0"};
    struct bench *bench = *state;
    for (int i = 0; i < 5; i++)
        add(bench, i + 1, texts[i], 1);
    assert_int_equal(bench->unfit.count, 4);
    assert_int_equal(bench->unfit.kinds[0].count, 2);
}

static void of_many_some_are_named(void **state)
{
    struct bench *bench = *state;
    for (int rank = 1; rank <= RANKS; rank++)
        add(bench, rank, "no module", 1);
    dh_unfit_tell(&bench->unfit, NULL, &bench->log);
    const char *text = said(bench);
    assert_non_null(strstr(text, "rank 16 (node, process 116), … (40 ranks) cannot evaluate"));
    assert_null(strstr(text, "rank 17"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(they_are_told_of_in_time),
        TEST(a_reason_is_said_once),
        TEST(addresses_make_no_other_reason),
        TEST(of_many_some_are_named),
    };
    return cmocka_run_group_tests_name("unfit", tests, NULL, NULL);
}
