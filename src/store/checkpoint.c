/* A checkpoint's image, column by column: see checkpoint.h.
 *
 * Every column is written in blocks of rows: a function fills the block from the trials, HDF5
 * stores it. Small datasets are contiguous; larger ones are chunked, and compressed (shuffle,
 * deflate 1) where their content is likely to shrink. All of it happens in memory, so what can
 * fail is HDF5 itself; one flag collects that.
 */
#include "checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"

struct writer {
    const struct dh_settings *settings;
    const struct dh_space *space;
    const struct dh_history *history;
    uint64_t mark, count; /* trials that were proposed by then */
    hid_t file, trials, parameters;
    struct dh_trial blank; /* outcome of a trial that has not ended */
    const char *failed;    /* what HDF5 could not write first; NULL: nothing */
    char failed_name[96];
};

static void note_failure(struct writer *writer, const char *name)
{
    if (writer->failed)
        return;
    strncpy(writer->failed_name, name, sizeof writer->failed_name - 1);
    writer->failed = writer->failed_name;
}

/* How a column gets its cells: `cell` receives what `source` says of `trial`. */
struct column {
    hid_t where;
    const char *name;
    hid_t memory_type, file_type;
    size_t size; /* of a cell in memory */
    bool compress;
    void (*fill)(const struct writer *writer, const void *source, const struct dh_trial *trial,
                 void *cell);
    const void *source;
};

static hid_t create_dataset(const struct writer *writer, const struct column *column, hid_t space)
{
    hsize_t chunk = DH_CHECKPOINT_ROWS;
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    if (writer->count > DH_CHECKPOINT_ROWS) {
        H5Pset_chunk(layout, 1, &chunk);
        if (column->compress) {
            H5Pset_shuffle(layout);
            H5Pset_deflate(layout, 1);
        }
    }
    hid_t dataset = H5Dcreate2(column->where, column->name, column->file_type, space, H5P_DEFAULT,
                               layout, H5P_DEFAULT);
    H5Pclose(layout);
    return dataset;
}

/* Rows [first, first + rows) from `block`. */
static bool write_block(hid_t dataset, hid_t space, const struct column *column, hsize_t first,
                        hsize_t rows, const void *block)
{
    hid_t memory = H5Screate_simple(1, &rows, NULL);
    bool written = H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &rows, NULL) >= 0 &&
                   H5Dwrite(dataset, column->memory_type, memory, space, H5P_DEFAULT, block) >= 0;
    H5Sclose(memory);
    return written;
}

static void write_column(struct writer *writer, const struct column *column)
{
    hsize_t count = writer->count;
    hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t dataset = create_dataset(writer, column, space);
    char *block = dh_alloc(DH_CHECKPOINT_ROWS, column->size);
    bool written = dataset >= 0;
    for (hsize_t first = 0; written && first < count; first += DH_CHECKPOINT_ROWS) {
        hsize_t rows = count - first < DH_CHECKPOINT_ROWS ? count - first : DH_CHECKPOINT_ROWS;
        for (hsize_t i = 0; i < rows; i++)
            column->fill(writer, column->source, dh_history_trial(writer->history, first + i),
                         block + i * column->size);
        written = write_block(dataset, space, column, first, rows, block);
    }
    if (dataset >= 0 && H5Dclose(dataset) < 0)
        written = false;
    if (!written)
        note_failure(writer, column->name);
    H5Sclose(space);
    free(block);
}

/* The trial itself if it had ended at the mark; otherwise one without an outcome: what the main
 * thread may be writing just now is not looked at. */
static const struct dh_trial *settled(const struct writer *writer, const struct dh_trial *trial)
{
    return dh_trial_ended_by(trial, writer->mark) ? trial : &writer->blank;
}

static void fill_field(const struct writer *writer, const void *source,
                       const struct dh_trial *trial, void *cell)
{
    static const size_t sizes[DH_COLUMN_KINDS] = {[DH_COLUMN_U64] = 8,
                                                  [DH_COLUMN_U32] = 4,
                                                  [DH_COLUMN_I32] = 4,
                                                  [DH_COLUMN_F64] = 8,
                                                  [DH_COLUMN_TEXT] = sizeof(char *)};
    const struct dh_column *column = source;
    const struct dh_trial *from = column->outcome ? settled(writer, trial) : trial;
    memcpy(cell, (const char *)from + column->offset, sizes[column->kind]);
}

#define STATUS_SIZE 10

static void fill_status(const struct writer *writer, const void *source,
                        const struct dh_trial *trial, void *cell)
{
    (void)source;
    strncpy(cell, dh_trial_status_text(settled(writer, trial)->outcome.status), STATUS_SIZE);
}

