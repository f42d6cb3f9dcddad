/* Method "ambs": asynchronous model-based search. What its files share; private to this room.
 *
 *   events  ->  data (results, pending trials)  ->  live model  ->  pool, local search  ->  point
 *
 * Reproducibility rests on one rule: with a fixed level of effort, or an unlimited budget, what is
 * asked next is a function of the events so far (proposals and results, in their order) and of the
 * trial's id. A model therefore has no memory of earlier models: it is fitted from scratch to the
 * results as of a mark; marks are set by the number of results alone; and the events since the
 * mark are then played to it one by one. A resume, which hears the same events, builds the same
 * model.
 */
#ifndef DH_SEARCH_AMBS_H
#define DH_SEARCH_AMBS_H

#include <pthread.h>
#include <stdatomic.h>

#include "dh_mpi/acquisition.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/math.h"
#include "dh_mpi/model.h"
#include "methods.h"

/* ---- options: ambs_options.c ---- */

#define AMBS_SURROGATE_AUTO 0 /* the others by name: ambs_surrogate_name */
enum ambs_acquisition { AMBS_AUTO, AMBS_UCB, AMBS_LCB, AMBS_EI, AMBS_PI, AMBS_MES, AMBS_HEDGE };
#define AMBS_D_VARIANT (AMBS_HEDGE) /* added to the index: epistemic variance only */
enum ambs_liar { AMBS_LIE_AUTO, AMBS_LIE_MIN, AMBS_LIE_MEAN, AMBS_LIE_MAX, AMBS_LIE_BELIEF };
enum ambs_strategy {
    AMBS_SPREAD_AUTO,
    AMBS_SPREAD_NONE,
    AMBS_SPREAD_QUCB,
    AMBS_SPREAD_TOPK,
    AMBS_SPREAD_BOLTZMANN
};
enum ambs_design { AMBS_DESIGN_AUTO, AMBS_RANDOM, AMBS_SOBOL, AMBS_HALTON, AMBS_LHS };
enum ambs_failures { AMBS_FAILED_WORST, AMBS_FAILED_MEAN, AMBS_FAILED_IGNORE };
enum ambs_scaling {
    AMBS_SCALING_AUTO,
    AMBS_SCALING_IDENTITY,
    AMBS_SCALING_MINMAX,
    AMBS_SCALING_LOG,
    AMBS_SCALING_QUANTILE
};
#define AMBS_LEVELS 4
#define AMBS_EFFORT_AUTO (-1) /* option "effort": 0 … 3, or this */

struct ambs_options {
    int surrogate, acquisition, schedule, liar, strategy, design, failures, scaling;
    double kappa, xi;
    int64_t initial_points, candidates, trees, effort;
};
#define AMBS_OPTION_COUNT 14
extern const struct dh_option ambs_option_table[AMBS_OPTION_COUNT];
/* Name in the table of models that option `surrogate` means; NULL for auto. */
const char *ambs_surrogate_name(int surrogate);

/* ---- the model's view of a point: ambs_features.c ---- */

/* Parameters with more than one value, in their order: numbers and ordinals by their place in
 * [0, 1], categories and bools by their index, NaN where inactive. */
struct ambs_features {
    const struct dh_space *space;
    size_t count;
    size_t *parameter; /* of each feature */
    struct dh_feature *list;
};

void ambs_features_make(struct ambs_features *features, const struct dh_space *space);
void ambs_features_free(struct ambs_features *features);
void ambs_features_encode(const struct ambs_features *features, const double *point, double *x);
/* Back: exact for what encode gave. Inactive parameters are NaN in `point`. */
void ambs_features_decode(const struct ambs_features *features, const double *x, double *point);

/* ---- objective values as the model learns them: ambs_transform.c ---- */

struct ambs_transform {
    enum ambs_scaling scaling;
    double scale;         /* divides first, so that nothing overflows */
    double clip;          /* then larger values become this */
    double center, width; /* of the power transform's input, or of min-max */
    double lambda;        /* of the Yeo-Johnson power transform */
    double *sorted;       /* QUANTILE: values seen; owned */
    size_t sorted_count;
    double mean, deviation; /* of what comes out, which is standardised by them */
};

/* Learn from `count` finite values (>= 1) to be minimised. */
void ambs_transform_fit(struct ambs_transform *transform, enum ambs_scaling scaling,
                        const double *y, size_t count);
double ambs_transform_apply(const struct ambs_transform *transform, double y);
void ambs_transform_free(struct ambs_transform *transform);

/* ---- what has happened: ambs_data.c ---- */

/* PROPOSED: now pending. Otherwise it is not any more: y is its value to be minimised, NaN if it
 * failed; GONE: it told nothing. */
enum ambs_event_kind { AMBS_PROPOSED, AMBS_ENDED, AMBS_GONE };
struct ambs_event {
    enum ambs_event_kind kind;
    uint64_t id;
    double y;
    double *x; /* owned */
};
struct ambs_events {
    struct ambs_event *items;
    size_t count, capacity;
};

#define AMBS_TOP 32 /* best results, parents of candidates */

struct ambs_data {
    const struct ambs_features *features;
    double *x, *y; /* results in the order told; y to be minimised, NaN: failed */
    size_t count, x_capacity, y_capacity;
    size_t succeeded;
    size_t top[AMBS_TOP]; /* the best, ascending */
    size_t top_count;
    struct ambs_events pending; /* by id, each PROPOSED */
    uint64_t since_result;      /* proposals since the last result */
    /* The mark: how many results it covers, and what happened since, beginning with the
     * proposals that were pending then. */
    size_t mark;
    struct ambs_events since;
    bool hold; /* a fit under way still needs the mark */
};

