/* A file's content in memory, as HDF5 sees it.
 *
 * HDF5 is never given a file: it works on memory through a small driver of its own, because it
 * does not survive failing writes (1.10 crashes at exit after a full disk), and because what was
 * checked has to be what is read. A checkpoint is built here and then written in one go; one that
 * is read is verified here first. Its first DH_IMAGE_BLOCK bytes, which HDF5 leaves to the user,
 * are text: length and CRC-32 of the rest.
 *
 * HDF5 may be a build without thread safety: one thread at a time may use the functions of image.h
 * and checkpoint.h (the store's checkpoint thread while it runs).
 */
#ifndef DH_STORE_IMAGE_H
#define DH_STORE_IMAGE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/status.h"

#define DH_IMAGE_BLOCK 512
#define DH_IMAGE_LEAD "dh_mpi checkpoint " /* what the block begins with */

struct dh_image {
    unsigned char *bytes; /* owned; first the block */
    size_t size, capacity;
    hid_t driver; /* while open */
};

void dh_image_free(struct dh_image *image);

/* An HDF5 file on `image`, which must stay where it is until dh_image_close: a new one, or
 * (`create` false) the one in it, to read. Negative on failure. */
hid_t dh_image_open(struct dh_image *image, bool create);
/* Close it; false if HDF5 could not finish the file. */
bool dh_image_close(struct dh_image *image, hid_t file);

/* Write the block of a finished image. */
void dh_image_seal(struct dh_image *image);
/* Does the block fit the rest? DH_CORRUPT, naming `path`, if not. */
dh_status dh_image_verify(const struct dh_image *image, const char *path, struct dh_error *err);

#endif
