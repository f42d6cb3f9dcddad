/* The store of a running search: see store.h.
 *
 * What happens when the process dies, by moment ("journals" are all NAME-journal.N and
 * NAME-journal; nothing below needs more than recover.c's rule: newest sound checkpoint plus every
 * later record):
 *
 *   recorded, not yet written       the event never happened; its trial is evaluated again
 *   while a record is written       its torn rest is cut when the journal is next opened
 *   written, not yet synced         kept; only the machine's death can lose it (checkpoint.sync)
 *
 * A checkpoint, at event M:
 *   1. create NAME-journal.new with its header     removed by the next open
 *   2. rename NAME-journal to NAME-journal.N       no NAME-journal: the segments are enough
 *   3. rename NAME-journal.new to NAME-journal     an empty journal continues at M + 1
 *   4. build, write and sync NAME.tmp              removed by the next open
 *   5. remove NAME.previous                        NAME and the journals are enough
 *   6. link NAME to NAME.previous                  both are the same file
 *      (without links: rename)                     no NAME: NAME.previous and the journals
 *   7. rename NAME.tmp to NAME                     NAME is the new one
 *   8. sync the folder
 *   9. remove segments that end at or before the   what remains is more than enough
 *      event of NAME.previous
 * Where somebody else put a file in NAME-journal's place, step 2 gives that a second name, and step
 * 3 replaces it. The lock is looked at before each step that makes a name, changes or removes it:
 * the one before may have hung for so long that another search took over.
 *
 * So journals always reach back to NAME.previous, and a damaged NAME costs nothing. A damaged NAME
 * is not made NAME.previous: then 5 and 6 are left out. A last checkpoint that was written since
 * the journal could not be has events that no journal has: until the next one, it has to stay
 * sound.
 *
 * Steps 1–3 are done by the caller's thread, 4–9 by the checkpoint thread, syncs of journals by a
 * third (sync.c). When the machine dies, what was not synced may be gone, and a later file may be
 * there without the end of an earlier one. So a new journal begins with a copy of all records that
 * are not known to be on the disk (tail.h), and files that another process left are synced before a
 * new one follows them: whichever files survive, the sound part of the last one follows on what
 * was synced, without a gap. Every step above has a name in crash.h, where tests die.
 */
#include "dh_mpi/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/file.h"
#include "files.h"
#include "generation.h"
#include "journal.h"
#include "lock.h"
#include "mend.h"
#include "recover.h"
#include "snapshot.h"
#include "sync.h"
#include "tail.h"

struct segment {
    uint64_t number, last_event;
};

struct dh_store {
    char *path, *journal;
    const struct dh_settings *settings;
    const struct dh_space *space;
    struct dh_history *history;
    const struct dh_log *log;
    struct dh_lock *lock;
    double started;

    int fd;                   /* NAME-journal; -1: none yet */
    bool journal_there;       /* a file of that name exists */
    uint64_t opened;          /* the last event that was there when it was opened, on the disk */
    uint64_t first_event;     /* of NAME-journal that no journal before it has */
    struct dh_buffer pending; /* records not yet written */
    struct dh_tail tail;      /* written, not known to be synced */
    uint64_t written;         /* the last event that was written whole */
    uint64_t renewed;         /* the tail's end where it was written anew after a failed sync */
    struct segment *segments;
    size_t segment_count, segment_capacity;
    struct dh_syncer *syncer;

    uint64_t mark;                        /* of the newest sound checkpoint; 0: none */
    bool current_sound;                   /* NAME is that checkpoint */
    bool config_is_different;             /* from that in it */
    struct dh_usage usage, usage_written; /* the latter is in it */
    struct dh_snapshot snapshot;
};

void dh_store_proposed(struct dh_store *store, const struct dh_trial *trial)
{
    dh_journal_put_proposed(&store->pending, trial, dh_space_count(store->space));
}

void dh_store_ended(struct dh_store *store, const struct dh_trial *trial)
{
    dh_journal_put_ended(&store->pending, trial, store->settings->objective_count);
}

