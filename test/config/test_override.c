/* --set PATH=VALUE: what it reaches, makes and refuses. */
#include "fixture.h"

static const char base[] = "search = { seed = 1; };\n"
                           "parameters = (\n"
                           "  { name = \"lr\"; low = 1e-5; high = 1e-1; values = (1, 2, 4); },\n"
                           "  { name = \"lr.decay\"; low = 0.0; },\n"
                           "  { name = \"body[1].k\"; low = 1; },\n"
                           "  7, { unnamed = 1; }\n"
                           ");\n"
                           "text = \"x\";\n";

static dh_status apply(const char *const *overrides, size_t count, struct dh_config **config,
                       struct dh_error *err)
{
    char *path = written_text(".cfg", base);
    dh_status status = dh_config_read(path, overrides, count, config, err);
    removed(path);
    return status;
}

static struct dh_config *overridden(const char *override)
{
    struct dh_config *config;
    struct dh_error err = {0};
    if (apply(&override, 1, &config, &err))
        fail_msg("%s: %s", override, err.text);
    return config;
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"", "--set : expected PATH=VALUE"},
        {"search.seed", "--set search.seed: expected PATH=VALUE"},
        {"=1", "--set =1: '' is no name of a setting"},
        {"search..seed=1", "--set search..seed=1: '' is no name of a setting"},
        {".seed=1", "'' is no name of a setting"},
        {"search.=1", "--set search.=1: expected a name behind the last '.'"},
        {"search.a b=1", "'a b' is no name of a setting"},
        {"search.1a=1", "'1a' is no name of a setting"},
        {"search[0]=1", "'' is no name of a setting"},
        {"text.a=1", "--set text.a=1: 'text' is neither group nor list (found text)"},
        {"search.seed.x=1", "'search.seed' is neither group nor list (found integer)"},
        {"parameters.lrr.high=1",
         "--set parameters.lrr.high=1: 'parameters' has no entry named 'lrr'; did you mean 'lr'?"},
        {"parameters.qqqqqqq.high=1", "'parameters' has no entry named 'qqqqqqq'"},
        {"parameters.lr.values.x=1", "'parameters.lr.values' has no entry named 'x'"},
        {"parameters[5].low=1", "'parameters' has 5 entries, so no [5]"},
        {"parameters[99999999999999999999].low=1", "'parameters' has 5 entries, so no ["},
        {"parameters[x].low=1", "expected an index such as [0] behind 'parameters'"},
        {"parameters[-1].low=1", "expected an index such as [0] behind 'parameters'"},
        {"parameters[0=1", "expected an index such as [0] behind 'parameters'"},
        {"parameters[0]x=1", "expected an index such as [0] behind 'parameters'"},
        {"parameters[3].low=1", "'parameters[3]' is neither group nor list (found integer)"},
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_config *config = (void *)1;
        struct dh_error err = {0};
        assert_int_equal(apply(&cases[i][0], 1, &config, &err), DH_CONFIG);
        assert_null(config);
        check_text(cases[i][0], err.text, cases[i][1]);
    }
}

static void test_reaches(void **state)
{
    static const struct {
        const char *override, *entry, *key;
        double value;
    } cases[] = {
        {"parameters.lr.high=0.5", "lr", "high", 0.5},
        {" parameters.lr.high = 0.5 ", "lr", "high", 0.5},
        {"parameters[0].high=2", "lr", "high", 2},
        {"parameters.lr.decay.low=3", "lr.decay", "low", 3}, /* the longest name that fits */
        {"parameters.body[1].k.low=4", "body[1].k", "low", 4},
        {"parameters.lr.fresh=5", "lr", "fresh", 5},
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_config *config = overridden(cases[i].override);
        const struct dh_node *list = dh_node_child(dh_config_root(config), "parameters");
        const struct dh_node *node = NULL;
        for (size_t k = 0; k < list->child_count; k++) {
            const struct dh_node *name = dh_node_child(list->children[k], "name");
            if (name && strcmp(name->text, cases[i].entry) == 0)
                node = dh_node_child(list->children[k], cases[i].key);
        }
        assert_non_null(node);
        assert_true(node->number == cases[i].value);
        dh_config_destroy(&config);
    }
}

/* Groups and keys that are not there are made; the text of the config has them. */
static void test_creates(void **state)
{
    (void)state;
    struct dh_config *config = overridden("checkpoint.deep.file=a.h5");
    const struct dh_node *root = dh_config_root(config);
    const struct dh_node *deep = dh_node_child(dh_node_child(root, "checkpoint"), "deep");
    assert_string_equal(dh_node_child(deep, "file")->text, "a.h5");
    check_text("text", dh_config_text(config), "checkpoint = { deep = { file = \"a.h5\"; }; };");
    dh_config_destroy(&config);
    config = overridden("parameters[3]=8");
    root = dh_config_root(config);
    assert_int_equal(dh_node_child(root, "parameters")->children[3]->integer, 8);
    assert_null(dh_node_child(root, "parameters")->children[3]->name);
    dh_config_destroy(&config);
}

