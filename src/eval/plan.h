/* What an evaluator is, once its settings have been read: shared by the pool in the rank and by
 * the launcher, which each make their own.
 *
 * A kind of evaluator is one file that defines a `const struct eval_kind`, and one line in the
 * table in plan.c.
 */
#ifndef DH_EVAL_PLAN_H
#define DH_EVAL_PLAN_H

#include "dh_mpi/buffer.h"
#include "dh_mpi/config.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"

struct eval_backend;
struct eval_runner;
struct eval_plan;

/* The settings that kinds have in common; each kind's own struct begins with it. */
struct eval_options {
    const char *type;
    int64_t slots;
    double timeout; /* seconds; 0: none */
    int64_t retries;
    /* Of kinds that run processes; zero for the others. */
    const char *runs;      /* folder of the run folders, or NULL */
    double kill_after;     /* seconds from being told to end to SIGKILL */
    double memory_limit;   /* bytes; 0: none */
    int64_t process_limit; /* processes; 0: none */
    double output_limit;   /* bytes kept of stdout, and of stderr, in a run folder */
    double metadata_limit; /* bytes */
    const struct dh_node *resources, *environment;
};

struct eval_kind {
    const char *name;
    size_t options_size;
    const struct dh_option *options; /* of this kind alone */
    size_t option_count;
    bool process; /* takes the options of processes */
    /* Check the kind's settings, find what they name, fill `plan->prepared`. */
    dh_status (*prepare)(struct eval_plan *plan, struct dh_error *err);
    void (*release)(struct eval_plan *plan);
    /* Who evaluates; NULL: a process that the launcher forks. */
    const struct eval_backend *(*backend)(const struct eval_plan *plan);
    int32_t (*ranks)(const struct eval_plan *plan); /* of one evaluation; NULL: 1 */
    const struct eval_runner *runner;               /* for the launcher; NULL: never runs there */
};

/* Look for what the settings name: find programs, load libraries, ask for limits. */
struct eval_probe {
    struct dh_launcher *launcher; /* loads libraries; NULL: a child of this process does */
};

struct eval_plan {
    const struct dh_settings *settings; /* borrowed */
    const struct dh_space *space;       /* borrowed */
    const struct eval_kind *kind;
    struct eval_options *options; /* really the kind's struct */
    void *prepared;               /* the kind's */
    char *folder;                 /* of the configuration, absolute */
    size_t objective_count;
    int32_t worker;
    bool starts_ranks;              /* the program is an MPI launcher */
    uint32_t threads;               /* of an evaluation; 0: it is told nothing (threads.h) */
    struct dh_buffer warnings;      /* lines "file:line: text" */
    const struct eval_probe *probe; /* while it is made; NULL: nothing is looked for */
};

/* `folder` NULL: the folder of the settings' configuration. With `probe` it looks for what the
 * settings name (the launcher and --check do, the pool of a rank leaves it to its launcher).
 * Everything is borrowed until free. */
dh_status eval_plan_create(const struct dh_settings *settings, const struct dh_space *space,
                           const char *folder, int32_t worker, const struct eval_probe *probe,
                           struct eval_plan **out, struct dh_error *err);
void eval_plan_free(struct eval_plan **plan);

/* Add a line to its warnings, about `node`. */
void eval_plan_warn(struct eval_plan *plan, const struct dh_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Where it evaluates. */
const struct eval_backend *eval_plan_backend(const struct eval_plan *plan);
/* The setting `name` of the evaluator, for the place of a message; else the evaluator itself. */
const struct dh_node *eval_plan_node(const struct eval_plan *plan, const char *name);
/* A boolean, number or text as a text the caller frees; NULL for a group or list. */
char *eval_node_text(const struct dh_node *node);
/* `path` itself if absolute, else beside the configuration; the caller frees it. */
char *eval_plan_path(const struct eval_plan *plan, const char *path);
/* An executable: through PATH if `name` has no slash, otherwise (or if not found there) beside
 * the configuration. NULL, or a path the caller frees. */
char *eval_plan_program(const struct eval_plan *plan, const char *name);
/* Of a `name` for which there is none: where it was looked for; the caller frees it. */
char *eval_plan_no_program(const struct eval_plan *plan, const char *name);

extern const struct eval_kind eval_kind_builtin, eval_kind_plugin, eval_kind_command,
    eval_kind_python;

#endif
