/* Method "ambs": asynchronous model-based search; private to this room. Its state is here, its
 * parts are in headers of their own:
 *
 *   events  ->  data (results, pending trials)  ->  live model  ->  pool, climbs  ->  point
 *               ambs_data.h                         ambs_live.h     ambs_ask.h
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

#include <stddef.h>
#include <stdint.h>

#include "ambs_data.h"
#include "ambs_features.h"
#include "ambs_options.h"
#include "dh_mpi/hash.h"
#include "methods.h"

struct ambs_design;
struct ambs_live;
struct ambs_task;     /* a fit under way: ambs_model.h */
struct ambs_pool;     /* kept between asks of the lowest level: ambs_pool.c */
struct ambs_transfer; /* where old results were good: ambs_transfer.c */

/* Whom gp_hedge credits with a proposal, and with what came of it. */
enum ambs_source { AMBS_BY_EI, AMBS_BY_LCB, AMBS_BY_PI, AMBS_BY_NONE };

struct ambs {
    const struct dh_search_context *context;
    struct ambs_options options;
    struct ambs_features features;
    struct ambs_data data;
    struct dh_map seen; /* identities of points not to be proposed again */
    double sign;
    int cores;

    struct ambs_design *design;
    size_t initial_points;

    struct ambs_live *live;
    struct ambs_live *retired; /* the model before, for the next fit's thread to destroy */
    struct ambs_task *task;    /* the next model, under way or catching up */
    const char *said;          /* the first surrogate named last in the log … */
    size_t said_count;         /* … and of how many */

    struct ambs_pool *pool;
    struct ambs_transfer *transfer; /* NULL: the prior says where to look */
    double seconds[AMBS_LEVELS];    /* that an ask took at each level, smoothed */
    double budget;                  /* of the last ask: seconds */
    uint8_t *sources;               /* of each result told */
    size_t source_count, source_capacity;
    double *point; /* scratch: one point */
};

/* Seconds by the clock that asks are timed by. */
double ambs_now(const struct ambs *ambs);

#endif
