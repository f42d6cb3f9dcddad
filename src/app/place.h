/* Where a rank runs: its node, the cores it may use, the GPUs it can see. Each rank finds out for
 * itself and tells rank 0, which judges all of them together (placement.h) and puts neighbours into
 * groups (groups.h). */
#ifndef DH_MPI_APP_PLACE_H
#define DH_MPI_APP_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/comm.h"

#define DH_PLACE_WORDS 32 /* of 64 cores each */

struct dh_place {
    bool known;
    uint64_t node; /* the same for ranks of one node alone */
    char host[64];
    int32_t pid;
    uint32_t cores;                   /* of the node that are the job's */
    uint64_t allowed[DH_PLACE_WORDS]; /* bit i: this rank may use core i */
    char gpus[256];                   /* "0,1": names of those that it can see */
};

/* Of this process. Call it before MPI binds threads of its own. */
void dh_place_here(struct dh_place *place);

uint32_t dh_place_allowed_count(const struct dh_place *place);
/* "0-3,8" */
void dh_place_put_cores(const struct dh_place *place, struct dh_buffer *out);

void dh_place_pack(const struct dh_place *place, struct dh_buffer *out);
bool dh_place_unpack(const struct dh_message *message, struct dh_place *out);

#endif
