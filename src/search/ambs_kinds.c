/* See ambs_kinds.h.
 *
 * Where auto has the time it takes several models, whose proposals alternate. One Gaussian process
 * finds out how much of the results is noise, another takes them at their word: on rugged functions
 * both explanations, smooth with noise or wavy without, are about as likely for a long time, and
 * the most probable one alone keeps the search where it was wrong. Where there are categories or
 * conditions, or results that stay the same over wide plains, as of trainings, a forest sees what
 * neither does. Of many results the Gaussian processes learn a part; a forest alone would be worse
 * (benchmarks/quality). In the first rounds of a crowd the first also elects its transform: that
 * finds good places sooner. Over many rounds, as one worker has, it digs into one of them for too
 * long. */
#include "ambs_kinds.h"

#include <math.h>
#include <string.h>

#define GP_RESULTS 400 /* and pending trials: most that auto's Gaussian processes hold */
#define GP_WORK 4e7 /* … and most of their square × parameters: a step of a fit takes so long */
#define GP_HURRIED 150 /* results up to which auto takes one when claims come fast */
#define GP_FEATURES 40 /* … then */
#define LITTLE_NOISE 1e-5
#define FIRST_ROUNDS 6 /* of as many results as trials run, in which a transform is elected */

/* Most that a Gaussian process holds, pending trials included. */
static size_t gp_most(const struct ambs *ambs)
{
    if (ambs->options.surrogate != AMBS_SURROGATE_AUTO)
        return AMBS_GP_MOST;
    double by_work = sqrt(GP_WORK / (double)ambs->features.count);
    return by_work < GP_RESULTS ? (size_t)by_work : GP_RESULTS;
}

/* The most trials that were pending at a time since the mark. One counts always: whether the ask
 * that follows a mark has been, a resume does not know. */
static size_t crowd(const struct ambs *ambs)
{
    return ambs->data.crowd > 0 ? ambs->data.crowd : 1;
}

/* Results that one is to learn from: all, or where these are too many a part, whose size leaves
 * room for what it will hear of; 0 where it would be small, or where there is no time for it. */
static size_t gp_results(const struct ambs *ambs, unsigned level)
{
    const struct ambs_data *data = &ambs->data;
    bool open = ambs->options.surrogate == AMBS_SURROGATE_AUTO;
    size_t most = gp_most(ambs), room = crowd(ambs) + ambs_data_gap(data);
    bool hurried = open && level < 2;
    if (hurried && (data->mark > GP_HURRIED || ambs->features.count > GP_FEATURES))
        return 0;
    if (data->mark + crowd(ambs) <= most)
        return data->mark;
    return open && !hurried && room <= most / 2 ? most - room : 0;
}

static void add_member(struct ambs_fit *fit, const char *name, size_t most, double most_noise)
{
    fit->kinds[fit->kind_count] = dh_model_find(name);
    fit->most[fit->kind_count] = most;
    fit->most_noise[fit->kind_count++] = most_noise;
}

/* Is there anything but numbers that are always active? */
static bool has_classes(const struct ambs_features *features)
{
    for (size_t j = 0; j < features->count; j++)
        if (features->list[j].levels || features->list[j].optional)
            return true;
    return false;
}

void ambs_choose_kinds(const struct ambs *ambs, unsigned level, struct ambs_fit *fit)
{
    const char *name = ambs_surrogate_name(ambs->options.surrogate);
    bool other = name && strcmp(name, "gp") != 0;
    size_t most = other ? 0 : gp_results(ambs, level);
    if (most == 0)
        add_member(fit, other ? name : "et", 0, 0);
    else
        add_member(fit, "gp", most, 0);
    if (name || most == 0 || level < 2)
        return;
    fit->elects[0] = ambs->data.mark <= FIRST_ROUNDS * (ambs->data.pending_then + 1);
    add_member(fit, "gp", most, LITTLE_NOISE);
    if (has_classes(&ambs->features))
        add_member(fit, "et", 0, 0);
}

bool ambs_outgrown(const struct ambs *ambs)
{
    const struct ambs_live *live = ambs->live;
    size_t size = live->learnt + (ambs->data.mark - live->fitted) + crowd(ambs);
    return strcmp(live->members[0]->kind->name, "gp") == 0 && size > gp_most(ambs);
}
