/* What people see of a search: progress lines, status.json, the summary at the end.
 *
 * A report is made from a `struct dh_progress`, a plain picture of the search at one moment that
 * the manager fills (live) or dhctl fills from a checkpoint; the functions that turn it into text
 * are pure.
 */
#ifndef DH_MPI_REPORT_H
#define DH_MPI_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/config.h"
#include "dh_mpi/history.h"
#include "dh_mpi/sched.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"

struct dh_progress {
    const char *name;       /* of the search; borrowed, like all pointers here */
    const char *checkpoint; /* path */
    const char *method;
    const struct dh_settings *settings;
    const struct dh_space *space;
    const struct dh_history *history;
    struct dh_sched_counts counts;
    struct dh_usage usage;        /* of this run */
    struct dh_usage usage_before; /* of the runs before, as the checkpoint knows them */
    double elapsed;               /* seconds of this run */
    double rate;                  /* ended trials per second, over the last while */
    double left;        /* seconds until the budget or time limit, by the rate; NaN: unknown */
    uint64_t late_asks; /* slots waited longer than an ask should take; of several slots */
    double ask_seconds; /* mean time of an ask */
    double wall_time;   /* when the picture was taken */
    bool finished;      /* the process is ending */
    const char *state;  /* instead of why it stopped, where that is not known; or NULL */
};

/* A picture from the history alone, for a search that does not run now: counts and incumbent;
 * times and rates are unknown. Borrows everything. */
void dh_report_progress_of(const char *checkpoint, const struct dh_settings *settings,
                           const struct dh_space *space, const struct dh_history *history,
                           struct dh_progress *out);

/* One line without newline: "37/200 done, 2 failed | best 0.9781 (#21) | 3.1/s | 94% busy | left
 * 0:52". */
void dh_report_line(const struct dh_progress *progress, struct dh_buffer *out);
/* Show it on a terminal, in place of the one before; the last one, of the finished search, stays.
 */
void dh_report_show_line(const struct dh_progress *progress, FILE *terminal);
/* The summary at the end: best configuration ready to paste, where the history is, counts by
 * status and reason, use of worker time. */
void dh_report_summary(const struct dh_progress *progress, struct dh_buffer *out);
/* status.json's content; "line" is the progress line, for people. */
void dh_report_status_json(const struct dh_progress *progress, struct dh_buffer *out);
/* Write that to `path`, atomically (a temporary file named after the checkpoint, too, renamed). */
dh_status dh_report_write_status(const char *path, const struct dh_progress *progress,
                                 struct dh_error *err);
/* status.json in the folder of `checkpoint`; the caller frees it. */
char *dh_report_status_path(const char *checkpoint);

#endif
