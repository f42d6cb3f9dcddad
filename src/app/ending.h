/* How a search is ended from outside: by a signal, or because its time is up.
 *
 * Both only begin a stop: nothing is started any more, and what runs may end within search.grace
 * (less where the job ends before). What still runs then is cancelled, stays pending, and is
 * evaluated by the next run. A second signal cancels at once.
 *
 * A search that is finished (a target was reached) has cancelled at once what still ran. Only a
 * rank that is in a plugin may go on: it has the same time, and then is not waited for any more.
 */
#ifndef DH_MPI_APP_ENDING_H
#define DH_MPI_APP_ENDING_H

#include "manager.h"

struct dh_ending {
    struct dh_manager *manager;
    const struct dh_log *log;
    int signals;        /* of dh_app_signals_open */
    double grace;       /* seconds */
    double next_look;   /* for signals */
    double last_signal; /* -INFINITY: none yet */
    double cancel_at;   /* INFINITY: not draining */
    bool begun, cancelled;
};

void dh_ending_start(struct dh_ending *ending, struct dh_manager *manager, int signals,
                     double grace, const struct dh_log *log);
/* Look for signals and at the time. */
void dh_ending_heed(struct dh_ending *ending, double now);
/* When it has to be called next, whatever happens. */
double dh_ending_next_time(const struct dh_ending *ending);

#endif
