/* Files by their descriptors. */
#ifndef DH_MPI_FILE_H
#define DH_MPI_FILE_H

#include <stddef.h>

/* write(2) until all of it is written, through signals; `*written` (may be NULL) counts what was,
 * also on failure. Returns 0 or an errno. */
int dh_file_write(int fd, const void *data, size_t size, size_t *written);

#endif
