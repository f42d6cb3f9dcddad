/* Lines, tails and values, without processes: streams cut anywhere, lines too long, bad bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/eval/output.h"
#include "../../src/eval/value.h"
#include "dh_mpi/alloc.h"

static void collect(void *context, const char *line, size_t size)
{
    struct dh_buffer *out = context;
    dh_buffer_append(out, line, size);
    dh_buffer_text(out, "|");
}

/* Whatever pieces the text comes in, these are its lines. */
static void expect_lines(const char *text, size_t size, const char *expected)
{
    for (size_t piece = 1; piece <= size; piece++) {
        struct eval_lines lines = {0};
        struct dh_buffer out = {0};
        for (size_t at = 0; at < size; at += piece)
            eval_lines_feed(&lines, text + at, size - at < piece ? size - at : piece, collect,
                            &out);
        eval_lines_end(&lines, collect, &out);
        assert_string_equal(out.data, expected);
        dh_buffer_free(&out);
    }
}

static void lines_do_not_depend_on_pieces(void **state)
{
    (void)state;
    static const char text[] = "x\nDH-A\n  \tDH-B b\nno DH-C\n\nDH-\0D\nDH-last";
    expect_lines(text, sizeof text - 1, "DH-A|DH-B b|DH-|DH-last|");
}

static void carriage_returns_end_lines_but_not_json(void **state)
{
    (void)state;
    static const char text[] = "1%\r99%\rDH-A: 1\r100%\r\n\xEF\xBB\xBF DH-B: 2\r\n"
                               "\r\r DH-C: {\"a\": \"x\ry\"}\r\nx\rDH-D: \"a\r\rb\"\nDH-E\r";
    expect_lines(text, sizeof text - 1,
                 "DH-A: 1|DH-B: 2|DH-C: {\"a\": \"x\ry\"}\r|DH-D: \"a\r\rb\"|DH-E|");
}

/* Nor does a progress bar make a line that is too long. */
static void a_long_progress_bar_hides_nothing(void **state)
{
    (void)state;
    static const char bar[] = "\r 50% [==========          ]";
    struct eval_lines lines = {0};
    struct dh_buffer out = {0};
    for (size_t fed = 0; fed < 2 * EVAL_LINE_LIMIT; fed += sizeof bar - 1)
        eval_lines_feed(&lines, bar, sizeof bar - 1, collect, &out);
    eval_lines_feed(&lines, "\rDH-OUTPUT: 1\n", 14, collect, &out);
    assert_string_equal(out.data, "DH-OUTPUT: 1|");
    dh_buffer_free(&out);
}

static void long_lines_are_skipped_whole(void **state)
{
    (void)state;
    struct eval_lines lines = {0};
    struct dh_buffer out = {0};
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    eval_lines_feed(&lines, "LONG", 4, collect, &out);
    for (size_t fed = 0; fed < 3u << 20; fed += sizeof piece) {
        eval_lines_feed(&lines, piece, sizeof piece, collect, &out);
        assert_true(lines.partial.capacity < 3u << 20);
    }
    eval_lines_feed(&lines, "DH-INSIDE\nDH-NEXT\n", 18, collect, &out);
    assert_string_equal(out.data, "DH-NEXT|");
    assert_false(lines.marked_skipped);
    eval_lines_end(&lines, collect, &out);
    dh_buffer_free(&out);
}

