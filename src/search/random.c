/* Method "random": independent draws from the priors. Has no state at all: trial and attempt say
 * which draw. */
#include "methods.h"

static dh_status create(const struct dh_search_context *context, const void *options, void **state,
                        struct dh_error *err)
{
    (void)options;
    (void)err;
    *state = (void *)context;
    return DH_OK;
}

static void destroy(void *state)
{
    (void)state; /* the front's context */
}

static dh_status ask(void *state, uint64_t id, unsigned attempt, struct dh_proposal *proposal,
                     struct dh_error *err)
{
    const struct dh_search_context *context = state;
    struct dh_random random =
        dh_random_at(context->seed, DH_STREAM_SAMPLE, dh_draw_index(id, attempt));
    return dh_space_sample(context->space, &random, proposal->point, err);
}

const struct dh_search_method dh_search_random = {
    .name = "random",
    .summary = "independent draws from the priors",
    .create = create,
    .destroy = destroy,
    .ask = ask,
};
