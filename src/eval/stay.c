/* Back from exit: see stay.h. */
#include "stay.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* A call that has not returned. */
struct call {
    jmp_buf back;
    pthread_t thread;
    pid_t process;
    uint64_t trial;
    const struct dh_log *log;
    volatile int code; /* of exit */
};

/* What exit finds: it has no other way to learn of the call. NULL: there is none. */
static struct call *volatile inside;
static bool ready; /* it is registered; what has run is not any more */

static void go_back(int code, void *nothing)
{
    (void)nothing;
    struct call *call = inside;
    if (!call || call->process != getpid())
        return;
    if (pthread_equal(call->thread, pthread_self())) {
        call->code = code;
        ready = false;
        longjmp(call->back, 1);
    }
    dh_log_error(call->log,
                 "a thread of the plugin called exit(%d) in trial %" PRIu64
                 ", which ends this rank; with isolate = true it ends one evaluation",
                 code, call->trial);
    fflush(NULL);
    _exit(EX_SOFTWARE);
}

void eval_stay_ready(void)
{
    ready = ready || on_exit(go_back, NULL) == 0;
}

bool eval_stay(eval_plugin_function *function, const dh_job *job, dh_result *result,
               const struct dh_log *log, int *code)
{
    struct call call = {
        .thread = pthread_self(), .process = getpid(), .trial = job->id, .log = log};
    if (setjmp(call.back) != 0) {
        inside = NULL;
        *code = call.code;
        return false;
    }
    inside = &call;
    *code = function(job, result);
    inside = NULL;
    return true;
}
