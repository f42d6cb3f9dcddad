/* Points: settling, constraints, sampling, identity, reading, formats, comparing spaces. */
#include "fixture.h"

#include "dh_mpi/buffer.h"
#include "dh_mpi/random.h"

static const char flat[] =
    "parameters = (\n"
    "{ name = \"lr\"; type = \"real\"; low = 1e-5; high = 1e-1; scale = \"log\"; default = 1e-3; "
    "},\n"
    "{ name = \"units\"; type = \"int\"; low = 8; high = 512; scale = \"log\"; },\n"
    "{ name = \"depth\"; type = \"ordinal\"; values = (1, 2, 4); when = \"act != 'none'\"; },\n"
    "{ name = \"act\"; type = \"categorical\"; values = (\"relu\", \"tanh\", \"none\"); },\n"
    "{ name = \"norm\"; type = \"bool\"; },\n"
    "{ name = \"solver\"; type = \"categorical\"; values = (\"sgd\", \"adam\"); when = \"norm\"; "
    "},\n"
    "{ name = \"momentum\"; type = \"real\"; low = 0.0; high = 0.99; when = \"solver == 'sgd'\"; "
    "},\n"
    "{ name = \"kind\"; type = \"constant\"; value = \"a \\\"b\\\"\"; } );\n"
    "constraints = ( \"units * depth <= 1024\", \"not (act == 'tanh' and lr > 0.05)\" );\n";

enum { LR, UNITS, ACT, DEPTH, NORM, SOLVER, MOMENTUM, KIND, COUNT };

static void settling(void **state)
{
    (void)state;
    struct fixture f = fixture_open(flat);
    assert_int_equal(dh_space_count(f.space), COUNT);
    assert_int_equal(dh_space_find(f.space, "depth"), DEPTH);
    double point[COUNT];
    for (int i = 0; i < COUNT; i++)
        point[i] = NAN;
    dh_space_settle(f.space, point);
    assert_true(point[LR] == 1e-3 && point[UNITS] == 64 && point[DEPTH] == 1 && point[ACT] == 0);
    assert_true(point[NORM] == 0 && isnan(point[SOLVER]) && isnan(point[MOMENTUM]));
    point[NORM] = 1; /* wakes the whole chain */
    dh_space_settle(f.space, point);
    assert_true(point[SOLVER] == 0 && point[MOMENTUM] == 0.495);
    point[NORM] = 0; /* and its end sleeps with its beginning */
    assert_true(dh_space_active(f.space, MOMENTUM, point));
    dh_space_settle(f.space, point);
    assert_true(isnan(point[SOLVER]) && isnan(point[MOMENTUM]));
    assert_false(dh_space_active(f.space, MOMENTUM, point));
    fixture_close(&f);
}

/* A constraint on an inactive parameter does not apply. */
static void constraints(void **state)
{
    (void)state;
    struct fixture f = fixture_open(flat);
    struct dh_error err = {0};
    double point[COUNT] = {1e-3, 512, 0, 2, 0, NAN, NAN, 0};
    assert_false(dh_space_feasible(f.space, point));
    assert_int_equal(dh_space_check(f.space, point, &err), DH_CONFIG);
    assert_string_equal(err.text,
                        "the constraint \"units * depth <= 1024\" (t.cfg:10) does not hold");
    point[ACT] = 2;
    dh_space_settle(f.space, point);
    assert_true(isnan(point[DEPTH]));
    assert_true(dh_space_feasible(f.space, point));
    assert_int_equal(dh_space_check(f.space, point, &err), DH_OK);
    fixture_close(&f);
}

