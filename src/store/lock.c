/* The lock of a checkpoint: see lock.h. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/clock.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/thread.h"
#include "files.h"
#include "owner.h"

#define OPEN_TRIES 1000 /* while others make and remove it */
#define NAP 5000        /* microseconds between looks at what another thread does */

const struct dh_lock_rule dh_lock_default_rule = {.beat = 5, .patience = 16};

struct dh_lock {
    char *path;
    struct dh_lock_rule rule;
    const struct dh_log *log;
    struct dh_owner ours;
    pthread_t thread;
    bool beating;
    pthread_mutex_t mutex; /* protects the following */
    pthread_cond_t wake;
    bool stop;
    int fd;
    int said;       /* errno of the last trouble that the log tells of; 0: none */
    double looked;  /* the time at which the last look began that came back */
    double doubted; /* the time of the first look that failed since it was known to be
                     * ours; 0: none */
    char lost_text[2 * DH_OWNER_SIZE];
    bool taken_over;
    _Atomic bool lost;      /* released after both */
    _Atomic double sure_of; /* the time at which it was known to be ours */
};

/* What is known of the file behind a descriptor. */
struct look {
    enum { LOCKED, BUSY, LOCKLESS } kernel;
    struct dh_owner owner;
    struct stat info;
};

/* Seconds that also pass while the machine is suspended: others do not wait for it. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool try_kernel_lock(int fd, struct look *look)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        look->kernel = LOCKED;
    else
        look->kernel = errno == EAGAIN || errno == EACCES ? BUSY : LOCKLESS;
    return look->kernel != BUSY;
}

static dh_status refuse(const struct dh_lock *lock, const struct look *look, struct dh_error *err)
{
    return dh_fail(err, DH_IO, "%s: another search works on this checkpoint: %s", lock->path,
                   look->owner.text[0] ? look->owner.text
                                       : "a process that has not yet said its name");
}

/* The line and times of a file. Opened anew each time: that is when NFS asks its server. False with
 * errno. */
static bool look_again(const char *path, struct look *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failure = fd < 0 || fstat(fd, &out->info) != 0 ? errno : 0;
    if (fd >= 0) {
        dh_owner_read(fd, &out->owner);
        close(fd);
    }
    errno = failure;
    return !failure;
}

enum named { OURS, NOT_OURS, UNKNOWN };

/* Is the file of that name, `*named`, still the one behind `fd`? UNKNOWN with errno: it does not
 * say. */
static enum named ask_name(int fd, const char *path, struct look *named)
{
    struct stat held;
    if (!look_again(path, named))
        return errno == ENOENT ? NOT_OURS : UNKNOWN;
    if (fstat(fd, &held) != 0) /* ESTALE: the server has another file of that name */
        return errno == ESTALE ? NOT_OURS : UNKNOWN;
    return held.st_ino == named->info.st_ino && held.st_dev == named->info.st_dev ? OURS : NOT_OURS;
}

/* ---- the owner's thread ---- */

static void lose(struct dh_lock *lock, bool taken_over, const char *how, const char *detail)
{
    snprintf(lock->lost_text, sizeof lock->lost_text, "%s %s", how, detail);
    lock->taken_over = taken_over;
    atomic_store_explicit(&lock->lost, true, memory_order_release);
}

/* Say what went wrong, once. */
static void say_trouble(struct dh_lock *lock, const char *how, int cause)
{
    if (lock->said != cause)
        dh_log_warn(lock->log, "%s %s %s; trying again", lock->path, how, strerror(cause));
    lock->said = cause;
}

/* What went wrong may be over at a later beat, if not after as long as another search would wait
 * for a sign of this one. Only looks that failed count: one that hung is no more than one. */
static bool doubt(struct dh_lock *lock, const char *how, int cause)
{
    say_trouble(lock, how, cause);
    if (lock->doubted <= 0)
        lock->doubted = now();
    if (now() - lock->doubted >= lock->rule.patience)
        lose(lock, false, how, strerror(cause));
    return false;
}

/* Give a sign by the open file, which asks the server as well as its name does; false with errno if
 * nobody can see it there. */
static bool give_sign(const struct dh_lock *lock)
{
    struct stat held;
    if (futimens(lock->fd, NULL) != 0 || fstat(lock->fd, &held) != 0)
        return false;
    if (held.st_nlink == 0)
        errno = ESTALE;
    return held.st_nlink > 0;
}

