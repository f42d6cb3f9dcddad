/* Output of an evaluation as it comes through a pipe: the lines that mean something, the first and
 * last lines of stderr, a copy in the run folder. Memory is bounded, whatever is printed. */
#ifndef DH_EVAL_OUTPUT_H
#define DH_EVAL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/buffer.h"

#define EVAL_LINE_LIMIT (1 << 20)    /* longer lines are skipped … */
#define EVAL_MARKED_LIMIT (64 << 20) /* … marked ones, which may carry metadata, from here on */
#define EVAL_TAIL_LIMIT 4096         /* bytes kept of stderr … */
#define EVAL_TAIL_FIRST 1024         /* … of which so many are its beginning, if there is more */

/* What a stream had that looks like a result, and is none. */
enum eval_near {
    EVAL_NEAR_NOTHING,
    EVAL_NEAR_WITHIN,   /* DH-OUTPUT behind other text of its line */
    EVAL_NEAR_NO_COLON, /* a line that begins with DH-OUTPUT and goes on otherwise */
    EVAL_NEAR_UTF16     /* it is of two-byte characters */
};

/* Finds lines in a stream and calls `line` with each that begins (after a byte order mark of UTF-8,
 * and blanks) with "DH-"; the text is without its newline and followed by a NUL. A carriage return
 * ends a line as a newline does, as of progress bars, but not one that is marked and JSON. */
struct eval_lines {
    struct dh_buffer partial; /* of the line that has begun */
    bool skipping;            /* it is too long */
    bool marked_skipped;      /* and it was a marked one; stays until the owner clears it */
    enum eval_near near;      /* the last such */
    char before[48];          /* of EVAL_NEAR_WITHIN: the text before it, or the end of that */
};
typedef void eval_line_function(void *context, const char *line, size_t size);
void eval_lines_feed(struct eval_lines *lines, const char *data, size_t size,
                     eval_line_function *line, void *context);
/* The stream has ended: a last line without newline counts. */
void eval_lines_end(struct eval_lines *lines, eval_line_function *line, void *context);

/* What is kept of a stream: all, or where that is more than EVAL_TAIL_LIMIT bytes its beginning
 * (where a long trace has the exception's name) and its end. Zero-initialise. */
struct eval_tail {
    char first[EVAL_TAIL_FIRST];
    char last[EVAL_TAIL_LIMIT - EVAL_TAIL_FIRST]; /* a ring of the bytes behind `first` */
    size_t total;
};
void eval_tail_feed(struct eval_tail *tail, const char *data, size_t size);
/* As whole lines of UTF-8 that the caller frees, with a line that says how many bytes were left
 * out; at most EVAL_TAIL_LIMIT bytes of a stream that is UTF-8. NULL if there was nothing. */
char *eval_tail_text(const struct eval_tail *tail);
/* Put it before `*text` (owned, may be NULL), which stays whole. */
void eval_tail_put_before(const struct eval_tail *tail, char **text);

/* A copy of a stream in a file, up to a limit. */
struct eval_copy {
    int fd; /* -1: none */
    double left;
    bool cut;
};
void eval_copy_feed(struct eval_copy *copy, const char *data, size_t size);
void eval_copy_close(struct eval_copy *copy);

#endif
