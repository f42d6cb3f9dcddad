/* Process and pipes of a run: see run_process.h. */
#include "run_process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "value.h"
#include "wire.h"

#define PIECE (1 << 16)
/* More than any pipe holds: what is left after that comes from a process that still writes. */
#define DRAIN_PIECES 32
#define ANSWER_LIMIT (64 << 20)
/* Of the launcher, without its slots: streams, socket, signals, and what is open for a moment. */
#define OWN_FILES 12

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Descriptors of a process to be: [0] ours, [1] its. */
struct pipes {
    int control[2], output[2], errors[2], requests[2], answers[2];
};

static void shut_side(struct pipes *pipes, int side)
{
    shut(&pipes->control[side]);
    shut(&pipes->output[side]);
    shut(&pipes->errors[side]);
    shut(&pipes->requests[side]);
    shut(&pipes->answers[side]);
}

static bool open_pipe(int ends[2], bool ours_reads)
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0)
        return false;
    ends[0] = ours_reads ? raw[0] : raw[1];
    ends[1] = ours_reads ? raw[1] : raw[0];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

static bool open_pipes(struct pipes *pipes, const struct eval_runner *runner)
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes->control) == 0 &&
           open_pipe(pipes->output, true) && open_pipe(pipes->errors, true) &&
           (!runner->requests || open_pipe(pipes->requests, false)) &&
           (!runner->answers || open_pipe(pipes->answers, true));
}

dh_status eval_run_check_files(const struct eval_plan *plan, struct dh_error *err)
{
    const struct eval_runner *runner = plan->kind->runner;
    long long slots = plan->options->slots;
    long long sides = 3 + runner->requests + runner->answers; /* see open_pipes */
    /* with run folders: copies of the streams, and what is held */
    long long copies = plan->options->runs ? 3 : 0;
    long long needed = slots * (sides + copies) + sides + OWN_FILES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= (rlim_t)needed)
        return DH_OK;
    return dh_node_fail(err, eval_plan_node(plan, "slots"),
                        "evaluator: slots = %lld need %lld open files, and a process may have no "
                        "more than %llu (ulimit -Hn)",
                        slots, needed, (unsigned long long)limit.rlim_max);
}

static struct eval_guard_spec spec_of(const struct eval_run *run, const struct pipes *pipes)
{
    return (struct eval_guard_spec){
        .child = {.job = &run->job,
                  .control = pipes->control[1],
                  .requests = pipes->requests[1],
                  .answers = pipes->answers[1]},
        .output = pipes->output[1],
        .errors = pipes->errors[1],
        .files = run->host->files,
        /* a process that is not this evaluation's alone enters each one's by itself */
        .folder = eval_run_runner(run)->persistent ? NULL : run->job.folder,
        .main = eval_run_runner(run)->main,
    };
}

/* In the new process: only what belongs to this evaluation stays open, so that the end of the
 * launcher is seen by every guard. */
static void become_guard(const struct eval_guard_spec *spec, pid_t launcher)
{
    int keep[] = {spec->child.control, spec->child.requests, spec->child.answers, spec->output,
                  spec->errors};
    eval_process_close_others(keep, DH_COUNT_OF(keep));
    eval_guard_run(spec, launcher);
}

dh_status eval_run_spawn(struct eval_run *run, struct dh_error *err)
{
    struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    pid_t self = getpid(), pid = -1;
    if (open_pipes(&pipes, eval_run_runner(run))) {
        struct eval_guard_spec spec = spec_of(run, &pipes);
        pid = fork();
        if (pid == 0)
            become_guard(&spec, self);
    }
    if (pid < 0) {
        dh_fail(err, DH_IO, "cannot start a process: %s", strerror(errno));
        shut_side(&pipes, 0);
        shut_side(&pipes, 1);
        return DH_IO;
    }
    shut_side(&pipes, 1);
    run->process = (struct eval_run_process){.guard = pid,
                                             .control = pipes.control[0],
                                             .output = pipes.output[0],
                                             .errors = pipes.errors[0],
                                             .requests = pipes.requests[0],
                                             .answers = pipes.answers[0],
                                             .asked_at = -INFINITY};
    return DH_OK;
}

