/* From files to a state: see recover.h.
 *
 * The state is the newest sound checkpoint plus every journal record with a higher event number,
 * the segments in ascending order and the journal last. Which session's configuration counts: that
 * of the newest file, which is the newest journal, unless a checkpoint is ahead of where that
 * journal began.
 *
 * A search that went on without knowing that another took over (its host was cut off from the file
 * server, see lock.h) may still have added to its own journal, which is a segment by then. So where
 * a later session begins, the journals of those before it end.
 *
 * Journals of another search, beside a checkpoint that somebody put there, say so themselves: what
 * they repeat of its events are other trials.
 */
#include "recover.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "dh_mpi/alloc.h"
#include "journal.h"

/* What the header of a journal says. */
struct beginning {
    bool sound;
    uint64_t first_event;
    double started; /* of its session */
};

struct state {
    const struct dh_family *family;
    const struct dh_recover_target *target;
    struct dh_store_image *image;
    struct dh_recovery *recovery;
    struct dh_buffer notes;
    struct beginning *journals; /* of each, oldest first */
    char *journal_config;       /* of the newest journal with a sound header; NULL: none */
    uint64_t journal_first;
    double strange; /* the session, by its start, that wrote of other trials than the history has */
    const struct dh_space *space; /* the target's, or else the image's */
    struct dh_history *history;   /* likewise */
};

/* The i-th journal, oldest first; the last is NAME-journal. The caller frees it. */
static char *journal_path(const struct dh_family *family, size_t i)
{
    return i < family->segment_count ? dh_family_segment(family->path, family->segments[i])
                                     : dh_strdup(family->journal);
}

static size_t journal_count(const struct dh_family *family)
{
    return family->segment_count + family->has_journal;
}

/* Note how each journal begins, and the newest configuration among them. */
static void read_headers(struct state *state)
{
    size_t count = journal_count(state->family);
    state->journals = dh_alloc(count, sizeof *state->journals);
    for (size_t i = 0; i < count; i++) {
        struct dh_journal_reader reader;
        struct dh_journal_header header;
        char *path = journal_path(state->family, i);
        if (dh_journal_open_header(path, &reader, &header, NULL) == DH_OK) {
            free(state->journal_config);
            state->journal_config = dh_strdup(header.config_text);
            state->journal_first = header.first_event;
            state->journals[i] = (struct beginning){true, header.first_event, header.started};
            dh_journal_header_free(&header);
            dh_journal_close(&reader);
        }
        free(path);
    }
}

/* The last event of journal i that counts: where the first journal of a later session begins. What
 * that session's further journals begin with may be older: it is what they repeat. */
static uint64_t last_of_session(const struct state *state, size_t i)
{
    for (size_t later = i + 1; later < journal_count(state->family); later++) {
        const struct beginning *next = &state->journals[later];
        if (next->sound && next->started > state->journals[i].started)
            return next->first_event - 1;
    }
    return UINT64_MAX;
}

/* Config, settings and space of the image from `text`; then the space and history to fill. */
static dh_status take_config(struct state *state, const char *text, struct dh_error *err)
{
    struct dh_store_image *image = state->image;
    /* named like the checkpoint, whose name is also the search's where none is given */
    dh_status status = dh_config_parse(state->family->path, text, &image->config, err);
    if (status == DH_OK)
        status = dh_settings_unpack(image->config, &image->settings, err);
    if (status == DH_OK)
        status = dh_space_create(&image->settings, &image->space, err);
    if (status != DH_OK)
        return status;
    image->config_text = dh_strdup(text);
    state->space = image->space;
    if (!state->target) {
        state->history =
            dh_history_create(dh_space_count(image->space), image->settings.objective_count);
        return DH_OK;
    }
    status = dh_space_compare(image->space, state->target->space, err);
    if (status == DH_OK)
        status = dh_settings_compare(&image->settings, state->target->settings, err);
    if (status != DH_OK)
        return dh_fail_context(
            err,
            "%s cannot be continued (--fresh moves it aside; a search in another "
            "checkpoint.file learns from it by warm_start)",
            state->family->path);
    state->space = state->target->space;
    state->history = state->target->history;
    state->recovery->config_is_different =
        strcmp(text, dh_config_text(state->target->settings->config)) != 0;
    return DH_OK;
}

/* Undo take_config, and what was loaded. */
static void drop_config(struct state *state)
{
    if (state->history)
        dh_history_clear(state->history);
    if (state->history && !state->target)
        dh_history_destroy(&state->history);
    state->history = NULL;
    dh_space_destroy(&state->image->space);
    dh_settings_free(&state->image->settings);
    dh_config_destroy(&state->image->config);
    free(state->image->config_text);
    state->image->config_text = NULL;
}

