/* A slot of the launcher: the evaluation in it, its process and its limits.
 *
 * A run is idle, or busy with one evaluation. Its process is there while it is busy; that of a
 * persistent runner stays. An evaluation ends in exactly one result, sent when its process has
 * ended (or, if it is to stay, has answered) and nothing that it started is left. A process that
 * does not stay and has answered, but does not end, is killed soon after.
 *
 * One that dies of a request (SIGTERM, SIGINT, SIGUSR1, SIGUSR2) by itself has failed, unless one
 * came to the launcher as well: then the job is at its end, and the evaluation is given back. So is
 * one that fails in another way, such as by an exception that a handler raises. As signals do not
 * come to all processes at once, a failure waits a few seconds for the launcher's, if one came to
 * its guard or it looks like the death by one.
 *
 * What fails before the user's program could run, for a reason that is the machine's (no file in
 * TMPDIR, no process, an interpreter that cannot start or is not ready in time), is no result: the
 * evaluation is given back, after a pause, as CANCELLED that nobody asked for. When that happens to
 * a slot several times in a row, FATAL says DH_UNABLE.
 */
#ifndef DH_EVAL_RUN_H
#define DH_EVAL_RUN_H

#include <poll.h>
#include <sys/types.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/comm.h"
#include "dh_mpi/history.h"
#include "guard.h"
#include "output.h"
#include "process.h"
#include "reports.h"

struct eval_run;

/* What a kind of evaluator does in the launcher and in the evaluation's process. */
struct eval_runner {
    bool persistent;     /* one process serves all evaluations of a slot */
    bool requests;       /* a pipe to the process */
    bool answers;        /* a pipe from the process */
    bool marked_output;  /* DH-OUTPUT and DH-REPORT lines on stdout count */
    bool parameter_file; /* wants DH_PARAMETERS even without a run folder */
    /* The evaluation's process. Does not return. */
    void (*main)(const struct eval_child *child);
    /* Seconds that a persistent process may take to get ready. */
    double (*startup_limit)(const struct eval_plan *plan);
    /* A persistent process has ended, for `reason`, before it was ready: a message that names it,
     * which the caller frees. */
    char *(*not_ready)(const struct eval_plan *plan, const char *reason);
    /* It was not within `limit`. */
    char *(*too_slow)(const struct eval_plan *plan, const char *limit);
    /* A persistent process is new; an evaluation begins: fill run->process.request_bytes. */
    void (*greet)(struct eval_run *run);
    void (*begin)(struct eval_run *run);
    /* What was begun is to end, and has a while to do so before SIGTERM: fill
     * run->process.request_bytes. NULL: SIGTERM is all that tells it. */
    void (*stop)(struct eval_run *run);
    /* Take what is complete out of run->process.answer_bytes. */
    void (*receive)(struct eval_run *run);
    /* The process has ended with exit code 0 and has not answered. */
    void (*silent)(struct eval_run *run, struct dh_outcome *outcome);
};

/* What the runs of a launcher share. */
struct eval_host {
    const struct eval_plan *plan;
    struct rlimit files;  /* of an evaluation; the launcher's own is higher */
    struct dh_buffer out; /* frames for the rank */
    uint32_t epoch;
    /* When the launcher was last sent a request, as all processes of a job are at its end;
     * -INFINITY: never. */
    double signalled_at;
    bool ready_once; /* a persistent process has come up, or another one has run */
    bool refused;    /* one that came up has said why it will never evaluate */
};

/* What is left of an evaluation's process. */
struct eval_left {
    int status;         /* of waitpid */
    double cpu_seconds; /* NAN: not known */
    uint64_t peak_bytes;
    double ended; /* when, by the wall clock */
};

