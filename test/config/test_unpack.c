/* Tables of options: every type, every complaint, several at once. */
#include "fixture.h"

struct target {
    bool flag;
    int64_t count;
    int64_t any;
    double rate;
    double least;
    const char *text;
    int method;
    double time;
    double memory;
    const struct dh_node *node;
};

static const char *const methods[] = {"random", "sobol", "grid", NULL};

#define FIELD(name) offsetof(struct target, name)
static const struct dh_option options[] = {
    {"flag", DH_OPTION_BOOL, FIELD(flag), false, 1, 0, 0, NULL, ""},
    {"count", DH_OPTION_INT, FIELD(count), false, 3, 1, 64, NULL, ""},
    {"any", DH_OPTION_INT, FIELD(any), false, -7, 0, 0, NULL, ""},
    {"rate", DH_OPTION_REAL, FIELD(rate), false, NAN, -INFINITY, 1.5, NULL, ""},
    {"least", DH_OPTION_REAL, FIELD(least), false, 2, 2, INFINITY, NULL, ""},
    {"text", DH_OPTION_TEXT, FIELD(text), false, 0, 0, 0, NULL, ""},
    {"method", DH_OPTION_CHOICE, FIELD(method), false, 1, 0, 0, methods, ""},
    {"time", DH_OPTION_DURATION, FIELD(time), false, 60, 1, INFINITY, NULL, ""},
    {"memory", DH_OPTION_BYTES, FIELD(memory), false, 1024, 0, 0, NULL, ""},
    {"node", DH_OPTION_NODE, FIELD(node), false, 0, 0, 0, NULL, ""},
};
static const struct dh_option needed[] = {
    {"name", DH_OPTION_TEXT, FIELD(text), true, 0, 0, 0, NULL, ""},
    {"kind", DH_OPTION_TEXT, FIELD(text), true, 0, 0, 0, NULL, ""},
};

static dh_status unpack(const char *text, struct target *out, struct dh_config **config,
                        struct dh_error *err)
{
    *config = parsed(text);
    memset(out, 0xA5, sizeof *out);
    return dh_config_unpack(dh_config_root(*config), "thing", options, DH_COUNT_OF(options), out,
                            err);
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"flag = 1;", "t.cfg:1: thing: flag: expected true or false, found integer"},
        {"count = 0;", "t.cfg:1: thing: count must be between 1 and 64 (found 0)"},
        {"count = 65;", "t.cfg:1: thing: count must be between 1 and 64 (found 65)"},
        {"count = 1e6;", "t.cfg:1: thing: count must be between 1 and 64 (found 1000000)"},
        {"count = 1.5;", "t.cfg:1: thing: count: expected an integer, found 1.5"},
        {"count = 1e300;", "t.cfg:1: thing: count: expected an integer, found 1e+300"},
        {"count = \"3\";", "t.cfg:1: thing: count: expected an integer, found text"},
        {"count = true;", "t.cfg:1: thing: count: expected an integer, found boolean"},
        {"rate = \"x\";", "t.cfg:1: thing: rate: expected a number, found text"},
        {"rate = true;", "t.cfg:1: thing: rate: expected a number, found boolean"},
        {"rate = 2;", "t.cfg:1: thing: rate must be at most 1.5 (found 2)"},
        {"least = 1;", "t.cfg:1: thing: least must be at least 2 (found 1)"},
        {"text = 3;", "t.cfg:1: thing: text: expected text, found integer"},
        {"text = (1);", "t.cfg:1: thing: text: expected text, found list"},
        {"method = \"sobel\";", "t.cfg:1: thing: method is 'sobel', but must be one of random, "
                                "sobol or grid; did you mean 'sobol'?"},
        {"method = \"qqqqqq\";",
         "thing: method is 'qqqqqq', but must be one of random, sobol or grid"},
        {"method = 1;", "t.cfg:1: thing: method: expected text, found integer"},
        {"time = \"soon\";", "thing: time: expected a duration such as \"90s\" or \"01:50:00\", "
                             "found 'soon'"},
        {"time = true;", "thing: time: expected a duration such as"},
        {"time = -3;", "thing: time must be at least 1 (found -3)"},
        {"time = \"500ms\";", "thing: time must be at least 1 (found '500ms')"},
        {"memory = \"2X\";",
         "thing: memory: expected a size such as \"512M\" or \"2G\", found '2X'"},
        {"memory = -1;", "thing: memory must not be negative (found -1)"},
        {"flg = true;", "t.cfg:1: thing: unknown setting 'flg'; did you mean 'flag'?"},
        {"qqqqqqqqqqq = true;", "thing: unknown setting 'qqqqqqqqqqq'; known are flag, count, any, "
                                "rate, least, text, method, time, memory, node"},
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct target target;
        struct dh_config *config;
        struct dh_error err = {0};
        if (unpack(cases[i][0], &target, &config, &err) != DH_CONFIG)
            fail_msg("%s: accepted", cases[i][0]);
        check_text(cases[i][0], err.text, cases[i][1]);
        assert_null(strchr(err.text, '\n'));
        assert_int_equal(dh_config_unpack(dh_config_root(config), "thing", options,
                                          DH_COUNT_OF(options), &target, NULL),
                         DH_CONFIG);
        dh_config_destroy(&config);
    }
}

