/* Events of a journal put into a history: see journal.h.
 *
 * What a file says is checked before it is believed: every event has to follow the last one, a
 * value has to be one that its parameter can take, a trial has to exist to end.
 */
#include <math.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "journal.h"
#include "values.h"

struct replay {
    struct dh_journal_reader *reader;
    const struct dh_journal_header *header;
    uint64_t last; /* later events are left out */
    const struct dh_space *space;
    struct dh_history *history;
    size_t *place;           /* of the file's i-th value in the space */
    double *written, *point; /* values in the order of the file, of the space */
    uint64_t added;
    bool contradicts; /* what the history has is not what this journal's session wrote */
};

/* Where each of the file's parameters is in the space: all of them, each once. */
static dh_status find_places(struct replay *replay, struct dh_error *err)
{
    const struct dh_journal_header *header = replay->header;
    size_t count = dh_space_count(replay->space);
    if (header->parameter_count != count ||
        header->objective_count != dh_history_objective_count(replay->history))
        return dh_fail(err, DH_CORRUPT,
                       "%s: has %u parameters and %u objectives, expected %zu and %zu",
                       replay->reader->path, header->parameter_count, header->objective_count,
                       count, dh_history_objective_count(replay->history));
    bool *taken = dh_alloc(count, sizeof *taken);
    dh_status status = DH_OK;
    for (size_t i = 0; i < count && status == DH_OK; i++) {
        int index = dh_space_find(replay->space, header->names[i]);
        if (index < 0 || taken[index]) {
            status =
                dh_fail(err, DH_CORRUPT, "%s: has a parameter %s that %s", replay->reader->path,
                        header->names[i], index < 0 ? "the space does not know" : "is there twice");
            break;
        }
        taken[index] = true;
        replay->place[i] = (size_t)index;
    }
    free(taken);
    return status;
}

static dh_status replay_proposed(struct replay *replay, struct dh_reader *in, struct dh_error *err)
{
    size_t count = dh_space_count(replay->space);
    uint64_t id = dh_get_u64(in);
    struct dh_trial read = {.seed = dh_get_u64(in)};
    read.cursor = dh_get_u64(in);
    read.origin = dh_get_u32(in);
    read.level = dh_get_u32(in);
    read.proposed = dh_get_f64(in);
    read.identity = dh_get_u64(in);
    dh_get_f64s(in, replay->written, count);
    for (size_t i = 0; i < count; i++)
        replay->point[replay->place[i]] = replay->written[i];
    if (!dh_reader_complete(in) || id != dh_history_count(replay->history))
        return dh_fail(err, DH_CORRUPT, "%s: the proposal of trial %llu, expected trial %llu",
                       replay->reader->path, (unsigned long long)id,
                       (unsigned long long)dh_history_count(replay->history));
    for (size_t i = 0; i < count; i++)
        if (!dh_store_value_valid(dh_space_parameter(replay->space, i), replay->point[i]))
            return dh_fail(err, DH_CORRUPT, "%s: trial %llu: %g is no value of %s",
                           replay->reader->path, (unsigned long long)id, replay->point[i],
                           dh_space_parameter(replay->space, i)->name);
    struct dh_trial *trial = dh_history_propose(replay->history, replay->point);
    trial->seed = read.seed;
    trial->cursor = read.cursor;
    trial->origin = read.origin;
    trial->level = read.level;
    trial->proposed = read.proposed;
    trial->identity = read.identity;
    return DH_OK;
}

static dh_status replay_ended(struct replay *replay, struct dh_reader *in, struct dh_error *err)
{
    struct dh_outcome outcome;
    uint64_t id = dh_get_u64(in);
    bool sound = dh_outcome_unpack(in, dh_history_objective_count(replay->history), &outcome);
    dh_status status = DH_OK;
    if (!sound || !dh_reader_complete(in))
        status = dh_fail(err, DH_CORRUPT, "the outcome of trial %llu cannot be read",
                         (unsigned long long)id);
    else if (dh_history_end(replay->history, id, &outcome, err) != DH_OK)
        status = DH_CORRUPT;
    if (status == DH_OK)
        return DH_OK;
    dh_outcome_free(&outcome);
    if (err)
        err->status = status;
    dh_fail_context(err, "%s", replay->reader->path);
    return status;
}

