/* The cores that this thread may run on: see cores.h. */
#include "dh_mpi/cores.h"

#include <sched.h>

/* Linux itself allows 8,192 at present; a mask too short for the machine is an error. */
#define MOST_CORES 65536

int dh_cores_usable(void)
{
    cpu_set_t *set = CPU_ALLOC(MOST_CORES);
    size_t size = CPU_ALLOC_SIZE(MOST_CORES);
    int count = set && sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    return count;
}
