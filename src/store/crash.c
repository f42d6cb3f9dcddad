/* Crash points, compiled for tests only: see crash.h. */
#include "crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *dh_crash_name(enum dh_crash point)
{
    static const char *const names[] = {
#define DH_CRASH_NAME(name, text) text,
        DH_CRASH_MAP(DH_CRASH_NAME)
#undef DH_CRASH_NAME
    };
    return names[point];
}

/* One line in one write, so that lines of threads and processes do not mix. */
static void list(const char *path, const char *name)
{
    char line[64];
    size_t length = strlen(name);
    memcpy(line, name, length);
    line[length] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, line, length + 1) != (ssize_t)length + 1)
        abort();
    close(fd);
}

/* How often each was reached. Of the process, since a point is reached from anywhere. */
static _Atomic unsigned counts[DH_CRASH_COUNT];

void dh_crash_forget(void)
{
    for (size_t i = 0; i < DH_CRASH_COUNT; i++)
        atomic_store(&counts[i], 0);
}

/* Is it `name`, for the time that the variable says? */
static bool wanted(const char *variable, const char *name, unsigned count)
{
    const char *value = getenv(variable);
    size_t length = strlen(name);
    return value && strncmp(value, name, length) == 0 && value[length] == ':' &&
           strtoul(value + length + 1, NULL, 10) == count;
}

/* Is this the time to die? */
static bool reached(enum dh_crash point)
{
    const char *name = dh_crash_name(point), *file = getenv("DH_CRASH_LIST");
    unsigned count = 1 + atomic_fetch_add(&counts[point], 1);
    if (file)
        list(file, name);
    if (wanted("DH_CRASH_STOP", name, count))
        raise(SIGSTOP); /* this thread, before its next step, and with it all */
    return wanted("DH_CRASH", name, count);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

void dh_crash_reach(enum dh_crash point)
{
    if (reached(point))
        die();
}

void dh_crash_write(enum dh_crash point, int fd, const void *data, size_t size)
{
    if (!reached(point))
        return;
    if (write(fd, data, size / 2) != (ssize_t)(size / 2))
        abort();
    die();
}
