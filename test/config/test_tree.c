/* Texts to trees and back: syntax errors, wide integers, includes, hostile texts, round trips. */
#include "fixture.h"

#include <locale.h>

static void check_error(const char *text, const char *wanted)
{
    struct dh_config *config = (void *)1;
    struct dh_error err = {0};
    assert_int_equal(dh_config_parse("t.cfg", text, &config, &err), DH_CONFIG);
    assert_null(config);
    check_text(text, err.text, wanted);
}

static void test_syntax_errors(void **state)
{
    (void)state;
    check_error("a = 1;\nb = = 2;\n", "t.cfg:2: syntax error");
    check_error("a = 1;\n\na = 2;\n", "t.cfg:3: duplicate setting name");
    check_error("a = { b = 1;\n", "t.cfg:2: syntax error");
    check_error("a = \"open\n", "t.cfg:");
    check_error("a = [1, \"x\"];", "t.cfg:1: mismatched element type in array");
    check_error("a = 1;\nb = 1e999;", "t.cfg:2: this number is too large");
    check_error("a = 1;\n\nb = 99999999999999999999;",
                "t.cfg:3: the integer 99999999999999999999 does not fit 64 bits");
    check_error("a = -9223372036854775809L;", "t.cfg:1: the integer");
    check_error("\xff\xfe", "t.cfg:1: syntax error");
}

static void test_unreadable(void **state)
{
    struct dh_config *config = (void *)1;
    struct dh_error err = {0};
    (void)state;
    assert_int_equal(dh_config_read("/no/such.cfg", NULL, 0, &config, &err), DH_IO);
    assert_null(config);
    assert_string_equal(err.text, "cannot open '/no/such.cfg': No such file or directory");
    assert_int_equal(dh_config_read("/tmp", NULL, 0, &config, &err), DH_IO);
    check_text("/tmp", err.text, "cannot read '/tmp': Is a directory");
    char *lost = written_text(".cfg", "@include \"no-such-file\"\n");
    assert_int_equal(dh_config_read(lost, NULL, 0, &config, &err), DH_CONFIG);
    check_text("include", err.text, ":1: cannot open include file");
    removed(lost);
    char *path = written(".cfg", "a = 1;\n\0b = 2;\n", 15);
    assert_int_equal(dh_config_read(path, NULL, 0, &config, &err), DH_CONFIG);
    check_text("NUL", err.text, "holds a NUL byte");
    removed(path);
}

static void test_texts_are_utf8(void **state)
{
    (void)state;
    struct dh_config *config = (void *)1;
    struct dh_error err = {0};
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"a = 1;\nb = (\"x\",\n  \"B\xe4r\");\n", ".cfg:3: this text is not UTF-8"},
        {"a = \"B\\xe4r\";", ".cfg:1: this text is not UTF-8"}, /* libconfig's own way */
        {"a = \"\xc3\";", ".cfg:1: this text is not UTF-8"},    /* cut off */
        {"\xEF\xBB\xBF# B\xe4r\r\na = \"B\xc3\xa4r\";\r\n", NULL},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *path = written_text(".cfg", cases[i].text);
        dh_status status = dh_config_read(path, NULL, 0, &config, &err);
        assert_int_equal(status, cases[i].wanted ? DH_CONFIG : DH_OK);
        if (cases[i].wanted)
            check_text(cases[i].text, err.text, cases[i].wanted);
        dh_config_destroy(&config);
        removed(path);
    }
    char *part = written_text("-part.cfg", "c = 1;\nd = \"B\xe4r\";\n");
    char *text = dh_strprintf("a = 1;\n\n\n@include \"%s\"\n", strrchr(part, '/') + 1);
    char *path = written_text(".cfg", text);
    assert_int_equal(dh_config_read(path, NULL, 0, &config, &err), DH_CONFIG);
    check_text("include", err.text, "-part.cfg:2: this text is not UTF-8");
    removed(path);
    removed(part);
    free(text);
    const char *const set = "a=B\xe4r";
    path = written_text(".cfg", "a = 1;\n");
    assert_int_equal(dh_config_read(path, &set, 1, &config, &err), DH_CONFIG);
    check_text("set", err.text, "--set a: the value is not UTF-8");
    removed(path);
    config = parsed("a = \"B\xe4r\";"); /* of a checkpoint */
    dh_config_destroy(&config);
}

