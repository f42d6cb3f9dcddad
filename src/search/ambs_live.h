/* A model that is kept current. */
#ifndef DH_SEARCH_AMBS_LIVE_H
#define DH_SEARCH_AMBS_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "ambs_data.h"
#include "ambs_options.h"
#include "ambs_transform.h"
#include "dh_mpi/model.h"

#define AMBS_MEMBERS 3

/* Is it a Gaussian process? That is the one kind that has a gradient. */
static inline bool ambs_is_process(const struct dh_model_kind *kind)
{
    return kind->gradient != NULL;
}

/* Values as one member learns them. */
struct ambs_scale {
    struct ambs_transform transform;
    double best;            /* least transformed value, kept current */
    double low, mean, high; /* of the values fitted to */
    bool elected;           /* the transform, of several */
};

/* Results that a model takes in beyond those that it was fitted to: all, or if its time grows with
 * all that it holds, so many. Those of a burst that come before the next fit, which is due by half
 * of them, are the next model's. */
#define AMBS_ROOM 200
struct ambs_intake {
    bool limited;
    size_t results; /* since the fit, if it is limited */
};

/* What a member has heard of whose time grows with all that it holds: its newest lies. */
struct ambs_recent {
    size_t most;            /* that it holds; 0: all, of which there is no record */
    size_t passed_over;     /* the next so many are not told: newer ones are to come */
    size_t next;            /* where in `told` the next goes, in place of the oldest */
    struct ambs_told *told; /* most */
};

/* One view of the results. */
struct ambs_member {
    struct dh_model *model;
    struct ambs_scale scale;
    struct ambs_intake intake;
    struct ambs_recent recent;
};

struct ambs_live {
    const struct ambs_options *options;
    const struct ambs_features *features;
    const struct ambs_array *rows;
    struct ambs_member members[AMBS_MEMBERS];
    size_t member_count;
    struct dh_model *failing; /* how likely a point is to fail; NULL: nothing has failed */
    struct ambs_intake failing_intake;
    size_t fitted;         /* results there were when it was fitted … */
    size_t learnt;         /* … and those of them that its first member learnt */
    struct ambs_lie *lies; /* told of pending trials, by their slots */
    size_t lie_count, lie_capacity;
};

void ambs_member_free(struct ambs_member *member);
/* It takes in AMBS_ROOM results, and holds at most so many lies at a time, the newest; the first
 * `passed_over` that it will hear of are not among them. */
void ambs_member_limit(struct ambs_member *member, size_t most, size_t passed_over);
/* Does a failure teach the members nothing? */
bool ambs_leaves_out_failed(const struct ambs_options *options);
/* If it does teach them something: the value it counts as. */
double ambs_failed_value(const struct ambs_options *options, const struct ambs_scale *scale);

void ambs_live_destroy(struct ambs_live **live);
/* Play an event to the model. */
void ambs_live_hear(struct ambs_live *live, const struct ambs_event *event);
/* Features by whose bounds the epistemic variance of member `view` is discounted; NULL: none. Only
 * that of a Gaussian process is. */
const bool *ambs_live_bounded(const struct ambs_live *live, size_t view);
/* Mean and deviation of each row of x, as member `view` sees it; `epistemic` leaves the noise out
 * of the deviation. Near bounds the rest is discounted (dh_acquisition_inside). As far as a point
 * is likely to fail it is worth no more than a middling one. */
void ambs_live_predict(const struct ambs_live *live, size_t view, const double *x, size_t count,
                       bool epistemic, double *mean, double *deviation);

#endif
