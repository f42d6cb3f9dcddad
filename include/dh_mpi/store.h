/* The store: a journal and an HDF5 checkpoint that together never lose an event.
 *
 * Files beside each other: NAME (the checkpoint, only ever replaced whole), NAME-journal (events
 * since), NAME-journal.N (older segments, N ascending, until no generation needs them),
 * NAME.previous (the checkpoint before), NAME.tmp (being written). Every event carries its number
 * (history.h), so a state is rebuilt from any valid checkpoint plus every journal record with a
 * higher number; replaying one twice is harmless, a gap is found.
 */
#ifndef DH_MPI_STORE_H
#define DH_MPI_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/config.h"
#include "dh_mpi/history.h"
#include "dh_mpi/log.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"
#include "dh_mpi/usage.h"

/* What a file held; owned (dh_store_image_free). */
struct dh_store_image {
    struct dh_history *history;
    char *config_text;        /* the configuration of the last run that wrote it */
    struct dh_config *config; /* parsed; owned */
    struct dh_settings settings;
    struct dh_space *space;    /* of that configuration */
    uint64_t checkpoint_event; /* events that came from the checkpoint; 0: there was none */
    uint64_t journal_events;   /* events that came from journals */
    uint64_t torn_bytes;       /* cut from the end of the last journal */
    bool used_previous;        /* NAME was damaged or missing and NAME.previous served */
    char *notes;               /* what was unusual, a line each; "" if nothing */
    struct dh_usage usage;     /* as the checkpoint has it: of all runs, up to that moment */
};

/* Read the state kept under `path` without changing anything (dhctl; a search may be running).
 * DH_MISSING if neither checkpoint nor journal is there; DH_CORRUPT if nothing usable is. */
dh_status dh_store_read(const char *path, struct dh_store_image *out, struct dh_error *err);
void dh_store_image_free(struct dh_store_image *image);

/* When the checkpoint or the journal last changed, in seconds since 1970; 0: neither is there. */
double dh_store_changed(const char *path);

/* A file under a path, looked at by itself. */
enum dh_file_state {
    DH_FILE_SOUND,
    DH_FILE_TORN,    /* a journal whose last record was cut short by a death: nothing counted */
    DH_FILE_DAMAGED, /* anything else that is wrong with it */
    DH_FILE_UNREAD   /* not known: it cannot be read, or is of another version */
};
const char *dh_file_state_text(enum dh_file_state state);

struct dh_store_file {
    char *path;
    enum dh_file_state state;
    bool checkpoint;                  /* otherwise a journal */
    uint64_t bytes, torn_bytes;       /* torn: behind the sound part of a journal */
    uint64_t first_event, last_event; /* of a journal's sound part, 0: none; last: a checkpoint's */
    uint64_t behind, behind_last;     /* a journal's sound events behind damage; the highest */
    char *problem;                    /* "" if there is none */
};

/* What dh_store_verify found. `status` is that of a resume, with `problem` if it is refused;
 * otherwise `image` is what it would begin with. */
struct dh_store_report {
    struct dh_store_file *files; /* that are there: checkpoints, then journals, oldest first */
    size_t count;
    dh_status status;
    char *problem; /* "" */
    struct dh_store_image image;
    uint64_t last_event; /* the highest that any file tells of: more than the image's are lost */
    char *holder;        /* the search that works on it now; NULL: none */
    bool damaged;        /* a file is, whether or not it matters */
    bool unread;         /* a file could not be read */
};

/* Look at every file under `path`, and at what a resume would see. Changes nothing. DH_MISSING if
 * nothing is there; damage is no failure. Free with dh_store_report_free, also on failure. */
dh_status dh_store_verify(const char *path, struct dh_store_report *out, struct dh_error *err);
void dh_store_report_free(struct dh_store_report *report);

struct dh_store; /* open for writing: owns the journal and the checkpoint thread */

/* Move everything kept under `path` aside as PATH.1 (or .2, …), for --fresh. `moved_to` (may be
 * NULL) receives the new name, to be freed by the caller, or NULL if there was nothing. */
dh_status dh_store_set_aside(const char *path, char **moved_to, struct dh_error *err);

/* Open `path` for a search in `space`: continue what is there (filling the empty `history`, which
 * the store borrows until close) or start anew. Takes the lock of `path`. A checkpoint of another
 * space is refused (DH_CONFIG, with what differs). `image` (may be NULL) receives what was found;
 * its history is NULL. The checkpoint and the journal get `settings`' configuration text. */
