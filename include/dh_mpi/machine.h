/* Which machine this is, for those who want to know whether they see each other's processes. */
#ifndef DH_MPI_MACHINE_H
#define DH_MPI_MACHINE_H

#include <stdint.h>

/* A number that processes have in common which see each other: hosts, and containers of a host, may
 * share a name. Of this boot and this namespace of processes. */
uint32_t dh_machine_number(void);

#endif
