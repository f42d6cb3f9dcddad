/* A checkpoint read back into a history: see checkpoint.h.
 *
 * The checksum has been verified; still nothing is believed that could lead out of bounds: the
 * length and type of every dataset, every value of a choice, every event number.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "files.h"
#include "values.h"

struct dh_checkpoint {
    char *path;
    struct dh_image image;
    hid_t file;
    uint64_t event;
    char *config_text;
    /* while loading */
    const struct dh_space *space;
    struct dh_history *history;
    uint64_t count;
};

static dh_status damaged(const struct dh_checkpoint *checkpoint, const char *what,
                         struct dh_error *err)
{
    return dh_fail(err, DH_CORRUPT, "%s: %s is missing, or not what dh_mpi writes",
                   checkpoint->path, what);
}

static void *allocate_text(size_t size, void *context)
{
    (void)context;
    return malloc(size);
}

static void free_text(void *text, void *context)
{
    (void)context;
    free(text);
}

/* Transfer properties with which texts come from malloc. */
static hid_t text_transfer(void)
{
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_vlen_mem_manager(transfer, allocate_text, NULL, free_text, NULL);
    return transfer;
}

static bool is_free_text(hid_t type)
{
    return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0;
}

/* A scalar text of any length; NULL if it is none. */
static char *read_text(hid_t file, const char *name)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0)
        return NULL;
    char *text = NULL;
    hid_t space = H5Dget_space(dataset), stored = H5Dget_type(dataset);
    hid_t type = dh_checkpoint_free_text(), transfer = text_transfer();
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
                H5Aread(attribute, memory_type, out) >= 0;
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return read;
}

static dh_status read_lead(struct dh_checkpoint *checkpoint, struct dh_error *err)
{
    int64_t version = 0;
    checkpoint->file = dh_image_open(&checkpoint->image, false);
    if (checkpoint->file < 0)
        return damaged(checkpoint, "the HDF5 file", err);
    if (!read_number_attribute(checkpoint->file, "version", H5T_NATIVE_INT64, &version))
        return damaged(checkpoint, "the attribute version", err);
    if (version != DH_CHECKPOINT_VERSION)
        return dh_fail(err, DH_CONFIG, "%s: has version %lld, this dh_mpi reads version %d",
                       checkpoint->path, (long long)version, DH_CHECKPOINT_VERSION);
    if (!read_number_attribute(checkpoint->file, "event", H5T_NATIVE_UINT64, &checkpoint->event))
        return damaged(checkpoint, "the attribute event", err);
    checkpoint->config_text = read_text(checkpoint->file, "config");
    return checkpoint->config_text ? DH_OK : damaged(checkpoint, "/config", err);
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

const char *dh_checkpoint_config(const struct dh_checkpoint *checkpoint)
{
    return checkpoint->config_text;
}

/* How a column's cells are taken: false if the cell cannot be believed. */
struct column {
    const char *name; /* below /trials */
    hid_t memory_type;
    size_t size;
    bool text;                      /* cells are char *, which `take` takes */
    H5T_class_t class, other_class; /* of what is in the file */
    bool (*take)(struct dh_checkpoint *checkpoint, const void *target, uint64_t id, void *cell);
    const void *target;
};

static hid_t open_column(const struct dh_checkpoint *checkpoint, const struct column *column,
                         hsize_t *rows)
{
    char *name = dh_strprintf("/trials/%s", column->name);
    hid_t dataset = H5Dopen2(checkpoint->file, name, H5P_DEFAULT);
    free(name);
    if (dataset < 0)
        return -1;
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    H5T_class_t class = H5Tget_class(type);
    bool fits = H5Sget_simple_extent_ndims(space) == 1 &&
                H5Sget_simple_extent_dims(space, rows, NULL) == 1 &&
                (class == column->class || class == column->other_class) &&
                (class != H5T_STRING || (H5Tis_variable_str(type) > 0) == column->text);
    H5Tclose(type);
    H5Sclose(space);
    if (!fits)
        H5Dclose(dataset);
    return fits ? dataset : -1;
}

/* Rows [first, first + rows) given to the column's `take`. */
static bool read_block(struct dh_checkpoint *checkpoint, const struct column *column, hid_t dataset,
                       hid_t transfer, hsize_t first, hsize_t rows, char *block)
{
    hid_t memory = H5Screate_simple(1, &rows, NULL), space = H5Dget_space(dataset);
    memset(block, 0, rows * column->size);
    bool sound = H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &rows, NULL) >= 0 &&
                 H5Dread(dataset, column->memory_type, memory, space, transfer, block) >= 0;
    H5Sclose(space);
    H5Sclose(memory);
    for (hsize_t i = 0; i < rows && sound; i++)
        sound = column->take(checkpoint, column->target, first + i, block + i * column->size);
    for (hsize_t i = 0; column->text && i < rows; i++)
        free(((char **)(void *)block)[i]); /* those that were not taken */
    return sound;
}

