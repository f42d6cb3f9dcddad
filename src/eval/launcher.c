/* The launcher process: see eval.h. A loop over the rank's socket, the runs' pipes and the next
 * time limit; it sleeps in poll when nothing happens. It ends when the rank does, at the
 * end of the socket, or when the nursery does (the kernel then sends SIGTERM), and kills
 * everything. */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "plugin_call.h"
#include "run.h"
#include "run_process.h"
#include "threads.h"
#include "wire.h"

/* Between two scans of the processes: so many seconds, and so many times as long as a scan computes
 * (it may take longer, where others compute, too: just there limits matter). Memory takes a while
 * to fill; processes multiply. */
#define MEMORY_INTERVAL 0.2
#define MEMORY_SHARE 20
#define PROCESS_INTERVAL 0.05
#define PROCESS_SHARE 4
#define FAREWELL 1.5        /* seconds that processes with nothing to do may take to end */
#define GUARD_PATIENCE 25.0 /* a guard gives up earlier */
#define LONGEST_SLEEP 1.0   /* while time matters, so that a pause of the job is seen, which … */
#define PAUSE 2.0           /* … it is if a sleep takes so many seconds more */

#define BROKEN_MESSAGE "the launcher got a broken message"

struct launcher {
    int fd, signals;
    pid_t nursery;
    bool stop;
    struct dh_buffer in;
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct eval_plan *plan;
    struct eval_host host;
    struct eval_run *runs;
    size_t run_count;
    double scan_at; /* of the next; INFINITY: nobody wants one */
    struct eval_process_table table;
    struct pollfd *fds;
};

static double now(void)
{
    return dh_clock_now(&dh_clock_monotonic);
}

/* Take the status of ended guards (and orphans). False if there is no child at all. */
static bool reap(void)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        ;
    return pid == 0 || errno != ECHILD;
}

/* Kill what a lost guard has left: descendants of this process that are below no other guard. */
static void kill_orphans(const struct launcher *launcher)
{
    pid_t *guards = dh_alloc(launcher->run_count, sizeof *guards);
    struct eval_spared spared = {.pids = guards, .descendants = true};
    for (size_t i = 0; i < launcher->run_count; i++)
        if (launcher->runs[i].process.control >= 0 && !launcher->runs[i].lost)
            guards[spared.count++] = launcher->runs[i].process.guard;
    double deadline = now() + GUARD_PATIENCE;
    while (eval_process_kill_descendants(getpid(), &spared, NULL) > 0 && now() < deadline) {
        reap();
        eval_process_nap();
    }
    reap();
    free(guards);
}

/* Kill what evaluates. What has nothing to do any more has a moment to end by itself, all of it the
 * same. */
static void say_farewell(struct launcher *launcher)
{
    for (size_t i = 0; i < launcher->run_count; i++)
        if (launcher->runs[i].busy || !eval_run_dismiss(&launcher->runs[i]))
            eval_run_order(&launcher->runs[i], EVAL_GUARD_KILL);
    double deadline = now() + FAREWELL;
    while (reap() && now() < deadline) {
        for (size_t i = 0; i < launcher->run_count; i++)
            eval_run_read(&launcher->runs[i]);
        eval_process_nap();
    }
}

/* End all evaluations, through their guards, and then whatever should be left. */
static void end_everything(struct launcher *launcher)
{
    say_farewell(launcher);
    for (size_t i = 0; i < launcher->run_count; i++)
        eval_run_order(&launcher->runs[i], EVAL_GUARD_KILL);
    double deadline = now() + GUARD_PATIENCE;
    while (reap() && now() < deadline)
        eval_process_nap();
    for (size_t i = 0; i < launcher->run_count; i++)
        eval_run_close(&launcher->runs[i]);
    launcher->run_count = 0;
    kill_orphans(launcher);
}

static void forget_configuration(struct launcher *launcher)
{
    end_everything(launcher);
    free(launcher->runs);
    free(launcher->fds);
    launcher->runs = NULL;
    launcher->fds = NULL;
    eval_plan_free(&launcher->plan);
    dh_space_destroy(&launcher->space);
    dh_settings_free(&launcher->settings);
    dh_config_destroy(&launcher->config);
    launcher->settings = (struct dh_settings){0};
}

static void make_runs(struct launcher *launcher)
{
    launcher->host.plan = launcher->plan;
    launcher->host.ready_once = false;
    launcher->run_count = (size_t)launcher->plan->options->slots;
    launcher->runs = dh_alloc(launcher->run_count, sizeof *launcher->runs);
    launcher->fds = dh_alloc(2 + launcher->run_count * EVAL_RUN_FDS, sizeof *launcher->fds);
    for (size_t i = 0; i < launcher->run_count; i++)
        eval_run_init(&launcher->runs[i], &launcher->host, (int32_t)i);
    const struct eval_options *options = launcher->plan->options;
    launcher->scan_at = options->memory_limit > 0 || options->process_limit > 0 ? 0 : INFINITY;
}