void dh_store_set_usage(struct dh_store *store, const struct dh_usage *usage)
{
    store->usage = *usage;
}

/* Another search may be why a step failed: then that is what is told. */
static dh_status explain(const struct dh_store *store, dh_status status, struct dh_error *err)
{
    dh_status owner = status == DH_OK ? DH_OK : dh_lock_status(store->lock, err);
    return owner == DH_OK ? status : owner;
}

/* What was recorded, to the system. */
static dh_status write_pending(struct dh_store *store, struct dh_error *err)
{
    size_t written;
    if (!store->pending.size)
        return DH_OK;
    DH_CRASH_POINT(JOURNAL_WRITE);
    DH_CRASH_HALF(JOURNAL_HALF, store->fd, store->pending.data, store->pending.size);
    int failure = dh_file_write(store->fd, store->pending.data, store->pending.size, &written);
    DH_CRASH_POINT(JOURNAL_WRITTEN);
    dh_tail_synced(&store->tail, dh_syncer_synced(store->syncer));
    dh_tail_written(&store->tail, store->pending.data, written);
    dh_buffer_consume(&store->pending, written); /* the next write goes on exactly there */
    if (written)
        dh_syncer_dirty(store->syncer, store->fd, store->tail.end);
    if (!failure)
        store->written = dh_history_event(store->history);
    else if (written)
        store->written = dh_tail_last(&store->tail, store->written);
    return failure ? dh_fail(err, DH_IO, "%s: cannot write: %s", store->journal, strerror(failure))
                   : DH_OK;
}

/* NAME-journal.new: its header and the records that it begins with. */
static dh_status create_journal(const struct dh_store *store, const struct dh_tail *records,
                                const char *path, int *fd, struct dh_error *err)
{
    char host[128] = "";
    struct dh_buffer record = {0};
    gethostname(host, sizeof host - 1);
    struct dh_journal_header header = {
        .first_event = dh_tail_first(records, dh_history_event(store->history) + 1),
        .checkpoint_event = store->mark,
        .started = store->started,
        .host = host,
        .objective_count = (uint32_t)store->settings->objective_count,
        .config_text = (char *)dh_config_text(store->settings->config)};
    DH_CRASH_POINT(ROTATE_CREATE);
    dh_status status = dh_lock_create(store->lock, path, fd, err);
    if (status != DH_OK)
        return status;
    DH_CRASH_POINT(ROTATE_CREATED);
    dh_journal_put_header(&record, store->space, &header);
    dh_buffer_append(&record, records->bytes.data, records->bytes.size);
    DH_CRASH_HALF(ROTATE_HALF, *fd, record.data, record.size);
    int failure = dh_file_write(*fd, record.data, record.size, NULL);
    DH_CRASH_POINT(ROTATE_HEADER);
    dh_buffer_free(&record);
    if (!failure)
        return DH_OK;
    dh_files_discard(*fd, path);
    *fd = -1;
    return dh_fail(err, DH_IO, "%s: cannot write: %s", path, strerror(failure));
}

/* Undo step 2; if that fails too, the journal goes on under its new name. */
static void take_back(struct dh_store *store, const char *sealed)
{
    if (dh_lock_status(store->lock, NULL) == DH_OK &&
        dh_files_rename_new(sealed, store->journal, NULL) == DH_OK) {
        store->segment_count--;
        return;
    }
    store->segments[store->segment_count - 1].last_event = UINT64_MAX; /* never obsolete */
    store->journal_there = false;
}

enum named { OURS, REMOVED, REPLACED };

/* Is the journal that is open still the one of that name? */
static enum named ask_name(const struct dh_store *store)
{
    struct stat held;
    if (store->fd < 0 || !store->journal_there)
        return OURS;
    bool known = fstat(store->fd, &held) == 0, stale = !known && errno == ESTALE;
    if (known && dh_files_named(store->journal, &held))
        return OURS;
    if (access(store->journal, F_OK) != 0)
        return errno == ENOENT ? REMOVED : OURS;
    return known || stale ? REPLACED : OURS;
}

