/* Exports and imports: DeepHyper's columns, JSON that parses, CSV of every make read back. */
#include "fixture.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "../../src/store/csv.h"
#include "dh_mpi/text.h"

typedef dh_status (*export_function)(FILE *out, const struct dh_space *space,
                                     const struct dh_settings *settings,
                                     const struct dh_history *history, struct dh_error *err);

/* Write an export to PATH + suffix. */
static void export_to(const struct fixture *f, const struct dh_history *history,
                      export_function write, const char *suffix)
{
    char path[160];
    struct dh_error err = {0};
    FILE *out = fopen(fixture_file(f, suffix, path), "wb");
    assert_non_null(out);
    assert_int_equal(write(out, f->space, &f->settings, history, &err), DH_OK);
    assert_int_equal(fclose(out), 0);
}

/* The field of column `name` in the row of trial `id`; the caller frees it, NULL: no such. */
static char *csv_cell(const char *path, const char *name, const char *id)
{
    FILE *stream = fopen(path, "rb");
    struct dh_csv csv = {.stream = stream, .name = path};
    size_t column = SIZE_MAX, id_column = SIZE_MAX, width;
    char *found = NULL;
    assert_int_equal(dh_csv_row(&csv, NULL), DH_OK);
    width = csv.count;
    for (size_t i = 0; i < csv.count; i++) {
        if (strcmp(dh_csv_field(&csv, i), name) == 0)
            column = i;
        if (strcmp(dh_csv_field(&csv, i), "job_id") == 0)
            id_column = i;
    }
    while (column != SIZE_MAX && !found && dh_csv_row(&csv, NULL) == DH_OK) {
        assert_int_equal(csv.count, width);
        if (strcmp(dh_csv_field(&csv, id_column), id) == 0)
            found = dh_strdup(dh_csv_field(&csv, column));
    }
    dh_csv_free(&csv);
    fclose(stream);
    return found;
}

static void expect_cell(const char *path, const char *name, const char *id, const char *expected)
{
    char *found = csv_cell(path, name, id);
    if (!found)
        fail_msg("no column %s or no trial %s", name, id);
    assert_string_equal(found, expected);
    free(found);
}

static void test_csv_columns(void **state)
{
    (void)state;
    static const char header[] =
        "p:lr,p:units,p:depth,p:act,p:norm,p:body[0].k.version,p:momentum,p:steps,p:kind,"
        "objective_0,objective_1,job_id,job_status,m:timestamp_submit,m:timestamp_gather,"
        "m:timestamp_start,m:timestamp_end,m:status,m:reason,m:worker,m:slot,m:cpu_seconds,"
        "m:peak_bytes,m:retries,m:seed,m:epoch,m:metadata.seed\n";
    struct fixture f;
    struct dh_buffer text = {0};
    char path[160];
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 200);
    for (uint64_t id = 0; id < dh_history_count(history); id++) { /* "" is no JSON: no metadata */
        struct dh_trial *trial = dh_history_trial(history, id);
        if (trial->outcome.metadata && !*trial->outcome.metadata) {
            free(trial->outcome.metadata);
            trial->outcome.metadata = NULL;
        }
    }
    char **nul = &dh_history_trial(history, 4)->outcome.metadata;
    free(*nul);
    *nul = dh_strdup("{\"epoch\": \"x\\u0000y\"}");
    export_to(&f, history, dh_export_csv, ".csv");
    fixture_read_file(fixture_file(&f, ".csv", path), &text);
    assert_memory_equal(text.data, header, sizeof header - 1);
    const struct dh_trial *trial = dh_history_trial(history, 1);
    struct dh_buffer number = {0};
    dh_text_put_number(&number, trial->outcome.objectives[0]);
    expect_cell(path, "objective_0", "1", number.data);
    expect_cell(path, "job_status", "1", "DONE");
    expect_cell(path, "m:timestamp_submit", "1", "1");
    expect_cell(path, "m:timestamp_start", "1", "1.25");
    expect_cell(path, "m:timestamp_gather", "1", "1.75");
    expect_cell(path, "m:epoch", "1", "1");
    expect_cell(path, "m:metadata.seed", "1", "s,1"); /* our own column m:seed keeps its name */
    expect_cell(path, "m:epoch", "0", "");
    expect_cell(path, "m:epoch", "4", "\"x\\u0000y\"");
    expect_cell(path, "objective_0", "2", "F_gr_er_zwei_Zeilen");
    expect_cell(path, "objective_1", "2", "F_gr_er_zwei_Zeilen");
    expect_cell(path, "m:reason", "2", "F_größer, \"zwei\"\nZeilen");
    expect_cell(path, "objective_0", "3", "F_signal_11_SEGV");
    expect_cell(path, "m:status", "3", "timeout");
    expect_cell(path, "job_status", "5", "CANCELLED");
    expect_cell(path, "m:timestamp_gather", "5", "");
    expect_cell(path, "m:worker", "5", "");
    char pending[24];
    snprintf(pending, sizeof pending, "%d", (int)dh_history_count(history) - 1);
    if (!dh_trial_ended_by(dh_history_trial(history, dh_history_count(history) - 1), 200))
        assert_null(csv_cell(path, "job_id", pending));
    dh_buffer_free(&number);
    dh_buffer_free(&text);
    dh_history_destroy(&history);
    fixture_close(&f);
}

