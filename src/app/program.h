/* What dh_mpi does: each call is the whole life of the program in one role, from before MPI_Init
 * on. It has said on the log what went wrong, and returns the exit code. */
#ifndef DH_MPI_APP_PROGRAM_H
#define DH_MPI_APP_PROGRAM_H

#include "dh_mpi/app.h"

/* The search: manager, worker, or both in one process where there is no launcher. Sets the log's
 * rank. Collective where there is one. */
int dh_program_search(const struct dh_app_options *options, struct dh_log *log);
/* --check. Collective where there is a launcher. */
int dh_program_check(const struct dh_app_options *options, const struct dh_log *log);
/* For dhctl doctor: what this MPI offers, on stdout of rank 0. Collective. */
int dh_program_probe(const struct dh_log *log);

#endif