static void checking(void **state)
{
    (void)state;
    struct fixture f = fixture_open(flat);
    static const struct {
        int index;
        double value;
        const char *expected;
    } cases[] = {
        {LR, 0.5, "lr = 0.5 is above its upper bound 0.1"},
        {LR, 1e-6, "lr = 1e-06 is below its lower bound 1e-05"},
        {LR, INFINITY, "lr has to be a finite number"},
        {LR, NAN, "lr has no value, but it is active"},
        {LR, 0.012345678901234567,
         "lr = 0.012345678901234567 is not canonical; the nearest value "
         "is 0.01234567890123"},
        {UNITS, 8.5, "units = 8.5 is no integer; the nearest is 9"},
        {ACT, 3, "act has 3 choices, none with the number 3"},
        {ACT, 0.5, "act has 3 choices, none with the number 0.5"},
        {ACT, -1, "act has 3 choices, none with the number -1"},
        {MOMENTUM, 0.5, "momentum has a value, but its condition does not hold: solver == 'sgd'"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        double point[COUNT] = {1e-3, 64, 0, 1, 0, NAN, NAN, 0};
        struct dh_error err = {0};
        assert_int_equal(dh_space_check(f.space, point, &err), DH_OK);
        point[cases[i].index] = cases[i].value;
        assert_int_equal(dh_space_check(f.space, point, &err), DH_CONFIG);
        assert_string_equal(err.text, cases[i].expected);
    }
    fixture_close(&f);
}

/* Samples are canonical and feasible, survive the unit cube, and differ from each other. */
static void sampling(void **state)
{
    (void)state;
    struct fixture f = fixture_open(flat);
    struct dh_error err = {0};
    double point[COUNT], unit[COUNT], back[COUNT];
    int active = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        struct dh_random random = dh_random_at(5, DH_STREAM_TEST, i);
        assert_int_equal(dh_space_sample(f.space, &random, point, &err), DH_OK);
        if (dh_space_check(f.space, point, &err) != DH_OK)
            fail_msg("%s", err.text);
        dh_space_encode(f.space, point, unit);
        dh_space_decode(f.space, unit, back);
        assert_true(dh_space_equal(f.space, point, back));
        assert_true(dh_space_identity(f.space, point) == dh_space_identity(f.space, back));
        dh_space_decode(f.space, unit, unit); /* in place */
        assert_true(dh_space_equal(f.space, point, unit));
        active += !isnan(point[MOMENTUM]);
    }
    assert_true(active > 400 && active < 600); /* 1 in 4 */
    fixture_close(&f);
}

/* A parameter uses up its number even where it is inactive: the others do not shift. */
static void draws_do_not_shift(void **state)
{
    (void)state;
    struct fixture f = fixture_open("parameters = ( { name = \"on\"; type = \"bool\"; },"
                                    "{ name = \"m\"; type = \"real\"; low = 0; high = 1; "
                                    "when = \"on\"; },"
                                    "{ name = \"z\"; type = \"real\"; low = 0; high = 1; } );");
    struct dh_error err = {0};
    int inactive = 0;
    for (uint64_t i = 0; i < 20; i++) {
        struct dh_random random = dh_random_at(5, DH_STREAM_TEST, i), same = random;
        double point[3], u[3], expected[3];
        assert_int_equal(dh_space_sample(f.space, &random, point, &err), DH_OK);
        for (int k = 0; k < 3; k++)
            u[k] = dh_random_uniform(&same);
        dh_space_quantile(f.space, u, expected);
        assert_true(dh_space_equal(f.space, point, expected));
        inactive += isnan(point[1]);
    }
    assert_true(inactive > 0 && inactive < 20);
    fixture_close(&f);
}

#define TRIANGLE(limit)                                                                            \
    "parameters = ( { name = \"a\"; type = \"real\"; low = 0; high = 1; },\n"                      \
    "{ name = \"b\"; type = \"real\"; low = 0; high = 1; } );\n"                                   \
    "constraints = ( \"a <= b\",\n\"a + b < " limit "\" );"

static void rare_constraints(void **state)
{
    (void)state;
    struct dh_error err = {0};
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    double point[2];
    struct fixture f = fixture_open(TRIANGLE("0.02"));
    assert_int_equal(dh_space_sample(f.space, &random, point, &err), DH_OK);
    assert_true(point[0] <= point[1] && point[0] + point[1] < 0.02);
    fixture_close(&f);
    f = fixture_open(TRIANGLE("0"));
    assert_int_equal(dh_space_sample(f.space, &random, point, &err), DH_CONFIG);
    assert_string_equal(err.text, "t.cfg:4: the constraints held at none of 100000 random "
                                  "points; most often, at 100000 of them, \"a + b < 0\" did not");
    fixture_close(&f);
}

