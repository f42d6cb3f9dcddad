/* The inside of a checkpoint: an HDF5 file made as the input's bytes say, in which any dataset may
 * be missing, of another type, shape or length, or hold other values; read into a history. The file
 * itself is sound: HDF5's own parser is not what is tested. A byte of 0, or the end of the input,
 * stands for what dh_mpi writes. */
#include "fuzz.h"

#include <zlib.h>

#include "dh_mpi/history.h"
#include "store/checkpoint.h"

#define ROWS 3
#define BOMB ((uLong)4 << 20)

struct input {
    const uint8_t *next, *end;
};

static uint8_t take(struct input *in)
{
    return in->next < in->end ? *in->next++ : 0;
}

static uint64_t take_number(struct input *in)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)take(in) << (8 * i);
    return value;
}

enum kind { INTEGER, UNSIGNED, SHORT, REAL, FIXED_TEXT, FREE_TEXT, KINDS };

static hid_t type_of(enum kind kind)
{
    switch (kind) {
    case FIXED_TEXT:
        return dh_checkpoint_fixed_text(8);
    case FREE_TEXT:
        return dh_checkpoint_free_text();
    default:
        return H5Tcopy(kind == REAL       ? H5T_NATIVE_DOUBLE
                       : kind == SHORT    ? H5T_NATIVE_INT32
                       : kind == UNSIGNED ? H5T_NATIVE_UINT64
                                          : H5T_NATIVE_INT64);
    }
}

static hid_t space_of(uint8_t shape)
{
    hsize_t sizes[2] = {ROWS, 1};
    if (shape == 1)
        return H5Screate(H5S_SCALAR);
    if (shape == 2)
        return H5Screate_simple(2, sizes, NULL);
    if (shape == 3)
        sizes[0] = 0;
    if (shape == 4)
        sizes[0] = ROWS + 1;
    if (shape == 5)
        sizes[0] = (hsize_t)1 << 40; /* only claimed; 6, 7: chunks like no others */
    return H5Screate_simple(1, sizes, NULL);
}

/* Row `i` of a column, eight bytes, as it is or as the input has it. */
static void put_cell(struct input *in, enum kind kind, const void *right, int i, void *cell)
{
    static char *const texts[] = {"", "a", "\"", "\xff\xfe not UTF-8"};
    uint8_t other = take(in);
    memcpy(cell, (const char *)right + 8 * i, 8);
    if (other == 0)
        return;
    uint64_t bits = take_number(in);
    if (kind == FREE_TEXT)
        memcpy(cell, &texts[bits % DH_COUNT_OF(texts)], 8);
    else
        memcpy(cell, &bits, 8);
}

/* A chunk of a few rows that expands to megabytes. */
static void write_bomb(hid_t dataset)
{
    uLongf size = compressBound(BOMB);
    hsize_t first = 0;
    unsigned char *zeros = dh_alloc(BOMB, 1), *packed = dh_alloc(size, 1);
    promise(compress2(packed, &size, zeros, BOMB, 9) == Z_OK, "zlib works");
    H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &first, size, packed);
    free(packed);
    free(zeros);
}

static void write_column(struct input *in, hid_t group, const char *name, enum kind kind,
                         const void *right)
{
    static const char zeros[8 * ROWS];
    static char *const nothing[ROWS];
    uint8_t way = take(in), shape = way & 7;
    if (way == 255)
        return;
    if (way & 8) {
        kind = (enum kind)(take(in) % KINDS);
        right = kind == FREE_TEXT ? (const void *)nothing : zeros;
    }
    char cells[8 * (ROWS + 1)] = "";
    for (int i = 0; i < ROWS; i++)
        put_cell(in, kind, right, i, cells + 8 * i);
    hid_t type = type_of(kind), space = space_of(shape), how = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk = shape == 6 ? (hsize_t)1 << 26 : 16;
    if (shape >= 5)
        H5Pset_chunk(how, 1, &chunk);
    if (shape == 7)
        H5Pset_deflate(how, 9);
    hid_t dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    if (shape < 5 && dataset >= 0)
        H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells);
    if (shape == 7 && dataset >= 0)
        write_bomb(dataset);
    if (dataset >= 0)
        H5Dclose(dataset);
    H5Pclose(how);
    H5Sclose(space);
    H5Tclose(type);
}