static void write_field(struct writer *writer, const struct dh_column *column)
{
    struct column out = {.where = writer->trials,
                         .name = column->name,
                         .compress = !column->noisy,
                         .fill = fill_field,
                         .source = column};
    hid_t text = -1;
    switch (column->kind) {
    case DH_COLUMN_STATUS:
        text = out.memory_type = out.file_type = dh_checkpoint_fixed_text(STATUS_SIZE);
        out.size = STATUS_SIZE;
        out.fill = fill_status;
        break;
    case DH_COLUMN_TEXT:
        text = out.memory_type = out.file_type = dh_checkpoint_free_text();
        out.size = sizeof(char *);
        break;
    case DH_COLUMN_F64:
        out.memory_type = H5T_NATIVE_DOUBLE;
        out.file_type = H5T_IEEE_F64LE;
        out.size = 8;
        break;
    case DH_COLUMN_U64:
        out.memory_type = H5T_NATIVE_UINT64;
        out.file_type = H5T_STD_U64LE;
        out.size = 8;
        break;
    default:
        out.memory_type = column->kind == DH_COLUMN_U32 ? H5T_NATIVE_UINT32 : H5T_NATIVE_INT32;
        out.file_type = column->kind == DH_COLUMN_U32 ? H5T_STD_U32LE : H5T_STD_I32LE;
        out.size = 4;
    }
    write_column(writer, &out);
    if (text >= 0)
        H5Tclose(text);
}

static void fill_objective(const struct writer *writer, const void *source,
                           const struct dh_trial *trial, void *cell)
{
    const size_t *index = source;
    const double *objectives = settled(writer, trial)->outcome.objectives;
    double value = objectives ? objectives[*index] : (double)NAN;
    memcpy(cell, &value, sizeof value);
}

/* A parameter's values, and for choices the text of each. */
struct parameter_source {
    const struct dh_parameter *parameter;
    size_t index, size;
    char **texts;
};

static void fill_number(const struct writer *writer, const void *source,
                        const struct dh_trial *trial, void *cell)
{
    (void)writer;
    const struct parameter_source *from = source;
    double value = trial->values[from->index];
    if (from->parameter->choice_count && !isnan(value))
        value = from->parameter->choices[(size_t)value].number;
    memcpy(cell, &value, sizeof value);
}

static void fill_integer(const struct writer *writer, const void *source,
                         const struct dh_trial *trial, void *cell)
{
    (void)writer;
    const struct parameter_source *from = source;
    double value = trial->values[from->index];
    int64_t integer = isnan(value) ? INT64_MIN : (int64_t)value;
    memcpy(cell, &integer, sizeof integer);
}

static void fill_choice(const struct writer *writer, const void *source,
                        const struct dh_trial *trial, void *cell)
{
    (void)writer;
    const struct parameter_source *from = source;
    double value = trial->values[from->index];
    memset(cell, 0, from->size);
    if (!isnan(value))
        memcpy(cell, from->texts[(size_t)value], strlen(from->texts[(size_t)value]));
}

static void write_choices(struct writer *writer, struct column *out,
                          struct parameter_source *source)
{
    size_t count = source->parameter->choice_count;
    source->size = out->size = dh_checkpoint_text_size(source->parameter);
    source->texts = dh_alloc(count, sizeof *source->texts);
    for (size_t i = 0; i < count; i++)
        source->texts[i] = dh_checkpoint_choice_text(&source->parameter->choices[i]);
    out->memory_type = out->file_type = dh_checkpoint_fixed_text(out->size);
    out->fill = fill_choice;
    out->compress = true;
    write_column(writer, out);
    H5Tclose(out->file_type);
    for (size_t i = 0; i < count; i++)
        free(source->texts[i]);
    free(source->texts);
}

static void write_parameter(struct writer *writer, size_t index)
{
    const struct dh_parameter *parameter = dh_space_parameter(writer->space, index);
    struct parameter_source source = {.parameter = parameter, .index = index};
    struct column out = {.where = writer->parameters,
                         .name = parameter->name,
                         .memory_type = H5T_NATIVE_DOUBLE,
                         .file_type = H5T_IEEE_F64LE,
                         .size = 8,
                         .compress = parameter->type != DH_REAL,
                         .fill = fill_number,
                         .source = &source};
    if (dh_checkpoint_is_text(parameter)) {
        write_choices(writer, &out, &source);
        return;
    }
    if (parameter->type == DH_INTEGER && !parameter->conditional) {
        out.memory_type = H5T_NATIVE_INT64;
        out.file_type = H5T_STD_I64LE;
        out.fill = fill_integer;
    }
    write_column(writer, &out);
}

static void write_objectives(struct writer *writer)
{
    size_t count = dh_history_objective_count(writer->history);
    for (size_t i = 0; i < count; i++) {
        char *name = dh_checkpoint_objective_name(i, count);
        struct column out = {.where = writer->trials,
                             .name = name,
                             .memory_type = H5T_NATIVE_DOUBLE,
                             .file_type = H5T_IEEE_F64LE,
                             .size = 8,
                             .fill = fill_objective,
                             .source = &i};
        write_column(writer, &out);
        free(name);
    }
}

static void write_attribute_of(struct writer *writer, hid_t object, const char *name,
                               hid_t file_type, hid_t memory_type, const void *value)
{
    hid_t scalar = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, file_type, scalar, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, memory_type, value) < 0)
        note_failure(writer, name);
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(scalar);
}

