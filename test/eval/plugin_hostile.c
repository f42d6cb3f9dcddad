/* A plugin that does what the trial's id says: mostly harm. */
#include <dh_mpi/plugin.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const uint32_t dh_plugin_version = DH_PLUGIN_VERSION;
int dh_count;

static int good(const dh_job *job, dh_result *result)
{
    const char *act = dh_job_text(job, "act", "none");
    const dh_argument *debug = dh_job_find(job, "debug");
    int known = job->version == DH_PLUGIN_VERSION && job->objective_count == 1 &&
                job->retries == 1 && debug && debug->kind == DH_KIND_BOOL && debug->integer == 1;
    known = known && dh_job_int(job, "act", -7) == -7 && dh_job_int(job, "lr", -7) == 0 &&
            dh_job_int(job, "debug", -7) == 1 && dh_job_int(job, "nothing", -7) == -7;
    printf("DH-OUTPUT: 99\n");
    result->objective[0] = known ? dh_job_real(job, "lr", 0) + (double)dh_job_int(job, "units", 0) +
                                       dh_job_real(job, "momentum", 100) + (act[0] == 'r')
                                 : -1;
    snprintf(result->metadata, sizeof result->metadata, "{\"seed\": %llu, \"count\": %d}",
             (unsigned long long)job->seed, ++dh_count);
    return 0;
}

static int crash(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    volatile int *volatile nowhere = NULL;
    fprintf(stderr, "about to crash\n");
    *nowhere = 1;
    return 0;
}

static int leave(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    exit(4);
}

static int leave_well(const dh_job *job, dh_result *result)
{
    (void)job;
    result->objective[0] = 1;
    exit(0);
}

static int refuse(const dh_job *job, dh_result *result)
{
    (void)job;
    snprintf(result->reason, sizeof result->reason, "F_diverged");
    return 1;
}

static int return_code(const dh_job *job, dh_result *result)
{
    (void)job;
    result->objective[0] = 1;
    return 3;
}

static int no_value(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    return 0;
}

static int hang(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    while (sleep(1) == 0)
        ;
    return 0;
}

static int report(const dh_job *job, dh_result *result)
{
    for (int step = 1; step <= 3; step++)
        if (job->report(job, step, step * 0.5))
            return 1;
    result->objective[0] = 1.5;
    snprintf(result->metadata, sizeof result->metadata, "not json");
    return 0;
}

static int report_much(const dh_job *job, dh_result *result)
{
    for (int step = 0; step < 10003; step++)
        job->report(job, step, 0);
    result->objective[0] = 1;
    return 0;
}

/* Write nonsense into every descriptor there is. */
static int scribble(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    for (int fd = 3; fd < 64; fd++)
        if (write(fd, "\x10\0\0\0\0\0\0\0\x04garbage garbage", 25) < 0)
            continue;
    return 0;
}

static void *read_for_ever(void *stream)
{
    char line[80];
    return fgets(line, sizeof line, stream);
}

/* A thread keeps the lock of a stream: it waits for a line of another program. */
static int keep_reading(const dh_job *job, dh_result *result)
{
    (void)job;
    pthread_t thread;
    FILE *other = popen("sleep 1000", "r");
    if (!other || pthread_create(&thread, NULL, read_for_ever, other) != 0)
        return 1;
    usleep(200000);
    result->objective[0] = 1;
    return 0;
}

/* Answers by itself, with the bytes in the folder's file "answer", and does not end. */
static int answer_and_hang(const dh_job *job, dh_result *result)
{
    char path[256], bytes[4096];
    const char *folder = getenv("DH_FOLDER");
    snprintf(path, sizeof path, "%s/answer", folder ? folder : ".");
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (size == 0 || write(*(const int *)job->reserved, bytes, size) != (ssize_t)size)
        return 1;
    return hang(job, result);
}

static void *count_for_ever(void *none)
{
    for (;;) {
        dh_count++;
        usleep(1000);
    }
    return none;
}

/* Starts a thread that lives as long as the process, in code of this library. */
static int live_on(const dh_job *job, dh_result *result)
{
    (void)job;
    pthread_t thread;
    result->objective[0] = 1;
    return pthread_create(&thread, NULL, count_for_ever, NULL);
}

/* A forked child returns before its parent does. */
static int fork_and_return(const dh_job *job, dh_result *result)
{
    (void)job;
    pid_t child = fork();
    result->objective[0] = child == 0 ? 2 : 1;
    if (child > 0)
        waitpid(child, NULL, 0);
    return child < 0;
}

/* Until it is told to stop, with a last report of that; the steps are about 10 ms. */
static int heed(const dh_job *job, dh_result *result)
{
    int step = 0;
    while (!job->report(job, step, 0) && step < 3000) {
        usleep(10000);
        step++;
    }
    if (!job->report(job, -1, step))
        return 1;
    result->objective[0] = step;
    return 0;
}

static const char *late_deed; /* of the library's destructor */

/* As libraries of C++ and Fortran do with their files; and what may become of that. */
static void __attribute__((destructor)) be_late(void)
{
    char path[256];
    const char *folder = getenv("DH_FOLDER");
    if (!late_deed)
        return;
    snprintf(path, sizeof path, "%s/%s", folder ? folder : ".", late_deed);
    FILE *file = fopen(path, "w");
    if (file) {
        fprintf(file, "%s\n", late_deed);
        fclose(file);
    }
    if (strcmp(late_deed, "crash") == 0)
        abort();
    while (strcmp(late_deed, "hang") == 0)
        sleep(1);
}

static int write_late(const dh_job *job, dh_result *result)
{
    const char *act = dh_job_text(job, "act", "");
    late_deed = act[0] == 'r' ? "write" : act[0] == '-' ? "crash" : "hang";
    result->objective[0] = 3;
    return 0;
}

static int fork_and_exit(const dh_job *job, dh_result *result)
{
    (void)job;
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        exit(7);
    result->objective[0] = waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7;
    return 0;
}

static void *end_everything(void *none)
{
    (void)none;
    exit(0);
}

static int exit_in_thread(const dh_job *job, dh_result *result)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, end_everything, NULL) ? 1 : hang(job, result);
}

int dh_evaluate(const dh_job *job, dh_result *result)
{
    static int (*const deeds[])(const dh_job *, dh_result *) = {
        good,          crash,           leave,   leave_well,  refuse,
        return_code,   no_value,        hang,    report,      scribble,
        keep_reading,  answer_and_hang, live_on, report_much, fork_and_return,
        fork_and_exit, exit_in_thread,  heed,    write_late};
    return deeds[job->id % (sizeof deeds / sizeof *deeds)](job, result);
}