/* The file behind `fd` is ours from now on, if nobody holds it. Takes `fd`. */
static bool adopt(struct dh_lock *lock, int fd)
{
    struct look look = {0};
    if (!try_kernel_lock(fd, &look)) {
        close(fd);
        return false;
    }
    close(lock->fd);
    lock->fd = fd;
    dh_owner_write(&lock->ours, fd);
    return true;
}

/* There is another file of that name: ours, if it has our line (somebody copied it), or that of who
 * took over. */
static bool meet(struct dh_lock *lock)
{
    struct look look = {0};
    int fd = open(lock->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return doubt(lock, "cannot be opened:", errno);
    dh_owner_read(fd, &look.owner);
    if (strcmp(look.owner.text, lock->ours.text) == 0)
        return adopt(lock, fd) || doubt(lock, "is locked by somebody else:", EBUSY);
    close(fd);
    lose(lock, true, "was taken over by", look.owner.text[0] ? look.owner.text : "another search");
    return false;
}

/* Somebody removed the file, or it belongs to another now. */
static bool renew(struct dh_lock *lock)
{
    if (now() - lock->looked >= lock->rule.patience && access(lock->path, F_OK) != 0) {
        lose(lock, true, "is gone, and this search could not look at it for so long that",
             "another may have come and gone");
        return false;
    }
    int fd = open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 && adopt(lock, fd))
        return true;
    if (fd >= 0 || errno == EEXIST)
        return meet(lock);
    return doubt(lock, "is gone and cannot be made again:", errno);
}

/* Is the lock known to be ours? */
static bool look_after(struct dh_lock *lock)
{
    struct look look = {0};
    enum named named = ask_name(lock->fd, lock->path, &look);
    int cause = errno;
    if (named == NOT_OURS)
        return renew(lock);
    /* Who can take the kernel lock of our file takes it over in place, and on NFS another file may
     * have our file's number. */
    if (named == OURS && dh_owner_is_other(&lock->ours, &look.owner)) {
        lose(lock, true, "was taken over by", look.owner.text);
        return false;
    }
    bool seen = give_sign(lock);
    if (named == OURS && !seen && errno == ESTALE)
        return renew(lock);
    if (named == OURS) {
        lock->said = 0;
        return true;
    }
    if (!seen)
        return doubt(lock, "cannot be opened:", cause);
    say_trouble(lock, "cannot be opened:", cause);
    return true;
}

