/* Declarations: what is refused, with which words, and what becomes of the rest. */
#include "fixture.h"

#include "dh_mpi/buffer.h"

static void numbers_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"type = \"real\"; low = 2; high = 1;", "low = 2 is above high = 1"},
        {"type = \"real\"; low = 0; high = 1; scale = \"log\";", "a log scale needs low > 0"},
        {"type = \"real\"; low = -1.0; high = 1; scale = \"log\";", "a log scale needs low > 0"},
        {"type = \"real\"; low = 0.0; high = 1e999;", "too large"},
        {"type = \"real\"; low = 0.0; high = 1e305;", "between 1e-300 and 1e300"},
        {"type = \"real\"; low = 1e-310; high = 1;", "between 1e-300 and 1e300"},
        {"type = \"real\"; low = 0; high = 1; step = 0;", "step has to be positive"},
        {"type = \"real\"; low = 0; high = 1; step = -0.1;", "step has to be positive"},
        {"type = \"real\"; low = 0; high = 1; step = 1e-12;", "is too small"},
        {"type = \"real\"; low = 1e9; high = 1000000001; step = 1e-8;", "is too small"},
        {"type = \"real\"; low = 0; high = 1; scale = \"lag\";", "log"},
        {"type = \"real\"; low = 0; high = 1; stop = 1;", "step"},
        {"type = \"real\"; low = 0;", "high"},
        {"type = \"real\"; low = 0; high = 1; default = 1.5;",
         "x = 1.5 is above its upper bound 1"},
        {"type = \"real\"; low = 0; high = 1; default = \"a\";", "expected a number"},
        {"type = \"real\"; low = 0; high = 1; default = (1);", "expected a single value"},
        {"type = \"int\"; low = 0.5; high = 4;", "low has to be an integer"},
        {"type = \"int\"; low = 0; high = 4; step = 1.5;", "step of an int has to be an integer"},
        {"type = \"int\"; low = 0; high = 9007199254740994L;", "beyond 2^53"},
        {"type = \"int\"; low = 0; high = 9007199254740993L;", "x: high is beyond 2^53"},
        {"type = \"int\"; low = -9007199254740993L; high = 0;", "x: low is beyond 2^53"},
        {"type = \"int\"; low = 0; high = 9; step = 9007199254740993L;", "step is beyond 2^53"},
        {"type = \"int\"; low = 9007199254740990L; high = 9007199254740992L; "
         "default = 9007199254740993L;",
         "x = 9007199254740993 is beyond 2^53"},
        {"type = \"int\"; low = 0; high = 9007199254740992L;", "more than 1e12 values"},
        {"type = \"int\"; low = 1000000000000000L; high = 1000000000000010L; scale = \"log\";",
         "too close to be told apart on a log scale"},
        {"type = \"int\"; low = 0; high = 8; step = 2; default = 3;",
         "x = 3 is not on its lattice, which starts at 0 with a step of 2; the nearest value is 4"},
        {"type = \"int\"; low = 0; high = 8; default = 2.5;", "x = 2.5 is no integer"},
        {"type = \"real\"; low = 0; high = 1; mean = 0.5;", "mean belongs to the priors"},
        {"type = \"real\"; low = 0; high = 1; deviation = 0.5;", "deviation belongs to the priors"},
        {"type = \"real\"; low = 0; high = 1; prior = \"normal\";", "needs a deviation > 0"},
        {"type = \"real\"; low = 0; high = 1; prior = \"normal\"; deviation = 0;",
         "needs a deviation > 0"},
        {"type = \"real\"; low = 1; high = 2; scale = \"log\"; prior = \"normal\"; mean = 0; "
         "deviation = 1;",
         "mean has to be a positive number"},
        {"type = \"real\"; low = 0; high = 1; prior = \"truncated\"; mean = 100; deviation = 0.1;",
         "next to no probability"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++)
        fixture_refuses_one(cases[i][0], cases[i][1]);
}

