/* From what an evaluation said to an outcome. */
#ifndef DH_EVAL_VALUE_H
#define DH_EVAL_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/history.h"

/* Set `outcome` to FAILED (or the given end) with a reason (printf), its objectives to NaN. */
void eval_value_fail(struct dh_outcome *outcome, size_t objective_count,
                     enum dh_trial_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Take `count` values as the result: SUCCEEDED, or FAILED if one is not finite. */
void eval_value_numbers(struct dh_outcome *outcome, size_t objective_count, const double *values);

/* Numbers with blanks or commas between them, Fortran's 1.0D-3 among them: their count, and the
 * first `most` of them. False if there is none, or something else. */
bool eval_value_list(const char *text, double *values, size_t most, size_t *count);

/* What follows DH-OUTPUT: a number, several (blanks or commas between), F_reason, or JSON as
 * below. */
void eval_value_text(struct dh_outcome *outcome, size_t objective_count, double metadata_limit,
                     const char *text, size_t size);

/* A number, "F_reason", a list of numbers, or { "objective": one of those, "metadata": {…} };
 * other members of the object are added to the metadata. `what` begins the messages. */
void eval_value_json(struct dh_outcome *outcome, size_t objective_count, double metadata_limit,
                     const char *what, const json_t *value);

/* A plugin's metadata as it is kept (metadata.h); the caller frees it. */
char *eval_value_metadata(const char *text, double limit);

/* An outcome from a process whose memory may be damaged: keep what an evaluation can say, in the
 * form in which it can say it. */
void eval_value_trust(struct dh_outcome *outcome, size_t objective_count, double metadata_limit);

/* Parse JSON, mended (mend.h) so that no member of it costs the others; the outermost object's have
 * names of their own. `result` says that it is what eval_value_json takes. NULL with a message that
 * the caller frees in `*problem` if it is none. */
json_t *eval_value_parse(const char *text, bool result, char **problem);

/* Why a process that has ended failed: "exit code 3", "signal 11 (Segmentation fault)"; the
 * caller frees it. NULL for exit code 0. `status` is that of waitpid. */
char *eval_value_exit_reason(int status);

/* Append `size` bytes with U+FFFD for what is no UTF-8, and for NUL. */
void eval_value_put_utf8(struct dh_buffer *out, const char *text, size_t size);

#endif