/* Metadata may be large; what is larger still is known to have been left out. */
static void marked_lines_have_room(void **state)
{
    (void)state;
    struct eval_lines lines = {0};
    struct dh_buffer out = {0};
    char piece[65536];
    memset(piece, 'x', sizeof piece);
    eval_lines_feed(&lines, "DH-LONG", 7, collect, &out);
    for (size_t fed = 0; fed < 3u << 20; fed += sizeof piece)
        eval_lines_feed(&lines, piece, sizeof piece, collect, &out);
    eval_lines_feed(&lines, "\nDH-", 4, collect, &out);
    assert_int_equal(out.size, 7 + (3u << 20) + 1);
    assert_false(lines.marked_skipped);
    for (size_t fed = 0; fed < EVAL_MARKED_LIMIT; fed += sizeof piece)
        eval_lines_feed(&lines, piece, sizeof piece, collect, &out);
    assert_true(lines.marked_skipped);
    assert_int_equal(lines.partial.capacity, 0);
    eval_lines_feed(&lines, "x\nDH-NEXT\n", 10, collect, &out);
    assert_int_equal(out.size, 7 + (3u << 20) + 1 + 8);
    eval_lines_end(&lines, collect, &out);
    dh_buffer_free(&out);
}

static void feed_tail(struct eval_tail *tail, const char *data, size_t size, size_t piece)
{
    *tail = (struct eval_tail){0};
    for (size_t at = 0; at < size; at += piece)
        eval_tail_feed(tail, data + at, size - at < piece ? size - at : piece);
}

static void of_much_the_beginning_and_the_end_are_kept(void **state)
{
    (void)state;
    static struct eval_tail tail;
    assert_null(eval_tail_text(&tail));
    for (size_t piece = 1; piece < 10000; piece = piece * 3 + 1) {
        struct dh_buffer all = {0};
        for (int i = 0; i < 3000; i++)
            dh_buffer_printf(&all, "line %d\n", i);
        feed_tail(&tail, all.data, all.size, piece);
        char *text = eval_tail_text(&tail), *note = strchr(text, '[');
        size_t first = (size_t)(note - text), size = strlen(text);
        char *last = strchr(note, '\n') + 1;
        size_t left = all.size - first - strlen(last);
        assert_true(size > EVAL_TAIL_LIMIT - 60 && size <= EVAL_TAIL_LIMIT);
        assert_true(first > EVAL_TAIL_FIRST - 20 && first <= EVAL_TAIL_FIRST);
        assert_memory_equal(text, all.data, first);
        assert_true(note[-1] == '\n');
        char *expected = dh_strprintf("[%zu bytes left out]\n", left);
        assert_memory_equal(note, expected, strlen(expected));
        assert_string_equal(last, all.data + all.size - strlen(last));
        assert_memory_equal(last, "line ", 5);
        free(expected);
        free(text);
        static const size_t sizes[] = {1, 1023, 1024, 1025, 4095, 4096}; /* all of it */
        for (size_t i = 0; i < DH_COUNT_OF(sizes); i++) {
            feed_tail(&tail, all.data, sizes[i], piece);
            text = eval_tail_text(&tail);
            assert_int_equal(strlen(text), sizes[i]);
            assert_memory_equal(text, all.data, sizes[i]);
            free(text);
        }
        dh_buffer_free(&all);
    }
}

/* One line that is all: no letter is cut in two. */
static void a_long_line_is_cut_between_letters(void **state)
{
    (void)state;
    static struct eval_tail tail;
    struct dh_buffer all = {0};
    dh_buffer_text(&all, "x");
    while (all.size < 9000)
        dh_buffer_text(&all, "\xE2\x82\xAC");
    feed_tail(&tail, all.data, all.size, 1000);
    char *text = eval_tail_text(&tail);
    assert_memory_equal(text, all.data, 1024);
    assert_memory_equal(text + 1024, "\n[", 2);
    free(text);
    dh_buffer_text(&all, "\nend\n");
    feed_tail(&tail, all.data + 1, all.size - 1, 1000);
    text = eval_tail_text(&tail);
    assert_memory_equal(text, all.data + 1, 1023);
    assert_memory_equal(text + 1023, "\n[", 2);
    assert_string_equal(strchr(text, ']'), "]\nend\n");
    free(text);
    dh_buffer_free(&all);
}

static void bytes_become_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\xC3", "\xEF\xBF\xBD"},
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xE2\x82z", "\xEF\xBF\xBD\xEF\xBF\xBDz"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dh_buffer out = {0};
        eval_value_put_utf8(&out, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(out.data, cases[i].text);
        dh_buffer_free(&out);
    }
}

