/* Small texts that people read and write: durations, sizes, near misses. */
#ifndef DH_MPI_TEXT_H
#define DH_MPI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/buffer.h"

/* "90s", "10m", "1.5h", "2d", "01:50:00", "10:00" (mm:ss), "2-00:00:00", "90" (seconds) into
 * seconds; false if it is none of these. */
bool dh_text_duration(const char *text, double *seconds);
/* "512M", "2G", "1.5GiB", "1000" (bytes; powers of 1024) into bytes; false if none of these. */
bool dh_text_bytes(const char *text, double *bytes);
/* 95 → "1:35", 7325 → "2:02:05", 90061 → "1-01:01:01". */
void dh_text_put_duration(struct dh_buffer *out, double seconds);
/* The shortest decimal that reads back as the same double ("nan", "inf", "-inf" otherwise). */
void dh_text_put_number(struct dh_buffer *out, double value);
/* The same for what is to stay a real where types count: 1.0, not 1. */
void dh_text_put_real(struct dh_buffer *out, double value);
/* A JSON number, or null where the value is not finite. */
void dh_text_put_json_number(struct dh_buffer *out, double value);
/* Bytes of the well-formed UTF-8 character at the start of `size` > 0 bytes; 0 if there is none, or
 * NUL. */
size_t dh_text_utf8_length(const char *text, size_t size);
bool dh_text_is_utf8(const char *text);
/* A quoted JSON string; bytes that are not UTF-8 become U+FFFD; NULL is null. */
void dh_text_put_json(struct dh_buffer *out, const char *text);
/* The same as a member that is not an object's first: , "key": value */
void dh_text_put_json_text_member(struct dh_buffer *out, const char *key, const char *text);
void dh_text_put_json_number_member(struct dh_buffer *out, const char *key, double value);
/* Without what could steer a terminal: of the control characters only tab and line break stay. NULL
 * is nothing. */
void dh_text_put_plain(struct dh_buffer *out, const char *text);
/* Index of the name nearest to `word` by Damerau–Levenshtein distance, or -1 if none is near
 * enough to be what was meant: a third of the word's length and one more edit, but not all of
 * it. */
int dh_text_nearest(const char *word, const char *const *names, size_t count);
/* A number (inf and nan are some) and nothing else, in the C locale's notation. */
bool dh_text_number(const char *text, double *value);

#endif
