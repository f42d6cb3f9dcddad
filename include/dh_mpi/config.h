/* The configuration: libconfig text as a tree of nodes, strictly unpacked by those who use it.
 *
 * `dh_config_read` turns a file and its overrides into a tree that remembers file and line of
 * every setting. Each component then unpacks its own group through a table of options: unknown
 * keys, wrong types and values out of range are errors with "file:line:" and, for a misspelt key,
 * the nearest known name. So a new method or evaluator brings its own table, and this room does
 * not change. Nobody but src/config sees libconfig.
 */
#ifndef DH_MPI_CONFIG_H
#define DH_MPI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/status.h"

enum dh_node_kind {
    DH_NODE_GROUP,
    DH_NODE_LIST,
    DH_NODE_BOOL,
    DH_NODE_INT,
    DH_NODE_REAL,
    DH_NODE_TEXT
};

/* One setting. Groups and lists (libconfig's arrays count as lists) own their children. */
struct dh_node {
    enum dh_node_kind kind;
    char *name;       /* NULL inside a list */
    const char *file; /* where it was written; "--set PATH=VALUE" for overrides; owned by the
                         config */
    int line;         /* 0: has none (the root, overrides) */
    int64_t integer;  /* BOOL and INT */
    double number;    /* BOOL, INT and REAL */
    char *text;       /* TEXT */
    struct dh_node **children;
    size_t child_count;
};

struct dh_config; /* owns the tree */

/* Read and parse `path` and apply `overrides` ("search.max_evaluations=20",
 * "parameters.lr.high = 0.5", "parameters[0].high=1": list entries by index or by their `name`;
 * the value is libconfig syntax, or taken as text if it is not). Errors: DH_IO if it cannot be
 * read, DH_CONFIG with file:line for syntax, or naming the override. */
dh_status dh_config_read(const char *path, const char *const *overrides, size_t override_count,
                         struct dh_config **out, struct dh_error *err);
/* The same from memory, e.g. the text in a checkpoint; `name` stands for the file in messages. Such
 * a text may be anybody's: an @include in it is an error, no file is opened. */
dh_status dh_config_parse(const char *name, const char *text, struct dh_config **out,
                          struct dh_error *err);
void dh_config_destroy(struct dh_config **config);

const struct dh_node *dh_config_root(const struct dh_config *config);
/* The tree as libconfig text that parses back to the same tree (overrides applied, includes
 * expanded). Borrowed. */
const char *dh_config_text(const struct dh_config *config);
/* The path given to dh_config_read, borrowed; and the folder it is in ("." for a bare name). */
const char *dh_config_path(const struct dh_config *config);
const char *dh_config_folder(const struct dh_config *config);

/* Child by name, or NULL (also when `group` is NULL). */
const struct dh_node *dh_node_child(const struct dh_node *group, const char *name);
/* Of a group without a child of that name: DH_CONFIG for the one whose name is likely a misspelling
 * of it, or else DH_OK. */
dh_status dh_node_misspelled(const struct dh_node *group, const char *what, const char *name,
                             struct dh_error *err);
