/* The lock: who refuses, who waits, and when a dead owner's is taken over. */
#include "fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/store/lock.h"
#include "dh_mpi/clock.h"

static const struct dh_lock_rule here = {.beat = 0.05, .patience = 0.5};
static const struct dh_lock_rule there = {.beat = 0.05, .patience = 0.5, .host = "otherhost"};
/* For machines so busy that a process stands still for a while; to tell "at once" from a watch. */
static const struct dh_lock_rule slow = {.beat = 0.05, .patience = 2};
static const struct dh_lock_rule patient = {.beat = 0.05, .patience = 60};

struct place {
    char folder[64], path[320], file[352];
};

static void open_place_of(struct place *place, const char *name)
{
    strcpy(place->folder, "/tmp/dh_lock_XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/%s", place->folder, name);
    snprintf(place->file, sizeof place->file, "%s-lock", place->path);
}

static void open_place(struct place *place)
{
    open_place_of(place, "s.h5");
}

static void close_place(const struct place *place)
{
    unlink(place->file);
    assert_int_equal(rmdir(place->folder), 0);
}

static struct dh_lock *take(const struct place *place, const struct dh_lock_rule *rule)
{
    struct dh_lock *lock;
    struct dh_error err = {0};
    if (dh_lock_take(place->path, rule, NULL, &lock, &err) != DH_OK)
        fail_msg("%s", err.text);
    return lock;
}

static void expect_refusal(const struct place *place, const struct dh_lock_rule *rule,
                           const char *host)
{
    struct dh_lock *lock;
    struct dh_error err = {0};
    char process[32];
    snprintf(process, sizeof process, "process %ld on ", (long)getpid());
    assert_int_equal(dh_lock_take(place->path, rule, NULL, &lock, &err), DH_IO);
    assert_null(lock);
    assert_non_null(strstr(err.text, process));
    assert_non_null(strstr(err.text, host));
    assert_non_null(strstr(err.text, " since 20"));
}

/* A second one on the same host is refused at once; the first one's release frees it. */
static void test_same_host(void **state)
{
    (void)state;
    struct place place;
    char host[128] = "";
    gethostname(host, sizeof host - 1);
    open_place(&place);
    struct dh_lock *lock = take(&place, &here);
    double start = dh_clock_now(&dh_clock_monotonic);
    expect_refusal(&place, &patient, host);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < patient.patience / 2);
    char *holder = dh_lock_holder(place.path);
    assert_non_null(strstr(holder, host));
    free(holder);
    dh_lock_release(&lock);
    assert_false(fixture_exists(place.file));
    assert_null(dh_lock_holder(place.path));
    lock = take(&place, &here);
    dh_lock_release(&lock);
    close_place(&place);
}

/* One on another host lives: its file is touched. The kernel's lock is not asked. */
static void test_other_host_lives(void **state)
{
    (void)state;
    struct place place;
    open_place(&place);
    struct dh_lock *lock = take(&place, &there);
    expect_refusal(&place, &here, "otherhost");
    struct dh_error err;
    assert_int_equal(dh_lock_status(lock, &err), DH_OK);
    dh_lock_release(&lock);
    close_place(&place);
}

/* A file that nobody touches, in the words of `owner`. */
static void leave(const struct place *place, const char *owner)
{
    fixture_write_file(place->file, owner, strlen(owner));
}

/* One on another host has died, with and without a kernel lock that outlived it (as on an NFS
 * server whose client is gone): taken over after the patience, not before. So is that of a
 * checkpoint whose name is as long as may be, on a host whose name is. */
static void test_other_host_dead(void **state)
{
    (void)state;
    char longest[231], host[65];
    memset(longest, 'n', sizeof longest);
    memset(host, 'h', sizeof host);
    longest[sizeof longest - 1] = host[sizeof host - 1] = '\0';
    for (int held = 0; held < 2; held++) {
        struct place place;
        struct dh_lock_rule rule = here;
        struct stat info;
        rule.host = host;
        open_place_of(&place, longest);
        leave(&place, "process 77 on otherhost since 2026-01-01 00:00:00 +0000\n");
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(place.file, O_RDWR | O_CLOEXEC);
        if (held)
            assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
        double start = dh_clock_now(&dh_clock_monotonic);
        struct dh_lock *lock = take(&place, &rule);
        double waited = dh_clock_now(&dh_clock_monotonic) - start;
        assert_true(waited >= rule.patience && waited < 60);
        assert_int_equal(fstat(fd, &info), 0);
        assert_int_equal(info.st_nlink, 0); /* not in place: who had that file has to notice */
        expect_refusal(&place, &rule, host);
        dh_lock_release(&lock);
        close(fd);
        close_place(&place);
    }
}

