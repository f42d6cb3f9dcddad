/* Files of the store: their names, and the few system calls whose failure has to be told. */
#ifndef DH_STORE_FILES_H
#define DH_STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/status.h"

/* The files that are there under one path. */
struct dh_family {
    char *path;           /* the checkpoint; the others are named after it */
    char *previous;       /* path.previous */
    char *journal;        /* path-journal */
    uint64_t *segments;   /* N of path-journal.N, ascending */
    size_t segment_count; /* without the journal itself */
    bool has_checkpoint, has_previous, has_journal;
    uint64_t stamp; /* names and inodes: changes when a file is replaced, added or removed */
};

/* How often a reader begins again where a search replaced files meanwhile, a millisecond apart. */
#define DH_FAMILY_TRIES 20

/* Look what is there. A missing folder holds nothing. DH_IO if it cannot be read. */
dh_status dh_family_list(const char *path, struct dh_family *out, struct dh_error *err);
void dh_family_free(struct dh_family *family);
bool dh_family_empty(const struct dh_family *family); /* no file that holds trials */
/* May this process rename and remove them? DH_IO, naming the file and its owner, where they are
 * another user's in a folder with the sticky bit. */
dh_status dh_family_check_owner(const struct dh_family *family, struct dh_error *err);
/* path-journal.N; the caller frees it. */
char *dh_family_segment(const char *path, uint64_t n);

/* "FILE: cannot VERB: reason of errno", DH_IO. */
dh_status dh_files_fail(struct dh_error *err, const char *path, const char *verb);
/* The file behind a symbolic link, also one that is not there yet, otherwise `path` itself, so that
 * replacing it by rename replaces the right one; the caller frees it. */
char *dh_files_resolve(const char *path);
/* Create `path` (which must not exist), open for appending. */
dh_status dh_files_create(const char *path, int *fd, struct dh_error *err);
/* All of `path` (size known from fstat) behind `out`. DH_MISSING if it is not there. */
dh_status dh_files_read(const char *path, struct dh_buffer *out, struct dh_error *err);
/* Copy `path` to `copy`, which is replaced; the content is durable then. */
dh_status dh_files_copy(const char *path, const char *copy, struct dh_error *err);
/* Is it the file of that name? */
bool dh_files_named(const char *path, const struct stat *file);
/* Remove the file behind `fd`, which has that name, unless another has it by now. Takes `fd`. */
void dh_files_discard(int fd, const char *path);
/* Also where the system reports ENOENT for what it did: NFS does, when it had to ask twice. */
dh_status dh_files_rename(const char *from, const char *to, struct dh_error *err);
/* Likewise, unless `to` is there: among files that the lock keeps others away from. */
dh_status dh_files_rename_new(const char *from, const char *to, struct dh_error *err);
/* A second name for a file; false with errno. */
bool dh_files_link(const char *from, const char *to);
/* Is that errno the word of a file system without links? */
bool dh_files_has_no_links(int failure);
/* Make what was written to a file durable, also through signals. File systems that cannot are
 * forgiven. Returns 0 or an errno. */
int dh_files_sync_data(int fd);
/* Make the content of `path` durable. */
dh_status dh_files_sync(const char *path, struct dh_error *err);
/* Remove if it is there. */
dh_status dh_files_remove(const char *path, struct dh_error *err);
/* Make renames in the folder of `path` durable. File systems that cannot sync a folder are
 * forgiven. */
dh_status dh_files_sync_folder(const char *path, struct dh_error *err);

#endif
