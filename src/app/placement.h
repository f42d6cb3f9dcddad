/* Do the ranks and their slots fit the machine? What rank 0 warns about, and the table of --check.
 * Pure. */
#ifndef DH_MPI_APP_PLACEMENT_H
#define DH_MPI_APP_PLACEMENT_H

#include "dh_mpi/config.h"
#include "dh_mpi/eval.h"
#include "dh_mpi/log.h"
#include "groups.h"

/* Warnings, a line each (with a line break), about: evaluations that share cores (ranks that are
 * bound to the same ones, slots beyond cores), a manager that shares its only core, GPUs that no
 * slot gets from `evaluator.resources`, and entries there that are no GPU. Nothing where
 * evaluations take no core. `places` are by rank; those not known are left out, and those in none
 * of `groups` (NULL: there are none). */
void dh_placement_judge(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                        const struct dh_settings *settings, const struct dh_groups *groups,
                        struct dh_buffer *out);
/* Into `threads`, by rank, how many an evaluation there is to use, so that all that share cores fit
 * them; 0: its cores are its alone, or its place is not known. For evaluations in processes, which
 * are told (`plan->threads`); otherwise all are 0. */
void dh_placement_threads(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                          uint32_t *threads);
/* The same in words: lines, each behind `head`, of ranks for which it is the same. */
void dh_placement_say_threads(const struct dh_place *places, int size,
                              const struct dh_eval_plan *plan, const char *head,
                              struct dh_buffer *out);
/* And on the log, of those that are told. */
void dh_placement_log_threads(const struct dh_place *places, int size,
                              const struct dh_eval_plan *plan, const struct dh_log *log);
/* A line a node: its cores, GPUs, ranks and slots. */
void dh_placement_table(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                        struct dh_buffer *out);

#endif