/* Is the proposal the one that the history has as this event? */
static bool same_proposal(const struct replay *replay, uint64_t event, struct dh_reader *in)
{
    uint64_t id = dh_get_u64(in);
    if (id >= dh_history_count(replay->history))
        return false;
    const struct dh_trial *trial = dh_history_trial(replay->history, id);
    bool same = trial->proposed_event == event && trial->seed == dh_get_u64(in);
    dh_get_u64(in); /* cursor, origin, level */
    dh_get_u32(in);
    dh_get_u32(in);
    return same && trial->proposed == dh_get_f64(in);
}

/* One event: skipped if the history has it, or if it is not wanted. */
static dh_status replay_event(struct replay *replay, struct dh_error *err)
{
    struct dh_reader *in = &replay->reader->payload;
    uint64_t event = dh_get_u64(in), have = dh_history_event(replay->history);
    if (event > replay->last)
        return DH_OK;
    if (event <= have) {
        if (replay->reader->type == DH_RECORD_PROPOSED)
            replay->contradicts |= !same_proposal(replay, event, in);
        return DH_OK;
    }
    if (replay->contradicts)
        return dh_fail(err, DH_CORRUPT, "%s: is the journal of another search: move it away",
                       replay->reader->path);
    if (event != have + 1)
        return dh_fail(err, DH_CORRUPT, "%s: events %llu to %llu are missing before it",
                       replay->reader->path, (unsigned long long)(have + 1),
                       (unsigned long long)(event - 1));
    replay->added++;
    if (replay->reader->type == DH_RECORD_PROPOSED)
        return replay_proposed(replay, in, err);
    if (replay->reader->type == DH_RECORD_ENDED)
        return replay_ended(replay, in, err);
    return dh_fail(err, DH_CORRUPT, "%s: a record of unknown type %u before byte %llu",
                   replay->reader->path, replay->reader->type,
                   (unsigned long long)dh_journal_position(replay->reader));
}

/* Every event up to the end or the torn tail. */
static dh_status replay_all(struct replay *replay, uint64_t *torn, struct dh_error *err)
{
    for (;;) {
        dh_status status = dh_journal_next(replay->reader, err);
        if (status == DH_CORRUPT)
            *torn = replay->reader->size - dh_journal_position(replay->reader);
        if (status == DH_CORRUPT || status == DH_EMPTY)
            return DH_OK;
        if (status == DH_OK)
            status = replay_event(replay, err);
        if (status != DH_OK)
            return status;
    }
}

dh_status dh_journal_replay(struct dh_journal_reader *reader,
                            const struct dh_journal_header *header, uint64_t last,
                            const struct dh_space *space, struct dh_history *history,
                            uint64_t *added, uint64_t *torn, bool *contradicts,
                            struct dh_error *err)
{
    size_t count = dh_space_count(space);
    uint64_t have = dh_history_event(history);
    struct replay replay = {.reader = reader,
                            .header = header,
                            .last = last,
                            .space = space,
                            .history = history,
                            .contradicts = *contradicts};
    *added = *torn = 0;
    if (header->first_event > have + 1)
        return dh_fail(err, DH_CORRUPT, "%s: events %llu to %llu are missing before it",
                       reader->path, (unsigned long long)(have + 1),
                       (unsigned long long)(header->first_event - 1));
    replay.place = dh_alloc(count, sizeof *replay.place);
    replay.written = dh_alloc(count, sizeof *replay.written);
    replay.point = dh_alloc(count, sizeof *replay.point);
    dh_status status = find_places(&replay, err);
    if (status == DH_OK)
        status = replay_all(&replay, torn, err);
    *added = replay.added;
    *contradicts = replay.contradicts;
    free(replay.place);
    free(replay.written);
    free(replay.point);
    return status;
}
