/* The method's model, which is replaced from time to time. ambs_model.c has the rules. */
#ifndef DH_SEARCH_AMBS_MODEL_H
#define DH_SEARCH_AMBS_MODEL_H

#include <pthread.h>
#include <stdbool.h>

#include "ambs.h"
#include "ambs_fit.h"

/* A fit on a thread of its own; in a simulation, on a lane. */
struct ambs_task {
    struct ambs_fit fit;
    struct ambs_live *old; /* a model that nobody asks any more: to be destroyed there */
    pthread_t thread;
    bool joined;   /* the thread, if there was one */
    double ready;  /* in a simulation: when its thread would have ended … */
    bool followed; /* … with what happened meanwhile */
};

/* Bring it up to date for an ask at this level: fit, or begin a fit, if one is due. */
void ambs_model_refresh(struct ambs *ambs, unsigned level);
void ambs_model_hear(struct ambs *ambs, const struct ambs_event *event);
void ambs_model_free(struct ambs *ambs);

#endif
