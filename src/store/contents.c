/* What a file is: see contents.h. */
#include "contents.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "image.h"
#include "journal.h"

#define LOOKED_AT (64 * 1024)   /* bytes of a text */
#define FIRST_USER_BLOCK 512    /* bytes; HDF5 may begin behind those, or twice as many, … */
#define JOURNAL_MAGIC_WITHIN 64 /* bytes: frame and length are before it */

static const char signature[] = "\x89HDF\r\n\x1a\n";

/* Is `text` among the first `within` bytes? */
static bool has_early(const char *data, size_t size, const char *text, size_t within)
{
    return memmem(data, size < within ? size : within, text, strlen(text)) != NULL;
}

static bool is_hdf5(int fd, off_t size)
{
    char found[sizeof signature - 1];
    for (off_t at = 0; at < size; at = at ? 2 * at : FIRST_USER_BLOCK)
        if (pread(fd, found, sizeof found, at) == (ssize_t)sizeof found &&
            memcmp(found, signature, sizeof found) == 0)
            return true;
    return false;
}

/* A line that sets what each configuration has to set, or takes it from another file? */
static bool is_setting(const char *line)
{
    static const char *const groups[] = {"parameters", "evaluator"};
    line += strspn(line, " \t");
    if (strncmp(line, "@include", 8) == 0)
        return true;
    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        size_t length = strlen(groups[i]);
        const char *rest = line + length;
        if (strncmp(line, groups[i], length) == 0 && strchr("=:", rest[strspn(rest, " \t\r\n")]) &&
            rest[strspn(rest, " \t\r\n")])
            return true;
    }
    return false;
}

static bool is_configuration(const char *text)
{
    const char *end;
    for (const char *line = text; !is_setting(line); line = end + 1)
        if (!(end = strchr(line, '\n')))
            return false;
    return true;
}

static enum dh_contents look(int fd, off_t size)
{
    static const char lead[] = DH_IMAGE_LEAD;
    char *start = dh_alloc(LOOKED_AT + 1, 1);
    ssize_t count = pread(fd, start, LOOKED_AT, 0);
    size_t have = count > 0 ? (size_t)count : 0;
    start[have] = '\0';
    enum dh_contents contents = DH_CONTENTS_OTHER;
    if (strncmp(start, lead, sizeof lead - 1) == 0)
        contents = DH_CONTENTS_CHECKPOINT;
    else if (is_hdf5(fd, size))
        contents = DH_CONTENTS_HDF5;
    else if (has_early(start, have, DH_JOURNAL_MAGIC, JOURNAL_MAGIC_WITHIN))
        contents = DH_CONTENTS_JOURNAL;
    else if (is_configuration(start))
        contents = DH_CONTENTS_CONFIGURATION;
    free(start);
    return contents;
}

enum dh_contents dh_contents_of(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 ||
        !S_ISREG(info.st_mode)) /* to open others may wait, or do things */
        return DH_CONTENTS_OTHER;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return DH_CONTENTS_OTHER;
    enum dh_contents contents = look(fd, info.st_size);
    close(fd);
    return contents;
}

const char *dh_contents_text(enum dh_contents contents)
{
    static const char *const texts[] = {[DH_CONTENTS_OTHER] = "",
                                        [DH_CONTENTS_CHECKPOINT] = "a checkpoint",
                                        [DH_CONTENTS_HDF5] = "an HDF5 file",
                                        [DH_CONTENTS_JOURNAL] = "a journal",
                                        [DH_CONTENTS_CONFIGURATION] = "a configuration"};
    return texts[contents];
}
