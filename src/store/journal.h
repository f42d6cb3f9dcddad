/* The journal: one file of records, the first of which says whose it is.
 *
 * A record is a length (u32, of what follows the checksum), a CRC-32 (u32, zlib's, over what
 * follows), and then a type (u8) and its payload, all little-endian (buffer.h). Types:
 *   header    magic, version, program, first event, event of the checkpoint it continues, session
 *             start, host, objective count, parameter names, configuration text
 *   proposed  event, id, seed, cursor, origin, level, time, identity, values in the header's order
 *   ended     event, id, outcome (history.h)
 * Records are only ever appended. What follows the first record that is cut short or does not
 * match its checksum is the torn tail: it never happened.
 */
#ifndef DH_STORE_JOURNAL_H
#define DH_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/history.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"

#define DH_JOURNAL_MAGIC "dh_mpi journal"
#define DH_RECORD_FRAME 8u          /* bytes of length and checksum */
#define DH_RECORD_LIMIT (64u << 20) /* longest record; longer lengths are damage */

enum dh_record { DH_RECORD_HEADER = 1, DH_RECORD_PROPOSED, DH_RECORD_ENDED };

struct dh_journal_header {
    char *program, *host;
    uint64_t first_event;      /* of the first record that follows */
    uint64_t checkpoint_event; /* the newest checkpoint stood there */
    double started;            /* wall clock: when the session began */
    uint32_t objective_count, parameter_count;
    char **names; /* parameter_count */
    char *config_text;
};

void dh_journal_header_free(struct dh_journal_header *header);

/* Records at the end of `out`. */
void dh_journal_put_header(struct dh_buffer *out, const struct dh_space *space,
                           const struct dh_journal_header *header);
void dh_journal_put_proposed(struct dh_buffer *out, const struct dh_trial *trial,
                             size_t parameter_count);
/* An outcome whose texts do not fit into a record loses them (but for the reason). */
void dh_journal_put_ended(struct dh_buffer *out, const struct dh_trial *trial,
                          size_t objective_count);

/* Size of the whole record that `bytes` begin with, and the event it tells of (0: a header). 0 if
 * they do not begin with a sound one. */
size_t dh_journal_measure(const void *bytes, size_t size, uint64_t *event);

/* One pass over a journal, in blocks. */
struct dh_journal_reader {
    char *path;
    int fd;
    struct dh_buffer block; /* bytes from `offset` on, as far as they were read */
    size_t used;            /* of the block: where the next record starts */
    uint64_t offset;        /* of the block in the file */
    uint64_t size;          /* of the file, when it was opened */
    uint8_t type;           /* of the record just read */
    struct dh_reader payload;
};

/* The next record into type and payload (valid until the next call). DH_EMPTY: the end, without a
 * rest; DH_CORRUPT: a torn tail begins here; DH_IO. */
dh_status dh_journal_next(struct dh_journal_reader *reader, struct dh_error *err);
/* Where the record after the one just read begins: the length of the sound part. */
uint64_t dh_journal_position(const struct dh_journal_reader *reader);
void dh_journal_close(struct dh_journal_reader *reader);

/* Open and read the first record. DH_MISSING: the file is not there; DH_CORRUPT: the record is not
 * sound (also an empty file); DH_CONFIG: it is of another version of dh_mpi. */
dh_status dh_journal_open_header(const char *path, struct dh_journal_reader *out,
                                 struct dh_journal_header *header, struct dh_error *err);

/* Append every event of `reader` (which stands behind its header) up to number `last` that
 * `history` does not have yet; values are put in the order of `space`. `*added` counts them.
 * `*torn` is the number of bytes behind the sound part. `*contradicts`: proposals that the history
 * has are others there, or (as given) in a journal of the same session. DH_CORRUPT if events are
 * missing or contradict the history; a journal that contradicts it and adds nothing is passed. */
dh_status dh_journal_replay(struct dh_journal_reader *reader,
                            const struct dh_journal_header *header, uint64_t last,
                            const struct dh_space *space, struct dh_history *history,
                            uint64_t *added, uint64_t *torn, bool *contradicts,
                            struct dh_error *err);

#endif