/* What a new journal begins with: the records that may not be on the disk yet; if a sync `failed`,
 * all events of this session since the checkpoint, and if the journal is `gone`, all since then. */
static void choose_records(struct dh_store *store, bool gone, bool failed, struct dh_tail *out)
{
    uint64_t known = gone || store->opened < store->mark ? store->mark : store->opened;
    *out = (struct dh_tail){.end = store->tail.end};
    dh_tail_synced(&store->tail, dh_syncer_synced(store->syncer));
    if (gone || failed)
        dh_tail_recall(out, store->history, known);
    else
        dh_buffer_append(&out->bytes, store->tail.bytes.data, store->tail.bytes.size);
}

/* A second name, or a copy, of what somebody else put there, so that the name is never free. */
static dh_status keep_other(const struct dh_store *store, const char *aside, struct dh_error *err)
{
    dh_status status = dh_files_remove(aside, err);
    if (status == DH_OK && !dh_files_link(store->journal, aside))
        status = dh_files_copy(store->journal, aside, err);
    return status;
}

/* Step 2, where there is something to seal. */
static dh_status seal(struct dh_store *store, enum named named, const char *sealed,
                      const char *aside, uint64_t number, struct dh_error *err)
{
    if (!store->journal_there || named == REMOVED)
        return DH_OK;
    if (named == REPLACED)
        return keep_other(store, aside, err);
    dh_status status = dh_files_rename_new(store->journal, sealed, err);
    DH_CRASH_POINT(ROTATE_SEALED);
    if (status == DH_OK)
        *DH_PUSH(store->segments, store->segment_count, store->segment_capacity) =
            (struct segment){number, dh_history_event(store->history)};
    return status;
}

/* Step 3. */
static dh_status start_journal(const struct dh_store *store, enum named named, int fd,
                               const char *fresh, struct dh_error *err)
{
    struct stat made;
    dh_status status = dh_lock_status(store->lock, err);
    if (status == DH_OK && (fstat(fd, &made) != 0 || !dh_files_named(fresh, &made)))
        status = dh_fail(err, DH_IO, "%s: was replaced by somebody else", fresh);
    if (status != DH_OK)
        return status;
    return named == REPLACED ? dh_files_rename(fresh, store->journal, err)
                             : dh_files_rename_new(fresh, store->journal, err);
}

static void say_other(const struct dh_store *store, enum named named, const char *aside)
{
    if (named == REMOVED)
        dh_log_warn(store->log, "%s was removed by somebody else; what it held is written anew",
                    store->journal);
    if (named == REPLACED)
        dh_log_warn(store->log,
                    "%s was replaced by somebody else, whose file is now %s; what it held is "
                    "written anew",
                    store->journal, aside);
}

/* The journal is now the one behind `fd`, which begins with `records`: `anew`, with all that may
 * not be on the disk since a sync failed. Takes both. */
static void go_on_in(struct dh_store *store, int fd, bool anew, struct dh_tail *records)
{
    if (anew) {
        dh_syncer_renew(store->syncer, store->fd, fd, records->end);
        store->renewed = records->end;
    } else {
        dh_syncer_seal(store->syncer, store->fd);
        dh_syncer_dirty(store->syncer, fd, records->end);
    }
    dh_tail_free(&store->tail);
    store->tail = *records;
    *records = (struct dh_tail){0};
    store->fd = fd;
    store->first_event = dh_history_event(store->history) + 1;
    store->journal_there = true;
    store->written = dh_history_event(store->history);
}

/* Steps 1 to 3, with nothing left to be written. On failure the old journal goes on, under
 * whichever name. */
