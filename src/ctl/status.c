/* dhctl status: how far is the search? From the status.json that a running search keeps; where
 * that is missing or tells of another search, from the checkpoint itself. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/path.h"
#include "dh_mpi/report.h"
#include "dh_mpi/text.h"
#include "verb.h"

/* A running search writes its status every second; one this old no longer runs. */
#define STALE 15.0

/* The status beside `checkpoint`, or NULL if there is none that tells of it. */
static json_t *read_status(const char *checkpoint)
{
    char *path = dh_report_status_path(checkpoint);
    json_t *status = json_load_file(path, 0, NULL);
    free(path);
    const char *of = json_string_value(json_object_get(status, "checkpoint"));
    if (of && strcmp(dh_path_name(of), dh_path_name(checkpoint)) == 0)
        return status;
    json_decref(status);
    return NULL;
}

/* Did its process end on this machine, where that can be seen? */
static bool is_dead(const json_t *status)
{
    char here[256] = "";
    const char *host = json_string_value(json_object_get(status, "host"));
    json_int_t pid = json_integer_value(json_object_get(status, "pid"));
    if (!host || pid <= 0 || gethostname(here, sizeof here - 1) != 0 || strcmp(host, here) != 0)
        return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* "slot time: evaluating 97.0%, waiting for a proposal 3.0%" */
static void print_usage(const json_t *slot_seconds)
{
    double seconds[DH_USE_COUNT], total = 0;
    for (int use = 0; use < DH_USE_COUNT; use++) {
        seconds[use] = json_number_value(json_object_get(slot_seconds, dh_use_key(use)));
        total += seconds[use];
    }
    if (!(total > 0))
        return;
    for (int use = 0; use < DH_USE_COUNT; use++)
        printf("%s %s %.1f%%", use ? "," : "slot time:", dh_use_text(use),
               100 * seconds[use] / total);
    puts("");
}

static void print_status(const json_t *status)
{
    const char *name = json_string_value(json_object_get(status, "name"));
    const char *line = json_string_value(json_object_get(status, "line"));
    const char *stop = json_string_value(json_object_get(status, "stop"));
    double age = dh_wall_time() - json_number_value(json_object_get(status, "wall_time"));
    bool finished = json_is_true(json_object_get(status, "finished"));
    struct dh_buffer ago = {0};
    dh_text_put_duration(&ago, fmax(age, 0));
    printf("%s: %s\n", name ? name : "?", line ? line : "?");
    print_usage(json_object_get(status, "slot_seconds"));
    if (finished)
        printf("ended %s ago: %s\n", ago.data, stop ? stop : "?");
    else if (age > STALE || is_dead(status))
        printf("last sign of life %s ago: it no longer runs; the same command resumes\n", ago.data);
    else
        puts("running");
    dh_buffer_free(&ago);
}

/* Without a status file the lock says whether a search works on the checkpoint. */
static const char *state_by_lock(const char *path)
{
    struct dh_store_report report;
    const char *state = "unknown";
    if (dh_store_verify(path, &report, NULL) == DH_OK)
        state = report.holder ? "running" : "not running";
    dh_store_report_free(&report);
    return state;
}

/* Without a status file the history still says what was done. */
static dh_status from_checkpoint(const char *path, bool json, struct dh_error *err)
{
    struct dh_store_image image;
    struct dh_buffer text = {0};
    dh_status status = verb_read(path, &image, err);
    if (status == DH_OK) {
        struct dh_progress progress;
        dh_report_progress_of(path, &image.settings, image.space, image.history, &progress);
        progress.usage_before = image.usage;
        progress.state = state_by_lock(path);
        if (json)
            dh_report_status_json(&progress, &text);
        else
            dh_report_line(&progress, &text);
        if (!json)
            printf("%s: ", image.settings.search.name);
        puts(text.data);
        if (!json)
            puts(progress.state);
    }
    dh_buffer_free(&text);
    dh_store_image_free(&image);
    return status;
}

static dh_status show(const char *path, bool json, struct dh_error *err)
{
    char *checkpoint;
    dh_status result = verb_checkpoint_path(path, &checkpoint, err);
    if (result != DH_OK)
        return result;
    json_t *status = read_status(checkpoint);
    if (!status) {
        result = from_checkpoint(checkpoint, json, err);
    } else if (json) {
        json_dumpf(status, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
        puts("");
    } else {
        print_status(status);
    }
    json_decref(status);
    free(checkpoint);
    return result;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    bool json;
    dh_status status =
        verb_json_operands(argc, argv, 1, "a checkpoint or configuration", &json, err);
    return status == DH_OK ? show(argv[optind], json, err) : status;
}

const struct verb verb_status = {
    .name = "status",
    .arguments = "[--json] FILE",
    .summary = "Show how far a search is, running or not",
    .help =
        "  -j, --json   status.json as the search wrote it\n\n"
        "The slot time is what the slots' time of this run was used for: every moment of every\n"
        "slot is exactly one of them.\n\n"
        "Example: dhctl status digits.h5\n",
    .run = run,
};
