/* Loading a plugin and calling it, wherever it runs. */
#ifndef DH_EVAL_PLUGIN_CALL_H
#define DH_EVAL_PLUGIN_CALL_H

#include "dh_mpi/history.h"
#include "dh_mpi/plugin.h"
#include "job.h"

typedef int eval_plugin_function(const dh_job *job, dh_result *result);

struct eval_plugin {
    char *path; /* absolute */
    bool isolate;
};

/* Load the library and find its function: DH_CONFIG if that fails. It stays loaded as long as the
 * process: a thread that it has started (a server, a logger, a runtime such as OpenMP's) may be in
 * its code at any moment, and would crash where that is unmapped. */
dh_status eval_plugin_load(const char *path, eval_plugin_function **out, struct dh_error *err);
/* The same in a process of its own that then ends: a library that crashes when it is loaded is an
 * error like any other. DH_UNABLE if there can be no such process now. */
dh_status eval_plugin_try(const char *path, struct dh_error *err);

/* Call `function` for `job` and fill `outcome`. `report` is the job's, with `reserved`. A child of
 * this process that returns from it ends. */
void eval_plugin_call(const struct eval_job *job, eval_plugin_function *function,
                      const void *communicator,
                      int (*report)(const dh_job *job, double step, double value), void *reserved,
                      struct dh_outcome *outcome);

#endif
