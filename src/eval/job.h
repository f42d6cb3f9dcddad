/* One evaluation: what its process is told, in the environment and in files. */
#ifndef DH_EVAL_JOB_H
#define DH_EVAL_JOB_H

#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/status.h"
#include "plan.h"

struct eval_job {
    const struct eval_plan *plan;
    uint64_t trial, seed;
    uint32_t retries;
    int32_t slot;
    double proposed;       /* see struct dh_task */
    double *values;        /* owned */
    char *folder;          /* runs/ID, absolute; NULL: none; owned */
    char *previous;        /* folder of the attempt before, now; NULL: none; owned */
    char *parameters_path; /* JSON file; NULL: none; owned */
    bool temporary;        /* it is removed after the evaluation */
    int held;              /* 1 + a descriptor of it, which other searches find locked; 0: none */
};

void eval_job_free(struct eval_job *job); /* no files but `held`; then zeroed */

/* Make the run folder (folder.h) if the settings ask for one, with parameters.json in it; without
 * one, and if `file` is set, that file is to be a temporary one. DH_IO: it cannot be made, which is
 * the machine's trouble and not the evaluation's. */
dh_status eval_job_files(struct eval_job *job, bool file, struct dh_error *err);
/* Make the temporary file, if there is to be one: for the guard, which outlives a launcher that is
 * killed, and removes it. */
dh_status eval_job_make_temporary(const struct eval_job *job, struct dh_error *err);
void eval_job_remove_temporary(const struct eval_job *job);

/* Take what MPI launchers set for their ranks out of this process's environment, so that an
 * evaluation can be an MPI program of its own; what the user set for MPI stays. */
void eval_job_scrub_environment(void);

/* Call `put` with each variable of the evaluation. Those of the slot (worker, slot, resources,
 * environment) are the same for all of a slot's evaluations. */
typedef void eval_variable_function(void *context, const char *name, const char *value);
/* Into this process's environment; `context` is not used. */
void eval_job_set_variable(void *context, const char *name, const char *value);
void eval_job_slot_variables(const struct eval_plan *plan, int32_t slot,
                             eval_variable_function *put, void *context);
/* Only those of `resources`, which are among them. */
void eval_job_resources(const struct eval_plan *plan, int32_t slot, eval_variable_function *put,
                        void *context);
void eval_job_variables(const struct eval_job *job, eval_variable_function *put, void *context);
/* DH_PARAM_<name> with anything but letters and digits as "_"; the caller frees it. */
char *eval_job_variable_name(const char *parameter);
/* DH_CONFIG if two parameters have the same variable: an evaluation would see one's value as the
 * other's. */
dh_status eval_job_check_names(const struct eval_plan *plan, struct dh_error *err);

/* {"id": …, "seed": …, "retries": …, "slot": …, "worker": …, "parameters": {…}} without the closing
 * brace. */
void eval_job_put_json(const struct eval_job *job, struct dh_buffer *out);

#endif
