/* Parents before children: a depth-first walk over the conditions that keeps the order of the
 * file wherever it can. The stack is explicit, so that a chain of thousands of conditions is no
 * problem and a cycle can be read off it. */
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "parts.h"

enum mark { NEW, ON_STACK, DONE };

struct frame {
    size_t parameter;
    size_t next_use; /* the next of its condition's parameters to look at */
};

struct walk {
    const struct dh_space *space;
    enum mark *marks;
    struct frame *stack;
    size_t depth;
    size_t *order;
    size_t done;
};

static void enter(struct walk *walk, size_t parameter)
{
    walk->marks[parameter] = ON_STACK;
    walk->stack[walk->depth++] = (struct frame){.parameter = parameter};
}

/* "a -> b -> a": each needs the next. */
static dh_status cycle_fail(const struct walk *walk, size_t parameter, struct dh_error *err)
{
    const struct dh_parameter *parameters = walk->space->parameters;
    struct dh_buffer chain = {0};
    size_t start = 0;
    while (walk->stack[start].parameter != parameter)
        start++;
    for (size_t i = start; i < walk->depth; i++)
        dh_buffer_printf(&chain, "%s -> ", parameters[walk->stack[i].parameter].name);
    const struct dh_node *node = parameters[parameter].node;
    dh_status status =
        dh_node_fail(err, dh_node_child(node, "when"), "the conditions go round in a circle: %s%s",
                     chain.data, parameters[parameter].name);
    dh_buffer_free(&chain);
    return status;
}

/* Everything that `parameter` needs, then itself. */
static dh_status visit(struct walk *walk, size_t parameter, struct dh_error *err)
{
    enter(walk, parameter);
    while (walk->depth > 0) {
        struct frame *frame = &walk->stack[walk->depth - 1];
        const struct dh_expr *condition = walk->space->conditions[frame->parameter];
        size_t count = 0;
        const size_t *uses = condition ? dh_expr_uses(condition, &count) : NULL;
        if (frame->next_use == count) {
            walk->marks[frame->parameter] = DONE;
            walk->order[walk->done++] = frame->parameter;
            walk->depth--;
            continue;
        }
        size_t used = uses[frame->next_use++];
        if (walk->marks[used] == ON_STACK)
            return cycle_fail(walk, used, err);
        if (walk->marks[used] == NEW)
            enter(walk, used);
    }
    return DH_OK;
}

dh_status dh_order_parents_first(const struct dh_space *space, size_t *order, struct dh_error *err)
{
    struct walk walk = {.space = space, .order = order};
    walk.marks = dh_alloc(space->count, sizeof *walk.marks);
    walk.stack = dh_alloc(space->count, sizeof *walk.stack);
    dh_status status = DH_OK;
    for (size_t i = 0; i < space->count && status == DH_OK; i++)
        if (walk.marks[i] == NEW)
            status = visit(&walk, i, err);
    free(walk.marks);
    free(walk.stack);
    return status;
}
