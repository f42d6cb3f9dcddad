/* dh_mpi's search as a conversation, for programs that play it against others:
 *
 *   dh_ask_tell CONFIG.cfg [PATH=VALUE …]        overrides as with --set
 *
 * Lines on stdin, one answer line each on stdout (JSON):
 *
 *   ask BUDGET        {"id": 3, "seconds": 0.01, "level": 2, "origin": "method", "point": {…}}
 *                     BUDGET: seconds the ask may take before a worker waits, or inf
 *   tell ID VALUE     {"seconds": 0.0001}        VALUE: a number, or F_reason for a failure
 *
 * The conversation ends with stdin. {"end": "…"} answers an ask when no point is left. What is
 * asked for is running until it is told. A wrong line or a wrong configuration ends the program
 * with the exit code of its status. Messages of the search go to stderr (DH_VERBOSE=1: all).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/search.h"
#include "dh_mpi/text.h"

struct talk {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct dh_history *history;
    struct dh_search *search;
    struct dh_log log;
    double *point;
};

static double now(void)
{
    return dh_clock_now(&dh_clock_monotonic);
}

static dh_status open_talk(struct talk *talk, int argc, char **argv, struct dh_error *err)
{
    if (argc < 2)
        return dh_fail(err, DH_USAGE, "usage: dh_ask_tell CONFIG.cfg [PATH=VALUE …]");
    talk->log = (struct dh_log){
        .stream = stderr, .level = getenv("DH_VERBOSE") ? DH_LOG_DEBUG : DH_LOG_WARN, .rank = -1};
    dh_status status = dh_config_read(argv[1], (const char *const *)argv + 2, (size_t)argc - 2,
                                      &talk->config, err);
    if (status == DH_OK)
        status = dh_settings_unpack(talk->config, &talk->settings, err);
    if (status == DH_OK)
        status = dh_space_create(&talk->settings, &talk->space, err);
    if (status)
        return status;
    size_t width = dh_space_count(talk->space);
    talk->history = dh_history_create(width, talk->settings.objective_count);
    talk->point = dh_alloc(width, sizeof *talk->point);
    struct dh_search_context context = {.space = talk->space,
                                        .settings = &talk->settings,
                                        .seed = (uint64_t)talk->settings.search.seed,
                                        .log = &talk->log};
    return dh_search_create(&context, &talk->search, err);
}

static void close_talk(struct talk *talk)
{
    dh_search_destroy(&talk->search);
    dh_history_destroy(&talk->history);
    dh_space_destroy(&talk->space);
    dh_settings_free(&talk->settings);
    dh_config_destroy(&talk->config);
    free(talk->point);
}

/* What the manager does with a proposal: it becomes a trial, and the search hears of it. */
static void propose(struct talk *talk, const struct dh_proposal *proposal)
{
    struct dh_trial *trial = dh_history_propose(talk->history, proposal->point);
    trial->identity = proposal->identity;
    trial->cursor = proposal->cursor;
    trial->origin = proposal->origin;
    trial->level = proposal->level;
    dh_search_propose(talk->search, trial);
}

static dh_status ask(struct talk *talk, char *words, struct dh_error *err)
{
    char *end;
    struct dh_proposal proposal = {.point = talk->point, .budget = strtod(words, &end)};
    if (end == words || *end != '\0' || !(proposal.budget >= 0))
        return dh_fail(err, DH_USAGE, "ask %s: expected a number of seconds or inf", words);
    uint64_t id = dh_history_count(talk->history);
    double start = now();
    dh_status status = dh_search_ask(talk->search, id, &proposal, err);
    if (status == DH_EXHAUSTED) {
        printf("{\"end\": \"no point is left\"}\n");
        return DH_OK;
    }
    if (status)
        return status;
    propose(talk, &proposal);
    double seconds = now() - start;
    struct dh_buffer json = {0};
    dh_space_format_json(talk->space, proposal.point, &json);
    printf("{\"id\": %llu, \"seconds\": %.9f, \"level\": %u, \"origin\": \"%s\", "
           "\"point\": %.*s}\n",
           (unsigned long long)id, seconds, proposal.level, dh_origin_text(proposal.origin),
           (int)json.size, (const char *)json.data);
    dh_buffer_free(&json);
    return DH_OK;
}

static dh_status tell(struct talk *talk, char *words, struct dh_error *err)
{
    char *value, *end;
    uint64_t id = strtoull(words, &value, 10);
    if (value == words || *value != ' ')
        return dh_fail(err, DH_USAGE, "tell %s: expected ID VALUE", words);
    value++;
    double number = strtod(value, &end);
    bool failed = strncmp(value, "F_", 2) == 0 || !isfinite(number);
    if (!failed && (end == value || *end != '\0'))
        return dh_fail(err, DH_USAGE, "tell %s: expected a number or F_reason", words);
    struct dh_outcome outcome = {.status = failed ? DH_TRIAL_FAILED : DH_TRIAL_SUCCEEDED};
    outcome.objectives = dh_alloc(talk->settings.objective_count, sizeof *outcome.objectives);
    for (size_t i = 0; i < talk->settings.objective_count; i++)
        outcome.objectives[i] = failed ? (double)NAN : number;
    if (failed)
        outcome.reason = dh_strdup(value);
    dh_status status = dh_history_end(talk->history, id, &outcome, err);
    if (status) {
        dh_outcome_free(&outcome);
        return status;
    }
    double start = now();
    dh_search_tell(talk->search, dh_history_trial(talk->history, id));
    printf("{\"seconds\": %.9f}\n", now() - start);
    return DH_OK;
}

static dh_status answer(struct talk *talk, char *line, struct dh_error *err)
{
    line[strcspn(line, "\r\n")] = '\0';
    dh_status status;
    if (strncmp(line, "ask ", 4) == 0)
        status = ask(talk, line + 4, err);
    else if (strncmp(line, "tell ", 5) == 0)
        status = tell(talk, line + 5, err);
    else
        status = dh_fail(err, DH_USAGE, "\"%s\": expected ask BUDGET or tell ID VALUE", line);
    fflush(stdout);
    return status;
}

int main(int argc, char **argv)
{
    struct talk talk = {0};
    struct dh_error err = {0};
    dh_status status = open_talk(&talk, argc, argv, &err);
    char *line = NULL;
    size_t size = 0;
    while (status == DH_OK && getline(&line, &size, stdin) > 0)
        status = answer(&talk, line, &err);
    free(line);
    close_talk(&talk);
    if (status)
        fprintf(stderr, "dh_ask_tell: %s\n", err.text);
    return dh_status_exit_code(status);
}
