/* dh_mpi: arguments, role, exit code. */
#include <stdio.h>
#include <unistd.h>

#include "dh_mpi/app.h"

/* Together with the other ranks where that is possible; otherwise MPI_Finalize would wait for those
 * that are lost, so the process ends without it. */
static int leave(struct dh_comm **comm, struct dh_app_end end, const struct dh_log *log)
{
    struct dh_error err;
    if (*comm)
        dh_comm_mpi_limit_end(end.code);
    if (*comm && end.alone)
        dh_comm_leave(comm);
    else if (dh_comm_close(comm, &err) == DH_OK)
        return end.code;
    else
        dh_log_error(log, "%s", err.text);
    fflush(NULL);
    _exit(end.code);
}

/* The launcher comes first: nothing may be forked once MPI holds a fabric's memory, and it keeps
 * the signals that are blocked before MPI makes threads that would take them. The batch system is
 * asked through a fork, too. */
static int run_search(const struct dh_app_options *options, struct dh_log *log)
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
    if (status != DH_OK || (dh_comm_launched() && dh_comm_mpi_open(&comm, &err) != DH_OK)) {
        dh_log_error(log, "%s", err.text);
        end.code = dh_status_exit_code(err.status);
    } else if (!comm || dh_comm_size(comm) == 1) {
        end.code = dh_app_alone(options, launcher, signals, &walltime, log);
    } else if (dh_comm_rank(comm) > 0) {
        log->rank = dh_comm_rank(comm);
        end = dh_app_work(comm, launcher, dh_comm_mpi_self(comm), log);
    } else {
        dh_launcher_stop(&launcher); /* the manager evaluates nothing */
        end = dh_app_manage(options, comm, signals, &walltime, log);
    }
    dh_launcher_stop(&launcher);
    return leave(&comm, end, log);
}

static int probe_mpi(const struct dh_log *log)
{
    struct dh_buffer text = {0};
    struct dh_error err;
    dh_status status = dh_comm_mpi_probe(&text, &err);
    if (status != DH_OK)
        dh_log_error(log, "%s", err.text);
    else if (text.size)
        fputs(text.data, stdout);
    dh_buffer_free(&text);
    return dh_status_exit_code(status);
}

static int check(const struct dh_app_options *options, const struct dh_log *log)
{
    struct dh_comm *comm = NULL;
    struct dh_error err;
    if (dh_comm_launched() && dh_comm_mpi_open(&comm, &err) != DH_OK) {
        dh_log_error(log, "%s", err.text);
        return dh_status_exit_code(err.status);
    }
    return leave(&comm, (struct dh_app_end){.code = dh_app_check(options, comm, log)}, log);
}

int main(int argc, char **argv)
{
    struct dh_app_options options;
    struct dh_log log = {.stream = stderr, .level = DH_LOG_INFO, .rank = -1};
    struct dh_error err;
    int code = 0;
    if (dh_app_options_parse(argc, argv, &options, &err) != DH_OK) {
        dh_log_error(&log, "%s", err.text);
        code = dh_status_exit_code(err.status);
    } else if (options.help) {
        dh_app_print_help(stdout);
    } else if (options.version) {
        puts("dh_mpi " DH_VERSION);
    } else if (options.probe) {
        code = probe_mpi(&log);
    } else {
        log.level = options.level;
        code = options.check ? check(&options, &log) : run_search(&options, &log);
    }
    dh_app_options_free(&options);
    return code;
}
