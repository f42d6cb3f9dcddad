/* What the verbs of dhctl share: options, finding the checkpoint, tables of trials. */
#include "verb.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/json.h"
#include "dh_mpi/sched.h"
#include "dh_mpi/search.h"
#include "dh_mpi/text.h"

int verb_option(int argc, char **argv, const char *letters, const struct option *options,
                struct dh_error *err)
{
    opterr = 0;
    int option = getopt_long(argc, argv, letters, options, NULL);
    if (option == '?')
        dh_fail(err, DH_USAGE, "unknown option or missing value: %s (see dhctl %s --help)",
                argv[optind - 1], argv[0]);
    return option;
}

dh_status verb_operands(int argc, int count, const char *what, struct dh_error *err)
{
    if (argc - optind == count)
        return DH_OK;
    return dh_fail(err, DH_USAGE, "expected %s, found %d argument%s", what, argc - optind,
                   argc - optind == 1 ? "" : "s");
}

dh_status verb_json_operands(int argc, char **argv, int count, const char *what, bool *json,
                             struct dh_error *err)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    *json = false;
    for (int option; (option = verb_option(argc, argv, "j", options, err)) != -1;) {
        if (option != 'j')
            return DH_USAGE;
        *json = true;
    }
    return verb_operands(argc, count, what, err);
}

dh_status verb_number(const char *option, const char *text, uint64_t *out, struct dh_error *err)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-')
        return dh_fail(err, DH_USAGE, "%s: expected a whole number, found '%s'", option, text);
    *out = value;
    return DH_OK;
}

static bool is_config(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".cfg") == 0;
}

dh_status verb_checkpoint_path(const char *path, char **out, struct dh_error *err)
{
    *out = NULL;
    if (!is_config(path)) {
        *out = dh_strdup(path);
        return DH_OK;
    }
    struct dh_config *config = NULL;
    struct dh_settings settings = {0};
    dh_status status = dh_config_read(path, NULL, 0, &config, err);
    if (status == DH_OK)
        status = dh_settings_unpack(config, &settings, err);
    if (status == DH_OK)
        *out = dh_strdup(settings.checkpoint.file);
    dh_settings_free(&settings);
    dh_config_destroy(&config);
    return status;
}

dh_status verb_read(const char *path, struct dh_store_image *image, struct dh_error *err)
{
    char *file;
    *image = (struct dh_store_image){0};
    dh_status status = verb_checkpoint_path(path, &file, err);
    if (status == DH_OK) {
        status = dh_store_read(file, image, err);
        if (status == DH_MISSING)
            status = dh_fail(err, DH_IO, "%s: no checkpoint and no journal there", file);
    }
    if (status == DH_OK && image->notes && image->notes[0])
        fprintf(stderr, "dhctl: %s\n", image->notes);
    free(file);
    return status;
}

struct rank_key {
    double value; /* smaller is better */
    uint64_t ended_event;
    uint64_t id;
};

static int compare_keys(const void *a, const void *b)
{
    const struct rank_key *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->ended_event < y->ended_event ? -1 : x->ended_event > y->ended_event;
}

uint64_t *verb_ranking(const struct dh_store_image *image, uint64_t *count)
{
    uint64_t total = dh_history_count(image->history);
    struct rank_key *keys = dh_alloc(total, sizeof *keys);
    bool maximize = image->settings.objectives[0].maximize;
    *count = 0;
    for (uint64_t id = 0; id < total; id++) {
        const struct dh_trial *trial = dh_history_trial(image->history, id);
        if (trial->outcome.status != DH_TRIAL_SUCCEEDED)
            continue;
        double value = trial->outcome.objectives[0];
        keys[(*count)++] = (struct rank_key){maximize ? -value : value, trial->ended_event, id};
    }
    qsort(keys, *count, sizeof *keys, compare_keys);
    uint64_t *ids = dh_alloc(*count, sizeof *ids);
    for (uint64_t i = 0; i < *count; i++)
        ids[i] = keys[i].id;
    free(keys);
    return ids;
}

bool verb_has_level(const struct dh_store_image *image, const struct dh_trial *trial)
{
    return trial->origin == DH_ORIGIN_METHOD &&
           (trial->level > 0 || dh_search_learns(&image->settings));
}

/* What there is none of is left out. */
static void put_text_json(struct dh_buffer *out, const char *key, const char *text)
{
    if (text)
        dh_text_put_json_text_member(out, key, text);
}

static void put_embedded_json(struct dh_buffer *out, const char *key, const char *text)
{
    if (text)
        dh_json_put_embedded_member(out, key, text);
}

