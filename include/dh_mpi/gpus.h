/* The GPUs of a machine, and who may use which. */
#ifndef DH_MPI_GPUS_H
#define DH_MPI_GPUS_H

#include <stddef.h>

/* Variables that name the GPUs which a process may use, ended by NULL: NVIDIA's, AMD's, Intel's. Of
 * several that are set the first counts. */
extern const char *const dh_gpu_variables[];

/* Names ("0,1") of the GPUs that the drivers of NVIDIA and AMD list below the folder `root` ("" but
 * in tests), as many as fit; the environment is not looked at. */
void dh_gpus_find(const char *root, char *out, size_t size);

#endif
