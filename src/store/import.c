/* Points and objectives of an old history: see store.h.
 *
 * Two sources, one rule: columns are matched by name, texts are read as the space writes them, a
 * row that the space cannot take is skipped and counted. A CSV file may be DeepHyper's, ours,
 * Optuna's (its data frame of trials), or any with a header; anything else is read as a checkpoint
 * (with its journals). Only a checkpoint knows the goals of its objectives.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contents.h"
#include "csv.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/store.h"
#include "dh_mpi/text.h"
#include "dialect.h"

#define NOWHERE SIZE_MAX

struct importer {
    const char *path;
    const struct dh_space *space;
    const struct dh_settings *settings;
    enum dh_import_rows rows;
    struct dh_import *out;
    struct dh_buffer notes, warnings, moved;
    size_t moved_count;               /* values that the space has no digits for */
    bool *blanks;                     /* of each parameter: cells without a value were noted … */
    bool unread;                      /* … and an objective that is no number */
    size_t capacity;                  /* rows */
    size_t *parameters;               /* column of each parameter of the space, or NOWHERE */
    size_t *objectives;               /* column of each objective, or NOWHERE */
    size_t status;                    /* column of our status, or Optuna's state, or NOWHERE */
    const struct dh_dialect *dialect; /* of a CSV file; NULL: it is a checkpoint */
};

/* Room for one more row; its values are NaN. */
static double *add_row(struct importer *importer, double **objectives)
{
    struct dh_import *out = importer->out;
    size_t width = dh_space_count(importer->space), depth = importer->settings->objective_count;
    if (out->count == importer->capacity) {
        importer->capacity += importer->capacity / 2 + 64;
        out->points = dh_realloc(out->points, importer->capacity * width * sizeof(double));
        out->objectives = dh_realloc(out->objectives, importer->capacity * depth * sizeof(double));
    }
    double *point = out->points + out->count * width;
    *objectives = out->objectives + out->count * depth;
    for (size_t i = 0; i < width; i++)
        point[i] = NAN;
    for (size_t i = 0; i < depth; i++)
        (*objectives)[i] = NAN;
    return point;
}

/* Is a row of that status left out? Its trial did not run to an end, so it is no result. */
static bool left_out(struct importer *importer, int status)
{
    bool out = (status == DH_TRIAL_CANCELLED && importer->rows != DH_IMPORT_POINTS) ||
               (status == DH_TRIAL_PRUNED && importer->rows == DH_IMPORT_RESULTS);
    importer->out->left_out += out;
    return out;
}

/* Where a row stands in its file, for notes: "FILE:12", "FILE: trial 12". */
struct place {
    const char *what; /* "" or " trial " */
    unsigned long long number;
};

static void note_at(struct importer *importer, struct place place, const char *text)
{
    dh_buffer_printf(&importer->notes, "%s:%s%llu: %s\n", importer->path, place.what, place.number,
                     text);
}

/* Keep the row just filled if the space takes it; of the first that it does not, say why. */
static void finish_row(struct importer *importer, double *point, struct place place,
                       dh_status status, struct dh_error *err)
{
    if (status == DH_OK) {
        dh_space_settle(importer->space, point);
        status = dh_space_check(importer->space, point, err);
    }
    if (status == DH_OK)
        importer->out->count++;
    else if (importer->out->skipped++ == 0)
        note_at(importer, place, err->text);
}

static void note_list(struct importer *importer, const struct dh_buffer *names, const char *what)
{
    if (names->size)
        dh_buffer_printf(&importer->notes, "%s: %s: %s\n", importer->path, what, names->data);
}

static void add_name(struct dh_buffer *names, const char *name)
{
    dh_buffer_printf(names, "%s%s", names->size ? ", " : "", name);
}

/* DH_CONFIG if the file knows no parameter of the space; notes about those it lacks. */
static dh_status check_parameters(struct importer *importer, struct dh_error *err)
{
    struct dh_buffer missing = {0};
    size_t count = dh_space_count(importer->space), found = 0;
    for (size_t i = 0; i < count; i++)
        if (importer->parameters[i] == NOWHERE)
            add_name(&missing, dh_space_parameter(importer->space, i)->name);
        else
            found++;
    note_list(importer, &missing, "not there, the defaults are used");
    dh_buffer_free(&missing);
    if (found || count == 0)
        return DH_OK;
    const char *name = dh_space_parameter(importer->space, 0)->name;
    if (!importer->dialect)
        return dh_fail(err, DH_CONFIG, "%s: none of its columns is a parameter of the space",
                       importer->path);
    return dh_fail(err, DH_CONFIG,
                   "%s: none of its columns is a parameter of the space; expected comma-separated "
                   "columns with names such as %s, p:%s or params_%s",
                   importer->path, name, name, name);
}