static void choices_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"type = \"categorical\";", "values"},
        {"type = \"categorical\"; values = ();", "at least one value"},
        {"type = \"categorical\"; values = \"a\";", "at least one value"},
        {"type = \"categorical\"; values = (\"a\", 1);", "all numbers or all texts"},
        {"type = \"categorical\"; values = (\"a\", \"b\", \"a\");", "the value a is there twice"},
        {"type = \"ordinal\"; values = (1, 2, 1.0);", "the value 1 is there twice"},
        {"type = \"categorical\"; values = (true, \"a\", true);", "the value true is there twice"},
        {"type = \"categorical\"; values = (\"true\", true);",
         "cannot tell the text \"true\" from the boolean true"},
        {"type = \"ordinal\"; values = (1, (2));", "has to be a text, number or boolean"},
        {"type = \"ordinal\"; values = (1, 1e999);", "too large"},
        {"type = \"ordinal\"; values = (1, 2); weights = [1, 2];", "weights"},
        {"type = \"categorical\"; values = (1, 2); weights = [1];", "a list of 2 numbers"},
        {"type = \"categorical\"; values = (1, 2); weights = [1, 0];", "a positive number"},
        {"type = \"categorical\"; values = (1, 2); weights = [1, -1];", "a positive number"},
        {"type = \"categorical\"; values = (1, 2); weights = (1, \"a\");", "a positive number"},
        {"type = \"categorical\"; values = (1, 2); weights = [1.0, 1e301];", "a positive number"},
        {"type = \"bool\"; weights = [1, 2, 3];", "a list of 2 numbers"},
        {"type = \"categorical\"; values = (\"relu\", \"tanh\"); default = \"relo\";",
         "x = 'relo': expected one of 'relu', 'tanh'"},
        {"type = \"categorical\"; values = (\"relu\", \"tanh\"); default = 1;",
         "x = 1: expected one of 'relu', 'tanh'"},
        {"type = \"ordinal\"; values = (1, 2.5); default = 2;", "x = 2: expected one of 1, 2.5"},
        {"type = \"ordinal\"; values = (1, 2.5); default = \"1\";", "expected one of 1, 2.5"},
        {"type = \"bool\"; default = \"true\";", "expected true or false, without quotes"},
        {"type = \"bool\"; default = 1;", "x = 1: expected one of false, true"},
        {"type = \"constant\";", "value"},
        {"type = \"constant\"; value = (1);", "has to be a text, number or boolean"},
        {"type = \"constant\"; value = 12345678901234567L;",
         "x: value: 12345678901234567 is beyond 2^53 and would be rounded to 12345678901234568; "
         "expected a number that a double can hold, or a text: \"12345678901234567\""},
        {"type = \"constant\"; value = 0xFFFFFFFFFFFFFFFL;", "x: value: 1152921504606846975 is"},
        {"type = \"constant\"; value = 9223372036854775807L;", "x: value: 9223372036854775807 is"},
        {"type = \"ordinal\"; values = (1, -9007199254740993L);",
         "x: values: -9007199254740993 is beyond 2^53"},
        {"type = \"ordinal\"; values = (1, 9007199254740992L); default = 9007199254740993L;",
         "x = 9007199254740993: expected one of 1, 9007199254740992"},
        {"type = \"constant\"; value = 1; default = 1;", "default"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++)
        fixture_refuses_one(cases[i][0], cases[i][1]);
}

static void structure_refused(void **state)
{
    (void)state;
    fixture_refuses("parameters = ();", "at least one");
    fixture_refuses("parameters = ( 1 );", "a parameter has to be a group");
    fixture_refuses("parameters = ( { name = \"x\"; } );", "a parameter needs a type");
    fixture_refuses("parameters = ( { name = \"x\";\n tpe = \"real\"; } );",
                    ":2: parameter: unknown setting 'tpe'; did you mean 'type'?");
    fixture_refuses("parameters = ( { name = \"x\"; type = 3; } );", "a parameter needs a type");
    fixture_refuses_one("type = \"reel\";", "did you mean \"real\"?");
    fixture_refuses("parameters = ( { type = \"bool\"; } );", "name");
    static const char *const bad[] = {"", "1x", "a b", "a{", "-a", "\xc3\xa9"};
    for (size_t i = 0; i < DH_COUNT_OF(bad); i++) {
        char *text = dh_strprintf("parameters = ( { name = \"%s\"; type = \"bool\"; } );", bad[i]);
        fixture_refuses(text, "cannot be the name");
        free(text);
    }
    static const char *const reserved[] = {"true", "false", "and", "or", "not", "in"};
    for (size_t i = 0; i < DH_COUNT_OF(reserved); i++) {
        char *text =
            dh_strprintf("parameters = ( { name = \"%s\"; type = \"bool\"; } );", reserved[i]);
        fixture_refuses(text, "it is a word of the expressions");
        free(text);
    }
    fixture_refuses("parameters = ( { name = \"a\"; type = \"bool\"; },\n"
                    "{ name = \"b\"; type = \"bool\"; },\n { name = \"a\"; type = \"bool\"; } );",
                    "t.cfg:3: the parameter \"a\" is there already, at t.cfg:1");
    fixture_refuses("parameters = ( { name = \"a\"; type = \"bool\"; } ); constraints = \"a\";",
                    "constraints");
    fixture_refuses("parameters = ( { name = \"a\"; type = \"bool\"; } ); constraints = ( 1 );",
                    "a constraint has to be a text");
    fixture_refuses("parameters = ( { name = \"alpha\"; type = \"bool\"; } );\n"
                    "constraints = ( \"alpa\" );",
                    "t.cfg:2");
}