static dh_status load(struct launcher *launcher, const char *name, const char *text,
                      const char *folder, int32_t worker, struct dh_error *err)
{
    dh_status status = dh_config_parse(name, text, &launcher->config, err);
    if (status == DH_OK)
        status = dh_settings_unpack(launcher->config, &launcher->settings, err);
    if (status == DH_OK)
        status = dh_space_create(&launcher->settings, &launcher->space, err);
    if (status == DH_OK)
        status = eval_plan_create(&launcher->settings, launcher->space, folder, worker,
                                  &(struct eval_probe){.launcher = NULL}, &launcher->plan, err);
    return status;
}

static void configure(struct launcher *launcher, const struct eval_frame *frame)
{
    forget_configuration(launcher);
    launcher->host.epoch = frame->epoch;
    struct dh_reader reader = dh_reader_of(frame->data, frame->size);
    char *name = dh_get_text(&reader), *text = dh_get_text(&reader), *folder = dh_get_text(&reader);
    int32_t worker = (int32_t)dh_get_u32(&reader);
    uint32_t threads = dh_get_u32(&reader);
    struct dh_error err = {.status = DH_CONFIG, .text = BROKEN_MESSAGE};
    if (dh_reader_complete(&reader) && load(launcher, name, text, folder, worker, &err) == DH_OK) {
        launcher->plan->threads = eval_threads(launcher->plan, threads);
        make_runs(launcher);
    } else {
        eval_wire_put_fatal(&launcher->host.out, frame->epoch, err.status, err.text);
    }
    free(name);
    free(text);
    free(folder);
}

static void start(struct launcher *launcher, const struct eval_frame *frame)
{
    if (!launcher->plan)
        return;
    struct dh_message message = {.data = frame->data, .size = frame->size};
    struct dh_task task;
    if (!dh_task_unpack(&message, dh_space_count(launcher->space), &task))
        return;
    if (task.slot >= 0 && (size_t)task.slot < launcher->run_count &&
        !launcher->runs[task.slot].busy)
        eval_run_start(&launcher->runs[task.slot], &task, now());
    free(task.values);
}

static void cancel(struct launcher *launcher, const struct eval_frame *frame)
{
    struct dh_message message = {.data = frame->data, .size = frame->size};
    int32_t slot;
    uint64_t trial;
    if (dh_slot_unpack(&message, &slot, &trial) && slot >= 0 && (size_t)slot < launcher->run_count)
        eval_run_cancel(&launcher->runs[slot], trial, now());
}

static void reset(struct launcher *launcher, const struct eval_frame *frame)
{
    (void)frame;
    forget_configuration(launcher);
}

/* What the library has left running ends, too. */
static void try_plugin(struct launcher *launcher, const struct eval_frame *frame)
{
    struct dh_reader reader = dh_reader_of(frame->data, frame->size);
    char *path = dh_get_text(&reader);
    struct dh_error err = {.status = DH_CONFIG, .text = BROKEN_MESSAGE};
    if (dh_reader_complete(&reader) && eval_plugin_try(path, &err) == DH_OK)
        eval_wire_put(&launcher->host.out, frame->epoch, EVAL_WIRE_TRIED, NULL);
    else
        eval_wire_put_fatal(&launcher->host.out, frame->epoch, err.status, err.text);
    kill_orphans(launcher);
    free(path);
}

static void read_rank(struct launcher *launcher)
{
    static void (*const handlers[])(struct launcher *, const struct eval_frame *) = {
        [EVAL_WIRE_CONFIGURE] = configure, [EVAL_WIRE_START] = start,
        [EVAL_WIRE_CANCEL] = cancel,       [EVAL_WIRE_RESET] = reset,
        [EVAL_WIRE_TRY] = try_plugin,
    };
    if (eval_read_some(launcher->fd, &launcher->in, 1 << 16) < 0)
        launcher->stop = true;
    size_t offset = 0;
    struct eval_frame frame;
    while (eval_wire_next(&launcher->in, &offset, &frame))
        if (frame.kind < DH_COUNT_OF(handlers))
            handlers[frame.kind](launcher, &frame);
    dh_buffer_consume(&launcher->in, offset);
}

static void read_signals(struct launcher *launcher)
{
    struct signalfd_siginfo info;
    bool told = false;
    while (read(launcher->signals, &info, sizeof info) == (ssize_t)sizeof info)
        told = told || info.ssi_signo != SIGCHLD;
    if (told && getppid() != launcher->nursery)
        launcher->stop = true;
    if (told) { /* one from elsewhere is for the rank, which may drain */
        launcher->host.signalled_at = now();
        for (size_t i = 0; i < launcher->run_count; i++)
            eval_run_signalled(&launcher->runs[i]);
    }
    reap();
}

