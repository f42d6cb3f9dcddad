/* Method "ambs": asynchronous model-based search. What its files share; private to this room.
 *
 *   events  ->  data (results, pending trials)  ->  live model  ->  pool, climbs  ->  point
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
enum ambs_design {
    AMBS_DESIGN_AUTO,
    AMBS_RANDOM,
    AMBS_SOBOL,
    AMBS_HALTON,
    AMBS_HAMMERSLEY,
    AMBS_LHS,
    AMBS_MAXIMIN,
    AMBS_GRID
};
enum ambs_failures { AMBS_FAILED_AUTO, AMBS_FAILED_WORST, AMBS_FAILED_MEAN, AMBS_FAILED_IGNORE };
enum ambs_scaling {
    AMBS_SCALING_AUTO,
    AMBS_SCALING_IDENTITY,
    AMBS_SCALING_MINMAX,
    AMBS_SCALING_LOG,
    AMBS_SCALING_QUANTILE,
    AMBS_SCALING_POWER
};
enum ambs_transfers { AMBS_TRANSFER_MODEL, AMBS_TRANSFER_TOP, AMBS_TRANSFER_BEST };
#define AMBS_LEVELS 4
#define AMBS_EFFORT_AUTO (-1) /* option "effort": 0 … 3, or this */

struct ambs_options {
    int surrogate, acquisition, schedule, liar, strategy, design, failures, scaling, transfer;
    double kappa, xi;
    int64_t initial_points, candidates, trees, effort;
};
#define AMBS_OPTION_COUNT 15
extern const struct dh_option ambs_option_table[AMBS_OPTION_COUNT];
/* Name in the table of models that option `surrogate` means; NULL for auto. */
const char *ambs_surrogate_name(int surrogate);
const char *ambs_transfer_name(int transfer);

/* ---- the model's view of a point: ambs_features.c ---- */

/* Parameters with more than one value, in their order: numbers and ordinals by their place in
 * [0, 1], categories and bools by their index, NaN where inactive. */
struct ambs_features {
    const struct dh_space *space;
    size_t count;
    size_t *parameter; /* of each feature */
    struct dh_feature *list;
    bool *wide; /* a number of so many values that it is as good as real */
};

void ambs_features_make(struct ambs_features *features, const struct dh_space *space);
void ambs_features_free(struct ambs_features *features);
void ambs_features_encode(const struct ambs_features *features, const double *point, double *x);
/* Back: exact for what encode gave. Inactive parameters are NaN in `point`. */
void ambs_features_decode(const struct ambs_features *features, const double *x, double *point);
/* From one value of a number or ordinal to the next, in [0, 1]; 0 where there is but one, or no
 * lattice. */
double ambs_cell(const struct dh_parameter *parameter);
/* A place that a step left [0, 1] by, reflected at the bound, then held. */
double ambs_reflect(double u);

/* ---- objective values as the model learns them: ambs_transform.c ---- */

struct ambs_transform {
    enum ambs_scaling scaling; /* not AUTO, which is for the fit to resolve */
    double clip;               /* larger values become this first */
    double scale;              /* then divides, so that nothing overflows */
    double center, width;      /* of the power transform's input; of the range otherwise */
    double share;              /* of the range, added before the logarithm */
    double lambda;             /* of the Yeo-Johnson power transform */
    double *sorted;            /* QUANTILE: values seen; owned */
    size_t sorted_count;
    double mean, deviation; /* of what comes out, which is standardised by them */
};

/* Learn from `count` finite values (>= 1) to be minimised. `share` of their range is added before a
 * logarithm, 0: as much as is usual; other scalings ignore it. */
void ambs_transform_fit(struct ambs_transform *transform, enum ambs_scaling scaling, double share,
                        const double *y, size_t count);
double ambs_transform_apply(const struct ambs_transform *transform, double y);
/* log of the slope of a POWER or LOG transform at y, which makes a density of transformed values
 * one of values. What is clipped counts as clipped: every transform learns the same values so. */
double ambs_transform_log_slope(const struct ambs_transform *transform, double y);
void ambs_transform_free(struct ambs_transform *transform);

/* ---- arrays whose elements stay where they are: ambs_array.c ---- */