void verb_put_trial_json(const struct dh_store_image *image, const struct dh_trial *trial,
                         struct dh_buffer *out)
{
    const struct dh_outcome *outcome = &trial->outcome;
    dh_buffer_printf(out, "{\"id\": %" PRIu64 ", \"status\": \"%s\", \"objectives\": ", trial->id,
                     dh_trial_status_text(outcome->status));
    dh_objectives_format_json(&image->settings, outcome->objectives, out);
    dh_buffer_text(out, ", \"parameters\": ");
    dh_space_format_json(image->space, trial->values, out);
    put_text_json(out, "reason", outcome->reason);
    put_text_json(out, "stderr", outcome->stderr_tail);
    put_embedded_json(out, "metadata", outcome->metadata);
    put_embedded_json(out, "reports", outcome->reports);
    dh_text_put_json_number_member(out, "proposed", trial->proposed);
    if (outcome->status != DH_TRIAL_PENDING) {
        dh_outcome_put_json_run(outcome, out);
    }
    if (verb_has_level(image, trial))
        dh_buffer_printf(out, ", \"level\": %" PRIu32, trial->level);
    dh_buffer_printf(out, ", \"seed\": %" PRIu64 "}", trial->seed);
}

void verb_print_json(const struct dh_store_image *image, const uint64_t *ids, uint64_t count)
{
    struct dh_buffer line = {0};
    fputs("[", stdout);
    for (uint64_t i = 0; i < count; i++) {
        dh_buffer_clear(&line);
        dh_buffer_text(&line, i ? ",\n " : "\n ");
        verb_put_trial_json(image, dh_history_trial(image->history, ids[i]), &line);
        fwrite(line.data, 1, line.size, stdout);
    }
    puts("\n]");
    dh_buffer_free(&line);
}

/* ---- the table for people ---- */

#define NARROW 3
#define WIDEST 28
#define LONGEST 200

/* A cell of column `column`: id, status, objectives, parameters, reason. */
static void put_cell(const struct dh_store_image *image, const struct dh_trial *trial,
                     size_t column, struct dh_buffer *out)
{
    size_t objectives = image->settings.objective_count;
    size_t reason = 2 + objectives + dh_space_count(image->space);
    if (column == 0)
        dh_buffer_printf(out, "%" PRIu64, trial->id);
    else if (column == 1)
        dh_buffer_text(out, dh_trial_status_text(trial->outcome.status));
    else if (column < 2 + objectives) {
        double value = trial->outcome.objectives ? trial->outcome.objectives[column - 2] : NAN;
        dh_buffer_printf(out, isnan(value) ? "-" : "%.8g", value);
    } else if (column == reason) {
        dh_buffer_text(out, trial->outcome.reason ? trial->outcome.reason : "");
    } else {
        size_t index = column - 2 - objectives;
        dh_parameter_format(dh_space_parameter(image->space, index), trial->values[index], out);
    }
}

static const char *column_name(const struct dh_store_image *image, size_t column)
{
    size_t objectives = image->settings.objective_count;
    if (column < 2)
        return column == 0 ? "id" : "status";
    if (column < 2 + objectives)
        return image->settings.objectives[column - 2].name;
    if (column == 2 + objectives + dh_space_count(image->space))
        return "reason";
    return dh_space_parameter(image->space, column - 2 - objectives)->name;
}

/* The last column ends the line, so it may be as long as it is. */
static void print_cell(const char *text, size_t width, bool last)
{
    struct dh_buffer plain = {0};
    dh_text_put_plain(&plain, text);
    for (size_t i = 0; i < plain.size; i++) /* a row is a line */
        if (plain.data[i] == '\n')
            plain.data[i] = ' ';
    printf("%-*.*s%s", last ? 0 : (int)width, last ? LONGEST : WIDEST, plain.data ? plain.data : "",
           last ? "\n" : "  ");
    dh_buffer_free(&plain);
}

/* Why trials did not succeed is a column if there are any. */
static bool any_reason(const struct dh_store_image *image, const uint64_t *ids, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const char *reason = dh_history_trial(image->history, ids[i])->outcome.reason;
        if (reason && reason[0])
            return true;
    }
    return false;
}

void verb_print_table(const struct dh_store_image *image, const uint64_t *ids, uint64_t count)
{
    size_t columns = 2 + image->settings.objective_count + dh_space_count(image->space);
    columns += any_reason(image, ids, count);
    size_t *widths = dh_alloc(columns, sizeof *widths);
    struct dh_buffer cell = {0};
    for (size_t c = 0; c < columns; c++) {
        widths[c] = strlen(column_name(image, c));
        for (uint64_t i = 0; i < count; i++) {
            dh_buffer_clear(&cell);
            put_cell(image, dh_history_trial(image->history, ids[i]), c, &cell);
            widths[c] = cell.size > widths[c] ? cell.size : widths[c];
        }
        widths[c] = widths[c] > WIDEST ? WIDEST : widths[c] < NARROW ? NARROW : widths[c];
        print_cell(column_name(image, c), widths[c], c + 1 == columns);
    }
    for (uint64_t i = 0; i < count; i++)
        for (size_t c = 0; c < columns; c++) {
            dh_buffer_clear(&cell);
            put_cell(image, dh_history_trial(image->history, ids[i]), c, &cell);
            print_cell(cell.size ? cell.data : "", widths[c], c + 1 == columns);
        }
    dh_buffer_free(&cell);
    free(widths);
}
