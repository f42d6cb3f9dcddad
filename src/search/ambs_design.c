/* See ambs_design.h. */
#include "ambs_design.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define SOBOL_PARAMETERS 40
#define MAXIMIN_TRIES 100

struct ambs_design {
    const struct dh_search_method *method;
    struct dh_search_context context; /* the search's, but for the setting that it is to blame */
    void *options, *state;
};

/* What a value of the option stands for. */
struct recipe {
    const struct dh_search_method *method;
    const char *option; /* of the method, that makes it this design; NULL: none */
    int64_t (*value)(const struct ambs *ambs);
};

static int64_t maximin_tries(const struct ambs *ambs)
{
    (void)ambs;
    return MAXIMIN_TRIES;
}

static int64_t grid_levels(const struct ambs *ambs)
{
    return dh_grid_levels(ambs->context->space, ambs->initial_points);
}

static const struct recipe *choose_recipe(const struct ambs *ambs)
{
    static const struct recipe recipes[] = {
        [AMBS_RANDOM] = {.method = &dh_search_random},
        [AMBS_SOBOL] = {.method = &dh_search_sobol},
        [AMBS_HALTON] = {.method = &dh_search_halton},
        [AMBS_HAMMERSLEY] = {.method = &dh_search_hammersley},
        [AMBS_LHS] = {.method = &dh_search_lhs},
        [AMBS_MAXIMIN] = {&dh_search_lhs, "maximin", maximin_tries},
        [AMBS_GRID] = {&dh_search_grid, "levels", grid_levels},
    };
    if (ambs->options.design != AMBS_DESIGN_AUTO)
        return &recipes[ambs->options.design];
    return &recipes[ambs->features.count <= SOBOL_PARAMETERS ? AMBS_SOBOL : AMBS_LHS];
}

/* Set an option of the method, if it has it. */
static void set_option(struct ambs_design *design, const char *name, int64_t value)
{
    const struct dh_search_method *m = design->method;
    for (size_t i = 0; i < m->option_count; i++)
        if (strcmp(m->options[i].name, name) == 0)
            *(int64_t *)((char *)design->options + m->options[i].offset) = value;
}

dh_status ambs_design_create(const struct ambs *ambs, struct ambs_design **out,
                             struct dh_error *err)
{
    const struct recipe *recipe = choose_recipe(ambs);
    const struct dh_search_method *m = recipe->method;
    struct ambs_design *design = *out = dh_alloc(1, sizeof *design);
    design->method = m;
    design->options = dh_alloc(1, m->options_size);
    dh_status status =
        dh_config_unpack(NULL, m->name, m->options, m->option_count, design->options, err);
    if (status != DH_OK)
        return status;
    set_option(design, "size", (int64_t)ambs->initial_points);
    if (recipe->option)
        set_option(design, recipe->option, recipe->value(ambs));
    design->context = *ambs->context;
    design->context.setting = "initial_design";
    return m->create(&design->context, design->options, &design->state, err);
}

void ambs_design_destroy(struct ambs_design **design)
{
    struct ambs_design *d = *design;
    if (!d)
        return;
    if (d->state)
        d->method->destroy(d->state);
    free(d->options);
    free(d);
    *design = NULL;
}

dh_status ambs_design_ask(struct ambs_design *design, uint64_t id, unsigned attempt,
                          struct dh_proposal *proposal, struct dh_error *err)
{
    return design->method->ask(design->state, id, attempt, proposal, err);
}

void ambs_design_propose(struct ambs_design *design, const struct dh_trial *trial)
{
    if (design->method->propose)
        design->method->propose(design->state, trial);
}

uint64_t ambs_design_walked(const struct ambs_design *design)
{
    return design->method->propose ? ((const struct dh_walk *)design->state)->cursor : 0;
}