#define AMBS_BLOCKS 48
struct ambs_array {
    size_t size; /* of an element; set by the user, the rest zeroed */
    size_t count;
    void *blocks[AMBS_BLOCKS];
};

void ambs_array_free(struct ambs_array *array);
/* A new last element, its memory not set. */
void *ambs_array_push(struct ambs_array *array);
void *ambs_array_at(const struct ambs_array *array, size_t index);

/* ---- the pending trials: ambs_pending.c ---- */

#define AMBS_NO_SLOT UINT32_MAX
struct ambs_slot {
    uint64_t id;
    uint32_t row;
    uint32_t before, after; /* in the order of their proposals */
};
struct ambs_pending {
    size_t count;
    struct ambs_slot *slots; /* a trial keeps its slot while it is pending */
    size_t slot_count, slot_capacity;
    uint32_t first, last;          /* if count > 0 */
    uint32_t unused, unused_count; /* slots */
    uint32_t *places;              /* slots by a hash of their id */
    size_t place_count;
};

void ambs_pending_free(struct ambs_pending *pending);
/* The slot of trial `id`; AMBS_NO_SLOT if it is not pending. */
uint32_t ambs_pending_find(const struct ambs_pending *pending, uint64_t id);
/* `id` must not be there. Returns its slot. */
uint32_t ambs_pending_add(struct ambs_pending *pending, uint64_t id, uint32_t row);
void ambs_pending_drop(struct ambs_pending *pending, uint32_t slot);

/* ---- what has happened: ambs_data.c ---- */

/* PROPOSED: now pending. Otherwise it is not any more: y is its value to be minimised, NaN if it
 * failed; GONE: it told nothing. */
enum ambs_event_kind { AMBS_PROPOSED, AMBS_ENDED, AMBS_GONE };
struct ambs_event {
    enum ambs_event_kind kind;
    uint32_t slot; /* among the pending; AMBS_NO_SLOT of a result that never was */
    uint32_t row;
    double y;
};
struct ambs_result {
    double y; /* to be minimised, NaN: failed */
    uint32_t row;
};

#define AMBS_TOP 32   /* best results, parents of candidates */
#define AMBS_EARLY 64 /* results that say how far values differ */

/* When the best result last became better by more than a trifle: a thousandth of what lies between
 * it and the lower quartile of the first results (so that penalties may be most of them). */
struct ambs_progress {
    size_t results;           /* how many there were then */
    double bar;               /* the best one then */
    double early[AMBS_EARLY]; /* the first successes, ascending */
    size_t early_count;
};
/* The `results`-th result succeeded with `y`. */
void ambs_progress_note(struct ambs_progress *progress, size_t results, double y);

struct ambs_data {
    const struct ambs_features *features;
    struct ambs_array rows;    /* points, of features->count doubles, in the order heard of */
    struct ambs_array results; /* in the order told */
    size_t succeeded, first_success;
    size_t top[AMBS_TOP]; /* the best results, ascending */
    size_t top_count;
    struct ambs_progress progress;
    struct ambs_pending pending;
    uint64_t since_result; /* proposals since the last result */
    /* The mark: how many results it covers, and what happened since, beginning with the
     * proposals that were pending then; how many those were, and the most at once since. */
    size_t mark, pending_then, crowd;
    struct ambs_array since; /* of events */
    bool hold;               /* a fit under way still needs the mark */
};

/* `data` is zeroed before. */
void ambs_data_make(struct ambs_data *data, const struct ambs_features *features);
void ambs_data_free(struct ambs_data *data);
/* Point and value of a result. */
const double *ambs_data_x(const struct ambs_data *data, size_t result);
double ambs_data_y(const struct ambs_data *data, size_t result);
/* The point of a pending trial, or NULL. */
const double *ambs_data_pending(const struct ambs_data *data, uint64_t id);
/* False if it was pending already; otherwise `event` is what models have to hear. */
bool ambs_data_propose(struct ambs_data *data, uint64_t id, const double *x,
                       struct ambs_event *event);
/* The trial is not pending any more; `kind` as in an event. `x` is its point, if it was not. */
void ambs_data_end(struct ambs_data *data, uint64_t id, enum ambs_event_kind kind, const double *x,
                   double y, struct ambs_event *event);