static void values_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum dh_trial_status status;
        double first, second;
        const char *reason;
    } cases[] = {
        {" 1.5 2e3 ", DH_TRIAL_SUCCEEDED, 1.5, 2000, NULL},
        {"-1,+2\r", DH_TRIAL_SUCCEEDED, -1, 2, NULL},
        {"[1, 2]", DH_TRIAL_SUCCEEDED, 1, 2, NULL},
        {"{\"objective\": [1, 2.5]}", DH_TRIAL_SUCCEEDED, 1, 2.5, NULL},
        {"[1, NaN]", DH_TRIAL_FAILED, NAN, NAN, "objective 1 is nan"},
        {"[1, -nan]", DH_TRIAL_FAILED, NAN, NAN, "objective 1 is nan"},
        {"[-Infinity, 1]", DH_TRIAL_FAILED, NAN, NAN, "objective 0 is -inf"},
        {"{\"objective\": [1, inf]}", DH_TRIAL_FAILED, NAN, NAN, "objective 1 is inf"},
        {"[1.5D1, 2d-1]", DH_TRIAL_SUCCEEDED, 15, 0.2, NULL},
        {"[1, \"F_x\"]", DH_TRIAL_FAILED, NAN, NAN, "F_x"},
        {"[1, [2]]", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT: the objective is not a number: [2]"},
        {"[]", DH_TRIAL_FAILED, NAN, NAN, "0 values for 2 objectives"},
        {"[18446744073709551615, -1e400]", DH_TRIAL_FAILED, NAN, NAN, "objective 1 is -inf"},
        {"{\"objective\": [18446744073709551616, -1]}", DH_TRIAL_SUCCEEDED, 0x1p64, -1, NULL},
        {"[\"7\", 1]", DH_TRIAL_FAILED, NAN, NAN,
         "DH-OUTPUT: the objective is not a number: \"7\""},
        {"{\"objective\": [\"1e30\", 1]}", DH_TRIAL_FAILED, NAN, NAN,
         "DH-OUTPUT: the objective is not a number: \"1e30\""},
        {"[1, \"18446744073709551616\"]", DH_TRIAL_FAILED, NAN, NAN,
         "DH-OUTPUT: the objective is not a number: \"18446744073709551616\""},
        {"[\"1e999\", 1]", DH_TRIAL_FAILED, NAN, NAN,
         "DH-OUTPUT: the objective is not a number: \"1e999\""},
        {"[1e30, -18446744073709551616]", DH_TRIAL_SUCCEEDED, 1e30, -0x1p64, NULL},
        {"{\"a\": {\"b\": 1}, \"objective\" : [1, 9223372036854775808]}", DH_TRIAL_SUCCEEDED, 1,
         0x1p63, NULL},
        {"[\"inf\", 1]", DH_TRIAL_FAILED, NAN, NAN, "objective 0 is inf"}, /* as Python's */
        {"[\"F_a\\u0000-b\", 1]", DH_TRIAL_FAILED, NAN, NAN, "F_a\xEF\xBF\xBD-b"},
        {"\"F_caf\xE9\"", DH_TRIAL_FAILED, NAN, NAN, "F_caf\xEF\xBF\xBD"},
        {"1 2 3", DH_TRIAL_FAILED, NAN, NAN, "3 values for 2 objectives"},
        {"0,5 1,25", DH_TRIAL_FAILED, NAN, NAN,
         "4 values for 2 objectives: \"0,5 1,25\" (decimal commas? numbers have a point)"},
        {"0,5 1 2", DH_TRIAL_FAILED, NAN, NAN, "4 values for 2 objectives"},
        {"0,5, 1,25", DH_TRIAL_FAILED, NAN, NAN, "4 values for 2 objectives"},
        {"1 two", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"1 two\""},
        {"1.0D-3, 1.d+02", DH_TRIAL_SUCCEEDED, 1e-3, 100, NULL}, /* Fortran's doubles */
        {"-2d0 0x1d3", DH_TRIAL_SUCCEEDED, -2, 0x1d3, NULL},
        {"1.5-101 1", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"1.5-101 1\""},
        {"1.0D-3D 1", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"1.0D-3D 1\""},
        {"1d 1", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"1d 1\""},
        {"D3 1", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"D3 1\""},
        {"0x", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"0x\""},
        {"[.5, -1.]", DH_TRIAL_SUCCEEDED, 0.5, -1, NULL},
        {"{\"objective\":[+1.0,+.5D1]}", DH_TRIAL_SUCCEEDED, 1, 5, NULL},
        {"[1.D0, -.25E+01]", DH_TRIAL_SUCCEEDED, 1, -2.5, NULL},
        {"[+18446744073709551616, +3]", DH_TRIAL_SUCCEEDED, 0x1p64, 3, NULL},
        {".5 +1.D0", DH_TRIAL_SUCCEEDED, 0.5, 1, NULL},
        {"\xFF", DH_TRIAL_FAILED, NAN, NAN, "DH-OUTPUT is not a number: \"\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dh_outcome outcome = {0};
        eval_value_text(&outcome, 2, 1e6, cases[i].text, strlen(cases[i].text));
        assert_int_equal(outcome.status, cases[i].status);
        if (cases[i].reason) {
            assert_string_equal(outcome.reason, cases[i].reason);
            assert_true(isnan(outcome.objectives[0]) && isnan(outcome.objectives[1]));
        } else {
            assert_true(outcome.objectives[0] == cases[i].first);
            assert_true(outcome.objectives[1] == cases[i].second);
        }
        dh_outcome_free(&outcome);
    }
}

static void broken_json_is_said(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"objective\": 1",
        "[1,]",
        "{\"a\": 1, \"a\": 2}",
        "\"open",
        "{\"objective\": 1} x",
        "{\"objective\": 1, \"metadata\": {\"a\": 1, \"a\": 2}, \"objective\": 2}",
        "{\"objective\": 1, \"metadata\": {\"a\": }}",
        "{\"objective\": 1, \"metadata\": {\"a\": 1e999.5}}",
        "{\"objective\": 1, \"metadata\": {\"a\": 099999999999999999999}}",
        "{\"objective\": 1, \"metadata\": {\"a\": -}}",
        "{\"objective\": 1.5-101}",
        "{\"objective\": 1+2}",
        "{\"objective\": 1.+2}",
        "{\"objective\": 1..5}",
        "{\"objective\": 1.5.5}",
        "{\"objective\": +-1}",
        "{\"objective\": ++1}",
        "{\"objective\": .}",
        "{\"objective\": +}",
        "{\"objective\": .D0}",
        "{\"objective\": 1.D}",
        "{\"objective\": 01.5}",
        "{\"objective\": \"\".5}",
        "{\"objective\": 1 .5}",
        "{\"objective\": 1, \"metadata\": {\"a\": \"\\x\"}}",
        "{\"objective\": 1, \"metadata\": {\"a\": \"\\u12\"}}",
        "{\"objective\": 1, \"metadata\": {\"a\": \"b\\",
        "{\"objective\": 1, \"metadata\": {\xE9: 1}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct dh_outcome outcome = {0};
        eval_value_text(&outcome, 1, 1e6, texts[i], strlen(texts[i]));
        assert_int_equal(outcome.status, DH_TRIAL_FAILED);
        assert_memory_equal(outcome.reason, "DH-OUTPUT is not valid JSON: ", 29);
        dh_outcome_free(&outcome);
    }
}

