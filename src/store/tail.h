/* The records that may not be on the disk yet.
 *
 * A new journal begins with them, so that after a power failure it does not matter which of two
 * journals reached the disk first: the new one follows on what is known to be there, without a gap.
 * They are few, since journals are synced every `checkpoint.sync` seconds.
 */
#ifndef DH_STORE_TAIL_H
#define DH_STORE_TAIL_H

#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/history.h"

struct dh_tail {
    struct dh_buffer bytes; /* whole records, but perhaps for the end */
    uint64_t end;           /* bytes that were ever written, up to the end of `bytes` */
};

/* `size` bytes were written behind all others. */
void dh_tail_written(struct dh_tail *tail, const void *bytes, size_t size);
/* Drop the records that lie before byte `synced` as a whole. The beginning of one that is not yet
 * written whole stays: a new journal needs all of it. */
void dh_tail_synced(struct dh_tail *tail, uint64_t synced);
/* Instead of what it holds, all events of `history` after number `last`, from memory, as if they
 * were written behind all others. */
void dh_tail_recall(struct dh_tail *tail, const struct dh_history *history, uint64_t last);
/* Event of the first record; `otherwise` if there is none. */
uint64_t dh_tail_first(const struct dh_tail *tail, uint64_t otherwise);
/* Event of the last whole one; likewise. */
uint64_t dh_tail_last(const struct dh_tail *tail, uint64_t otherwise);
void dh_tail_free(struct dh_tail *tail);

#endif
