/* dhctl doctor on programs: MPI by a short mpiexec, the evaluator by loading it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/text.h"
#include "doctor.h"

extern char **environ;

#define MPI_SECONDS 60.0
#define MOST_OUTPUT 65536

/* Read until the end of the pipe or `deadline`; false if that came first. */
static bool read_all(int fd, double deadline, struct dh_buffer *out)
{
    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        double left = deadline - dh_clock_now(&dh_clock_monotonic);
        if (left <= 0 || poll(&readable, 1, (int)(1e3 * left) + 1) <= 0)
            return false;
        char bytes[4096];
        ssize_t count = read(fd, bytes, sizeof bytes);
        if (count <= 0)
            return true;
        if (out->size < MOST_OUTPUT)
            dh_buffer_append(out, bytes, (size_t)count);
    }
}

/* Run a program (no shell; found in PATH) for at most `seconds`; its output, both streams, is
 * appended to `out`. Returns its exit code, 127 if it cannot be started, -1 if it took too long or
 * was killed. */
static int run_program(const char *const *arguments, double seconds, struct dh_buffer *out)
{
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 127;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* to end it whole */
    int failed = posix_spawnp(&pid, arguments[0], &actions, &attributes,
                              (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    int status = 0;
    bool in_time = !failed && read_all(ends[0], dh_clock_now(&dh_clock_monotonic) + seconds, out);
    close(ends[0]);
    if (failed)
        return 127;
    if (!in_time)
        kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- MPI ---- */

/* dh_mpi beside this program (installed, or in a build tree), or in PATH. */
static char *find_dh_mpi(void)
{
    static const char *const places[] = {"dh_mpi", "../app/dh_mpi"};
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    while (length > 0 && self[length - 1] != '/')
        length--;
    for (size_t i = 0; length > 0 && i < DH_COUNT_OF(places); i++) {
        char *path = dh_strprintf("%.*s%s", (int)length, self, places[i]);
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return dh_strdup("dh_mpi");
}

/* The text behind "name " at the start of a line of `text`; the caller frees it, or NULL. */
static char *line_of(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return dh_strndup(line + length + 1, strcspn(line + length + 1, "\n"));
    }
    return NULL;
}

static void read_probe(struct doctor *doctor, const char *output)
{
    char *library = line_of(output, "library"), *ranks = line_of(output, "ranks");
    char *threads = line_of(output, "threads"), *windows = line_of(output, "windows");
    bool two = ranks && strcmp(ranks, "2") == 0;
    doctor_find(doctor, two ? VERDICT_GOOD : VERDICT_BAD,
                two ? NULL : dh_strdup("use the mpiexec of the MPI that dh_mpi was built with"),
                "%s; mpiexec -n 2 gave %s ranks", library ? library : "?", ranks ? ranks : "?");
    bool funneled = threads && strcmp(threads, "single") != 0;
    doctor_find(doctor, funneled ? VERDICT_GOOD : VERDICT_BAD,
                funneled ? NULL : dh_strdup("dh_mpi needs MPI_THREAD_FUNNELED: another MPI build"),
                "threads: %s", threads ? threads : "?");
    bool work = windows && strcmp(windows, "work") == 0;
    doctor_find(doctor, work ? VERDICT_GOOD : VERDICT_NOTE,
                work ? NULL : dh_strdup("Open MPI 4.1 over TCP: mpiexec --mca osc ^ucx"),
                "one-sided windows: %s", windows ? windows : "?");
    free(library);
    free(ranks);
    free(threads);
    free(windows);
}

void doctor_mpi(struct doctor *doctor)
{
    char *program = find_dh_mpi();
    if (!doctor->run_mpi) {
        doctor_find(doctor, VERDICT_NOTE, dh_strdup("dhctl doctor --mpi"),
                    "not looked at: that needs a short mpiexec -n 2 %s --probe-mpi", program);
        free(program);
        return;
    }
    struct dh_buffer output = {0};
    const char *arguments[] = {"mpiexec", "-n", "2", program, "--probe-mpi", NULL};
    int code = run_program(arguments, MPI_SECONDS, &output);
    if (code == 0)
        read_probe(doctor, output.data ? output.data : "");
    else
        doctor_find(doctor, VERDICT_BAD,
                    dh_strdup(code == 127 ? "load the MPI module, or put mpiexec in PATH"
                                          : "run that command by hand and read what it says"),
                    "mpiexec -n 2 %s --probe-mpi %s: %.300s", program,
                    code == 127  ? "cannot be started"
                    : code == -1 ? "did not end"
                                 : "failed",
                    output.data ? output.data : "");
    dh_buffer_free(&output);
    free(program);
}

/* ---- the evaluator ---- */

static const char *text_of(const struct dh_node *group, const char *name, const char *fallback)
{
    const struct dh_node *node = dh_node_child(group, name);
    return node && node->kind == DH_NODE_TEXT ? node->text : fallback;
}

/* Start Python and import the function as a search does. Of a traceback, the first line says what
 * it is; what a process wrote to stderr ends with what matters. */
static void look_at_python(struct doctor *doctor)
{
    const struct dh_node *evaluator = doctor->setup->settings.evaluator;
    const char *python = text_of(evaluator, "python", "python3");
    const char *function = text_of(evaluator, "function", "");
    struct dh_error err;
    dh_status status = dh_eval_rehearse(&doctor->setup->settings, doctor->setup->space, &err);
    if (status == DH_OK) {
        doctor_find(doctor, VERDICT_GOOD, NULL, "%s imports %s", python, function);
        return;
    }
    const char *last = status == DH_UNABLE ? strrchr(err.text, '\n') : NULL;
    const char *advice = status == DH_CONFIG
                             ? "evaluator.python names the interpreter that has its modules; "
                               "modules are found beside the configuration and on PYTHONPATH"
                             : "as the message says";
    doctor_find(doctor, VERDICT_BAD, dh_strdup(advice), "%.*s%s%s", (int)strcspn(err.text, "\n"),
                err.text, last ? ": " : "", last ? last + 1 : "");
}

void doctor_evaluator(struct doctor *doctor)
{
    struct dh_eval_plan plan;
    struct dh_error err;
    if (!doctor->setup) {
        doctor_find(doctor, VERDICT_NOTE, dh_strdup("dhctl doctor CONFIG.cfg"),
                    "not looked at: no configuration was given");
        return;
    }
    if (dh_eval_check(&doctor->setup->settings, doctor->setup->space, NULL, &plan, &err) != DH_OK) {
        doctor_find(doctor, VERDICT_BAD, dh_strdup("as the message says"), "%s", err.text);
        return;
    }
    doctor_find(doctor, VERDICT_GOOD, NULL, "%s, %d slot%s a worker: can be run", plan.type,
                plan.slots, plan.slots == 1 ? "" : "s");
    if (strcmp(plan.type, "python") == 0)
        look_at_python(doctor);
}
