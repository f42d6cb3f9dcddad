/* What the manager shows while it runs: progress lines, status.json, checkpoints when due. */
#ifndef DH_MPI_APP_WATCH_H
#define DH_MPI_APP_WATCH_H

#include "dh_mpi/report.h"
#include "manager.h"
#include "session.h"

#define DH_RATE_SAMPLES 60

struct dh_watch {
    const struct dh_session *session;
    const struct dh_manager *manager;
    const struct dh_log *log;
    FILE *terminal; /* NULL unless progress goes to a terminal */
    char *status_path;
    double start;
    double next_line, line_gap;
    double next_status;
    double next_checkpoint;
    struct {
        double time;
        uint64_t ended;
    } samples[DH_RATE_SAMPLES]; /* ring of the last seconds, for the rate */
    size_t sample_count;
    bool status_failed; /* said once */
};

/* `progress_to` is where lines go if it is a terminal; otherwise they go to the log. */
void dh_watch_start(struct dh_watch *watch, const struct dh_session *session,
                    const struct dh_manager *manager, const struct dh_log *log, FILE *progress_to);
void dh_watch_end(struct dh_watch *watch);
/* Do what is due at `now`; cheap when nothing is. Errors of a checkpoint are returned. */
dh_status dh_watch_tick(struct dh_watch *watch, double now, struct dh_error *err);
/* The picture of this moment; borrows from session and manager. */
void dh_watch_picture(const struct dh_watch *watch, double now, bool finished,
                      struct dh_progress *out);
/* Give the store the account of the slots' time up to `now`, with that of the runs before. */
void dh_watch_note_usage(const struct dh_watch *watch, double now);
/* The last line, the last status.json. */
void dh_watch_finish(struct dh_watch *watch, double now);

#endif
