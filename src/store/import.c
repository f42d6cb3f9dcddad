/* Points and objectives of an old history: see store.h.
 *
 * Two sources, one rule: columns are matched by name, texts are read as the space writes them, a
 * row that the space cannot take is skipped and counted. A CSV file may be DeepHyper's, ours,
 * Optuna's (its data frame of trials), or any with a header; anything else is read as a checkpoint
 * (with its journals). Only a checkpoint knows the goals of its objectives.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "import_parts.h"

/* Room for one more row; its values are NaN. */
double *import_add_row(struct importer *importer, double **objectives)
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
bool import_left_out(struct importer *importer, int status)
{
    bool out = (status == DH_TRIAL_CANCELLED && importer->rows != DH_IMPORT_POINTS) ||
               (status == DH_TRIAL_PRUNED && importer->rows == DH_IMPORT_RESULTS);
    importer->out->left_out += out;
    return out;
}

void import_note_at(struct importer *importer, struct place place, const char *text)
{
    dh_buffer_printf(&importer->notes, "%s:%s%llu: %s\n", importer->path, place.what, place.number,
                     text);
}

/* Keep the row just filled if the space takes it; of the first that it does not, say why. */
void import_finish_row(struct importer *importer, double *point, struct place place,
                       dh_status status, struct dh_error *err)
{
    if (status == DH_OK) {
        dh_space_settle(importer->space, point);
        status = dh_space_check(importer->space, point, err);
    }
    size_t depth = importer->settings->objective_count;
    if (status == DH_OK)
        importer->valued += !isnan(importer->out->objectives[importer->out->count++ * depth]);
    else if (importer->out->skipped++ == 0)
        dh_buffer_printf(&importer->reason, "%s:%s%llu: %s\n", importer->path, place.what,
                         place.number, err->text);
}

void import_note_list(struct importer *importer, const struct dh_buffer *names, const char *what)
{
    if (names->size)
        dh_buffer_printf(&importer->notes, "%s: %s: %s\n", importer->path, what, names->data);
}

void import_add_name(struct dh_buffer *names, const char *name)
{
    dh_buffer_printf(names, "%s%s", names->size ? ", " : "", name);
}

/* DH_CONFIG if the file knows no parameter of the space; notes about those it lacks. */
dh_status import_check_parameters(struct importer *importer, struct dh_error *err)
{
    struct dh_buffer missing = {0};
    size_t count = dh_space_count(importer->space), found = 0;
    for (size_t i = 0; i < count; i++)
        if (importer->parameters[i] == NOWHERE)
            import_add_name(&missing, dh_space_parameter(importer->space, i)->name);
        else
            found++;
    import_note_list(importer, &missing, "not there, the defaults are used");
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
dh_status import_check_objectives(struct importer *importer, const struct dh_buffer *there,
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

/* The choice of that text, or -1. */
int import_find_choice(const struct dh_parameter *parameter, const char *text)
{
    for (size_t i = 0; i < parameter->choice_count; i++)
        if (strcmp(parameter->choices[i].text, text) == 0)
            return (int)i;
    return -1;
}

/* A field as a value. Numbers may be written in another way ("64.0" for an int); a choice may be
 * the empty text, which settling takes back where the parameter is inactive. */
dh_status import_parse_value(const struct dh_parameter *parameter, const char *text, double *value,
                             struct dh_error *err)
{
    double number;
    int choice = import_find_choice(parameter, text);
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

/* Say so once of each parameter that has a column, but in some row no value there though it is
 * active (an old trial has none of what was not active in its space): as where there is no column,
 * its default is taken. */
void import_note_blanks(struct importer *importer, const double *cells, struct place place)
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
        import_note_at(importer, place, text);
        free(text);
    }
    free(point);
}

/* Where most of a file does not count it is not what was meant. */
static void say_skipped(struct importer *importer)
{
    size_t skipped = importer->out->skipped, count = importer->out->count;
    struct dh_buffer *lines = skipped > count ? &importer->losses : &importer->notes;
    if (count == 0 && skipped == 0)
        dh_buffer_printf(&importer->losses, "%s: no row of it counts\n", importer->path);
    if (skipped)
        dh_buffer_printf(lines, "%s%s: %zu of %zu rows skipped\n", importer->reason.data,
                         importer->path, skipped, skipped + count);
}

/* Of results, what became of those without a value. */
static void say_unvalued(struct importer *importer)
{
    const char *objective = importer->settings->objectives[0].name;
    if (importer->without)
        dh_buffer_printf(&importer->losses,
                         "%s: %zu left out: called ok, but without a value of %s\n", importer->path,
                         importer->without, objective);
    if (importer->failed_without)
        dh_buffer_printf(&importer->losses,
                         "%s: %zu without a value of %s, so they count as failed\n", importer->path,
                         importer->failed_without, objective);
    if (importer->rows == DH_IMPORT_RESULTS && importer->out->count && !importer->valued)
        dh_buffer_printf(&importer->losses, "%s: none has a value of %s: all count as failed\n",
                         importer->path, objective);
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
        status = import_read_csv(&importer, stream, err);
    else
        status = import_read_image(&importer, err); /* its journals may be all there is */
    if (stream)
        fclose(stream);
    say_skipped(&importer);
    say_unvalued(&importer);
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
    out->losses = dh_buffer_take(&importer.losses);
    dh_buffer_free(&importer.reason);
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
    free(import->losses);
    free(import->moved);
    *import = (struct dh_import){0};
}