dh_status dh_store_open(const char *path, const struct dh_settings *settings,
                        const struct dh_space *space, struct dh_history *history,
                        const struct dh_log *log, struct dh_store **out,
                        struct dh_store_image *image, struct dh_error *err);

/* Record the event that just happened to `trial`; buffered until dh_store_write. */
void dh_store_proposed(struct dh_store *store, const struct dh_trial *trial);
void dh_store_ended(struct dh_store *store, const struct dh_trial *trial);
/* What the slots' time of all runs was used for, to be in every checkpoint from now on. It is not
 * an event: what came after the last checkpoint is not known any more after this process's death.
 */
void dh_store_set_usage(struct dh_store *store, const struct dh_usage *usage);
/* Hand what was recorded to the system (it then survives the death of this process). The sync to
 * disk follows within `checkpoint.sync` seconds on the store's own thread. Also returns errors of
 * that thread. After an error (full disk) the journal on disk ends with a whole record or a torn
 * one that a resume cuts; no event is acknowledged that is not in it, and the next call tries
 * again. Without the lock it is an error, but writes, unless another search has taken over. */
dh_status dh_store_write(struct dh_store *store, struct dh_error *err);
/* Start a checkpoint of the present state on the checkpoint thread, unless one is under way or
 * nothing happened since the last. Does not wait. `force`: wait for a running one, write, and
 * wait for the end; also where the journal cannot be written. */
dh_status dh_store_checkpoint(struct dh_store *store, bool force, struct dh_error *err);
/* Last checkpoint (forced) and end. `*store` is NULL afterwards also on failure; without a
 * checkpoint the journals hold everything, but for what the log tells the number of. */
dh_status dh_store_close(struct dh_store **store, struct dh_error *err);

/* The checkpoint that has `path` among its files by its name (NAME.previous, NAME-journal.N, …; not
 * NAME itself), with a checkpoint there; the caller frees it. NULL: none. */
char *dh_store_stem(const char *path);
/* Is `path` one of the files of `checkpoint`, by its name, there or not, or by any link? */
bool dh_store_holds(const char *checkpoint, const char *path);
/* May something else be written to `path`? DH_USAGE, naming it and why, if it is a file of a
 * checkpoint (of `checkpoint`, which may be NULL, also one that is not there yet), and if what is
 * there is a checkpoint, HDF5, a journal or a configuration. */
dh_status dh_store_spare(const char *path, const char *checkpoint, struct dh_error *err);

/* The history for other programs, to `out`; DH_IO. The columns are listed in export_csv.c, the
 * members in export_json.c. `history` and `space` as in an image. */
dh_status dh_export_csv(FILE *out, const struct dh_space *space, const struct dh_settings *settings,
                        const struct dh_history *history, struct dh_error *err);
dh_status dh_export_json(FILE *out, const struct dh_space *space,
                         const struct dh_settings *settings, const struct dh_history *history,
                         struct dh_error *err);
/* Rows of an old history, to replay or to start from. Columns are matched to `space` by name
 * ("p:lr" or "lr"); a parameter that is missing gets its preset, one that the space does not know
 * is ignored; both are said in `notes`. Rows with a value the space cannot take, or without any,
 * are skipped and counted. So are results that are called ok and have no value; without such a word
 * they are failures.
 *
 * An objective of a checkpoint is matched by its name; if its goal was another one, its values are
 * kept as they were reported, with a warning. One without a namesake is that of the same place if
 * their goals and the number of objectives are the same, with a note. One that is not there is a
 * note, but the first one of DH_IMPORT_RESULTS is an error: no search learns without it. */
struct dh_import {
    size_t count;
    double *points;     /* count × dh_space_count, settled */
    double *objectives; /* count × objective_count of `settings`; NaN: failed or not there */
    size_t skipped;
    size_t left_out; /* rows of trials that did not run to an end */
    char *notes;     /* a line each */
    char *warnings;  /* … of what values may mean */
    char *losses;    /* … of what does not count, or not as it may have been meant */
    char *moved;     /* … of values that the space has no digits for */
};
enum dh_import_rows {
    DH_IMPORT_POINTS,  /* of every trial that has ended: to evaluate them */
    DH_IMPORT_TRIED,   /* not of cancelled ones, of whose points nothing is known */
    DH_IMPORT_RESULTS, /* nor of pruned ones, whose last value is no result: to learn from them */
};
/* From a results.csv (DeepHyper's, ours, or any with a header) or, if it is one, a checkpoint. */
dh_status dh_import_read(const char *path, const struct dh_space *space,
                         const struct dh_settings *settings, enum dh_import_rows rows,
                         struct dh_import *out, struct dh_error *err);
void dh_import_free(struct dh_import *import);

#endif
