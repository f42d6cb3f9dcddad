/* dhctl doctor on the machine: file system, cores, GPUs, walltime. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/cores.h"
#include "dh_mpi/gpus.h"
#include "dh_mpi/path.h"
#include "dh_mpi/text.h"
#include "dh_mpi/walltime.h"
#include "doctor.h"

/* ---- file system ---- */

#define SYNCS 15
#define SLOW_SYNC 0.1       /* seconds */
#define LITTLE_SPACE 0x1p30 /* bytes */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median seconds of writing a record and syncing it; NaN if it cannot be done. */
static double sync_time(int fd)
{
    char record[256] = "dh_mpi doctor";
    double times[SYNCS];
    for (int i = 0; i < SYNCS; i++) {
        double start = dh_clock_now(&dh_clock_monotonic);
        if (write(fd, record, sizeof record) != (ssize_t)sizeof record || fdatasync(fd) != 0)
            return NAN;
        times[i] = dh_clock_now(&dh_clock_monotonic) - start;
    }
    qsort(times, SYNCS, sizeof *times, by_value);
    return times[SYNCS / 2];
}

static void look_at_sync(struct doctor *doctor, const char *folder, int fd)
{
    double seconds = sync_time(fd);
    if (isnan(seconds))
        doctor_find(doctor, VERDICT_BAD, dh_strdup("make room, or put checkpoint.file elsewhere"),
                    "%s: writing and syncing fails: %s", folder, strerror(errno));
    else
        doctor_find(doctor, seconds < SLOW_SYNC ? VERDICT_GOOD : VERDICT_NOTE,
                    seconds < SLOW_SYNC ? NULL
                                        : dh_strdup("raise checkpoint.sync: the journal is synced "
                                                    "in groups, off the search's path"),
                    "%s: a sync takes %.2f ms", folder, 1e3 * seconds);
}

static void look_at_lock(struct doctor *doctor, const char *folder, int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        doctor_find(doctor, VERDICT_GOOD, NULL, "%s: file locks work", folder);
    else
        doctor_find(doctor, VERDICT_BAD,
                    dh_strdup("mount it with locks (Lustre: -o flock), or put checkpoint.file "
                              "elsewhere"),
                    "%s: file locks do not work: %s", folder, strerror(errno));
}

static void look_at_rename(struct doctor *doctor, const char *folder, const char *path)
{
    char *other = dh_strprintf("%s.renamed", path);
    char *second = dh_strprintf("%s.linked", path);
    bool linked = link(path, second) == 0;
    if (rename(path, other) != 0)
        doctor_find(doctor, VERDICT_BAD, dh_strdup("put checkpoint.file elsewhere"),
                    "%s: files cannot be renamed: %s", folder, strerror(errno));
    else
        doctor_find(doctor, VERDICT_GOOD, NULL, "%s: rename works%s", folder,
                    linked ? ", so do links" : "; links do not (a copy serves instead)");
    unlink(second);
    unlink(other);
    free(second);
    free(other);
}

static void look_at_space(struct doctor *doctor, const char *folder)
{
    struct statvfs info;
    if (statvfs(folder, &info) != 0)
        return;
    double bytes = (double)info.f_bavail * (double)info.f_frsize;
    bool enough = bytes > LITTLE_SPACE;
    doctor_find(doctor, enough ? VERDICT_GOOD : VERDICT_NOTE,
                enough ? NULL : dh_strdup("a search of a million trials needs about 1 GiB"),
                "%s: %.1f GiB free", folder, bytes / 0x1p30);
}

/* Commands without run folders get their parameters in a file there. */
static void look_at_temporary_files(struct doctor *doctor)
{
    const char *variable = getenv("TMPDIR"), *folder = variable && *variable ? variable : "/tmp";
    const struct dh_node *evaluator = doctor->setup ? doctor->setup->settings.evaluator : NULL;
    const struct dh_node *type = evaluator ? dh_node_child(evaluator, "type") : NULL;
    bool needed = type && type->kind == DH_NODE_TEXT && strcmp(type->text, "command") == 0 &&
                  !dh_node_child(evaluator, "runs");
    char *path = dh_strprintf("%s/dh_mpi-doctor-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd >= 0) {
        doctor_find(doctor, VERDICT_GOOD, NULL, "%s: takes temporary files", folder);
        unlink(path);
        close(fd);
    } else {
        doctor_find(doctor, needed ? VERDICT_BAD : VERDICT_NOTE,
                    dh_strdup("set TMPDIR to a folder you can write in"),
                    "%s%s: temporary files cannot be made: %s", folder,
                    folder == variable ? " (TMPDIR)" : "", strerror(errno));
    }
    free(path);
}

