/* The top level: defaults, every complaint, overrides. */
#include "fixture.h"

#define NEEDED "parameters = ( { name = \"x\"; } ); evaluator = { type = \"builtin\"; };"

static void check_error(const char *text, const char *wanted)
{
    struct dh_config *config = parsed(text);
    struct dh_settings settings;
    struct dh_error err = {0};
    if (dh_settings_unpack(config, &settings, &err) != DH_CONFIG)
        fail_msg("%s: accepted", text);
    check_text(text, err.text, wanted);
    if (strncmp(err.text, "t.cfg:", 6) != 0)
        fail_msg("%s: no file in '%s'", text, err.text);
    dh_settings_free(&settings);
    dh_config_destroy(&config);
}

/* Of a file's name, not of its folder. */
static void test_longest_checkpoint(void **state)
{
    (void)state;
    for (int length = 230; length <= 231; length++) {
        char *text =
            dh_strprintf("checkpoint = { file = \"/a/folder/%0*d\"; };\n" NEEDED, length, 0);
        struct dh_config *config = parsed(text);
        struct dh_settings settings;
        struct dh_error err = {0};
        dh_status expected = length > 230 ? DH_CONFIG : DH_OK;
        assert_int_equal(dh_settings_unpack(config, &settings, &err), expected);
        if (expected != DH_OK)
            check_text(text, err.text,
                       "t.cfg:1: checkpoint: file: a name of 231 bytes; at most 230");
        dh_settings_free(&settings);
        dh_config_destroy(&config);
        free(text);
    }
    char *text = dh_strprintf("search = { name = \"%0*d\"; };\n" NEEDED, 228, 0);
    check_error(text, "t.cfg: checkpoint: file: a name of 231 bytes");
    free(text);
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"serach = {};", "t.cfg:1: top level: unknown setting 'serach'; did you mean 'search'?"},
        {"search = 3;", "t.cfg:1: search: expected a group { … }, found integer"},
        {"search = { sed = 1; };", "search: unknown setting 'sed'; did you mean 'seed'?"},
        {"search = { seed = -1; };", "search: seed must be between 0 and"},
        {"search = { seed = 9007199254740993; };", "search: seed must be between 0 and"},
        {"search = { max_evaluations = -1; };", "search: max_evaluations must be between 0 and"},
        {"search = { max_time = \"x\"; };", "search: max_time: expected a duration"},
        {"search = { max_time = -1; };", "search: max_time must be at least 0 (found -1)"},
        {"search = { target = \"x\"; };", "search: target: expected a number, found text"},
        {"search = { patience = 1.5; };", "search: patience: expected an integer, found 1.5"},
        {"search = { max_failures = -2; };", "search: max_failures must be between 0 and"},
        {"search = { name = \"\"; };", "search: name: expected a text that can be a file name"},
        {"search = { name = \"a/b\"; };", "found 'a/b'"},
        {"search = { name = \"..\"; };", "found '..'"},
        {"search = { name = \"a\\nb\"; };", "search: name: expected a text that can be a file"},
        {"objectives = { };", "objectives: expected a list ( { name = …; goal = …; }, … ), found "
                              "group"},
        {"objectives = ();", "objectives: expected 1 to 16, found 0"},
        {"objectives = (3);", "objectives: expected a group { … }, found integer"},
        {"objectives = ( { goal = \"maximize\"; } );", "objectives: 'name' is missing"},
        {"objectives = ( { name = \"\"; } );", "objectives: name: expected a name without '/'"},
        {"objectives = ( { name = \"a\"; goal = \"maximise\"; } );", "did you mean 'maximize'?"},
        {"objectives = ( { name = \"a\"; }, { name = \"a\"; } );", "there are two named 'a'"},
        {"checkpoint = { file = \"\"; };", "checkpoint: file: expected the name of a file, found "},
        {"checkpoint = { file = \"a/\"; };", "checkpoint: file: expected the name of a file"},
        {"checkpoint = { interval = \"0s\"; };",
         "checkpoint: interval must be at least 1 (found '0s"},
        {"checkpoint = { sync = -1; };", "checkpoint: sync must be at least 0 (found -1)"},
        {"constraints = \"x < 1\";", "constraints: expected a list ( \"units <= 64\", … ), found"},
        {"initial = { x = 1; };", "initial: expected a list"},
        {"warm_start = 3;", "warm_start: expected a list [ \"results.csv\", … ], found integer"},
        {"optimizer = \"random\";", "optimizer: expected a group { method = …; }, found text"},
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        char *text = dh_strprintf("%s\n" NEEDED, cases[i][0]);
        check_error(text, cases[i][1]);
        free(text);
    }
    check_error("", "t.cfg: top level: 'parameters' is missing\n"
                    "t.cfg: top level: 'evaluator' is missing");
    check_error("parameters = (); evaluator = {};",
                "t.cfg:1: parameters: expected at least one, found none");
    check_error("parameters = {}; evaluator = {};", "t.cfg:1: parameters: expected a list");
    check_error("parameters = ({}); evaluator = 1;", "t.cfg:1: evaluator: expected a group");
    struct dh_buffer many = {0};
    dh_buffer_text(&many, NEEDED "objectives = (");
    for (int i = 0; i < 17; i++)
        dh_buffer_printf(&many, "%s{ name = \"o%d\"; }", i ? "," : "", i);
    dh_buffer_text(&many, ");");
    check_error(many.data, "objectives: expected 1 to 16, found 17");
    dh_buffer_free(&many);
}

