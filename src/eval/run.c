/* The life of an evaluation in the launcher: see run.h. */
#include "run.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/text.h"
#include "run_limits.h"
#include "run_process.h"
#include "value.h"
#include "wire.h"

/* Seconds before an evaluation that could not begin is given back: processes or memory may be there
 * again. */
#define UNABLE_PAUSE 1.0
/* Seconds from the first process of a job that a batch system tells to end to the last. */
#define JOB_END_SPREAD 5.0
/* Seconds that the process of an evaluation which has answered may take to end. */
#define ANSWERED_PATIENCE 1.0
/* Seconds that a process which is replaced may: pools whose workers were killed hang. */
#define REPLACED_PATIENCE 0.5
/* Bytes of what a process wrote to stderr that go into the message that nothing can be evaluated.
 */
#define LAST_WORDS 1200

/* Forget the evaluation; the process stays. */
static void clear(struct eval_run *run)
{
    free(run->ending_reason);
    free(run->failure);
    free(run->unable);
    eval_job_free(&run->job);
    dh_outcome_free(&run->outcome);
    dh_buffer_free(&run->lines.partial);
    dh_buffer_free(&run->marked);
    eval_reports_clear(&run->reports);
    eval_copy_close(&run->output_copy);
    eval_copy_close(&run->errors_copy);
    *run = (struct eval_run){
        .host = run->host,
        .slot = run->slot,
        .process = run->process,
        .unable_in_row = run->unable_in_row,
        .limit_at = INFINITY,
        .term_at = INFINITY,
        .kill_at = INFINITY,
        .conclude_at = INFINITY,
        .ending = DH_TRIAL_PENDING,
        .output_copy = {.fd = -1},
        .errors_copy = {.fd = -1},
    };
}

void eval_run_init(struct eval_run *run, struct eval_host *host, int32_t slot)
{
    *run = (struct eval_run){
        .host = host,
        .slot = slot,
        .process = {.control = -1,
                    .output = -1,
                    .errors = -1,
                    .requests = -1,
                    .answers = -1,
                    .asked_at = -INFINITY},
        .output_copy = {.fd = -1},
        .errors_copy = {.fd = -1},
    };
    clear(run);
}

void eval_run_close(struct eval_run *run)
{
    if (run->busy)
        eval_job_remove_temporary(&run->job);
    clear(run);
    eval_run_close_process(run);
}

