/* Ranks that say, one after the other, that they cannot evaluate. What is wrong everywhere (a
 * module's name) is told of once, at the end of the search; what is wrong with a machine while
 * others work, soon: those with the same reason in one message.
 */
#ifndef DH_MPI_APP_UNFIT_H
#define DH_MPI_APP_UNFIT_H

#include <stdbool.h>
#include <stddef.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/log.h"
#include "peers.h"

/* Seconds from the first until they are told of, though nobody has been seen to evaluate: about as
 * long as others may take to say the same. */
#define DH_UNFIT_PATIENCE 10.0

/* Ranks of one reason. */
struct dh_unfit_kind {
    char *text;
    struct dh_buffer names;
    int count;
};

struct dh_unfit {
    struct dh_unfit_kind *kinds; /* not told of yet */
    size_t count, capacity;
    double since; /* the first of them */
};

void dh_unfit_close(struct dh_unfit *unfit);
void dh_unfit_add(struct dh_unfit *unfit, const struct dh_peers *peers, int rank, const char *text,
                  double now);
/* Are they to be told of at `now`? `works`: somebody has been seen to evaluate. */
bool dh_unfit_due(const struct dh_unfit *unfit, bool works, double now);
/* Tell of them, but of those with the reason `but` (may be NULL), and forget them all. */
void dh_unfit_tell(struct dh_unfit *unfit, const char *but, const struct dh_log *log);

#endif