/* Neither the order of the parameters nor that of the values matters, and nothing else is equal. */
static void identity(void **state)
{
    (void)state;
    struct fixture f =
        fixture_open("parameters = ( { name = \"a\"; type = \"real\"; low = -1; high = 1; },"
                     "{ name = \"b\"; type = \"real\"; low = -1; high = 1; },"
                     "{ name = \"c\"; type = \"categorical\"; values = (\"x\", \"y\"); } );");
    struct fixture g = fixture_open(
        "parameters = ( { name = \"c\"; type = \"categorical\"; values = (\"y\", \"x\"); },"
        "{ name = \"b\"; type = \"real\"; low = -1; high = 1; },"
        "{ name = \"a\"; type = \"real\"; low = -1; high = 1; } );");
    double p[] = {0.25, 0.5, 0}, same[] = {1, 0.5, 0.25};
    assert_true(dh_space_identity(f.space, p) == dh_space_identity(g.space, same));
    double others[][3] = {{0.5, 0.25, 0}, {0.25, 0.5, 1}, {0.25, NAN, 0}, {NAN, 0.5, 0}, {0, 0, 0}};
    for (size_t i = 0; i < DH_COUNT_OF(others); i++) {
        assert_false(dh_space_equal(f.space, p, others[i]));
        assert_true(dh_space_identity(f.space, p) != dh_space_identity(f.space, others[i]));
    }
    double plus[] = {0.0, 0.5, 0}, minus[] = {-0.0, 0.5, 0};
    assert_true(dh_space_equal(f.space, plus, minus));
    assert_true(dh_space_identity(f.space, plus) == dh_space_identity(f.space, minus));
    fixture_close(&f);
    fixture_close(&g);
}

static void formats(void **state)
{
    (void)state;
    struct fixture f = fixture_open(flat);
    double point[COUNT] = {1e-3, 64, 0, 2, 0, NAN, NAN, 0};
    struct dh_buffer out = {0};
    dh_space_format_json(f.space, point, &out);
    assert_string_equal(out.data, "{\"lr\": 0.001, \"units\": 64, \"act\": \"relu\", \"depth\": 4, "
                                  "\"norm\": false, \"kind\": \"a \\\"b\\\"\"}");
    dh_buffer_clear(&out);
    dh_space_format_config(f.space, point, &out);
    assert_string_equal(out.data, "{ lr = 0.001; units = 64; act = \"relu\"; depth = 4; "
                                  "norm = false; kind = \"a \\\"b\\\"\"; }");
    dh_buffer_clear(&out);
    dh_parameter_format(dh_space_parameter(f.space, MOMENTUM), NAN, &out);
    assert_int_equal(out.size, 0);
    dh_buffer_free(&out);
    fixture_close(&f);
}

/* Choices that were written as true and false, alone and among texts, beside the text "true". */
static const char truths[] =
    "parameters = ( { name = \"fixed\"; type = \"constant\"; value = false; },"
    "{ name = \"flag\"; type = \"categorical\"; values = (true, false); },"
    "{ name = \"mode\"; type = \"ordinal\"; values = (\"auto\", false, true); when = \"flag\"; },"
    "{ name = \"word\"; type = \"categorical\"; values = (\"true\", \"1\"); } );";
enum { FIXED, FLAG, MODE, WORD, TRUTHS };

static void truth_values_formatted(void **state)
{
    (void)state;
    struct fixture f = fixture_open(truths);
    double point[TRUTHS] = {0, 0, 2, 0};
    struct dh_buffer out = {0};
    dh_space_format_json(f.space, point, &out);
    assert_string_equal(out.data, "{\"fixed\": false, \"flag\": true, \"mode\": true, "
                                  "\"word\": \"true\"}");
    dh_buffer_clear(&out);
    point[MODE] = 0;
    dh_space_format_config(f.space, point, &out);
    assert_string_equal(out.data, "{ fixed = false; flag = true; mode = \"auto\"; "
                                  "word = \"true\"; }");
    dh_buffer_free(&out);
    fixture_close(&f);
}

/* A constant of 2^60 is an integer to Python, which 1.152921504606847e+18 is not; and 1.0 is
 * none: scikit-learn takes it for all features, 1 for one. */
