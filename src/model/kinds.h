/* The surrogates of the table in model.c; private to this room. */
#ifndef DH_MODEL_KINDS_H
#define DH_MODEL_KINDS_H

#include "dh_mpi/model.h"

extern const struct dh_model_kind dh_model_et;
extern const struct dh_model_kind dh_model_rf;
extern const struct dh_model_kind dh_model_bagging;
extern const struct dh_model_kind dh_model_subspace;
extern const struct dh_model_kind dh_model_gbrt;
extern const struct dh_model_kind dh_model_gp;
extern const struct dh_model_kind dh_model_dummy;

#endif
