/* Values as given that their parameter's digits cannot hold (lattice.c): who gives 2.5e-7 in a
 * range up to 1e6 means something, and would not notice that 0 is evaluated. */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "parts.h"

#define TOLERANCE 1e-9 /* of the value: the digits behind are no intention */

static void put_advice(const struct dh_parameter *parameter, double given, struct dh_buffer *out)
{
    if (parameter->scale == DH_SCALE_LOG)
        dh_buffer_text(out, "that many digits it has on so wide a scale");
    else
        dh_buffer_text(out, "a real has 13 digits of its range");
    if (parameter->scale == DH_SCALE_LOG || given <= 0 || parameter->low < 0)
        dh_buffer_text(out, "; a narrower range has finer ones");
    else if (parameter->low > 0)
        dh_buffer_text(out, "; with scale = \"log\" it has 13 of its value");
    else
        dh_buffer_text(out, "; with scale = \"log\", and low above 0, it has 13 of its value");
}

bool dh_parameter_moved(const struct dh_parameter *parameter, double given, double used,
                        struct dh_buffer *out)
{
    if (parameter->type != DH_REAL || !(fabs(given - used) > TOLERANCE * fabs(given)))
        return false;
    dh_buffer_printf(out, "%s = ", parameter->name);
    dh_text_put_number(out, given);
    dh_buffer_text(out, " becomes ");
    dh_text_put_number(out, used);
    dh_buffer_text(out, ": ");
    put_advice(parameter, given, out);
    return true;
}

static void look_at(const struct dh_parameter *parameter, const struct dh_node *node,
                    struct dh_buffer *out)
{
    double used;
    struct dh_buffer text = {0};
    bool number = node && (node->kind == DH_NODE_INT || node->kind == DH_NODE_REAL);
    if (number && dh_value_from_node(parameter, node, &used, NULL) == DH_OK &&
        dh_parameter_moved(parameter, node->number, used, &text))
        dh_buffer_printf(out, "%s:%d: %s\n", node->file, node->line, text.data);
    dh_buffer_free(&text);
}

void dh_space_moved_values(const struct dh_space *space, const struct dh_node *group,
                           struct dh_buffer *out)
{
    const struct dh_node **given = dh_alloc(space->count, sizeof *given);
    if (dh_point_collect(space, group, given, NULL) == DH_OK)
        for (size_t i = 0; i < space->count; i++)
            look_at(&space->parameters[i], given[i], out);
    free(given);
}

void dh_space_moved_defaults(const struct dh_space *space, struct dh_buffer *out)
{
    for (size_t i = 0; i < space->count; i++)
        look_at(&space->parameters[i], dh_node_child(space->parameters[i].node, "default"), out);
}
