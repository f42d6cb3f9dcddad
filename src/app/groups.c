/* Groups of neighbours: see groups.h. */
#include "groups.h"

#include <stdlib.h>

#include "dh_mpi/alloc.h"

#define MOST_NAMES 8

/* Known workers, those of a node together, nodes in the order of their first rank. */
static int order_by_node(const struct dh_place *places, int size, int32_t *order)
{
    int count = 0;
    bool *taken = dh_alloc((size_t)size, sizeof *taken);
    for (int first = 1; first < size; first++)
        for (int rank = first; rank < size && !taken[first]; rank++) {
            if (!places[rank].known || taken[rank] || places[rank].node != places[first].node)
                continue;
            order[count++] = rank;
            taken[rank] = rank != first;
        }
    free(taken);
    return count;
}

static void add_group(struct dh_groups *groups, const int32_t *members)
{
    int32_t *place = &groups->members[groups->count++ * groups->ranks];
    for (int i = 0; i < groups->ranks; i++) {
        place[i] = members[i];
        groups->leader[members[i]] = members[0];
    }
}

/* How many of `order` from `first` on are on one node. */
static int node_length(const struct dh_place *places, const int32_t *order, int count, int first)
{
    int length = 1;
    while (first + length < count &&
           places[order[first + length]].node == places[order[first]].node)
        length++;
    return length;
}

void dh_groups_form(const struct dh_place *places, int size, int ranks, struct dh_groups *out)
{
    *out = (struct dh_groups){.size = size, .ranks = ranks};
    out->members = dh_alloc((size_t)size, sizeof *out->members);
    out->leader = dh_alloc((size_t)size, sizeof *out->leader);
    for (int rank = 0; rank < size; rank++)
        out->leader[rank] = -1;
    int32_t *order = dh_alloc((size_t)size, sizeof *order);
    int count = order_by_node(places, size, order);
    for (int first = 0, length; first < count; first += length) {
        length = node_length(places, order, count, first);
        for (int i = 0; i + ranks <= length; i += ranks)
            add_group(out, &order[first + i]);
    }
    if (out->count == 0)
        for (int i = 0; i + ranks <= count; i += ranks, out->spanning++)
            add_group(out, &order[i]);
    free(order);
}

void dh_groups_free(struct dh_groups *groups)
{
    free(groups->members);
    free(groups->leader);
    *groups = (struct dh_groups){0};
}

const int32_t *dh_groups_of(const struct dh_groups *groups, int rank)
{
    for (int i = 0; groups->leader[rank] >= 0 && i < groups->count; i++)
        if (groups->members[i * groups->ranks] == groups->leader[rank])
            return &groups->members[i * groups->ranks];
    return NULL;
}

void dh_groups_describe(const struct dh_groups *groups, const struct dh_place *places,
                        struct dh_buffer *out)
{
    int idle = 0;
    dh_buffer_printf(out, "%d group%s of %d ranks", groups->count, groups->count == 1 ? "" : "s",
                     groups->ranks);
    if (groups->spanning)
        dh_buffer_text(out, ", over several nodes, as none has ranks for a whole one");
    for (int rank = 1; rank < groups->size; rank++) {
        if (!places[rank].known || groups->leader[rank] >= 0)
            continue;
        if (idle < MOST_NAMES)
            dh_buffer_printf(out, "%s rank %d (%s)", idle ? "," : "; idle:", rank,
                             places[rank].host);
        idle++;
    }
    if (idle > MOST_NAMES)
        dh_buffer_printf(out, ", … (%d in all)", idle);
}
