/* Log lines: see log.h. A line is formatted whole and written with one call, so that lines of
 * several threads, and of several ranks on one pipe, do not mix. */
#include "dh_mpi/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/text.h"

#define PATIENCE 1.0

static const char *const level_names[] = {
    [DH_LOG_ERROR] = "error: ",
    [DH_LOG_WARN] = "warning: ",
    [DH_LOG_INFO] = "",
    [DH_LOG_DEBUG] = "debug: ",
};

static void put_prefix(struct dh_buffer *line, const struct dh_log *log, enum dh_log_level level)
{
    if (log->bare)
        return;
    time_t now = time(NULL);
    struct tm local;
    char stamp[32] = "";
    if (localtime_r(&now, &local))
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
    if (isatty(fileno(log->stream))) /* over the progress line that stands there */
        dh_buffer_text(line, "\r\033[K");
    dh_buffer_printf(line, "%s ", stamp);
    if (log->rank >= 0)
        dh_buffer_printf(line, "[%d] ", log->rank);
    dh_buffer_text(line, level_names[level]);
}

/* Say first how many lines are missing; false if that cannot be written either. */
static bool close_gap(const struct dh_log *log, int fd)
{
    struct dh_log_gap *gap = log->gap;
    if (gap->lines == 0)
        return true;
    struct dh_buffer note = {0};
    if (gap->torn)
        dh_buffer_text(&note, "\n");
    put_prefix(&note, log, DH_LOG_WARN);
    dh_buffer_printf(&note, "%lu line%s of this log could not be written\n", gap->lines,
                     gap->lines == 1 ? "" : "s");
    bool closed = dh_streams_write(fd, note.data, note.size, 0, -1) == note.size;
    dh_buffer_free(&note);
    if (closed)
        *gap = (struct dh_log_gap){0};
    return closed;
}

static void write_line(const struct dh_log *log, const struct dh_buffer *line)
{
    int fd = log->gap ? fileno(log->stream) : -1;
    if (fd < 0) {
        fwrite(line->data, 1, line->size, log->stream);
        fflush(log->stream);
        return;
    }
    flockfile(log->stream);
    size_t written =
        close_gap(log, fd) ? dh_streams_write(fd, line->data, line->size, PATIENCE, -1) : 0;
    log->gap->lines += written < line->size;
    log->gap->torn |= written > 0 && written < line->size;
    funlockfile(log->stream);
}

void dh_log_at(const struct dh_log *log, enum dh_log_level level, const char *format, ...)
{
    if (!log || !log->stream || level > log->level)
        return;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&message, format, args);
    va_end(args);
    if (length < 0)
        return;
    struct dh_buffer line = {0};
    put_prefix(&line, log, level);
    dh_text_put_plain(&line, message);
    dh_buffer_text(&line, "\n");
    write_line(log, &line);
    dh_buffer_free(&line);
    free(message);
}

void dh_log_warn_lines(const struct dh_log *log, const char *lines)
{
    for (const char *end; lines && (end = strchr(lines, '\n')); lines = end + 1)
        dh_log_warn(log, "%.*s", (int)(end - lines), lines);
}
