/* How far a method that walks a sequence of points came: see methods.h. */
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "methods.h"

void dh_walk_propose(void *state, const struct dh_trial *trial)
{
    struct dh_walk *walk = state;
    if (trial->cursor > walk->cursor)
        walk->cursor = trial->cursor;
}

/* Cursors from here on are no walk's; and a walk may have to be wound to where it is looked at. */
#define NO_WALK (UINT64_C(1) << 62)

bool dh_walk_passes(const struct dh_search_method *method, void *state,
                    const struct dh_space *space, const struct dh_trial *trial)
{
    struct dh_walk *walk = state;
    if (trial->cursor <= walk->cursor)
        return true;
    if (trial->origin != DH_ORIGIN_METHOD && trial->origin != DH_ORIGIN_DESIGN)
        return !walk->strange;
    if (method->closed && walk->strange)
        return false;
    uint64_t steps = trial->cursor - walk->cursor;
    bool own = !method->closed && !walk->strange; /* so far */
    if (own && (steps == DH_SEARCH_ATTEMPTS ||
                (walk->dear && walk->cursor > 0 && steps < DH_SEARCH_ATTEMPTS)))
        return true; /* as many steps without a new point end in a point of the front's own */
    walk->strange = true;
    if (walk->dear && steps > DH_SEARCH_ATTEMPTS)
        return false; /* no ask comes so far */
    uint64_t stands = walk->cursor;
    struct dh_proposal there = {.point = dh_alloc(dh_space_count(space), sizeof(double))};
    walk->cursor = trial->cursor - 1;
    if (walk->cursor < NO_WALK && method->ask(state, trial->id, 0, &there, NULL) == DH_OK)
        walk->strange = !dh_space_equal(space, there.point, trial->values);
    walk->cursor = method->closed && walk->strange ? 0 : stands;
    free(there.point);
    return !walk->strange;
}