/* "group", "list", "boolean", "integer", "number", "text", for messages. */
const char *dh_node_kind_name(enum dh_node_kind kind);
/* "file:line: text" into err with DH_CONFIG; returns DH_CONFIG. `node` may be NULL. */
dh_status dh_node_fail(struct dh_error *err, const struct dh_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum dh_option_type {
    DH_OPTION_BOOL,     /* bool */
    DH_OPTION_INT,      /* int64_t, within [low, high] */
    DH_OPTION_REAL,     /* double, within [low, high]; integers are accepted */
    DH_OPTION_TEXT,     /* const char *, borrowed from the node; NULL when absent */
    DH_OPTION_CHOICE,   /* int, index into `choices` */
    DH_OPTION_DURATION, /* double, seconds; a number or a text ("10m"); within [low, high] */
    DH_OPTION_BYTES,    /* double, bytes; a number or a text ("2G"); within [low, high] */
    DH_OPTION_NODE,     /* const struct dh_node *, unpacked by the caller; NULL when absent */
};

struct dh_option {
    const char *name;
    enum dh_option_type type;
    size_t offset; /* of the field in the unpacked struct */
    bool required;
    double fallback;            /* default of all but TEXT and NODE (for CHOICE an index) */
    double low, high;           /* both 0: any */
    const char *const *choices; /* NULL-terminated; CHOICE only */
    const char *help;           /* one line for the user; `dhctl check --methods` prints those of
                                   search methods */
};

/* What an option takes and its default, for the user: "integer between 1 and 64; default 3". */
void dh_option_describe(const struct dh_option *option, struct dh_buffer *out);

/* Unpack `group` (NULL: all defaults) into `out` by `options`. `what` names the group in
 * messages, e.g. "optimizer (method random)". Several problems are reported together, a line
 * each, in the order of the file. */
dh_status dh_config_unpack(const struct dh_node *group, const char *what,
                           const struct dh_option *options, size_t count, void *out,
                           struct dh_error *err);

/* Do claims go through the board (board.h)? AUTO: where it works without rank 0's help. */
enum dh_window_use { DH_WINDOW_AUTO, DH_WINDOW_ON, DH_WINDOW_OFF };

/* The settings that belong to the program as a whole. Texts are borrowed from the config. */
struct dh_settings {
    const struct dh_config *config;
    struct dh_search_settings {
        const char *name; /* default: the configuration's file name without ending */
        int64_t seed;
        int64_t max_evaluations; /* 0: no limit */
        double max_time;         /* seconds; 0: no limit */
        double grace;            /* seconds in which running evaluations may end after a stop */
        double walltime_margin;  /* seconds between the end of these and that of the job */
        double target;           /* NaN: none */
        int64_t patience;        /* finished evaluations without improvement; 0: no limit */
        int64_t max_failures;    /* stop after so many failures in a row; 0: no limit */
    } search;
    struct dh_objective {
        const char *name;
        bool maximize;
    } * objectives; /* owned */
    size_t objective_count;
    struct dh_checkpoint_settings {
        const char *file; /* absolute or beside the working directory; default NAME.h5 */
        double interval;  /* seconds between checkpoints */
        double sync;      /* seconds between syncs of the journal */
    } checkpoint;
    struct dh_scheduler_settings {
        double lost_after;    /* seconds of silence after which a rank counts as lost */
        double lost_in_rank;  /* the same while a plugin runs in the rank; 0: no limit */
        int64_t lost_retries; /* of a trial whose worker was lost */
    } scheduler;
    struct dh_comm_settings {
        int window; /* enum dh_window_use */
    } comm;
    const struct dh_node *parameters, *constraints, *initial, *warm_start, *optimizer, *evaluator;
    char *owned_name, *owned_file; /* storage of the two defaults */
};

/* Unpack and check the top level: unknown groups, search, objectives (default: one, named
 * "objective", maximised), checkpoint, scheduler and comm; `parameters` and `evaluator` must be
 * there. Borrows `config`, which must outlive the result. */
dh_status dh_settings_unpack(const struct dh_config *config, struct dh_settings *out,
                             struct dh_error *err);
/* Can a history of `old` go on with `now`? DH_CONFIG if the objectives differ; the space has its
 * own comparison. */
dh_status dh_settings_compare(const struct dh_settings *old, const struct dh_settings *now,
                              struct dh_error *err);
void dh_settings_free(struct dh_settings *settings);
/* "maximize" or "minimize". */
const char *dh_objective_goal(const struct dh_objective *objective);
/* {"NAME": VALUE, …} of all objectives; `values` in their order, NULL: none is known. What is not
 * finite is null. */
void dh_objectives_format_json(const struct dh_settings *settings, const double *values,
                               struct dh_buffer *out);

#endif
