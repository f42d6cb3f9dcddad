/* Named crash points: where a test can make the process die, and nothing else.
 *
 * The table is the list of every step of lock, journal and checkpoint after which the files differ
 * from before. Only the tests' build of this room (DH_CRASH_POINTS, test/store/meson.build) has
 * them; elsewhere they are nothing. There the environment says
 *   DH_CRASH=NAME:N       SIGKILL to the process when point NAME is reached for the N-th time
 *   DH_CRASH_STOP=NAME:N  SIGSTOP likewise: it goes on from there when somebody says so
 *   DH_CRASH_LIST=FILE    append the name of each point that is reached
 * A point of DH_CRASH_HALF dies with half of the bytes written.
 */
#ifndef DH_STORE_CRASH_H
#define DH_STORE_CRASH_H

#define DH_CRASH_MAP(X)                                                                            \
    X(LOCK_CREATE, "lock.create")   /* no lock file yet */                                         \
    X(LOCK_CREATED, "lock.created") /* an empty one */                                             \
    X(LOCK_OWNED, "lock.owned")     /* with the owner's name */                                    \
    X(LOCK_RELEASE, "lock.release") /* all is done, the lock file is there */                      \
    X(LOCK_RELEASED, "lock.released")                                                              \
    X(SWEEP, "open.sweep") /* an old NAME.tmp is there */                                          \
    X(SWEPT, "open.swept")                                                                         \
    X(MEND_KEEP, "mend.keep") /* sound records follow damage: before the copy */                   \
    X(MEND_COPY, "mend.copy") /* half of the copy is written */                                    \
    X(MEND_KEPT, "mend.kept")                                                                      \
    X(MEND_CUT, "mend.cut") /* before the torn tail is cut */                                      \
    X(MEND_DONE, "mend.done")                                                                      \
    X(MEND_ASIDE, "mend.aside") /* before a journal without header is moved */                     \
    X(MEND_MOVED, "mend.moved")                                                                    \
    X(OPEN_SYNC, "open.sync") /* before the old journals are synced */                             \
    X(OPEN_SYNCED, "open.synced")                                                                  \
    X(JOURNAL_WRITE, "journal.write") /* before records are written */                             \
    X(JOURNAL_HALF, "journal.half")   /* half of them */                                           \
    X(JOURNAL_WRITTEN, "journal.written")                                                          \
    X(SEAL_SYNC, "seal.sync") /* before a sealed journal is synced */                              \
    X(SEAL_SYNCED, "seal.synced")                                                                  \
    X(FOLDER_SYNCED, "folder.synced") /* after its rename is durable */                            \
    X(JOURNAL_SYNC, "journal.sync")   /* before the journal is synced */                           \
    X(JOURNAL_SYNCED, "journal.synced")                                                            \
    X(ROTATE_CREATE, "rotate.create")           /* step 1 of store.c */                            \
    X(ROTATE_CREATED, "rotate.created")         /* an empty NAME-journal.new */                    \
    X(ROTATE_HALF, "rotate.half")               /* half of its header */                           \
    X(ROTATE_HEADER, "rotate.header")           /* all of it */                                    \
    X(ROTATE_SEALED, "rotate.sealed")           /* step 2: NAME-journal is NAME-journal.N */       \
    X(ROTATE_STARTED, "rotate.started")         /* step 3: the new one has its name */             \
    X(CHECKPOINT_BEGIN, "checkpoint.begin")     /* step 4: nothing yet */                          \
    X(CHECKPOINT_CREATED, "checkpoint.created") /* an empty NAME.tmp */                            \
    X(CHECKPOINT_HALF, "checkpoint.half")       /* half of it */                                   \
    X(CHECKPOINT_WRITTEN, "checkpoint.written") /* all of it, not synced */                        \
    X(CHECKPOINT_SYNCED, "checkpoint.synced")                                                      \
    X(PREVIOUS_REMOVED, "previous.removed")     /* step 5 */                                       \
    X(PREVIOUS_LINKED, "previous.linked")       /* step 6 */                                       \
    X(PREVIOUS_MOVED, "previous.moved")         /* step 6 where there are no links */              \
    X(CHECKPOINT_RENAMED, "checkpoint.renamed") /* step 7 */                                       \
    X(CHECKPOINT_DURABLE, "checkpoint.durable") /* step 8 */                                       \
    X(OBSOLETE_REMOVED, "obsolete.removed")     /* step 9: one of them */                          \
    X(CLOSE_REMOVE, "close.remove")             /* before the empty journal is removed */          \
    X(CLOSE_REMOVED, "close.removed")                                                              \
    X(ASIDE_LINK, "aside.link")       /* --fresh: before a file gets its new name */               \
    X(ASIDE_LINKED, "aside.linked")   /* all have it */                                            \
    X(ASIDE_REMOVED, "aside.removed") /* an old name is gone */

enum dh_crash {
#define DH_CRASH_ENUM(name, text) DH_CRASH_AT_##name,
    DH_CRASH_MAP(DH_CRASH_ENUM)
#undef DH_CRASH_ENUM
        DH_CRASH_COUNT
};

#ifdef DH_CRASH_POINTS
#include <stddef.h>
const char *dh_crash_name(enum dh_crash point);
void dh_crash_forget(void); /* what was reached so far does not count */
void dh_crash_reach(enum dh_crash point);
void dh_crash_write(enum dh_crash point, int fd, const void *data, size_t size);
#define DH_CRASH_POINT(name) dh_crash_reach(DH_CRASH_AT_##name)
#define DH_CRASH_HALF(name, fd, data, size) dh_crash_write(DH_CRASH_AT_##name, fd, data, size)
#else
#define DH_CRASH_POINT(name) ((void)0)
#define DH_CRASH_HALF(name, fd, data, size) ((void)0)
#endif

#endif
