/* The end of a process: see app.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/app.h"
#include "dh_mpi/file.h"
#include "dh_mpi/store.h"

/* Bytes of all that is written into the exit file, so that each is written over the one before,
 * which a full disk has room for. */
#define EXIT_WORD 8

/* Seconds that a rank waits for rank 0 to end it; it closes the search meanwhile, for which it may
 * have to wait for the fit of a model. */
#define ABORT_PATIENCE 100

int dh_app_fail(const struct dh_log *log, const struct dh_error *err)
{
    dh_log_error(log, "%s", err->text);
    return dh_status_exit_code(err->status);
}

/* All of `word` over what is there; false with errno. */
static bool overwrite(const char *path, const char *word, size_t size)
{
    struct stat info;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    int cause = dh_file_write(fd, word, size, NULL);
    if (!cause && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && ftruncate(fd, (off_t)size) != 0)
        cause = errno;
    if (close(fd) != 0 && !cause)
        cause = errno;
    errno = cause;
    return !cause;
}

/* Newlines fill up what is shorter: `$(cat …)` and `read` in scripts see none of them. */
void dh_app_note_exit(const struct dh_log *log, int code)
{
    char word[EXIT_WORD + 1] = "running\n";
    const char *path = getenv("DH_EXIT_FILE");
    if (!path || !*path)
        return;
    if (code >= 0) {
        int length = snprintf(word, sizeof word, "%d", code & 0xff);
        memset(word + length, '\n', EXIT_WORD - (size_t)length);
    }
    struct dh_error err;
    if (dh_store_spare(path, NULL, &err) != DH_OK)
        dh_log_warn(log, "DH_EXIT_FILE: %s", err.text);
    else if (!overwrite(path, word, EXIT_WORD))
        dh_log_warn(log, "cannot write %s (DH_EXIT_FILE): %s", path, strerror(errno));
}

/* Without MPI_Finalize. Where the launcher takes that for a crash that ends the job, rank 0 ends it
 * before, with what the search returns and with those ranks that do not come; the others let it.
 * A rank with an error of its own does not wait. */
static void leave_alone(struct dh_comm **comm, struct dh_app_end end)
{
    bool recovers = dh_comm_recovers();
    fflush(NULL);
    if (end.conducts && !recovers) {
        dh_comm_abort(comm, end.code);
        return;
    }
    dh_comm_leave(comm);
    if (end.code == 0 && !recovers)
        sleep(ABORT_PATIENCE);
}

int dh_app_leave(struct dh_comm **comm, struct dh_app_end end, const struct dh_log *log)
{
    struct dh_error err;
    if (!*comm)
        return end.code;
    dh_comm_limit_end(end.code);
    if (!end.alone && dh_comm_close(comm, &err) == DH_OK)
        return end.code;
    if (!end.alone)
        dh_log_error(log, "%s", err.text);
    if (end.conducts && dh_comm_recovers())
        dh_log_warn(log,
                    "the search is over (exit code %d); should mpiexec not end by itself, as Open "
                    "MPI's often does not when a rank was lost, end it by SIGTERM",
                    end.code);
    leave_alone(comm, end);
    fflush(NULL);
    _exit(end.code);
}