static void test_empty(void **state)
{
    (void)state;
    struct dh_config *config = parsed("");
    assert_int_equal(dh_config_root(config)->child_count, 0);
    assert_string_equal(dh_config_text(config), "");
    dh_config_destroy(&config);
    assert_null(config);
    dh_config_destroy(&config);
    static const char *const texts[] = {"", "\xEF\xBB\xBF"}; /* the mark of some editors */
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        char *path = written_text(".cfg", texts[i]);
        struct dh_error err = {0};
        assert_int_equal(dh_config_read(path, NULL, 0, &config, &err), DH_OK);
        assert_string_equal(dh_config_path(config), path);
        assert_string_equal(dh_config_folder(config), "/tmp");
        assert_int_equal(dh_config_root(config)->child_count, 0);
        dh_config_destroy(&config);
        removed(path);
    }
}

static int64_t integer_of(const char *literal)
{
    char *text = dh_strprintf("x = %s;", literal);
    struct dh_config *config = parsed(text);
    const struct dh_node *node = dh_node_child(dh_config_root(config), "x");
    assert_int_equal(node->kind, DH_NODE_INT);
    int64_t value = node->integer;
    assert_true(node->number == (double)value);
    dh_config_destroy(&config);
    free(text);
    return value;
}

/* libconfig 1.5 alone reads 4294967296 as 0. */
static void test_wide_integers(void **state)
{
    (void)state;
    assert_int_equal(integer_of("2147483647"), 2147483647);
    assert_int_equal(integer_of("2147483648"), 2147483648);
    assert_int_equal(integer_of("-2147483648"), -2147483648LL);
    assert_int_equal(integer_of("-2147483649"), -2147483649LL);
    assert_int_equal(integer_of("4294967296"), 4294967296);
    assert_int_equal(integer_of("4294967296L"), 4294967296);
    assert_int_equal(integer_of("9007199254740992"), 9007199254740992);
    assert_int_equal(integer_of("9223372036854775807"), INT64_MAX);
    assert_int_equal(integer_of("0xFFFFFFFF"), 0xFFFFFFFF);
    assert_int_equal(integer_of("0x1"), 1);
    assert_int_equal(integer_of("+7"), 7);
    assert_int_equal(integer_of("007"), 7);
}

/* The scanner for wide integers leaves names, texts, reals and comments alone. */
static void test_wide_lookalikes(void **state)
{
    (void)state;
    struct dh_config *config =
        parsed("# 99999999999999999999\n// 99999999999999999999\n/* 99999999999999999999 */\n"
               "a99999999999999999999 = \"99999999999999999999 \\\" 99999999999999999999\";\n"
               "b-99999999999999999999 = 99999999999999999999.0; c = 99999999999999999999e1;\n"
               "d = .99999999999999999999; e = -99999999999e-2; f = (4294967296, [4294967297]);\n");
    const struct dh_node *root = dh_config_root(config);
    assert_int_equal(root->child_count, 6);
    assert_string_equal(dh_node_child(root, "a99999999999999999999")->text,
                        "99999999999999999999 \" 99999999999999999999");
    assert_true(dh_node_child(root, "b-99999999999999999999")->number == 1e20);
    assert_true(dh_node_child(root, "c")->number == 1e21);
    assert_true(dh_node_child(root, "d")->number == 1.0);
    assert_true(dh_node_child(root, "e")->number == -999999999.99);
    const struct dh_node *list = dh_node_child(root, "f");
    assert_int_equal(list->children[0]->integer, 4294967296);
    assert_int_equal(list->children[1]->children[0]->integer, 4294967297);
    dh_config_destroy(&config);
}

