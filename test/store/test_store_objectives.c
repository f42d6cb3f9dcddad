/* Imports of results whose objectives or goals are not those of the search that learns them. */
#include "fixture.h"

#include <stdio.h>

#define ONE_NUMBER                                                                                 \
    "parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = 9.0; } );"                  \
    "evaluator = { type = \"builtin\"; }; objectives = "

/* A checkpoint of one successful trial with the values 1, 2, … of its objectives. */
static void keep_one(const struct fixture *f)
{
    double x = 0.5;
    struct dh_error err = {0};
    size_t count = f->settings.objective_count;
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_alloc(count, sizeof(double))};
    struct dh_history *history = dh_history_create(1, count);
    for (size_t i = 0; i < count; i++)
        outcome.objectives[i] = (double)i + 1;
    dh_history_propose(history, &x);
    assert_int_equal(dh_history_end(history, 0, &outcome, NULL), DH_OK);
    assert_int_equal(fixture_checkpoint(f, f->path, history, 2, &err), DH_OK);
    dh_history_destroy(&history);
}

/* Which values of a checkpoint are learnt where objectives or goals changed, and what is said. */
static void test_import_objectives(void **state)
{
    (void)state;
#define MAX(name) "{ name = \"" name "\"; }"
#define MIN(name) "{ name = \"" name "\"; goal = \"minimize\"; }"
    static const struct {
        const char *old, *now;
        double values[2];           /* that are learnt; 0: none */
        const char *note, *warning; /* NULL: none at all */
        const char *error;
    } cases[] = {
        {MAX("a"), MAX("a"), {1}, .note = NULL},
        {MAX("a"),
         MIN("a"),
         {1},
         .warning = "s.h5: the goal of the objective a was maximize there "
                    "and is minimize here; its values are taken as they"},
        {MIN("a"), MAX("a"), {1}, .warning = "a was minimize there and is maximize here;"},
        {MAX("a"), MAX("b"), {1}, .note = "s.h5: its objective a is taken for b\n"},
        {MAX("a"), MIN("b"), .error = "for the objective b (minimize); there are a (maximize)"},
        {MAX("objective"), MIN("b"), .error = "there are objective (maximize)"},
        {MAX("a") "," MIN("b"), MAX("c"), .error = "there are a (maximize), b (minimize)"},
        {MAX("a") "," MIN("b"), MIN("b"), {2}, .note = NULL},
        {MAX("a") "," MAX("b"), MAX("b") "," MAX("a"), {2, 1}, .note = NULL},
        {MAX("a") "," MIN("b"), MAX("c") "," MIN("b"), {1, 2}, .note = "a is taken for c\n"},
        {MAX("a") "," MAX("b"),
         MAX("b") "," MAX("c"),
         {2},
         .note = "no results for the objective c"},
        {MAX("a") "," MAX("b"), MAX("c") "," MAX("a"), .error = "for the objective c (maximize)"},
        {MAX("a"),
         MAX("a") "," MIN("b"),
         {1},
         .note = "no results for the objective b: not there\n"},
        {MAX("objective_1") "," MAX("b"), MAX("objective_1"), {1}, .note = NULL},
    };
#undef MAX
#undef MIN
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct fixture old, now;
        struct dh_import import;
        struct dh_error err = {0};
        char config[800];
        snprintf(config, sizeof config, ONE_NUMBER "( %s );", cases[i].old);
        fixture_open_config(&old, config);
        snprintf(config, sizeof config, ONE_NUMBER "( %s );", cases[i].now);
        fixture_open_config(&now, config);
        keep_one(&old);
        dh_status status =
            dh_import_read(old.path, now.space, &now.settings, DH_IMPORT_RESULTS, &import, &err);
        assert_int_equal(status, cases[i].error ? DH_CONFIG : DH_OK);
        if (cases[i].error) {
            assert_non_null(strstr(err.text, "s.h5: no results: "));
            assert_non_null(strstr(err.text, cases[i].error));
            /* its points are as good as any */
            assert_int_equal(
                dh_import_read(old.path, now.space, &now.settings, DH_IMPORT_POINTS, &import, &err),
                DH_OK);
            assert_true(import.count == 1 && isnan(import.objectives[0]));
        } else {
            assert_int_equal(import.count, 1);
            for (size_t k = 0; k < now.settings.objective_count; k++)
                assert_true(cases[i].values[k] > 0 ? import.objectives[k] == cases[i].values[k]
                                                   : isnan(import.objectives[k]));
            assert_true(cases[i].note ? strstr(import.notes, cases[i].note) != NULL
                                      : import.notes[0] == '\0');
            assert_true(cases[i].warning ? strstr(import.warnings, cases[i].warning) != NULL
                                         : import.warnings[0] == '\0');
        }
        dh_import_free(&import);
        fixture_close(&now);
        fixture_close(&old);
    }
}

/* A CSV file without the column is no better than such a checkpoint. */
static void test_import_without_results(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_import import;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    static const char one[] = "lr,loss,objective_1\n1e-3,2,3\n", two[] = "lr,accuracy\n1e-3,2\n";
    fixture_file(&f, ".csv", path);
    fixture_write_file(path, one, sizeof one - 1);
    assert_int_equal(dh_import_read(path, f.space, &f.settings, DH_IMPORT_RESULTS, &import, &err),
                     DH_CONFIG);
    assert_non_null(strstr(err.text, "s.h5.csv: no results: "));
    assert_non_null(strstr(err.text, "for the objective accuracy (maximize); there are loss"));
    static const enum dh_import_rows unlearnt[] = {DH_IMPORT_POINTS, DH_IMPORT_TRIED};
    for (size_t i = 0; i < DH_COUNT_OF(unlearnt); i++) {
        assert_int_equal(dh_import_read(path, f.space, &f.settings, unlearnt[i], &import, &err),
                         DH_OK);
        assert_true(import.count == 1 && isnan(import.objectives[0]) && import.objectives[1] == 3);
        assert_non_null(strstr(import.notes, "no results for the objective accuracy: not there"));
        dh_import_free(&import);
    }
    fixture_write_file(path, two, sizeof two - 1);
    assert_int_equal(dh_import_read(path, f.space, &f.settings, DH_IMPORT_RESULTS, &import, &err),
                     DH_OK);
    assert_true(import.objectives[0] == 2 && isnan(import.objectives[1]));
    assert_non_null(strstr(import.notes, "no results for the objective size: not there"));
    dh_import_free(&import);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import_objectives),
        cmocka_unit_test(test_import_without_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
