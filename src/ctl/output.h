/* A file that a verb writes for its user: whole, or left as it was.
 *
 * A regular file is written under another name beside it, which takes its place when all of it is
 * there. What cannot be replaced is written as it is: stdout, pipes, devices, whatever a descriptor
 * of this process is open on (/dev/stdout), files of somebody else or with several names, and files
 * in a folder that takes no new ones.
 */
#ifndef DH_MPI_CTL_OUTPUT_H
#define DH_MPI_CTL_OUTPUT_H

#include <stdio.h>

#include "dh_mpi/status.h"

struct output {
    FILE *stream;
    const char *name;       /* borrowed; NULL: stdout */
    char *path, *temporary; /* the file to replace, and what replaces it; NULL: written as it is */
};

/* Open `name`, or stdout where that is NULL. On failure (DH_IO, naming it) nothing is to be closed.
 */
dh_status output_open(const char *name, struct output *out, struct dh_error *err);
/* The end: `status` is that of what was written. If that or the rest fails, the file stays as it
 * was. */
dh_status output_close(struct output *out, dh_status status, struct dh_error *err);

#endif