static void test_kinds_and_lines(void **state)
{
    (void)state;
    struct dh_config *config =
        parsed("g = {\n  i = 3;\n  r = 1e-5;\n};\nl = ( 1,\n  { t = \"a\"\n \"b\"; "
               "}, [true, FALSE] );\nb : true, w = 1e6");
    const struct dh_node *root = dh_config_root(config), *g = dh_node_child(root, "g");
    assert_int_equal(g->kind, DH_NODE_GROUP);
    assert_int_equal(g->line, 1);
    assert_string_equal(g->file, "t.cfg");
    assert_int_equal(dh_node_child(g, "i")->kind, DH_NODE_INT);
    assert_int_equal(dh_node_child(g, "i")->line, 2);
    assert_int_equal(dh_node_child(g, "r")->kind, DH_NODE_REAL);
    assert_true(dh_node_child(g, "r")->number == 1e-5);
    const struct dh_node *l = dh_node_child(root, "l");
    assert_int_equal(l->kind, DH_NODE_LIST);
    assert_int_equal(l->child_count, 3);
    assert_null(l->children[0]->name);
    assert_string_equal(dh_node_child(l->children[1], "t")->text, "ab");
    assert_int_equal(l->children[2]->kind, DH_NODE_LIST);
    assert_int_equal(l->children[2]->children[0]->kind, DH_NODE_BOOL);
    assert_int_equal(l->children[2]->children[0]->integer, 1);
    assert_int_equal(l->children[2]->children[1]->integer, 0);
    assert_int_equal(dh_node_child(root, "b")->line, 8);
    assert_int_equal(dh_node_child(root, "w")->kind, DH_NODE_REAL);
    assert_null(dh_node_child(root, "nothing"));
    assert_null(dh_node_child(NULL, "nothing"));
    assert_null(dh_node_child(l, "nothing"));
    dh_config_destroy(&config);
}

/* A text from memory may come from anywhere: it opens no file, whatever stands in front of the @.
 */
static void test_text_that_includes(void **state)
{
    static const char *const texts[] = {
        "@include \"%s\"\n",
        "\n  @include \"%s\"\n",
        "b = 1; # \"\n@include \"%s\"\n",
        "b = \"\\\\\"; // \"\n@include \"%s\"\n",
        "b = 1; /* \" /* */\n\t@include \"%s\"\n",
        "b = { /* **/\n@include \"%s\"\n};",
        "b = \"x\"\"\";\f\n@include \"%s\"\n",
    };
    (void)state;
    char *part = written_text("-part.cfg", "low = 1;\n");
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        struct dh_buffer text = {0};
        for (const char *c = texts[i]; *c; c++)
            if (strncmp(c, "%s", 2) == 0)
                dh_buffer_text(&text, part), c++;
            else
                dh_buffer_append(&text, c, 1);
        check_error(text.data, "an @include counts in a file only");
        dh_buffer_free(&text);
    }
    removed(part);
    struct dh_config *config = parsed("a = \"\n@include \\\"x\\\"\"; # @include\n/* @include */");
    assert_non_null(dh_node_child(dh_config_root(config), "a"));
    dh_config_destroy(&config);
}

static void test_include(void **state)
{
    struct dh_config *config;
    struct dh_error err = {0};
    (void)state;
    char *part = written_text("-part.cfg", "low = 1;\nhigh = 4294967296L;\n");
    char *text = dh_strprintf("a = {\n@include \"%s\"\n};\nb = 1;\n", strrchr(part, '/') + 1);
    char *path = written_text(".cfg", text);
    if (dh_config_read(path, NULL, 0, &config, &err))
        fail_msg("%s", err.text);
    const struct dh_node *a = dh_node_child(dh_config_root(config), "a");
    assert_string_equal(dh_node_child(a, "high")->file, part);
    assert_int_equal(dh_node_child(a, "high")->line, 2);
    assert_int_equal(dh_node_child(a, "high")->integer, 4294967296);
    assert_string_equal(dh_node_child(dh_config_root(config), "b")->file, path);
    assert_string_equal(dh_config_text(config),
                        "a = { low = 1; high = 4294967296L; };\n\n\nb = 1;\n");
    dh_config_destroy(&config);
    free(written_text("-part.cfg", "low = 1;\nhigh = 4294967296;\n"));
    assert_int_equal(dh_config_read(path, NULL, 0, &config, &err), DH_CONFIG);
    check_text("wide", err.text,
               "-part.cfg:2: in an included file an integer of more than 32 bits");
    free(written_text("-part.cfg", "low = 1;\n\nhigh = = 2;\n"));
    assert_int_equal(dh_config_read(path, NULL, 0, &config, &err), DH_CONFIG);
    check_text("syntax", err.text, "-part.cfg:3: syntax error");
    removed(part);
    removed(path);
    free(text);
}

