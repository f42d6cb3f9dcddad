/* The front of every search method: see search.h. What it does when a method has nothing new is in
 * fallback.c.
 *
 * What was proposed is known by identity alone, a 64-bit hash: some 30 bytes a trial instead of
 * the whole point. Two different points among a million share a hash with probability 3e-8, and
 * then the second is left out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "front.h"

const char *dh_origin_text(uint32_t origin)
{
    static const char *const texts[] = {
        [DH_ORIGIN_USER] = "user",     [DH_ORIGIN_DESIGN] = "design",
        [DH_ORIGIN_METHOD] = "method", [DH_ORIGIN_ENUMERATED] = "enumerated",
        [DH_ORIGIN_LATE] = "late",
    };
    return origin < DH_COUNT_OF(texts) ? texts[origin] : "unknown";
}

uint64_t dh_origin_count(const struct dh_history *history, uint32_t origin)
{
    uint64_t count = 0;
    for (uint64_t id = 0; id < dh_history_count(history); id++)
        count += dh_history_trial(history, id)->origin == origin;
    return count;
}

double dh_search_sign(const struct dh_settings *settings, size_t objective)
{
    return settings->objectives[objective].maximize ? -1 : 1;
}

/* The points of `initial`. */
static dh_status read_given(struct dh_search *search, struct dh_error *err)
{
    const struct dh_search_context *c = &search->context;
    const struct dh_node *list = c->settings->initial;
    if (list && list->kind != DH_NODE_LIST)
        return dh_node_fail(err, list, "initial: expected a list of groups, found a %s",
                            dh_node_kind_name(list->kind));
    size_t count = list ? list->child_count : 0, width = dh_space_count(c->space);
    search->given = dh_alloc(count * width, sizeof *search->given);
    for (size_t i = 0; i < count; i++) {
        dh_status status =
            dh_space_read_point(c->space, list->children[i], search->given + i * width, err);
        if (status)
            return status;
    }
    search->given_count = count;
    return DH_OK;
}

/* Old points are for a method that learns; they count as proposed unless it wants them again. */
static dh_status read_warm(struct dh_search *search, struct dh_error *err)
{
    const struct dh_search_context *c = &search->context;
    if (c->settings->warm_start && !search->method->learns)
        return dh_node_fail(err, c->settings->warm_start,
                            "method %s does not learn from warm_start; method list evaluates the "
                            "points of a file again",
                            search->method->name);
    size_t count;
    const double *known = dh_search_known(search, &count);
    for (size_t i = 0; i < count; i++)
        dh_map_put(&search->seen, dh_space_identity(c->space, known + i * dh_space_count(c->space)),
                   UINT64_MAX);
    return DH_OK;
}

/* Is the trial of a point done with: as an old result, or (with a history) as a failure there? */
static bool is_done_with(const struct dh_history *history, uint64_t trial)
{
    if (!history || trial >= dh_history_count(history))
        return !history && trial == UINT64_MAX;
    enum dh_trial_status status = dh_history_trial(history, trial)->outcome.status;
    return status == DH_TRIAL_FAILED || status == DH_TRIAL_TIMEOUT;
}

/* The user's own points come first, so that one which does not is worth a word. */
static void warn_of_given(const struct dh_search *search, const struct dh_history *history,
                          const char *why)
{
    const struct dh_space *space = search->context.space;
    size_t count = 0;
    for (size_t i = 0; i < search->given_count; i++) {
        uint64_t trial;
        const double *point = search->given + i * dh_space_count(space);
        count += dh_map_get(&search->seen, dh_space_identity(space, point), &trial) &&
                 is_done_with(history, trial);
    }
    if (count)
        dh_log_warn(search->context.log, "initial: %zu of %zu points %s, so not evaluated again",
                    count, search->given_count, why);
}