/* `checkpoint->count` has to be the number of rows; UINT64_MAX: it becomes that. */
static dh_status read_column(struct dh_checkpoint *checkpoint, const struct column *column,
                             struct dh_error *err)
{
    hsize_t count = 0;
    hid_t dataset = open_column(checkpoint, column, &count);
    bool sound = dataset >= 0;
    if (sound && checkpoint->count == UINT64_MAX)
        checkpoint->count = count;
    sound = sound && count == checkpoint->count;
    hid_t transfer = text_transfer();
    char *block = dh_alloc(DH_CHECKPOINT_ROWS, column->size);
    for (hsize_t first = 0; sound && first < count; first += DH_CHECKPOINT_ROWS) {
        hsize_t rows = count - first < DH_CHECKPOINT_ROWS ? count - first : DH_CHECKPOINT_ROWS;
        sound = read_block(checkpoint, column, dataset, transfer, first, rows, block);
    }
    free(block);
    H5Pclose(transfer);
    if (dataset >= 0)
        H5Dclose(dataset);
    char *what = dh_strprintf("/trials/%s", column->name);
    dh_status status = sound ? DH_OK : damaged(checkpoint, what, err);
    free(what);
    return status;
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
    struct column in = {.name = column->name,
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
    dh_status status = read_column(checkpoint, &in, err);
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
        struct column in = {.name = name,
                            .memory_type = H5T_NATIVE_DOUBLE,
                            .size = 8,
                            .class = H5T_FLOAT,
                            .other_class = H5T_FLOAT,
                            .take = take_objective,
                            .target = &i};
        status = read_column(checkpoint, &in, err);
        free(name);
    }
    return status;
}

/* A parameter and, for choices, the way from a text or number back to the index. */
struct parameter_target {
    const struct dh_parameter *parameter;
    size_t index, size;
    char **texts;
    struct dh_map by_content;
};

static bool keep_value(struct dh_checkpoint *checkpoint, const struct parameter_target *to,
                       uint64_t id, double value)
{
    dh_history_trial(checkpoint->history, id)->values[to->index] = value;
    return dh_store_value_valid(to->parameter, value);
}

static bool take_value(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                       void *cell)
{
    const struct parameter_target *to = target;
    double value;
    uint64_t key, choice;
    memcpy(&value, cell, sizeof value);
    if (to->parameter->type == DH_INTEGER && value == (double)INT64_MIN)
        value = NAN;
    if (to->parameter->choice_count == 0 || isnan(value))
        return keep_value(checkpoint, to, id, value);
    memcpy(&key, &value, sizeof key);
    return dh_map_get(&to->by_content, key, &choice) &&
           keep_value(checkpoint, to, id, (double)choice);
}

static bool take_choice(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                        void *cell)
{
    const struct parameter_target *to = target;
    const char *text = cell;
    size_t length = strnlen(text, to->size);
    uint64_t choice;
    if (length == 0)
        return keep_value(checkpoint, to, id, NAN);
    if (!dh_map_get(&to->by_content, dh_hash_bytes(0, text, length), &choice) ||
        strlen(to->texts[choice]) != length || memcmp(to->texts[choice], text, length) != 0)
        return false;
    return keep_value(checkpoint, to, id, (double)choice);
}

/* Texts (or the bits of the numbers) of the choices, to be found again. */
static void index_choices(struct parameter_target *to)
{
    size_t count = to->parameter->choice_count;
    to->texts = dh_alloc(count, sizeof *to->texts);
    for (size_t i = 0; i < count; i++) {
        const struct dh_choice *choice = &to->parameter->choices[i];
        to->texts[i] = dh_checkpoint_choice_text(choice);
        uint64_t key = dh_hash_bytes(0, to->texts[i], strlen(to->texts[i]));
        if (choice->numeric)
            memcpy(&key, &choice->number, sizeof key);
        dh_map_put(&to->by_content, key, i);
    }
}

static dh_status read_parameter(struct dh_checkpoint *checkpoint, size_t index,
                                struct dh_error *err)
{
    const struct dh_parameter *parameter = dh_space_parameter(checkpoint->space, index);
    struct parameter_target to = {.parameter = parameter, .index = index};
    char *name = dh_strprintf("parameters/%s", parameter->name);
    struct column in = {.name = name,
                        .memory_type = H5T_NATIVE_DOUBLE,
                        .size = 8,
                        .class = H5T_FLOAT,
                        .other_class = H5T_INTEGER,
                        .take = take_value,
                        .target = &to};
    bool text = dh_checkpoint_is_text(parameter);
    index_choices(&to);
    if (text) {
        to.size = in.size = dh_checkpoint_text_size(parameter);
        in.memory_type = dh_checkpoint_fixed_text(in.size);
        in.class = in.other_class = H5T_STRING;
        in.take = take_choice;
    }
    dh_status status = read_column(checkpoint, &in, err);
    if (text)
        H5Tclose(in.memory_type);
    for (size_t i = 0; i < parameter->choice_count; i++)
        free(to.texts[i]);
    free(to.texts);
    dh_map_free(&to.by_content);
    free(name);
    return status;
}

/* Every event up to the checkpoint's is in exactly one trial, proposals in order of the ids, and a
 * trial has a final status if it has ended. Then the history's counters follow. */
static dh_status settle_events(struct dh_checkpoint *checkpoint, struct dh_error *err)
{
    struct dh_history *history = checkpoint->history;
    uint64_t mark = checkpoint->event, last = 0, used = 0;
    if (mark > 2 * checkpoint->count)
        return damaged(checkpoint, "the attribute event", err);
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
    return damaged(checkpoint, "the sequence of events", err);
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
    struct column ids = {.name = dh_columns[0].name,
                         .memory_type = H5T_NATIVE_UINT64,
                         .size = 8,
                         .class = H5T_INTEGER,
                         .other_class = H5T_INTEGER,
                         .take = take_id,
                         .target = nothing};
    dh_status status = read_column(checkpoint, &ids, err);
    for (size_t i = 1; i < dh_column_count && status == DH_OK; i++)
        status = read_field(checkpoint, &dh_columns[i], err);
    if (status == DH_OK)
        status = read_objectives(checkpoint, err);
    for (size_t i = 0; i < count && status == DH_OK; i++)
        status = read_parameter(checkpoint, i, err);
    if (status == DH_OK)
        status = settle_events(checkpoint, err);
    free(nothing);
    return status;
}
