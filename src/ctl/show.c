/* dhctl show: everything about one trial. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/eval.h"
#include "dh_mpi/search.h"
#include "dh_mpi/text.h"
#include "verb.h"

static void print_time(const char *label, double seconds)
{
    if (!isfinite(seconds) || seconds <= 0)
        return;
    time_t whole = (time_t)seconds;
    struct tm local;
    char text[32];
    if (localtime_r(&whole, &local) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local))
        printf("%-12s %s\n", label, text);
}

static void print_text(const char *label, const char *text)
{
    struct dh_buffer plain = {0};
    dh_text_put_plain(&plain, text);
    if (plain.size)
        printf("%-12s %s\n", label, plain.data);
    dh_buffer_free(&plain);
}

/* With all digits, as in every other output. */
static void print_objective(const char *name, double value)
{
    struct dh_buffer text = {0};
    if (isnan(value))
        return;
    dh_text_put_number(&text, value);
    printf("%-12s %s\n", name, text.data);
    dh_buffer_free(&text);
}

static void print_cost(const struct dh_outcome *outcome)
{
    struct dh_buffer text = {0};
    if (isfinite(outcome->ended) && isfinite(outcome->started)) {
        dh_buffer_printf(&text, "%.3f s", outcome->ended - outcome->started);
        if (isfinite(outcome->cpu_seconds))
            dh_buffer_printf(&text, ", cpu %.3f s", outcome->cpu_seconds);
        if (outcome->peak_bytes)
            dh_buffer_printf(&text, ", peak memory %.1f MiB",
                             (double)outcome->peak_bytes / (1024.0 * 1024.0));
    }
    print_text("took", text.data);
    dh_buffer_free(&text);
}

static void print_proposer(const struct dh_store_image *image, const struct dh_trial *trial)
{
    printf("%-12s %s", "proposed by", dh_origin_text(trial->origin));
    if (verb_has_level(image, trial))
        printf(", level %" PRIu32 " of effort", trial->level);
    printf(", seed %" PRIu64 "\n", trial->seed);
}

static void print_trial(const struct dh_store_image *image, const struct dh_trial *trial)
{
    const struct dh_outcome *outcome = &trial->outcome;
    struct dh_buffer text = {0};
    printf("trial        %" PRIu64 "\nstatus       %s\n", trial->id,
           dh_trial_status_text(outcome->status));
    for (size_t i = 0; outcome->objectives && i < image->settings.objective_count; i++)
        print_objective(image->settings.objectives[i].name, outcome->objectives[i]);
    dh_space_format_config(image->space, trial->values, &text);
    print_text("parameters", text.data);
    dh_buffer_free(&text);
    print_text("reason", outcome->reason);
    print_text("metadata", outcome->metadata);
    print_text("reports", outcome->reports);
    print_proposer(image, trial);
    print_time("proposed", trial->proposed);
    if (outcome->status != DH_TRIAL_PENDING) {
        print_time("started", outcome->started);
        print_time("ended", outcome->ended);
        print_cost(outcome);
        printf("%-12s worker %d, slot %d, after %u %s\n", "ran on", outcome->worker, outcome->slot,
               outcome->retries, outcome->retries == 1 ? "retry" : "retries");
    }
    char *folder = dh_eval_run_folder(&image->settings, trial);
    print_text("run folder", folder);
    free(folder);
    dh_text_put_plain(&text, outcome->stderr_tail);
    if (text.size)
        printf("its stderr:\n%s\n", text.data);
    dh_buffer_free(&text);
}

static dh_status show(const char *path, uint64_t id, bool json, struct dh_error *err)
{
    struct dh_store_image image;
    dh_status status = verb_read(path, &image, err);
    if (status == DH_OK && id >= dh_history_count(image.history))
        status = dh_fail(err, DH_USAGE, "%s has no trial %" PRIu64 " (there are %" PRIu64 ")", path,
                         id, dh_history_count(image.history));
    if (status == DH_OK && json) {
        struct dh_buffer text = {0};
        verb_put_trial_json(&image, dh_history_trial(image.history, id), &text);
        puts(text.data);
        dh_buffer_free(&text);
    } else if (status == DH_OK) {
        print_trial(&image, dh_history_trial(image.history, id));
    }
    dh_store_image_free(&image);
    return status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    bool json;
    uint64_t id = 0;
    dh_status status = verb_json_operands(
        argc, argv, 2, "a checkpoint or configuration, and a trial id", &json, err);
    if (status == DH_OK)
        status = verb_number("trial id", argv[optind + 1], &id, err);
    return status == DH_OK ? show(argv[optind], id, json, err) : status;
}

const struct verb verb_show = {
    .name = "show",
    .arguments = "[--json] FILE ID",
    .summary = "Show everything that is known of one trial",
    .help = "  -j, --json   as a JSON object\n\n"
            "Example: dhctl show digits.h5 17\n",
    .run = run,
};
