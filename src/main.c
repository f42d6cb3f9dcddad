/* dh_mpi: arguments, role, exit code. */
#include <stdio.h>
#include <unistd.h>

#include "dh_mpi/app.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/surroundings.h"
#include "dh_mpi/walltime.h"

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

static int tell(const struct dh_app_options *options, const struct dh_log *log)
{
    struct dh_error err;
    dh_app_print_about(options, stdout);
    return dh_streams_flush(&err) == DH_OK ? 0 : dh_app_fail(log, &err);
}

static int probe_mpi(const struct dh_log *log)
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

static int check(const struct dh_app_options *options, const struct dh_log *log)
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

int main(int argc, char **argv)
{
    struct dh_app_options options;
    struct dh_log_gap gap = {0};
    struct dh_log log = {.stream = stderr, .level = DH_LOG_INFO, .rank = -1, .gap = &gap};
    struct dh_error err;
    int code = 0;
    dh_locale_own();
    if (dh_streams_secure(&err) != DH_OK)
        return dh_app_fail(&log, &err);
    if (dh_app_options_parse(argc, argv, &options, &err) != DH_OK) {
        code = dh_app_fail(&log, &err);
    } else if (options.help || options.version) {
        code = tell(&options, &log);
    } else if (options.probe) {
        code = probe_mpi(&log);
    } else {
        log.level = options.level;
        code = options.check ? check(&options, &log) : run_search(&options, &log);
    }
    dh_app_options_free(&options);
    return code;
}
