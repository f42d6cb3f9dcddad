/* Old results from a checkpoint, with its journals: see import_parts.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "import_parts.h"

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
    dh_status status = import_check_objectives(importer, &there, err);
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
            import_add_name(&unknown, name);
    }
    import_note_list(importer, &unknown, "parameters that are not in the space, ignored");
    dh_buffer_free(&unknown);
    dh_status status = import_check_parameters(importer, err);
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
    dh_status status = import_parse_value(now, text.data ? text.data : "", out, err);
    dh_buffer_free(&text);
    return status;
}

static void read_trial(struct importer *importer, const struct dh_store_image *image,
                       const struct dh_trial *trial)
{
    struct dh_error err = {0};
    if (import_left_out(importer, (int)trial->outcome.status))
        return;
    const struct place place = {" trial ", trial->id};
    double *objectives, *point = import_add_row(importer, &objectives);
    dh_status status = DH_OK;
    for (size_t i = 0; i < dh_space_count(importer->space) && status == DH_OK; i++) {
        size_t column = importer->parameters[i];
        if (column != NOWHERE)
            status = convert_value(dh_space_parameter(image->space, column),
                                   dh_space_parameter(importer->space, i), trial->values[column],
                                   &point[i], &err);
    }
    if (status == DH_OK)
        import_note_blanks(importer, point, place);
    bool valued = trial->outcome.status == DH_TRIAL_SUCCEEDED;
    for (size_t i = 0; i < importer->settings->objective_count && valued; i++)
        if (importer->objectives[i] != NOWHERE &&
            isfinite(trial->outcome.objectives[importer->objectives[i]]))
            objectives[i] = trial->outcome.objectives[importer->objectives[i]];
    import_finish_row(importer, point, place, status, &err);
}

dh_status import_read_image(struct importer *importer, struct dh_error *err)
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
