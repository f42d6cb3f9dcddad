/* What the manager makes of proposals: trials of those that arrive, its own where they are late,
 * and how many more it asks for. */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"
#include "manager_state.h"

/* A proposal becomes a trial: history, journal, search, ready queue. */
static void accept(struct dh_manager *manager, const struct dh_proposal *proposal)
{
    const struct dh_manager_parts *parts = &manager->parts;
    struct dh_trial *trial = dh_history_propose(parts->history, proposal->point);
    uint64_t seed = (uint64_t)parts->setup->settings.search.seed;
    struct dh_random random = dh_random_at(seed, DH_STREAM_TRIAL, trial->id);
    trial->seed = dh_random_u64(&random) >> 1; /* fits a signed 64-bit integer everywhere */
    trial->identity = proposal->identity;
    trial->cursor = proposal->cursor;
    trial->origin = proposal->origin;
    trial->level = proposal->level;
    trial->proposed = dh_wall_time();
    if (parts->store)
        dh_store_proposed(parts->store, trial);
    dh_proposer_propose(manager->proposer, trial);
    dh_sched_offer(manager->sched, trial->id, manager->now);
}

/* One slot alone waits as long as an ask takes, so that its search stays a function of the seed:
 * none is late. */
static bool can_be_late(const struct dh_sched_counts *counts)
{
    return counts->slots > 1;
}

dh_status manager_take_proposals(struct dh_manager *manager, bool *busy, struct dh_error *err)
{
    struct dh_proposed *proposed;
    struct dh_sched_counts counts;
    dh_sched_counts(manager->sched, &counts);
    dh_status status = DH_OK;
    while (status == DH_OK && dh_proposer_take(manager->proposer, &proposed)) {
        *busy = true;
        manager->asked -= manager->asked > 0;
        dh_late_answered(&manager->late);
        bool waited = can_be_late(&counts) && dh_sched_short(manager->sched) > 0;
        double latency = dh_clock_now(manager->parts.clock) - proposed->asked_at;
        dh_demand_answered(&manager->demand, latency, proposed->seconds, waited);
        if (proposed->status == DH_OK && dh_sched_room(manager->sched) > 0) {
            if (!dh_late_repeats(&manager->late, proposed->proposal.identity))
                accept(manager, &proposed->proposal);
        } else if (proposed->status == DH_EXHAUSTED) {
            manager->exhausted = true;
            manager->asked = 0;
            dh_sched_exhausted(manager->sched, manager->now);
        } else if (proposed->status != DH_OK) {
            *err = *proposed->error;
            status = proposed->status;
        }
        dh_proposed_free(proposed);
    }
    return status;
}

/* Slots that wait for an ask under way, and not as long as it takes. */
static uint64_t count_waiting(const struct dh_manager *manager)
{
    struct dh_sched_counts counts;
    dh_sched_counts(manager->sched, &counts);
    uint64_t waiting = dh_sched_short(manager->sched);
    if (!can_be_late(&counts) || manager->exhausted || waiting <= counts.ready)
        return 0;
    return waiting - counts.ready; /* what is ready and not started is held back */
}

double manager_late_at(const struct dh_manager *manager)
{
    return count_waiting(manager) == 0
               ? (double)INFINITY
               : dh_late_oldest(&manager->late) + dh_demand_patience(&manager->demand);
}

void manager_replace_late(struct dh_manager *manager, bool *busy)
{
    if (manager->now < manager_late_at(manager))
        return;
    uint64_t waiting = count_waiting(manager);
    double then = fmax(manager->now - dh_demand_patience(&manager->demand),
                       dh_late_oldest(&manager->late)); /* whatever rounding makes of it */
    uint64_t overdue = dh_late_overdue(&manager->late, then);
    struct dh_proposal proposal = {.origin = DH_ORIGIN_LATE};
    proposal.point = dh_alloc(dh_space_count(manager->parts.setup->space), sizeof(double));
    bool found = true;
    for (; overdue > 0 && waiting > 0; overdue--) {
        dh_late_replaced(&manager->late, manager->now);
        found = found && dh_late_point(&manager->late, proposal.point, &proposal.identity);
        if (!found) /* nothing new near the best: then they wait, whatever else is overdue */
            continue;
        accept(manager, &proposal);
        waiting--;
        manager->demand.late++;
        *busy = true;
    }
    free(proposal.point);
}

void manager_ask(struct dh_manager *manager)
{
    dh_demand_claimed(&manager->demand, manager->claims, manager->now);
    dh_demand_looked(&manager->demand, manager->now);
    manager->claims = 0;
    if (manager->exhausted)
        return;
    struct dh_sched_counts counts;
    dh_sched_counts(manager->sched, &counts);
    uint64_t room = dh_sched_room(manager->sched);
    uint64_t want =
        dh_sched_short(manager->sched) + dh_demand_ahead(&manager->demand, counts.slots);
    uint64_t have = counts.ready + manager->asked;
    if (manager->parts.board) {
        want += dh_demand_meanwhile(&manager->demand, counts.slots);
        have += dh_board_stock(manager->parts.board);
    }
    uint64_t free_room = room > manager->asked ? room - manager->asked : 0;
    uint64_t missing = want > have ? want - have : 0;
    if (missing > free_room)
        missing = free_room;
    if (missing == 0)
        return;
    manager->asked += missing;
    dh_late_asked(&manager->late, missing, manager->now);
    double patience =
        can_be_late(&counts) ? dh_demand_patience(&manager->demand) : (double)INFINITY;
    dh_proposer_ask(manager->proposer, missing, dh_demand_budget(&manager->demand, counts.slots),
                    patience);
}
