/* The table of search methods and the reading of their settings; private to this room. */
#ifndef DH_SEARCH_METHODS_H
#define DH_SEARCH_METHODS_H

#include "dh_mpi/search.h"

extern const struct dh_search_method dh_search_random;
extern const struct dh_search_method dh_search_sobol;
extern const struct dh_search_method dh_search_halton;
extern const struct dh_search_method dh_search_hammersley;
extern const struct dh_search_method dh_search_lhs;
extern const struct dh_search_method dh_search_grid;
extern const struct dh_search_method dh_search_list;
extern const struct dh_search_method dh_search_ambs;

/* The method that settings->optimizer names (default: the first of the table). An unknown name is
 * DH_CONFIG with file:line and the nearest known one. */
dh_status dh_method_find(const struct dh_settings *settings, const struct dh_search_method **out,
                         struct dh_error *err);
/* The method's options, unpacked; the caller frees them. NULL on failure. */
void *dh_method_unpack(const struct dh_search_method *method, const struct dh_settings *settings,
                       struct dh_error *err);

/* The state of a method that walks a sequence of points begins with this. */
struct dh_walk {
    uint64_t cursor; /* points passed, those of trials that were proposed before included */
    bool strange;    /* the last trial of a method whose cursor went further was not of this walk */
    bool dear;       /* a point of it takes long where one stands for a whole set */
};
/* Does the trial's cursor tell how far this walk came? That of a trial of another method, or of
 * this one with other settings or another seed, does not: where it stands, the walk has another
 * point. What was proposed by no method (a user's point, say) goes by the trials before it. A walk
 * whose points are dear is not looked at again while it goes on. In a small sequence a point may be
 * the same by chance, and none may be left out: from the first one that is another on it begins
 * anew, and passes what is known. */
bool dh_walk_passes(const struct dh_search_method *method, void *state,
                    const struct dh_space *space, const struct dh_trial *trial);
/* `propose` of such a method: a resumed walk goes on behind the last trial's point. */
void dh_walk_propose(void *state, const struct dh_trial *trial);

/* Points of a set, by option `size` of a method: where that is 0 as many as the search has
 * evaluations, or DH_SET_SIZE if it has no limit. */
#define DH_SET_SIZE 64
uint64_t dh_set_size(const struct dh_search_context *context, int64_t size);

/* The least `levels` (from 2 on, in growing steps) with which the method "grid" has at least
 * `points` points before constraints, or the most that make a difference. */
int64_t dh_grid_levels(const struct dh_space *space, uint64_t points);

/* Index of draw `attempt` (under 1024) of trial `id` in the SAMPLE stream. Attempts from
 * DH_SEARCH_ATTEMPTS on are the front's own. */
static inline uint64_t dh_draw_index(uint64_t id, unsigned attempt)
{
    return id << 10 | attempt;
}

#endif
