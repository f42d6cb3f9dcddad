/* A checkpoint read back into a history: see checkpoint.h.
 *
 * The checksum has been verified; still nothing is believed that could lead out of bounds: the
 * length and type of every dataset, every value of a choice, every event number. HDF5 is asked for
 * no more than can be in the file; what it does with broken structures of its own is up to it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "files.h"
#include "load.h"

/* Slot-microseconds of one use that can be: of a million slots for a century. */
#define LONGEST_USE INT64_C(4000000000000000)

static bool is_free_text(hid_t type)
{
    return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0;
}

/* A scalar text of any length; NULL if it is none. */
static char *read_text(struct dh_checkpoint *checkpoint, const char *name)
{
    hid_t dataset = H5Dopen2(checkpoint->file, name, H5P_DEFAULT);
    if (dataset < 0)
        return NULL;
    char *text = NULL;
    hid_t space = H5Dget_space(dataset), stored = H5Dget_type(dataset);
    hid_t type = dh_checkpoint_free_text(), transfer = dh_load_transfer(checkpoint);
    if (H5Sget_simple_extent_npoints(space) == 1 && is_free_text(stored) &&
        H5Dread(dataset, type, H5S_ALL, H5S_ALL, transfer, &text) < 0)
        text = NULL;
    H5Pclose(transfer);
    H5Tclose(type);
    H5Tclose(stored);
    H5Sclose(space);
    H5Dclose(dataset);
    return text;
}

static bool read_number_attribute(hid_t file, const char *name, hid_t memory_type, void *out)
{
    if (H5Aexists(file, name) <= 0)
        return false;
    hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    if (attribute < 0)
        return false;
    hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    bool read = H5Sget_simple_extent_npoints(space) == 1 && H5Tget_class(type) == H5T_INTEGER &&
                dh_load_small(type) && H5Aread(attribute, memory_type, out) >= 0;
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return read;
}

/* The account of time is no part of the search's state: one that is missing (older versions had
 * none) or cannot be is as good as none. */
static void read_usage(struct dh_checkpoint *checkpoint)
{
    struct dh_usage usage = {0};
    bool sound = H5Lexists(checkpoint->file, DH_CHECKPOINT_USAGE, H5P_DEFAULT) > 0;
    hid_t group = sound ? H5Gopen2(checkpoint->file, DH_CHECKPOINT_USAGE, H5P_DEFAULT) : -1;
    if (group < 0)
        return;
    for (int use = 0; use < DH_USE_COUNT; use++) {
        read_number_attribute(group, dh_use_key(use), H5T_NATIVE_INT64, &usage.by_use[use]);
        sound = sound && usage.by_use[use] >= 0 && usage.by_use[use] < LONGEST_USE;
    }
    read_number_attribute(group, "failed", H5T_NATIVE_INT64, &usage.failed);
    sound = sound && usage.failed >= 0 && usage.failed <= usage.by_use[DH_USE_EVALUATING];
    H5Gclose(group);
    if (sound)
        checkpoint->usage = usage;
}

static dh_status read_lead(struct dh_checkpoint *checkpoint, struct dh_error *err)
{
    int64_t version = 0;
    checkpoint->file = dh_image_open(&checkpoint->image, false);
    if (checkpoint->file < 0)
        return dh_load_damaged(checkpoint, "the HDF5 file", err);
    if (!read_number_attribute(checkpoint->file, "version", H5T_NATIVE_INT64, &version))
        return dh_load_damaged(checkpoint, "the attribute version", err);
    if (version != DH_CHECKPOINT_VERSION)
        return dh_fail(err, DH_CONFIG, "%s: has version %lld, this dh_mpi reads version %d",
                       checkpoint->path, (long long)version, DH_CHECKPOINT_VERSION);
    if (!read_number_attribute(checkpoint->file, "event", H5T_NATIVE_UINT64, &checkpoint->event))
        return dh_load_damaged(checkpoint, "the attribute event", err);
    read_usage(checkpoint);
    checkpoint->config_text = read_text(checkpoint, "config");
    return checkpoint->config_text ? DH_OK : dh_load_damaged(checkpoint, "/config", err);
}

