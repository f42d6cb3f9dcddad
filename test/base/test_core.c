/* Status and errors, memory, the map, hashing, clock and log. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/file.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/log.h"
#include "dh_mpi/random.h"
#include "dh_mpi/status.h"
#include "dh_mpi/streams.h"

static void test_error_text_too_long(void **state)
{
    (void)state;
    struct dh_error err;
    char wide[5000];
    for (size_t shift = 0; shift < 4; shift++) { /* every way in which a character can be cut */
        memset(wide, 'x', sizeof wide);
        for (size_t i = shift; i + 2 < sizeof wide; i += 2)
            memcpy(wide + i, "é", 2);
        wide[sizeof wide - 1] = '\0';
        assert_int_equal(dh_fail(&err, DH_IO, "%s", wide), DH_IO);
        size_t length = strlen(err.text);
        assert_true(length < sizeof err.text && length > sizeof err.text - 8);
        assert_string_equal(err.text + length - strlen("…"), "…");
        size_t whole = length - strlen("…");
        assert_true(((whole - shift) & 1) == 0 && memcmp(err.text, wide, whole) == 0);
    }
    assert_int_equal(dh_fail_context(&err, "%s", wide), DH_IO);
    assert_true(strlen(err.text) < sizeof err.text);
}

static void test_error_of_an_error(void **state)
{
    (void)state;
    struct dh_error err;
    dh_fail(&err, DH_CONFIG, "lr: too high");
    assert_int_equal(dh_fail(&err, DH_IO, "a.cfg: %s", err.text), DH_IO);
    assert_string_equal(err.text, "a.cfg: lr: too high");
    assert_int_equal(dh_fail_context(&err, "%s %d", "line", 3), DH_IO);
    assert_string_equal(err.text, "line 3: a.cfg: lr: too high");
    assert_int_equal(err.status, DH_IO);
    assert_int_equal(dh_fail(NULL, DH_COMM, "nobody listens"), DH_COMM);
    assert_int_equal(dh_fail_context(NULL, "nobody listens"), DH_INTERNAL);
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const int expected[][2] = {{DH_OK, 0},        {DH_EXHAUSTED, 0}, {DH_USAGE, 64},
                                      {DH_CONFIG, 78},   {DH_IO, 74},       {DH_CORRUPT, 74},
                                      {DH_INTERNAL, 70}, {DH_MISSING, 74}};
    for (size_t i = 0; i < DH_COUNT_OF(expected); i++)
        assert_int_equal(dh_status_exit_code(expected[i][0]), expected[i][1]);
}

static void test_copies(void **state)
{
    (void)state;
    assert_null(dh_strdup(NULL));
    char *text = dh_strprintf("%s-%d", "a", 7);
    char *copy = dh_strdup(text), *start = dh_strndup("abcdef", 3), *none = dh_memdup(NULL, 0);
    assert_string_equal(text, "a-7");
    assert_string_equal(copy, text);
    assert_string_equal(start, "abc");
    assert_non_null(none);
    free(text);
    free(copy);
    free(start);
    free(none);
    free(dh_realloc(dh_alloc(0, 0), 0));
}

static void test_growing_array(void **state)
{
    (void)state;
    struct entry {
        int number;
        void *zeroed;
    } *entries = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++) {
        struct entry *entry = DH_PUSH(entries, count, capacity);
        assert_int_equal(entry->number, 0);
        assert_null(entry->zeroed);
        entry->number = i;
    }
    assert_int_equal(count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(entries[i].number, i);
    free(entries);
}

static void test_map(void **state)
{
    (void)state;
    struct dh_map map = {0};
    uint64_t value = 1;
    assert_false(dh_map_get(&map, 0, &value));
    static const uint64_t odd_keys[] = {0, UINT64_MAX, 1, UINT64_C(1) << 63};
    for (size_t i = 0; i < DH_COUNT_OF(odd_keys); i++)
        dh_map_put(&map, odd_keys[i], i);
    dh_map_put(&map, 0, 99); /* overwrites */
    assert_int_equal(map.count, DH_COUNT_OF(odd_keys));
    assert_true(dh_map_get(&map, 0, &value) && value == 99);
    assert_true(dh_map_get(&map, UINT64_MAX, NULL));
    for (uint64_t key = 1000; key < 20000; key++)
        dh_map_put(&map, key << 32, key);
    for (uint64_t key = 1000; key < 20000; key++)
        assert_true(dh_map_get(&map, key << 32, &value) && value == key);
    assert_false(dh_map_get(&map, 999, &value));
    assert_true(dh_map_get(&map, UINT64_MAX, &value) && value == 1);
    dh_map_free(&map);
    assert_int_equal(map.count, 0);
    dh_map_free(&map);
}

