/* See ambs_plan.h.
 *
 * Where auto has the time it takes several models, whose proposals alternate. One Gaussian process
 * finds out how much of the results is noise, another takes them at their word: on rugged functions
 * both explanations, smooth with noise or wavy without, are about as likely for a long time, and
 * the most probable one alone keeps the search where it was wrong. Where there are categories or
 * conditions, or results that stay the same over wide plains, as of trainings, a forest sees what
 * neither does. Of many results the Gaussian processes learn a part, and of many pending trials
 * they hold a part; a forest alone would be worse by far (benchmarks/quality). In the first rounds
 * of a crowd the first also elects its transform: that finds good places sooner. Over many rounds,
 * as one worker has, it digs into one of them for too long. */
#include "ambs_plan.h"

#include <math.h>
#include <string.h>

#include "ambs.h"

#define GP_RESULTS 400 /* that auto's Gaussian processes learn */
#define GP_WORK 4e7 /* … and most of their square × parameters: a step of a fit takes so long */
#define GP_GROWTH 100  /* results that one takes in beyond those, before a new fit is due */
#define GP_BUDGET 5e-3 /* seconds an ask: with less, trials end faster than it hears of them */
#define GP_HURRIED 150 /* results up to which auto takes one even then */
#define GP_FEATURES 40 /* … and at the lowest level of effort */
#define LITTLE_NOISE 1e-5
#define FIRST_ROUNDS 6 /* of as many results as trials run, in which a transform is elected */

/* Lies that auto's Gaussian processes hold beside as many results as they learn at most. Each costs
 * every prediction what a result does; so of thousands that are pending, they hold the newest,
 * which are those of this model. */
static const size_t gp_lies[AMBS_LEVELS] = {0, 128, 256, 256};

static bool is_open(const struct ambs *ambs)
{
    return ambs->options.surrogate == AMBS_SURROGATE_AUTO;
}

/* Most results that one of auto's learns. */
static size_t gp_most(const struct ambs *ambs)
{
    double by_work = sqrt(GP_WORK / (double)ambs->features.count);
    return by_work < GP_RESULTS ? (size_t)by_work : GP_RESULTS;
}

/* The most trials that were pending at a time since the mark. One counts always: whether the ask
 * that follows a mark has been, a resume does not know. */
static size_t crowd(const struct ambs *ambs)
{
    return ambs->data.crowd > 0 ? ambs->data.crowd : 1;
}

/* The level at which models are chosen. With a fixed one they do not depend on time. */
static unsigned level_by_budget(const struct ambs *ambs, unsigned level)
{
    bool timed = ambs->options.effort == AMBS_EFFORT_AUTO;
    return timed && level == 1 && ambs->budget < GP_BUDGET ? 0 : level;
}

/* Results that one is to learn from: all, or of many a part; 0 where there is no time for it. */
static size_t gp_results(const struct ambs *ambs, unsigned level)
{
    size_t results = ambs->data.mark, most = is_open(ambs) ? gp_most(ambs) : AMBS_GP_MOST;
    if (is_open(ambs) && level > 0)
        return results < most ? results : most;
    if (is_open(ambs) && (results > GP_HURRIED || ambs->features.count > GP_FEATURES))
        return 0;
    return results + crowd(ambs) <= most ? results : 0;
}

/* Is there anything but numbers that are always active? */
static bool has_classes(const struct ambs_features *features)
{
    for (size_t j = 0; j < features->count; j++)
        if (features->list[j].levels || features->list[j].optional)
            return true;
    return false;
}

static struct ambs_plan plan_members(const struct ambs *ambs, unsigned level)
{
    const char *name = ambs_surrogate_name(ambs->options.surrogate);
    bool other = name && strcmp(name, "gp") != 0;
    size_t most = other ? 0 : gp_results(ambs, level);
    if (most == 0)
        return (struct ambs_plan){.members = {{.kind = dh_model_find(other ? name : "et")}},
                                  .member_count = 1};
    struct ambs_learner process = {.kind = dh_model_find("gp"), .most = most};
    if (is_open(ambs))
        process.most_lies = gp_most(ambs) + gp_lies[level] - most;
    struct ambs_plan plan = {.members = {process}, .member_count = 1};
    if (name || level < 2)
        return plan;
    plan.members[0].elects = ambs->data.mark <= FIRST_ROUNDS * (ambs->data.pending_then + 1);
    process.most_noise = LITTLE_NOISE;
    plan.members[plan.member_count++] = process;
    if (has_classes(&ambs->features))
        plan.members[plan.member_count++] = (struct ambs_learner){.kind = dh_model_find("et")};
    return plan;
}

/* What learns where trials fail: a Gaussian process where those of the values learn all results and
 * there is time for several. Failing regions have slanted, smooth edges, at which the best often
 * lies, and a forest's boxes make steps along them. */
static const struct dh_model_kind *failing_kind(const struct ambs *ambs, unsigned level,
                                                const struct ambs_learner *first)
{
    bool hurried = is_open(ambs) && level < 2;
    bool part = first->most > 0 && first->most < ambs->data.mark;
    return ambs_is_process(first->kind) && !hurried && !part ? first->kind : dh_model_find("et");
}

struct ambs_plan ambs_plan_make(const struct ambs *ambs, unsigned level)
{
    level = level_by_budget(ambs, level);
    struct ambs_plan plan = plan_members(ambs, level);
    if (ambs->options.failures == AMBS_FAILED_AUTO)
        plan.failing = failing_kind(ambs, level, &plan.members[0]);
    return plan;
}

bool ambs_outgrown(const struct ambs *ambs)
{
    const struct ambs_live *live = ambs->live;
    size_t results = live->learnt + (ambs->data.mark - live->fitted);
    if (!ambs_is_process(live->members[0].model->kind))
        return false;
    return is_open(ambs) ? results > gp_most(ambs) + GP_GROWTH
                         : results + crowd(ambs) > AMBS_GP_MOST;
}
