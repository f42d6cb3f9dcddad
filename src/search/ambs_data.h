/* What has happened: results and pending trials, and the mark up to which a model is fitted. */
#ifndef DH_SEARCH_AMBS_DATA_H
#define DH_SEARCH_AMBS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ambs_array.h"
#include "ambs_features.h"
#include "ambs_pending.h"

/* PROPOSED: now pending. Otherwise it is not any more: y is its value to be minimised, NaN if it
 * failed; GONE: it told nothing. */
enum ambs_event_kind { AMBS_PROPOSED, AMBS_ENDED, AMBS_GONE };
struct ambs_event {
    enum ambs_event_kind kind;
    uint32_t slot; /* among the pending; AMBS_NO_SLOT of a result that never was */
    uint32_t row;
    double y;
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

#endif
