/* The parts of a file's path: see path.h. */
#include "dh_mpi/path.h"

#include <string.h>

#include "dh_mpi/alloc.h"

const char *dh_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *dh_path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return dh_strdup(".");
    return dh_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}
