/* dh_mpi: arguments, role, exit code. */
#include <stdio.h>

#include "app/program.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/surroundings.h"

static int tell(const struct dh_app_options *options, const struct dh_log *log)
{
    struct dh_error err;
    dh_app_print_about(options, stdout);
    return dh_streams_flush(&err) == DH_OK ? 0 : dh_app_fail(log, &err);
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
        code = dh_program_probe(&log);
    } else {
        log.level = options.level;
        code = options.check ? dh_program_check(&options, &log) : dh_program_search(&options, &log);
    }
    dh_app_options_free(&options);
    return code;
}
