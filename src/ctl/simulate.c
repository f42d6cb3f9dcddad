/* dhctl simulate: how busy would so many workers be? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/simulate.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/text.h"
#include "simulate_print.h"
#include "verb.h"

#define MOST_WORKERS 1000000

struct request {
    struct dh_simulation simulation;
    int32_t *workers; /* of each simulation */
    size_t count, capacity;
    const char **overrides;
    size_t override_count, override_capacity;
    bool json;
};

static const struct option options[] = {{"workers", required_argument, NULL, 'w'},
                                        {"duration", required_argument, NULL, 'd'},
                                        {"time", required_argument, NULL, 't'},
                                        {"latency", required_argument, NULL, 'l'},
                                        {"message", required_argument, NULL, 'm'},
                                        {"history", required_argument, NULL, 'H'},
                                        {"set", required_argument, NULL, 's'},
                                        {"json", no_argument, NULL, 'j'},
                                        {0}};

static dh_status take_workers(struct request *request, const char *text, struct dh_error *err)
{
    char *copy = dh_strdup(text), *rest = copy, *word;
    dh_status status = DH_OK;
    request->count = 0;
    while (status == DH_OK && (word = strsep(&rest, ","))) {
        uint64_t number = 0;
        status = verb_number("--workers", word, &number, err);
        if (status == DH_OK && (number < 1 || number > MOST_WORKERS))
            status =
                dh_fail(err, DH_USAGE, "--workers: expected 1 to %d, found %s", MOST_WORKERS, word);
        *DH_PUSH(request->workers, request->count, request->capacity) = (int32_t)number;
    }
    free(copy);
    return status;
}

static dh_status take_time(struct request *request, const char *text, struct dh_error *err)
{
    if (dh_text_duration(text, &request->simulation.time) && request->simulation.time > 0)
        return DH_OK;
    return dh_fail(err, DH_USAGE, "--time: expected a duration above 0, as 30m, found '%s'", text);
}

static dh_status take_microseconds(const char *option, const char *text, double *seconds,
                                   struct dh_error *err)
{
    double value;
    if (!dh_text_number(text, &value) || !(value >= 0 && value <= 1e9))
        return dh_fail(err, DH_USAGE, "%s: expected microseconds, found '%s'", option, text);
    *seconds = 1e-6 * value;
    return DH_OK;
}

static dh_status take_option(struct request *request, int option, struct dh_error *err)
{
    struct dh_simulation *simulation = &request->simulation;
    switch (option) {
    case 'w':
        return take_workers(request, optarg, err);
    case 'd':
        return dh_duration_parse(optarg, &simulation->duration, err);
    case 't':
        return take_time(request, optarg, err);
    case 'l':
        return take_microseconds("--latency", optarg, &simulation->latency, err);
    case 'm':
        return take_microseconds("--message", optarg, &simulation->message_cost, err);
    case 'H':
        simulation->history = optarg;
        return DH_OK;
    case 's':
        *DH_PUSH(request->overrides, request->override_count, request->override_capacity) = optarg;
        return DH_OK;
    case 'j':
        request->json = true;
        return DH_OK;
    default:
        return DH_USAGE;
    }
}

static dh_status parse(struct request *request, int argc, char **argv, struct dh_error *err)
{
    dh_status status = DH_OK;
    for (int option; status == DH_OK && (option = verb_option(argc, argv, "", options, err)) != -1;)
        status = take_option(request, option, err);
    if (status == DH_OK)
        status = verb_operands(argc, 1, "a configuration", err);
    if (status == DH_OK && request->count == 0)
        status = dh_fail(err, DH_USAGE, "expected the number of workers: --workers 64,512,4096");
    return status;
}

/* What is printed before, at and after the result number `i`. */
static void put_result(const struct request *request, size_t i, const struct dh_simulated *result,
                       struct dh_buffer *out)
{
    if (request->json) {
        dh_buffer_text(out, i ? ",\n " : "[");
        simulate_put_json(result, out);
        dh_buffer_text(out, i + 1 == request->count ? "]\n" : "");
    } else if (request->count == 1) {
        simulate_put_details(result, out);
    } else {
        if (i == 0)
            simulate_put_head(out);
        simulate_put_row(result, out);
    }
}

/* One simulation after the other; a result is shown as soon as it is there. */
static dh_status simulate_all(struct request *request, struct dh_error *err)
{
    dh_status status = DH_OK;
    for (size_t i = 0; i < request->count && status == DH_OK; i++) {
        struct dh_simulated result;
        struct dh_buffer text = {0};
        request->simulation.workers = request->workers[i];
        status = dh_simulate(&request->simulation, &result, err);
        if (status == DH_OK) {
            put_result(request, i, &result, &text);
            fwrite(text.data, 1, text.size, stdout);
            status = dh_streams_flush(err);
        }
        dh_buffer_free(&text);
    }
    return status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    struct dh_log log = {.stream = stderr, .level = DH_LOG_WARN, .rank = -1};
    struct request request = {.simulation = {.latency = DH_SIMULATE_LATENCY,
                                             .message_cost = DH_SIMULATE_MESSAGE,
                                             .log = &log}};
    struct dh_app_setup setup = {0};
    dh_status status = parse(&request, argc, argv, err);
    if (status == DH_OK)
        status =
            dh_app_setup_read(argv[optind], request.overrides, request.override_count, &setup, err);
    request.simulation.setup = &setup;
    if (status == DH_OK)
        status = simulate_all(&request, err);
    dh_app_setup_free(&setup);
    free(request.overrides);
    free(request.workers);
    return status;
}

const struct verb verb_simulate = {
    .name = "simulate",
    .arguments = "--workers W[,W…] [options] CONFIG.cfg",
    .summary = "Predict how busy a search would keep so many workers",
    .help =
        "Runs the real manager, scheduler and optimizer; only the workers and their time are\n"
        "imitated. What rank 0 computes is measured on this machine and passes in virtual time.\n"
        "Several numbers of workers give a table.\n\n"
        "  --workers W[,W…]     worker ranks, each with evaluator.slots slots\n"
        "  --duration KIND:…    of an evaluation: fixed:SECONDS, uniform:LOW,HIGH,\n"
        "                       normal:MEAN,DEVIATION, lognormal:MEAN,DEVIATION or\n"
        "                       exponential:MEAN; default: the builtin's own, or, with an old\n"
        "                       checkpoint, what its evaluations took\n"
        "  --time TIME          look at the first TIME (30m, 01:50:00) of the search, however "
        "much\n"
        "                       still runs then; default: until the search ends by itself\n"
        "  --history FILE       old checkpoint or results.csv of this space: evaluations give "
        "what\n"
        "                       a model fitted to it says (needed unless the evaluator is "
        "builtin)\n"
        "  --latency US         microseconds that a message takes (default 8)\n"
        "  --message US         CPU time of rank 0 for a message, in microseconds, beyond what "
        "the\n"
        "                       simulation itself takes for it (default 1)\n"
        "  --set PATH=VALUE     override a setting, as for dh_mpi; may be repeated\n"
        "  --json               an array of objects\n\n"
        "busy: share of slot time spent on evaluations. late asks: slots waited longer than an\n"
        "ask should take. Rank 0's threads need a core each for what is said of them to hold.\n\n"
        "Example: dhctl simulate --workers 64,512,4096 --duration normal:60,20 --time 30m "
        "ackley.cfg\n",
    .run = run,
};
