/* The end of a process: see app.h. */
#include <stdio.h>
#include <unistd.h>

#include "dh_mpi/app.h"

int dh_app_fail(const struct dh_log *log, const struct dh_error *err)
{
    dh_log_error(log, "%s", err->text);
    return dh_status_exit_code(err->status);
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
