/* Ranks and slots against cores and GPUs: see placement.h.
 *
 * Ranks whose sets of cores overlap are judged together: all their evaluations against all cores
 * that any of them may use. What is wrong on many nodes is said for the first few of them.
 */
#include "placement.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/gpus.h"

#define MOST_NODES 3 /* that a warning is repeated for */

struct judge {
    const struct dh_place *places;
    int size;
    const struct dh_eval_plan *plan;
    const struct dh_groups *groups;
    const struct dh_node *gpus; /* the list of `resources` that hands out GPUs; NULL: none */
    struct dh_buffer *out;
    int crowded, unused; /* nodes with such a warning */
};

static bool first_of_node(const struct dh_place *places, int rank)
{
    if (!places[rank].known)
        return false;
    for (int before = 0; before < rank; before++)
        if (places[before].known && places[before].node == places[rank].node)
            return false;
    return true;
}

static bool evaluates(const struct judge *judge, int rank)
{
    return judge->places[rank].known && (!judge->groups || judge->groups->leader[rank] >= 0);
}

static bool overlap(const struct dh_place *a, const struct dh_place *b)
{
    for (size_t i = 0; i < DH_PLACE_WORDS; i++)
        if (a->allowed[i] & b->allowed[i])
            return true;
    return false;
}

/* "1-3, 7" of the marked ranks. */
static void put_ranks(const bool *marked, int size, struct dh_buffer *out)
{
    const char *comma = "";
    for (int rank = 0; rank < size; rank++) {
        int last = rank;
        if (!marked[rank])
            continue;
        while (last + 1 < size && marked[last + 1])
            last++;
        dh_buffer_printf(out, last > rank ? "%s%d-%d" : "%s%d", comma, rank, last);
        rank = last;
        comma = ", ";
    }
}

/* Mark `rank` and every worker of its node that shares cores with a marked one; gather their cores
 * in `all`. Returns how many they are. */
static int gather(const struct judge *judge, int rank, bool *marked, struct dh_place *all)
{
    int count = 1;
    *all = judge->places[rank];
    marked[rank] = true;
    for (bool grown = true; grown;) {
        grown = false;
        for (int other = 1; other < judge->size; other++) {
            const struct dh_place *place = &judge->places[other];
            if (marked[other] || !evaluates(judge, other) || place->node != all->node ||
                !overlap(place, all))
                continue;
            for (size_t i = 0; i < DH_PLACE_WORDS; i++)
                all->allowed[i] |= place->allowed[i];
            marked[other] = grown = true;
            count++;
        }
    }
    return count;
}

static void judge_cores(struct judge *judge, int rank, const bool *marked, int count,
                        const struct dh_place *all)
{
    int64_t evaluations = (int64_t)count * judge->plan->slots;
    uint32_t cores = dh_place_allowed_count(all);
    if (evaluations <= cores || judge->crowded++ >= MOST_NODES)
        return;
    dh_buffer_printf(judge->out, "%s: rank%s ", judge->places[rank].host, count > 1 ? "s" : "");
    put_ranks(marked, judge->size, judge->out);
    if (judge->plan->slots == 1)
        dh_buffer_printf(judge->out, " share %u core%s (", cores, cores == 1 ? "" : "s");
    else
        dh_buffer_printf(judge->out, " run%s %lld evaluations at once on %u core%s (",
                         count > 1 ? "" : "s", (long long)evaluations, cores,
                         cores == 1 ? "" : "s");
    dh_place_put_cores(all, judge->out);
    dh_buffer_printf(judge->out, " of %u)\n", all->cores);
}

/* Each set of workers that share cores, once. */
static void judge_workers(struct judge *judge)
{
    bool *seen = dh_alloc((size_t)judge->size, sizeof *seen);
    bool *marked = dh_alloc((size_t)judge->size, sizeof *marked);
    for (int rank = 1; rank < judge->size; rank++) {
        struct dh_place all;
        if (seen[rank] || !evaluates(judge, rank))
            continue;
        memset(marked, 0, (size_t)judge->size * sizeof *marked);
        int count = gather(judge, rank, marked, &all);
        judge_cores(judge, rank, marked, count, &all);
        for (int other = rank; other < judge->size; other++)
            seen[other] = seen[other] || marked[other];
    }
    free(marked);
    free(seen);
    if (judge->crowded > MOST_NODES)
        dh_buffer_printf(judge->out, "and %d more like these\n", judge->crowded - MOST_NODES);
}

/* The manager and its model have one core, and a worker is bound to the same. */
static void judge_manager(const struct judge *judge)
{
    const struct dh_place *manager = &judge->places[0];
    if (dh_place_allowed_count(manager) != 1 || manager->cores == 1)
        return;
    for (int rank = 1; rank < judge->size; rank++) {
        const struct dh_place *place = &judge->places[rank];
        if (!place->known || place->pid == manager->pid || place->node != manager->node ||
            dh_place_allowed_count(place) != 1 || !overlap(place, manager))
            continue;
        dh_buffer_printf(judge->out, "%s: rank 0 and rank %d are bound to the same core ",
                         manager->host, rank);
        dh_place_put_cores(place, judge->out);
        dh_buffer_printf(judge->out, " of %u\n", manager->cores);
        return;
    }
}