/* While it grows: what was put is there, with the value put last. */
static void test_map_growth(void **state)
{
    (void)state;
    struct dh_map map = {0};
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    static uint64_t latest[30000];
    for (uint64_t key = 0; key < DH_COUNT_OF(latest); key++) {
        dh_map_put(&map, key, latest[key] = key);
        uint64_t again = dh_random_below(&random, key + 1), value;
        if (key % 3 == 0)
            dh_map_put(&map, again, latest[again] = key + UINT64_C(1000000));
        assert_int_equal(map.count, key + 1);
        again = dh_random_below(&random, key + 1);
        assert_true(dh_map_get(&map, again, &value) && value == latest[again]);
        assert_false(dh_map_get(&map, key + 1, NULL));
    }
    dh_map_free(&map);
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(dh_hash_mix(0) == UINT64_C(0xE220A8397B1DCDAF)); /* splitmix64's first, seed 0 */
    static const char zeros[32] = {0};
    for (size_t a = 0; a < sizeof zeros; a++)
        for (size_t b = 0; b < a; b++) /* the length counts */
            assert_true(dh_hash_bytes(1, zeros, a) != dh_hash_bytes(1, zeros, b));
    assert_true(dh_hash_bytes(1, "abc", 3) != dh_hash_bytes(2, "abc", 3));
    assert_true(dh_hash_bytes(1, "abc", 3) == dh_hash_bytes(1, "abcd", 3)); /* reads 3 bytes */
    assert_true(dh_hash_bytes(1, NULL, 0) == dh_hash_bytes(1, "", 0));
}

static double hands(void *context)
{
    return *(double *)context;
}

static void test_clock(void **state)
{
    (void)state;
    time_t time_of_day = time(NULL);
    double hand = 12.5;
    struct dh_clock turned = {.now = hands, .context = &hand};
    assert_true(dh_clock_now(&turned) == 12.5);
    double start = dh_clock_now(&dh_clock_monotonic);
    assert_true(dh_clock_now(&dh_clock_monotonic) >= start);
    assert_true(fabs(dh_wall_time() - (double)time_of_day) < 2);
}

/* Naps grow from nothing to `longest`; work resets them; a readable descriptor ends them. */
/* What the wall clock says at the end does not count. */
static void test_moments(void **state)
{
    (void)state;
    struct dh_moment now = dh_moment_now(), then = {.wall = 1e9, .monotonic = now.monotonic - 5};
    assert_true(fabs(now.wall - dh_wall_time()) < 60);
    double wall = dh_moment_wall_since(&then);
    assert_true(wall >= 1e9 + 5 && wall < 1e9 + 65);
}

static void test_naps(void **state)
{
    (void)state;
    struct dh_nap nap = {.longest = 30};
    double start = dh_clock_now(&dh_clock_monotonic);
    for (int i = 0; i < DH_NAP_SPINS; i++)
        dh_nap_wait(&nap, -1);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 5);
    nap.longest = 0.05;
    for (int i = 0; i < 14; i++) /* 10 µs doubled 13 times is over 50 ms */
        dh_nap_wait(&nap, -1);
    start = dh_clock_now(&dh_clock_monotonic);
    dh_nap_wait(&nap, -1);
    double slept = dh_clock_now(&dh_clock_monotonic) - start;
    assert_true(slept > 0.045 && slept < 5);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    nap.longest = 30;
    nap.idle_rounds = DH_NAP_SPINS + 40;
    start = dh_clock_now(&dh_clock_monotonic);
    dh_nap_wait(&nap, ends[0]);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 5);
    start = dh_clock_now(&dh_clock_monotonic);
    dh_nap_wait_until(&nap, -1, 0.01);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 5);
    dh_nap_reset(&nap);
    dh_nap_wait(&nap, -1);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < 5);
    close(ends[0]);
    close(ends[1]);
}

/* Whoever has waited for long sleeps longer, but never for more than a share of that. */
static void test_patient_naps(void **state)
{
    (void)state;
    struct dh_nap nap = {.longest = 1e-4, .patient = 4e-3};
    double longest = 0;
    while (longest < 4e-3) {
        double before = nap.rested;
        dh_nap_wait(&nap, -1);
        double slept = nap.rested - before;
        assert_true(slept <= fmax(nap.longest, DH_NAP_SHARE * before) + 1e-9);
        longest = fmax(longest, slept + 1e-9);
    }
    dh_nap_wait(&nap, -1);
    assert_true(nap.rested > 32 * 4e-3);
    dh_nap_reset(&nap);
    assert_true(nap.rested == 0 && nap.idle_rounds == 0);
}

