/* Messages between a rank and its launcher, over a stream socket: size, epoch, kind, payload.
 *
 * The epoch is the number of the configuration that a message belongs to: what the launcher still
 * says about the pool before this one is recognised and dropped. Payloads are those of the
 * messages between ranks (comm.h), where there is one for the purpose.
 */
#ifndef DH_EVAL_WIRE_H
#define DH_EVAL_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/status.h"

enum eval_wire {
    EVAL_WIRE_CONFIGURE, /* rank → launcher: name, text and folder of the configuration, worker,
                            threads (see dh_eval_create) */
    EVAL_WIRE_START,     /* rank → launcher: dh_task */
    EVAL_WIRE_CANCEL,    /* rank → launcher: slot, trial */
    EVAL_WIRE_RESET,     /* rank → launcher: end all evaluations and forget the configuration */
    EVAL_WIRE_TRY,       /* rank → launcher: path of a plugin; can it be loaded? */
    EVAL_WIRE_DONE,      /* launcher → rank: result */
    EVAL_WIRE_REPORT,    /* launcher → rank: progress */
    EVAL_WIRE_FATAL,     /* launcher → rank: status, text; nothing can be evaluated, or the answer
                            to TRY */
    EVAL_WIRE_TRIED,     /* launcher → rank: it can */
};

struct eval_frame {
    uint32_t epoch;
    enum eval_wire kind;
    const void *data; /* within the buffer */
    size_t size;
};

void eval_wire_put(struct dh_buffer *out, uint32_t epoch, enum eval_wire kind,
                   const struct dh_buffer *payload);
/* The frame at `*offset` of `in`, and `*offset` behind it; false if it is not complete. */
bool eval_wire_next(const struct dh_buffer *in, size_t *offset, struct eval_frame *out);

/* FATAL, because of DH_CONFIG, DH_IO or DH_UNABLE. */
void eval_wire_put_fatal(struct dh_buffer *out, uint32_t epoch, dh_status status, const char *text);
/* What such a frame says: into `err` (may be NULL), and returned. */
dh_status eval_wire_fatal(const struct eval_frame *frame, struct dh_error *err);

/* Read what is there without waiting, at most about `limit` bytes, to the end of `in`. 1 if
 * something came, 0 if nothing is there now, -1 at the end of the stream or on an error. */
int eval_read_some(int fd, struct dh_buffer *in, size_t limit);
/* Write as much of `out` as goes without waiting; false if the other side is gone. */
bool eval_write_some(int fd, struct dh_buffer *out);

#endif