static dh_status build(struct dh_search *search, struct dh_error *err)
{
    const struct dh_settings *settings = search->context.settings;
    dh_status status = dh_method_find(settings, &search->method, err);
    if (status)
        return status;
    if (!(search->options = dh_method_unpack(search->method, settings, err)))
        return DH_CONFIG;
    status = read_given(search, err);
    if (status == DH_OK)
        status = read_warm(search, err);
    if (status)
        return status;
    warn_of_given(search, NULL, "are among those of warm_start");
    return search->method->create(&search->context, search->options, &search->state, err);
}

dh_status dh_search_create(const struct dh_search_context *context, struct dh_search **out,
                           struct dh_error *err)
{
    struct dh_search *search = dh_alloc(1, sizeof *search);
    search->context = *context;
    dh_status status = build(search, err);
    if (status)
        dh_search_destroy(&search);
    *out = search;
    return status;
}

void dh_search_destroy(struct dh_search **search)
{
    struct dh_search *s = *search;
    if (!s)
        return;
    if (s->state)
        s->method->destroy(s->state);
    dh_enumeration_destroy(&s->enumeration);
    dh_map_free(&s->seen);
    free(s->last);
    free(s->axes);
    free(s->given);
    free(s->options);
    free(s);
    *search = NULL;
}

const char *dh_search_name(const struct dh_search *search)
{
    return search->method->name;
}

bool dh_search_slow(const struct dh_search *search)
{
    return search->method->slow;
}

const double *dh_search_known(const struct dh_search *search, size_t *count)
{
    bool again = search->method->retries && search->method->retries(search->options);
    *count = again ? 0 : search->context.warm_count;
    return search->context.warm_points;
}

enum dh_verdict dh_front_judge(const struct dh_search *search, struct dh_proposal *proposal)
{
    if (!dh_space_feasible(search->context.space, proposal->point))
        return DH_INFEASIBLE;
    proposal->identity = dh_space_identity(search->context.space, proposal->point);
    return dh_map_get(&search->seen, proposal->identity, NULL) ? DH_SEEN : DH_FRESH;
}

/* The next of the given points that is new: DH_OK or DH_EMPTY. */
static dh_status ask_given(struct dh_search *search, struct dh_proposal *proposal)
{
    size_t width = dh_space_count(search->context.space);
    while (search->next_given < search->given_count) {
        memcpy(proposal->point, search->given + search->next_given++ * width,
               width * sizeof *proposal->point);
        proposal->origin = DH_ORIGIN_USER;
        if (dh_front_judge(search, proposal) == DH_FRESH)
            return DH_OK;
    }
    return DH_EMPTY;
}

/* The method's next new point; DH_EMPTY if it has none to give in the attempts it gets. `rare`: it
 * has none because constraints hold almost nowhere, as `err` says. A closed method is only
 * stopped by its end, or by steps that are all infeasible, which is DH_CONFIG. */
static dh_status ask_method(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                            bool *rare, struct dh_error *err)
{
    bool closed = search->method->closed;
    const unsigned most = closed ? DH_SEARCH_STEPS : DH_SEARCH_ATTEMPTS;
    *rare = !closed;
    for (unsigned attempt = 0, left = most; left > 0; attempt++) {
        proposal->origin = DH_ORIGIN_METHOD;
        proposal->level = 0;
        proposal->cursor = search->cursor;
        dh_status status = search->method->ask(search->state, id, attempt, proposal, err);
        *rare &= status == DH_OK || status == DH_CONFIG;
        if (status)
            return status;
        search->cursor = proposal->cursor;
        enum dh_verdict verdict = dh_front_judge(search, proposal);
        if (verdict == DH_FRESH)
            return DH_OK;
        *rare &= verdict == DH_INFEASIBLE;
        left = closed && verdict == DH_SEEN ? most : left - 1;
    }
    dh_node_fail(err, search->context.settings->constraints,
                 "constraints: none of %u points in a row of %s satisfies them", most,
                 search->method->name);
    return closed ? DH_CONFIG : DH_EMPTY;
}

