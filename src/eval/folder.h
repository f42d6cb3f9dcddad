/* The folder in which an evaluation runs, runs/ID: new for every attempt.
 *
 * What is there under that name (an earlier attempt, another search) is renamed to runs/ID.1, .2,
 * …, the first name that is free, so nothing is lost and nothing old is taken for a result. An
 * empty folder is taken as it is: the user may have made it.
 */
#ifndef DH_EVAL_FOLDER_H
#define DH_EVAL_FOLDER_H

#include "job.h"

/* Make the folder and its parents: fills `folder` and, where there was an earlier attempt of the
 * same trial of the same search, `previous`. DH_IO: no other evaluation's folder could be made
 * either, or another search's evaluation runs in that one; DH_CONFIG: what is there under this
 * one's name is in the way (a file, a link, somebody else's, a mount point). */
dh_status eval_folder_make(struct eval_job *job, struct dh_error *err);

/* Tell other searches that the folder, with its parameters.json, is in use, until eval_job_free.
 * Returns job->held. */
int eval_folder_hold(const struct eval_job *job);

#endif
