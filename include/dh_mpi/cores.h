/* The cores that this thread may run on. */
#ifndef DH_MPI_CORES_H
#define DH_MPI_CORES_H

/* How many, by the affinity mask; 0 if that cannot be read (errno says why). */
int dh_cores_usable(void);

#endif