/* What cannot be kept of the metadata as it is costs neither the objective nor the rest. */
static void metadata_never_costs_the_objective(void **state)
{
    (void)state;
    static const struct {
        const char *json, *kept;
    } cases[] = {
        {"{\"a\": 18446744073709551615, \"b\": 9223372036854775807}",
         "{\"a\":\"18446744073709551615\",\"b\":9223372036854775807}"},
        {"{\"a\": -9223372036854775809, \"b\": -9223372036854775808}",
         "{\"a\":\"-9223372036854775809\",\"b\":-9223372036854775808}"},
        {"{\"a\": [1e999, -1E+999, 1.5], \"b\": -Infinity}",
         "{\"a\":[\"1e999\",\"-1E+999\",1.5],\"b\":null}"},
        {"{\"a\": [nan, -nan, inf, -inf,+Inf], \"b\":NAN, \"nan\": 1.5D-3, \"c\": "
         "[-2d2,1E2,1D999]}",
         "{\"a\":[null,null,null,null,null],\"b\":null,\"nan\":0.0015,\"c\":[-200.0,100.0,"
         "\"1e999\"]}"},
        {"{\"a\": \"x\\u0000y\", \"k\\u0000\" : 1}", "{\"a\":\"x\\u0000y\",\"k\\\\u0000\":1}"},
        {"{\"caf\xE9\": \"caf\xE9 \xC3\xA9\"}", "{\"caf\\\\xe9\":\"caf\xEF\xBF\xBD \xC3\xA9\"}"},
        {"{\"caf\xE9\": 1, \"caf\xE8\" : 2, \"n\": {\"\xE9\xC3\xA9\": 3, \"\xE8\xC3\xA9\": 4}}",
         "{\"caf\\\\xe9\":1,\"caf\\\\xe8\":2,\"n\":{\"\\\\xe9\xC3\xA9\":3,\"\\\\xe8\xC3\xA9\":4}}"},
        {"{\"a\": \"\\ud83d\", \"b\": \"\\udce9\\\"\", \"c\": \"\\ud83d\\ude00\\ud83dx\"}",
         "{\"a\":\"\\\\ud83d\",\"b\":\"\\\\udce9\\\"\",\"c\":\"\xF0\x9F\x98\x80\\\\ud83dx\"}"},
        {"{\"a\": \"tab\there\"}", "{\"a\":\"tab\\there\"}"},
        {"{\"a\": 1, \"b\": {\"a\": 2, \"a\": 3}, \"a\": 4}", "{\"a\":4,\"b\":{\"a\":3}}"},
        {"{\"a\": \"NaN, -1e999 \\\" [{\"}", "{\"a\":\"NaN, -1e999 \\\" [{\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        int length =
            snprintf(line, sizeof line, "{\"objective\": 5, \"metadata\": %s}", cases[i].json);
        struct dh_outcome outcome = {0};
        eval_value_text(&outcome, 1, 1e6, line, (size_t)length);
        if (outcome.status != DH_TRIAL_SUCCEEDED)
            fail_msg("%s: %s", line, outcome.reason);
        assert_true(outcome.objectives[0] == 5);
        assert_string_equal(outcome.metadata, cases[i].kept);
        dh_outcome_free(&outcome);
    }
}

static void metadata_of_a_plugin_is_mended_too(void **state)
{
    (void)state;
    double value = 5;
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_memdup(&value, sizeof value),
                                 .metadata = dh_strdup("{\"hash\": 18446744073709551615}")};
    eval_value_trust(&outcome, 1, 1e6);
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    assert_string_equal(outcome.metadata, "{\"hash\":\"18446744073709551615\"}");
    dh_outcome_free(&outcome);
}

