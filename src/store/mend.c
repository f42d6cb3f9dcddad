/* The journal of the last owner, made ready to be followed: see mend.h. */
#include "mend.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "salvage.h"

static void say_damage(const char *journal, uint64_t at, uint64_t events, const char *kept,
                       const struct dh_log *log)
{
    dh_log_warn(log,
                "%s is damaged at byte %llu: %llu events behind it do not count any more, and "
                "their trials are evaluated again; %s keeps it as it was",
                journal, (unsigned long long)at, (unsigned long long)events, kept);
}

/* Cut what follows the sound part. Where that is more than a record that death cut short, the whole
 * is kept beside it. */
static dh_status cut_tail(const char *journal, int fd, const char *aside, uint64_t keep,
                          const struct dh_lock *lock, const struct dh_log *log,
                          struct dh_error *err)
{
    struct dh_error why;
    struct dh_salvage behind = dh_salvage_look(journal, keep);
    if (behind.records && dh_files_copy(journal, aside, &why) != DH_OK)
        return dh_fail(err, DH_IO, "%s is damaged, and no copy can be made of it: %s", journal,
                       why.text);
    if (behind.records)
        say_damage(journal, keep, behind.records, aside, log);
    DH_CRASH_POINT(MEND_CUT);
    dh_status status = dh_lock_status(lock, err);
    if (status == DH_OK && ftruncate(fd, (off_t)keep) != 0)
        status = dh_files_fail(err, journal, "cut the torn tail");
    DH_CRASH_POINT(MEND_DONE);
    return status;
}

/* The same, of the file that has the name now: what another search puts there is not to be cut. */
static dh_status open_and_cut(const char *journal, const char *aside, uint64_t keep,
                              const struct dh_lock *lock, const struct dh_log *log,
                              struct dh_error *err)
{
    int fd = open(journal, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return dh_files_fail(err, journal, "open");
    dh_status status = cut_tail(journal, fd, aside, keep, lock, log, err);
    close(fd);
    return status;
}

/* One whose header is damaged: nothing of it counts. */
static dh_status set_aside(const char *journal, const char *aside, bool *there,
                           const struct dh_lock *lock, const struct dh_log *log,
                           struct dh_error *err)
{
    struct dh_salvage behind = dh_salvage_look(journal, 0);
    DH_CRASH_POINT(MEND_ASIDE);
    dh_status status = dh_lock_status(lock, err);
    if (status == DH_OK)
        status = dh_files_rename(journal, aside, err);
    *there = status != DH_OK;
    if (status == DH_OK)
        say_damage(journal, 0, behind.records, aside, log);
    DH_CRASH_POINT(MEND_MOVED);
    return status;
}

dh_status dh_mend_journal(const struct dh_family *family, const struct dh_recovery *found,
                          const struct dh_lock *lock, const struct dh_log *log, bool *there,
                          struct dh_error *err)
{
    *there = family->has_journal;
    if (!family->has_journal || (found->journal_sound && !found->journal_torn))
        return DH_OK;
    char *aside = dh_strprintf("%s.damaged", family->journal);
    dh_status status =
        found->journal_sound
            ? open_and_cut(family->journal, aside, found->journal_keep, lock, log, err)
            : set_aside(family->journal, aside, there, lock, log, err);
    free(aside);
    return status;
}
