/* The surrogate that learns nothing: with candidates from the prior it makes any acquisition a
 * random search, which is what others are compared with. The mean is a draw from the standard
 * normal distribution that depends on the seed and the point alone, so the same point always looks
 * equally good. */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/random.h"
#include "kinds.h"

struct dummy {
    struct dh_model model;
    uint64_t seed;
    size_t feature_count;
    int64_t handles; /* given out so far */
};

static dh_status fit(const struct dh_model_setup *setup, const struct dh_rows *rows,
                     struct dh_model **out, struct dh_error *err)
{
    (void)rows;
    (void)err;
    struct dummy *dummy = dh_alloc(1, sizeof *dummy);
    dummy->model.kind = &dh_model_dummy;
    dummy->seed = setup->seed;
    dummy->feature_count = setup->feature_count;
    *out = &dummy->model;
    return DH_OK;
}

static void destroy(struct dh_model *model)
{
    free(model);
}

/* Every NaN means "inactive", whatever its bits. */
static uint64_t hash_point(const double *x, size_t count)
{
    uint64_t hash = count;
    for (size_t j = 0; j < count; j++) {
        double value = isnan(x[j]) ? -1 : x[j] + 0.0; /* + 0.0: -0 is 0 */
        hash = dh_hash_bytes(hash, &value, sizeof value);
    }
    return hash;
}

static void predict(const struct dh_model *model, const double *x, size_t count,
                    const struct dh_prediction *out)
{
    const struct dummy *dummy = (const struct dummy *)model;
    for (size_t i = 0; i < count; i++) {
        uint64_t index = hash_point(x + i * dummy->feature_count, dummy->feature_count);
        struct dh_random random = dh_random_at(dummy->seed, DH_STREAM_MODEL, index);
        if (out->mean)
            out->mean[i] = dh_random_normal(&random);
        if (out->aleatoric)
            out->aleatoric[i] = 0;
        if (out->epistemic)
            out->epistemic[i] = 1;
    }
}

static int64_t add(struct dh_model *model, const double *x, double y)
{
    (void)x;
    (void)y;
    return ((struct dummy *)model)->handles++;
}

static void forget(struct dh_model *model, int64_t handle)
{
    (void)model;
    (void)handle;
}

const struct dh_model_kind dh_model_dummy = {
    .name = "dummy",
    .summary = "knows nothing: random search",
    .blind = true,
    .fit = fit,
    .destroy = destroy,
    .predict = predict,
    .add = add,
    .remove = forget,
};
