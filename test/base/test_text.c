/* Texts that people write and read: what is refused first. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/bits.h"
#include "dh_mpi/json.h"
#include "dh_mpi/path.h"
#include "dh_mpi/random.h"
#include "dh_mpi/text.h"

typedef bool parser(const char *text, double *value);

struct sample {
    const char *text;
    double value; /* NaN: refused */
};

static void expect_samples(parser *parse, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *exact = dh_strdup(samples[i].text); /* the sanitizer guards both of its ends */
        double value = -1;
        bool good = parse(exact, &value);
        if (good != !isnan(samples[i].value) || (good && value != samples[i].value))
            fail_msg("\"%s\" gave %d, %g instead of %g", exact, good, value, samples[i].value);
        free(exact);
    }
}

static void test_durations(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"", NAN},
        {" ", NAN},
        {"-5s", NAN},
        {"s", NAN},
        {".", NAN},
        {":", NAN},
        {"1:", NAN},
        {":10", NAN},
        {"1:2:3:4", NAN},
        {"1:60", NAN},
        {"01:60:00", NAN},
        {"1:-5", NAN},
        {"2-", NAN},
        {"2-10", NAN},
        {"2-10:00", NAN},
        {"-5-01:00:00", NAN},
        {" 2-00:00:00", NAN},
        {"12345-00:00:00", NAN},
        {"1e999", NAN},
        {"nan", NAN},
        {"inf", NAN},
        {"10 m", NAN},
        {"10y", NAN},
        {"1:00s", NAN},
        {"0", 0},
        {"90", 90},
        {"90s", 90},
        {"90S", 90},
        {".5s", .5},
        {"250ms", .25},
        {"10m", 600},
        {"10min", 600},
        {"1.5h", 5400},
        {"2d", 172800},
        {"10:00", 600},
        {"90:00", 5400},
        {"01:50:00", 6600},
        {"100:00:00", 360000},
        {"2-00:00:00", 172800},
        {"1-01:01:01", 90061},
    };
    expect_samples(dh_text_duration, samples, DH_COUNT_OF(samples));
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"", NAN},
        {"-1", NAN},
        {"G", NAN},
        {"1X", NAN},
        {"1GG", NAN},
        {"1 G", NAN},
        {"1000", 1000},
        {"1000B", 1000},
        {"512M", 512 * 0x1p20},
        {"2g", 2 * 0x1p30},
        {"2GB", 0x1p31},
        {"1.5GiB", 1.5 * 0x1p30},
        {"4KiB", 4 * 0x1p10},
        {"1T", 0x1p40},
    };
    expect_samples(dh_text_bytes, samples, DH_COUNT_OF(samples));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"", NAN},      {" 1", NAN},    {"1 ", NAN},       {"1x", NAN},         {"nanx", NAN},
        {"nano", NAN},  {"1,5", NAN},   {"--1", NAN},      {"x", NAN},          {"0", 0},
        {"-1.5", -1.5}, {"1e-3", .001}, {"inf", INFINITY}, {"-inf", -INFINITY}, {"+2", 2},
    };
    expect_samples(dh_text_number, samples, DH_COUNT_OF(samples));
    double value = 0;
    assert_true(dh_text_number("nan", &value) && isnan(value));
}

/* What a writer gives for one value. */
static void expect_number(void (*put)(struct dh_buffer *, double), double value, const char *text)
{
    struct dh_buffer out = {0};
    put(&out, value);
    assert_string_equal(out.data, text);
    dh_buffer_free(&out);
}

static void test_written_durations(void **state)
{
    (void)state;
    expect_number(dh_text_put_duration, NAN, "?");
    expect_number(dh_text_put_duration, INFINITY, "?");
    expect_number(dh_text_put_duration, 1e300, "?");
    expect_number(dh_text_put_duration, -3, "0:00");
    expect_number(dh_text_put_duration, 0, "0:00");
    expect_number(dh_text_put_duration, 59.4, "0:59");
    expect_number(dh_text_put_duration, 59.6, "1:00");
    expect_number(dh_text_put_duration, 95, "1:35");
    expect_number(dh_text_put_duration, 3599.9, "1:00:00");
    expect_number(dh_text_put_duration, 7325, "2:02:05");
    expect_number(dh_text_put_duration, 90061, "1-01:01:01");
}

