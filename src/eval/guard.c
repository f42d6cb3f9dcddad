/* The guard process: see guard.h. It waits for two things: orders (a socket whose end means that
 * the launcher is gone) and signals (a child has ended; SIGTERM when the launcher dies). A SIGTERM
 * from elsewhere, such as a batch system's to all processes, ends nothing by itself. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "passing.h"
#include "process.h"

/* How long the guard tries to kill what does not die (other users' processes, hung disks). */
#define PATIENCE 20.0

/* How long those that clean up after others may take, when all others have been killed:
 * torch_shm_manager waits for 2 s whether somebody comes. */
#define CLEAN_PATIENCE 3.0

/* How long those that pass on the main process's output may take, and how long they are waited for
 * when none of them does anything: they wait for something else. */
#define PASS_PATIENCE 1.0
#define PASS_QUIET 0.2
#define PASS_STEP 10 /* milliseconds between two looks at them */

/* Where memory runs out, the kernel ends what has the highest oom_score_adj and memory together (in
 * thousandths of all that there is): evaluations before ranks and guards, which have more to lose.
 */
#define OOM_SCORE_RAISE 500
#define OOM_SCORE_MOST 1000

/* A scan can miss a process whose parent ends meanwhile: so many have to find none in a row. */
#define QUIET_SCANS 3

struct guard {
    const struct eval_guard_spec *spec;
    int control, signals;
    pid_t launcher, main;
    struct eval_passing pipes;
    bool ended; /* the main process, with `status` */
    int status;
    bool alone; /* no child is left */
    bool told;  /* to end, while the main process lived: what it left has time for that, too */
    bool asked; /* the same by somebody else, who asked all processes of the job */
    bool stop;  /* ordered to end everything */
};

/* What asks all processes of a job to end, or announces its end. */
static const int requests[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};

bool eval_guard_is_request(int number)
{
    for (size_t i = 0; i < DH_COUNT_OF(requests); i++)
        if (number == requests[i])
            return true;
    return false;
}

void eval_guard_reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void tell(int control, const struct dh_buffer *news)
{
    /* If the launcher is gone, nobody needs to know. */
    while (send(control, news->data, news->size, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void eval_guard_refuse(const struct eval_child *child, enum eval_guard_news kind,
                       const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct dh_buffer news = {0};
    dh_put_u8(&news, (uint8_t)kind);
    dh_put_text(&news, text);
    tell(child->control, &news);
    _exit(127);
}

void eval_guard_miss(const struct eval_child *child, const char *key, const char *program)
{
    struct dh_error err;
    dh_node_fail(&err, eval_plan_node(child->job->plan, key), "evaluator: cannot run %s: %s",
                 program, strerror(errno));
    eval_guard_refuse(child, EVAL_GUARD_MISSING, "%s", err.text);
}

/* A process may raise its own, and what it starts inherits it. */
static void raise_oom_score(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "r+e");
    int score;
    if (file && fscanf(file, "%d", &score) == 1) {
        rewind(file);
        score += OOM_SCORE_RAISE;
        fprintf(file, "%d", score < OOM_SCORE_MOST ? score : OOM_SCORE_MOST);
    }
    if (file)
        fclose(file);
}

/* Give the new process its group, streams, folder and environment. */
static void prepare_child(const struct eval_guard_spec *spec, pid_t guard)
{
    const struct eval_child *child = &spec->child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard)
        _exit(126);
    setsid();
    eval_guard_reset_signals();
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(spec->output, STDOUT_FILENO);
    dup2(spec->errors, STDERR_FILENO);
    int keep[] = {child->control, child->requests, child->answers};
    eval_process_close_others(keep, DH_COUNT_OF(keep));
    setrlimit(RLIMIT_NOFILE, &spec->files);
    raise_oom_score();
    if (spec->folder && chdir(spec->folder) != 0)
        eval_guard_refuse(child, EVAL_GUARD_UNABLE, "cannot enter %s: %s", spec->folder,
                          strerror(errno));
    eval_job_slot_variables(child->job->plan, child->job->slot, eval_job_set_variable, NULL);
}

/* Take the status of every child that has ended. */
static void reap(struct guard *guard)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == guard->main) {
            guard->ended = true;
            guard->status = status;
        }
    guard->alone = pid < 0 && errno == ECHILD;
}

