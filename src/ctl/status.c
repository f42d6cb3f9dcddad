/* dhctl status: how far is the search? From the status.json that a running search keeps; where
 * that is missing, tells of another search or of less than the checkpoint holds, from the
 * checkpoint itself. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/machine.h"
#include "dh_mpi/path.h"
#include "dh_mpi/report.h"
#include "dh_mpi/text.h"
#include "verb.h"

/* A running search writes its status every second; one this old no longer runs. */
#define STALE 15.0

/* A search that ends writes its status once more, and then, within seconds, its checkpoint. */
#define CLOSING 1.0

/* The status beside `checkpoint`, or NULL if there is none that tells of it; `written`: when, in
 * seconds since 1970, by the clock of the file system. */
static json_t *read_status(const char *checkpoint, double *written)
{
    struct stat info;
    char *path = dh_report_status_path(checkpoint);
    json_t *status = json_load_file(path, 0, NULL);
    *written = stat(path, &info) == 0
                   ? (double)info.st_mtim.tv_sec + 1e-9 * (double)info.st_mtim.tv_nsec
                   : 0;
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
    const json_t *machine = json_object_get(status, "machine"); /* older programs tell none */
    json_int_t pid = json_integer_value(json_object_get(status, "pid"));
    if (!host || pid <= 0 || gethostname(here, sizeof here - 1) != 0 || strcmp(host, here) != 0 ||
        (machine && json_integer_value(machine) != dh_machine_number()))
        return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool is_finished(const json_t *status)
{
    return json_is_true(json_object_get(status, "finished"));
}

static double age_of(const json_t *status)
{
    return dh_wall_time() - json_number_value(json_object_get(status, "wall_time"));
}

static bool is_running(const json_t *status)
{
    return !is_finished(status) && age_of(status) <= STALE && !is_dead(status);
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

#define ENDED "it no longer runs; the same command resumes"

static void print_status(const json_t *status)
{
    const char *name = json_string_value(json_object_get(status, "name"));
    const char *line = json_string_value(json_object_get(status, "line"));
    const char *stop = json_string_value(json_object_get(status, "stop"));
    struct dh_buffer ago = {0};
    dh_text_put_duration(&ago, fmax(age_of(status), 0));
    printf("%s: %s\n", name ? name : "?", line ? line : "?");
    print_usage(json_object_get(status, "slot_seconds"));
    if (is_finished(status))
        printf("ended %s ago: %s\n", ago.data, stop ? stop : "?");
    else if (!is_running(status))
        printf("last sign of life %s ago: " ENDED "\n", ago.data);
    else
        puts("running");
    dh_buffer_free(&ago);
}

static void dump_status(const json_t *status)
{
    json_dumpf(status, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    puts("");
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

/* What the history says was done; `*now` is as a status file, to be freed. */
static dh_status read_history(const char *path, json_t **now, struct dh_error *err)
{
    struct dh_store_image image;
    struct dh_progress progress;
    struct dh_buffer text = {0};
    dh_status status = verb_read(path, &image, err);
    if (status == DH_OK) {
        dh_report_progress_of(path, &image.settings, image.space, image.history, &progress);
        progress.usage_before = image.usage;
        progress.state = state_by_lock(path);
        dh_report_status_json(&progress, &text);
        *now = json_loadb(text.data, text.size, 0, NULL);
        if (!*now)
            status = dh_fail(err, DH_INTERNAL, "%s: its status cannot be told", path);
    }
    dh_buffer_free(&text);
    dh_store_image_free(&image);
    return status;
}

static void print_history(const json_t *now, const json_t *before)
{
    const char *state = json_string_value(json_object_get(now, "stop"));
    bool died = before && !is_finished(before) && strcmp(state, "not running") == 0;
    printf("%s: %s\n%s\n", json_string_value(json_object_get(now, "name")),
           json_string_value(json_object_get(now, "line")), died ? ENDED : state);
    if (before)
        printf("status.json is of an earlier moment, with %lld done\n",
               (long long)json_integer_value(json_object_get(before, "done")));
}

/* From the history; `before` (may be NULL), what the status file says, serves where that is as much
 * or the history cannot be read. */
static dh_status from_checkpoint(const char *path, const json_t *before, bool json,
                                 struct dh_error *err)
{
    json_t *now = NULL;
    dh_status status = read_history(path, &now, err);
    bool same = before && (status != DH_OK || json_equal(json_object_get(now, "done"),
                                                         json_object_get(before, "done")));
    if (status != DH_OK && !before)
        return status;
    if (json)
        dump_status(same ? before : now);
    else if (same)
        print_status(before);
    else
        print_history(now, before);
    json_decref(now);
    return DH_OK;
}

static dh_status show(const char *path, bool json, struct dh_error *err)
{
    char *checkpoint;
    double written;
    dh_status result = verb_checkpoint_path(path, &checkpoint, err);
    if (result != DH_OK)
        return result;
    json_t *status = read_status(checkpoint, &written);
    double changed = dh_store_changed(checkpoint), slack = is_finished(status) ? CLOSING : 0;
    if (!status || (!is_running(status) && changed > written + slack))
        result = from_checkpoint(checkpoint, status, json, err);
    else if (json)
        dump_status(status);
    else
        print_status(status);
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
        "  -j, --json   status.json as the search wrote it, or where the checkpoint holds more, "
        "as\n"
        "               it would be\n\n"
        "The slot time is what the slots' time of this run was used for: every moment of every\n"
        "slot is exactly one of them.\n\n"
        "Example: dhctl status digits.h5\n",
    .run = run,
};
