/* A growing byte buffer, and the wire format written with it.
 *
 * Everything that leaves a process (messages, journal records, launcher requests) is written as
 * fixed-width little-endian fields through `dh_put_*` and read through `dh_get_*`; no struct is
 * ever copied as it lies in memory. A reader that runs past its end, or meets a length that does
 * not fit, sets `failed` and from then on returns zeros, so that a decoder needs one check at
 * its end.
 */
#ifndef DH_MPI_BUFFER_H
#define DH_MPI_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. `data` is owned; always followed by a NUL that `size` does not count once
 * something was appended, so a text buffer can be read as a string. */
struct dh_buffer {
    char *data;
    size_t size;
    size_t capacity;
};

void dh_buffer_free(struct dh_buffer *buffer); /* back to the zero-initialised state */
void dh_buffer_clear(struct dh_buffer *buffer);
/* `size` more bytes at the end, uninitialised; returns their start. */
void *dh_buffer_extend(struct dh_buffer *buffer, size_t size);
void dh_buffer_append(struct dh_buffer *buffer, const void *data, size_t size);
void dh_buffer_consume(struct dh_buffer *buffer, size_t size); /* drop bytes at the front */
void dh_buffer_text(struct dh_buffer *buffer, const char *text);
void dh_buffer_printf(struct dh_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The content as a string that the caller frees ("" when empty); the buffer is left empty. */
char *dh_buffer_take(struct dh_buffer *buffer);

void dh_put_u8(struct dh_buffer *buffer, uint8_t value);
void dh_put_u32(struct dh_buffer *buffer, uint32_t value);
void dh_put_u64(struct dh_buffer *buffer, uint64_t value);
void dh_put_f64(struct dh_buffer *buffer, double value);
void dh_put_f64s(struct dh_buffer *buffer, const double *values, size_t count);
/* Length-prefixed; NULL and "" are kept apart. */
void dh_put_text(struct dh_buffer *buffer, const char *text);

/* Reads within [next, end); borrows the bytes. */
struct dh_reader {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

struct dh_reader dh_reader_of(const void *data, size_t size);
uint8_t dh_get_u8(struct dh_reader *reader);
uint32_t dh_get_u32(struct dh_reader *reader);
uint64_t dh_get_u64(struct dh_reader *reader);
double dh_get_f64(struct dh_reader *reader);
void dh_get_f64s(struct dh_reader *reader, double *values, size_t count);
/* A copy that the caller frees, or NULL for a NULL text and on failure. */
char *dh_get_text(struct dh_reader *reader);
/* All read, nothing failed, nothing left. */
bool dh_reader_complete(const struct dh_reader *reader);

#endif