/* Load the checkpoint in `path`. `*fatal` is set where an older one would not help. */
static dh_status load_generation(struct state *state, const char *path, bool *fatal,
                                 struct dh_error *err)
{
    struct dh_checkpoint *checkpoint = NULL;
    dh_status status = dh_checkpoint_open(path, &checkpoint, err);
    *fatal = status == DH_IO || status == DH_CONFIG;
    if (status != DH_OK)
        return status;
    uint64_t event = dh_checkpoint_event(checkpoint);
    bool journal_newer = state->journal_config && state->journal_first > event;
    status = take_config(
        state, journal_newer ? state->journal_config : dh_checkpoint_config(checkpoint), err);
    *fatal = status != DH_OK;
    if (status == DH_OK)
        status = dh_checkpoint_load(checkpoint, state->space, state->history, err);
    if (status == DH_OK) {
        state->image->checkpoint_event = event;
        state->image->usage = dh_checkpoint_usage(checkpoint);
    }
    dh_checkpoint_close(&checkpoint);
    return status;
}

/* The newest sound generation, if there is one. DH_MISSING: none, and none was damaged. */
static dh_status load_newest(struct state *state, struct dh_error *err)
{
    const char *const paths[] = {state->family->path, state->family->previous};
    dh_status worst = DH_MISSING;
    for (size_t i = 0; i < DH_COUNT_OF(paths); i++) {
        struct dh_error why = {0};
        bool fatal;
        dh_status status = load_generation(state, paths[i], &fatal, &why);
        state->recovery->current_sound = i == 0 && status == DH_OK;
        state->image->used_previous = i == 1 && status == DH_OK;
        if (status == DH_OK && i == 1)
            dh_buffer_printf(&state->notes, "%s is used, with the journals\n", paths[1]);
        if (status == DH_OK || fatal) {
            if (status != DH_OK)
                dh_fail(err, status, "%s", why.text);
            return status;
        }
        drop_config(state);
        if (status == DH_MISSING)
            continue;
        worst = status;
        dh_buffer_printf(&state->notes, "%s\n", why.text);
    }
    return worst;
}

/* Journal i of the family on top of the history. */
static dh_status replay_journal(struct state *state, size_t i, struct dh_error *err)
{
    struct dh_journal_reader reader;
    struct dh_journal_header header;
    bool last = i == state->family->segment_count;
    char *path = journal_path(state->family, i);
    struct dh_error why = {0};
    uint64_t added = 0, torn = 0;
    bool strange = false;
    dh_status status = dh_journal_open_header(path, &reader, &header, &why);
    if (status == DH_CORRUPT) { /* what is missing now is found by the next journal */
        dh_buffer_printf(&state->notes, "%s\n", why.text);
        free(path);
        return DH_OK;
    }
    if (status == DH_OK) {
        strange = header.started == state->strange;
        status = dh_journal_replay(&reader, &header, last_of_session(state, i), state->space,
                                   state->history, &added, &torn, &strange, &why);
        state->strange = strange ? header.started : state->strange;
        state->image->journal_events += added;
        state->image->torn_bytes = torn;
        if (torn)
            dh_buffer_printf(&state->notes, "%s: a torn tail of %llu bytes was left out\n", path,
                             (unsigned long long)torn);
        if (last) {
            state->recovery->journal_sound = true;
            state->recovery->journal_keep = dh_journal_position(&reader);
            state->recovery->journal_torn = torn;
        }
        dh_journal_header_free(&header);
        dh_journal_close(&reader);
    }
    free(path);
    return status == DH_OK ? DH_OK : dh_fail(err, status, "%s", why.text);
}

static dh_status recover(struct state *state, struct dh_error *err)
{
    read_headers(state);
    dh_status status = load_newest(state, err);
    if (status != DH_OK && status != DH_MISSING && status != DH_CORRUPT)
        return status;
    if (status != DH_OK) {
        if (!state->journal_config && status == DH_MISSING && journal_count(state->family) == 0)
            return dh_fail(err, DH_MISSING, "%s: is not there", state->family->path);
        if (!state->journal_config)
            return dh_fail(err, DH_CORRUPT, "%s: no checkpoint or journal can be read:\n%s",
                           state->family->path, state->notes.data ? state->notes.data : "");
        status = take_config(state, state->journal_config, err);
        if (status != DH_OK)
            return status;
    }
    for (size_t i = 0; i < journal_count(state->family) && status == DH_OK; i++)
        status = replay_journal(state, i, err);
    if (status != DH_OK && state->notes.size)
        dh_fail_context(err, "%s", state->notes.data);
    if (status == DH_CORRUPT)
        dh_fail_context(err,
                        "%s cannot be continued (dhctl verify looks at each of its files; put "
                        "back the one that is missing, or --fresh moves all aside)",
                        state->family->path);
    return status;
}

dh_status dh_recover(const struct dh_family *family, const struct dh_recover_target *target,
                     struct dh_store_image *image, struct dh_recovery *recovery,
                     struct dh_error *err)
{
    struct state state = {
        .family = family, .target = target, .image = image, .recovery = recovery, .strange = NAN};
    *image = (struct dh_store_image){0};
    *recovery = (struct dh_recovery){0};
    dh_status status = recover(&state, err);
    free(state.journal_config);
    free(state.journals);
    if (status == DH_OK) {
        image->notes = dh_buffer_take(&state.notes);
        image->history = target ? NULL : state.history;
        return DH_OK;
    }
    dh_buffer_free(&state.notes);
    drop_config(&state);
    *image = (struct dh_store_image){0};
    return status;
}
