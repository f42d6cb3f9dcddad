/* The surrogates of the table in model.c; private to this room. */
#ifndef DH_MODEL_KINDS_H
#define DH_MODEL_KINDS_H

#include "dh_mpi/model.h"

extern const struct dh_model_kind dh_model_dummy;

#endif