static void test_json(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_buffer text = {0};
    json_error_t why;
    char path[160];
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 300);
    export_to(&f, history, dh_export_json, ".json");
    fixture_read_file(fixture_file(&f, ".json", path), &text);
    /* seeds use 64 bits, which jansson reads as reals on request only */
    json_t *root = json_loads(text.data, JSON_DECODE_INT_AS_REAL, &why);
    if (!root)
        fail_msg("line %d: %s", why.line, why.text);
    assert_string_equal(json_string_value(json_object_get(root, "search")), "sample");
    json_t *trials = json_object_get(root, "trials"), *trial;
    size_t i;
    assert_int_equal(json_array_size(trials), dh_history_ended(history));
    json_array_foreach(trials, i, trial)
    {
        uint64_t id = (uint64_t)json_number_value(json_object_get(trial, "id"));
        const struct dh_trial *expected = dh_history_trial(history, id);
        const json_t *objectives = json_object_get(trial, "objectives");
        const json_t *metadata = json_object_get(trial, "metadata");
        assert_string_equal(json_string_value(json_object_get(trial, "status")),
                            dh_trial_status_text(expected->outcome.status));
        if (expected->outcome.status == DH_TRIAL_SUCCEEDED)
            assert_true(json_number_value(json_object_get(objectives, "size")) ==
                        expected->outcome.objectives[1]);
        else
            assert_true(json_is_null(json_object_get(objectives, "size")));
        if (id % 3 == 1)
            assert_true(json_number_value(json_object_get(metadata, "epoch")) == (double)id);
        if (id % 6 == 2)
            assert_string_equal(json_string_value(json_object_get(trial, "stderr")),
                                expected->outcome.stderr_tail);
    }
    json_decref(root);
    dh_buffer_free(&text);
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* A stream that takes nothing is an error, not a short file. */
static void test_full_stream(void **state)
{
    (void)state;
    static const export_function writers[] = {dh_export_csv, dh_export_json};
    struct fixture f;
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 2000);
    for (size_t i = 0; i < DH_COUNT_OF(writers); i++) {
        struct dh_error err = {0};
        FILE *out = fopen("/dev/full", "w");
        assert_non_null(out);
        assert_int_equal(writers[i](out, f.space, &f.settings, history, &err), DH_IO);
        assert_non_null(strstr(err.text, "No space"));
        fclose(out);
    }
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* What was exported, or kept as a checkpoint, comes back as points and objectives. */
static void test_import_own(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_error err = {0};
    char path[160];
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 400);
    uint64_t count;
    uint64_t *order = dh_history_ended_order(history, &count);
    export_to(&f, history, dh_export_csv, ".csv");
    assert_int_equal(fixture_checkpoint(&f, f.path, history, 400, &err), DH_OK);
    for (int csv = 0; csv < 2; csv++) {
        struct dh_import import;
        if (dh_import_read(fixture_file(&f, csv ? ".csv" : "", path), f.space, &f.settings,
                           DH_IMPORT_POINTS, &import, &err) != DH_OK)
            fail_msg("%s", err.text);
        assert_string_equal(import.notes, "");
        assert_int_equal(import.count, count);
        assert_int_equal(import.skipped, 0);
        for (size_t i = 0; i < import.count; i++) {
            const struct dh_trial *trial = dh_history_trial(history, order[i]);
            const double *point = import.points + i * dh_space_count(f.space);
            assert_true(dh_space_equal(f.space, point, trial->values));
            for (size_t k = 0; k < 2; k++)
                if (trial->outcome.status == DH_TRIAL_SUCCEEDED)
                    assert_true(import.objectives[i * 2 + k] == trial->outcome.objectives[k]);
                else
                    assert_true(isnan(import.objectives[i * 2 + k]));
        }
        dh_import_free(&import);
    }
    free(order);
    dh_history_destroy(&history);
    fixture_close(&f);
}