static bool same(const struct dh_node *a, const struct dh_node *b)
{
    bool names = a->name && b->name ? strcmp(a->name, b->name) == 0 : a->name == b->name;
    bool texts = a->text && b->text ? strcmp(a->text, b->text) == 0 : a->text == b->text;
    if (!names || !texts || a->kind != b->kind || a->integer != b->integer ||
        memcmp(&a->number, &b->number, sizeof a->number) != 0 || a->child_count != b->child_count)
        return false;
    for (size_t i = 0; i < a->child_count; i++)
        if (!same(a->children[i], b->children[i]))
            return false;
    return true;
}

static void check_lines(const struct dh_node *a, const struct dh_node *b)
{
    assert_int_equal(a->line, b->line);
    for (size_t i = 0; i < a->child_count; i++)
        check_lines(a->children[i], b->children[i]);
}

/* Whoever gets the text names the user's lines. */
static void test_lines_are_kept(void **state)
{
    (void)state;
    struct dh_config *config =
        parsed("# what it is for\n\ng = {\n  # more\n  i = 3; r = 1e-5;\n\n"
               "};\nl = ( 1,\n  { t = \"a\"\n \"b\"; },\n  [\n  true,\n"
               "FALSE ] );\n/* a\nlong\none */ b : (\"x\",\n\"y\",\n\"z\"\n);");
    struct dh_config *again = parsed(dh_config_text(config));
    assert_int_equal(dh_node_child(dh_config_root(again), "g")->line, 3);
    check_lines(dh_config_root(config), dh_config_root(again));
    assert_string_equal(
        dh_config_text(config),
        "\n\ng = {\n\n  i = 3; r = 1e-05; };\n\n\nl = ( 1,\n  { t = \"ab\"; },\n\n"
        "  (\n    true,\n    false ) );\n\n\nb = ( \"x\",\n  \"y\",\n\n  \"z\" );\n");
    dh_config_destroy(&config);
    dh_config_destroy(&again);
}

static void check_round_trip(const char *text)
{
    struct dh_config *first = parsed(text), *second = parsed(dh_config_text(first));
    if (!same(dh_config_root(first), dh_config_root(second)))
        fail_msg("%s\nis not\n%s", text, dh_config_text(first));
    assert_string_equal(dh_config_text(first), dh_config_text(second));
    dh_config_destroy(&first);
    dh_config_destroy(&second);
}

static void test_round_trip(void **state)
{
    (void)state;
    check_round_trip("");
    check_round_trip("a = {}; b = (); c = []; d = { e = { f = ((), ({}), ([])); }; };");
    check_round_trip("a = 1.0; b = -0.0; c = 1e300; d = 1e-320; e = 0.1; f = 1e22; g = 5.; "
                     "h = 123456789012345680.0; i = 0.30000000000000004; j = 1e6; k = -1e-5;");
    check_round_trip("a = 2147483647; b = 2147483648; c = -2147483648; d = -2147483649; "
                     "e = 9223372036854775807L; f = -9223372036854775807; g = 0;");
    check_round_trip("a = true; b = false; *c-d_9 = (true, [false, true]);");
    check_round_trip(
        "a = \"\"; b = \"q\\\"b\\\\n\\n\\t\\r\\f\\x01\\x1b\\x7f é 漢\"; c = \"two\nlines\";"
        "d = \"@include \\\"x\\\"\"; e = \"# no comment /* */\"; f = \"\\x41\\x422\";");
    check_round_trip("p = ( { name = \"lr\"; low = 1e-5; v = (1, 2.5, \"x\", { y = 1; }); }, 3 );");
}

