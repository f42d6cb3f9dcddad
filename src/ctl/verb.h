/* Verbs of dhctl: one file each, one line in dhctl.c's table. */
#ifndef DH_MPI_CTL_VERB_H
#define DH_MPI_CTL_VERB_H

#include <getopt.h>

#include "dh_mpi/status.h"
#include "dh_mpi/store.h"

struct verb {
    const char *name;
    const char *arguments; /* as in a usage line */
    const char *summary;
    const char *help; /* options and an example */
    /* argv[0] is the verb. Writes its result to stdout. */
    dh_status (*run)(int argc, char **argv, struct dh_error *err);
};

extern const struct verb verb_check, verb_status, verb_best, verb_list, verb_show, verb_export,
    verb_sample, verb_simulate, verb_verify, verb_doctor;

/* The next option of a verb's table, as getopt_long; -1 at the end. '?' has set `err`. */
int verb_option(int argc, char **argv, const char *letters, const struct option *options,
                struct dh_error *err);
/* Exactly `count` arguments are left after the options? Otherwise DH_USAGE naming `what`. */
dh_status verb_operands(int argc, int count, const char *what, struct dh_error *err);
/* The two above for a verb whose one option is --json: `*json` says whether it was there. */
dh_status verb_json_operands(int argc, char **argv, int count, const char *what, bool *json,
                             struct dh_error *err);
/* A whole number >= 0 for `option`. */
dh_status verb_number(const char *option, const char *text, uint64_t *out, struct dh_error *err);

/* Read the checkpoint of `path`: the checkpoint itself, or the configuration that names it. Says
 * on stderr what was unusual about it. DH_MISSING is an error here that names the path. */
dh_status verb_read(const char *path, struct dh_store_image *image, struct dh_error *err);
/* The checkpoint's path for `path` (the same two kinds); the caller frees it. */
dh_status verb_checkpoint_path(const char *path, char **out, struct dh_error *err);

/* Search methods with what their options take, and surrogates, to stdout. */
void verb_print_methods(void);

/* Ids of all trials that succeeded, best first by the first objective (earlier first on ties); the
 * caller frees it. */
uint64_t *verb_ranking(const struct dh_store_image *image, uint64_t *count);

/* Has the trial's proposal a level of effort, since a model was asked for it? (Where it is 0 that
 * is said of what the search's last method is.) */
bool verb_has_level(const struct dh_store_image *image, const struct dh_trial *trial);
/* A trial as one JSON object, without newline. */
void verb_put_trial_json(const struct dh_store_image *image, const struct dh_trial *trial,
                         struct dh_buffer *out);
/* Rows of a table for people: header, then a row a trial, to stdout. */
void verb_print_table(const struct dh_store_image *image, const uint64_t *ids, uint64_t count);
/* The same rows as a JSON array. */
void verb_print_json(const struct dh_store_image *image, const uint64_t *ids, uint64_t count);

#endif