/* How many more results the next mark is away from this one. */
size_t ambs_data_gap(const struct ambs_data *data);
/* Set the mark here if it is time for one. After a hold: call it. */
void ambs_data_mark(struct ambs_data *data);

/* ---- a model that is kept current: ambs_live.c ---- */

#define AMBS_MEMBERS 3
/* The lie told of a pending trial, by its slot; handle -1: none. */
struct ambs_lie {
    int64_t handle[AMBS_MEMBERS];
};
#define AMBS_NO_LIE ((struct ambs_lie){{-1, -1, -1}})
/* Values as one member learns them. */
struct ambs_scale {
    struct ambs_transform transform;
    double best;            /* least transformed value, kept current */
    double low, mean, high; /* of the values fitted to */
    bool elected;           /* the transform, of several */
};
struct ambs_live {
    const struct ambs_options *options;
    const struct ambs_features *features;
    const struct ambs_array *rows;
    struct dh_model *members[AMBS_MEMBERS]; /* views of the same results */
    size_t member_count;
    struct dh_model *failing; /* how likely a point is to fail; NULL: nothing has failed */
    struct ambs_scale scales[AMBS_MEMBERS]; /* of each member */
    size_t fitted;                          /* results there were when it was fitted … */
    size_t learnt;                          /* … and those of them that its first member learnt */
    struct ambs_lie *lies;
    size_t lie_count, lie_capacity;
};

/* What a fit needs; it borrows the options and the data, of which it reads only what does not
 * change any more: results and events up to a count. */
struct ambs_fit {
    const struct ambs_options *options;
    const struct ambs_data *data;
    const struct dh_model_kind *kinds[AMBS_MEMBERS];
    size_t most[AMBS_MEMBERS]; /* results it learns from, half of them the best; 0: all */
    double most_noise[AMBS_MEMBERS];
    bool elects[AMBS_MEMBERS]; /* its values take the transform under which they are likeliest */
    size_t kind_count;
    size_t count; /* of results to learn from */
    uint64_t seed;
    int threads;
    bool joined;            /* if it had a thread, that has ended */
    double ready;           /* in a simulation: when its thread would have ended … */
    bool followed;          /* … with what happened meanwhile */
    struct ambs_live *old;  /* a model that nobody asks any more: to be destroyed */
    struct ambs_live *live; /* out; NULL if no kind could be fitted */
    struct dh_error error;  /* of the kind that could not */
    size_t heard;           /* events since the mark played to `live` */
    atomic_size_t events;   /* … and how many there are */
    atomic_bool done;
};

void ambs_fit_run(struct ambs_fit *fit);
/* Play events to the new model until it is as current as can be, or almost. `done` says that it
 * is. */
void ambs_fit_follow(struct ambs_fit *fit);
/* Play at most so many of them; true when all are. */
bool ambs_fit_hear(struct ambs_fit *fit, size_t most);
void ambs_live_destroy(struct ambs_live **live);
/* Play an event to the model. */
void ambs_live_hear(struct ambs_live *live, const struct ambs_event *event);
/* Features by whose bounds the epistemic variance of member `view` is discounted; NULL: none. Only
 * that of a Gaussian process is, which is the kind that has a gradient. */
const bool *ambs_live_bounded(const struct ambs_live *live, size_t view);
/* Mean and deviation of each row of x, as member `view` sees it; `epistemic` leaves the noise out
 * of the deviation. Near bounds the rest is discounted (dh_acquisition_inside). As far as a point
 * is likely to fail it is worth no more than a middling one. */
void ambs_live_predict(const struct ambs_live *live, size_t view, const double *x, size_t count,
                       bool epistemic, double *mean, double *deviation);

/* ---- the method's state and its ask: ambs.c, ambs_model.c, ambs_candidates.c, ambs_choose.c ----
 */

struct ambs_pool;     /* kept between asks of the lowest level: ambs_pool.c */
struct ambs_transfer; /* where old results were good: ambs_transfer.c */

struct ambs {
    const struct dh_search_context *context;
    struct ambs_options options;
    struct ambs_features features;
    struct ambs_data data;
    struct dh_map seen; /* identities proposed or told */
    double sign;
    int cores;