/* Only the objective of a result is a number beyond 64 bits, not what is called so elsewhere. */
static void an_objective_in_metadata_keeps_its_digits(void **state)
{
    (void)state;
    static const char metadata[] = "{\"objective\": 18446744073709551615}";
    static const char kept[] = "{\"objective\":\"18446744073709551615\"}";
    double value = 5;
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_memdup(&value, sizeof value),
                                 .metadata = dh_strdup(metadata)};
    eval_value_trust(&outcome, 1, 1e6);
    assert_string_equal(outcome.metadata, kept);
    dh_outcome_free(&outcome);
    char *line = dh_strprintf("{\"objective\": 18446744073709551616, \"metadata\": %s}", metadata);
    outcome = (struct dh_outcome){0};
    eval_value_text(&outcome, 1, 1e6, line, strlen(line));
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    assert_true(outcome.objectives[0] == 0x1p64);
    assert_string_equal(outcome.metadata, kept);
    dh_outcome_free(&outcome);
    free(line);
}

/* Names that only differ in bytes that are no UTF-8 are two names, in the outermost object too. */
static void names_in_another_encoding_stay_apart(void **state)
{
    (void)state;
    double value = 5;
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_memdup(&value, sizeof value),
                                 .metadata = dh_strdup("{\"caf\xE9\": 1, \"caf\xE8\": 2}")};
    eval_value_trust(&outcome, 1, 1e6);
    assert_string_equal(outcome.metadata, "{\"caf\\\\xe9\":1,\"caf\\\\xe8\":2}");
    dh_outcome_free(&outcome);
    static const char line[] = "{\"\xE9\": 1, \"objective\": 5, \"\xE8\": 2}";
    outcome = (struct dh_outcome){0};
    eval_value_text(&outcome, 1, 1e6, line, sizeof line - 1);
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    assert_string_equal(outcome.metadata, "{\"\\\\xe9\":1,\"\\\\xe8\":2}");
    dh_outcome_free(&outcome);
}

