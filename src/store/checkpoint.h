/* The checkpoint: the state of a search at one event, as an HDF5 file that people can read.
 *
 * /config                     the configuration text
 * /trials/id …                one dataset a field, a row a trial, in order of id; see dh_columns
 * /trials/objective           float64 (objective_0, objective_1 … for several), NaN: no value
 * /trials/parameters/NAME     real: float64; int: int64 (float64 if it can be inactive); choices
 *                             that are numbers: float64; other choices: fixed-length UTF-8.
 *                             Inactive: NaN, or "" (a text that is empty or begins with a quotation
 *                             mark has one more in front)
 * /slot_microseconds          a group: an int64 attribute for each use of time (usage.h), and one
 *                             named "failed", over all runs
 * attributes of /             format, version, dh_mpi, search, seed, host, created, written, event
 *
 * Numbers of eight bytes are kept exactly, texts that are "" come back as NULL, and rows of trials
 * that had not ended hold no outcome. checkpoint.c writes it, load.c reads it.
 */
#ifndef DH_STORE_CHECKPOINT_H
#define DH_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/config.h"
#include "dh_mpi/history.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"
#include "dh_mpi/usage.h"
#include "image.h"

#define DH_CHECKPOINT_FORMAT "dh_mpi checkpoint"
#define DH_CHECKPOINT_VERSION 1
#define DH_CHECKPOINT_USAGE "slot_microseconds"
#define DH_CHECKPOINT_ROWS 16384u /* rows of a block, and of a chunk of a larger dataset */

enum dh_column_kind {
    DH_COLUMN_U64,
    DH_COLUMN_U32,
    DH_COLUMN_I32,
    DH_COLUMN_F64,
    DH_COLUMN_STATUS,
    DH_COLUMN_TEXT,
    DH_COLUMN_KINDS
};

/* A field of struct dh_trial that is a dataset of its own. */
struct dh_column {
    const char *name;
    enum dh_column_kind kind;
    size_t offset;
    bool outcome; /* says something only once the trial has ended */
    bool noisy;   /* looks random: not worth compressing */
};

extern const struct dh_column dh_columns[];
extern const size_t dh_column_count;

/* The HDF5 type in memory and, in its portable form, in the file of a fixed-length text of `size`
 * bytes; of a text of any length. The caller closes them. */
hid_t dh_checkpoint_fixed_text(size_t size);
hid_t dh_checkpoint_free_text(void);
/* Is the parameter's column text, and of which length? */
bool dh_checkpoint_is_text(const struct dh_parameter *parameter);
size_t dh_checkpoint_text_size(const struct dh_parameter *parameter);
/* The text of a choice as the column has it; the caller frees it. */
char *dh_checkpoint_choice_text(const struct dh_choice *choice);
/* The dataset's name of objective i of n; the caller frees it. */
char *dh_checkpoint_objective_name(size_t i, size_t n);

/* The state at event `mark` as a sealed image. Reads the history as another thread may. */
dh_status dh_checkpoint_build(const char *config_text, const struct dh_settings *settings,
                              const struct dh_space *space, const struct dh_history *history,
                              uint64_t mark, const struct dh_usage *usage, struct dh_image *out,
                              struct dh_error *err);

struct dh_checkpoint; /* one that was verified, to be loaded */

/* DH_MISSING if it is not there, DH_CORRUPT if it is damaged, DH_CONFIG if it is of another
 * version of dh_mpi. */
dh_status dh_checkpoint_open(const char *path, struct dh_checkpoint **out, struct dh_error *err);
void dh_checkpoint_close(struct dh_checkpoint **checkpoint);
uint64_t dh_checkpoint_event(const struct dh_checkpoint *checkpoint);
/* Zero where the file does not say. */
struct dh_usage dh_checkpoint_usage(const struct dh_checkpoint *checkpoint);
const char *dh_checkpoint_config(const struct dh_checkpoint *checkpoint);
/* Fill the empty `history`, with values in the order of `space`. On DH_CORRUPT the history holds
 * garbage that only dh_history_clear can stand. */
dh_status dh_checkpoint_load(struct dh_checkpoint *checkpoint, const struct dh_space *space,
                             struct dh_history *history, struct dh_error *err);

#endif