static void conditions_refused(void **state)
{
    (void)state;
    fixture_refuses("parameters = ( { name = \"a\"; type = \"bool\"; when = \"a\"; } );",
                    "go round in a circle: a -> a");
    fixture_refuses("parameters = ( { name = \"z\"; type = \"bool\"; when = \"a\"; },\n"
                    "{ name = \"a\"; type = \"bool\"; when = \"b or c\"; },\n"
                    "{ name = \"b\"; type = \"bool\"; },\n"
                    "{ name = \"c\"; type = \"bool\"; when = \"b and a\"; } );",
                    "t.cfg:2: the conditions go round in a circle: a -> c -> a");
    fixture_refuses("parameters = ( { name = \"a\"; type = \"bool\"; when = \"nobody\"; } );",
                    "nobody");
}

/* A name with a minus in it is not read as a subtraction. */
static void minus_in_names(void **state)
{
    (void)state;
    static const char space[] =
        "parameters = ( { name = \"a\"; type = \"int\"; low = 0; high = 9; },\n"
        "{ name = \"b\"; type = \"int\"; low = 0; high = 9; },\n"
        "{ name = \"a-b\"; type = \"int\"; low = 0; high = 9; },\n"
        "{ name = \"max-1\"; type = \"int\"; low = 0; high = 9; },\n"
        "{ name = \"bc\"; type = \"int\"; low = 0; high = 9; } );\n";
    static const char *const unclear[] = {"a-b > 3", "2*a-b > 3", "b < a-b", "a-b-b > 0",
                                          "abs(a-b) > 1"};
    static const char *const clear[] = {"a - b > 3", "a -b > 3",  "a- b > 3",         "a-bc > 3",
                                        "b-a > 3",   "a-1 > b-2", "max(a-2, 1-b) > 3"};
    for (size_t i = 0; i < DH_COUNT_OF(unclear); i++) {
        char *text = dh_strprintf("%sconstraints = ( \"%s\" );", space, unclear[i]);
        fixture_refuses(text, "it is not clear whether 'a-b' is the parameter of that name or a "
                              "subtraction; write a subtraction with spaces");
        free(text);
    }
    for (size_t i = 0; i < DH_COUNT_OF(clear); i++) {
        char *text = dh_strprintf("%sconstraints = ( \"%s\" );", space, clear[i]);
        struct fixture f = fixture_open(text);
        fixture_close(&f);
        free(text);
    }
    char *text = dh_strprintf("%sconstraints = ( \"max-1 > 3\" );", space);
    fixture_refuses(text, "'max-1' is the parameter");
    free(text);
}

