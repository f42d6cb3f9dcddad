/* A call of foreign code that may call exit, which must not end this process: a search would be
 * over without a word, and with the code of one that is finished.
 *
 * What is registered with on_exit runs on the stack of exit, that of the call, so it can go back to
 * before the call. What the code itself has registered since (destructors of C++ objects) has run
 * by then; it must not be called again. C leaves that undefined, glibc does it: a later exit, that
 * of the process, goes on with what is registered still.
 *
 * _exit, quick_exit and abort end the process as ever. So does exit in another thread than the
 * call's, which cannot go back; but with a message, and never with code 0.
 */
#ifndef DH_EVAL_STAY_H
#define DH_EVAL_STAY_H

#include <stdbool.h>

#include "dh_mpi/log.h"
#include "plugin_call.h"

/* Before the first call; when the code is loaded, so that what that has registered runs later. */
void eval_stay_ready(void);

/* Call `function`: true with what it returned in `*code`; false if it called exit(*code). One call
 * at a time. A child that it forks ends by exit as ever. `log` is for the message. */
bool eval_stay(eval_plugin_function *function, const dh_job *job, dh_result *result,
               const struct dh_log *log, int *code);

#endif