dh_status dh_checkpoint_open(const char *path, struct dh_checkpoint **out, struct dh_error *err)
{
    struct dh_buffer bytes = {0};
    dh_status status = dh_files_read(path, &bytes, err);
    if (status != DH_OK) {
        dh_buffer_free(&bytes);
        return status;
    }
    struct dh_checkpoint *checkpoint = dh_alloc(1, sizeof *checkpoint);
    checkpoint->file = -1;
    checkpoint->path = dh_strdup(path);
    checkpoint->image = (struct dh_image){
        .bytes = (unsigned char *)bytes.data, .size = bytes.size, .capacity = bytes.capacity};
    status = dh_image_verify(&checkpoint->image, path, err);
    if (status == DH_OK)
        status = read_lead(checkpoint, err);
    if (status != DH_OK)
        dh_checkpoint_close(&checkpoint);
    *out = checkpoint;
    return status;
}

void dh_checkpoint_close(struct dh_checkpoint **checkpoint)
{
    struct dh_checkpoint *c = *checkpoint;
    if (!c)
        return;
    if (c->file >= 0)
        dh_image_close(&c->image, c->file);
    dh_image_free(&c->image);
    free(c->path);
    free(c->config_text);
    free(c);
    *checkpoint = NULL;
}

uint64_t dh_checkpoint_event(const struct dh_checkpoint *checkpoint)
{
    return checkpoint->event;
}

struct dh_usage dh_checkpoint_usage(const struct dh_checkpoint *checkpoint)
{
    return checkpoint->usage;
}

const char *dh_checkpoint_config(const struct dh_checkpoint *checkpoint)
{
    return checkpoint->config_text;
}

/* The first column: makes the trials. Its content proves the number of rows, so nothing is
 * allocated for rows that are only claimed. */
static bool take_id(struct dh_checkpoint *checkpoint, const void *target, uint64_t id, void *cell)
{
    const double *nothing = target;
    uint64_t value;
    memcpy(&value, cell, sizeof value);
    if (value != id)
        return false;
    dh_history_propose(checkpoint->history, nothing);
    return true;
}

static bool take_number(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                        void *cell)
{
    const struct dh_column *column = target;
    size_t size = column->kind == DH_COLUMN_U32 || column->kind == DH_COLUMN_I32 ? 4 : 8;
    memcpy((char *)dh_history_trial(checkpoint->history, id) + column->offset, cell, size);
    return true;
}

static bool take_status(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                        void *cell)
{
    (void)target;
    int status = dh_trial_status_parse(cell);
    dh_history_trial(checkpoint->history, id)->outcome.status =
        (enum dh_trial_status)(status < 0 ? 0 : status);
    return status >= 0;
}

static bool take_text(struct dh_checkpoint *checkpoint, const void *target, uint64_t id, void *cell)
{
    const struct dh_column *column = target;
    char **text = cell;
    if (!*text || **text == '\0')
        return true;
    char **place =
        (char **)(void *)((char *)dh_history_trial(checkpoint->history, id) + column->offset);
    *place = *text;
    *text = NULL;
    return true;
}

static bool take_objective(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                           void *cell)
{
    const size_t *index = target;
    memcpy(&dh_history_trial(checkpoint->history, id)->outcome.objectives[*index], cell,
           sizeof(double));
    return true;
}

static dh_status read_field(struct dh_checkpoint *checkpoint, const struct dh_column *column,
                            struct dh_error *err)
{
    struct dh_load_column in = {.name = column->name,
                                .size = 8,
                                .class = H5T_INTEGER,
                                .other_class = H5T_INTEGER,
                                .take = take_number,
                                .target = column};
    hid_t type = -1;
    switch (column->kind) {
    case DH_COLUMN_STATUS:
        in.class = in.other_class = H5T_STRING;
        in.size = 32;
        type = in.memory_type = dh_checkpoint_fixed_text(in.size);
        H5Tset_strpad(type, H5T_STR_NULLTERM);
        in.take = take_status;
        break;
    case DH_COLUMN_TEXT:
        in.class = in.other_class = H5T_STRING;
        type = in.memory_type = dh_checkpoint_free_text();
        in.size = sizeof(char *);
        in.text = true;
        in.take = take_text;
        break;
    case DH_COLUMN_F64:
        in.class = in.other_class = H5T_FLOAT;
        in.memory_type = H5T_NATIVE_DOUBLE;
        break;
    case DH_COLUMN_U64:
        in.memory_type = H5T_NATIVE_UINT64;
        break;
    default:
        in.memory_type = column->kind == DH_COLUMN_U32 ? H5T_NATIVE_UINT32 : H5T_NATIVE_INT32;
        in.size = 4;
    }
    dh_status status = dh_load_rows(checkpoint, &in, err);
    if (type >= 0)
        H5Tclose(type);
    return status;
}

