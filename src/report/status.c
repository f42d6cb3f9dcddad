/* status.json: the picture of a search for programs; see report.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "dh_mpi/machine.h"
#include "dh_mpi/path.h"
#include "dh_mpi/report.h"
#include "dh_mpi/text.h"
#include "parts.h"

static void put_text(struct dh_buffer *out, const char *key, const char *value)
{
    dh_buffer_printf(out, "\"%s\": ", key);
    dh_text_put_json(out, value);
    dh_buffer_text(out, ",\n ");
}

static void put_number(struct dh_buffer *out, const char *key, double value)
{
    dh_buffer_printf(out, "\"%s\": ", key);
    dh_text_put_json_number(out, value);
    dh_buffer_text(out, ",\n ");
}

static void put_count(struct dh_buffer *out, const char *key, uint64_t value)
{
    dh_buffer_printf(out, "\"%s\": %" PRIu64 ",\n ", key, value);
}

static void put_statuses(const struct dh_progress *progress, struct dh_buffer *out)
{
    dh_buffer_text(out, "\"trials\": {");
    for (int s = 0; s < DH_TRIAL_STATUS_COUNT; s++)
        dh_buffer_printf(out, "%s\"%s\": %" PRIu64, s ? ", " : "", dh_trial_status_text(s),
                         progress->counts.by_status[s]);
    dh_buffer_text(out, "},\n ");
}

static void put_best(const struct dh_progress *progress, struct dh_buffer *out)
{
    dh_buffer_text(out, "\"best\": ");
    const struct dh_trial *best = best_trial(progress);
    if (!best) {
        dh_buffer_text(out, "null,\n ");
        return;
    }
    dh_buffer_printf(out, "{\"id\": %" PRIu64 ", \"objectives\": ", best->id);
    dh_objectives_format_json(progress->settings, best->outcome.objectives, out);
    dh_buffer_text(out, ", \"parameters\": ");
    dh_space_format_json(progress->space, best->values, out);
    dh_buffer_text(out, "},\n ");
}

static void put_usage(const char *key, const struct dh_usage *usage, struct dh_buffer *out)
{
    dh_buffer_printf(out, "\"%s\": {", key);
    for (int use = 0; use < DH_USE_COUNT; use++)
        dh_buffer_printf(out, "\"%s\": %.6f, ", dh_use_key(use), dh_usage_seconds(usage, use));
    dh_buffer_printf(out, "\"failed\": %.6f},\n ", (double)usage->failed / DH_TICKS);
}

void dh_report_status_json(const struct dh_progress *progress, struct dh_buffer *out)
{
    char host[256] = "";
    struct dh_buffer line = {0};
    gethostname(host, sizeof host - 1);
    dh_report_line(progress, &line);
    dh_buffer_text(out, "{");
    put_text(out, "name", progress->name);
    put_text(out, "line", line.data);
    put_text(out, "checkpoint", progress->checkpoint);
    put_text(out, "method", progress->method);
    put_text(out, "stop", progress->state ? progress->state : dh_stop_text(progress->counts.stop));
    put_statuses(progress, out);
    put_count(out, "done", done_count(progress));
    put_count(out, "max_evaluations", (uint64_t)progress->settings->search.max_evaluations);
    put_best(progress, out);
    put_count(out, "running", progress->counts.running);
    put_count(out, "ready", progress->counts.ready);
    put_count(out, "workers", progress->counts.workers);
    put_count(out, "slots", progress->counts.slots);
    put_count(out, "ended_here", progress->counts.ended_here);
    put_count(out, "retried", progress->counts.retried);
    put_count(out, "lost", progress->counts.lost);
    put_usage("slot_seconds", &progress->usage, out);
    put_usage("slot_seconds_before", &progress->usage_before, out);
    put_number(out, "elapsed", progress->elapsed);
    put_number(out, "rate", progress->rate);
    put_number(out, "left", progress->left);
    put_number(out, "ask_seconds", progress->ask_seconds);
    put_count(out, "late_asks", progress->late_asks);
    put_text(out, "host", host);
    put_count(out, "pid", (uint64_t)getpid());
    put_count(out, "machine", dh_machine_number());
    put_text(out, "version", DH_VERSION);
    put_number(out, "wall_time", progress->wall_time);
    dh_buffer_printf(out, "\"finished\": %s}\n", progress->finished ? "true" : "false");
    dh_buffer_free(&line);
}

/* All of `data` into the new file `path`. */
static dh_status write_new(const char *path, const struct dh_buffer *data, struct dh_error *err)
{
    unlink(path); /* what a dead process left */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return dh_fail(err, DH_IO, "cannot create %s: %s", path, strerror(errno));
    int cause = dh_file_write(fd, data->data, data->size, NULL);
    if (close(fd) != 0 && !cause)
        cause = errno;
    return cause ? dh_fail(err, DH_IO, "cannot write %s: %s", path, strerror(cause)) : DH_OK;
}

dh_status dh_report_write_status(const char *path, const struct dh_progress *progress,
                                 struct dh_error *err)
{
    struct dh_buffer json = {0};
    const char *owner = dh_path_name(progress->checkpoint); /* searches may share a folder */
    char *temporary = dh_strprintf("%s.%s.tmp", path, owner);
    dh_report_status_json(progress, &json);
    dh_status status = write_new(temporary, &json, err);
    if (status == DH_OK && rename(temporary, path) != 0)
        status = dh_fail(err, DH_IO, "cannot replace %s: %s", path, strerror(errno));
    if (status != DH_OK)
        unlink(temporary);
    free(temporary);
    dh_buffer_free(&json);
    return status;
}

char *dh_report_status_path(const char *checkpoint)
{
    int folder = (int)(dh_path_name(checkpoint) - checkpoint);
    return dh_strprintf("%.*sstatus.json", folder, checkpoint);
}