static void look_at_proc(struct doctor *doctor)
{
    if (dh_eval_sees_processes())
        doctor_find(doctor, VERDICT_GOOD, NULL, "/proc shows processes");
    else
        doctor_find(doctor, VERDICT_BAD, dh_strdup("mount /proc, in a container, too"),
                    "/proc is not there, or that of another PID namespace: what evaluations leave "
                    "running is not ended with them, and limits of memory and processes do not "
                    "hold");
}

void doctor_file_system(struct doctor *doctor)
{
    look_at_temporary_files(doctor);
    look_at_proc(doctor);
    char *folder = dh_path_folder(doctor->setup ? doctor->setup->settings.checkpoint.file : "");
    char *path = dh_strprintf("%s/.dhctl-doctor-%d", folder, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        doctor_find(doctor, VERDICT_BAD, dh_strdup("choose a folder you can write in"),
                    "%s: files cannot be created: %s", folder, strerror(errno));
    } else {
        look_at_lock(doctor, folder, fd);
        look_at_sync(doctor, folder, fd);
        look_at_rename(doctor, folder, path);
        look_at_space(doctor, folder);
        close(fd);
        unlink(path);
    }
    free(path);
    free(folder);
}

/* ---- cores and GPUs ---- */

void doctor_cores(struct doctor *doctor)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int usable = dh_cores_usable();
    if (usable == 0) {
        doctor_find(doctor, VERDICT_NOTE, NULL, "the affinity mask cannot be read: %s",
                    strerror(errno));
        return;
    }
    if (usable == 1 && online > 1)
        doctor_find(doctor, VERDICT_NOTE,
                    dh_strdup("give the rank more: mpiexec --bind-to none, or --map-by slot:PE=n; "
                              "I_MPI_PIN=off for Intel MPI; srun --cpus-per-task=n"),
                    "pinned to one core of %ld: model threads would share it with the manager",
                    online);
    else
        doctor_find(doctor, VERDICT_GOOD, NULL, "%d of %ld cores usable", usable, online);
}

void doctor_gpus(struct doctor *doctor)
{
    char devices[256];
    bool named = false;
    for (const char *const *variable = dh_gpu_variables; *variable; variable++)
        if (getenv(*variable)) {
            named = true;
            doctor_find(doctor, VERDICT_GOOD, NULL, "%s=%s", *variable, getenv(*variable));
        }
    dh_gpus_find("", devices, sizeof devices);
    if (!named && !*devices) {
        doctor_find(doctor, VERDICT_GOOD, NULL, "none visible");
        return;
    }
    const struct dh_node *evaluator = doctor->setup ? doctor->setup->settings.evaluator : NULL;
    if (evaluator && !dh_node_child(evaluator, "resources"))
        doctor_find(doctor, VERDICT_NOTE,
                    dh_strdup("evaluator.resources = { CUDA_VISIBLE_DEVICES = [\"0\", \"1\"]; } "
                              "hands one entry to each slot"),
                    "GPUs are visible, but slots are not given one each");
}

/* ---- walltime ---- */

void doctor_walltime(struct doctor *doctor)
{
    struct dh_walltime walltime = {0};
    dh_walltime_ask(NULL, &walltime);
    double limit = doctor->setup ? doctor->setup->settings.search.max_time : 0;
    struct dh_buffer text = {0};
    if (walltime.source) {
        dh_buffer_printf(&text, "the job ends in ");
        dh_text_put_duration(&text, walltime.end - dh_wall_time());
        dh_buffer_printf(&text, " (%s)", walltime.source);
    } else if (limit > 0) {
        dh_buffer_text(&text, "no batch job here; search.max_time = ");
        dh_text_put_duration(&text, limit);
    }
    if (text.size)
        doctor_find(doctor, VERDICT_GOOD, NULL, "%s", text.data);
    else
        doctor_find(doctor, VERDICT_NOTE, dh_strdup("set search.max_time where a job has an end"),
                    "no batch job (Slurm, PBS) is known here, and no search.max_time is set");
    dh_buffer_free(&text);
}
