/* Where in a program for sh a value may stand, and how it is written there. The shell sees a
 * reference to a variable, never the value, so what matters is the quoting around: whether a
 * reference is split into words, needs quotes of its own, or is not seen at all. Nothing here
 * knows of evaluations. */
#ifndef DH_EVAL_SHELL_H
#define DH_EVAL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/buffer.h"

/* What stands in the text where a value shall be; `at` says which of such bytes are meant. */
#define EVAL_SHELL_HOLE '\1'

enum eval_shell_place {
    EVAL_SHELL_BARE, /* a part of a word: "${V}" */
    EVAL_SHELL_QUOTED /* in double quotes or a here-document: ${V} */,
    EVAL_SHELL_NUMBER /* in $((…)), whole numbers alone: (${V}) */
};

struct eval_shell_hole {
    size_t at; /* index in the text; ascending */
    enum eval_shell_place place;
};

/* Why a hole cannot be filled: the first such one, the place in the text that is the reason, and
 * words behind "{name} stands ". */
struct eval_shell_problem {
    size_t hole, at;
    const char *why;
};

/* Find the place of each of `count` holes. Where sh and bash, or what POSIX leaves open, would
 * differ in what follows, a hole behind is refused rather than guessed. False with `*problem`.
 * A text without holes is never refused. */
bool eval_shell_places(const char *text, struct eval_shell_hole *holes, size_t count,
                       struct eval_shell_problem *problem);
/* Append the reference to `variable` at such a place. */
void eval_shell_reference(enum eval_shell_place place, const char *variable, struct dh_buffer *out);

#endif