/* Is a trial of that status left out? */
static bool left_out(enum dh_trial_status status, enum dh_import_rows rows)
{
    return status == DH_TRIAL_CANCELLED || (status == DH_TRIAL_PRUNED && rows == DH_IMPORT_RESULTS);
}

/* Cancelled trials, of whose points nothing is known, are points to evaluate but no results; pruned
 * ones were tried, and are no results either. */
static void test_import_without_ends(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_error err = {0};
    char path[160], note[80];
    fixture_open(&f);
    struct dh_history *history = fixture_history(&f, 400);
    uint64_t count;
    uint64_t *order = dh_history_ended_order(history, &count);
    export_to(&f, history, dh_export_csv, ".csv");
    assert_int_equal(fixture_checkpoint(&f, f.path, history, 400, &err), DH_OK);
    for (int c = 0; c < 4; c++) {
        struct dh_import import;
        enum dh_import_rows rows = c / 2 ? DH_IMPORT_RESULTS : DH_IMPORT_TRIED;
        size_t without = 0;
        for (size_t i = 0; i < count; i++)
            without += left_out(dh_history_trial(history, order[i])->outcome.status, rows);
        assert_true(without > (c / 2 ? 20 : 10));
        if (dh_import_read(fixture_file(&f, c % 2 ? ".csv" : "", path), f.space, &f.settings, rows,
                           &import, &err) != DH_OK)
            fail_msg("%s", err.text);
        assert_int_equal(import.count, count - without);
        assert_int_equal(import.left_out, without);
        assert_int_equal(import.skipped, 0);
        snprintf(note, sizeof note, ": %d cancelled or pruned, left out: ", (int)without);
        assert_non_null(strstr(import.notes, note));
        for (size_t i = 0, k = 0; i < count; i++) {
            const struct dh_trial *trial = dh_history_trial(history, order[i]);
            if (left_out(trial->outcome.status, rows))
                continue;
            const double *point = import.points + k * dh_space_count(f.space);
            assert_true(dh_space_equal(f.space, point, trial->values));
            assert_int_equal(isnan(import.objectives[2 * k++]),
                             trial->outcome.status != DH_TRIAL_SUCCEEDED);
        }
        dh_import_free(&import);
    }
    free(order);
    dh_history_destroy(&history);
    fixture_close(&f);
}

static const char small_config[] =
    "parameters = ( { name = \"lr\"; type = \"real\"; low = 0.0; high = 1.0; },"
    "{ name = \"n\"; type = \"int\"; low = 1; high = 9; default = 4; },"
    "{ name = \"act\"; type = \"categorical\"; values = (\"relu\", \"a,\\\"b\\\"\"); },"
    "{ name = \"m\"; type = \"real\"; low = 0.0; high = 1.0; when = \"act == 'relu'\"; } );"
    "constraints = ( \"lr * n <= 8\" ); evaluator = { type = \"builtin\"; };";

static dh_status import_text(const struct fixture *f, const char *text, struct dh_import *out,
                             struct dh_error *err)
{
    char path[160];
    fixture_write_file(fixture_file(f, ".csv", path), text, strlen(text));
    return dh_import_read(path, f->space, &f->settings, DH_IMPORT_RESULTS, out, err);
}

