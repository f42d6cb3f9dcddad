/* The end of a process: see app.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/app.h"

int dh_app_fail(const struct dh_log *log, const struct dh_error *err)
{
    dh_log_error(log, "%s", err->text);
    return dh_status_exit_code(err->status);
}

void dh_app_note_exit(const struct dh_log *log, int code)
{
    const char *path = getenv("DH_EXIT_FILE");
    if (!path || !*path)
        return;
    FILE *file = fopen(path, "we");
    bool written = file && (code < 0 ? fputs("running\n", file) : fprintf(file, "%d\n", code)) >= 0;
    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        dh_log_warn(log, "cannot write %s (DH_EXIT_FILE): %s", path, strerror(errno));
}

int dh_app_leave(struct dh_comm **comm, struct dh_app_end end, const struct dh_log *log)
{
    struct dh_error err;
    if (*comm)
        dh_comm_limit_end(end.code);
    if (*comm && end.alone)
        dh_comm_leave(comm);
    else if (dh_comm_close(comm, &err) == DH_OK)
        return end.code;
    else
        dh_log_error(log, "%s", err.text);
    fflush(NULL);
    _exit(end.code);
}
