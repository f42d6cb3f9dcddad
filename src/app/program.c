/* The program by its roles: see program.h. The one file of the room that opens MPI, so it belongs
 * to the program and not to the library, which dhctl uses, too. */
#include "program.h"

#include <stdio.h>
#include <unistd.h>

#include "dh_mpi/streams.h"
#include "dh_mpi/walltime.h"

/* The launcher comes first: nothing may be forked once MPI holds a fabric's memory, and it keeps
 * the signals that are blocked before MPI makes threads that would take them. The batch system is
 * asked through a fork, too. */
int dh_program_search(const struct dh_app_options *options, struct dh_log *log)
{
    struct dh_launcher *launcher = NULL;
    struct dh_comm *comm = NULL;
    struct dh_walltime walltime = {0};
    struct dh_error err;
    struct dh_app_end end = {0};
    int signals = -1;
    dh_status status = dh_launcher_start(&launcher, &err);
    if (status == DH_OK)
        signals = dh_app_signals_open();
    dh_walltime_ask(log, &walltime);
    bool first = dh_comm_launched() && dh_walltime_first((const char *const *)environ);
    if (first) /* MPI_Init may never come back */
        dh_app_note_exit(log, -1);
    if (status != DH_OK || (dh_comm_launched() && dh_comm_mpi_open(&comm, &err) != DH_OK)) {
        end.code = dh_app_fail(log, &err);
        if (first)
            dh_app_note_exit(log, end.code);
    } else if (comm && dh_comm_rank(comm) > 0) {
        log->rank = dh_comm_rank(comm);
        end = dh_app_work(comm, launcher, dh_comm_mpi_self(comm), log);
    } else {
        dh_app_note_exit(log, -1);
        if (!comm || dh_comm_size(comm) == 1) {
            end.code = dh_app_alone(options, launcher, signals, &walltime, log);
        } else {
            end = dh_app_manage(options, comm, &launcher, signals, &walltime, log);
        }
        dh_app_note_exit(log, end.code);
    }
    dh_launcher_stop(&launcher);
    return dh_app_leave(&comm, end, log);
}

int dh_program_probe(const struct dh_log *log)
{
    struct dh_buffer text = {0};
    struct dh_error err;
    dh_status status = dh_comm_mpi_probe(&text, &err);
    if (status == DH_OK && text.size)
        fputs(text.data, stdout);
    if (status == DH_OK)
        status = dh_streams_flush(&err);
    dh_buffer_free(&text);
    return status == DH_OK ? 0 : dh_app_fail(log, &err);
}

int dh_program_check(const struct dh_app_options *options, const struct dh_log *log)
{
    struct dh_launcher *launcher = NULL;
    struct dh_comm *comm = NULL;
    struct dh_error err;
    struct dh_app_end end = {0};
    dh_status status = dh_launcher_start(&launcher, &err);
    if (status == DH_OK && dh_comm_launched())
        status = dh_comm_mpi_open(&comm, &err);
    end.code =
        status == DH_OK ? dh_app_check(options, comm, launcher, log) : dh_app_fail(log, &err);
    dh_launcher_stop(&launcher);
    return dh_app_leave(&comm, end, log);
}