/* DeepHyper's file, as pandas writes it: floats for ints, failures, columns that nobody knows. */
static void test_import_foreign(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_import import;
    struct dh_error err = {0};
    fixture_open_config(&f, small_config);
    assert_int_equal(import_text(&f,
                                 "\xEF\xBB\xBFp:lr,p:n,p:act,p:gone,p:m,objective,job_id,m:x\r\n"
                                 "0.5,3.0,relu,7,0.25,0.75,0,\"two\r\nlines\"\r\n"
                                 "\r\n"
                                 "0.25,2,\"a,\"\"b\"\"\",7,0.5,F_diverged,1,\r\n"
                                 "0.25,2,gelu,7,0.5,0.5,2,\r\n" /* no such choice */
                                 "2.5,2,relu,7,0.5,0.5,3,\r\n"  /* out of bounds */
                                 "1,9,relu,7,0.5,0.5,4,\r\n"    /* against the constraint */
                                 "1e-1,,relu,,,nan,5", /* nothing given: defaults; no line end */
                                 &import, &err),
                     DH_OK);
    assert_int_equal(import.count, 3);
    assert_int_equal(import.skipped, 3);
    assert_true(import.points[0] == 0.5 && import.points[1] == 3 && import.points[2] == 0 &&
                import.points[3] == 0.25 && import.objectives[0] == 0.75);
    assert_true(import.points[6] == 1 && isnan(import.points[7]) && isnan(import.objectives[1]));
    assert_true(import.points[9] == 4 && import.points[11] == 0.5 && isnan(import.objectives[2]));
    assert_non_null(strstr(import.notes, "p:gone"));
    assert_non_null(strstr(import.notes, "s.h5.csv:6: ")); /* the first row that was skipped */
    assert_non_null(strstr(import.notes, "3 of 6 rows skipped"));
    assert_non_null(strstr(import.notes, "s.h5.csv:9: no value of n: its default is used"));
    assert_non_null(strstr(import.notes, "s.h5.csv:9: no value of m: its default is used"));
    assert_null(strstr(import.notes, "is no number"));
    dh_import_free(&import);
    assert_int_equal(import_text(&f,
                                 "lr,n,act,m,objective\n"
                                 "0.5,3,\"a,\"\"b\"\"\",,\" 2.5 \"\n" /* m is not active */
                                 "0.5,4,relu,0.5,good\n"
                                 "0.5,5,relu,0.5,bad\n"
                                 "0.5,6,relu,0.25,1\n",
                                 &import, &err),
                     DH_OK);
    assert_int_equal(import.count, 4);
    assert_true(import.objectives[0] == 2.5);
    assert_true(isnan(import.objectives[1]) && isnan(import.objectives[2]));
    assert_string_equal(import.notes, "");
    assert_string_equal(
        strchr(import.losses, ':'),
        ":3: \"good\" is no number, so the row counts as failed; others may, too\n");
    dh_import_free(&import);
    assert_int_equal(import_text(&f, "accuracy,lr,objective\n1,0.5,2\n", &import, &err), DH_OK);
    assert_int_equal(import.count, 1);
    assert_true(import.objectives[0] == 2);
    assert_non_null(strstr(import.notes, "accuracy"));
    assert_non_null(strstr(import.notes, "the defaults are used: n, act, m"));
    dh_import_free(&import);
    fixture_close(&f);
}

#define ACTIVATED(when)                                                                            \
    "parameters = ( { name = \"n\"; type = \"int\"; low = 1; high = 9; },"                         \
    "{ name = \"m\"; type = \"real\"; low = 0.0; high = 1.0;" when " } );"                         \
    "evaluator = { type = \"builtin\"; };"