/* All groups are looked at before the user hears about it. */
static void test_several(void **state)
{
    (void)state;
    check_error(
        "search = { seed = -1; };\nobjectives = ();\ncheckpoint = { file = \"\"; };\nx = 1;",
        "t.cfg:4: top level: unknown setting 'x'");
    check_error(
        "search = { seed = -1; };\nobjectives = ();\ncheckpoint = { file = \"\"; };\nx = 1;",
        "\nt.cfg:1: search: seed");
    check_error(
        "search = { seed = -1; };\nobjectives = ();\ncheckpoint = { file = \"\"; };\nx = 1;",
        "\nt.cfg:2: objectives: expected 1");
    check_error(
        "search = { seed = -1; };\nobjectives = ();\ncheckpoint = { file = \"\"; };\nx = 1;",
        "\nt.cfg:3: checkpoint: file");
}

static void test_defaults(void **state)
{
    static const char *const names[][2] = {{"dir/digits.cfg", "digits"},
                                           {"digits", "digits"},
                                           {"a.b.cfg", "a.b"},
                                           {".hidden", ".hidden"},
                                           {"dir/", "search"}};
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(names); i++) {
        struct dh_config *config;
        struct dh_settings settings;
        struct dh_error err = {0};
        assert_int_equal(dh_config_parse(names[i][0], NEEDED, &config, &err), DH_OK);
        if (dh_settings_unpack(config, &settings, &err))
            fail_msg("%s", err.text);
        char *file = dh_strprintf("%s.h5", names[i][1]);
        assert_string_equal(settings.search.name, names[i][1]);
        assert_string_equal(settings.checkpoint.file, file);
        assert_ptr_equal(settings.config, config);
        assert_int_equal(settings.search.seed, 0);
        assert_int_equal(settings.search.max_evaluations, 0);
        assert_true(settings.search.max_time == 0 && isnan(settings.search.target));
        assert_int_equal(settings.search.patience, 0);
        assert_int_equal(settings.search.max_failures, 0);
        assert_true(settings.checkpoint.interval == 60 && settings.checkpoint.sync == 1);
        assert_int_equal(settings.objective_count, 1);
        assert_string_equal(settings.objectives[0].name, "objective");
        assert_true(settings.objectives[0].maximize);
        assert_non_null(settings.parameters);
        assert_non_null(settings.evaluator);
        assert_true(!settings.constraints && !settings.initial && !settings.warm_start &&
                    !settings.optimizer);
        dh_settings_free(&settings);
        dh_settings_free(&settings); /* again is fine */
        dh_config_destroy(&config);
        free(file);
    }
}

