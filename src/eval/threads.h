/* How many threads an evaluation is to use: OMP_NUM_THREADS, where the user has not set it, as
 * torchrun does. OpenMP, PyTorch, MKL and OpenBLAS would each take as many as there are cores,
 * however many evaluations share these. */
#ifndef DH_EVAL_THREADS_H
#define DH_EVAL_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

#define EVAL_THREADS_VARIABLE "OMP_NUM_THREADS"

/* Is it for us to say? Not where the user does (in this process's environment or the evaluator's),
 * where there is no process, and where that is an MPI launcher, whose ranks have cores each. */
bool eval_threads_ours(const struct eval_plan *plan);
/* What to tell evaluations; 0: nothing. `told` is rank 0's word; where that is 0, the cores that
 * this process may use are taken for its slots' own. */
uint32_t eval_threads(const struct eval_plan *plan, uint32_t told);
/* Does that command start the ranks of an MPI program? By the name of its first word. */
bool eval_threads_launcher(const char *command);

#endif