static dh_status ask_new(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                         struct dh_error *err)
{
    if (search->exhausted)
        return DH_EXHAUSTED;
    if (ask_given(search, proposal) == DH_OK)
        return DH_OK;
    bool rare = false;
    dh_status status =
        search->enumerating ? DH_EMPTY : ask_method(search, id, proposal, &rare, err);
    bool stuck = status == DH_EMPTY || status == DH_CONFIG || status == DH_EXHAUSTED;
    if (!stuck || search->method->closed)
        return status;
    if (rare && dh_front_ask_near(search, id, proposal, err))
        return DH_OK;
    if (!isfinite(dh_space_size(search->context.space)))
        return status == DH_CONFIG ? status : dh_front_ask_anywhere(search, id, proposal, err);
    if (!rare && !search->enumerating) {
        search->enumerating = true;
        dh_log_info(search->context.log, "%s repeats itself: enumerating what is left of the space",
                    search->method->name);
    }
    return dh_front_ask_enumeration(search, proposal, err);
}

dh_status dh_search_ask(struct dh_search *search, uint64_t id, struct dh_proposal *proposal,
                        struct dh_error *err)
{
    proposal->level = 0;
    proposal->cursor = search->cursor;
    dh_status status = ask_new(search, id, proposal, err);
    if (status == DH_EXHAUSTED) {
        search->exhausted = true;
        if (search->seen.count == 0)
            return dh_node_fail(err, search->context.settings->constraints,
                                "constraints: no point of %s satisfies them",
                                search->method->closed ? search->method->name : "the space");
        return dh_fail(err, DH_EXHAUSTED, "%s: nothing is left to propose after %zu points",
                       search->method->name, search->seen.count);
    }
    if (status != DH_OK)
        return status;
    dh_map_put(&search->seen, proposal->identity, id);
    dh_front_remember(search, id, proposal->point);
    return DH_OK;
}

/* To where the search stands once the trial was proposed. */
static void follow(struct dh_search *search, const struct dh_trial *trial)
{
    bool walks = search->method->propose == dh_walk_propose;
    if (walks && !dh_walk_passes(search->method, search->state, search->context.space, trial))
        return;
    if (trial->cursor > search->cursor)
        search->cursor = trial->cursor;
    if (trial->origin == DH_ORIGIN_ENUMERATED && !search->method->closed)
        search->enumerating = true;
    if (search->method->propose)
        search->method->propose(search->state, trial);
}

void dh_search_propose(struct dh_search *search, const struct dh_trial *trial)
{
    dh_map_put(&search->seen, trial->identity, trial->id);
    dh_front_remember(search, trial->id, trial->values);
    follow(search, trial);
}

void dh_search_tell(struct dh_search *search, const struct dh_trial *trial)
{
    if (search->method->tell)
        search->method->tell(search->state, trial);
}

/* The point of a cancelled trial may be proposed again, unless it was already. A closed method goes
 * back to the first such point: what it passes on its way from there is known. */
static void replay_propose(struct dh_search *search, const struct dh_trial *trial, bool *missing)
{
    *missing |= dh_trial_cancelled(trial) && !dh_map_get(&search->seen, trial->identity, NULL);
    dh_front_remember(search, trial->id, trial->values);
    if (!(*missing && search->method->closed))
        follow(search, trial);
}

void dh_search_replay(struct dh_search *search, const struct dh_history *history)
{
    uint64_t ended;
    uint64_t *order = dh_history_ended_order(history, &ended);
    uint64_t next = 0, count = dh_history_count(history);
    bool missing = false;
    for (uint64_t id = 0; id < count; id++) {
        const struct dh_trial *trial = dh_history_trial(history, id);
        if (!dh_trial_cancelled(trial))
            dh_map_put(&search->seen, trial->identity, id);
    }
    for (uint64_t id = 0; id <= count; id++) {
        uint64_t event = id < count ? dh_history_trial(history, id)->proposed_event : UINT64_MAX;
        for (; next < ended; next++) {
            const struct dh_trial *trial = dh_history_trial(history, order[next]);
            if (atomic_load_explicit(&trial->ended_event, memory_order_acquire) > event)
                break;
            dh_search_tell(search, trial);
        }
        if (id < count)
            replay_propose(search, dh_history_trial(history, id), &missing);
    }
    free(order);
    warn_of_given(search, history, "failed in an earlier run");
}
