/* One search at a time on a checkpoint, also where two hosts share the folder.
 *
 * PATH-lock names its owner (process, host, since when, machine) and is
 *   1. made with O_EXCL, so that of two searches that start together one is first;
 *   2. locked by an open-file-description lock (fcntl F_OFD_SETLK), which the kernel drops when its
 *      owner dies in whatever way, and which NFS passes on to its server;
 *   3. touched by a thread every `beat` seconds, since some NFS mounts keep locks to themselves,
 *      have none at all, or keep those of a dead host.
 * It is removed on release. Who finds one that is there:
 *
 *   kernel's lock | owner's host | then
 *   --------------+--------------+-----------------------------------------------------------
 *   free          | this one     | the owner is dead: take over at once
 *   held          | this one     | refuse: the owner lives (or is stopped, and can be killed)
 *   none to have  | this one     | its process has ended: take over; otherwise watch
 *   free, local   | no name yet  | it died before it wrote it: take over at once
 *   held          | no name yet  | refuse
 *   any           | another      | watch: refuse as soon as the file is touched; take over if it is
 *                 |              | not for `patience` seconds
 *
 * Hosts may have one name, as containers often have; "this one" is a host of this boot whose
 * processes this one sees, by the number of its machine.
 *
 * Who watches and holds the kernel's lock touches the file, too: of several that find a dead
 * owner's file, the others see that one of them lives, and refuse. Watching compares the file's
 * time with itself, so that clocks of hosts may differ.
 *
 * A dead owner of this host leaves its file to the next; that of another host is replaced by a new
 * one, since NFS shows who has a file open for writing its own copy of it. An owner that was taken
 * for dead (stopped for long, cut off from the server) finds another file or another name in it,
 * and dh_lock_status tells it to stop. One that could not look for half the patience
 * is not told anything before it has looked, so that it writes nothing into what may be another's
 * files; what was on its way to the server before, replay.c leaves out. A lock file that somebody
 * removed is made again, but not by an owner that could not look for `patience` seconds: another
 * may have come and gone. Errors say nothing about whose it is: where its name cannot be looked at,
 * the owner gives its signs through the file that it holds open. Where that fails, too, or the file
 * is gone and cannot be made again, it tries again for `patience` seconds; then it has to stop.
 */
#ifndef DH_STORE_LOCK_H
#define DH_STORE_LOCK_H

#include <stdbool.h>

#include "dh_mpi/log.h"
#include "dh_mpi/status.h"

struct dh_lock_rule {
    double beat, patience; /* seconds; patience is several beats */
    const char *host;      /* NULL: this one's name */
};
extern const struct dh_lock_rule dh_lock_default_rule;

struct dh_lock;

/* DH_IO, naming host, process and since when, if another search (or another opener in this
 * process) holds it. Waits while an owner on another host is watched, and says so. Keeps `log`. */
dh_status dh_lock_take(const char *path, const struct dh_lock_rule *rule, const struct dh_log *log,
                       struct dh_lock **out, struct dh_error *err);
/* DH_IO once it was lost; of NULL, where there is none, DH_OK. Waits where the file system does not
 * answer. */
dh_status dh_lock_status(const struct dh_lock *lock, struct dh_error *err);
/* Was it lost to another search? */
bool dh_lock_taken_over(const struct dh_lock *lock);
/* Create a file that only the owner of `lock` makes (NULL: whoever calls), after a look at the
 * lock, and another before one that is in the way, of an earlier try, is removed. */
dh_status dh_lock_create(const struct dh_lock *lock, const char *path, int *fd,
                         struct dh_error *err);
/* Remove it, if it is still ours. NULL is fine. */
void dh_lock_release(struct dh_lock **lock);

/* The owner's text if there is a lock file that a living search may hold, for people; NULL if
 * nobody does. The caller frees it. */
char *dh_lock_holder(const char *path);

#endif
