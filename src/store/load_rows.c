/* The rows of one dataset, in blocks: see load.h. */
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "load.h"

/* Of a cell: more than any text of a choice needs. */
#define MOST_BYTES (1u << 20)

dh_status dh_load_damaged(const struct dh_checkpoint *checkpoint, const char *what,
                          struct dh_error *err)
{
    return dh_fail(err, DH_CORRUPT, "%s: %s is missing, or not what dh_mpi writes",
                   checkpoint->path, what);
}

/* A text is in the file, and so not longer than it. */
static void *allocate_text(size_t size, void *context)
{
    const struct dh_image *image = context;
    return size <= image->size ? malloc(size) : NULL;
}

static void free_text(void *text, void *context)
{
    (void)context;
    free(text);
}

hid_t dh_load_transfer(struct dh_checkpoint *checkpoint)
{
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_vlen_mem_manager(transfer, allocate_text, &checkpoint->image, free_text, NULL);
    return transfer;
}

bool dh_load_small(hid_t type)
{
    size_t size = H5Tget_size(type);
    return size > 0 && size <= MOST_BYTES;
}

/* Is every block of rows as we write them, so that HDF5 does not take more memory for one than
 * there can be in it, and all of them there? Compressed content that is longer than the rows could
 * expand to anything. */
static bool has_small_blocks(hid_t dataset, hsize_t rows, hid_t type)
{
    hid_t creation = H5Dget_create_plist(dataset);
    hsize_t chunk = 0, stored;
    bool chunked = H5Pget_layout(creation) == H5D_CHUNKED;
    bool good = !chunked || (H5Pget_chunk(creation, 1, &chunk) == 1 && chunk > 0 &&
                             chunk <= DH_CHECKPOINT_ROWS);
    hsize_t limit = chunk * H5Tget_size(type) + chunk / 8 + 1024;
    for (hsize_t first = 0; good && chunked && first < rows; first += chunk)
        good = H5Dget_chunk_storage_size(dataset, &first, &stored) >= 0 && stored > 0 &&
               stored <= limit;
    H5Pclose(creation);
    return good;
}

static hid_t open_column(const struct dh_checkpoint *checkpoint,
                         const struct dh_load_column *column, hsize_t *rows)
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
                (class != H5T_STRING || (H5Tis_variable_str(type) > 0) == column->text) &&
                dh_load_small(type) && has_small_blocks(dataset, *rows, type);
    H5Tclose(type);
    H5Sclose(space);
    if (!fits)
        H5Dclose(dataset);
    return fits ? dataset : -1;
}

/* Rows [first, first + rows) given to the column's `take`. */
static bool read_block(struct dh_checkpoint *checkpoint, const struct dh_load_column *column,
                       hid_t dataset, hid_t transfer, hsize_t first, hsize_t rows, char *block)
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

dh_status dh_load_rows(struct dh_checkpoint *checkpoint, const struct dh_load_column *column,
                       struct dh_error *err)
{
    hsize_t count = 0;
    hid_t dataset = open_column(checkpoint, column, &count);
    bool sound = dataset >= 0;
    if (sound && checkpoint->count == UINT64_MAX)
        checkpoint->count = count;
    sound = sound && count == checkpoint->count;
    hid_t transfer = dh_load_transfer(checkpoint);
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
    dh_status status = sound ? DH_OK : dh_load_damaged(checkpoint, what, err);
    free(what);
    return status;
}
