/* dhctl check: is a configuration valid, and what would it do? */
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/app.h"
#include "verb.h"

static const struct option options[] = {
    {"set", required_argument, NULL, 's'}, {"methods", no_argument, NULL, 'm'}, {0}};

static dh_status print_plan(const char *path, const char *const *overrides, size_t count,
                            struct dh_error *err)
{
    struct dh_app_setup setup;
    struct dh_buffer plan = {0};
    dh_status status = dh_app_setup_read(path, overrides, count, &setup, err);
    if (status == DH_OK)
        status = dh_app_plan(&setup, false, NULL, NULL, 0, &plan, err);
    if (status == DH_OK)
        fwrite(plan.data, 1, plan.size, stdout);
    dh_buffer_free(&plan);
    dh_app_setup_free(&setup);
    return status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    const char **overrides = NULL;
    size_t count = 0, capacity = 0;
    bool methods = false;
    dh_status status = DH_OK;
    for (int option; status == DH_OK && (option = verb_option(argc, argv, "", options, err)) != -1;)
        if (option == 's')
            *DH_PUSH(overrides, count, capacity) = optarg;
        else if (option == 'm')
            methods = true;
        else
            status = DH_USAGE;
    if (status == DH_OK)
        status = verb_operands(argc, methods ? 0 : 1,
                               methods ? "nothing beside --methods" : "a configuration", err);
    if (status == DH_OK && methods)
        verb_print_methods();
    else if (status == DH_OK)
        status = print_plan(argv[optind], overrides, count, err);
    free(overrides);
    return status;
}

const struct verb verb_check = {
    .name = "check",
    .arguments = "[--set PATH=VALUE] CONFIG.cfg | --methods",
    .summary = "Validate a configuration and print the plan of its search",
    .help = "  --set PATH=VALUE   override a setting, as for dh_mpi; may be repeated\n"
            "  --methods          instead: print all search methods with their options\n\n"
            "Example: dhctl check --set search.max_evaluations=50 digits.cfg\n",
    .run = run,
};