static void write_attribute(struct writer *writer, const char *name, hid_t file_type,
                            hid_t memory_type, const void *value)
{
    write_attribute_of(writer, writer->file, name, file_type, memory_type, value);
}

static void write_usage(struct writer *writer, const struct dh_usage *usage)
{
    hid_t group =
        H5Gcreate2(writer->file, DH_CHECKPOINT_USAGE, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int use = 0; use < DH_USE_COUNT; use++)
        write_attribute_of(writer, group, dh_use_key(use), H5T_STD_I64LE, H5T_NATIVE_INT64,
                           &usage->by_use[use]);
    write_attribute_of(writer, group, "failed", H5T_STD_I64LE, H5T_NATIVE_INT64, &usage->failed);
    H5Gclose(group);
}

static void write_text_attribute(struct writer *writer, const char *name, const char *text)
{
    hid_t type = dh_checkpoint_free_text();
    write_attribute(writer, name, type, type, &text);
    H5Tclose(type);
}

/* As ISO 8601 in UTC. */
static void write_time_attribute(struct writer *writer, const char *name, double when)
{
    char text[64] = "";
    struct tm parts;
    time_t seconds = isfinite(when) && fabs(when) < 1e11 ? (time_t)when : 0;
    if (gmtime_r(&seconds, &parts))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    write_text_attribute(writer, name, text);
}

static void write_attributes(struct writer *writer)
{
    char host[128] = "";
    int64_t version = DH_CHECKPOINT_VERSION, seed = writer->settings->search.seed;
    double now = dh_wall_time();
    gethostname(host, sizeof host - 1);
    write_text_attribute(writer, "format", DH_CHECKPOINT_FORMAT);
    write_attribute(writer, "version", H5T_STD_I64LE, H5T_NATIVE_INT64, &version);
    write_text_attribute(writer, "dh_mpi", DH_VERSION);
    write_text_attribute(writer, "search",
                         writer->settings->search.name ? writer->settings->search.name : "");
    write_attribute(writer, "seed", H5T_STD_I64LE, H5T_NATIVE_INT64, &seed);
    write_text_attribute(writer, "host", host);
    write_time_attribute(writer, "created",
                         writer->count ? dh_history_trial(writer->history, 0)->proposed : now);
    write_time_attribute(writer, "written", now);
    write_attribute(writer, "event", H5T_STD_U64LE, H5T_NATIVE_UINT64, &writer->mark);
}

static void write_config(struct writer *writer, const char *text)
{
    hid_t scalar = H5Screate(H5S_SCALAR), type = dh_checkpoint_free_text();
    hid_t dataset =
        H5Dcreate2(writer->file, "config", type, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text) < 0)
        note_failure(writer, "config");
    if (dataset >= 0)
        H5Dclose(dataset);
    H5Tclose(type);
    H5Sclose(scalar);
}

/* How many trials had been proposed when the event counter stood at the mark. */
static uint64_t count_at(const struct dh_history *history, uint64_t mark)
{
    uint64_t low = 0, high = dh_history_count(history);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (dh_history_trial(history, middle)->proposed_event <= mark)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void write_content(struct writer *writer, const char *config_text,
                          const struct dh_usage *usage)
{
    write_attributes(writer);
    write_usage(writer, usage);
    write_config(writer, config_text);
    for (size_t i = 0; i < dh_column_count; i++) {
        write_field(writer, &dh_columns[i]);
        if (i == 1)
            write_objectives(writer); /* beside the status */
    }
    for (size_t i = 0; i < dh_space_count(writer->space); i++)
        write_parameter(writer, i);
}

dh_status dh_checkpoint_build(const char *config_text, const struct dh_settings *settings,
                              const struct dh_space *space, const struct dh_history *history,
                              uint64_t mark, const struct dh_usage *usage, struct dh_image *out,
                              struct dh_error *err)
{
    struct writer writer = {
        .settings = settings,
        .space = space,
        .history = history,
        .mark = mark,
        .count = count_at(history, mark),
        .blank = {.outcome =
                      {.started = NAN, .ended = NAN, .cpu_seconds = NAN, .worker = -1, .slot = -1}},
    };
    *out = (struct dh_image){0};
    writer.file = dh_image_open(out, true);
    if (writer.file < 0)
        return dh_fail(err, DH_INTERNAL, "HDF5 cannot create a checkpoint in memory");
    writer.trials = H5Gcreate2(writer.file, "trials", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    writer.parameters =
        H5Gcreate2(writer.trials, "parameters", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    write_content(&writer, config_text, usage);
    H5Gclose(writer.parameters);
    H5Gclose(writer.trials);
    if (!dh_image_close(out, writer.file))
        note_failure(&writer, "end of the file");
    if (!writer.failed) {
        dh_image_seal(out);
        return DH_OK;
    }
    dh_image_free(out);
    return dh_fail(err, DH_INTERNAL, "HDF5 cannot write the checkpoint's %s", writer.failed);
}
