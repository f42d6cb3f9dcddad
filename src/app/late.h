/* Proposals of the main thread itself, for slots that have waited too long for the search's.
 *
 * An ask that is under way for longer than it should take is not waited for: the slot gets a
 * perturbation of one of the best points, a matter of microseconds, and the ask's answer is kept
 * for the next slot. Which asks are overdue is kept here, too.
 */
#ifndef DH_MPI_APP_LATE_H
#define DH_MPI_APP_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/hash.h"
#include "dh_mpi/history.h"
#include "dh_mpi/space.h"

#define DH_LATE_BEST 16

struct dh_late_asks {
    double since; /* when they were asked for */
    uint64_t count;
};

struct dh_late {
    const struct dh_space *space;
    const struct dh_history *history;
    uint64_t seed;
    bool maximize;
    uint64_t best[DH_LATE_BEST]; /* trials, best first */
    size_t best_count;
    struct dh_late_asks *asks; /* under way, oldest first: asks[first … count) */
    size_t first, count, capacity;
    struct dh_map seen; /* identities of excluded points, and of the trials below `known` (but those
                           cancelled in earlier runs), which are filled in when it is needed */
    uint64_t known;
    bool gave; /* a point */
};

/* Borrows `space` and `history`, of which it learns the best. */
void dh_late_open(struct dh_late *late, const struct dh_space *space,
                  const struct dh_history *history, uint64_t seed, bool maximize);
void dh_late_close(struct dh_late *late);
/* Points that are not to be proposed though they are no trials': count × dh_space_count. */
void dh_late_exclude(struct dh_late *late, const double *points, size_t count);

/* `trial` has ended. */
void dh_late_learn(struct dh_late *late, const struct dh_trial *trial);
/* `count` asks were made at `now`; the oldest was answered. */
void dh_late_asked(struct dh_late *late, uint64_t count, double now);
void dh_late_answered(struct dh_late *late);
/* When the oldest was made; INFINITY: none is under way. */
double dh_late_oldest(const struct dh_late *late);
/* Asks made by `then`. */
uint64_t dh_late_overdue(const struct dh_late *late, double then);
/* The oldest ask was replaced at `now`: its answer is for a slot that waits from now on. */
void dh_late_replaced(struct dh_late *late, double now);

/* A new feasible point for the next trial, neither a trial's nor excluded: near one of the best, or
 * from the prior while there is none. False if none was found in a few attempts. */
bool dh_late_point(struct dh_late *late, double *point, uint64_t *identity);
/* Is a point of that identity known, as a trial's or excluded? For answers that may repeat what was
 * given out here; false while nothing was. */
bool dh_late_repeats(struct dh_late *late, uint64_t identity);

#endif
