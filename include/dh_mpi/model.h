/* Surrogates: regression models that say how sure they are.
 *
 * A surrogate learns y (to be minimised, already transformed to about mean 0 and deviation 1)
 * from rows x of `feature_count` doubles: a number in [0, 1], or a category's index 0 …
 * levels - 1; NaN where the parameter is inactive, which is information, not a gap. Between fits
 * it is kept current: observations are added to and taken from it one at a time (a pending
 * trial's lie goes in when it is proposed and out when its value arrives) without a new fit, and
 * the result equals a fit of the same structure from scratch.
 *
 * A model is used by one thread at a time, except that `predict` may run on several. Results
 * depend on the seed and on the order of rows, never on the number of threads.
 */
#ifndef DH_MPI_MODEL_H
#define DH_MPI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/status.h"

struct dh_feature {
    uint32_t levels; /* 0: a number in [0, 1]; otherwise so many categories */
    bool optional;   /* can be inactive (NaN) */
};

/* Rows to learn from; borrowed during a call. */
struct dh_rows {
    const double *x; /* count × feature_count, row by row */
    const double *y; /* count, finite */
    size_t count;
};

struct dh_model_setup {
    const struct dh_feature *features; /* borrowed for the model's lifetime */
    size_t feature_count;
    uint64_t seed;
    int threads; /* at most so many for one fit or one large predict; >= 1 */
    /* Settings; 0 means the kind's default. Kinds ignore those that do not concern them. */
    struct {
        size_t trees;         /* of a forest, or boosting rounds */
        size_t min_leaf;      /* rows in a leaf */
        double feature_share; /* of the features tried at a split, (0, 1] */
        double most_noise;    /* variance against that of y (gp) */
    } tune;
};

/* Predictions at `count` points; each array has `count` entries and may be NULL. */
struct dh_prediction {
    double *mean;
    double *aleatoric; /* variance of the noise at the point */
    double *epistemic; /* variance of the mean: what more data would take away */
};

/* Of one point; the arrays are the caller's. */
struct dh_gradient {
    double mean, aleatoric, epistemic;
    double *by_mean, *by_epistemic;
};

struct dh_model;

struct dh_model_kind {
    const char *name;    /* "rf", "et", "gbrt", "gp", "dummy", … */
    const char *summary; /* one line, for `dhctl check --methods` */
    bool blind;          /* what it predicts has nothing to do with what it learnt */
    /* Fit to `rows` (count >= 1). DH_INTERNAL with a reason if it cannot (gp: no positive
     * definite matrix even with the largest jitter). */
    dh_status (*fit)(const struct dh_model_setup *setup, const struct dh_rows *rows,
                     struct dh_model **out, struct dh_error *err);
    void (*destroy)(struct dh_model *model);
    void (*predict)(const struct dh_model *model, const double *x, size_t count,
                    const struct dh_prediction *out);
    /* Keep current: an observation in (returns a handle >= 0), or out again. */
    int64_t (*add)(struct dh_model *model, const double *x, double y);
    void (*remove)(struct dh_model *model, int64_t handle);
    /* An observation in that stays: needs no handle. NULL: add. */
    void (*learn)(struct dh_model *model, const double *x, double y);
    /* What was added under this handle has the value y and stays; the handle is not used any more.
     * The result is that of remove and learn. NULL: remove and learn. */
    void (*settle)(struct dh_model *model, int64_t handle, double y);
    /* What the model says of x, and the gradients of mean and epistemic variance with respect to
     * the numeric features (feature_count entries; 0 for categories and inactive ones). The
     * aleatoric variance is the same everywhere. NULL: not differentiable. */
    void (*gradient)(const struct dh_model *model, const double *x, struct dh_gradient *out);
    /* Log likelihood of all it has learnt, given its parameters: log p(y | x), in which y has the
     * units it was given in. With the logarithms of the slopes added, it compares fits to
     * transforms of the same y. NULL: none. */
    double (*evidence)(const struct dh_model *model);
};

/* Every kind's model begins with this. */
struct dh_model {
    const struct dh_model_kind *kind;
};

/* The kinds there are: NULL-terminated; by name, or NULL. */
const struct dh_model_kind *const *dh_model_kinds(void);
const struct dh_model_kind *dh_model_find(const char *name);
/* NULL-safe; nulls the handle. */
void dh_model_destroy(struct dh_model **model);

#endif