static void test_several(void **state)
{
    struct target target;
    struct dh_config *config;
    struct dh_error err = {0};
    (void)state;
    assert_int_equal(unpack("time = \"x\";\nflag = 1;\nflg = 2;\ncount = 3;\nleast = 0;\n", &target,
                            &config, &err),
                     DH_CONFIG);
    assert_string_equal(err.text, "t.cfg:1: thing: time: expected a duration such as \"90s\" or "
                                  "\"01:50:00\", found 'x'\n"
                                  "t.cfg:2: thing: flag: expected true or false, found integer\n"
                                  "t.cfg:3: thing: unknown setting 'flg'; did you mean 'flag'?\n"
                                  "t.cfg:5: thing: least must be at least 2 (found 0)");
    dh_config_destroy(&config);
}

static void test_missing(void **state)
{
    struct target target;
    struct dh_error err = {0};
    struct dh_config *config = parsed("\nentry = { nme = \"x\"; };\nother = 3;\nnone = { };");
    const struct dh_node *root = dh_config_root(config);
    (void)state;
    assert_int_equal(
        dh_config_unpack(dh_node_child(root, "entry"), "entry", needed, 2, &target, &err),
        DH_CONFIG);
    assert_string_equal(err.text, "t.cfg:2: entry: unknown setting 'nme'; did you mean 'name'?\n"
                                  "t.cfg:2: entry: 'name' is missing\n"
                                  "t.cfg:2: entry: 'kind' is missing");
    assert_int_equal(dh_config_unpack(NULL, "entry", needed, 2, &target, &err), DH_CONFIG);
    assert_string_equal(err.text, "entry: 'name' is missing\nentry: 'kind' is missing");
    assert_int_equal(
        dh_config_unpack(dh_node_child(root, "other"), "entry", needed, 2, &target, &err),
        DH_CONFIG);
    assert_string_equal(err.text, "t.cfg:3: entry: expected a group { … }, found integer");
    assert_int_equal(dh_config_unpack(root, "empty", NULL, 0, &target, &err), DH_CONFIG);
    check_text("no options", err.text, "empty: unknown setting 'entry'; it has no settings");
    assert_int_equal(dh_config_unpack(dh_node_child(root, "none"), "empty", NULL, 0, &target, &err),
                     DH_OK);
    dh_config_destroy(&config);
}

static void test_defaults(void **state)
{
    struct target target;
    struct dh_error err = {0};
    (void)state;
    memset(&target, 0xA5, sizeof target);
    assert_int_equal(dh_config_unpack(NULL, "thing", options, DH_COUNT_OF(options), &target, &err),
                     DH_OK);
    assert_true(target.flag);
    assert_int_equal(target.count, 3);
    assert_int_equal(target.any, -7);
    assert_true(isnan(target.rate));
    assert_true(target.least == 2);
    assert_null(target.text);
    assert_int_equal(target.method, 1);
    assert_true(target.time == 60);
    assert_true(target.memory == 1024);
    assert_null(target.node);
}

static void test_values(void **state)
{
    struct target target;
    struct dh_config *config;
    struct dh_error err = {0};
    (void)state;
    if (unpack("flag = false; count = 64; any = 4294967296; rate = 1; least = 2.5; text = \"\"; "
               "method = \"grid\"; time = \"01:50:00\"; memory = \"2G\"; node = (1, 2);",
               &target, &config, &err))
        fail_msg("%s", err.text);
    assert_false(target.flag);
    assert_int_equal(target.count, 64);
    assert_int_equal(target.any, 4294967296);
    assert_true(target.rate == 1);
    assert_true(target.least == 2.5);
    assert_string_equal(target.text, "");
    assert_int_equal(target.method, 2);
    assert_true(target.time == 6600);
    assert_true(target.memory == 2147483648.0);
    assert_int_equal(target.node->child_count, 2);
    dh_config_destroy(&config);
    if (unpack("any = 1e6; time = 90; memory = 10;", &target, &config, &err))
        fail_msg("%s", err.text);
    assert_int_equal(target.any, 1000000);
    assert_true(target.time == 90 && target.memory == 10);
    dh_config_destroy(&config);
}

/* More problems than a message holds are cut, not overrun. */
static void test_descriptions(void **state)
{
    static const char *const expected[] = {
        "true or false; default true",
        "integer between 1 and 64; default 3",
        "integer; default -7",
        "number at most 1.5; default none",
        "number at least 2; default 2",
        "text; default none",
        "\"random\", \"sobol\", \"grid\"; default \"sobol\"",
        "duration in seconds (or as \"10m\") at least 1; default 60",
        "bytes (or as \"2G\"); default 1024",
        "setting; default none",
    };
    (void)state;
    struct dh_buffer text = {0};
    for (size_t i = 0; i < DH_COUNT_OF(options); i++) {
        dh_buffer_clear(&text);
        dh_option_describe(&options[i], &text);
        assert_string_equal(text.data, expected[i]);
    }
    dh_buffer_clear(&text);
    dh_option_describe(&needed[0], &text);
    assert_string_equal(text.data, "text; required");
    dh_buffer_free(&text);
}

static void test_flood(void **state)
{
    struct dh_buffer text = {0};
    struct target target;
    struct dh_config *config;
    struct dh_error err = {0};
    (void)state;
    for (int i = 0; i < 500; i++)
        dh_buffer_printf(&text, "unknown%d = 1;\n", i);
    char *whole = dh_buffer_take(&text);
    assert_int_equal(unpack(whole, &target, &config, &err), DH_CONFIG);
    assert_true(strlen(err.text) < sizeof err.text);
    check_text("flood", err.text, "…");
    dh_config_destroy(&config);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_several),
        cmocka_unit_test(test_missing),      cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),       cmocka_unit_test(test_flood),
        cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
