/* The folder in which an evaluation runs, runs/ID: new for every attempt.
 *
 * What is there under that name (an earlier attempt, also a colleague's, another search, a file, a
 * link) is renamed to runs/ID.1, .2, …, the first name that is free, so nothing is lost and nothing
 * old is taken for a result. An empty folder of this user is taken as it is. A folder that was made
 * here is good whoever the file system says it belongs to.
 */
#ifndef DH_EVAL_FOLDER_H
#define DH_EVAL_FOLDER_H

#include "job.h"

/* Make the folder and its parents: fills `folder` and, where there was an earlier attempt of the
 * same trial of the same search, `previous`. DH_IO: it cannot be made, what is there cannot be
 * renamed (a mount point, somebody else's in a sticky folder), or another search's evaluation runs
 * in it. No evaluation is to blame for that. */
dh_status eval_folder_make(struct eval_job *job, struct dh_error *err);

/* Tell other searches that the folder, with its parameters.json, is in use, until eval_job_free.
 * Returns job->held. */
int eval_folder_hold(const struct eval_job *job);

#endif