static void whole_numbers_formatted(void **state)
{
    (void)state;
    struct fixture f = fixture_open(
        "parameters = ( { name = \"c\"; type = \"constant\"; value = 0x1000000000000000L; },"
        "{ name = \"o\"; type = \"ordinal\"; values = (-1000000000000000L, 0.5, 1e300, 1.0, "
        "-1e16); } );");
    struct dh_buffer out = {0};
    dh_space_format_json(f.space, (double[]){0, 0}, &out);
    assert_string_equal(out.data, "{\"c\": 1152921504606846976, \"o\": -1000000000000000}");
    dh_buffer_clear(&out);
    dh_space_format_json(f.space, (double[]){0, 2}, &out);
    assert_non_null(strstr(out.data, "\"o\": 1e+300"));
    dh_buffer_clear(&out);
    dh_space_format_config(f.space, (double[]){0, 1}, &out);
    assert_string_equal(out.data, "{ c = 1152921504606846976L; o = 0.5; }");
    dh_buffer_clear(&out);
    dh_space_format_config(f.space, (double[]){0, 3}, &out);
    assert_string_equal(out.data, "{ c = 1152921504606846976L; o = 1.0; }");
    dh_buffer_clear(&out);
    dh_space_format_json(f.space, (double[]){0, 4}, &out);
    assert_non_null(strstr(out.data, "\"o\": -1e+16"));
    dh_buffer_free(&out);
    fixture_close(&f);
}

