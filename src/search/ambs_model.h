/* The method's model, which is replaced from time to time. ambs_model.c has the rules. */
#ifndef DH_SEARCH_AMBS_MODEL_H
#define DH_SEARCH_AMBS_MODEL_H

#include "ambs.h"

/* Bring it up to date for an ask at this level: fit, or begin a fit, if one is due. */
void ambs_model_refresh(struct ambs *ambs, unsigned level);
void ambs_model_hear(struct ambs *ambs, const struct ambs_event *event);
void ambs_model_free(struct ambs *ambs);

#endif