/* The process of a run, and the pipes to it; the descriptors are -1 where there is none. */
struct eval_run_process {
    pid_t guard;
    int control, output, errors, requests, answers;
    struct dh_buffer request_bytes, answer_bytes;
    bool ready;                     /* persistent: takes evaluations */
    uint32_t kept[EVAL_GUARD_KEPT]; /* processes that it needs beyond the evaluation */
    size_t kept_count;
    double asked_at; /* when its guard was last sent a request; -INFINITY: never */
    bool doomed; /* it was sent a signal: it takes no other evaluation, whatever it makes of that */
};

struct eval_run {
    struct eval_host *host;
    int32_t slot;
    struct eval_run_process process;
    int unable_in_row; /* evaluations of this slot */

    /* The evaluation: all that follows is its own, and forgotten with it. */
    bool busy;
    struct eval_job job;
    struct dh_moment started;
    double limit_at, term_at, kill_at; /* INFINITY: never */
    enum dh_trial_status ending;       /* PENDING: not told to end */
    char *ending_reason;
    char *failure; /* why the process could not do it */
    char *unable;  /* why nothing can be evaluated here and now; the evaluation is given back */
    bool missing;  /* … that is because the program cannot be run, or does not come up */
    double conclude_at; /* it is over, but the result may wait; INFINITY: it is not */
    struct eval_left left;
    bool answered; /* `outcome` is the answer */
    bool lost;     /* the guard is gone without a word */
    struct dh_outcome outcome;
    struct eval_lines lines;
    struct dh_buffer marked; /* text of the last DH-OUTPUT line */
    bool has_marked;
    struct eval_tail tail;
    struct eval_copy output_copy, errors_copy;
    struct eval_reports reports;
    uint64_t peak_bytes;    /* each page once */
    uint64_t peak_resident; /* when that was looked at: of each process, shared pages too */
};

static inline const struct eval_runner *eval_run_runner(const struct eval_run *run)
{
    return run->host->plan->kind->runner;
}

void eval_run_init(struct eval_run *run, struct eval_host *host, int32_t slot);
/* Frees; the process must have been ended (eval_run_order, and waited for). */
void eval_run_close(struct eval_run *run);

/* Start `task` (its values are taken). A failure is a result. */
void eval_run_start(struct eval_run *run, struct dh_task *task, double now);
void eval_run_cancel(struct eval_run *run, uint64_t trial, double now);
/* Memory and number of the processes, from a fresh scan. */
void eval_run_check_use(struct eval_run *run, const struct eval_process_table *table, double now);
/* Enforce what is due at `now`; and when something will be. */
void eval_run_tick(struct eval_run *run, double now);
double eval_run_next_time(const struct eval_run *run);
/* The job was suspended for so many seconds: they count for no limit. */
void eval_run_postpone(struct eval_run *run, double seconds);

#define EVAL_RUN_FDS 5
/* The descriptors to poll; returns how many. Service after any of them was ready. */
size_t eval_run_fds(const struct eval_run *run, struct pollfd fds[EVAL_RUN_FDS]);
void eval_run_service(struct eval_run *run);
/* host->signalled_at has changed. */
void eval_run_signalled(struct eval_run *run);
/* After `lost` and the end of the orphans: the result. */
void eval_run_give_up(struct eval_run *run);
void eval_run_order(const struct eval_run *run, enum eval_guard_order order);

/* The process of an idle run, or of one that has answered, is to end by itself, as programs do that
 * have files to write: the end of its requests says so. False if there is none that would hear it.
 * The caller reads what it still writes, and kills it in the end. */
bool eval_run_dismiss(struct eval_run *run);

/* For runners. */
void eval_run_report(struct eval_run *run, double step, double value);
void eval_run_ready(struct eval_run *run);
/* `outcome` is filled. No limit holds from here on: what is not to stay is about to be killed. */
void eval_run_answer(struct eval_run *run);
void eval_run_fatal(struct eval_run *run, const char *text);
/* The process cannot be understood: the evaluation has failed, and the next one gets another. */
void eval_run_break(struct eval_run *run, const char *reason);

#endif