void eval_run_close_process(struct eval_run *run)
{
    struct eval_run_process *process = &run->process;
    shut(&process->control);
    shut(&process->output);
    shut(&process->errors);
    shut(&process->requests);
    shut(&process->answers);
    dh_buffer_free(&process->request_bytes);
    dh_buffer_free(&process->answer_bytes);
    process->ready = process->doomed = false;
}

/* DH-REPORT: STEP VALUE */
static void take_report(struct eval_run *run, const char *text)
{
    double values[2];
    size_t count;
    if (eval_value_list(text, values, DH_COUNT_OF(values), &count) && count == 2)
        eval_run_report(run, values[0], values[1]);
    else
        eval_reports_miss(&run->reports, text);
}

static void marked_line(void *context, const char *line, size_t size)
{
    static const char output[] = "DH-OUTPUT:", report[] = "DH-REPORT:";
    struct eval_run *run = context;
    if (strncmp(line, output, sizeof output - 1) == 0) {
        dh_buffer_clear(&run->marked);
        dh_buffer_append(&run->marked, line + sizeof output - 1, size - (sizeof output - 1));
        run->has_marked = true;
    } else if (strncmp(line, report, sizeof report - 1) == 0) {
        take_report(run, line + sizeof report - 1);
    }
}

/* One piece from `fd` to `data`; closes it at its end. */
static size_t read_piece(int *fd, char data[PIECE])
{
    ssize_t size = *fd >= 0 ? read(*fd, data, PIECE) : 0;
    if (*fd >= 0 && (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)))
        shut(fd);
    return size > 0 ? (size_t)size : 0;
}

static size_t read_output(struct eval_run *run)
{
    char data[PIECE];
    bool open = run->process.output >= 0;
    size_t size = read_piece(&run->process.output, data);
    eval_copy_feed(&run->output_copy, data, size);
    if (!run->busy || !eval_run_runner(run)->marked_output)
        return size;
    eval_lines_feed(&run->lines, data, size, marked_line, run);
    if (open && run->process.output < 0)
        eval_lines_end(&run->lines, marked_line, run);
    return size;
}

static size_t read_errors(struct eval_run *run)
{
    char data[PIECE];
    size_t size = read_piece(&run->process.errors, data);
    eval_copy_feed(&run->errors_copy, data, size);
    eval_tail_feed(&run->tail, data, size);
    return size;
}

static size_t read_answers(struct eval_run *run)
{
    char data[PIECE];
    size_t size = read_piece(&run->process.answers, data);
    if (size == 0)
        return 0;
    dh_buffer_append(&run->process.answer_bytes, data, size);
    if (run->process.answer_bytes.size > ANSWER_LIMIT) { /* it does not speak our protocol */
        dh_buffer_free(&run->process.answer_bytes);
        shut(&run->process.answers);
        eval_run_order(run, EVAL_GUARD_KILL);
    }
    eval_run_runner(run)->receive(run);
    return size;
}

void eval_run_read(struct eval_run *run)
{
    read_output(run);
    read_errors(run);
    read_answers(run);
}

void eval_run_drain(struct eval_run *run)
{
    for (int i = 0; i < DRAIN_PIECES && read_output(run); i++)
        ;
    for (int i = 0; i < DRAIN_PIECES && read_errors(run); i++)
        ;
    for (int i = 0; i < DRAIN_PIECES && read_answers(run); i++)
        ;
    if (eval_run_runner(run)->marked_output)
        eval_lines_end(&run->lines, marked_line, run);
}

int eval_run_news(struct eval_run *run, struct dh_buffer *out)
{
    char data[2048];
    ssize_t size = recv(run->process.control, data, sizeof data, MSG_DONTWAIT);
    if (size < 0 && errno == ECONNRESET) /* it left an order unread; its last words are there */
        size = recv(run->process.control, data, sizeof data, MSG_DONTWAIT);
    if (size > 0) {
        dh_buffer_clear(out);
        dh_buffer_append(out, data, (size_t)size);
        return 1;
    }
    return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}
