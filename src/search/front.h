/* The front of every search method, as its files share it; private to this room: search.c, and
 * fallback.c for when the method has nothing new. */
#ifndef DH_SEARCH_FRONT_H
#define DH_SEARCH_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/hash.h"
#include "enumerate.h"
#include "methods.h"

struct dh_search {
    struct dh_search_context context;
    const struct dh_search_method *method;
    void *options;
    void *state;
    struct dh_map seen; /* identities of points not to be proposed again, to their trials: all but
                           those that only trials cancelled in earlier runs have */
    double *last;       /* the feasible point of `last_trial`, the highest so far; NULL: none */
    uint64_t last_trial;
    bool said_rare;
    uint64_t cursor; /* of the method, after its last proposal */

    double *given; /* points of `initial` */
    size_t given_count, next_given;

    struct dh_axis *axes; /* all values of all parameters, for the enumeration */
    struct dh_enumeration *enumeration;
    uint64_t enumerated;
    bool enumerating, exhausted;
};

enum dh_verdict { DH_FRESH, DH_SEEN, DH_INFEASIBLE };

/* Is the settled point in `proposal` worth a trial? Sets its identity. */
enum dh_verdict dh_front_judge(const struct dh_search *search, struct dh_proposal *proposal);

/* ---- fallback.c ---- */

/* Keep the point of a trial, to look near it. The highest trial counts: a resume may hear of them
 * in another order than that of the asks. */
void dh_front_remember(struct dh_search *search, uint64_t trial, const double *point);
/* The next new point of a finite space, in a random order. */
dh_status dh_front_ask_enumeration(struct dh_search *search, struct dh_proposal *proposal,
                                   struct dh_error *err);
/* A new point near the last one, if there is one: where `why`, that the constraints hold almost
 * nowhere, has ended the method's attempts. */
bool dh_front_ask_near(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                       const struct dh_error *why);
/* A new point of an infinite space: from the prior, or if that is too narrow from anywhere. The
 * error of dh_space_sample says how rarely the constraints hold. Exhausted where even that only
 * repeats: what makes the space infinite is then never active. */
dh_status dh_front_ask_anywhere(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                                struct dh_error *err);

#endif