/* Notes about the objectives that the file lacks; `there` are the names it has instead. Results
 * without the first objective, which searches go by, would all be learnt as failures: DH_CONFIG. */
static dh_status check_objectives(struct importer *importer, const struct dh_buffer *there,
                                  struct dh_error *err)
{
    const struct dh_objective *wanted = importer->settings->objectives;
    if (importer->rows == DH_IMPORT_RESULTS && importer->objectives[0] == NOWHERE)
        return dh_fail(err, DH_CONFIG,
                       "%s: no results: it has nothing for the objective %s (%s)%s%s",
                       importer->path, wanted[0].name, dh_objective_goal(&wanted[0]),
                       there->size ? "; there are " : "", there->size ? there->data : "");
    for (size_t i = 0; i < importer->settings->objective_count; i++)
        if (importer->objectives[i] == NOWHERE)
            dh_buffer_printf(&importer->notes, "%s: no results for the objective %s: not there\n",
                             importer->path, wanted[i].name);
    return DH_OK;
}

/* A text of the file without the blanks around it; the caller frees it. */
static char *trimmed(const char *cell)
{
    char *text = dh_strdup(cell + strspn(cell, " \t"));
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t", text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Which parameter a column header means, or -1. */
static int column_parameter(const struct importer *importer, const char *header)
{
    const char *name = dh_dialect_parameter(importer->dialect, header);
    if (name != header && dh_space_find(importer->space, header) >= 0)
        name = header; /* it looks like a prefix, and is of the name */
    return name ? dh_space_find(importer->space, name) : -1;
}

/* Which objective: by its name, or by its number; or -1. */
static int column_objective(const struct importer *importer, const char *header)
{
    size_t count = importer->settings->objective_count;
    const char *name = dh_dialect_objective_name(importer->dialect, header);
    for (size_t i = 0; i < count && name; i++)
        if (strcmp(name, importer->settings->objectives[i].name) == 0)
            return (int)i;
    int index = dh_dialect_objective(importer->dialect, header);
    return index < (int)count ? index : -1;
}

static void map_column(struct importer *importer, const char *header, size_t column,
                       struct dh_buffer *unknown)
{
    bool prefixed = dh_dialect_prefixed(importer->dialect, header);
    int parameter = column_parameter(importer, header);
    int objective = prefixed ? -1 : column_objective(importer, header);
    if (parameter >= 0 && (prefixed || importer->parameters[parameter] == NOWHERE))
        importer->parameters[parameter] = column;
    else if (objective >= 0)
        importer->objectives[objective] = column;
    else if (dh_dialect_is_status(importer->dialect, header))
        importer->status = column;
    else if (parameter < 0 && !dh_dialect_passed(importer->dialect, header))
        add_name(unknown, header);
}

/* Blanks around it are of the name only where that is one of the space or of the settings. */
static void map_header_cell(struct importer *importer, const char *cell, size_t column,
                            struct dh_buffer *unknown)
{
    bool known = column_parameter(importer, cell) >= 0 || column_objective(importer, cell) >= 0;
    char *header = known ? dh_strdup(cell) : trimmed(cell);
    map_column(importer, header, column, unknown);
    free(header);
}

static dh_status map_header(struct importer *importer, const struct dh_csv *csv,
                            struct dh_error *err)
{
    struct dh_buffer unknown = {0};
    importer->dialect = dh_dialect_of(csv);
    for (size_t i = 0; i < csv->count; i++)
        map_header_cell(importer, dh_csv_field(csv, i), i, &unknown);
    note_list(importer, &unknown, "columns that are no parameter, ignored");
    dh_status status = check_parameters(importer, err);
    if (status == DH_OK)
        status = check_objectives(importer, &unknown, err);
    dh_buffer_free(&unknown);
    return status;
}

/* The choice of that text, or -1. */
static int find_choice(const struct dh_parameter *parameter, const char *text)
{
    for (size_t i = 0; i < parameter->choice_count; i++)
        if (strcmp(parameter->choices[i].text, text) == 0)
            return (int)i;
    return -1;
}

/* A field as a value. Numbers may be written in another way ("64.0" for an int); a choice may be
 * the empty text, which settling takes back where the parameter is inactive. */
static dh_status parse_value(const struct dh_parameter *parameter, const char *text, double *value,
                             struct dh_error *err)
{
    double number;
    int choice = find_choice(parameter, text);
    if (choice >= 0) {
        *value = choice;
        return DH_OK;
    }
    dh_status status = dh_parameter_parse(parameter, text, value, err);
    if (status == DH_OK || !dh_text_number(text, &number) || !isfinite(number))
        return status;
    struct dh_buffer plain = {0};
    dh_text_put_number(&plain, number);
    if (dh_parameter_parse(parameter, plain.data, value, NULL) == DH_OK)
        status = DH_OK;
    dh_buffer_free(&plain);
    return status;
}

/* A cell as a value: blanks around it are nothing but where a choice has them. */
static dh_status parse_cell(const struct dh_parameter *parameter, const char *cell, double *value,
                            struct dh_error *err)
{
    bool label = find_choice(parameter, cell) >= 0;
    char *text = label ? dh_strdup(cell) : trimmed(cell);
    dh_status status = parse_value(parameter, text, value, err);
    free(text);
    return status;
}

/* What a row's status says, -1 where that is none; without that column it is its objectives that
 * tell success from failure. */
static int read_status(const struct importer *importer, const struct dh_csv *csv)
{
    if (importer->status == NOWHERE)
        return DH_TRIAL_SUCCEEDED;
    char *text = trimmed(dh_csv_field(csv, importer->status));
    int status = dh_dialect_status(importer->dialect, text);
    free(text);
    return status;
}

/* Say so once of each parameter that has a column, but in some row no value there though it is
 * active (an old trial has none of what was not active in its space): as where there is no column,
 * its default is taken. */
static void note_blanks(struct importer *importer, const double *cells, struct place place)
{
    const struct dh_space *space = importer->space;
    size_t count = dh_space_count(space);
    double *point = dh_memdup(cells, count * sizeof *point);
    dh_space_settle(space, point);
    for (size_t i = 0; i < count; i++) {
        const struct dh_parameter *p = dh_space_parameter(space, i);
        bool blank = importer->parameters[i] != NOWHERE && isnan(cells[i]) && !isnan(point[i]);
        if (!blank || importer->blanks[i] || dh_parameter_levels(p) == 1)
            continue;
        importer->blanks[i] = true;
        char *text = dh_strprintf("no value of %s: its default is used here and in other such rows",
                                  p->name);
        note_at(importer, place, text);
        free(text);
    }
    free(point);
}

/* An objective's cell; NaN of one that failed: blank, "F…" or not finite. Anything else that is no
 * number is noted once. */
static double read_objective(struct importer *importer, const struct dh_csv *csv, size_t column)
{
    double value = NAN;
    char *text = trimmed(dh_csv_field(csv, column));
    bool number = dh_text_number(text, &value);
    if (!number && *text && *text != 'F' && !importer->unread) {
        importer->unread = true;
        dh_buffer_printf(&importer->notes,
                         "%s:%llu: \"%s\" is no number, so the row counts as failed; others may, "
                         "too\n",
                         importer->path, (unsigned long long)csv->line, text);
    }
    free(text);
    return number && isfinite(value) ? value : NAN;
}

/* Say of the first value that the space has no digits for what it becomes; count the others. */
static void note_moved(struct importer *importer, const struct dh_csv *csv, const double *point)
{
    struct dh_buffer text = {0};
    for (size_t i = 0; i < dh_space_count(importer->space); i++) {
        double given;
        size_t column = importer->parameters[i];
        if (column == NOWHERE || !dh_text_number(dh_csv_field(csv, column), &given) ||
            !dh_parameter_moved(dh_space_parameter(importer->space, i), given, point[i], &text))
            continue;
        if (importer->moved_count++ == 0)
            dh_buffer_printf(&importer->moved, "%s:%llu: %s\n", importer->path,
                             (unsigned long long)csv->line, text.data);
    }
    dh_buffer_free(&text);
}

static void read_csv_row(struct importer *importer, const struct dh_csv *csv)
{
    struct dh_error err = {0};
    int ended = read_status(importer, csv);
    if (left_out(importer, ended))
        return;
    const struct place place = {"", csv->line};
    double *objectives, *point = add_row(importer, &objectives);
    dh_status status = DH_OK;
    for (size_t i = 0; i < dh_space_count(importer->space) && status == DH_OK; i++)
        if (importer->parameters[i] != NOWHERE)
            status = parse_cell(dh_space_parameter(importer->space, i),
                                dh_csv_field(csv, importer->parameters[i]), &point[i], &err);
    if (status == DH_OK)
        note_blanks(importer, point, place);
    if (status == DH_OK)
        note_moved(importer, csv, point);
    bool valued = ended == DH_TRIAL_SUCCEEDED;
    for (size_t i = 0; i < importer->settings->objective_count && valued; i++)
        if (importer->objectives[i] != NOWHERE)
            objectives[i] = read_objective(importer, csv, importer->objectives[i]);
    finish_row(importer, point, place, status, &err);
}

static dh_status read_csv(struct importer *importer, FILE *stream, struct dh_error *err)
{
    struct dh_csv csv = {.stream = stream, .name = importer->path};
    dh_status status = dh_csv_row(&csv, err);
    if (status == DH_EMPTY)
        status = dh_fail(err, DH_CONFIG, "%s: is empty, expected a line of column names",
                         importer->path);
    if (status == DH_OK)
        status = map_header(importer, &csv, err);
    while (status == DH_OK && (status = dh_csv_row(&csv, err)) == DH_OK)
        read_csv_row(importer, &csv);
    dh_csv_free(&csv);
    return status == DH_EMPTY ? DH_OK : status;
}

/* Values mean what their objective's name says, so they stay as they were reported. */
static void match_named_objectives(struct importer *importer, const struct dh_settings *old,
                                   bool *taken)
{
    for (size_t i = 0; i < importer->settings->objective_count; i++) {
        const struct dh_objective *now = &importer->settings->objectives[i];
        for (size_t k = 0; k < old->objective_count; k++) {
            const struct dh_objective *was = &old->objectives[k];
            if (strcmp(was->name, now->name) != 0)
                continue;
            importer->objectives[i] = k;
            taken[k] = true;
            if (was->maximize != now->maximize)
                dh_buffer_printf(
                    &importer->warnings,
                    "%s: the goal of the objective %s was %s there and is %s here; its "
                    "values are taken as they were reported. If its sign was turned "
                    "as well, turn it in a CSV file (dhctl export) and take that\n",
                    importer->path, now->name, dh_objective_goal(was), dh_objective_goal(now));
        }
    }
}

/* Where all that changed is the name, the objective in the same place is taken. */
static void match_renamed_objectives(struct importer *importer, const struct dh_settings *old,
                                     const bool *taken)
{
    size_t count = importer->settings->objective_count;
    for (size_t i = 0; i < count && old->objective_count == count; i++) {
        const struct dh_objective *was = &old->objectives[i];
        const struct dh_objective *now = &importer->settings->objectives[i];
        if (importer->objectives[i] != NOWHERE || taken[i] || was->maximize != now->maximize)
            continue;
        importer->objectives[i] = i;
        dh_buffer_printf(&importer->notes, "%s: its objective %s is taken for %s\n", importer->path,
                         was->name, now->name);
    }
}

static dh_status map_objectives(struct importer *importer, const struct dh_settings *old,
                                struct dh_error *err)
{
    struct dh_buffer there = {0};
    bool *taken = dh_alloc(old->objective_count, sizeof *taken);
    match_named_objectives(importer, old, taken);
    match_renamed_objectives(importer, old, taken);
    for (size_t k = 0; k < old->objective_count; k++)
        dh_buffer_printf(&there, "%s%s (%s)", k ? ", " : "", old->objectives[k].name,
                         dh_objective_goal(&old->objectives[k]));
    dh_status status = check_objectives(importer, &there, err);
    dh_buffer_free(&there);
    free(taken);
    return status;
}

/* Columns of a checkpoint are the parameters of its own space, and its objectives. */
static dh_status map_image(struct importer *importer, const struct dh_store_image *image,
                           struct dh_error *err)
{
    struct dh_buffer unknown = {0};
    for (size_t i = 0; i < dh_space_count(image->space); i++) {
        const char *name = dh_space_parameter(image->space, i)->name;
        int index = dh_space_find(importer->space, name);
        if (index >= 0)
            importer->parameters[index] = i;
        else
            add_name(&unknown, name);
    }
    note_list(importer, &unknown, "parameters that are not in the space, ignored");
    dh_buffer_free(&unknown);
    dh_status status = check_parameters(importer, err);
    return status == DH_OK ? map_objectives(importer, &image->settings, err) : status;
}

/* A value of `old` as one of `now`. Numbers that are the same need no text in between. */
static dh_status convert_value(const struct dh_parameter *old, const struct dh_parameter *now,
                               double value, double *out, struct dh_error *err)
{
    if (isnan(value) || (old->choice_count == 0 && now->choice_count == 0 && value >= now->low &&
                         value <= now->high &&
                         dh_parameter_decode(now, dh_parameter_encode(now, value)) == value)) {
        *out = value;
        return DH_OK;
    }
    struct dh_buffer text = {0};
    dh_parameter_format(old, value, &text);
    dh_status status = parse_value(now, text.data ? text.data : "", out, err);
    dh_buffer_free(&text);
    return status;
}

static void read_trial(struct importer *importer, const struct dh_store_image *image,
                       const struct dh_trial *trial)
{
    struct dh_error err = {0};
    if (left_out(importer, (int)trial->outcome.status))
        return;
    const struct place place = {" trial ", trial->id};
    double *objectives, *point = add_row(importer, &objectives);
    dh_status status = DH_OK;
    for (size_t i = 0; i < dh_space_count(importer->space) && status == DH_OK; i++) {
        size_t column = importer->parameters[i];
        if (column != NOWHERE)
            status = convert_value(dh_space_parameter(image->space, column),
                                   dh_space_parameter(importer->space, i), trial->values[column],
                                   &point[i], &err);
    }
    if (status == DH_OK)
        note_blanks(importer, point, place);
    bool valued = trial->outcome.status == DH_TRIAL_SUCCEEDED;
    for (size_t i = 0; i < importer->settings->objective_count && valued; i++)
        if (importer->objectives[i] != NOWHERE &&
            isfinite(trial->outcome.objectives[importer->objectives[i]]))
            objectives[i] = trial->outcome.objectives[importer->objectives[i]];
    finish_row(importer, point, place, status, &err);
}

static dh_status read_image(struct importer *importer, struct dh_error *err)
{
    struct dh_store_image image = {0};
    dh_status status = dh_store_read(importer->path, &image, err);
    if (status == DH_MISSING)
        return dh_fail(err, DH_IO, "%s: is not there", importer->path);
    if (status != DH_OK)
        return status;
    dh_buffer_text(&importer->notes, image.notes);
    status = map_image(importer, &image, err);
    uint64_t count = 0;
    uint64_t *order = dh_history_ended_order(image.history, &count);
    for (uint64_t i = 0; i < count && status == DH_OK; i++)
        read_trial(importer, &image, dh_history_trial(image.history, order[i]));
    free(order);
    dh_store_image_free(&image);
    return status;
}

static bool is_hdf5(const char *path)
{
    enum dh_contents contents = dh_contents_of(path);
    return contents == DH_CONTENTS_CHECKPOINT || contents == DH_CONTENTS_HDF5;
}

static size_t *nowhere(size_t count)
{
    size_t *places = dh_alloc(count, sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = NOWHERE;
    return places;
}

dh_status dh_import_read(const char *path, const struct dh_space *space,
                         const struct dh_settings *settings, enum dh_import_rows rows,
                         struct dh_import *out, struct dh_error *err)
{
    struct importer importer = {.path = path,
                                .space = space,
                                .settings = settings,
                                .rows = rows,
                                .out = out,
                                .status = NOWHERE};
    *out = (struct dh_import){0};
    importer.parameters = nowhere(dh_space_count(space));
    importer.objectives = nowhere(settings->objective_count);
    importer.blanks = dh_alloc(dh_space_count(space), sizeof *importer.blanks);
    FILE *stream = fopen(path, "re");
    dh_status status;
    if (!stream && errno != ENOENT)
        status = dh_fail(err, DH_IO, "%s: cannot open: %s", path, strerror(errno));
    else if (stream && !is_hdf5(path))
        status = read_csv(&importer, stream, err);
    else
        status = read_image(&importer, err); /* its journals may be all there is */
    if (stream)
        fclose(stream);
    if (out->skipped)
        dh_buffer_printf(&importer.notes, "%s: %zu of %zu rows skipped\n", path, out->skipped,
                         out->skipped + out->count);
    if (out->left_out)
        dh_buffer_printf(&importer.notes,
                         "%s: %zu cancelled or pruned, left out: they did not run to an end\n",
                         path, out->left_out);
    if (importer.moved_count > 1)
        dh_buffer_printf(&importer.moved, "%s: %zu more become others\n", path,
                         importer.moved_count - 1);
    out->moved = dh_buffer_take(&importer.moved);
    out->notes = dh_buffer_take(&importer.notes);
    out->warnings = dh_buffer_take(&importer.warnings);
    free(importer.parameters);
    free(importer.objectives);
    free(importer.blanks);
    if (status != DH_OK)
        dh_import_free(out);
    return status;
}

void dh_import_free(struct dh_import *import)
{
    free(import->points);
    free(import->objectives);
    free(import->notes);
    free(import->warnings);
    free(import->moved);
    *import = (struct dh_import){0};
}