/* One scan serves all runs; it is made rarer where there are so many processes that it costs. */
static void check_use(struct launcher *launcher)
{
    double start_time = now();
    bool any = false;
    for (size_t i = 0; i < launcher->run_count; i++)
        any = any || launcher->runs[i].busy;
    if (start_time < launcher->scan_at || !any)
        return;
    double computed = dh_clock_now(&dh_clock_processor);
    eval_process_scan(&launcher->table);
    for (size_t i = 0; i < launcher->run_count; i++)
        eval_run_check_use(&launcher->runs[i], &launcher->table, start_time);
    double cost = dh_clock_now(&dh_clock_processor) - computed;
    bool many = launcher->plan->options->process_limit > 0;
    launcher->scan_at = now() + fmax(many ? PROCESS_INTERVAL : MEMORY_INTERVAL,
                                     (many ? PROCESS_SHARE : MEMORY_SHARE) * cost);
}

/* Milliseconds until something is due; -1: nothing will be. */
static int patience(const struct launcher *launcher)
{
    double next = INFINITY;
    for (size_t i = 0; i < launcher->run_count; i++) {
        next = fmin(next, eval_run_next_time(&launcher->runs[i]));
        if (launcher->runs[i].busy)
            next = fmin(next, launcher->scan_at);
    }
    if (next == INFINITY)
        return -1;
    return (int)ceil(fmin(fmax(0, next - now()), LONGEST_SLEEP) * 1e3);
}

/* All processes of a job that is suspended (scontrol suspend) stand still: their time does not.
 * `slept`, of at most `wanted` milliseconds, tells. */
static void allow_for_pause(struct launcher *launcher, double slept, int wanted)
{
    if (wanted < 0 || slept < PAUSE + wanted / 1e3)
        return;
    for (size_t i = 0; i < launcher->run_count; i++)
        eval_run_postpone(&launcher->runs[i], slept);
}

static void serve_runs(struct launcher *launcher, const struct pollfd *fds)
{
    bool lost = false;
    for (size_t i = 0; i < launcher->run_count; i++) {
        struct eval_run *run = &launcher->runs[i];
        struct pollfd unused[EVAL_RUN_FDS];
        size_t count = eval_run_fds(run, unused);
        bool ready = false;
        for (size_t k = 0; k < count; k++)
            ready = ready || fds[k].revents;
        fds += count;
        if (ready)
            eval_run_service(run);
        eval_run_tick(run, now());
        lost = lost || run->lost;
    }
    if (!lost)
        return;
    kill_orphans(launcher);
    for (size_t i = 0; i < launcher->run_count; i++)
        if (launcher->runs[i].lost)
            eval_run_give_up(&launcher->runs[i]);
}

/* Wait and handle, once. */
static void turn(struct launcher *launcher)
{
    struct pollfd few[2], *fds = launcher->fds ? launcher->fds : few;
    struct dh_buffer *out = &launcher->host.out;
    fds[0] =
        (struct pollfd){.fd = launcher->fd, .events = (short)(POLLIN | (out->size ? POLLOUT : 0))};
    fds[1] = (struct pollfd){.fd = launcher->signals, .events = POLLIN};
    size_t count = 2;
    for (size_t i = 0; i < launcher->run_count; i++)
        count += eval_run_fds(&launcher->runs[i], fds + count);
    double begin = now();
    int sleep = patience(launcher), ready = poll(fds, count, sleep);
    allow_for_pause(launcher, now() - begin, sleep);
    bool rank = ready > 0 && (fds[0].revents & ~POLLOUT), signals = ready > 0 && fds[1].revents;
    if (ready < 0)
        for (size_t i = 0; i < count; i++)
            fds[i].revents = 0;
    serve_runs(launcher, fds + 2);
    check_use(launcher);
    if (signals)
        read_signals(launcher);
    if (rank)
        read_rank(launcher);
    if (!eval_write_some(launcher->fd, out))
        launcher->stop = true;
}

/* Each slot has several files open here. Evaluations get back what they would have had: programs
 * are made for it (select takes no descriptor from 1024 on). */
static void raise_file_limit(struct rlimit *before)
{
    getrlimit(RLIMIT_NOFILE, before);
    struct rlimit raised = {before->rlim_max, before->rlim_max};
    setrlimit(RLIMIT_NOFILE, &raised);
}

/* A session of its own, so that neither a terminal's Ctrl-C nor a launcher's kill of the rank's
 * process group ends it before its work is done. */
static void settle(struct launcher *launcher)
{
    setsid();
    eval_guard_reset_signals();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "dh_launcher");
    eval_process_close_others(&launcher->fd, 1);
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    if (fcntl(STDERR_FILENO, F_GETFD) < 0)
        dup2(nothing, STDERR_FILENO);
    if (nothing > STDERR_FILENO)
        close(nothing);
    raise_file_limit(&launcher->host.files);
    launcher->signals = eval_guard_take_signals();
    fcntl(launcher->fd, F_SETFL, O_NONBLOCK);
    eval_job_scrub_environment();
}

void eval_launcher_run(int fd, pid_t nursery)
{
    struct launcher launcher = {.fd = fd, .nursery = nursery, .host.signalled_at = -INFINITY};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    settle(&launcher);
    launcher.stop = getppid() != nursery;
    while (!launcher.stop)
        turn(&launcher);
    forget_configuration(&launcher);
    _exit(0);
}