/* Kill all descendants but the spared until none is left, or one was found below someone spared.
 * Returns how many such there were. */
static size_t kill_rest(struct guard *guard, const struct eval_spared *spared, double patience)
{
    size_t below = 0;
    double deadline = dh_clock_now(&dh_clock_monotonic) + patience;
    /* in a sweep: a function that starts nothing is the rule */
    int quiet = spared && spared->count ? QUIET_SCANS - 1 : 0;
    while (quiet < QUIET_SCANS) {
        reap(guard);
        if (guard->alone)
            break;
        quiet = eval_process_kill_descendants(getpid(), spared, &below) ? 0 : quiet + 1;
        if (below) /* the spared are not to be spared: a pool may start others for ever */
            break;
        if (quiet == QUIET_SCANS || dh_clock_now(&dh_clock_monotonic) > deadline)
            break;
        eval_process_nap();
    }
    reap(guard);
    return below;
}

/* Kill all descendants but those that clean up after others; these too, if that does not end. */
static void kill_all(struct guard *guard)
{
    const struct eval_spared cleaners = {.cleaners = true};
    double deadline = dh_clock_now(&dh_clock_monotonic) + CLEAN_PATIENCE;
    kill_rest(guard, &cleaners, CLEAN_PATIENCE);
    if (dh_clock_now(&dh_clock_monotonic) >= deadline)
        kill_rest(guard, NULL, PATIENCE);
}

/* Wait for those, which end by themselves when the others are gone. */
static void let_clean_up(struct guard *guard)
{
    double deadline = dh_clock_now(&dh_clock_monotonic) + CLEAN_PATIENCE;
    while (!guard->alone && dh_clock_now(&dh_clock_monotonic) < deadline) {
        eval_process_nap();
        reap(guard);
    }
    kill_rest(guard, NULL, PATIENCE);
}