static void values_and_presets(void **state)
{
    (void)state;
    static const struct {
        const char *declaration;
        double preset, levels;
    } cases[] = {
        {"type = \"real\"; low = 0; high = 1;", 0.5, INFINITY},
        {"type = \"real\"; low = 1e-4; high = 1.0; scale = \"log\";", 1e-2, INFINITY},
        {"type = \"real\"; low = 0; high = 1; default = 0.1;", 0.1, INFINITY},
        {"type = \"real\"; low = 3; high = 3;", 3, 1},
        {"type = \"real\"; low = 0; high = 0;", 0, 1},
        {"type = \"real\"; low = 0; high = 0.9; step = 0.1;", 0.5, 10},
        {"type = \"real\"; low = 0; high = 0.95; step = 0.1; default = 0.3;", 0.3, 10},
        {"type = \"int\"; low = -3; high = 3;", 0, 7},
        {"type = \"int\"; low = 1; high = 1000000; scale = \"log\"; default = 1e3;", 1000, 1e6},
        {"type = \"int\"; low = 0; high = 7; step = 3;", 3, 3},
        {"type = \"int\"; low = 5; high = 5; step = 3;", 5, 1},
        {"type = \"int\"; low = 0; high = 999999999999L; step = 1000000000000L;", 0, 1},
        {"type = \"ordinal\"; values = (1, 2, 4);", 1, 3},
        {"type = \"ordinal\"; values = (\"s\", \"m\", \"l\"); default = \"l\";", 2, 3},
        {"type = \"categorical\"; values = (\"a\", \"b\", \"c\"); weights = [1, 3, 3];", 1, 3},
        {"type = \"categorical\"; values = (true, \"auto\"); default = true;", 0, 2},
        {"type = \"bool\";", 0, 2},
        {"type = \"bool\"; weights = [1, 2];", 1, 2},
        {"type = \"bool\"; default = true;", 1, 2},
        {"type = \"constant\"; value = 17;", 0, 1},
        {"type = \"constant\"; value = \"text\";", 0, 1},
        {"type = \"constant\"; value = 0x1000000000000000L;", 0, 1}, /* 2^60 is a double */
        {"type = \"real\"; low = 0; high = 1e18; default = 12345678901234567L;", 12345678901e6,
         INFINITY},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct fixture f = fixture_one(cases[i].declaration);
        const struct dh_parameter *p = dh_space_parameter(f.space, 0);
        if (p->preset != cases[i].preset || dh_parameter_levels(p) != cases[i].levels)
            fail_msg("%s: preset %.17g, %g levels", cases[i].declaration, p->preset,
                     dh_parameter_levels(p));
        assert_true(dh_space_size(f.space) == cases[i].levels);
        fixture_close(&f);
    }
}

static void levels_ascend(void **state)
{
    (void)state;
    static const char *const declarations[] = {
        "type = \"real\"; low = 0; high = 0.9; step = 0.1;",
        "type = \"real\"; low = 0.1; high = 100; step = 0.7; scale = \"log\";",
        "type = \"int\"; low = -7; high = 11; step = 4;",
        "type = \"ordinal\"; values = (4, 2, 1);",
        "type = \"real\"; low = 0.25; high = 0.25;",
    };
    struct dh_error err = {0};
    for (size_t i = 0; i < DH_COUNT_OF(declarations); i++) {
        struct fixture f = fixture_one(declarations[i]);
        const struct dh_parameter *p = dh_space_parameter(f.space, 0);
        double last = -INFINITY;
        for (uint64_t k = 0; k < (uint64_t)dh_parameter_levels(p); k++) {
            double value = dh_parameter_level(p, k);
            assert_true(value > last);
            assert_int_equal(dh_space_check(f.space, &value, &err), DH_OK);
            last = value;
        }
        fixture_close(&f);
    }
    struct fixture f = fixture_one("type = \"real\"; low = 0; high = 0.9; step = 0.1;");
    const struct dh_parameter *p = dh_space_parameter(f.space, 0);
    assert_true(dh_parameter_level(p, 3) == 0.3); /* not 0.30000000000000004 */
    assert_true(dh_parameter_level(p, 9) == 0.9);
    fixture_close(&f);
}

/* However many steps there are, rounding does not take the upper bound away; and a bound between
 * two values stays out. */
static void upper_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *declaration;
        double last, levels;
    } cases[] = {
        {"low = 0; high = 1000; step = 1e-5;", 1000, 1e8 + 1},
        {"low = 0; high = 300; step = 1e-5;", 300, 3e7 + 1},
        {"low = 0; high = 2100000; step = 0.07;", 2100000, 3e7 + 1},
        {"low = -500; high = 500; step = 1e-5;", 500, 1e8 + 1},
        {"low = 1000000.1; high = 1000000.9; step = 0.1;", 1000000.9, 9},
        {"low = 123456789.1; high = 123456789.7; step = 0.0001;", 123456789.7, 6001},
        {"low = 0.1; high = 1e6; step = 0.1; scale = \"log\";", 1e6, 1e7},
        {"low = 0; high = 1000.000005; step = 1e-5;", 1000, 1e8 + 1},
        {"low = 0; high = 999.999999; step = 1e-5;", 999.99999, 1e8},
        {"low = 0; high = 999.9999999; step = 1e-5;", 999.99999, 1e8},
        {"low = 0; high = 0.95; step = 0.1;", 0.9, 10},
        {"low = 0; high = 0.8999; step = 0.1;", 0.8, 9},
        {"low = 0; high = 0.89999999; step = 0.1;", 0.8, 9},
        {"low = 123456789.1; high = 123456789.69999; step = 0.0001;", 123456789.6999, 6000},
    };
    struct dh_error err = {0};
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *text = dh_strprintf("type = \"real\"; %s", cases[i].declaration);
        struct fixture f = fixture_one(text);
        const struct dh_parameter *p = dh_space_parameter(f.space, 0);
        double levels = dh_parameter_levels(p);
        double last = dh_parameter_level(p, (uint64_t)levels - 1);
        if (levels != cases[i].levels || last != cases[i].last)
            fail_msg("%s: %.17g levels, the last %.17g", text, levels, last);
        for (uint64_t k = 0; k < 100 && k < (uint64_t)levels; k++) {
            double value = dh_parameter_level(p, (uint64_t)levels - 1 - k);
            if (dh_space_check(f.space, &value, &err) != DH_OK)
                fail_msg("%s: %s", text, err.text);
            assert_true(dh_parameter_decode(p, dh_parameter_encode(p, value)) == value);
        }
        fixture_close(&f);
        free(text);
    }
    struct fixture f = fixture_one("type = \"real\"; low = 0; high = 1000; step = 1e-5; "
                                   "default = 1000;");
    fixture_close(&f);
}

