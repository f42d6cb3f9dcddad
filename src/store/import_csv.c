/* Old results from a CSV file: see import_parts.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* Index of the name that is `wanted` with other letters of either case or with a slip, or -1. */
static int near_name(const char *wanted, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], wanted) == 0)
            return (int)i;
    return dh_text_nearest(wanted, names, count);
}

/* Warn of columns that nothing was matched with, and that have nearly the name of a parameter that
 * has no column. */
static void warn_of_near_names(struct importer *importer, const struct dh_csv *csv,
                               const bool *matched)
{
    const char **names = dh_alloc(csv->count, sizeof *names);
    size_t count = 0;
    for (size_t c = 0; c < csv->count; c++) {
        const char *name = dh_dialect_parameter(importer->dialect, dh_csv_field(csv, c));
        if (!matched[c] && name && *name)
            names[count++] = name;
    }
    for (size_t i = 0; i < dh_space_count(importer->space); i++) {
        const char *wanted = dh_space_parameter(importer->space, i)->name;
        int near = importer->parameters[i] == NOWHERE ? near_name(wanted, names, count) : -1;
        if (near >= 0)
            dh_buffer_printf(&importer->losses,
                             "%s: there is no column of %s, so its default is used; is the column "
                             "%s meant?\n",
                             importer->path, wanted, names[near]);
    }
    free(names);
}

static dh_status map_header(struct importer *importer, const struct dh_csv *csv,
                            struct dh_error *err)
{
    struct dh_buffer unknown = {0};
    bool *matched = dh_alloc(csv->count, sizeof *matched);
    importer->dialect = dh_dialect_of(csv);
    importer->width = csv->count;
    for (size_t i = 0; i < csv->count; i++) {
        size_t size = unknown.size;
        map_header_cell(importer, dh_csv_field(csv, i), i, &unknown);
        matched[i] = unknown.size == size;
    }
    warn_of_near_names(importer, csv, matched);
    free(matched);
    import_note_list(importer, &unknown, "columns that are no parameter, ignored");
    dh_status status = import_check_parameters(importer, err);
    if (status == DH_OK)
        status = import_check_objectives(importer, &unknown, err);
    dh_buffer_free(&unknown);
    return status;
}

/* How programs write that there is no number: pandas, R. */
static bool is_nothing(const char *text)
{
    return *text == '\0' || strcmp(text, "NA") == 0;
}

/* A cell as a value: blanks around it are nothing but where a choice has them. */
static dh_status parse_cell(const struct dh_parameter *parameter, const char *cell, double *value,
                            struct dh_error *err)
{
    bool label = import_find_choice(parameter, cell) >= 0;
    char *text = label ? dh_strdup(cell) : trimmed(cell);
    bool nothing = is_nothing(text) && import_find_choice(parameter, text) < 0;
    dh_status status = import_parse_value(parameter, nothing ? "" : text, value, err);
    free(text);
    return status;
}

/* Note what does not count as it may have been meant, of its first occurrence. */
static void lose(struct importer *importer, const struct dh_csv *csv, bool *said, const char *text,
                 const char *why)
{
    if (!*said)
        dh_buffer_printf(&importer->losses, "%s:%llu: \"%s\" is %s\n", importer->path,
                         (unsigned long long)csv->line, text, why);
    *said = true;
}

/* What a row's status says, -1 where it says nothing: then its objectives tell success from
 * failure. */
static int read_status(struct importer *importer, const struct dh_csv *csv)
{
    if (importer->status == NOWHERE)
        return -1;
    char *text = trimmed(dh_csv_field(csv, importer->status));
    int status = dh_dialect_status(importer->dialect, text);
    if (status < 0 && *text)
        lose(importer, csv, &importer->unknown_status, text,
             "no status, so the row's objective tells whether it failed; others may be such, too");
    free(text);
    return status;
}

/* An objective's cell; NaN of one that failed: blank, "F…" or not finite, and of what is no number
 * at all. */
static double read_objective(struct importer *importer, const struct dh_csv *csv, size_t column)
{
    double value = NAN;
    char *text = trimmed(dh_csv_field(csv, column));
    bool number = dh_text_number(text, &value);
    if (!number && !is_nothing(text) && *text != 'F')
        lose(importer, csv, &importer->unread, text,
             "no number, so the row counts as failed; others may, too");
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

/* The row's point; DH_CONFIG if it is none. */
static dh_status read_point(const struct importer *importer, const struct dh_csv *csv,
                            double *point, struct dh_error *err)
{
    bool given = false;
    dh_status status = DH_OK;
    for (size_t i = importer->width; i < csv->count; i++)
        if (*dh_csv_field(csv, i))
            return dh_fail(err, DH_CONFIG, "it has %zu fields, the first line has %zu", csv->count,
                           importer->width);
    for (size_t i = 0; i < dh_space_count(importer->space) && status == DH_OK; i++) {
        if (importer->parameters[i] != NOWHERE)
            status = parse_cell(dh_space_parameter(importer->space, i),
                                dh_csv_field(csv, importer->parameters[i]), &point[i], err);
        given |= !isnan(point[i]);
    }
    return status != DH_OK || given ? status
                                    : dh_fail(err, DH_CONFIG, "no parameter has a value there");
}

/* Is there nothing in the row's cell of the first objective? */
static bool lacks_result(const struct importer *importer, const struct dh_csv *csv)
{
    if (importer->rows != DH_IMPORT_RESULTS)
        return false;
    char *text = trimmed(dh_csv_field(csv, importer->objectives[0]));
    bool nothing = is_nothing(text);
    free(text);
    return nothing;
}

static void read_csv_row(struct importer *importer, const struct dh_csv *csv)
{
    struct dh_error err = {0};
    int ended = read_status(importer, csv);
    if (import_left_out(importer, ended))
        return;
    const struct place place = {"", csv->line};
    double *objectives, *point = import_add_row(importer, &objectives);
    dh_status status = read_point(importer, csv, point, &err);
    bool valued = ended == DH_TRIAL_SUCCEEDED || ended < 0;
    bool lacks = status == DH_OK && valued && lacks_result(importer, csv);
    importer->without += lacks && ended >= 0;
    importer->failed_without += lacks && ended < 0;
    if (lacks && ended >= 0)
        return;
    if (status == DH_OK)
        import_note_blanks(importer, point, place);
    if (status == DH_OK)
        note_moved(importer, csv, point);
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