/* One on another host of this one's name (as containers have), whose lock this one's kernel does
 * not know of: while it lives, and when it has died. */
static void test_namesake(void **state)
{
    (void)state;
    struct place place;
    char host[65] = "", line[192];
    gethostname(host, sizeof host - 1);
    open_place(&place);
    snprintf(line, sizeof line, "process 4194305 on %s since today, machine 00000001\n", host);
    leave(&place, line);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 600; i++, usleep(50000)) /* not for ever, if this test fails */
            utimensat(AT_FDCWD, place.file, NULL, 0);
        _exit(0);
    }
    struct dh_lock *lock;
    struct dh_error err;
    assert_int_equal(dh_lock_take(place.path, &patient, NULL, &lock, &err), DH_IO);
    assert_non_null(strstr(err.text, "process 4194305 on "));
    char *holder = dh_lock_holder(place.path);
    assert_non_null(holder);
    free(holder);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    double start = dh_clock_now(&dh_clock_monotonic);
    lock = take(&place, &here);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start >= here.patience);
    dh_lock_release(&lock);
    close_place(&place);
}

/* Killed on this host: at once. */
static void test_killed(void **state)
{
    (void)state;
    struct place place;
    int ready[2];
    char byte;
    open_place(&place);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        take(&place, &here);
        _exit(write(ready[1], "", 1) == 1 ? (pause(), 0) : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(fixture_exists(place.file));
    double start = dh_clock_now(&dh_clock_monotonic);
    struct dh_lock *lock = take(&place, &patient);
    assert_true(dh_clock_now(&dh_clock_monotonic) - start < patient.patience / 2);
    dh_lock_release(&lock);
    close(ready[0]);
    close(ready[1]);
    close_place(&place);
}

static bool lost_within(const struct dh_lock *lock, double seconds, struct dh_error *err)
{
    double end = dh_clock_now(&dh_clock_monotonic) + seconds;
    while (dh_clock_now(&dh_clock_monotonic) < end) {
        if (dh_lock_status(lock, err) != DH_OK)
            return true;
        usleep(10000);
    }
    return false;
}

/* An owner that was taken for dead hears of it, and does not remove the other's file. */
static void test_fenced(void **state)
{
    (void)state;
    struct place place;
    struct dh_error err = {0};
    open_place(&place);
    struct dh_lock *lock = take(&place, &here);
    unlink(place.file);
    leave(&place, "process 5 on otherhost since 2026-01-01 00:00:00 +0000\n");
    assert_true(lost_within(lock, 60, &err));
    assert_non_null(strstr(err.text, "taken over by process 5 on otherhost"));
    assert_true(dh_lock_taken_over(lock));
    dh_lock_release(&lock);
    assert_true(fixture_exists(place.file));
    close_place(&place);
}

/* The same where the other took over in place, as it can who gets the kernel's lock. */
static void test_fenced_in_place(void **state)
{
    (void)state;
    static const char line[] = "process 5 on otherhost since today\n";
    struct place place;
    struct dh_error err = {0};
    open_place(&place);
    struct dh_lock *lock = take(&place, &here);
    fixture_write_file(place.file, "", 0); /* about to say its name */
    assert_false(lost_within(lock, 3 * here.beat, &err));
    fixture_write_file(place.file, line, sizeof line - 1);
    assert_true(lost_within(lock, 60, &err));
    assert_non_null(strstr(err.text, "taken over by process 5 on otherhost"));
    assert_true(dh_lock_taken_over(lock));
    dh_lock_release(&lock);
    assert_true(fixture_exists(place.file));
    close_place(&place);
}

/* A file that somebody removed comes back; with its folder it cannot. */
static void test_removed(void **state)
{
    (void)state;
    struct place place;
    struct dh_error err = {0};
    open_place(&place);
    struct dh_lock *lock = take(&place, &slow);
    unlink(place.file);
    struct stat info = {0}; /* with its owner's name in it, too */
    for (int i = 0; i < 6000 && (stat(place.file, &info) != 0 || info.st_size == 0); i++)
        usleep(10000);
    expect_refusal(&place, &here, "");
    assert_int_equal(dh_lock_status(lock, &err), DH_OK);
    do
        unlink(place.file);
    while (rmdir(place.folder) != 0); /* it may have come back in between */
    assert_true(lost_within(lock, 60, &err));
    assert_non_null(strstr(err.text, "is gone"));
    assert_false(dh_lock_taken_over(lock));
    dh_lock_release(&lock);
}

/* The system's, which report an error where that is not 0: of lock files that are there. */
static _Atomic int open_fails, signs_fail;
static _Atomic useconds_t open_stalls; /* the next open, microseconds: then ESTALE */

int open(const char *path, int flags, ...)
{
    static _Atomic(void *) real;
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (!atomic_load(&real))
        atomic_store(&real, dlsym(RTLD_NEXT, "open"));
    int (*call)(const char *, int, ...);
    *(void **)&call = atomic_load(&real);
    useconds_t stall = strstr(path, "-lock") ? atomic_exchange(&open_stalls, 0) : 0;
    usleep(stall);
    errno = stall ? ESTALE : atomic_load(&open_fails);
    return errno && strstr(path, "-lock") ? -1 : call(path, flags | O_LARGEFILE, mode);
}

int futimens(int fd, const struct timespec times[2])
{
    static _Atomic(void *) real;
    if (!atomic_load(&real))
        atomic_store(&real, dlsym(RTLD_NEXT, "futimens"));
    int (*call)(int, const struct timespec[2]);
    *(void **)&call = atomic_load(&real);
    errno = atomic_load(&signs_fail);
    return errno ? -1 : call(fd, times);
}

static int count_said(const struct dh_log *log, const char *what)
{
    char text[4096];
    int count = 0;
    rewind(log->stream);
    text[fread(text, 1, sizeof text - 1, log->stream)] = '\0';
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* An error says nothing about whose the file is: it is told once, and the file stays ours. */
static void test_errors_are_no_takeover(void **state)
{
    (void)state;
    static const int errors[] = {ESTALE, EMFILE, EACCES, EIO};
    for (size_t i = 0; i < DH_COUNT_OF(errors); i++) {
        struct place place;
        struct dh_lock *lock;
        struct dh_error err = {0};
        const struct dh_log log = {.stream = tmpfile(), .level = DH_LOG_WARN, .rank = -1};
        char said[64];
        open_place(&place);
        assert_int_equal(dh_lock_take(place.path, &here, &log, &lock, &err), DH_OK);
        atomic_store(&open_fails, errors[i]);
        assert_false(lost_within(lock, 3 * here.patience, &err));
        atomic_store(&open_fails, 0);
        expect_refusal(&place, &here, "");
        assert_false(lost_within(lock, 2 * here.beat, &err));
        snprintf(said, sizeof said, "-lock cannot be opened: %s; trying", strerror(errors[i]));
        assert_int_equal(count_said(&log, said), 1);
        dh_lock_release(&lock);
        assert_false(fixture_exists(place.file));
        fclose(log.stream);
        close_place(&place);
    }
}

/* Where no sign can be given either, that may be over in time; if not, the reason is told, and no
 * other search is made up. */
static void test_no_sign(void **state)
{
    (void)state;
    struct place place;
    struct dh_error err = {0};
    open_place(&place);
    struct dh_lock *lock = take(&place, &slow);
    atomic_store(&signs_fail, ESTALE);
    atomic_store(&open_fails, ESTALE);
    usleep((useconds_t)(slow.patience / 4 * 1e6));
    atomic_store(&open_fails, 0);
    atomic_store(&signs_fail, 0);
    assert_false(lost_within(lock, 2 * slow.patience, &err));
    atomic_store(&signs_fail, ESTALE);
    atomic_store(&open_fails, ESTALE);
    assert_true(lost_within(lock, 60, &err));
    assert_non_null(strstr(err.text, "cannot be opened: Stale file handle"));
    assert_false(dh_lock_taken_over(lock));
    atomic_store(&open_fails, 0);
    atomic_store(&signs_fail, 0);
    dh_lock_release(&lock);
    close_place(&place);
}

/* One look hangs, for as long as another search waits, and then fails: whose the lock is the next
 * one finds. */
static void test_stalled(void **state)
{
    (void)state;
    struct place place;
    struct dh_error err = {0};
    open_place(&place);
    struct dh_lock *lock = take(&place, &here);
    atomic_store(&signs_fail, ESTALE);
    atomic_store(&open_stalls, (useconds_t)(3 * here.patience * 1e6));
    while (atomic_load(&open_stalls))
        usleep(1000);
    unlink(place.file);
    leave(&place, "process 5 on otherhost since 2026-01-01 00:00:00 +0000\n");
    assert_true(lost_within(lock, 60, &err));
    assert_non_null(strstr(err.text, "taken over by process 5 on otherhost"));
    atomic_store(&signs_fail, 0);
    dh_lock_release(&lock);
    close_place(&place);
}

/* A link to nowhere has the lock's name. */
static void test_link_to_nowhere(void **state)
{
    (void)state;
    struct place place;
    struct dh_lock *lock;
    struct dh_error err = {0};
    open_place(&place);
    assert_int_equal(symlink("/nowhere/at/all", place.file), 0);
    assert_int_equal(dh_lock_take(place.path, &here, NULL, &lock, &err), DH_IO);
    assert_non_null(strstr(err.text, "-lock: can neither be made nor opened"));
    close_place(&place);
}

/* The same line in another file, as after a folder was copied: it is ours. */
static void test_own_line(void **state)
{
    (void)state;
    struct place place;
    struct dh_error err = {0};
    struct dh_buffer line = {0};
    char copy[sizeof place.file + 8];
    open_place(&place);
    struct dh_lock *lock = take(&place, &here);
    fixture_read_file(place.file, &line);
    snprintf(copy, sizeof copy, "%s.copy", place.file);
    fixture_write_file(copy, line.data, line.size);
    assert_int_equal(rename(copy, place.file), 0);
    assert_false(lost_within(lock, 2 * here.patience, &err));
    expect_refusal(&place, &here, "");
    dh_lock_release(&lock);
    assert_false(fixture_exists(place.file));
    dh_buffer_free(&line);
    close_place(&place);
}

/* One of many: tries to take it when `go` closes, says 'y' or 'n', and keeps what it has until
 * `end` closes. */
static void race(const struct place *place, int go, int said, int end)
{
    struct dh_lock *lock;
    struct dh_error err;
    char byte;
    while (read(go, &byte, 1) > 0)
        ;
    byte = dh_lock_take(place->path, &slow, NULL, &lock, &err) == DH_OK ? 'y' : 'n';
    if (write(said, &byte, 1) != 1)
        _exit(2);
    while (read(end, &byte, 1) > 0)
        ;
    _exit(0);
}

/* Many at once: exactly one gets it, whatever was there before. */
static void test_race(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    for (int round = 0; round < 6; round++) {
        struct place place;
        pid_t children[PROCESSES];
        char answers[PROCESSES];
        int winners = 0, go[2], said[2], end[2];
        open_place(&place);
        if (round % 3 > 0)
            leave(&place, "process 77 on otherhost since 2026-01-01 00:00:00 +0000\n");
        if (round % 3 > 1) /* it looks dead at once */
            assert_int_equal(utimensat(AT_FDCWD, place.file, long_ago, 0), 0);
        assert_true(pipe(go) == 0 && pipe(said) == 0 && pipe(end) == 0);
        for (int i = 0; i < PROCESSES; i++)
            if ((children[i] = fork()) == 0) {
                close(go[1]);
                close(end[1]);
                race(&place, go[0], said[1], end[0]);
            }
        close(go[1]); /* all at the same moment */
        for (int i = 0; i < PROCESSES; i++) {
            assert_int_equal(read(said[0], &answers[i], 1), 1);
            winners += answers[i] == 'y';
        }
        close(end[1]); /* all have said it: the winner may go */
        for (int i = 0; i < PROCESSES; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        assert_int_equal(winners, 1);
        int rest[] = {go[0], said[0], said[1], end[0]};
        for (size_t i = 0; i < DH_COUNT_OF(rest); i++)
            close(rest[i]);
        close_place(&place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_host),
        cmocka_unit_test(test_other_host_lives),
        cmocka_unit_test(test_other_host_dead),
        cmocka_unit_test(test_namesake),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_fenced_in_place),
        cmocka_unit_test(test_removed),
        cmocka_unit_test(test_errors_are_no_takeover),
        cmocka_unit_test(test_no_sign),
        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_link_to_nowhere),
        cmocka_unit_test(test_own_line),
        cmocka_unit_test(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
