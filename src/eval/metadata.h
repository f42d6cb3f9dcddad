/* Metadata of an evaluation, as it is kept. */
#ifndef DH_EVAL_METADATA_H
#define DH_EVAL_METADATA_H

#include <jansson.h>

/* The object as text that the caller frees; NULL if it is empty. Of more than `limit` bytes the
 * largest members are left out until the rest fits, and the member "metadata_dropped" names them.
 * What is no object is replaced by that member. Changes `metadata`. */
char *eval_metadata_text(json_t *metadata, double limit);

#endif