static dh_status rotate(struct dh_store *store, struct dh_error *err)
{
    size_t count = store->segment_count;
    uint64_t number = count ? store->segments[count - 1].number + 1 : 1;
    char *fresh = dh_strprintf("%s.new", store->journal);
    char *sealed = dh_family_segment(store->path, number);
    char *aside = dh_strprintf("%s.replaced", store->journal);
    enum named named = ask_name(store);
    bool failed = dh_syncer_status(store->syncer, NULL) != DH_OK;
    struct dh_tail records;
    int fd = -1;
    choose_records(store, named != OURS, failed, &records);
    dh_status status = create_journal(store, &records, fresh, &fd, err);
    if (status == DH_OK)
        status = dh_lock_status(store->lock, err); /* writing it may have taken long */
    if (status == DH_OK)
        status = seal(store, named, sealed, aside, number, err);
    if (status == DH_OK) {
        status = start_journal(store, named, fd, fresh, err);
        DH_CRASH_POINT(ROTATE_STARTED);
        if (status != DH_OK && store->segment_count > count)
            take_back(store, sealed);
    }
    if (status == DH_OK) {
        go_on_in(store, fd, failed, &records);
    } else if (fd >= 0) {
        dh_files_discard(fd, fresh);
    }
    if (status == DH_OK)
        say_other(store, named, aside);
    dh_tail_free(&records);
    free(fresh);
    free(sealed);
    free(aside);
    return explain(store, status, err);
}

/* Where a sync failed, what may not be on the disk is written anew. Where that cannot be, or its
 * sync fails, too, it is an error. */
static dh_status mend_sync(struct dh_store *store, struct dh_error *err)
{
    struct dh_error why;
    if (dh_syncer_status(store->syncer, &why) == DH_OK)
        return DH_OK;
    dh_status status = dh_lock_status(store->lock, err); /* who took over may have removed it */
    if (status != DH_OK)
        return status;
    if (dh_syncer_synced(store->syncer) < store->renewed)
        return dh_fail(err, DH_IO, "%s", why.text);
    dh_log_warn(store->log, "%s; what may not be on the disk is written anew", why.text);
    store->renewed = UINT64_MAX; /* tried */
    return rotate(store, err);
}

/* Into the open file also without the lock, unless another search has it: no checkpoint may be
 * written then, and what has arrived is kept nowhere else. Should another begin after all, its
 * journal ends this one (recover.c). */
dh_status dh_store_write(struct dh_store *store, struct dh_error *err)
{
    dh_status status = dh_lock_status(store->lock, err);
    if (status != DH_OK && dh_lock_taken_over(store->lock))
        return status;
    dh_status written = write_pending(store, status == DH_OK ? err : NULL);
    if (status == DH_OK)
        status = explain(store, written, err);
    return status == DH_OK ? mend_sync(store, err) : status;
}

/* Forget segments that the snapshot removed. */
static void drop_obsolete(struct dh_store *store)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->segment_count; i++) {
        bool obsolete = false;
        for (size_t k = 0; k < store->snapshot.obsolete_count; k++)
            obsolete |= store->segments[i].number == store->snapshot.obsolete[k];
        if (!obsolete)
            store->segments[kept++] = store->segments[i];
    }
    store->segment_count = kept;
}

/* Wait for the checkpoint thread and take its result. */
static dh_status finish_snapshot(struct dh_store *store, struct dh_error *err)
{
    struct dh_snapshot *snapshot = &store->snapshot;
    if (!snapshot->running)
        return DH_OK;
    dh_status status = dh_snapshot_finish(snapshot, err);
    if (status == DH_OK) {
        store->mark = snapshot->mark;
        store->current_sound = true;
        store->config_is_different = false;
        store->usage_written = snapshot->usage;
        drop_obsolete(store);
    }
    free(snapshot->obsolete);
    snapshot->obsolete = NULL;
    return status;
}

