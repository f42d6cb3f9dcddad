/* Prints the trials of a search with one worker, to the last bit: trials COUNT SURROGATE TRANSFORM.
 * Values are made of sums and products alone, so that they are the same on every machine; whether
 * the trials are, too, is what same_trials.sh wants to know. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/search.h"

static const char config_text[] =
    "search = { seed = 5; };\n"
    "objectives = ( { name = \"value\"; goal = \"minimize\"; } );\n"
    "parameters = (\n"
    "  { name = \"r0\"; type = \"real\"; low = 0.0; high = 1.0; },\n"
    "  { name = \"r1\"; type = \"real\"; low = -3.0; high = 5.0; },\n"
    "  { name = \"l0\"; type = \"real\"; low = 1e-5; high = 1.0; scale = \"log\"; },\n"
    "  { name = \"i0\"; type = \"int\"; low = 8; high = 1024; scale = \"log\"; },\n"
    "  { name = \"c0\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },\n"
    "  { name = \"o0\"; type = \"real\"; low = 0.0; high = 1.0; when = \"c0 == 'b'\"; },\n"
    "  { name = \"n0\"; type = \"real\"; low = -9.0; high = 9.0; prior = \"normal\"; "
    "deviation = 2.0; },\n"
    "  { name = \"t0\"; type = \"real\"; low = 1e-4; high = 1.0; scale = \"log\"; "
    "prior = \"truncated\"; mean = 0.002; deviation = 1.5; }\n"
    ");\n"
    "optimizer = { method = \"ambs\"; initial_points = 8; surrogate = \"%s\"; "
    "transform = \"%s\"; };\n"
    "evaluator = { type = \"builtin\"; function = \"sphere\"; };\n";

static void need(dh_status status, const struct dh_error *err)
{
    if (status == DH_OK)
        return;
    fprintf(stderr, "trials: %s\n", err->text);
    exit(1);
}

static double value_at(const double *x)
{
    double a = x[0] - 0.3, b = (x[1] - 1) * (x[1] - 1) - 1, c = 0.01 / (x[2] + 0.01) - 0.5;
    double d = x[3] / 1024 - 0.4, e = isnan(x[5]) ? 0.1 : (x[5] - 0.6) * (x[5] - 0.6);
    double f = 0.1 * (x[6] - 1), g = 0.01 / (x[7] + 0.01) - 0.7;
    return a * a + 0.2 * b * b + c * c + d * d + e + (x[4] == 2 ? 0.3 : 0) + f * f + 0.1 * g * g;
}

static void print_point(const double *point, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(isnan(point[i]) ? "%s-" : "%s%a", i ? " " : "", point[i]);
    printf("\n");
}

static void step(struct dh_search *search, struct dh_history *history, size_t width)
{
    struct dh_error err = {0};
    struct dh_proposal proposal = {.point = dh_alloc(width, sizeof(double)), .budget = INFINITY};
    need(dh_search_ask(search, dh_history_count(history), &proposal, &err), &err);
    print_point(proposal.point, width);
    struct dh_trial *trial = dh_history_propose(history, proposal.point);
    trial->identity = proposal.identity;
    trial->cursor = proposal.cursor;
    trial->origin = proposal.origin;
    trial->level = proposal.level;
    dh_search_propose(search, trial);
    struct dh_outcome outcome = {.status = DH_TRIAL_SUCCEEDED,
                                 .objectives = dh_alloc(1, sizeof(double))};
    outcome.objectives[0] = value_at(proposal.point);
    need(dh_history_end(history, trial->id, &outcome, &err), &err);
    dh_search_tell(search, trial);
    free(proposal.point);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    struct dh_error err = {0};
    struct dh_config *config = NULL;
    struct dh_settings settings;
    struct dh_space *space = NULL;
    struct dh_search *search = NULL;
    char *text = dh_strprintf(config_text, argv[2], argv[3]);
    need(dh_config_parse("trials", text, &config, &err), &err);
    free(text);
    need(dh_settings_unpack(config, &settings, &err), &err);
    need(dh_space_create(&settings, &space, &err), &err);
    size_t width = dh_space_count(space);
    struct dh_history *history = dh_history_create(width, 1);
    struct dh_search_context context = {
        .space = space, .settings = &settings, .seed = (uint64_t)settings.search.seed};
    need(dh_search_create(&context, &search, &err), &err);
    for (long i = strtol(argv[1], NULL, 10); i > 0; i--)
        step(search, history, width);
    dh_search_destroy(&search);
    dh_history_destroy(&history);
    dh_space_destroy(&space);
    dh_settings_free(&settings);
    dh_config_destroy(&config);
    return 0;
}