static void write_columns(struct input *in, hid_t trials)
{
    static const uint64_t counts[ROWS] = {0, 1, 2}, proposed[ROWS] = {1, 2, 4}, ended[ROWS] = {3};
    static const char statuses[ROWS][8] = {"ok", "pending", "pending"};
    static const uint32_t halves[2 * ROWS];
    static char *const texts[ROWS];
    for (size_t i = 0; i < dh_column_count; i++) {
        const struct dh_column *column = &dh_columns[i];
        bool text = column->kind == DH_COLUMN_TEXT, status = column->kind == DH_COLUMN_STATUS;
        const void *right = i == 0                                        ? (const void *)counts
                            : strcmp(column->name, "proposed_event") == 0 ? (const void *)proposed
                            : strcmp(column->name, "ended_event") == 0    ? (const void *)ended
                            : text                                        ? (const void *)texts
                            : status                                      ? (const void *)statuses
                                                                          : (const void *)halves;
        enum kind kind = text                            ? FREE_TEXT
                         : status                        ? FIXED_TEXT
                         : column->kind == DH_COLUMN_F64 ? REAL
                         : column->kind == DH_COLUMN_U64 ? UNSIGNED
                                                         : INTEGER;
        write_column(in, trials, column->name, kind, right);
    }
}

static void write_values(struct input *in, hid_t trials, const struct fuzz_space *f)
{
    static const double numbers[ROWS] = {1, 2, 1};
    hid_t group = H5Gcreate2(trials, "parameters", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (size_t i = 0; i < dh_space_count(f->space); i++) {
        const struct dh_parameter *parameter = dh_space_parameter(f->space, i);
        char texts[ROWS][8] = {""};
        double choices[ROWS] = {1, NAN, 1};
        for (size_t row = 0; row < ROWS && parameter->choice_count; row += 2) {
            char *text = dh_checkpoint_choice_text(&parameter->choices[0]);
            strncpy(texts[row], text, sizeof texts[row] - 1);
            choices[row] = parameter->choices[0].number;
            free(text);
        }
        bool text = dh_checkpoint_is_text(parameter);
        write_column(in, group, parameter->name, text ? FIXED_TEXT : REAL,
                     text ? (const void *)texts : (const void *)choices);
    }
    H5Gclose(group);
    for (size_t i = 0; i < f->settings.objective_count; i++) {
        char *name = dh_checkpoint_objective_name(i, f->settings.objective_count);
        write_column(in, trials, name, REAL, numbers);
        free(name);
    }
}

static void write_attribute(struct input *in, hid_t file, const char *name, uint64_t value)
{
    uint8_t way = take(in);
    if (way == 255)
        return;
    if (way & 8)
        value = take_number(in);
    hid_t space = space_of(way & 7 ? way & 3 : 1), type = type_of(way & 16 ? REAL : UNSIGNED);
    uint64_t values[ROWS + 1] = {value, value, value, value};
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) {
        H5Awrite(attribute, type, values);
        H5Aclose(attribute);
    }
    H5Tclose(type);
    H5Sclose(space);
}

static void write_config(struct input *in, hid_t file, const struct fuzz_space *f)
{
    const char *texts[] = {dh_config_text(f->config), "", "@include \"/etc/passwd\"\n", NULL};
    const char *text = texts[take(in) % DH_COUNT_OF(texts)];
    hid_t type = dh_checkpoint_free_text(), space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file, "config", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (text)
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text);
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
}

static void make(struct input *in, const struct fuzz_space *f, struct dh_image *image)
{
    hid_t file = dh_image_open(image, true);
    promise(file >= 0, "an HDF5 file can be made");
    write_config(in, file, f);
    write_attribute(in, file, "version", DH_CHECKPOINT_VERSION);
    write_attribute(in, file, "event", 4);
    hid_t trials = H5Gcreate2(file, "trials", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    write_columns(in, trials);
    write_values(in, trials, f);
    H5Gclose(trials);
    promise(dh_image_close(image, file), "it can be closed");
    dh_image_seal(image);
}

static void load(struct dh_checkpoint *checkpoint, const struct fuzz_space *f, bool right)
{
    struct dh_error err = {0};
    struct dh_history *history =
        dh_history_create(dh_space_count(f->space), f->settings.objective_count);
    if (dh_checkpoint_load(checkpoint, f->space, history, &err) == DH_OK) {
        promise(dh_history_event(history) == dh_checkpoint_event(checkpoint), "the last event");
        promise(dh_history_count(history) <= ROWS + 1, "no more trials than rows");
    } else {
        promise(err.text[0] != '\0', "an error says what is wrong");
        promise(!right, err.text);
    }
    dh_history_destroy(&history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_space *f = fuzz_space_shared();
    struct input in = {data, size ? data + size : data};
    struct dh_image image = {0};
    struct dh_checkpoint *checkpoint = NULL;
    struct dh_error err = {0};
    char path[32];
    make(&in, f, &image);
    int fd = fuzz_file(image.bytes, image.size, path);
    bool open = dh_checkpoint_open(path, &checkpoint, &err) == DH_OK;
    if (open)
        load(checkpoint, f, size == 0);
    promise(open || err.text[0] != '\0', "an error says what is wrong");
    promise(size > 0 || open, "what dh_mpi writes can be read");
    dh_checkpoint_close(&checkpoint);
    close(fd);
    dh_image_free(&image);
    return 0;
}