static dh_status start_snapshot(struct dh_store *store, struct dh_error *err)
{
    struct dh_snapshot *snapshot = &store->snapshot;
    *snapshot = (struct dh_snapshot){.path = store->path,
                                     .settings = store->settings,
                                     .space = store->space,
                                     .history = store->history,
                                     .lock = store->lock,
                                     .log = store->log,
                                     .mark = dh_history_event(store->history),
                                     .usage = store->usage,
                                     .keep = store->current_sound};
    snapshot->obsolete = dh_alloc(store->segment_count, sizeof *snapshot->obsolete);
    for (size_t i = 0; i < store->segment_count; i++)
        if (store->segments[i].last_event <= store->mark) /* the next NAME.previous's event */
            snapshot->obsolete[snapshot->obsolete_count++] = store->segments[i].number;
    dh_status status = dh_snapshot_start(snapshot, err);
    if (status != DH_OK) {
        free(snapshot->obsolete);
        snapshot->obsolete = NULL;
    }
    return status;
}

dh_status dh_store_checkpoint(struct dh_store *store, bool force, struct dh_error *err)
{
    if (store->snapshot.running && !force && !dh_snapshot_done(&store->snapshot))
        return DH_OK;
    dh_status status = finish_snapshot(store, err);
    if (status != DH_OK && !force)
        return status;
    uint64_t event = dh_history_event(store->history);
    bool other_usage = memcmp(&store->usage, &store->usage_written, sizeof store->usage) != 0;
    bool changed = event != store->mark || !store->current_sound ||
                   (force && (store->config_is_different || other_usage));
    if (!changed) /* what is on disk already needs no journal */
        return force ? dh_lock_status(store->lock, err) : dh_store_write(store, err);
    status = dh_store_write(store, err);
    if (status == DH_OK && store->first_event <= event)
        status = rotate(store, err);
    if (status != DH_OK && (!force || dh_lock_status(store->lock, NULL) != DH_OK))
        return status;
    /* a forced one has everything from memory, whatever became of the journal */
    status = start_snapshot(store, err);
    return status == DH_OK && force ? finish_snapshot(store, err) : status;
}

/* What the last owner wrote may still be in the system's memory only; nothing is to follow it
 * before it is on the disk. */
static dh_status sync_journals(const struct dh_store *store, const struct dh_family *family,
                               struct dh_error *err)
{
    dh_status status = DH_OK;
    DH_CRASH_POINT(OPEN_SYNC);
    for (size_t i = 0; i < family->segment_count && status == DH_OK; i++) {
        char *path = dh_family_segment(store->path, family->segments[i]);
        status = dh_files_sync(path, err);
        free(path);
    }
    if (status == DH_OK && store->journal_there)
        status = dh_files_sync(store->journal, err);
    DH_CRASH_POINT(OPEN_SYNCED);
    return status;
}

/* The segments that are there; none is older than it must be before the next checkpoint but one. */
static void adopt_segments(struct dh_store *store, const struct dh_family *family)
{
    for (size_t i = 0; i < family->segment_count; i++)
        *DH_PUSH(store->segments, store->segment_count, store->segment_capacity) =
            (struct segment){family->segments[i], dh_history_event(store->history)};
}

static dh_status continue_from(struct dh_store *store, const struct dh_family *family,
                               struct dh_store_image *image, struct dh_error *err)
{
    struct dh_recovery found;
    struct dh_recover_target target = {store->settings, store->space, store->history};
    dh_status status = dh_recover(family, &target, image, &found, err);
    if (status == DH_MISSING) {
        image->notes = dh_strdup("");
        return DH_OK;
    }
    if (status != DH_OK)
        return status;
    store->mark = image->checkpoint_event;
    store->current_sound = found.current_sound;
    store->config_is_different = found.config_is_different;
    store->usage = store->usage_written = image->usage;
    store->opened = dh_history_event(store->history);
    adopt_segments(store, family);
    status = dh_mend_journal(family, &found, store->lock, store->log, &store->journal_there, err);
    return status == DH_OK ? sync_journals(store, family, err) : status;
}