/* A parameter that old trials have no value of, since it was not active: said of the first one. */
static void test_import_activated(void **state)
{
    (void)state;
    struct fixture old, now;
    struct dh_import import;
    struct dh_error err = {0};
    fixture_open_config(&old, ACTIVATED(" when = \"n > 5\";"));
    fixture_open_config(&now, ACTIVATED(""));
    struct dh_history *history = dh_history_create(2, 1);
    for (int i = 0; i < 4; i++) {
        double point[] = {i == 0 ? 6 : i, i == 0 ? 0.25 : (double)NAN};
        struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                     .objectives = dh_alloc(1, sizeof(double))};
        dh_history_propose(history, point);
        assert_int_equal(dh_history_end(history, (uint64_t)i, &outcome, NULL), DH_OK);
    }
    assert_int_equal(fixture_checkpoint(&old, old.path, history, 8, &err), DH_OK);
    for (int same = 0; same < 2; same++) {
        const struct fixture *f = same ? &old : &now;
        assert_int_equal(
            dh_import_read(old.path, f->space, &f->settings, DH_IMPORT_RESULTS, &import, &err),
            DH_OK);
        assert_int_equal(import.count, 4);
        assert_true(import.points[1] == 0.25);
        assert_true(same ? isnan(import.points[3]) : import.points[3] == 0.5);
        if (same)
            assert_string_equal(import.notes, "");
        else
            assert_non_null(strstr(import.notes, "s.h5: trial 1: no value of m: its default is"));
        assert_null(strstr(import.notes, "trial 2"));
        dh_import_free(&import);
    }
    dh_history_destroy(&history);
    fixture_close(&now);
    fixture_close(&old);
}

/* Blanks around names and values are nothing, but where they are of a label or of a name. */
static void test_import_blanks(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_import import;
    struct dh_error err = {0};
    fixture_open_config(&f,
                        "parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = 9.0; },"
                        "{ name = \"v\"; type = \"int\"; low = 1; high = 9; default = 4; },"
                        "{ name = \"c\"; type = \"categorical\"; values = (\"a\", \" a\"); },"
                        "{ name = \"t\"; type = \"bool\"; } );"
                        "evaluator = { type = \"builtin\"; };");
    assert_int_equal(import_text(&f,
                                 "p:x, v,\tp:c ,p:t, m:status , objective\n"
                                 " 1.5,3.0 ,a ,\tTrue , ok, 0.5\n"
                                 "2.5\t, 5, a,false,ok ,1\n"
                                 "3.5,6,  a,false, cancelled,\n"
                                 "4.5,  ,a,false,failed,\n",
                                 &import, &err),
                     DH_OK);
    assert_int_equal(import.count, 3);
    assert_int_equal(import.skipped, 0);
    assert_int_equal(import.left_out, 1);
    const double points[] = {1.5, 3, 0, 1, 2.5, 5, 1, 0, 4.5, 4, 0, 0};
    for (size_t i = 0; i < DH_COUNT_OF(points); i++)
        assert_true(import.points[i] == points[i]);
    assert_true(import.objectives[0] == 0.5 && import.objectives[1] == 1);
    assert_true(isnan(import.objectives[2]));
    assert_null(strstr(import.notes, "ignored"));
    assert_non_null(strstr(import.notes, "s.h5.csv:5: no value of v: its default is used"));
    dh_import_free(&import);
    fixture_close(&f);
}

/* What a file says less, or something else than was meant, is said; `losses` and `notes` have it
 * whole, behind the file's name. */