static dh_status read_objectives(struct dh_checkpoint *checkpoint, struct dh_error *err)
{
    size_t count = dh_history_objective_count(checkpoint->history);
    dh_status status = DH_OK;
    for (size_t i = 0; i < count && status == DH_OK; i++) {
        char *name = dh_checkpoint_objective_name(i, count);
        struct dh_load_column in = {.name = name,
                                    .memory_type = H5T_NATIVE_DOUBLE,
                                    .size = 8,
                                    .class = H5T_FLOAT,
                                    .other_class = H5T_FLOAT,
                                    .take = take_objective,
                                    .target = &i};
        status = dh_load_rows(checkpoint, &in, err);
        free(name);
    }
    return status;
}

/* Every event up to the checkpoint's is in exactly one trial, proposals in order of the ids, and a
 * trial has a final status if it has ended. Then the history's counters follow. */
static dh_status settle_events(struct dh_checkpoint *checkpoint, struct dh_error *err)
{
    struct dh_history *history = checkpoint->history;
    uint64_t mark = checkpoint->event, last = 0, used = 0;
    if (mark > 2 * checkpoint->count)
        return dh_load_damaged(checkpoint, "the attribute event", err);
    uint8_t *seen = dh_alloc(mark + 1, 1);
    bool sound = true;
    for (uint64_t id = 0; id < checkpoint->count && sound; id++) {
        struct dh_trial *trial = dh_history_trial(history, id);
        uint64_t proposed = trial->proposed_event, ended = trial->ended_event;
        sound = proposed > last && proposed <= mark && ended <= mark && !seen[proposed] &&
                (ended != 0) == (trial->outcome.status != DH_TRIAL_PENDING) &&
                (ended == 0 || (ended > proposed && !seen[ended]));
        if (!sound)
            break;
        seen[proposed] = 1;
        used += 1 + (ended != 0);
        if (ended)
            seen[ended] = 1;
        last = proposed;
        trial->ended_event = 0;
        dh_history_set_events(history, trial, proposed, ended);
    }
    free(seen);
    if (sound && used == mark && dh_history_event(history) == mark)
        return DH_OK;
    return dh_load_damaged(checkpoint, "the sequence of events", err);
}

dh_status dh_checkpoint_load(struct dh_checkpoint *checkpoint, const struct dh_space *space,
                             struct dh_history *history, struct dh_error *err)
{
    size_t count = dh_space_count(space);
    double *nothing = dh_alloc(count, sizeof *nothing);
    for (size_t i = 0; i < count; i++)
        nothing[i] = NAN;
    checkpoint->space = space;
    checkpoint->history = history;
    checkpoint->count = UINT64_MAX;
    struct dh_load_column ids = {.name = dh_columns[0].name,
                                 .memory_type = H5T_NATIVE_UINT64,
                                 .size = 8,
                                 .class = H5T_INTEGER,
                                 .other_class = H5T_INTEGER,
                                 .take = take_id,
                                 .target = nothing};
    dh_status status = dh_load_rows(checkpoint, &ids, err);
    for (size_t i = 1; i < dh_column_count && status == DH_OK; i++)
        status = read_field(checkpoint, &dh_columns[i], err);
    if (status == DH_OK)
        status = read_objectives(checkpoint, err);
    for (size_t i = 0; i < count && status == DH_OK; i++)
        status = dh_load_parameter(checkpoint, i, err);
    if (status == DH_OK)
        status = settle_events(checkpoint, err);
    free(nothing);
    return status;
}
