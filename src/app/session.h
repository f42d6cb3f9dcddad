/* A search opened for running: configuration, history (new or resumed), store, method. */
#ifndef DH_MPI_APP_SESSION_H
#define DH_MPI_APP_SESSION_H

#include "dh_mpi/app.h"
#include "dh_mpi/search.h"
#include "dh_mpi/store.h"
#include "imports.h"

struct dh_session {
    struct dh_app_setup setup;
    struct dh_eval_plan plan;
    struct dh_history *history;
    struct dh_store *store;
    struct dh_usage usage_before; /* of the runs that were resumed */
    struct dh_search_context context;
    struct dh_search *search;
    struct dh_imports imports; /* old results that the method works or starts from */
};

/* Read the configuration for a run with so many worker ranks, open or resume the checkpoint, build
 * and replay the search; says on the log whether it resumes. `launcher`: see dh_eval_check.
 * `*session` is to be closed also on failure. */
dh_status dh_session_open(const struct dh_app_options *options, int workers,
                          struct dh_launcher *launcher, const struct dh_log *log,
                          struct dh_session *session, struct dh_error *err);
/* Write the last checkpoint and release everything. After DH_OK everything is on disk; otherwise
 * the journals hold what was recorded. */
dh_status dh_session_close(struct dh_session *session, struct dh_error *err);

#endif