static void test_import_losses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count, skipped;
        double x, objective; /* of the first row; NaN: a failure */
        const char *losses;
    } cases[] = {
        {"\xEF\xBB\xBF\"p:x\",\"p:t\",\"objective\"\n\"3\",\"True\",\"1\"\n", 1, 0, 3, 1, ""},
        {"\xEF\xBB\xBFp:x,p:t,objective\n3,true,1\n", 1, 0, 3, 1, ""},
        {"x,t,objective\n3,TRUE,1\n4,FALSE,2\n,,\n,,\n", 2, 0, 3, 1, ""},
        {"x,t,objective\n3,NA,1\n3,FALSE,NA\n", 2, 0, 3, 1,
         ": 1 without a value of objective, so they count as failed\n"},
        {"x,t,objective,m:status\n3,1,,ok\n4,0,2,ok\n5,0,,failed\n6,1,,\n7,0,,cancelled\n", 3, 0, 4,
         2,
         ": 1 left out: called ok, but without a value of objective\n"
         ": 1 without a value of objective, so they count as failed\n"},
        {"x,t,objective,m:status\n3,1,2,Okay\n3,1,4,\n", 2, 0, 3, 2,
         ":2: \"Okay\" is no status, so the row's objective tells whether it failed; others may be "
         "such, too\n"},
        {"x,t,objective\n3,1,\n4,1,F_x\n", 2, 0, 3, NAN,
         ": 1 without a value of objective, so they count as failed\n"
         ": none has a value of objective: all count as failed\n"},
        {"x,t,objective\n12,1,3\n3,1,3\n,,3\n", 1, 2, 3, 3,
         ":2: x = 12 is above its upper bound 9\n: 2 of 3 rows skipped\n"},
        {"x,t,objective\n1,3,1,3\n", 0, 1, 0, 0,
         ":2: it has 4 fields, the first line has 3\n: 1 of 1 rows skipped\n"},
        {"x,t,objective\n", 0, 0, 0, 0, ": no row of it counts\n"},
        {"X,t,objective\n4,1,3\n", 1, 0, 4.5, 3,
         ": there is no column of x, so its default is used; is the column X meant?\n"},
    };
    struct fixture f;
    fixture_open_config(&f,
                        "parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = 9.0; },"
                        "{ name = \"t\"; type = \"bool\"; } );"
                        "evaluator = { type = \"builtin\"; };");
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_import import;
        struct dh_error err = {0};
        struct dh_buffer losses = {0};
        if (import_text(&f, cases[i].text, &import, &err) != DH_OK)
            fail_msg("%zu: %s", i, err.text);
        for (char *line = strtok(import.losses, "\n"); line; line = strtok(NULL, "\n"))
            dh_buffer_printf(&losses, "%s\n", strstr(line, ".csv") + 4);
        assert_string_equal(losses.data ? losses.data : "", cases[i].losses);
        assert_int_equal(import.count, cases[i].count);
        assert_int_equal(import.skipped, cases[i].skipped);
        if (import.count) {
            assert_true(import.points[0] == cases[i].x);
            assert_true(isnan(cases[i].objective) ? isnan(import.objectives[0])
                                                  : import.objectives[0] == cases[i].objective);
        }
        dh_buffer_free(&losses);
        dh_import_free(&import);
    }
    fixture_close(&f);
}

/* What DataFrame.to_csv makes of Optuna's study.trials_dataframe(). */
static void test_import_optuna(void **state)
{
    (void)state;
    struct fixture f;
    struct dh_import import;
    struct dh_error err = {0};
    fixture_open_config(&f, small_config);
    assert_int_equal(
        import_text(&f,
                    ",number,value,datetime_start,datetime_complete,duration,params_act,params_lr,"
                    "params_m,params_n,user_attrs_note,system_attrs_tpe:x:0,state\n"
                    "0,0,0.75,2026-11-22 14:18:40,2026-11-22 14:18:40,0 days,relu,0.5,0.25,3,,,"
                    "TrialState.COMPLETE\n"
                    "1,1,,2026-11-22 14:18:40,2026-11-22 14:18:40,0 days,relu,0.25,0.5,2,,,FAIL\n"
                    "2,2,9,2026-11-22 14:18:40,2026-11-22 14:18:40,0 days,relu,0.125,0.5,2,,,"
                    "PRUNED\n"
                    "3,3,,2026-11-22 14:18:40,,,relu,0.375,0.5,2,,,RUNNING\n",
                    &import, &err),
        DH_OK);
    assert_int_equal(import.count, 2);
    assert_int_equal(import.skipped, 0);
    assert_int_equal(import.left_out, 2);
    const double points[] = {0.5, 3, 0, 0.25, 0.25, 2, 0, 0.5};
    for (size_t i = 0; i < DH_COUNT_OF(points); i++)
        assert_true(import.points[i] == points[i]);
    assert_true(import.objectives[0] == 0.75 && isnan(import.objectives[1]));
    assert_null(strstr(import.notes, "ignored"));
    dh_import_free(&import);
    fixture_close(&f);
    fixture_open_config(&f, /* names that look like Optuna's columns, in any other file */
                        "parameters = ( { name = \"params_x\"; type = \"real\"; low = 0.0; "
                        "high = 9.0; }, { name = \"value\"; type = \"int\"; low = 1; high = 9; } "
                        "); evaluator = { type = \"builtin\"; };");
    assert_int_equal(import_text(&f, "params_x,value,objective\n1.5,2,3\n", &import, &err), DH_OK);
    assert_true(import.points[0] == 1.5 && import.points[1] == 2 && import.objectives[0] == 3);
    assert_string_equal(import.notes, "");
    dh_import_free(&import);
    fixture_close(&f);
    fixture_open_config(&f, /* named metrics */
                        "objectives = ( { name = \"duration\"; }, { name = \"acc\"; } ); "
                        "parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = 9.0; "
                        "} ); evaluator = { type = \"builtin\"; };");
    assert_int_equal(import_text(&f,
                                 "number,values_duration,values_acc,duration,params_x,state\n"
                                 "0,0.25,0.5,0 days 00:00:01,1.5,COMPLETE\n",
                                 &import, &err),
                     DH_OK);
    assert_true(import.points[0] == 1.5);
    assert_true(import.objectives[0] == 0.25 && import.objectives[1] == 0.5);
    dh_import_free(&import);
    fixture_close(&f);
}

