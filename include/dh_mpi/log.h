/* Log lines to one stream, each with date and local time, as `dhctl show` writes them, and the rank
 * it came from. */
#ifndef DH_MPI_LOG_H
#define DH_MPI_LOG_H

#include <stdbool.h>
#include <stdio.h>

enum dh_log_level { DH_LOG_ERROR, DH_LOG_WARN, DH_LOG_INFO, DH_LOG_DEBUG };

/* Lines in a row that a stream did not take, as a pipe that nobody reads does not. */
struct dh_log_gap {
    unsigned long lines;
    bool torn; /* one of them began */
};

struct dh_log {
    FILE *stream; /* borrowed; NULL is silent */
    enum dh_log_level level;
    int rank;  /* shown unless negative */
    bool bare; /* the lines alone, to be shown among others */
    /* A line waits a second for its stream, and is dropped then, as are those after it until the
     * stream takes one that says how many. Borrowed; NULL: a line waits as long as it takes. */
    struct dh_log_gap *gap;
};

/* One line, without control characters (names of files and what evaluations say may have some; line
 * breaks stay); safe from several threads. `log` may be NULL (silent). */
void dh_log_at(const struct dh_log *log, enum dh_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A warning for each line of `lines`, all of which end with a line break; NULL: none. */
void dh_log_warn_lines(const struct dh_log *log, const char *lines);

#define dh_log_error(log, ...) dh_log_at(log, DH_LOG_ERROR, __VA_ARGS__)
#define dh_log_warn(log, ...) dh_log_at(log, DH_LOG_WARN, __VA_ARGS__)
#define dh_log_info(log, ...) dh_log_at(log, DH_LOG_INFO, __VA_ARGS__)
#define dh_log_debug(log, ...) dh_log_at(log, DH_LOG_DEBUG, __VA_ARGS__)

#endif