/* The configuration that SPEC shows. */
static const char spec[] =
    "search     = { name = \"digits\"; seed = 42; max_evaluations = 200; max_time = \"01:50:00\";\n"
    "               target = 0.995; patience = 0; };\n"
    "objectives = ( { name = \"accuracy\"; goal = \"maximize\"; },\n"
    "               { name = \"loss\"; goal = \"minimize\"; } );\n"
    "parameters = (\n"
    "  { name = \"lr\"; type = \"real\"; low = 1e-5; high = 1e-1; scale = \"log\"; default = 1e-3; "
    "},\n"
    "  { name = \"act\"; type = \"categorical\"; values = (\"relu\", \"tanh\"); weights = [2.0, "
    "1.0]; }\n"
    ");\n"
    "constraints = ( \"units * depth <= 1024\", \"not (act == 'tanh' and lr > 0.05)\" );\n"
    "initial     = ( { lr = 1e-2; units = 64; } );\n"
    "warm_start  = [ \"old.h5\", \"results.csv\" ];\n"
    "optimizer   = { method = \"random\"; };\n"
    "evaluator   = { type = \"python\"; function = \"train.run\"; timeout = \"00:10:00\"; };\n"
    "checkpoint  = { file = \"runs/digits.h5\"; interval = \"90s\"; sync = 0; };\n";

static void check_spec(const struct dh_config *config)
{
    struct dh_settings settings;
    struct dh_error err = {0};
    if (dh_settings_unpack(config, &settings, &err))
        fail_msg("%s", err.text);
    assert_string_equal(settings.search.name, "digits");
    assert_int_equal(settings.search.seed, 42);
    assert_int_equal(settings.search.max_evaluations, 200);
    assert_true(settings.search.max_time == 6600 && settings.search.target == 0.995);
    assert_int_equal(settings.objective_count, 2);
    assert_string_equal(settings.objectives[1].name, "loss");
    assert_true(settings.objectives[0].maximize && !settings.objectives[1].maximize);
    assert_string_equal(settings.checkpoint.file, "runs/digits.h5");
    assert_true(settings.checkpoint.interval == 90 && settings.checkpoint.sync == 0);
    assert_int_equal(settings.parameters->child_count, 2);
    assert_int_equal(settings.constraints->child_count, 2);
    assert_int_equal(settings.initial->child_count, 1);
    assert_int_equal(settings.warm_start->child_count, 2);
    assert_string_equal(dh_node_child(settings.optimizer, "method")->text, "random");
    assert_string_equal(dh_node_child(settings.evaluator, "type")->text, "python");
    dh_settings_free(&settings);
}

static void test_spec(void **state)
{
    (void)state;
    struct dh_config *config = parsed(spec), *again = parsed(dh_config_text(config));
    check_spec(config);
    check_spec(again);
    dh_config_destroy(&config);
    dh_config_destroy(&again);
}

static void test_overrides(void **state)
{
    const char *const good[] = {"search.max_evaluations=20", "search.name=other",
                                "search.seed=1e3"};
    const char *const bad[] = {"search.seed=x"};
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_error err = {0};
    (void)state;
    char *path = written_text(".cfg", NEEDED);
    assert_int_equal(dh_config_read(path, good, 3, &config, &err), DH_OK);
    assert_int_equal(dh_settings_unpack(config, &settings, &err), DH_OK);
    assert_int_equal(settings.search.max_evaluations, 20);
    assert_int_equal(settings.search.seed, 1000);
    assert_string_equal(settings.checkpoint.file, "other.h5");
    dh_settings_free(&settings);
    dh_config_destroy(&config);
    assert_int_equal(dh_config_read(path, bad, 1, &config, &err), DH_OK);
    assert_int_equal(dh_settings_unpack(config, &settings, &err), DH_CONFIG);
    assert_string_equal(err.text,
                        "--set search.seed=x: search: seed: expected an integer, found text");
    dh_config_destroy(&config);
    removed(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_longest_checkpoint),
        cmocka_unit_test(test_several), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_spec),    cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
