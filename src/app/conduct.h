/* A search that is open, from its first step to its exit code: the loop over manager and worker,
 * the end (ending.h), what is shown meanwhile (watch.h), the last checkpoint, the summary. */
#ifndef DH_MPI_APP_CONDUCT_H
#define DH_MPI_APP_CONDUCT_H

#include "manager.h"
#include "session.h"
#include "worker.h"

/* What is conducted; all borrowed. */
struct dh_conduct_parts {
    struct dh_session *session;
    struct dh_manager *manager;
    struct dh_worker *worker; /* NULL under MPI */
    int wakeup;               /* readable when either has something to do; -1 under MPI */
    int signals;              /* of dh_app_signals_open */
    const struct dh_walltime *walltime;
    const struct dh_log *log;
};

/* Returns the exit code, and has said on the log what went wrong. Closes nothing. */
int dh_conduct(const struct dh_conduct_parts *parts);
/* After an error, also one before the search could begin: tell the workers, and give them a while
 * to end their evaluations. */
void dh_conduct_abandon(const struct dh_conduct_parts *parts);

#endif
