/* The parts of a file's path. */
#ifndef DH_MPI_PATH_H
#define DH_MPI_PATH_H

/* What stands behind the last slash, within `path`. */
const char *dh_path_name(const char *path);
/* What stands before it: "." where there is none, "/" in the root. The caller frees it. */
char *dh_path_folder(const char *path);

#endif
