/* Threads of an evaluation: see threads.h. */
#include "threads.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/cores.h"
#include "dh_mpi/path.h"
#include "pool.h"

bool eval_threads_ours(const struct eval_plan *plan)
{
    return eval_plan_backend(plan) == &eval_backend_remote && !plan->starts_ranks &&
           !getenv(EVAL_THREADS_VARIABLE) &&
           !dh_node_child(plan->options->resources, EVAL_THREADS_VARIABLE) &&
           !dh_node_child(plan->options->environment, EVAL_THREADS_VARIABLE);
}

uint32_t eval_threads(const struct eval_plan *plan, uint32_t told)
{
    int64_t slots = plan->options->slots, cores;
    if (!eval_threads_ours(plan))
        return 0;
    if (told > 0 || slots == 1 || (cores = dh_cores_usable()) == 0)
        return told;
    return cores > slots ? (uint32_t)(cores / slots) : 1;
}

bool eval_threads_launcher(const char *command)
{
    static const char *const names[] = {"mpiexec", "mpirun", "orterun", "prterun", "prun",
                                        "srun",    "aprun",  "jsrun",   "ibrun"};
    char *program = dh_strndup(command, strcspn(command, " \t\n"));
    const char *name = dh_path_name(program);
    size_t size = strcspn(name, "."); /* mpiexec.mpich */
    bool found = false;
    for (size_t i = 0; i < DH_COUNT_OF(names); i++)
        if (strlen(names[i]) == size && strncmp(name, names[i], size) == 0)
            found = true;
    free(program);
    return found;
}