static void test_log(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct dh_log log = {.stream = stream, .level = DH_LOG_INFO, .rank = 3};
    dh_log_debug(&log, "too detailed");
    dh_log_info(NULL, "nobody listens");
    dh_log_info(&(struct dh_log){.level = DH_LOG_DEBUG}, "nobody listens");
    assert_int_equal(size, 0);
    dh_log_warn(&log, "trial %d is late", 17);
    assert_non_null(strstr(text, "[3] warning: trial 17 is late\n"));
    struct tm when = {.tm_isdst = -1}; /* with the date: a search runs for days */
    assert_string_equal(strptime(text, "%Y-%m-%d %H:%M:%S", &when),
                        " [3] warning: trial 17 is late\n");
    assert_true(fabs(difftime(mktime(&when), time(NULL))) < 3600);
    log.rank = -1;
    dh_log_info(&log, "%s", "plain");
    assert_string_equal(strchr(text, '\n') + 1 + strlen("2026-01-01 00:00:00 "), "plain\n");
    dh_log_info(&log, "%s", "a\033[2J.h5\n\tb\rc");
    assert_non_null(strstr(text, " a[2J.h5\n\tbc\n"));
    fclose(stream);
    free(text);
}

/* Lines that nobody takes cost a second once, not for ever, and are counted. */
static void test_log_into_a_full_pipe(void **state)
{
    (void)state;
    int ends[2];
    char text[1 << 17] = "";
    assert_int_equal(pipe(ends), 0);
    int room = fcntl(ends[0], F_GETPIPE_SZ);
    assert_true(room > 0 && room < (int)sizeof text);
    for (int i = 0; i < room / 4096; i++)
        assert_int_equal(write(ends[1], text, 4096), 4096);
    FILE *stream = fdopen(ends[1], "w");
    struct dh_log_gap gap = {0};
    struct dh_log log = {.stream = stream, .level = DH_LOG_INFO, .rank = -1, .gap = &gap};
    double start = dh_clock_now(&dh_clock_monotonic);
    for (int i = 0; i < 100; i++)
        dh_log_info(&log, "line %d", i);
    double took = dh_clock_now(&dh_clock_monotonic) - start;
    assert_true(took > 0.9 && took < 30);
    assert_int_equal(gap.lines, 100);
    assert_int_equal(read(ends[0], text, sizeof text), room);
    dh_log_info(&log, "again");
    assert_int_equal(gap.lines, 0);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_string_equal(text + strlen("2026-01-01 00:00:00 "),
                        strstr(text, "warning: 100 lines of this log could not be written\n"));
    assert_string_equal(strchr(text, '\n') + 1 + strlen("2026-01-01 00:00:00 "), "again\n");
    close(ends[0]);
    fclose(stream);
}

/* What was written before it failed is counted. */
static void test_file_write(void **state)
{
    (void)state;
    static char bytes[1 << 20];
    int ends[2], full = open("/dev/full", O_WRONLY);
    size_t written = 1;
    assert_int_equal(dh_file_write(full, bytes, 10, &written), ENOSPC);
    assert_int_equal(written, 0);
    assert_int_equal(dh_file_write(full, bytes, 0, NULL), 0);
    close(full);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(dh_file_write(ends[1], bytes, sizeof bytes, &written), EAGAIN);
    assert_int_equal(written, fcntl(ends[0], F_GETPIPE_SZ));
    close(ends[0]);
    close(ends[1]);
}

static int open_terminal(int *keyboard)
{
    *keyboard = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*keyboard >= 0 && grantpt(*keyboard) == 0 && unlockpt(*keyboard) == 0);
    int terminal = open(ptsname(*keyboard), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    return terminal;
}

static int open_pipe(int *reader)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *reader = ends[0];
    return ends[1];
}

/* Filled in pieces that do not fit evenly: what takes some of one has still room. */
static void check_unread(int reader, int writer)
{
    char line[100];
    size_t total = 0, written = sizeof line;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    double start = dh_clock_now(&dh_clock_monotonic);
    for (; total < 1 << 20 && written == sizeof line; total += written)
        written = dh_streams_write(writer, line, sizeof line, 0.2, -1);
    assert_int_equal(errno, EAGAIN);
    double took = dh_clock_now(&dh_clock_monotonic) - start;
    assert_true(total > 0 && total < 1 << 20 && took > 0.15 && took < 30);
    assert_int_equal(fcntl(writer, F_GETFL) & O_NONBLOCK, 0);
    struct pollfd unread = {.fd = reader, .events = POLLIN};
    char text[1 << 12];
    while (poll(&unread, 1, 200) > 0)
        assert_true(read(reader, text, sizeof text) > 0);
    assert_int_equal(dh_streams_write(writer, line, sizeof line, 10, -1), sizeof line);
    close(writer);
    close(reader);
}

static void test_writing_where_nobody_reads(void **state)
{
    (void)state;
    int reader, writer = open_terminal(&reader);
    check_unread(reader, writer);
    writer = open_pipe(&reader);
    check_unread(reader, writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_text_too_long),
        cmocka_unit_test(test_error_of_an_error),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_growing_array),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_growth),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_naps),
        cmocka_unit_test(test_patient_naps),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_into_a_full_pipe),
        cmocka_unit_test(test_file_write),
        cmocka_unit_test(test_writing_where_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