/* A configuration says which of the two is meant, a CSV file cannot. */
static void truth_values_read(void **state)
{
    (void)state;
    static const struct {
        const char *given, *expected; /* NULL: accepted */
    } cases[] = {
        {"fixed = false; flag = true; mode = false; word = \"true\";", NULL},
        {"flag = \"true\";", "flag = 'true': expected one of true, false"},
        {"mode = \"false\";", "mode = 'false': expected one of 'auto', false, true"},
        {"word = true;", "word = true: expected one of 'true', '1'"},
        {"fixed = true;", "fixed = true: expected one of false"},
        {"flag = 1;", "flag = 1: expected one of true, false"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *text = dh_strprintf("%sinitial = ( { %s } );", truths, cases[i].given);
        struct fixture f = fixture_open(text);
        struct dh_error err = {0};
        double point[TRUTHS];
        const struct dh_node *group = f.settings.initial->children[0];
        dh_status status = dh_space_read_point(f.space, group, point, &err);
        assert_int_equal(status, cases[i].expected ? DH_CONFIG : DH_OK);
        assert_true(!cases[i].expected || strstr(err.text, cases[i].expected));
        fixture_close(&f);
        free(text);
    }
    static const struct {
        int index;
        const char *text;
        double value; /* INFINITY: refused */
    } fields[] = {
        {FIXED, "False", 0}, {FIXED, "true", INFINITY}, {FLAG, "true", 0},       {FLAG, "False", 1},
        {FLAG, "1.0", 0},    {FLAG, "", NAN},           {FLAG, "yes", INFINITY}, {MODE, "auto", 0},
        {MODE, "0", 1},      {WORD, "True", INFINITY},  {WORD, "true", 0},       {WORD, "1", 1},
    };
    struct fixture f = fixture_open(truths);
    for (size_t i = 0; i < DH_COUNT_OF(fields); i++) {
        const struct dh_parameter *p = dh_space_parameter(f.space, (size_t)fields[i].index);
        double value = -1, expected = fields[i].value;
        dh_status status = dh_parameter_parse(p, fields[i].text, &value, NULL);
        if (status != (isinf(expected) ? DH_CONFIG : DH_OK) ||
            (status == DH_OK && !(value == expected || (isnan(value) && isnan(expected)))))
            fail_msg("%s = %s gave %g", p->name, fields[i].text, value);
    }
    fixture_close(&f);
}

/* What format_config writes, `initial` reads. */
static void round_trip(const char *space)
{
    struct fixture f = fixture_open(space);
    for (uint64_t i = 0; i < 50; i++) {
        struct dh_random random = dh_random_at(2, DH_STREAM_TEST, i);
        struct dh_error err = {0};
        struct dh_buffer text = {0};
        double point[5], back[5];
        assert_int_equal(dh_space_sample(f.space, &random, point, &err), DH_OK);
        dh_buffer_printf(&text, "%s\ninitial = ( ", space);
        dh_space_format_config(f.space, point, &text);
        dh_buffer_text(&text, " );");
        struct fixture g = fixture_open(text.data);
        const struct dh_node *group = g.settings.initial->children[0];
        if (dh_space_read_point(g.space, group, back, &err) != DH_OK)
            fail_msg("%s in %s", err.text, text.data);
        assert_true(dh_space_equal(f.space, point, back));
        fixture_close(&g);
        dh_buffer_free(&text);
    }
    fixture_close(&f);
}

/* Odd texts, large and small numbers; names that libconfig does not take as keys. */
static void config_round_trip(void **state)
{
    (void)state;
    round_trip("parameters = ("
               "{ name = \"t\"; type = \"categorical\"; values = "
               "(\"\\\\\\\"\\n\\x01'\", \"\xc3\xa9#//\", \"\"); },"
               "{ name = \"n\"; type = \"ordinal\"; values = "
               "(-5000000000L, 1e15, 12345678901.5, 1e-7, 0.1); },"
               "{ name = \"i\"; type = \"int\"; low = 9007199254740000L; "
               "high = 9007199254740992L; },"
               "{ name = \"r\"; type = \"real\"; low = -1e12; high = 1e12; },"
               "{ name = \"b\"; type = \"bool\"; } );");
    round_trip(truths);
    round_trip("parameters = ("
               "{ name = \"_a\"; type = \"real\"; low = 0.0; high = 1.0; },"
               "{ name = \"a.b[0]\"; type = \"categorical\"; values = (\"x\", \"y\"); },"
               "{ name = \"n\"; type = \"int\"; low = 1; high = 9; } );");
}

static void reading_points(void **state)
{
    (void)state;
    static const struct {
        const char *group, *expected; /* NULL: accepted */
    } cases[] = {
        {"lr = 1e-2; units = 64;", NULL},
        {"", NULL},
        {"norm = true; momentum = 0.5;", NULL},
        {"unit = 64;", "t.cfg:12: there is no parameter \"unit\"; did you mean \"units\"?"},
        {"lr = 1;", "t.cfg:12: lr = 1 is above its upper bound 0.1"},
        {"act = \"relo\";", "t.cfg:12: act = 'relo': expected one of 'relu', 'tanh', 'none'"},
        {"norm = true; solver = \"adam\"; momentum = 0.5;",
         "t.cfg:12: momentum cannot have a value here, its condition does not hold: "
         "solver == 'sgd'"},
        {"units = 512; depth = 4;",
         "t.cfg:12: the constraint \"units * depth <= 1024\" (t.cfg:10) does not hold"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *text = dh_strprintf("%sinitial = (\n{ %s } );", flat, cases[i].group);
        struct fixture f = fixture_open(text);
        struct dh_error err = {0};
        double point[COUNT];
        const struct dh_node *group = f.settings.initial->children[0];
        dh_status status = dh_space_read_point(f.space, group, point, &err);
        if (cases[i].expected)
            assert_string_equal(err.text, cases[i].expected);
        else
            assert_string_equal(err.text, "");
        assert_int_equal(status, cases[i].expected ? DH_CONFIG : DH_OK);
        fixture_close(&f);
        free(text);
    }
}

static void parsing(void **state)
{
    (void)state;
    struct fixture f = fixture_open(flat);
    static const struct {
        int index;
        const char *text;
        double value; /* INFINITY: refused */
    } cases[] = {
        {LR, "0.01", 0.01},
        {LR, "1e-2", 0.01},
        {LR, "", NAN},
        {LR, "nan", NAN},
        {LR, "x", INFINITY},
        {LR, "1", INFINITY},
        {LR, "inf", INFINITY},
        {UNITS, "64", 64},
        {UNITS, "64.0", 64},
        {UNITS, "64.5", INFINITY},
        {UNITS, "64x", INFINITY},
        {DEPTH, "4", 2},
        {DEPTH, "4.0", 2},
        {DEPTH, "3", INFINITY},
        {DEPTH, "a", INFINITY},
        {ACT, "tanh", 1},
        {ACT, "Tanh", INFINITY},
        {ACT, "1", INFINITY},
        {NORM, "true", 1},
        {NORM, "False", 0},
        {NORM, "1.0", 1},
        {NORM, "yes", INFINITY},
        {NORM, "", NAN},
        {KIND, "a \"b\"", 0},
        {LR, "0.010000000000000002", 0.01},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_error err = {0};
        double value = -1, expected = cases[i].value;
        const struct dh_parameter *p = dh_space_parameter(f.space, (size_t)cases[i].index);
        dh_status status = dh_parameter_parse(p, cases[i].text, &value, &err);
        if (status != (isinf(expected) ? DH_CONFIG : DH_OK))
            fail_msg("%s = %s: %s", p->name, cases[i].text, err.text);
        if (status == DH_OK && !(value == expected || (isnan(value) && isnan(expected))))
            fail_msg("%s = %s gave %g", p->name, cases[i].text, value);
        assert_true(status == DH_OK || strstr(err.text, p->name));
    }
    fixture_close(&f);
}

static void comparing(void **state)
{
    (void)state;
    const char *before = "parameters = ( { name = \"a\"; type = \"real\"; low = 0; high = 1; },"
                         "{ name = \"b\"; type = \"bool\"; },"
                         "{ name = \"c\"; type = \"categorical\"; values = (\"x\", \"y\"); "
                         "when = \"b and a > 0.5\"; } );"
                         "constraints = ( \"a < 0.9\", \"a * 2 != 1\" );";
    const char *same = "parameters = ("
                       "{ name = \"c\"; type = \"categorical\"; values = (\"x\", \"y\"); "
                       "when = \"b  and a>0.5\"; default = \"y\"; weights = [1, 2]; },"
                       "{ name = \"b\"; type = \"bool\"; },"
                       "{ name = \"a\"; type = \"real\"; low = 0; high = 1; prior = \"normal\"; "
                       "deviation = 1; } );"
                       "constraints = ( \"a*2 != 1\", \"a < 0.9\" );";
    const char *other = "parameters = ( { name = \"a\"; type = \"real\"; low = 1e-2; high = 2; "
                        "scale = \"log\"; step = 0.5; },"
                        "{ name = \"b\"; type = \"constant\"; value = 1; },"
                        "{ name = \"c\"; type = \"categorical\"; values = (\"y\", \"x\"); },"
                        "{ name = \"d\"; type = \"bool\"; } );"
                        "constraints = ( \"a < 0.8\", \"a * 2 != 1\" );";
    static const char *const expected =
        "the space is not that of the history:"
        "\n  a: low was 0, is 0.01\n  a: high was 1, is 2\n  a: step was 0, is 0.5"
        "\n  a: scale was linear, is log"
        "\n  b: its type was bool, is constant"
        "\n  c: values was ('x', 'y'), is ('y', 'x')"
        "\n  c: its condition was b and a>0.5, is none"
        "\n  d: is new"
        "\n  the constraint \"a < 0.9\" is gone\n  the constraint \"a < 0.8\" is new";
    struct fixture f = fixture_open(before), g = fixture_open(same), h = fixture_open(other);
    struct dh_error err = {0};
    assert_int_equal(dh_space_compare(f.space, f.space, &err), DH_OK);
    if (dh_space_compare(f.space, g.space, &err) != DH_OK)
        fail_msg("%s", err.text);
    assert_int_equal(dh_space_compare(f.space, h.space, &err), DH_CONFIG);
    assert_string_equal(err.text, expected);
    assert_int_equal(dh_space_compare(h.space, f.space, &err), DH_CONFIG);
    assert_non_null(strstr(err.text, "d: is gone"));
    fixture_close(&f);
    fixture_close(&g);
    fixture_close(&h);
    f = fixture_open("parameters = ( { name = \"a\"; type = \"constant\"; value = true; } );");
    g = fixture_open("parameters = ( { name = \"a\"; type = \"constant\"; value = \"true\"; } );");
    assert_int_equal(dh_space_compare(f.space, f.space, &err), DH_OK);
    assert_int_equal(dh_space_compare(f.space, g.space, &err), DH_CONFIG);
    assert_non_null(strstr(err.text, "a: values was (true), is ('true')"));
    fixture_close(&f);
    fixture_close(&g);
    f = fixture_open("parameters = ( { name = \"a\"; type = \"ordinal\"; values = (1, 2); } );");
    g = fixture_open("parameters = ( { name = \"a\"; type = \"ordinal\"; values = (1.0, 2); } );");
    assert_int_equal(dh_space_compare(f.space, g.space, &err), DH_CONFIG);
    assert_non_null(strstr(err.text, "a: values was (1, 2), is (1.0, 2)"));
    fixture_close(&f);
    fixture_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settling),
        cmocka_unit_test(constraints),
        cmocka_unit_test(checking),
        cmocka_unit_test(sampling),
        cmocka_unit_test(draws_do_not_shift),
        cmocka_unit_test(rare_constraints),
        cmocka_unit_test(identity),
        cmocka_unit_test(formats),
        cmocka_unit_test(truth_values_formatted),
        cmocka_unit_test(truth_values_read),
        cmocka_unit_test(whole_numbers_formatted),
        cmocka_unit_test(config_round_trip),
        cmocka_unit_test(reading_points),
        cmocka_unit_test(parsing),
        cmocka_unit_test(comparing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
