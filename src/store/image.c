/* HDF5's driver for files in memory, and their checksum: see image.h. */
#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dh_mpi/alloc.h"

/* One open file of the driver. HDF5 knows it by its first member. */
struct driver_file {
    H5FD_t base;
    struct dh_image *image;
    haddr_t eoa; /* end of what HDF5 has allocated */
    bool writable;
};

/* What open receives through the access properties. */
struct driver_info {
    struct dh_image *image;
};

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t limit)
{
    (void)name;
    (void)limit;
    const struct driver_info *info = H5Pget_driver_info(access);
    if (!info)
        return NULL;
    struct driver_file *file = dh_alloc(1, sizeof *file);
    file->image = info->image;
    file->writable = (flags & H5F_ACC_RDWR) != 0;
    return &file->base;
}

static herr_t driver_close(H5FD_t *base)
{
    free(base);
    return 0;
}

static herr_t driver_query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct driver_file *)base)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t eoa)
{
    (void)type;
    ((struct driver_file *)base)->eoa = eoa;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct driver_file *)base)->image->size;
}

static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *out)
{
    (void)type;
    (void)transfer;
    const struct dh_image *image = ((const struct driver_file *)base)->image;
    size_t have = 0;
    if (address < image->size)
        have = image->size - address < size ? (size_t)(image->size - address) : size;
    if (have)
        memcpy(out, image->bytes + address, have);
    memset((char *)out + have, 0, size - have); /* what was allocated but not yet written */
    return 0;
}

/* Make the image `size` long; new bytes are zero. */
static void resize(struct dh_image *image, size_t size)
{
    if (size > image->capacity) {
        size_t wider = image->capacity + image->capacity / 2;
        image->capacity = wider > size ? wider : size + 65536;
        image->bytes = dh_realloc(image->bytes, image->capacity);
    }
    if (size > image->size)
        memset(image->bytes + image->size, 0, size - image->size);
    image->size = size;
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *in)
{
    (void)type;
    (void)transfer;
    struct driver_file *file = (struct driver_file *)base;
    if (!file->writable || address > SIZE_MAX / 4 || size > SIZE_MAX / 4)
        return -1;
    if (address + size > file->image->size)
        resize(file->image, (size_t)address + size);
    memcpy(file->image->bytes + address, in, size);
    return 0;
}

static herr_t driver_truncate(H5FD_t *base, hid_t transfer, hbool_t closing)
{
    (void)transfer;
    (void)closing;
    struct driver_file *file = (struct driver_file *)base;
    if (file->writable && file->eoa < SIZE_MAX / 4)
        resize(file->image, (size_t)file->eoa);
    return 0;
}

static herr_t driver_lock(H5FD_t *base, hbool_t write)
{
    (void)base;
    (void)write;
    return 0;
}

static herr_t driver_unlock(H5FD_t *base)
{
    (void)base;
    return 0;
}

static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION /* HDF5 1.14 */
    .version = H5FD_CLASS_VERSION,
    .value = 600, /* of the range for tests and private use */
#endif
    .name = "dh_mpi image",
    .maxaddr = (haddr_t)1 << 62,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct driver_info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .lock = driver_lock,
    .unlock = driver_unlock,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

void dh_image_free(struct dh_image *image)
{
    free(image->bytes);
    *image = (struct dh_image){0};
}

hid_t dh_image_open(struct dh_image *image, bool create)
{
    struct driver_info info = {.image = image};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* the messages are ours (a setting of the thread) */
    hid_t id = H5FDregister(&driver), file = -1;
    image->driver = id;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (id >= 0 && H5Pset_driver(access, id, &info) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_userblock(creation, DH_IMAGE_BLOCK) >= 0) {
        if (create)
            file = H5Fcreate("image", H5F_ACC_TRUNC, creation, access);
        else
            file = H5Fopen("image", H5F_ACC_RDONLY, access);
    }
    H5Pclose(access);
    H5Pclose(creation);
    if (id >= 0 && file < 0)
        H5FDunregister(id);
    return file;
}

bool dh_image_close(struct dh_image *image, hid_t file)
{
    /* in this order: HDF5 1.10 drops the file's own reference to the driver before its last use */
    bool good = H5Fclose(file) >= 0;
    H5FDunregister(image->driver);
    return good;
}

/* The block that fits the rest of `image`. */
static void make_block(const struct dh_image *image, unsigned char block[DH_IMAGE_BLOCK])
{
    uLong sum = crc32(0, NULL, 0);
    for (size_t at = DH_IMAGE_BLOCK; at < image->size;) {
        size_t rest = image->size - at;
        uInt part = rest < (1u << 30) ? (uInt)rest : 1u << 30;
        sum = crc32(sum, image->bytes + at, part);
        at += part;
    }
    memset(block, 0, DH_IMAGE_BLOCK);
    char *text = dh_strprintf(DH_IMAGE_LEAD "(HDF5 behind %d bytes)\nbytes %zu\ncrc32 %08lx\n",
                              DH_IMAGE_BLOCK, image->size, (unsigned long)sum);
    memcpy(block, text, strlen(text));
    free(text);
}

void dh_image_seal(struct dh_image *image)
{
    unsigned char block[DH_IMAGE_BLOCK];
    if (image->size < DH_IMAGE_BLOCK)
        resize(image, DH_IMAGE_BLOCK);
    make_block(image, block);
    memcpy(image->bytes, block, sizeof block);
}

dh_status dh_image_verify(const struct dh_image *image, const char *path, struct dh_error *err)
{
    static const char lead[] = DH_IMAGE_LEAD;
    unsigned char block[DH_IMAGE_BLOCK];
    if (image->size < DH_IMAGE_BLOCK || memcmp(image->bytes, lead, sizeof lead - 1) != 0)
        return dh_fail(err, DH_CORRUPT, "%s: is not a checkpoint of dh_mpi", path);
    make_block(image, block);
    if (memcmp(image->bytes, block, sizeof block) != 0)
        return dh_fail(err, DH_CORRUPT,
                       "%s: is damaged (%zu bytes that do not match their checksum)", path,
                       image->size);
    return DH_OK;
}
