/* JSON as it is kept and shown: compact, reals with the digits that they need. */
#ifndef DH_MPI_JSON_H
#define DH_MPI_JSON_H

#include <jansson.h>

#include "dh_mpi/buffer.h"

/* Append the value. A real is the shortest decimal that reads back as it is, and stays one (1.0);
 * jansson would make 0.10000000000000001 of 0.1. */
void dh_json_put(struct dh_buffer *out, const json_t *value);

/* Append a member that is not an object's first, of which `text` should be the value as JSON: as it
 * is, or as a string where it is none (in somebody else's checkpoint); NULL is null. */
void dh_json_put_embedded_member(struct dh_buffer *out, const char *key, const char *text);

#endif
