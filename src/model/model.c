/* The table of surrogates: see model.h. A new kind is one file and one line here. */
#include <string.h>

#include "kinds.h"

static const struct dh_model_kind *const kinds[] = {
    &dh_model_et,   &dh_model_rf, &dh_model_bagging, &dh_model_subspace,
    &dh_model_gbrt, &dh_model_gp, &dh_model_dummy,   NULL,
};

const struct dh_model_kind *const *dh_model_kinds(void)
{
    return kinds;
}

const struct dh_model_kind *dh_model_find(const char *name)
{
    for (size_t i = 0; kinds[i]; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

void dh_model_destroy(struct dh_model **model)
{
    if (*model)
        (*model)->kind->destroy(*model);
    *model = NULL;
}
