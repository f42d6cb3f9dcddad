/* Lines, tails and copies of output: see output.h. */
#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "value.h"

static bool interesting(const char *line, size_t size, const char **start)
{
    const char *end = line + size;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    *start = line;
    return end - line >= 3 && memcmp(line, "DH-", 3) == 0;
}

static void emit(const char *data, size_t size, eval_line_function *line, void *context)
{
    const char *start;
    if (!interesting(data, size, &start))
        return;
    char *copy = dh_strndup(start, (size_t)(data + size - start));
    line(context, copy, strlen(copy));
    free(copy);
}

/* More of a line whose end has not come yet. */
static void extend_partial(struct eval_lines *lines, const char *data, size_t size)
{
    const char *start;
    bool marked =
        lines->partial.size && interesting(lines->partial.data, lines->partial.size, &start);
    size_t limit = marked ? EVAL_MARKED_LIMIT : EVAL_LINE_LIMIT;
    if (!lines->skipping && lines->partial.size + size <= limit) {
        dh_buffer_append(&lines->partial, data, size);
        return;
    }
    lines->skipping = true;
    lines->marked_skipped = lines->marked_skipped || marked;
    dh_buffer_free(&lines->partial);
}

void eval_lines_feed(struct eval_lines *lines, const char *data, size_t size,
                     eval_line_function *line, void *context)
{
    for (const char *end = data + size, *newline; data < end; data = newline + 1) {
        newline = memchr(data, '\n', (size_t)(end - data));
        if (!newline) {
            extend_partial(lines, data, (size_t)(end - data));
            return;
        }
        if (lines->partial.size == 0 && !lines->skipping) {
            emit(data, (size_t)(newline - data), line, context);
            continue;
        }
        extend_partial(lines, data, (size_t)(newline - data));
        eval_lines_end(lines, line, context);
    }
}

void eval_lines_end(struct eval_lines *lines, eval_line_function *line, void *context)
{
    if (!lines->skipping && lines->partial.size)
        emit(lines->partial.data, lines->partial.size, line, context);
    dh_buffer_free(&lines->partial);
    lines->skipping = false;
}

void eval_tail_feed(struct eval_tail *tail, const char *data, size_t size)
{
    if (size > EVAL_TAIL_LIMIT) {
        tail->total += size - EVAL_TAIL_LIMIT;
        data += size - EVAL_TAIL_LIMIT;
        size = EVAL_TAIL_LIMIT;
    }
    while (size > 0) {
        size_t at = tail->total % EVAL_TAIL_LIMIT;
        size_t part = size < EVAL_TAIL_LIMIT - at ? size : EVAL_TAIL_LIMIT - at;
        memcpy(tail->bytes + at, data, part);
        tail->total += part;
        data += part;
        size -= part;
    }
}

char *eval_tail_text(const struct eval_tail *tail)
{
    if (tail->total == 0)
        return NULL;
    char text[EVAL_TAIL_LIMIT];
    size_t size = tail->total;
    const char *start = text;
    if (size <= EVAL_TAIL_LIMIT) {
        memcpy(text, tail->bytes, size);
    } else {
        size_t at = tail->total % EVAL_TAIL_LIMIT;
        memcpy(text, tail->bytes + at, EVAL_TAIL_LIMIT - at);
        memcpy(text + EVAL_TAIL_LIMIT - at, tail->bytes, at);
        size = EVAL_TAIL_LIMIT;
        const char *newline = memchr(text, '\n', size);
        if (newline && newline + 1 < text + size)
            start = newline + 1; /* a line that lost its beginning is dropped */
    }
    struct dh_buffer out = {0};
    eval_value_put_utf8(&out, start, size - (size_t)(start - text));
    return dh_buffer_take(&out);
}

void eval_tail_put_before(const struct eval_tail *tail, char **text)
{
    struct dh_buffer both = {0};
    char *before = eval_tail_text(tail);
    if (before && *text) {
        dh_buffer_text(&both, before);
        if (both.size && both.data[both.size - 1] != '\n')
            dh_buffer_text(&both, "\n");
        dh_buffer_text(&both, *text);
        free(*text);
        *text = dh_buffer_take(&both);
        free(before);
    } else if (before) {
        *text = before;
    }
}

void eval_copy_feed(struct eval_copy *copy, const char *data, size_t size)
{
    static const char mark[] = "\n[output_limit reached: the rest is not kept]\n";
    if (copy->fd < 0 || copy->cut)
        return;
    size_t part = (double)size <= copy->left ? size : (size_t)copy->left;
    dh_file_write(copy->fd, data, part, NULL); /* a full disk does not cost the evaluation */
    copy->left -= (double)part;
    if (part < size) {
        copy->cut = true;
        dh_file_write(copy->fd, mark, sizeof mark - 1, NULL);
    }
}

void eval_copy_close(struct eval_copy *copy)
{
    if (copy->fd >= 0)
        close(copy->fd);
    copy->fd = -1;
}
