/* Old results from a CSV file: see import_parts.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "import_parts.h"

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
        import_add_name(unknown, header);
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
    import_note_list(importer, &unknown, "columns that are no parameter, ignored");
    dh_status status = import_check_parameters(importer, err);
    if (status == DH_OK)
        status = import_check_objectives(importer, &unknown, err);
    dh_buffer_free(&unknown);
    return status;
}

/* A cell as a value: blanks around it are nothing but where a choice has them. */
static dh_status parse_cell(const struct dh_parameter *parameter, const char *cell, double *value,
                            struct dh_error *err)
{
    bool label = import_find_choice(parameter, cell) >= 0;
    char *text = label ? dh_strdup(cell) : trimmed(cell);
    dh_status status = import_parse_value(parameter, text, value, err);
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
    if (import_left_out(importer, ended))
        return;
    const struct place place = {"", csv->line};
    double *objectives, *point = import_add_row(importer, &objectives);
    dh_status status = DH_OK;
    for (size_t i = 0; i < dh_space_count(importer->space) && status == DH_OK; i++)
        if (importer->parameters[i] != NOWHERE)
            status = parse_cell(dh_space_parameter(importer->space, i),
                                dh_csv_field(csv, importer->parameters[i]), &point[i], &err);
    if (status == DH_OK)
        import_note_blanks(importer, point, place);
    if (status == DH_OK)
        note_moved(importer, csv, point);
    bool valued = ended == DH_TRIAL_SUCCEEDED;
    for (size_t i = 0; i < importer->settings->objective_count && valued; i++)
        if (importer->objectives[i] != NOWHERE)
            objectives[i] = read_objective(importer, csv, importer->objectives[i]);
    import_finish_row(importer, point, place, status, &err);
}

dh_status import_read_csv(struct importer *importer, FILE *stream, struct dh_error *err)
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
