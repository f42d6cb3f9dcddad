/* The program: roles of a process, wired from the rooms.
 *
 * main() parses the arguments, starts the launcher, opens the transport, and then calls the one
 * function of its role; nothing below that knows its rank. This room does not link MPI.
 */
#ifndef DH_MPI_APP_H
#define DH_MPI_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "dh_mpi/comm.h"
#include "dh_mpi/config.h"
#include "dh_mpi/eval.h"
#include "dh_mpi/log.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"
#include "dh_mpi/walltime.h"

struct dh_app_options {
    const char *config_path; /* borrowed from argv, like the overrides */
    const char **overrides;  /* owned array */
    size_t override_count;
    bool check, fresh, help, probe, version;
    enum dh_log_level level;
};

/* Fill from the arguments; free with dh_app_options_free also on failure (DH_USAGE). */
dh_status dh_app_options_parse(int argc, char **argv, struct dh_app_options *out,
                               struct dh_error *err);
void dh_app_options_free(struct dh_app_options *options);
/* What --help and --version print. */
void dh_app_print_about(const struct dh_app_options *options, FILE *out);

/* A configuration made ready for use: what every role needs. */
struct dh_app_setup {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
};

/* Read and validate all of it but what only the evaluating machine can tell. */
dh_status dh_app_setup_read(const char *path, const char *const *overrides, size_t count,
                            struct dh_app_setup *out, struct dh_error *err);
/* The same from the text that rank 0 sent; `path` is the file's path there. */
dh_status dh_app_setup_parse(const char *path, const char *text, struct dh_app_setup *out,
                             struct dh_error *err);
void dh_app_setup_free(struct dh_app_setup *setup);

/* What is valid in it and probably not meant, a line "file:line: text" each: a value that becomes
 * another one, a placeholder where none is replaced. */
void dh_app_warnings(const struct dh_app_setup *setup, struct dh_buffer *out);

struct dh_place;
/* `--check` and `dhctl check`: validate everything that can be known before a run (space, method,
 * evaluator, checkpoint to resume unless `fresh`) and describe the plan in `out`. `launcher`: see
 * dh_eval_check. `places` (place.h) of `size` ranks: also how ranks and slots fit the machine;
 * NULL: it is not this one. */
dh_status dh_app_plan(const struct dh_app_setup *setup, bool fresh, struct dh_launcher *launcher,
                      const struct dh_place *places, int size, struct dh_buffer *out,
                      struct dh_error *err);

/* Block SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 in this thread and all that it creates from now on
 * (so: before MPI creates any), and return a descriptor that is readable when one arrives; -1 on
 * failure. A worker never reads it: only the manager ends a search. */
int dh_app_signals_open(void);

/* How a process ends: what it returns, and whether it may close the transport with the others. */
struct dh_app_end {
    int code;
    bool alone;    /* somebody is lost */
    bool conducts; /* the search, as rank 0: what all processes return is up to it */
};

/* Say on `log` what failed; the exit code that belongs to it. */
int dh_app_fail(const struct dh_log *log, const struct dh_error *err);
/* For job scripts, since launchers lose exit codes (Open MPI 4.1's mpiexec --enable-recovery
 * returns 0 for any): into the file that DH_EXIT_FILE names, if it names one, goes `code`, or
 * "running" where that is negative. For the process that conducts the search, at its start, before
 * MPI_Init if it can, and before it leaves: whoever finds "running" afterwards knows that it was
 * killed. The second is written over the first, so that a disk that is full meanwhile can take it.
 */
void dh_app_note_exit(const struct dh_log *log, int code);
/* End the process's part of the search: together with the other ranks where that is possible, and
 * then the exit code is returned. Otherwise MPI_Finalize would wait for those that are lost, so the
 * process ends here, without it: where the launcher takes that for a crash, by ending the whole job
 * with its code, if it conducts the search, or else by waiting for that. `*comm` may be NULL and is
 * NULL afterwards. */
int dh_app_leave(struct dh_comm **comm, struct dh_app_end end, const struct dh_log *log);

/* The roles. Each returns the process's exit code and has said on `log` what went wrong. The
 * transport stays open; main leaves it. `launcher` is the process's own, stopped by main; `signals`
 * is of dh_app_signals_open, `walltime` of dh_walltime_ask. */
/* `comm` NULL: without a launcher. All ranks; rank 0 describes the plan for all of them. */
int dh_app_check(const struct dh_app_options *options, struct dh_comm *comm,
                 struct dh_launcher *launcher, const struct dh_log *log);
/* Rank 0, with dh_app_work on all other ranks. Nothing in here is collective, so that any of them
 * may be lost, but the moment in which all open the board (meeting.h). The launcher is stopped once
 * the configuration is known to be good: rank 0 evaluates nothing. */
struct dh_app_end dh_app_manage(const struct dh_app_options *options, struct dh_comm *comm,
                                struct dh_launcher **launcher, int signals,
                                const struct dh_walltime *walltime, const struct dh_log *log);
/* Every other rank. `communicator`: see dh_eval_create. */
struct dh_app_end dh_app_work(struct dh_comm *comm, struct dh_launcher *launcher,
                              const void *communicator, const struct dh_log *log);
/* Manager and one worker in this process, without a launcher's MPI. */
int dh_app_alone(const struct dh_app_options *options, struct dh_launcher *launcher, int signals,
                 const struct dh_walltime *walltime, const struct dh_log *log);

#endif