/* A child has ended; or the launcher; or somebody asks all processes of the job to end. */
static void read_signals(struct guard *guard)
{
    struct signalfd_siginfo info;
    bool asked = false;
    while (read(guard->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        asked = asked || info.ssi_signo != SIGCHLD;
        if (info.ssi_signo == SIGTERM) {
            guard->asked = true;
            guard->stop = guard->stop || getppid() != guard->launcher;
        }
    }
    const uint8_t kind = EVAL_GUARD_ASKED;
    if (asked)
        tell(guard->control, &(struct dh_buffer){.data = (void *)&kind, .size = 1});
}

/* `order` goes on with the pids that are spared beside the main process. */
static void sweep(struct guard *guard, struct dh_reader order)
{
    pid_t pids[1 + EVAL_GUARD_KEPT] = {guard->main};
    struct eval_spared spared = {.pids = pids, .count = 1, .cleaners = true};
    while (order.next < order.end && spared.count < DH_COUNT_OF(pids))
        pids[spared.count++] = (pid_t)dh_get_u32(&order);
    size_t broken = kill_rest(guard, &spared, PATIENCE);
    read_signals(guard); /* what the evaluation failed of may have come here after it */
    reap(guard);         /* and so may a child's end, of which no other signal tells */
    struct dh_buffer news = {0};
    dh_put_u8(&news, EVAL_GUARD_SWEPT);
    dh_put_u8(&news, broken > 0);
    tell(guard->control, &news);
    dh_buffer_free(&news);
}

static void obey(struct guard *guard)
{
    char message[1 + EVAL_GUARD_KEPT * sizeof(uint32_t)];
    ssize_t size;
    while (!guard->stop &&
           (size = recv(guard->control, message, sizeof message, MSG_DONTWAIT)) >= 0) {
        struct dh_reader reader = dh_reader_of(message, (size_t)size);
        enum eval_guard_order order =
            size ? (enum eval_guard_order)dh_get_u8(&reader) : EVAL_GUARD_KILL;
        if (order == EVAL_GUARD_KILL)
            guard->stop = true;
        else if (order == EVAL_GUARD_SWEEP)
            sweep(guard, reader);
        else if (order == EVAL_GUARD_TERM && !guard->ended)
            guard->told = kill(-guard->main, SIGTERM) == 0;
    }
    if (!guard->stop && errno != EAGAIN && errno != EINTR)
        guard->stop = true;
}

/* Has the evaluation ended? By itself, with its main process. One that was told to end may have
 * others still at it, behind a shell that died of SIGTERM at once: until none is left. */
static bool is_over(const struct guard *guard)
{
    bool told = guard->told || (guard->asked && WIFSIGNALED(guard->status));
    return guard->ended && (!told || guard->alone);
}

/* What comes within so many milliseconds (-1: until something does). False: it cannot be heard. */
static bool hear(struct guard *guard, int timeout)
{
    struct pollfd fds[] = {{.fd = guard->control, .events = POLLIN},
                           {.fd = guard->signals, .events = POLLIN}};
    if (poll(fds, DH_COUNT_OF(fds), timeout) < 0 && errno != EINTR)
        return false;
    read_signals(guard);
    reap(guard);
    obey(guard);
    return true;
}

/* Until the evaluation is over or has to be. */
static void watch(struct guard *guard)
{
    while (!guard->stop && !is_over(guard) && hear(guard, -1))
        continue;
}

/* The main process has ended: what it wrote is to arrive, through whomever it goes. */
static void let_pass(struct guard *guard)
{
    double now = dh_clock_now(&dh_clock_monotonic), deadline = now + PASS_PATIENCE, active = now;
    while (!guard->stop && !guard->alone && now < deadline && now < active + PASS_QUIET) {
        enum eval_passing_state state = eval_passing_look(&guard->pipes, getpid());
        if (state == EVAL_PASSING_NONE || !hear(guard, PASS_STEP))
            break;
        now = dh_clock_now(&dh_clock_monotonic);
        active = state == EVAL_PASSING_BUSY ? now : active;
    }
}

/* Microseconds and kilobytes of everything that was reaped, into the last message. */
static void report(const struct guard *guard)
{
    struct rusage use;
    getrusage(RUSAGE_CHILDREN, &use);
    struct dh_buffer news = {0};
    dh_put_u8(&news, EVAL_GUARD_ENDED);
    dh_put_u32(&news, (uint32_t)guard->status);
    dh_put_f64(&news, (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                          1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec));
    dh_put_u64(&news, (uint64_t)use.ru_maxrss * 1024);
    tell(guard->control, &news);
    dh_buffer_free(&news);
}

int eval_guard_take_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGXFSZ};
    for (size_t i = 0; i < DH_COUNT_OF(ignored); i++)
        signal(ignored[i], SIG_IGN);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    for (size_t i = 0; i < DH_COUNT_OF(requests); i++)
        sigaddset(&wanted, requests[i]);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

void eval_guard_run(const struct eval_guard_spec *spec, pid_t launcher)
{
    struct guard guard = {
        .spec = spec, .control = spec->child.control, .launcher = launcher, .status = SIGKILL};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != launcher)
        _exit(126);
    guard.signals = eval_guard_take_signals();
    struct dh_error err;
    if (eval_job_make_temporary(spec->child.job, &err) != DH_OK)
        eval_guard_refuse(&spec->child, EVAL_GUARD_UNABLE, "%s", err.text);
    guard.pipes = eval_passing_into(spec->output, spec->errors);
    pid_t self = getpid();
    guard.main = fork();
    if (guard.main == 0) {
        prepare_child(spec, self);
        spec->main(&spec->child);
        _exit(126);
    }
    if (guard.main < 0)
        eval_guard_refuse(&spec->child, EVAL_GUARD_UNABLE, "cannot start a process: %s",
                          strerror(errno));
    int keep[] = {guard.control, guard.signals};
    eval_process_close_others(keep, DH_COUNT_OF(keep));
    watch(&guard);
    let_pass(&guard);
    kill_all(&guard);
    eval_job_remove_temporary(spec->child.job);
    read_signals(&guard);
    report(&guard);
    let_clean_up(&guard);
    _exit(0);
}