    const struct dh_search_method *design;
    struct dh_search_context design_context; /* ours, but for the setting that it is to blame */
    void *design_options, *design_state;
    size_t initial_points;

    struct ambs_live *live;
    struct ambs_live *retired; /* the model before, for the next fit's thread to destroy */
    struct ambs_fit *fit;      /* under way on `thread`, or catching up */
    pthread_t thread;
    const char *said; /* the surrogate named last in the log */

    struct ambs_pool *pool;
    struct ambs_transfer *transfer; /* NULL: the prior says where to look */
    double seconds[AMBS_LEVELS];    /* that an ask took at each level, smoothed */
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
    size_t view;     /* which member of the model judges */
    bool epistemic;
    bool local; /* candidates come of the best results alone, if there are any; none climbs */
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

/* Seconds by the clock that asks are timed by. */
double ambs_now(const struct ambs *ambs);
/* Bring the model up to date for an ask at this level: fit, or begin a fit, if one is due.
 * ambs_model.c */
void ambs_model_refresh(struct ambs *ambs, unsigned level);
void ambs_model_hear(struct ambs *ambs, const struct ambs_event *event);
void ambs_model_free(struct ambs *ambs);

/* What takes the place of the prior, by option `transfer`; NULL if no old result succeeded. Refuses
 * a search without `warm_start`. ambs_transfer.c */
dh_status ambs_transfer_create(const struct ambs *ambs, struct ambs_transfer **out,
                               struct dh_error *err);
void ambs_transfer_destroy(struct ambs_transfer **transfer);
/* A settled and feasible point near good old ones. False for a share of draws, where constraints
 * hold rarely there, and without a transfer: the prior's turn. */
bool ambs_transfer_draw(const struct ambs_transfer *transfer, struct dh_random *random,
                        double *point);

/* Choose the acquisition that judges this ask's candidates, what keeps them apart, and where they
 * come from. ambs_judge.c */
void ambs_judge_by(struct ambs_ask *ask);
/* Fill `points` with `count` candidates (fewer where constraints hold rarely). */
void ambs_candidates(struct ambs_ask *ask, size_t count, struct ambs_points *points);
/* A changed copy of the row `parent`; false if what came out is infeasible. `scale`: deviation of
 * a number's step; `changes`: expected number of features changed. */
bool ambs_mutate(struct ambs_ask *ask, const double *parent, double scale, double changes,
                 double *x);
/* Rows that differ from `x` in one feature (every other category, the next values on a lattice, a
 * step of deviation `scale`), at most `count` of them, into `points`; if there are more, chance
 * says which, and changes several at once now and then; if there are fewer, so it fills the rest.
 */
void ambs_neighbours(struct ambs_ask *ask, const double *x, double scale, size_t count,
                     struct ambs_points *points);

/* What an ask does at a level. */
struct ambs_effort {
    size_t pool, starts; /* candidates, of which so many climb */
    size_t rounds, neighbours;
    size_t steps; /* by gradient */
};
/* Climb from row `start` to a local maximum of the score; it becomes a further row of `points`,
 * which has room for it. ambs_climb.c */
void ambs_climb(struct ambs_ask *ask, const struct ambs_effort *effort, struct ambs_points *points,
                size_t start);
/* Predict and score the rows from `first` on. */
void ambs_score(struct ambs_ask *ask, struct ambs_points *points, size_t first);
/* With MES: draw minima from what is known of `points`, and score them. */
void ambs_draw_minima(struct ambs_ask *ask, struct ambs_points *points);
/* Was the row never proposed? Leaves its point in `point`. */
bool ambs_is_new(const struct ambs *ambs, const double *x, double *point);
/* Best point that is new, into `point`; false if there is none. */
bool ambs_choose(struct ambs_ask *ask, double *point);
/* The same from the kept pool, in bounded time. */
bool ambs_choose_pooled(struct ambs_ask *ask, double *point);
void ambs_pool_destroy(struct ambs_pool **pool);
/* The best new row of `points`, by the ask's strategy; SIZE_MAX if all were proposed. */
size_t ambs_pick(struct ambs_ask *ask, const struct ambs_points *points, double *point);

#endif