static void test_written_numbers(void **state)
{
    (void)state;
    expect_number(dh_text_put_number, NAN, "nan");
    expect_number(dh_text_put_number, -INFINITY, "-inf");
    expect_number(dh_text_put_json_number, NAN, "null");
    expect_number(dh_text_put_json_number, INFINITY, "null");
    expect_number(dh_text_put_number, 0.1, "0.1");
    expect_number(dh_text_put_number, 64, "64");
    expect_number(dh_text_put_number, 1e-3, "0.001");
    expect_number(dh_text_put_number, 1.0 / 3, "0.3333333333333333");
    expect_number(dh_text_put_real, 64, "64.0");
    expect_number(dh_text_put_real, -0.5, "-0.5");
    expect_number(dh_text_put_real, 1e300, "1e+300");
    expect_number(dh_text_put_real, NAN, "nan");
    struct dh_random random = dh_random_at(8, DH_STREAM_TEST, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = dh_random_u64(&random);
        double value = dh_bits_number(bits), back;
        if (!isfinite(value))
            continue;
        struct dh_buffer out = {0};
        dh_text_put_number(&out, value);
        assert_true(dh_text_number(out.data, &back) && back == value);
        dh_buffer_free(&out);
    }
}

/* What was read comes back: kinds of numbers, digits, order, escapes. */
static void test_json_values(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"loss\":0.1,\"one\":1.0,\"int\":1,\"big\":1e+300,\"list\":[0.3,[],{\"a\":-2.5}]}",
        "{\"z\":null,\"a\":[true,false],\"\\n\":\"\\u0001\\\"ü\",\"\":9007199254740993}", "[]",
        "\"text\"", "0.30000000000000004"};
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        json_t *value = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        struct dh_buffer out = {0};
        assert_non_null(value);
        dh_json_put(&out, value);
        assert_string_equal(out.data, texts[i]);
        dh_buffer_free(&out);
        json_decref(value);
    }
}

static void test_json(void **state)
{
    (void)state;
    static const char *const samples[][2] = {
        {NULL, "null"},
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"line\nnext\ttab\x01", "\"line\\nnext\\u0009tab\\u0001\""},
        {"é € 𝄞", "\"é € 𝄞\""},
        {"\xff", "\"\\ufffd\""},
        {"a\xc3", "\"a\\ufffd\""},                                /* cut in a character */
        {"\xe2\x82", "\"\\ufffd\\ufffd\""},                       /* cut in a character */
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       /* overlong "/" */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* over U+10FFFF */
    };
    for (size_t i = 0; i < DH_COUNT_OF(samples); i++) {
        char *exact = dh_strdup(samples[i][0]);
        struct dh_buffer out = {0};
        dh_text_put_json(&out, exact);
        assert_string_equal(out.data, samples[i][1]);
        dh_buffer_free(&out);
        free(exact);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"max_evaluations", "max_time", "target",
                                        "patience",        "seed",     "lr"};
    static const struct {
        const char *word;
        int nearest;
    } samples[] = {
        {"", -1},         {"x", -1},
        {"zzzzzzzz", -1}, {"completely_different", -1},
        {"targte", 2},    {"max_tim", 1},
        {"Seed", 4},      {"sed", 4},
        {"lt", 5},        {"max_evalutions", 0},
        {"patienec", 3},  {"target", 2},
    };
    for (size_t i = 0; i < DH_COUNT_OF(samples); i++)
        if (dh_text_nearest(samples[i].word, names, DH_COUNT_OF(names)) != samples[i].nearest)
            fail_msg("\"%s\" gave %d", samples[i].word,
                     dh_text_nearest(samples[i].word, names, DH_COUNT_OF(names)));
    char endless[300];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(dh_text_nearest(endless, names, DH_COUNT_OF(names)), -1);
    const char *long_name = endless;
    assert_int_equal(dh_text_nearest("aaaa", &long_name, 1), -1);
    assert_int_equal(dh_text_nearest("lr", NULL, 0), -1);
}

static void test_path(void **state)
{
    (void)state;
    static const char *const samples[][3] = {
        {"", ".", ""},           {"a.h5", ".", "a.h5"},   {"/a.h5", "/", "a.h5"},
        {"b/a.h5", "b", "a.h5"}, {"/c/b/a", "/c/b", "a"}, {"b//a", "b/", "a"},
        {"b/", "b", ""},
    };
    for (size_t i = 0; i < DH_COUNT_OF(samples); i++) {
        char *folder = dh_path_folder(samples[i][0]);
        assert_string_equal(folder, samples[i][1]);
        assert_string_equal(dh_path_name(samples[i][0]), samples[i][2]);
        free(folder);
    }
}

static void test_json_members(void **state)
{
    (void)state;
    struct dh_buffer out = {0};
    dh_text_put_json_text_member(&out, "a", NULL);
    dh_text_put_json_text_member(&out, "b", "\"");
    dh_text_put_json_number_member(&out, "c", NAN);
    dh_text_put_json_number_member(&out, "d", 0.5);
    assert_string_equal(out.data, ", \"a\": null, \"b\": \"\\\"\", \"c\": null, \"d\": 0.5");
    dh_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_written_durations),
        cmocka_unit_test(test_written_numbers),
        cmocka_unit_test(test_json_values),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_json_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
