/* Two generations of the checkpoint: NAME and NAME.previous. */
#ifndef DH_STORE_GENERATION_H
#define DH_STORE_GENERATION_H

#include <stdbool.h>

#include "dh_mpi/status.h"
#include "image.h"
#include "lock.h"

/* Make `image` the file `path`: written to path.tmp, synced, renamed, the folder synced. With
 * `keep` what is there becomes path.previous. Nothing is made or renamed once
 * `lock` (NULL: there is none) is lost. On failure the old files are as they were, but for a
 * path.previous that may be gone, or with `keep` be all there is (where there are no links). */
dh_status dh_generation_write(const char *path, const struct dh_image *image, bool keep,
                              const struct dh_lock *lock, struct dh_error *err);
/* path.tmp of a search that died. */
dh_status dh_generation_sweep(const char *path, struct dh_error *err);

#endif