void ambs_data_free(struct ambs_data *data);
/* False if it was pending already. */
bool ambs_data_propose(struct ambs_data *data, uint64_t id, const double *x);
/* The trial is not pending any more; `kind` as in an event. */
void ambs_data_end(struct ambs_data *data, uint64_t id, enum ambs_event_kind kind, const double *x,
                   double y);
const struct ambs_event *ambs_data_pending(const struct ambs_data *data, uint64_t id);
/* Set the mark here if it is time for one. After a hold: call it. */
void ambs_data_mark(struct ambs_data *data);
/* Append a copy. */
void ambs_events_push(struct ambs_events *events, const struct ambs_event *event, size_t width);
void ambs_events_clear(struct ambs_events *events);

/* ---- a model that is kept current: ambs_live.c ---- */

#define AMBS_MEMBERS 2
struct ambs_lie {
    uint64_t id;
    int64_t handle[AMBS_MEMBERS];
};
struct ambs_live {
    const struct ambs_options *options;
    struct dh_model *members[AMBS_MEMBERS]; /* predictions are averaged */
    size_t member_count;
    struct ambs_transform transform;
    size_t fitted;          /* results it was fitted to */
    double best;            /* least transformed value, kept current */
    double low, mean, high; /* of the values fitted to */
    struct ambs_lie *lies;  /* by id */
    size_t lie_count, lie_capacity;
};

/* What a fit needs; it borrows nothing but the options and the features. */
struct ambs_fit {
    const struct ambs_options *options;
    const struct ambs_features *features;
    const struct dh_model_kind *kinds[AMBS_MEMBERS];
    size_t kind_count;
    double *x, *y; /* owned if `copied`, otherwise of the data */
    size_t count;
    bool copied;
    uint64_t seed;
    int threads;
    struct ambs_live *live; /* out; NULL if no kind could be fitted */
    struct dh_error error;  /* of the kind that could not */
    atomic_bool done;
};

void ambs_fit_run(struct ambs_fit *fit);
void ambs_live_destroy(struct ambs_live **live);
/* Play an event to the model. */
void ambs_live_hear(struct ambs_live *live, const struct ambs_event *event);
/* Mean and deviation of each row of x; `epistemic` leaves the noise out of the deviation. */
void ambs_live_predict(const struct ambs_live *live, const double *x, size_t count, bool epistemic,
                       double *mean, double *deviation);

/* ---- the method's state and its ask: ambs.c, ambs_model.c, ambs_candidates.c, ambs_choose.c ----
 */

struct ambs_pool; /* kept between asks of the lowest level: ambs_pool.c */

struct ambs {
    const struct dh_search_context *context;
    struct ambs_options options;
    struct ambs_features features;
    struct ambs_data data;
    struct dh_map seen; /* identities proposed or told */
    double sign;
    int cores;

    const struct dh_search_method *design;
    void *design_options, *design_state;
    size_t initial_points;

    struct ambs_live *live;
    struct ambs_fit *fit; /* under way on `thread` */
    pthread_t thread;
    const char *said; /* the surrogate named last in the log */

    struct ambs_pool *pool;
    double seconds[AMBS_LEVELS]; /* that an ask took at each level, smoothed */
    uint8_t *sources; /* of each result told: which of EI, LCB, PI proposed it; 3: neither */
    size_t source_count, source_capacity;
    double *point; /* scratch: one point */
};

/* One ask: where its random numbers come from and how it judges points. */
struct ambs_ask {
    struct ambs *ambs;
    uint64_t id;
    unsigned level;
    struct dh_random random;
    struct dh_acquisition acquisition;
    unsigned hedged; /* which of EI, LCB, PI gp_hedge took */
    bool epistemic;
    enum ambs_strategy strategy;
    double minima[16];
};

/* Points with what the model says of them. */
struct ambs_points {
    size_t count, width;
    double *x; /* count × width */
    double *mean, *deviation, *score;
};
void ambs_points_make(struct ambs_points *points, size_t capacity, size_t width);
void ambs_points_free(struct ambs_points *points);

/* Bring the model up to date for an ask at this level: fit, or begin a fit, if one is due.
 * ambs_model.c */
void ambs_model_refresh(struct ambs *ambs, unsigned level);
void ambs_model_hear(struct ambs *ambs, const struct ambs_event *event);
void ambs_model_free(struct ambs *ambs);

/* Fill `points` with `count` candidates (fewer where constraints hold rarely). */
void ambs_candidates(struct ambs_ask *ask, size_t count, struct ambs_points *points);
/* A changed copy of the row `parent`; false if what came out is infeasible. `scale`: deviation of
 * a number's step; `changes`: expected number of features changed. */
bool ambs_mutate(struct ambs_ask *ask, const double *parent, double scale, double changes,
                 double *x);
/* Predict and score the rows from `first` on. */
void ambs_score(struct ambs_ask *ask, struct ambs_points *points, size_t first);
/* Best point that is new, into `point`; false if there is none. */
bool ambs_choose(struct ambs_ask *ask, double *point);
/* The same from the kept pool, in bounded time. */
bool ambs_choose_pooled(struct ambs_ask *ask, double *point);
void ambs_pool_destroy(struct ambs_pool **pool);
/* The best new row of `points`, by the ask's strategy; SIZE_MAX if all were proposed. */
size_t ambs_pick(struct ambs_ask *ask, const struct ambs_points *points, double *point);

#endif