static char *nested(const char *open, const char *close, size_t depth)
{
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "a = ");
    for (size_t i = 0; i < depth; i++)
        dh_buffer_text(&text, open);
    for (size_t i = 0; i < depth; i++)
        dh_buffer_text(&text, close);
    dh_buffer_text(&text, ";");
    return dh_buffer_take(&text);
}

static void test_nesting(void **state)
{
    (void)state;
    char *deep = nested("(", ")", 10000), *over = nested("(", ")", 65);
    char *groups = nested("{ a = ", "1; }", 10000), *fits = nested("(", ")", 60);
    check_error(deep, "t.cfg:1: ");
    check_error(groups, "t.cfg:1: ");
    check_error(over, "t.cfg:1: settings nest deeper than 64 levels");
    check_round_trip(fits);
    free(deep);
    free(over);
    free(groups);
    free(fits);
}

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Random texts, of bytes and of pieces of the syntax: an error, or a tree that survives writing. */
static void test_noise(void **state)
{
    static const char *const pieces[] = {"a",           "b",           "c1",
                                         "=",           ":",           ";",
                                         ",",           "{",           "}",
                                         "(",           ")",           "[",
                                         "]",           "1",           "-2",
                                         "4294967296",  "0xFFFFFFFFF", "1.5",
                                         "1e-5",        ".5",          "5L",
                                         "true",        "\"x\"",       "\"\\x41\"",
                                         "\"",          "\\",          "#",
                                         "//",          "/*",          "*/",
                                         "\n",          "a = 1;",      "b = { c = (1, \"x\"); };",
                                         "d = [1, 2];", "+",           "e5"};
    uint64_t seed = 11;
    size_t valid = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct dh_buffer text = {0};
        size_t length = draw(&seed) % 10;
        dh_buffer_text(&text, round % 8 == 1 ? "a = " : "");
        for (size_t i = 0; i < length; i++) {
            if (round % 4 == 0) {
                char byte = (char)(1 + draw(&seed) % 255);
                dh_buffer_append(&text, &byte, 1);
            } else {
                dh_buffer_text(&text, pieces[draw(&seed) % DH_COUNT_OF(pieces)]);
                dh_buffer_text(&text, " ");
            }
        }
        char *whole = dh_buffer_take(&text);
        struct dh_config *config;
        struct dh_error err = {0};
        if (dh_config_parse("t.cfg", whole, &config, &err) == DH_OK) {
            valid++;
            dh_config_destroy(&config);
            check_round_trip(whole);
        } else {
            assert_null(config);
            assert_int_equal(strncmp(err.text, "t.cfg:", 6), 0);
        }
        free(whole);
    }
    assert_true(valid > 100);
}

static void test_node_fail(void **state)
{
    struct dh_node node = {.file = "x.cfg", .line = 4};
    struct dh_error err = {0};
    (void)state;
    assert_int_equal(dh_node_fail(&err, &node, "bad %d", 1), DH_CONFIG);
    assert_string_equal(err.text, "x.cfg:4: bad 1");
    node.line = 0;
    dh_node_fail(&err, &node, "bad");
    assert_string_equal(err.text, "x.cfg: bad");
    dh_node_fail(&err, NULL, "bad");
    assert_string_equal(err.text, "bad");
    assert_int_equal(dh_node_fail(NULL, &node, "bad"), DH_CONFIG);
    assert_string_equal(dh_node_kind_name(DH_NODE_GROUP), "group");
    assert_string_equal(dh_node_kind_name(DH_NODE_TEXT), "text");
}

/* What is called next on this thread writes numbers as it did before. */
static void test_locale_is_kept(void **state)
{
    (void)state;
    locale_t before = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t found = uselocale(before);
    struct dh_config *config;
    struct dh_error err;
    assert_int_equal(dh_config_parse("x.cfg", "a = 1.5;", &config, &err), DH_OK);
    dh_config_destroy(&config);
    assert_ptr_equal(uselocale(found), before);
    freelocale(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_wide_integers),
        cmocka_unit_test(test_wide_lookalikes),
        cmocka_unit_test(test_kinds_and_lines),
        cmocka_unit_test(test_text_that_includes),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_texts_are_utf8),
        cmocka_unit_test(test_lines_are_kept),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_node_fail),
        cmocka_unit_test(test_locale_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