void eval_run_order(const struct eval_run *run, enum eval_guard_order order)
{
    char byte = (char)order;
    if (run->process.control >= 0)
        send(run->process.control, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool eval_run_dismiss(struct eval_run *run)
{
    struct eval_run_process *process = &run->process;
    if (!process->ready || process->doomed || process->requests < 0)
        return false;
    close(process->requests);
    process->requests = -1;
    return true;
}

static void order_sweep(const struct eval_run *run)
{
    struct dh_buffer order = {0};
    dh_put_u8(&order, EVAL_GUARD_SWEEP);
    for (size_t i = 0; i < run->process.kept_count; i++)
        dh_put_u32(&order, run->process.kept[i]);
    if (run->process.control >= 0)
        send(run->process.control, order.data, order.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    dh_buffer_free(&order);
}

/* Did it die of what batch systems send to all processes of a job that has to end? Or exit as one
 * whose child did, or whose handler had its say? */
static bool died_of_request(int status)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
    return eval_guard_is_request(number);
}

/* Has one of these signals come to this process, too, since the evaluation began? Then the job is
 * at its end, and so is the search. */
static bool job_ends(const struct eval_run *run)
{
    return run->host->signalled_at >= run->started.monotonic - JOB_END_SPREAD;
}

/* Is it over, with a result that waits? */
static bool waits(const struct eval_run *run)
{
    return run->busy && !isinf(run->conclude_at);
}

/* May the evaluation, which has been judged, have failed since the job ends? */
static bool failed_by_request(const struct eval_run *run)
{
    bool sent = run->process.asked_at >= run->started.monotonic - JOB_END_SPREAD ||
                (!run->answered && died_of_request(run->left.status));
    return run->outcome.status == DH_TRIAL_FAILED && !run->failure && (sent || job_ends(run));
}

/* Was it, or a program that a shell waited for, killed? By the kernel, most often, for memory. */
static bool was_killed(int status)
{
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 128 + SIGKILL;
}

/* How the evaluation ended, from the strongest evidence to the weakest. */
static void judge(struct eval_run *run, int status)
{
    size_t objectives = run->host->plan->objective_count;
    struct dh_outcome *outcome = &run->outcome;
    char *reason = eval_value_exit_reason(status);
    if (run->ending != DH_TRIAL_PENDING)
        eval_value_fail(outcome, objectives, run->ending, "%s", run->ending_reason);
    else if (run->unable)
        eval_value_fail(outcome, objectives, DH_TRIAL_CANCELLED, "%s", run->unable);
    else if (run->failure)
        eval_value_fail(outcome, objectives, DH_TRIAL_FAILED, "%s", run->failure);
    else if (reason && !run->answered)
        eval_value_fail(outcome, objectives, DH_TRIAL_FAILED, "%s%s", reason,
                        was_killed(status) ? "; not by dh_mpi: out of memory?" : "");
    else if (!run->answered)
        eval_run_runner(run)->silent(run, outcome);
    free(reason);
}

/* Send the result and be idle. */
static void conclude(struct eval_run *run)
{
    if (!run->unable) {
        run->unable_in_row = 0;
        run->host->ready_once |= !eval_run_runner(run)->persistent && !run->failure;
    }
    struct dh_outcome *outcome = &run->outcome;
    if (run->ending != DH_TRIAL_PENDING) /* told since it was judged */
        eval_value_fail(outcome, run->host->plan->objective_count, run->ending, "%s",
                        run->ending_reason);
    else if (failed_by_request(run) && job_ends(run))
        outcome->status = DH_TRIAL_CANCELLED;
    if (!run->answered || !eval_run_runner(run)->persistent) {
        outcome->cpu_seconds = run->left.cpu_seconds;
        outcome->peak_bytes = run->left.peak_bytes;
    }
    if (run->peak_bytes > outcome->peak_bytes)
        outcome->peak_bytes = run->peak_bytes;
    if (outcome->status != DH_TRIAL_SUCCEEDED) /* of Python, a traceback may be there */
        eval_tail_put_before(&run->tail, &outcome->stderr_tail);
    eval_reports_hand_over(&run->reports, outcome);
    outcome->started = run->unable ? NAN : run->started.wall;
    outcome->ended = run->left.ended;
    outcome->worker = -1;
    outcome->slot = run->slot;
    outcome->retries = run->job.retries;
    struct dh_buffer payload = {0};
    dh_result_pack(run->slot, run->job.trial, outcome, run->host->plan->objective_count, &payload);
    eval_wire_put(&run->host->out, run->host->epoch, EVAL_WIRE_DONE, &payload);
    dh_buffer_free(&payload);
    clear(run);
}

/* Nothing can be evaluated here. */
static void tell_fatal(const struct eval_run *run, dh_status status, const char *text)
{
    eval_wire_put_fatal(&run->host->out, run->host->epoch, status, text);
}

/* `text` with the last lines that the process wrote to stderr, if any; the caller frees it. */
static char *with_last_words(const struct eval_run *run, const char *text)
{
    char *words = eval_tail_text(&run->tail);
    size_t size = words ? strlen(words) : 0;
    while (size > 0 && words[size - 1] == '\n')
        words[--size] = '\0';
    if (size == 0) {
        free(words);
        return dh_strdup(text);
    }
    const char *start = size > LAST_WORDS ? words + size - LAST_WORDS : words;
    const char *newline = start > words ? strchr(start, '\n') : NULL;
    char *whole = dh_strprintf("%s; its stderr ends with\n%s", text, newline ? newline + 1 : start);
    free(words);
    return whole;
}

static void conclude_within(struct eval_run *run, double seconds)
{
    run->limit_at = run->term_at = run->kill_at = INFINITY;
    run->conclude_at = dh_clock_now(&dh_clock_monotonic) + seconds;
}

/* The evaluation is over. What could not begin is given back later; what could not since there is
 * no running its program, and never was, is no matter of the moment. Whether a job's end was what
 * it failed of is known when the other processes of the job have had their signals. */
static void finish(struct eval_run *run, int status, double cpu_seconds, uint64_t peak_bytes)
{
    run->left = (struct eval_left){.status = status,
                                   .cpu_seconds = cpu_seconds,
                                   .peak_bytes = peak_bytes,
                                   .ended = dh_moment_wall_since(&run->started)};
    judge(run, status);
    bool told = run->ending != DH_TRIAL_PENDING;
    if (!told && run->unable && run->missing && !run->host->ready_once) {
        char *text = with_last_words(run, run->unable);
        tell_fatal(run, DH_CONFIG, text);
        free(text);
        clear(run);
    } else if (!told && run->unable) {
        conclude_within(run, UNABLE_PAUSE);
    } else if (!told && failed_by_request(run) && !job_ends(run)) {
        conclude_within(run, JOB_END_SPREAD);
    } else {
        conclude(run);
    }
}

static void conclude_late(struct eval_run *run)
{
    if (!run->unable || run->ending != DH_TRIAL_PENDING || ++run->unable_in_row < DH_UNABLE_LIMIT) {
        conclude(run);
        return;
    }
    char *why = with_last_words(run, run->unable);
    char *text =
        dh_strprintf("%d evaluations in a row could not begin: %s", run->unable_in_row, why);
    tell_fatal(run, DH_UNABLE, text);
    free(why);
    free(text);
    clear(run);
}

static void open_copy(const struct eval_run *run, const char *name, struct eval_copy *copy)
{
    char *path = dh_strprintf("%s/%s", run->job.folder, name);
    copy->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    copy->left = run->host->plan->options->output_limit;
    copy->cut = false;
    free(path);
}

/* Time and limit count from here: imports of a persistent process are not the evaluation's. */
static void begin(struct eval_run *run, double now)
{
    run->started = dh_moment_now();
    double timeout = run->host->plan->options->timeout;
    run->limit_at = timeout > 0 ? now + timeout : INFINITY;
    if (eval_run_runner(run)->begin)
        eval_run_runner(run)->begin(run);
}

/* A persistent process may have ended since it last worked; then it needs a successor. */
static void notice_end_of_idle_process(struct eval_run *run)
{
    struct dh_buffer news = {0};
    int there;
    while (run->process.control >= 0 && (there = eval_run_news(run, &news)) != 0)
        if (there < 0 || (uint8_t)news.data[0] == EVAL_GUARD_ENDED)
            eval_run_close_process(run);
    dh_buffer_free(&news);
}

void eval_run_start(struct eval_run *run, struct dh_task *task, double now)
{
    struct dh_error err;
    clear(run);
    run->busy = true;
    run->job = (struct eval_job){.plan = run->host->plan,
                                 .trial = task->trial,
                                 .seed = task->seed,
                                 .retries = task->retries,
                                 .slot = run->slot,
                                 .proposed = task->proposed,
                                 .values = task->values};
    task->values = NULL;
    run->started = dh_moment_now();
    dh_status files = eval_job_files(&run->job, eval_run_runner(run)->parameter_file, &err);
    if (files != DH_OK) { /* the trial is not to blame: it is evaluated again */
        tell_fatal(run, files, err.text);
        clear(run);
        return;
    }
    if (run->job.folder) {
        open_copy(run, "stdout", &run->output_copy);
        open_copy(run, "stderr", &run->errors_copy);
    }
    notice_end_of_idle_process(run);
    if (run->process.control < 0) {
        if (eval_run_spawn(run, &err) != DH_OK) {
            run->unable = dh_strdup(err.text);
            finish(run, 0, NAN, 0);
            return;
        }
        if (eval_run_runner(run)->greet)
            eval_run_runner(run)->greet(run);
    }
    if (eval_run_runner(run)->persistent && !run->process.ready)
        run->limit_at = now + eval_run_runner(run)->startup_limit(run->host->plan);
    else
        begin(run, now);
}

void eval_run_ready(struct eval_run *run)
{
    run->process.ready = true;
    run->host->ready_once = true;
    if (run->busy && run->ending == DH_TRIAL_PENDING && !run->unable)
        begin(run, dh_clock_now(&dh_clock_monotonic));
}

void eval_run_answer(struct eval_run *run)
{
    run->answered = true;
    run->limit_at = INFINITY;
    if (eval_run_runner(run)->persistent)
        order_sweep(run);
    else /* whatever it still does, or waits for, changes nothing */
        eval_run_kill_within(run, ANSWERED_PATIENCE, dh_clock_now(&dh_clock_monotonic));
}

void eval_run_report(struct eval_run *run, double step, double value)
{
    if (!run->busy || !eval_reports_add(&run->reports, step, value))
        return;
    struct dh_buffer payload = {0};
    dh_progress_pack(run->slot, run->job.trial, step, value, &payload);
    eval_wire_put(&run->host->out, run->host->epoch, EVAL_WIRE_REPORT, &payload);
    dh_buffer_free(&payload);
}

void eval_run_fatal(struct eval_run *run, const char *text)
{
    if (run->unable) /* its time was up before */
        return;
    free(run->failure);
    run->failure = dh_strdup(text);
    if (run->host->ready_once)
        return; /* it worked before: this evaluation's bad luck */
    run->host->refused = true;
    tell_fatal(run, DH_CONFIG, text);
    clear(run); /* the trial is not to blame: it is evaluated again */
}

void eval_run_tick(struct eval_run *run, double now)
{
    eval_run_enforce(run, now);
    if (now >= run->conclude_at)
        conclude_late(run);
}

size_t eval_run_fds(const struct eval_run *run, struct pollfd fds[EVAL_RUN_FDS])
{
    const int readable[] = {run->process.control, run->process.output, run->process.errors,
                            run->process.answers};
    size_t count = 0;
    for (size_t i = 0; i < DH_COUNT_OF(readable); i++)
        if (readable[i] >= 0)
            fds[count++] = (struct pollfd){.fd = readable[i], .events = POLLIN};
    if (run->process.requests >= 0 && run->process.request_bytes.size)
        fds[count++] = (struct pollfd){.fd = run->process.requests, .events = POLLOUT};
    return count;
}

/* A persistent process has ended before it was ready: no evaluation was in it, so none has failed.
 * Its program cannot be run here (a library or a folder is missing), as if it were not there; but
 * one that was killed or told to end may have met with too little memory, or the end of the job,
 * which are matters of the moment. */
static void notice_early_end(struct eval_run *run, int status)
{
    if (!run->busy || !eval_run_runner(run)->persistent || run->process.ready || run->unable ||
        run->failure || run->ending != DH_TRIAL_PENDING)
        return;
    char *reason = eval_value_exit_reason(status);
    run->unable = eval_run_runner(run)->not_ready(run->host->plan, reason ? reason : "exit code 0");
    run->missing =
        !died_of_request(status) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    free(reason);
}

/* A message of the guard. Returns false after its last one. */
static bool take_news(struct eval_run *run, const struct dh_buffer *news)
{
    struct dh_reader reader = dh_reader_of(news->data, news->size);
    enum eval_guard_news kind = (enum eval_guard_news)dh_get_u8(&reader);
    if (kind == EVAL_GUARD_REFUSED || kind == EVAL_GUARD_UNABLE || kind == EVAL_GUARD_MISSING) {
        char **reason = kind == EVAL_GUARD_REFUSED ? &run->failure : &run->unable;
        char *text = dh_get_text(&reader);
        if (!*reason)
            *reason = text;
        else
            free(text);
        run->missing |= kind == EVAL_GUARD_MISSING;
    } else if (kind == EVAL_GUARD_ASKED) {
        run->process.asked_at = dh_clock_now(&dh_clock_monotonic);
    } else if (kind == EVAL_GUARD_SWEPT && run->answered &&
               (dh_get_u8(&reader) || run->process.doomed)) {
        /* it may go on with a pool of processes that is no more, or the signal is on its way */
        double patience = eval_run_dismiss(run) ? REPLACED_PATIENCE : 0;
        eval_run_kill_within(run, patience, dh_clock_now(&dh_clock_monotonic));
    } else if (kind == EVAL_GUARD_SWEPT && run->answered) {
        eval_run_drain(run);
        finish(run, 0, NAN, 0);
    } else if (kind == EVAL_GUARD_ENDED) {
        int status = (int)dh_get_u32(&reader);
        double cpu_seconds = dh_get_f64(&reader);
        uint64_t peak_bytes = dh_get_u64(&reader);
        eval_run_drain(run);
        notice_early_end(run, status);
        eval_run_close_process(run);
        if (run->busy && !waits(run))
            finish(run, status, eval_run_runner(run)->persistent ? NAN : cpu_seconds, peak_bytes);
        return false;
    }
    return true;
}

void eval_run_service(struct eval_run *run)
{
    if (run->process.requests >= 0 &&
        !eval_write_some(run->process.requests, &run->process.request_bytes)) {
        close(run->process.requests); /* the process is ending: the guard will say how */
        run->process.requests = -1;
    }
    eval_run_read(run);
    struct dh_buffer news = {0};
    int there = 0;
    while (run->process.control >= 0 && (there = eval_run_news(run, &news)) > 0)
        if (!take_news(run, &news))
            break;
    if (there < 0)
        run->lost = true;
    dh_buffer_free(&news);
}

void eval_run_signalled(struct eval_run *run)
{
    run->conclude_at = isinf(run->conclude_at) ? INFINITY : 0;
}

void eval_run_give_up(struct eval_run *run)
{
    eval_run_drain(run);
    eval_run_close_process(run);
    run->lost = false;
    if (!run->busy || waits(run))
        return;
    eval_job_remove_temporary(&run->job);
    if (!run->failure)
        run->failure = dh_strdup("its guard process was killed");
    finish(run, 0, NAN, 0);
}
