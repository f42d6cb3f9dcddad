/* The owner of a lock: see owner.h. */
#include "owner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "dh_mpi/machine.h"

#define MACHINE ", machine "

void dh_owner_name(struct dh_owner *out, const char *host)
{
    char since[64];
    struct tm when;
    *out = (struct dh_owner){.pid = getpid(), .machine = dh_machine_number()};
    if (host)
        snprintf(out->host, sizeof out->host, "%s", host);
    else
        gethostname(out->host, sizeof out->host - 1);
    localtime_r(&(time_t){time(NULL)}, &when);
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S %z", &when);
    snprintf(out->text, sizeof out->text, "process %ld on %s since %s" MACHINE "%08" PRIx32,
             out->pid, out->host, since, out->machine);
}

void dh_owner_read(int fd, struct dh_owner *out)
{
    *out = (struct dh_owner){0};
    ssize_t size = pread(fd, out->text, sizeof out->text - 1, 0);
    out->text[size > 0 ? size : 0] = '\0';
    out->text[strcspn(out->text, "\n")] = '\0';
    if (sscanf(out->text, "process %ld on %127s since %*[^,]" MACHINE "%" SCNx32, &out->pid,
               out->host, &out->machine) < 2)
        out->pid = 0;
}

void dh_owner_write(const struct dh_owner *owner, int fd)
{
    char *line = dh_strprintf("%s\n", owner->text);
    if (ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0)
        dh_file_write(fd, line, strlen(line), NULL);
    futimens(fd, NULL);
    free(line);
}

bool dh_owner_is_here(const struct dh_owner *ours, const struct dh_owner *owner)
{
    return owner->pid > 0 && strcmp(owner->host, ours->host) == 0 &&
           (owner->machine == 0 || owner->machine == ours->machine);
}

bool dh_owner_is_other(const struct dh_owner *ours, const struct dh_owner *owner)
{
    return owner->text[0] && strcmp(owner->text, ours->text) != 0;
}