static void test_import_refused(void **state)
{
    (void)state;
    struct fixture f;
    char path[160];
    struct dh_import import;
    struct dh_error err = {0};
    fixture_open_config(&f, small_config);
    assert_int_equal(import_text(&f, "", &import, &err), DH_CONFIG);
    assert_int_equal(import_text(&f, "\n\n\r\n", &import, &err), DH_CONFIG);
    assert_int_equal(import_text(&f, "a,b\n1,2\n", &import, &err), DH_CONFIG);
    assert_non_null(strstr(err.text, "none of its columns"));
    assert_int_equal(import_text(&f, "lr,n,objective\n0.5,\"3,1\n0.5,3,1\n", &import, &err),
                     DH_CORRUPT);
    assert_non_null(strstr(err.text, ":2: "));
    assert_null(import.points);
    fixture_write_file(fixture_file(&f, ".csv", path), "\xFF\xFEl\0r\0\n\0", 8);
    assert_int_equal(dh_import_read(path, f.space, &f.settings, DH_IMPORT_POINTS, &import, &err),
                     DH_CORRUPT);
    assert_non_null(strstr(err.text, "is UTF-16"));
    assert_int_equal(import_text(&f, "\x89HDF\r\n\x1a\n nonsense", &import, &err), DH_CORRUPT);
    assert_int_equal(
        dh_import_read("/nowhere/x.csv", f.space, &f.settings, DH_IMPORT_POINTS, &import, &err),
        DH_IO);
    fixture_close(&f);
}

/* Every short file of the characters that matter: never a crash, never more fields than commas. */
static void test_csv_anything(void **state)
{
    (void)state;
    static const char letters[] = "a\",\r\n";
    struct fixture f;
    char path[160], text[8];
    fixture_open_config(&f, small_config);
    fixture_file(&f, ".csv", path);
    for (unsigned n = 0; n < 5 * 5 * 5 * 5 * 5; n++) {
        unsigned rest = n;
        for (int i = 0; i < 5; i++, rest /= 5)
            text[i] = letters[rest % 5];
        FILE *stream = fmemopen(text, 5, "r");
        struct dh_csv csv = {.stream = stream, .name = "x"};
        unsigned commas = 0, fields = 0, rows = 0;
        for (int i = 0; i < 5; i++)
            commas += text[i] == ',';
        dh_status status;
        while ((status = dh_csv_row(&csv, NULL)) == DH_OK) {
            fields += (unsigned)csv.count;
            assert_true(++rows <= 5);
        }
        assert_true(status == DH_EMPTY || status == DH_CORRUPT);
        assert_true(fields <= commas + rows);
        dh_csv_free(&csv);
        fclose(stream);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_columns),         cmocka_unit_test(test_json),
        cmocka_unit_test(test_full_stream),         cmocka_unit_test(test_import_own),
        cmocka_unit_test(test_import_without_ends), cmocka_unit_test(test_import_blanks),
        cmocka_unit_test(test_import_activated),    cmocka_unit_test(test_import_foreign),
        cmocka_unit_test(test_import_optuna),       cmocka_unit_test(test_import_refused),
        cmocka_unit_test(test_import_losses),       cmocka_unit_test(test_csv_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