static void test_values(void **state)
{
    static const struct {
        const char *override;
        enum dh_node_kind kind;
        const char *text; /* of a TEXT */
    } cases[] = {
        {"x=1", DH_NODE_INT, NULL},
        {"x=4294967296", DH_NODE_INT, NULL},
        {"x=1e-3", DH_NODE_REAL, NULL},
        {"x=true", DH_NODE_BOOL, NULL},
        {"x=\"a b\"", DH_NODE_TEXT, "a b"},
        {"x=foo-bar", DH_NODE_TEXT, "foo-bar"},
        {"x=", DH_NODE_TEXT, ""},
        {"x= spaced out ", DH_NODE_TEXT, "spaced out"},
        {"x=sh -c 'a=b; c'", DH_NODE_TEXT, "sh -c 'a=b; c'"},
        {"x=1; y = 2", DH_NODE_TEXT, "1; y = 2"}, /* one setting, not two */
        {"x=1 # why", DH_NODE_INT, NULL},
        {"x=01:50:00", DH_NODE_TEXT, "01:50:00"},
        {"x=10m", DH_NODE_TEXT, "10m"},
        {"x=[1, 2", DH_NODE_TEXT, "[1, 2"},
        {"x=[1, 2]", DH_NODE_LIST, NULL},
        {"x=({lr=1e-2;})", DH_NODE_LIST, NULL},
        {"x={ y = 1; }", DH_NODE_GROUP, NULL},
        {"x=99999999999999999999", DH_NODE_TEXT, "99999999999999999999"},
        {"search=1", DH_NODE_INT, NULL},
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_config *config = overridden(cases[i].override);
        const char *key = *cases[i].override == 'x' ? "x" : "search";
        const struct dh_node *node = dh_node_child(dh_config_root(config), key);
        if (node->kind != cases[i].kind)
            fail_msg("%s: found %s", cases[i].override, dh_node_kind_name(node->kind));
        if (cases[i].text)
            assert_string_equal(node->text, cases[i].text);
        assert_null(dh_node_child(dh_config_root(config), "y"));
        dh_config_destroy(&config);
    }
}

/* Messages about an override name it, also about what is inside its value. */
static void test_origin(void **state)
{
    struct dh_error err = {0};
    (void)state;
    struct dh_config *config = overridden(" initial =  ({lr=1e-2;}) ");
    const struct dh_node *initial = dh_node_child(dh_config_root(config), "initial");
    dh_node_fail(&err, initial, "text");
    assert_string_equal(err.text, "--set initial=({lr=1e-2;}): text");
    dh_node_fail(&err, initial->children[0]->children[0], "text");
    assert_string_equal(err.text, "--set initial=({lr=1e-2;}): text");
    dh_config_destroy(&config);
}

static void test_several(void **state)
{
    const char *const overrides[] = {
        "search.seed=2", "search.seed=3", "a.b=1", "a.c=2", "l=(1, { name = \"n\"; })", "l.n.x=5"};
    struct dh_config *config;
    struct dh_error err = {0};
    (void)state;
    if (apply(overrides, DH_COUNT_OF(overrides), &config, &err))
        fail_msg("%s", err.text);
    const struct dh_node *root = dh_config_root(config);
    const struct dh_node *search = dh_node_child(root, "search"), *a = dh_node_child(root, "a");
    assert_int_equal(search->child_count, 1);
    assert_int_equal(search->children[0]->integer, 3);
    assert_int_equal(a->child_count, 2);
    assert_int_equal(dh_node_child(dh_node_child(root, "l")->children[1], "x")->integer, 5);
    dh_config_destroy(&config);
}

static void test_depth(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct dh_buffer text = {0};
        for (int i = 0; i < 63 + over; i++)
            dh_buffer_text(&text, "a.");
        dh_buffer_text(&text, "a=1");
        char *override = dh_buffer_take(&text);
        struct dh_config *config;
        struct dh_error err = {0};
        dh_status status = apply((const char *const *)&override, 1, &config, &err);
        assert_int_equal(status, over ? DH_CONFIG : DH_OK);
        if (over)
            check_text("depth", err.text, "the path is longer than 64 steps");
        if (!over) { /* what is written can be read */
            struct dh_config *again = parsed(dh_config_text(config));
            dh_config_destroy(&again);
        }
        dh_config_destroy(&config);
        free(override);
    }
    const char *tall =
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=((((1))))";
    struct dh_config *config;
    struct dh_error err = {0};
    assert_int_equal(apply(&tall, 1, &config, &err), DH_CONFIG);
    check_text("height", err.text, "settings nest deeper than 64 levels");
}

/* Random overrides: an error that names them, or a config whose text can be read. */
static void test_noise(void **state)
{
    static const char *const pieces[] = {
        "search", "seed", "parameters", "lr", "high", ".", ".",         "[0]", "[",   "]", "=", "=",
        "1",      "(1)",  "{ a = 1; }", "\"", ";",    " ", "body[1].k", "é",   "\x01"};
    uint64_t seed = 5;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct dh_buffer text = {0};
        dh_buffer_text(&text, "");
        for (size_t i = 0; i < 8; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            dh_buffer_text(&text, pieces[(seed >> 33) % DH_COUNT_OF(pieces)]);
        }
        char *override = dh_buffer_take(&text);
        struct dh_config *config;
        struct dh_error err = {0};
        if (apply((const char *const *)&override, 1, &config, &err) == DH_OK) {
            struct dh_config *again = parsed(dh_config_text(config));
            dh_config_destroy(&again);
            dh_config_destroy(&config);
        } else {
            assert_int_equal(strncmp(err.text, "--set ", 6), 0);
        }
        free(override);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_reaches),
        cmocka_unit_test(test_creates), cmocka_unit_test(test_values),
        cmocka_unit_test(test_origin),  cmocka_unit_test(test_several),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
