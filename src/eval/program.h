/* Why a file that is there and executable cannot be run: what execve says ("No such file or
 * directory" of a script whose interpreter is missing) names the wrong thing. */
#ifndef DH_EVAL_PROGRAM_H
#define DH_EVAL_PROGRAM_H

#include <stdbool.h>

/* What is wrong with the beginning of the file `path`: the interpreter of its #! line is not there,
 * or it has none. NULL where that is in order, or the system may know better (a program of another
 * machine, for which there are emulators). The caller frees it. */
char *eval_program_problem(const char *path);

/* Why execv failed with `problem` (errno). The caller frees it. */
char *eval_program_failure(const char *path, int problem);

#endif
