/* What is valid in a configuration and probably not meant. */
#include "dh_mpi/app.h"
#include "dh_mpi/eval.h"

void dh_app_warnings(const struct dh_app_setup *setup, struct dh_buffer *out)
{
    const struct dh_node *initial = setup->settings.initial;
    dh_space_moved_defaults(setup->space, out);
    for (size_t i = 0; initial && i < initial->child_count; i++)
        dh_space_moved_values(setup->space, initial->children[i], out);
    dh_eval_warnings(&setup->settings, setup->space, out);
}
