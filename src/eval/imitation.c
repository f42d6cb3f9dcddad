/* A builtin evaluator without pool and clock: see eval.h. */
#include <stdlib.h>

#include "builtin.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/eval.h"

struct dh_imitation {
    struct eval_plan *plan;
};

dh_status dh_imitation_create(const struct dh_settings *settings, const struct dh_space *space,
                              struct dh_imitation **out, struct dh_error *err)
{
    struct eval_plan *plan;
    *out = NULL;
    dh_status status = eval_plan_create(settings, space, NULL, 0, NULL, &plan, err);
    if (status != DH_OK)
        return status;
    if (plan->kind != &eval_kind_builtin) {
        eval_plan_free(&plan);
        return DH_OK;
    }
    *out = dh_alloc(1, sizeof **out);
    (*out)->plan = plan;
    return DH_OK;
}

void dh_imitation_destroy(struct dh_imitation **imitation)
{
    if (*imitation)
        eval_plan_free(&(*imitation)->plan);
    free(*imitation);
    *imitation = NULL;
}

double dh_imitation_evaluate(const struct dh_imitation *imitation, const double *values,
                             uint64_t seed, uint32_t retries, double *duration)
{
    struct dh_random random = dh_random_at(seed, DH_STREAM_BUILTIN, retries);
    double value = eval_builtin_value(imitation->plan, values, &random);
    *duration = eval_builtin_duration(imitation->plan, &random);
    return value;
}
