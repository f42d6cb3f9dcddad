/* The old results that a search starts from, read for its context. */
#ifndef DH_MPI_APP_IMPORTS_H
#define DH_MPI_APP_IMPORTS_H

#include "dh_mpi/app.h"
#include "dh_mpi/search.h"
#include "dh_mpi/store.h"

struct dh_imports {
    struct dh_import list; /* `file` of the method "list" */
    struct dh_import warm; /* all files of `warm_start`, in their order */
};

/* Read what the settings name, relative to the working directory, and point `context` to it. Says
 * on the log what was found. `*imports` is to be freed also on failure. */
dh_status dh_imports_read(const struct dh_app_setup *setup, const struct dh_log *log,
                          struct dh_imports *imports, struct dh_search_context *context,
                          struct dh_error *err);
void dh_imports_free(struct dh_imports *imports);

#endif