/* ---- GPUs ---- */

static const struct dh_node *find_gpus(const struct dh_settings *settings)
{
    const struct dh_node *resources = dh_node_child(settings->evaluator, "resources");
    const struct dh_node *list = NULL;
    for (const char *const *name = dh_gpu_variables; *name && !list; name++)
        list = dh_node_child(resources, *name);
    return list;
}

/* Is the piece [name, name + length) one of those in the list, divided by commas? */
static bool listed(const char *list, const char *name, size_t length)
{
    while (*list) {
        size_t piece = strcspn(list, ",");
        if (piece == length && strncmp(list, name, length) == 0)
            return true;
        list += piece + (list[piece] == ',');
    }
    return false;
}

/* Everything that the first `slots` entries hand out, divided by commas. */
static void put_handed(const struct judge *judge, struct dh_buffer *out)
{
    for (size_t i = 0; i < judge->gpus->child_count && i < (size_t)judge->plan->slots; i++) {
        const struct dh_node *entry = judge->gpus->children[i];
        if (entry->kind == DH_NODE_TEXT)
            dh_buffer_printf(out, "%s,", entry->text);
        else
            dh_buffer_printf(out, "%lld,", (long long)entry->integer);
    }
}

/* Pieces of `list` that are not in `other`, with commas; returns how many. */
static int put_missing(const char *list, const char *other, struct dh_buffer *out)
{
    int count = 0;
    for (const char *name = list; *name;) {
        size_t length = strcspn(name, ",");
        if (length > 0 && !listed(other, name, length))
            dh_buffer_printf(out, "%s%.*s", count++ ? ", " : "", (int)length, name);
        name += length + (name[length] == ',');
    }
    return count;
}

static void judge_gpus(struct judge *judge, int rank)
{
    const struct dh_place *place = &judge->places[rank];
    struct dh_buffer handed = {0}, unused = {0}, unknown = {0};
    put_handed(judge, &handed);
    int waste = put_missing(place->gpus, handed.size ? handed.data : "", &unused);
    int excess = place->gpus[0] ? put_missing(handed.data, place->gpus, &unknown) : 0;
    if ((waste || excess) && judge->unused++ < MOST_NODES) {
        if (waste)
            dh_buffer_printf(judge->out, "%s: GPU%s %s: no slot has %s (evaluator.resources)\n",
                             place->host, waste > 1 ? "s" : "", unused.data,
                             waste > 1 ? "them" : "it");
        if (excess)
            dh_buffer_printf(judge->out,
                             "%s: evaluator.resources hands out GPU%s %s, which rank %d does not "
                             "see (it sees %s)\n",
                             place->host, excess > 1 ? "s" : "", unknown.data, rank, place->gpus);
    }
    dh_buffer_free(&handed);
    dh_buffer_free(&unused);
    dh_buffer_free(&unknown);
}

/* The first worker of each node speaks for it. */
static void judge_nodes_gpus(struct judge *judge)
{
    for (int rank = 1; judge->gpus && rank < judge->size; rank++) {
        bool first = judge->places[rank].known;
        for (int before = 1; before < rank && first; before++)
            first = !judge->places[before].known ||
                    judge->places[before].node != judge->places[rank].node;
        if (first)
            judge_gpus(judge, rank);
    }
    if (judge->unused > MOST_NODES)
        dh_buffer_printf(judge->out, "and %d more nodes with such GPUs\n",
                         judge->unused - MOST_NODES);
}

void dh_placement_judge(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                        const struct dh_settings *settings, const struct dh_groups *groups,
                        struct dh_buffer *out)
{
    struct judge judge = {.places = places,
                          .size = size,
                          .plan = plan,
                          .groups = groups,
                          .gpus = find_gpus(settings),
                          .out = out};
    if (!plan->cores)
        return;
    judge_workers(&judge);
    judge_manager(&judge);
    judge_nodes_gpus(&judge);
}

void dh_placement_table(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                        struct dh_buffer *out)
{
    bool *here = dh_alloc((size_t)size, sizeof *here);
    for (int first = 0; first < size; first++) {
        int workers = 0;
        if (!first_of_node(places, first))
            continue;
        for (int rank = 0; rank < size; rank++) {
            here[rank] = places[rank].known && places[rank].node == places[first].node;
            workers += here[rank] && rank > 0;
        }
        dh_buffer_printf(out, "node        %s: %u cores, ", places[first].host,
                         places[first].cores);
        if (places[first].gpus[0])
            dh_buffer_printf(out, "GPUs %s, ", places[first].gpus);
        if (size == 2 && places[0].pid == places[1].pid && here[0] && here[1]) {
            dh_buffer_text(out, "this process alone");
        } else {
            dh_buffer_printf(out, "rank%s ", here[0] + workers > 1 ? "s" : "");
            put_ranks(here, size, out);
        }
        if (plan->ranks == 1)
            dh_buffer_printf(out, ", %lld slots\n", (long long)workers * plan->slots);
        else
            dh_buffer_printf(out, ", %d groups\n", workers / plan->ranks);
    }
    free(here);
}
