/* The fit of a model. */
#ifndef DH_SEARCH_AMBS_FIT_H
#define DH_SEARCH_AMBS_FIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ambs_live.h"
#include "ambs_plan.h"

/* What a fit needs; it borrows the options and the data, of which it reads only what does not
 * change any more: results and events up to a count. */
struct ambs_fit {
    const struct ambs_options *options;
    const struct ambs_data *data;
    struct ambs_plan plan;
    size_t count;   /* of results to learn from … */
    size_t pending; /* … and of the proposals after them that were pending at the mark */
    uint64_t seed;
    int threads;
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

#endif