static dh_status open_store(struct dh_store *store, struct dh_store_image *image,
                            struct dh_error *err)
{
    struct dh_family family;
    dh_status status =
        dh_lock_take(store->path, &dh_lock_default_rule, store->log, &store->lock, err);
    if (status == DH_OK)
        status = dh_generation_sweep(store->path, err);
    if (status == DH_OK)
        status = dh_family_list(store->path, &family, err);
    if (status != DH_OK)
        return status;
    status = dh_family_check_owner(&family, err);
    if (status == DH_OK)
        status = continue_from(store, &family, image, err);
    dh_family_free(&family);
    if (status == DH_OK)
        status =
            dh_syncer_start(store->path, store->settings->checkpoint.sync, &store->syncer, err);
    return status == DH_OK ? rotate(store, err) : status;
}

static void free_store(struct dh_store *store)
{
    dh_syncer_stop(&store->syncer);
    if (store->fd >= 0)
        close(store->fd);
    dh_lock_release(&store->lock);
    dh_buffer_free(&store->pending);
    dh_tail_free(&store->tail);
    free(store->segments);
    free(store->path);
    free(store->journal);
    free(store);
}

dh_status dh_store_open(const char *path, const struct dh_settings *settings,
                        const struct dh_space *space, struct dh_history *history,
                        const struct dh_log *log, struct dh_store **out,
                        struct dh_store_image *image, struct dh_error *err)
{
    struct dh_store_image found = {0};
    struct dh_store *store = dh_alloc(1, sizeof *store);
    store->path = dh_files_resolve(path);
    store->journal = dh_strprintf("%s-journal", store->path);
    store->settings = settings;
    store->space = space;
    store->history = history;
    store->log = log;
    store->fd = -1;
    store->started = dh_wall_time();
    dh_status status = open_store(store, &found, err);
    if (status != DH_OK) {
        free_store(store);
        store = NULL;
        dh_store_image_free(&found);
        dh_history_clear(history);
    }
    *out = store;
    if (image)
        *image = found;
    else
        dh_store_image_free(&found);
    return status;
}

/* Say how many results are not known to be kept, of which the journals are synced up to byte
 * `synced`. */
static void say_unsaved(struct dh_store *store, uint64_t synced, const char *why)
{
    uint64_t kept = store->mark, unsaved = 0;
    dh_tail_synced(&store->tail, synced);
    uint64_t durable = dh_tail_first(&store->tail, store->written + 1) - 1;
    if (ask_name(store) == OURS && durable > kept)
        kept = durable;
    for (uint64_t id = 0; id < dh_history_count(store->history); id++) {
        const struct dh_trial *trial = dh_history_trial(store->history, id);
        unsaved += dh_trial_ended_by(trial, UINT64_MAX) && !dh_trial_ended_by(trial, kept);
    }
    if (unsaved)
        dh_log_error(store->log,
                     "%llu result%s could not be saved and will be evaluated again%s: %s",
                     (unsigned long long)unsaved, unsaved == 1 ? "" : "s",
                     durable < store->written ? ", unless the disk has them after all" : "", why);
}

dh_status dh_store_close(struct dh_store **handle, struct dh_error *err)
{
    struct dh_store *store = *handle;
    struct dh_error why = {0};
    *handle = NULL;
    if (!store)
        return DH_OK;
    dh_status status = dh_store_checkpoint(store, true, &why);
    finish_snapshot(store, NULL);
    bool empty = store->first_event > dh_history_event(store->history);
    if (status != DH_OK) /* what was recorded has to be in the journal at least */
        dh_store_write(store, NULL);
    uint64_t synced = dh_syncer_stop(&store->syncer);
    if (status != DH_OK)
        say_unsaved(store, synced, why.text);
    DH_CRASH_POINT(CLOSE_REMOVE);
    if (status == DH_OK)
        status = dh_lock_status(store->lock, &why); /* the last sync may have taken long */
    if (status == DH_OK && empty && ask_name(store) == OURS)
        status = dh_files_remove(store->journal, &why);
    DH_CRASH_POINT(CLOSE_REMOVED);
    free_store(store);
    return status == DH_OK ? DH_OK : dh_fail(err, status, "%s", why.text);
}
