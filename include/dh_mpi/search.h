/* Searches: ask for points, tell what became of them.
 *
 * A method never calls an evaluation, never waits for one and knows no ranks. This front does
 * what is the same for all methods: user-given points first, no point twice, every point settled,
 * canonical and feasible, and the exact end of a finite space. A method is one file and one line
 * in the table of methods.c.
 *
 * Proposals are numbered by the trial id that they will get. All randomness of proposal `id` comes
 * from (seed, stream, id), and what little position a method has (how far a sequence was used) is
 * the `cursor` returned with each proposal, so a search resumes from the history alone: replay
 * every trial in the order of its events.
 *
 * Not thread-safe: one thread (the proposer) owns a search.
 */
#ifndef DH_MPI_SEARCH_H
#define DH_MPI_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/clock.h"
#include "dh_mpi/config.h"
#include "dh_mpi/history.h"
#include "dh_mpi/lanes.h"
#include "dh_mpi/log.h"
#include "dh_mpi/space.h"
#include "dh_mpi/status.h"

/* Where a proposal came from: `origin` of a trial. */
enum dh_origin {
    DH_ORIGIN_USER,
    DH_ORIGIN_DESIGN,
    DH_ORIGIN_METHOD,
    DH_ORIGIN_ENUMERATED,
    DH_ORIGIN_LATE /* the manager's own, because the method's answer was late */
};
const char *dh_origin_text(uint32_t origin);
/* How many trials came from there. */
uint64_t dh_origin_count(const struct dh_history *history, uint32_t origin);

struct dh_proposal {
    double *point; /* in: room for dh_space_count values; out: canonical and feasible */
    double budget; /* in: seconds this ask may take before a slot waits for it; INFINITY: any */
    uint64_t identity;
    uint64_t cursor;
    enum dh_origin origin;
    uint32_t level;
};

/* What a method may use; everything is borrowed for its lifetime. */
struct dh_search_context {
    const struct dh_space *space;
    const struct dh_settings *settings;
    uint64_t seed;
    const struct dh_log *log;
    const char *setting; /* of `optimizer` that chose the method, for messages; NULL: "method" */
    /* Settled points that the caller has read from files (this room reads none), count ×
     * dh_space_count; NULL: none. */
    const double *points; /* of dh_search_list_file, for the method "list" */
    size_t point_count;
    /* Of the files of `warm_start`: settled points and their objectives (count × objective_count;
     * NaN: failed or not known). A method that learns is created with them and they are not
     * proposed again unless it `retries`; another refuses them. */
    const double *warm_points, *warm_objectives;
    size_t warm_count;
    double timeout; /* seconds that an evaluation may take: see dh_trial_cut_short; 0: not known */
    const struct dh_clock *clock; /* that asks are timed by; NULL: dh_clock_monotonic */
    const struct dh_lanes *lanes; /* in place of threads, on that clock; NULL: threads */
};

struct dh_search_method {
    const char *name;
    const char *summary; /* one line, for `dhctl check --methods` */
    /* The method's own settings in `optimizer`, unpacked into `options_size` bytes. The front
     * adds "method". */
    const struct dh_option *options;
    size_t option_count;
    size_t options_size;
    /* The points that it walks over, one an attempt, are all that is to be proposed: the front asks
     * for more than DH_SEARCH_ATTEMPTS, and at their end, which is DH_EXHAUSTED, it looks for no
     * others. (A Sobol' sequence ends, too, but stands for the whole space.) */
    bool closed;
    bool learns; /* from results: what it proposes depends on what it is told */
    /* With these options, may points of `warm_start` be proposed again? NULL: never. */
    bool (*retries)(const void *options);
    /* An ask may take longer than about a millisecond: it belongs on a thread of its own. Answering
     * the quick methods in place saves two context switches a trial. */
    bool slow;

    /* `options` is borrowed until destroy. `*state` is NULL when it is called, and what it leaves
     * there is destroyed also when it fails. */
    dh_status (*create)(const struct dh_search_context *context, const void *options, void **state,
                        struct dh_error *err);
    void (*destroy)(void *state);
    /* Propose the point of trial `id` into proposal->point (settled; the front checks constraints
     * and duplicates and asks again with attempt + 1, at most DH_SEARCH_ATTEMPTS times). Sets
     * cursor, and origin and level where they differ from METHOD and 0. DH_EXHAUSTED: the
     * sequence has ended (grid, list). */
    dh_status (*ask)(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err);
    /* A trial was proposed (by this method or another source; also on resume). May be NULL. */
    void (*propose)(void *state, const struct dh_trial *trial);
    /* A trial has ended; called once for each, in order of the events. May be NULL. */
    void (*tell)(void *state, const struct dh_trial *trial);
};

#define DH_SEARCH_ATTEMPTS 1000
/* Steps of a sequence, or of the enumeration of a finite space, in a row without a new feasible
 * point, after which the constraints hold too rarely. */
#define DH_SEARCH_STEPS 20000000

struct dh_search;

/* The file whose points the caller must put into the context: `file` of the method "list", as
 * written; NULL where no file is wanted. Borrowed. */
const char *dh_search_list_file(const struct dh_settings *settings);

/* The methods there are, the default first: NULL-terminated. */
const struct dh_search_method *const *dh_search_methods(void);

/* Does the method that settings->optimizer asks for learn (see dh_search_method)? False where there
 * is no such method. */
bool dh_search_learns(const struct dh_settings *settings);

/* Build the search that settings->optimizer asks for (method: default "ambs"). Reads
 * settings->initial. Borrows its arguments. */
dh_status dh_search_create(const struct dh_search_context *context, struct dh_search **out,
                           struct dh_error *err);
void dh_search_destroy(struct dh_search **search);
/* The method's name, e.g. "random". */
const char *dh_search_name(const struct dh_search *search);
/* Is its method slow (see dh_search_method)? */
bool dh_search_slow(const struct dh_search *search);
/* The points of `warm_start` that are never proposed: the context's, or none where the method
 * `retries`. count × dh_space_count; borrowed. */
const double *dh_search_known(const struct dh_search *search, size_t *count);

/* The point of trial `id` (ids are asked in order: after create or replay, the next one). The
 * proposal counts as made: it is never made again. DH_EXHAUSTED: no unproposed feasible point is
 * left; DH_CONFIG: the constraints hold too rarely. A point of `initial` that was proposed before
 * is skipped. */
dh_status dh_search_ask(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                        struct dh_error *err);
/* Tell that a proposal became a trial, and that a trial ended. */
void dh_search_propose(struct dh_search *search, const struct dh_trial *trial);
void dh_search_tell(struct dh_search *search, const struct dh_trial *trial);
/* Resume: propose and tell everything in `history`, in the order of its events. For trials not
 * asked from this object. Points that only cancelled trials have may be proposed again. */
void dh_search_replay(struct dh_search *search, const struct dh_history *history);

/* +1 if the first objective is to be minimised, -1 if maximised: objective times sign is what
 * gets smaller. */
double dh_search_sign(const struct dh_settings *settings, size_t objective);

#endif
