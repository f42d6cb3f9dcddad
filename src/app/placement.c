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
    int crowded, unused, idle; /* nodes with such a warning */
    struct share *shares;      /* by rank */
};

/* Of the cores that a rank may use. */
struct share {
    uint32_t cores;      /* of all ranks that share them with it */
    int64_t evaluations; /* of these at once; 0: not known */
    uint32_t threads;    /* of each; 0: not told */
};

/* Called with the first of a set of ranks that share cores: which they are, and their cores. */
typedef void visit_function(struct judge *judge, int rank, const bool *marked, int count,
                            const struct dh_place *all);

static bool first_of_node(const struct dh_place *places, int rank)
{
    if (!places[rank].known)
        return false;
    for (int before = 0; before < rank; before++)
        if (places[before].known && places[before].node == places[rank].node)
            return false;
    return true;
}

/* One process that manages and evaluates. */
static bool alone(const struct dh_place *places, int size)
{
    return size == 2 && places[0].node == places[1].node && places[0].pid == places[1].pid;
}

static bool evaluates(const struct judge *judge, int rank)
{
    return judge->places[rank].known && (!judge->groups || judge->groups->leader[rank] >= 0);
}

static bool first_worker(const struct judge *judge, int rank)
{
    for (int before = 1; before < rank; before++)
        if (evaluates(judge, before) && judge->places[before].node == judge->places[rank].node)
            return false;
    return true;
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

/* OMP_NUM_THREADS for evaluations in a rank: its part of the cores, but no more than it may use. */
static void share_cores(struct judge *judge, int rank, const bool *marked, int count,
                        const struct dh_place *all)
{
    int64_t slots = judge->plan->slots;
    for (int other = rank; other < judge->size; other++) {
        if (!marked[other])
            continue;
        struct share *share = &judge->shares[other];
        *share = (struct share){.evaluations = count * slots, .cores = dh_place_allowed_count(all)};
        if (share->evaluations == 1 || !judge->plan->threads)
            continue;
        int64_t own = dh_place_allowed_count(&judge->places[other]) / slots;
        int64_t fair = share->cores / share->evaluations;
        share->threads = (uint32_t)(own < fair ? own : fair);
        share->threads += share->threads == 0;
    }
}

/* Each set of workers that share cores, once. */
static void visit_workers(struct judge *judge, visit_function *visit)
{
    bool *seen = dh_alloc((size_t)judge->size, sizeof *seen);
    bool *marked = dh_alloc((size_t)judge->size, sizeof *marked);
    for (int rank = 1; rank < judge->size; rank++) {
        struct dh_place all;
        if (seen[rank] || !evaluates(judge, rank))
            continue;
        memset(marked, 0, (size_t)judge->size * sizeof *marked);
        int count = gather(judge, rank, marked, &all);
        visit(judge, rank, marked, count, &all);
        for (int other = rank; other < judge->size; other++)
            seen[other] = seen[other] || marked[other];
    }
    free(marked);
    free(seen);
}

static void judge_workers(struct judge *judge)
{
    visit_workers(judge, judge_cores);
    if (judge->crowded > MOST_NODES)
        dh_buffer_printf(judge->out, "and %d more like these\n", judge->crowded - MOST_NODES);
}

/* Where workers are bound to so few cores of their node that most are idle: `mpiexec -n 2` of Open
 * MPI gives each rank one. */
static void judge_idle(struct judge *judge, int first, bool *here)
{
    struct dh_place all = judge->places[first];
    const struct dh_place *manager = &judge->places[0];
    int count = 0;
    for (int rank = 1; rank < judge->size; rank++) {
        const struct dh_place *place = &judge->places[rank];
        here[rank] = evaluates(judge, rank) && place->node == all.node;
        count += here[rank];
        for (size_t i = 0; here[rank] && i < DH_PLACE_WORDS; i++)
            all.allowed[i] |= place->allowed[i];
    }
    uint32_t used = dh_place_allowed_count(&all);
    if (2 * used + (manager->node == all.node) > all.cores || judge->idle++ >= MOST_NODES)
        return;
    dh_buffer_printf(judge->out, "%s: rank%s ", all.host, count > 1 ? "s" : "");
    put_ranks(here, judge->size, judge->out);
    dh_buffer_printf(judge->out, " %s bound to %u core%s (", count > 1 ? "are" : "is", used,
                     used == 1 ? "" : "s");
    dh_place_put_cores(&all, judge->out);
    dh_buffer_printf(judge->out,
                     ") of %u, so that evaluations cannot use the others: mpiexec --bind-to none "
                     "(Intel MPI: I_MPI_PIN=off), srun --cpus-per-task\n",
                     all.cores);
}

/* The first worker of each node speaks for it. */
static void judge_binding(struct judge *judge)
{
    bool *here = dh_alloc((size_t)judge->size, sizeof *here);
    for (int rank = 1; rank < judge->size; rank++)
        if (evaluates(judge, rank) && first_worker(judge, rank))
            judge_idle(judge, rank, here);
    free(here);
    if (judge->idle > MOST_NODES)
        dh_buffer_printf(judge->out, "and %d more nodes like these\n", judge->idle - MOST_NODES);
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
    judge_binding(&judge);
    judge_manager(&judge);
    judge_nodes_gpus(&judge);
}

/* ---- threads ---- */

static struct share *find_shares(const struct dh_place *places, int size,
                                 const struct dh_eval_plan *plan)
{
    struct judge judge = {.places = places, .size = size, .plan = plan};
    judge.shares = dh_alloc((size_t)size, sizeof *judge.shares);
    visit_workers(&judge, share_cores);
    return judge.shares;
}

void dh_placement_threads(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                          uint32_t *threads)
{
    struct share *shares = find_shares(places, size, plan);
    for (int rank = 0; rank < size; rank++)
        threads[rank] = shares[rank].threads;
    free(shares);
}

static void say_share(const struct share *share, const struct dh_eval_plan *plan,
                      struct dh_buffer *out)
{
    dh_buffer_printf(out, "%u core%s for %lld slot%s", share->cores, share->cores == 1 ? "" : "s",
                     (long long)share->evaluations, share->evaluations == 1 ? "" : "s");
    if (share->threads > 0)
        dh_buffer_printf(out, ": evaluations have OMP_NUM_THREADS = %u", share->threads);
    else
        dh_buffer_printf(out, "; OMP_NUM_THREADS is %s",
                         plan->threads ? "not set" : "left as it is");
    dh_buffer_text(out, "\n");
}

/* Lines, each behind `head`, of ranks for which it is the same. */
static void say_shares(const struct dh_place *places, int size, const struct dh_eval_plan *plan,
                       bool told_only, const char *head, struct dh_buffer *out)
{
    struct share *shares = find_shares(places, size, plan);
    bool *same = dh_alloc((size_t)size, sizeof *same);
    int lines = 0;
    for (int rank = 1; rank < size; rank++) {
        struct share share = shares[rank];
        int count = 0;
        for (int other = 0; other < size; other++) {
            same[other] = share.evaluations > 0 && shares[other].cores == share.cores &&
                          shares[other].evaluations == share.evaluations &&
                          shares[other].threads == share.threads;
            count += same[other];
            shares[other].evaluations *= !same[other]; /* once is enough */
        }
        if (count == 0 || (told_only && share.threads == 0) || lines++ >= MOST_NODES)
            continue;
        dh_buffer_text(out, head);
        if (!alone(places, size)) {
            dh_buffer_text(out, count > 1 ? "ranks " : "rank ");
            put_ranks(same, size, out);
            dh_buffer_text(out, ": ");
        }
        say_share(&share, plan, out);
    }
    if (lines > MOST_NODES)
        dh_buffer_printf(out, "%sand %d more like these\n", head, lines - MOST_NODES);
    free(same);
    free(shares);
}

void dh_placement_say_threads(const struct dh_place *places, int size,
                              const struct dh_eval_plan *plan, const char *head,
                              struct dh_buffer *out)
{
    say_shares(places, size, plan, false, head, out);
}

void dh_placement_log_threads(const struct dh_place *places, int size,
                              const struct dh_eval_plan *plan, const struct dh_log *log)
{
    struct dh_buffer text = {0};
    say_shares(places, size, plan, true, "", &text);
    for (char *line = text.data, *end; line && (end = strchr(line, '\n')); line = end + 1)
        dh_log_info(log, "%.*s", (int)(end - line), line);
    dh_buffer_free(&text);
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
        if (alone(places, size)) {
            dh_buffer_text(out, "this process alone");
        } else {
            dh_buffer_printf(out, "rank%s ", here[0] + workers > 1 ? "s" : "");
            put_ranks(here, size, out);
        }
        long long count =
            plan->ranks == 1 ? (long long)workers * plan->slots : workers / plan->ranks;
        dh_buffer_printf(out, ", %lld %s%s\n", count, plan->ranks == 1 ? "slot" : "group",
                         count == 1 ? "" : "s");
    }
    free(here);
}
