/* dhctl sample: random points of a space, to look at it before a search. */
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/app.h"
#include "dh_mpi/random.h"
#include "verb.h"

struct request {
    const char **overrides; /* owned */
    size_t override_count, capacity;
    uint64_t count, seed;
    bool seeded; /* otherwise the configuration's */
    bool json;
};

static const struct option options[] = {{"number", required_argument, NULL, 'n'},
                                        {"seed", required_argument, NULL, 's'},
                                        {"set", required_argument, NULL, 'o'},
                                        {"json", no_argument, NULL, 'j'},
                                        {0}};

static dh_status print_points(const struct dh_app_setup *setup, const struct request *request,
                              struct dh_error *err)
{
    double *point = dh_alloc(dh_space_count(setup->space), sizeof *point);
    struct dh_buffer line = {0};
    uint64_t seed = request->seeded ? request->seed : (uint64_t)setup->settings.search.seed;
    dh_status status = DH_OK;
    for (uint64_t i = 0; i < request->count && status == DH_OK; i++) {
        struct dh_random random = dh_random_at(seed, DH_STREAM_SAMPLE, i);
        status = dh_space_sample(setup->space, &random, point, err);
        if (status != DH_OK)
            break;
        dh_buffer_clear(&line);
        if (request->json) {
            dh_space_format_json(setup->space, point, &line);
        } else {
            dh_space_format_config(setup->space, point, &line);
        }
        puts(line.data);
    }
    dh_buffer_free(&line);
    free(point);
    return status;
}

static dh_status read_options(int argc, char **argv, struct request *request, struct dh_error *err)
{
    dh_status status = DH_OK;
    for (int option;
         status == DH_OK && (option = verb_option(argc, argv, "n:s:j", options, err)) != -1;) {
        if (option == 'n')
            status = verb_number("-n", optarg, &request->count, err);
        else if (option == 's')
            status = verb_number("--seed", optarg, &request->seed, err);
        else if (option == 'o')
            *DH_PUSH(request->overrides, request->override_count, request->capacity) = optarg;
        else if (option == 'j')
            request->json = true;
        else
            status = DH_USAGE;
        request->seeded = request->seeded || option == 's';
    }
    return status == DH_OK ? verb_operands(argc, 1, "a configuration", err) : status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    struct request request = {.count = 10};
    struct dh_app_setup setup = {0};
    dh_status status = read_options(argc, argv, &request, err);
    if (status == DH_OK)
        status =
            dh_app_setup_read(argv[optind], request.overrides, request.override_count, &setup, err);
    if (status == DH_OK)
        status = print_points(&setup, &request, err);
    dh_app_setup_free(&setup);
    free(request.overrides);
    return status;
}

const struct verb verb_sample = {
    .name = "sample",
    .arguments = "[-n COUNT] [--seed SEED] [--set PATH=VALUE] [--json] CONFIG.cfg",
    .summary = "Draw random points of a configuration's space",
    .help = "  -n, --number COUNT   so many (default 10)\n"
            "  -s, --seed SEED      instead of the configuration's\n"
            "  --set PATH=VALUE     override a setting, as for dh_mpi; may be repeated\n"
            "  -j, --json           a JSON object a line\n\n"
            "Example: dhctl sample -n 5 digits.cfg\n",
    .run = run,
};
