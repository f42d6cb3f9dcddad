/* Who has a lock: the line in its file, "process 4711 on node3 since 2026-03-01 12:00:00 +0100,
 * machine 1f0c77aa", for people and for the next search that finds it. */
#ifndef DH_STORE_OWNER_H
#define DH_STORE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#define DH_OWNER_SIZE 256

struct dh_owner {
    char text[DH_OWNER_SIZE]; /* the line; "": nobody has written one yet */
    char host[128];
    long pid;         /* 0: not known */
    uint32_t machine; /* one for processes that see each other: hosts, and containers of a host, may
                       * share a name; 0: not known */
};

/* This process, since now; `host` NULL: this one's name. */
void dh_owner_name(struct dh_owner *out, const char *host);
/* Where the line cannot be read it is "". */
void dh_owner_read(int fd, struct dh_owner *out);
/* Replace what is in the file, and touch it; without an error, since a full disk must not prevent a
 * search. */
void dh_owner_write(const struct dh_owner *owner, int fd);

/* Is `owner` a process that the one of `ours` sees? */
bool dh_owner_is_here(const struct dh_owner *ours, const struct dh_owner *owner);
/* Is it somebody else? No line is nobody's: a full disk has no room for ours. */
bool dh_owner_is_other(const struct dh_owner *ours, const struct dh_owner *owner);

#endif