/* Children before parents in the file: the rest of the order stays. */
static void parents_come_first(void **state)
{
    (void)state;
    struct fixture f = fixture_open("parameters = ("
                                    "{ name = \"one\"; type = \"bool\"; },"
                                    "{ name = \"leaf\"; type = \"bool\"; when = \"mid and one\"; },"
                                    "{ name = \"two\"; type = \"bool\"; },"
                                    "{ name = \"mid\"; type = \"bool\"; when = \"root\"; },"
                                    "{ name = \"root\"; type = \"bool\"; } );");
    static const char *const expected[] = {"one", "root", "mid", "leaf", "two"};
    assert_int_equal(dh_space_count(f.space), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(dh_space_parameter(f.space, i)->name, expected[i]);
        assert_int_equal(dh_space_find(f.space, expected[i]), (int)i);
    }
    assert_int_equal(dh_space_find(f.space, "three"), -1);
    assert_true(dh_space_conditional(f.space));
    assert_true(dh_space_parameter(f.space, 3)->conditional);
    double point[5] = {1, 1, 1, NAN, 0};
    dh_space_settle(f.space, point);
    assert_true(point[3] == 0);
    point[1] = 0;
    dh_space_settle(f.space, point);
    assert_true(isnan(point[2]) && isnan(point[3]) && point[4] == 0);
    fixture_close(&f);
}

/* 500 parameters, each active only with the one behind it in the file; and too many. */
static void long_chain(void **state)
{
    (void)state;
    struct dh_buffer text = {0};
    dh_buffer_text(&text, "parameters = (");
    for (int i = 0; i < 500; i++)
        dh_buffer_printf(&text, "{ name = \"p%d\"; type = \"bool\"; when = \"p%d\"; },\n", i,
                         i + 1);
    dh_buffer_text(&text, "{ name = \"p500\"; type = \"bool\"; } );");
    struct fixture f = fixture_open(text.data);
    dh_buffer_free(&text);
    assert_int_equal(dh_space_count(f.space), 501);
    assert_string_equal(dh_space_parameter(f.space, 0)->name, "p500");
    assert_string_equal(dh_space_parameter(f.space, 500)->name, "p0");
    assert_true(isinf(dh_space_size(f.space)));
    double point[501];
    for (int i = 0; i < 501; i++)
        point[i] = i != 250;
    dh_space_settle(f.space, point);
    assert_true(point[250] == 0 && isnan(point[251]) && isnan(point[500]));
    fixture_close(&f);

    dh_buffer_text(&text, "parameters = (");
    for (int i = 0; i <= 10000; i++)
        dh_buffer_printf(&text, "%s{}", i ? "," : "");
    dh_buffer_text(&text, ");");
    fixture_refuses(text.data, "10001 parameters are more than the limit of 10000");
    dh_buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_refused),    cmocka_unit_test(choices_refused),
        cmocka_unit_test(structure_refused),  cmocka_unit_test(conditions_refused),
        cmocka_unit_test(minus_in_names),     cmocka_unit_test(values_and_presets),
        cmocka_unit_test(levels_ascend),      cmocka_unit_test(upper_bounds),
        cmocka_unit_test(parents_come_first), cmocka_unit_test(long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