static void *beat(void *argument)
{
    struct dh_lock *lock = argument;
    pthread_mutex_lock(&lock->mutex);
    while (!lock->stop && !atomic_load(&lock->lost)) {
        struct timespec next = dh_condition_deadline(lock->rule.beat);
        while (!lock->stop && pthread_cond_timedwait(&lock->wake, &lock->mutex, &next) == 0)
            ;
        if (lock->stop)
            break;
        double asked = now();
        if (look_after(lock)) {
            lock->doubted = 0;
            atomic_store(&lock->sure_of, asked);
        }
        lock->looked = asked;
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

static dh_status start_beating(struct dh_lock *lock, struct dh_error *err)
{
    int failure = dh_thread_start(&lock->thread, beat, lock);
    lock->beating = !failure;
    return failure ? dh_fail(err, DH_IO, "cannot start the lock's thread: %s", strerror(failure))
                   : DH_OK;
}

/* ---- who finds a lock file ---- */

static bool same_time(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

enum sign { ALIVE, DEAD, CHANGED };

/* Whoever holds the kernel's lock and waits for a sign of the owner gives signs himself: the
 * others, who find it locked by nobody they know, must not take him for dead. */
static void touch(int fd, struct look *look)
{
    if (look->kernel == LOCKED && futimens(fd, NULL) == 0)
        fstat(fd, &look->info);
}

/* Does its owner touch it? CHANGED: it is another file now, or none. */
static enum sign watch(const struct dh_lock *lock, int fd, struct look *look)
{
    double start = now();
    dh_log_info(lock->log, "%s: is there (%s); watching for %.0f s whether its owner lives",
                lock->path, look->owner.text[0] ? look->owner.text : "no name in it",
                lock->rule.patience);
    while (now() < start + lock->rule.patience) {
        struct look seen;
        usleep((useconds_t)(lock->rule.beat / 5 * 1e6));
        if (!look_again(lock->path, &seen) || seen.info.st_ino != look->info.st_ino)
            return CHANGED;
        if (!same_time(&seen.info, &look->info)) {
            dh_owner_read(fd, &look->owner);
            return ALIVE;
        }
        touch(fd, look);
    }
    return DEAD;
}

/* Is it a file system of this machine alone, whose kernel lock leaves no doubt? */
static bool is_local(int fd)
{
    static const unsigned long types[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                          TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC};
    struct statfs system;
    if (fstatfs(fd, &system) != 0)
        return false;
    for (size_t i = 0; i < DH_COUNT_OF(types); i++)
        if ((unsigned long)system.f_type == types[i])
            return true;
    return false;
}

static enum sign judge(const struct dh_lock *lock, int fd, struct look *look)
{
    bool here = dh_owner_is_here(&lock->ours, &look->owner), unnamed = !look->owner.text[0];
    if (unnamed && look->kernel == BUSY) /* about to write it */
        return ALIVE;
    if (unnamed && look->kernel == LOCKED && is_local(fd))
        return DEAD;
    if (here && look->kernel != LOCKLESS)
        return look->kernel == LOCKED ? DEAD : ALIVE;
    if (here && kill((pid_t)look->owner.pid, 0) != 0 && errno == ESRCH)
        return DEAD;
    return watch(lock, fd, look);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && same_time(a, b);
}

/* May a dead owner's file become ours as it is? That of another host may not: its owner, should it
 * be alive but cut off, has the file open, and NFS then shows it its own old line for ever. A new
 * file it notices. */
static bool may_adopt(const struct dh_lock *lock, int fd, const struct look *look)
{
    bool unnamed = !look->owner.text[0] && is_local(fd);
    return look->kernel == LOCKED && (unnamed || dh_owner_is_here(&lock->ours, &look->owner));
}

/* Take the dead owner's file, which is still open (so that no new one gets its number), out of the
 * way: whoever comes later makes a new one. */
static dh_status displace(const struct dh_lock *lock, const struct look *look, struct dh_error *err)
{
    struct look moved;
    uint32_t host =
        (uint32_t)dh_hash_bytes(0, lock->ours.host, strlen(lock->ours.host)); /* may be long */
    char *aside = dh_strprintf("%s.%08" PRIx32 ".%ld", lock->path, host, (long)getpid());
    dh_status status = DH_OK;
    if (look_again(lock->path, &moved) && same_file(&moved.info, &look->info)) {
        bool failed = rename(lock->path, aside) != 0;
        if (failed && errno != ENOENT)
            status = dh_files_fail(err, lock->path, "move a dead search's lock");
        if (status == DH_OK && look_again(aside, &moved)) { /* NFS may do it and say ENOENT */
            bool right = same_file(&moved.info, &look->info);
            if (!right && link(aside, lock->path) != 0) /* somebody was faster: give it back */
                (void)errno; /* and somebody else faster still: the owner of this will notice */
            unlink(aside);
        }
    }
    free(aside);
    return status;
}

/* Open the lock file, made now or before. */
static dh_status open_file(struct dh_lock *lock, int *fd, bool *created, struct dh_error *err)
{
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        *fd = open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        *created = *fd >= 0;
        if (*fd >= 0)
            return DH_OK;
        if (errno != EEXIST)
            return dh_files_fail(err, lock->path, "create the lock");
        *fd = open(lock->path, O_RDWR | O_CLOEXEC);
        if (*fd >= 0)
            return DH_OK;
        if (errno != ENOENT)
            return dh_files_fail(err, lock->path, "open the lock");
    }
    return dh_fail(err, DH_IO, "%s: can neither be made nor opened; is it a link to nowhere?",
                   lock->path);
}

/* One try. DH_OK without a descriptor: things changed meanwhile, try again. */
static dh_status try_take(struct dh_lock *lock, struct dh_error *err)
{
    struct look look = {0}, named;
    bool created;
    int fd;
    double asked = now();
    dh_status status = open_file(lock, &fd, &created, err);
    if (status != DH_OK)
        return status;
    bool free_now = try_kernel_lock(fd, &look);
    enum sign sign = DEAD;
    if (!created || !free_now) {
        fstat(fd, &look.info);
        dh_owner_read(fd, &look.owner);
        sign = judge(lock, fd, &look);
    }
    if (sign == DEAD && look.kernel == LOCKLESS)
        dh_log_warn(lock->log,
                    "%s: this file system has no locks; that no other search works on it is "
                    "only known from the file's time",
                    lock->path);
    bool fit = created || may_adopt(lock, fd, &look);
    if (sign == DEAD && fit && ask_name(fd, lock->path, &named) == OURS &&
        strcmp(named.owner.text, look.owner.text) == 0) {
        lock->fd = fd;
        lock->looked = asked;
        atomic_store(&lock->sure_of, asked);
        return DH_OK;
    }
    if (sign == ALIVE)
        status = refuse(lock, &look, err);
    else if (sign == DEAD && !fit)
        status = displace(lock, &look, err);
    close(fd);
    return status;
}

static void free_lock(struct dh_lock *lock)
{
    pthread_cond_destroy(&lock->wake);
    pthread_mutex_destroy(&lock->mutex);
    free(lock->path);
    free(lock);
}

dh_status dh_lock_take(const char *path, const struct dh_lock_rule *rule, const struct dh_log *log,
                       struct dh_lock **out, struct dh_error *err)
{
    struct dh_lock *lock = dh_alloc(1, sizeof *lock);
    lock->path = dh_strprintf("%s-lock", path);
    lock->rule = *rule;
    lock->log = log;
    lock->fd = -1;
    pthread_mutex_init(&lock->mutex, NULL);
    dh_condition_init(&lock->wake);
    dh_owner_name(&lock->ours, lock->rule.host);
    *out = NULL;
    dh_status status;
    DH_CRASH_POINT(LOCK_CREATE);
    do
        status = try_take(lock, err);
    while (status == DH_OK && lock->fd < 0);
    if (status != DH_OK) {
        free_lock(lock);
        return status;
    }
    DH_CRASH_POINT(LOCK_CREATED);
    dh_owner_write(&lock->ours, lock->fd);
    DH_CRASH_POINT(LOCK_OWNED);
    *out = lock;
    status = start_beating(lock, err);
    if (status != DH_OK)
        dh_lock_release(out);
    return status;
}

dh_status dh_lock_status(const struct dh_lock *lock, struct dh_error *err)
{
    if (!lock)
        return DH_OK;
    while (!atomic_load_explicit(&lock->lost, memory_order_acquire)) {
        if (now() - atomic_load(&lock->sure_of) < lock->rule.patience / 2)
            return DH_OK;
        usleep(NAP);
    }
    return dh_fail(err, DH_IO, "%s %s; this search stops", lock->path, lock->lost_text);
}

dh_status dh_lock_create(const struct dh_lock *lock, const char *path, int *fd,
                         struct dh_error *err)
{
    dh_status status = dh_lock_status(lock, err);
    if (status != DH_OK)
        return status;
    status = dh_files_create(path, fd, err);
    if (status == DH_OK || access(path, F_OK) != 0)
        return status;
    status = dh_lock_status(lock, err);
    if (status == DH_OK)
        status = dh_files_remove(path, err);
    return status == DH_OK ? dh_files_create(path, fd, err) : status;
}

bool dh_lock_taken_over(const struct dh_lock *lock)
{
    return atomic_load_explicit(&lock->lost, memory_order_acquire) && lock->taken_over;
}

void dh_lock_release(struct dh_lock **handle)
{
    struct dh_lock *lock = *handle;
    *handle = NULL;
    if (!lock)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->stop = true;
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    if (lock->beating)
        pthread_join(lock->thread, NULL);
    DH_CRASH_POINT(LOCK_RELEASE);
    struct look look = {0};
    if (!lock->lost && ask_name(lock->fd, lock->path, &look) == OURS &&
        !dh_owner_is_other(&lock->ours, &look.owner))
        unlink(lock->path); /* while it is held: see try_take */
    close(lock->fd);
    DH_CRASH_POINT(LOCK_RELEASED);
    free_lock(lock);
}

char *dh_lock_holder(const char *path)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct look look = {0};
    struct dh_owner ours;
    char *name = dh_strprintf("%s-lock", path), *holder = NULL;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    dh_owner_name(&ours, NULL);
    free(name);
    if (fd < 0)
        return NULL;
    dh_owner_read(fd, &look.owner);
    bool held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    double age = fstat(fd, &look.info) == 0 ? dh_wall_time() - (double)look.info.st_mtim.tv_sec : 0;
    bool elsewhere = !dh_owner_is_here(&ours, &look.owner) && age < dh_lock_default_rule.patience;
    if (held || elsewhere)
        holder = dh_strdup(look.owner.text[0] ? look.owner.text : "a process without a name");
    close(fd);
    return holder;
}
