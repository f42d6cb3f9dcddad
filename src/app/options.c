/* Command line of dh_mpi. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/app.h"

static const char help_text[] =
    "usage: dh_mpi [options] config.cfg\n"
    "       mpiexec -n RANKS dh_mpi [options] config.cfg\n"
    "\n"
    "Search hyperparameters: rank 0 manages, every other rank evaluates. Without mpiexec one\n"
    "process does both. If the checkpoint exists, the search goes on from there.\n"
    "\n"
    "  --check             validate the configuration, print the plan, and exit; with mpiexec "
    "also\n"
    "                      how ranks, slots, cores and GPUs fit\n"
    "  --fresh             move an existing checkpoint aside (NAME.1, .2, ...) and start anew\n"
    "  --set PATH=VALUE    override a setting; may be repeated\n"
    "  -q, --quiet         only warnings and errors\n"
    "  -v, --verbose       more detail (failed evaluations, intermediate results)\n"
    "  --probe-mpi         say what this MPI offers, and exit (for dhctl doctor)\n"
    "  --version           print the version\n"
    "  -h, --help          print this help\n"
    "\n"
    "The result goes to stdout, everything else to stderr. Exit codes: 0 finished, 75 stopped\n"
    "early (run the same command again to go on), 64 usage, 78 configuration, 74 input/output,\n"
    "70 internal error. The code also goes into the file that DH_EXIT_FILE names (\"running\"\n"
    "until then), since some launchers lose it.\n"
    "\n"
    "Example: mpiexec -n 4 dh_mpi --set search.max_evaluations=50 digits.cfg\n"
    "See also: dhctl --help\n";

void dh_app_print_about(const struct dh_app_options *options, FILE *out)
{
    fputs(options->help ? help_text : "dh_mpi " DH_VERSION "\n", out);
}

enum { OPTION_CHECK = 256, OPTION_FRESH, OPTION_SET, OPTION_PROBE, OPTION_VERSION };

static const struct option long_options[] = {
    {"check", no_argument, NULL, OPTION_CHECK},
    {"fresh", no_argument, NULL, OPTION_FRESH},
    {"set", required_argument, NULL, OPTION_SET},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"probe-mpi", no_argument, NULL, OPTION_PROBE},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Apply one option; false if there is no such option. */
static bool apply(struct dh_app_options *options, int option, size_t *capacity)
{
    switch (option) {
    case OPTION_CHECK:
        return options->check = true;
    case OPTION_FRESH:
        return options->fresh = true;
    case OPTION_PROBE:
        return options->probe = true;
    case OPTION_VERSION:
        return options->version = true;
    case 'h':
        return options->help = true;
    case 'q':
        options->level = DH_LOG_WARN;
        return true;
    case 'v':
        options->level = DH_LOG_DEBUG;
        return true;
    case OPTION_SET:
        *DH_PUSH(options->overrides, options->override_count, *capacity) = optarg;
        return true;
    default:
        return false;
    }
}

dh_status dh_app_options_parse(int argc, char **argv, struct dh_app_options *out,
                               struct dh_error *err)
{
    *out = (struct dh_app_options){.level = DH_LOG_INFO};
    size_t capacity = 0;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "qvh", long_options, NULL)) != -1)
        if (!apply(out, option, &capacity))
            return dh_fail(err, DH_USAGE, "unknown option or missing value: %s (see dh_mpi --help)",
                           argv[optind - 1]);
    if (out->help || out->version || out->probe)
        return DH_OK;
    if (optind != argc - 1)
        return dh_fail(err, DH_USAGE,
                       "expected one configuration file, found %d (see dh_mpi --help)",
                       argc - optind);
    out->config_path = argv[optind];
    return DH_OK;
}

void dh_app_options_free(struct dh_app_options *options)
{
    free(options->overrides);
    options->overrides = NULL;
}