static void deep_metadata_is_dropped_and_said(void **state)
{
    (void)state;
    enum { DEPTH = 3000 };
    struct dh_buffer line = {0};
    dh_buffer_text(&line, "{\"objective\": 5, \"metadata\": {\"a\": 1, \"deep\": ");
    for (int i = 0; i < DEPTH; i++)
        dh_buffer_text(&line, i % 2 ? "{\"]\":" : "[");
    dh_buffer_text(&line, "0");
    for (int i = DEPTH; i-- > 0;)
        dh_buffer_text(&line, i % 2 ? "}" : "]");
    struct dh_outcome outcome = {0};
    eval_value_text(&outcome, 1, 1e6, line.data, line.size); /* not closed */
    assert_int_equal(outcome.status, DH_TRIAL_FAILED);
    dh_outcome_free(&outcome);
    dh_buffer_text(&line, ", \"b\": 2}}");
    outcome = (struct dh_outcome){0};
    eval_value_text(&outcome, 1, 1e6, line.data, line.size);
    assert_int_equal(outcome.status, DH_TRIAL_SUCCEEDED);
    assert_true(outcome.objectives[0] == 5);
    assert_non_null(strstr(outcome.metadata, "\"dropped: nested deeper than 500 levels\""));
    assert_memory_equal(outcome.metadata, "{\"a\":1,\"deep\":[{", 16);
    assert_non_null(strstr(outcome.metadata, "],\"b\":2}"));
    dh_outcome_free(&outcome);
    dh_buffer_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_do_not_depend_on_pieces),
        cmocka_unit_test(carriage_returns_end_lines_but_not_json),
        cmocka_unit_test(a_long_progress_bar_hides_nothing),
        cmocka_unit_test(long_lines_are_skipped_whole),
        cmocka_unit_test(marked_lines_have_room),
        cmocka_unit_test(of_much_the_beginning_and_the_end_are_kept),
        cmocka_unit_test(a_long_line_is_cut_between_letters),
        cmocka_unit_test(bytes_become_utf8),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(broken_json_is_said),
        cmocka_unit_test(metadata_never_costs_the_objective),
        cmocka_unit_test(metadata_of_a_plugin_is_mended_too),
        cmocka_unit_test(an_objective_in_metadata_keeps_its_digits),
        cmocka_unit_test(names_in_another_encoding_stay_apart),
        cmocka_unit_test(deep_metadata_is_dropped_and_said),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
