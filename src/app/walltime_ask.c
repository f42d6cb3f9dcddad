/* When the job ends: asking the machine and the batch system. See walltime.h. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/text.h"
#include "dh_mpi/walltime.h"

#define ANSWER_WITHIN 10.0 /* seconds for squeue */
#define LONGEST_ANSWER 256
#define MOST_ANCESTORS 64

/* ---- a program's answer ---- */

static void become(int out, char *const *words)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR);
    if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(null, STDERR_FILENO) >= 0)
        execvp(words[0], words);
    _exit(127);
}

/* Read until the end, LONGEST_ANSWER or `until`; false if it did not end in time. */
static bool read_answer(int fd, double until, struct dh_buffer *out)
{
    for (;;) {
        double left = until - dh_clock_now(&dh_clock_monotonic);
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&poller, 1, (int)(left * 1e3) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        char piece[LONGEST_ANSWER];
        ssize_t size = read(fd, piece, sizeof piece);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0 || out->size > LONGEST_ANSWER)
            return size == 0;
        dh_buffer_append(out, piece, (size_t)size);
    }
}

/* What the program says on its stdout, without the newline; NULL if it cannot be run, fails, or
 * takes too long (then it is killed). The caller frees it. */
static char *run_program(char *const *words)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pid_t child = fork();
    if (child == 0)
        become(ends[1], words);
    close(ends[1]);
    struct dh_buffer answer = {0};
    double until = dh_clock_now(&dh_clock_monotonic) + ANSWER_WITHIN;
    bool ended = child > 0 && read_answer(ends[0], until, &answer);
    close(ends[0]);
    int status = -1;
    if (child > 0) {
        if (!ended)
            kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    char *text = dh_buffer_take(&answer);
    text[strcspn(text, "\n")] = '\0';
    if (ended && status == 0)
        return text;
    free(text);
    return NULL;
}

/* A duration as squeue writes it; NaN for "UNLIMITED", "NOT_SET", "INVALID". */
static double duration(const char *text)
{
    double seconds;
    return text && dh_text_duration(text, &seconds) ? seconds : (double)NAN;
}

static void ask_slurm(const struct dh_log *log, struct dh_walltime_facts *facts)
{
    char *const words[] = {"squeue", "--noheader",           "--format=%L %M",
                           "--jobs", getenv("SLURM_JOB_ID"), NULL};
    char *answer = run_program(words);
    if (answer) {
        char *rest = NULL;
        facts->slurm_left = duration(strtok_r(answer, " ", &rest));
        facts->slurm_used = duration(strtok_r(NULL, " ", &rest));
    } else {
        dh_log_warn(log,
                    "squeue does not say when job %s ends: without search.max_time it may end in "
                    "the middle of evaluations",
                    words[4]);
    }
    free(answer);
}

/* ---- the job script of PBS ---- */

/* Content of a file of /proc; "" if it cannot be read. Takes `path`; the caller frees the text. */
static char *read_proc(char *path, size_t *size)
{
    struct dh_buffer content = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        char piece[4096];
        got = read(fd, piece, sizeof piece);
        if (got > 0)
            dh_buffer_append(&content, piece, (size_t)got);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    *size = content.size;
    return dh_buffer_take(&content);
}

/* Parent of a process and its start in clock ticks after the machine's; false if it is gone. */
static bool read_stat(pid_t pid, pid_t *parent, double *ticks)
{
    size_t size;
    unsigned long long start;
    int found = 0;
    char *text = read_proc(dh_strprintf("/proc/%d/stat", (int)pid), &size);
    const char *after_name = strrchr(text, ')');
    if (after_name)
        found = sscanf(after_name + 1,
                       " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                       "%*d %llu",
                       parent, &start);
    *ticks = found == 2 ? (double)start : 0;
    free(text);
    return found == 2;
}

static bool carries(pid_t pid, const char *variable)
{
    size_t size;
    char *text = read_proc(dh_strprintf("/proc/%d/environ", (int)pid), &size);
    bool found = false;
    for (size_t at = 0; at < size && !found; at += strlen(text + at) + 1)
        found = strcmp(text + at, variable) == 0;
    free(text);
    return found;
}

/* Seconds since 1970 at which the machine started; NaN if it does not say. */
static double boot_time(void)
{
    size_t size;
    double up = NAN;
    char *text = read_proc(dh_strdup("/proc/uptime"), &size);
    text[strcspn(text, " ")] = '\0';
    bool known = dh_text_number(text, &up);
    free(text);
    return known ? dh_wall_time() - up : (double)NAN;
}

static double job_script_start(void)
{
    char *variable = dh_strprintf("PBS_JOBID=%s", getenv("PBS_JOBID"));
    double start = NAN, ticks;
    pid_t pid = getpid(), parent;
    for (int i = 0; i < MOST_ANCESTORS && pid > 1; i++, pid = parent) {
        if (!read_stat(pid, &parent, &ticks))
            break;
        if (pid == getpid() || carries(pid, variable)) /* those between need not be readable */
            start = ticks;
    }
    free(variable);
    return boot_time() + start / (double)sysconf(_SC_CLK_TCK);
}

void dh_walltime_ask(const struct dh_log *log, struct dh_walltime *out)
{
    const char *const *environment = (const char *const *)environ;
    struct dh_walltime_facts facts = {
        .now = dh_wall_time(), .pbs_start = NAN, .slurm_left = NAN, .slurm_used = NAN};
    *out = (struct dh_walltime){0};
    if (!dh_walltime_first(environment))
        return;
    if (getenv("PBS_JOBID"))
        facts.pbs_start = job_script_start();
    if (dh_walltime_must_ask(environment, facts.now))
        ask_slurm(log, &facts);
    dh_walltime_find(environment, &facts, out);
}
