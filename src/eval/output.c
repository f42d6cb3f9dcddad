/* Lines, tails and copies of output: see output.h. */
#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/file.h"
#include "dh_mpi/text.h"
#include "value.h"

#define TAIL_LAST (EVAL_TAIL_LIMIT - EVAL_TAIL_FIRST)
#define TAIL_NOTE 48 /* bytes of a line that says what was left out */

static bool interesting(const char *line, size_t size, const char **start)
{
    static const char order_mark[] = "\xEF\xBB\xBF";
    const char *end = line + size;
    if (size >= 3 && memcmp(line, order_mark, 3) == 0)
        line += 3;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    *start = line;
    return end - line >= 3 && memcmp(line, "DH-", 3) == 0;
}

/* Is that the beginning of a marked line whose value is JSON? */
static bool begins_json(const char *line, size_t size)
{
    if (size == 0)
        return false;
    const char *start, *end = line + size;
    if (!interesting(line, size, &start) || !(start = memchr(start, ':', (size_t)(end - start))))
        return false;
    for (start++; start < end && (*start == ' ' || *start == '\t'); start++)
        ;
    return start < end && *start && strchr("{[\"", *start);
}

/* Does the line have a result where none is looked for? */
static void note_near(struct eval_lines *lines, const char *data, size_t size)
{
    static const char mark[] = "DH-OUTPUT", wide[] = "D\0H\0-\0O\0U\0T";
    const char *start, *found = memmem(data, size, mark, sizeof mark - 1);
    if (found) {
        const char *behind = found + sizeof mark - 1;
        bool first = interesting(data, size, &start) && start == found;
        if (first && behind < data + size && *behind == ':')
            return;
        size_t before = (size_t)(found - data), most = sizeof lines->before - 1;
        before = before < most ? before : most;
        lines->near = first ? EVAL_NEAR_NO_COLON : EVAL_NEAR_WITHIN;
        memcpy(lines->before, found - before, before);
        lines->before[before] = '\0';
    } else if (memmem(data, size, wide, sizeof wide - 1)) {
        lines->near = EVAL_NEAR_UTF16;
    }
}

static void emit(struct eval_lines *lines, const char *data, size_t size, eval_line_function *line,
                 void *context)
{
    const char *start;
    note_near(lines, data, size);
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

/* Bytes up to a newline or the end of what came: take the lines that carriage returns end. Returns
 * where the last one begins. */
static const char *take_returns(struct eval_lines *lines, const char *data, const char *end,
                                eval_line_function *line, void *context)
{
    for (const char *found; (found = memchr(data, '\r', (size_t)(end - data))); data = found + 1) {
        extend_partial(lines, data, (size_t)(found - data));
        if (begins_json(lines->partial.data, lines->partial.size))
            extend_partial(lines, "\r", 1);
        else
            eval_lines_end(lines, line, context);
    }
    return data;
}

void eval_lines_feed(struct eval_lines *lines, const char *data, size_t size,
                     eval_line_function *line, void *context)
{
    for (const char *end = data + size, *newline; data < end; data = newline + 1) {
        newline = memchr(data, '\n', (size_t)(end - data));
        data = take_returns(lines, data, newline ? newline : end, line, context);
        if (!newline) {
            extend_partial(lines, data, (size_t)(end - data));
            return;
        }
        if (lines->partial.size == 0 && !lines->skipping) {
            emit(lines, data, (size_t)(newline - data), line, context);
            continue;
        }
        extend_partial(lines, data, (size_t)(newline - data));
        eval_lines_end(lines, line, context);
    }
}

void eval_lines_end(struct eval_lines *lines, eval_line_function *line, void *context)
{
    if (!lines->skipping && lines->partial.size)
        emit(lines, lines->partial.data, lines->partial.size, line, context);
    dh_buffer_free(&lines->partial);
    lines->skipping = false;
}

void eval_tail_feed(struct eval_tail *tail, const char *data, size_t size)
{
    if (tail->total < EVAL_TAIL_FIRST) {
        size_t room = EVAL_TAIL_FIRST - tail->total, part = size < room ? size : room;
        memcpy(tail->first + tail->total, data, part);
        tail->total += part;
        data += part;
        size -= part;
    }
    if (size > TAIL_LAST) {
        tail->total += size - TAIL_LAST;
        data += size - TAIL_LAST;
        size = TAIL_LAST;
    }
    while (size > 0) {
        size_t at = (tail->total - EVAL_TAIL_FIRST) % TAIL_LAST;
        size_t part = size < TAIL_LAST - at ? size : TAIL_LAST - at;
        memcpy(tail->last + at, data, part);
        tail->total += part;
        data += part;
        size -= part;
    }
}

/* The bytes behind `first` that are there, in their order. */
static size_t put_last(const struct eval_tail *tail, char text[TAIL_LAST])
{
    size_t size = tail->total > EVAL_TAIL_FIRST ? tail->total - EVAL_TAIL_FIRST : 0;
    size_t at = size > TAIL_LAST ? size % TAIL_LAST : 0;
    memcpy(text, tail->last + at, TAIL_LAST - at);
    memcpy(text + TAIL_LAST - at, tail->last, at);
    return size < TAIL_LAST ? size : TAIL_LAST;
}

/* A byte of UTF-8 behind the first of a letter. */
static bool is_inner(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The whole lines at the beginning of `text`; all of it if there is none. */
static size_t whole_lines(const char *text, size_t size)
{
    const char *newline = memrchr(text, '\n', size);
    if (newline)
        return (size_t)(newline + 1 - text);
    size_t letter = size - 1; /* the last one may be cut */
    while (letter > 0 && size - letter < 4 && is_inner(text[letter]))
        letter--;
    bool cut = (unsigned char)text[letter] >= 0xC0 && letter > 0 &&
               dh_text_utf8_length(text + letter, size - letter) == 0;
    return cut ? letter : size;
}

char *eval_tail_text(const struct eval_tail *tail)
{
    if (tail->total == 0)
        return NULL;
    char last[TAIL_LAST];
    size_t first = tail->total < EVAL_TAIL_FIRST ? tail->total : EVAL_TAIL_FIRST;
    size_t size = put_last(tail, last);
    struct dh_buffer out = {0};
    if (tail->total <= EVAL_TAIL_LIMIT) {
        dh_buffer_append(&out, tail->first, first);
        dh_buffer_append(&out, last, size);
    } else {
        first = whole_lines(tail->first, first);
        const char *start = last + TAIL_NOTE, *newline = memchr(start, '\n', size - TAIL_NOTE);
        if (newline && newline + 1 < last + size)
            start = newline + 1; /* a line that lost its beginning is dropped */
        for (int i = 0; i < 3 && is_inner(*start); i++)
            start++;
        size -= (size_t)(start - last);
        dh_buffer_append(&out, tail->first, first);
        dh_buffer_printf(&out, "%s[%zu bytes left out]\n",
                         tail->first[first - 1] == '\n' ? "" : "\n", tail->total - first - size);
        dh_buffer_append(&out, start, size);
    }
    struct dh_buffer text = {0};
    eval_value_put_utf8(&text, out.data, out.size);
    dh_buffer_free(&out);
    return dh_buffer_take(&text);
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
