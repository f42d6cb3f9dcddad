/* JSON as programs write it, made such that jansson keeps what it says. */
#ifndef DH_EVAL_MEND_H
#define DH_EVAL_MEND_H

#include <stdbool.h>
#include <stddef.h>

/* A copy of `text` (the caller frees it) with what jansson refuses, or other readers do, in a form
 * that they take:
 *
 *   NaN, -Infinity (Python), nan, -inf (C, awk)         null
 *   1.5D-3, .5, 1., +1.0 (Fortran; not 1.5-101)         1.5e-3, 0.5, 1.0, 1.0
 *   numbers beyond 64 bits or a double                  texts with the same characters
 *   half a surrogate pair; \u0000 in a key              texts with the escape written out
 *   bytes in a text that are no UTF-8                   U+FFFD; in a key "\xe9", written out, so
 *                                                       that keys that differ in them still do
 *   control characters in a text                        escapes
 *   what is nested deeper than 500 levels               a text that says so
 *
 * With `result`, of which "objective" or all that is no object is the objective, the numbers of
 * that stay numbers as far as a double goes, and it and what is infinite are the texts "inf" and
 * "-inf" beyond: no text of a program's with digits in it can be a number that was quoted here.
 *
 * All else is as it was, so that what is no JSON stays none. `*members` becomes the number of
 * members of the outermost object, of which JSON allows several to have the same name. */
char *eval_mend_json(const char *text, bool result, size_t *members);

#endif
