/* The initial design: the points before there is a model, which another method gives. */
#ifndef DH_SEARCH_AMBS_DESIGN_H
#define DH_SEARCH_AMBS_DESIGN_H

#include <stdint.h>

#include "ambs.h"

/* That of option `initial_design`, of `ambs->initial_points` points where the method has a size.
 * After a failure it is still to be destroyed. */
dh_status ambs_design_create(const struct ambs *ambs, struct ambs_design **out,
                             struct dh_error *err);
void ambs_design_destroy(struct ambs_design **design);
/* As of a search method. */
dh_status ambs_design_ask(struct ambs_design *design, uint64_t id, unsigned attempt,
                          struct dh_proposal *proposal, struct dh_error *err);
void ambs_design_propose(struct ambs_design *design, const struct dh_trial *trial);
/* How far its sequence was walked; 0 of one that has none. */
uint64_t ambs_design_walked(const struct ambs_design *design);

#endif
