/* Reading CSV: see csv.h. */
#include "csv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

static int next_char(struct dh_csv *csv)
{
    int c = getc_unlocked(csv->stream);
    csv->next_line += c == '\n';
    return c;
}

/* A lone or leading CR counts as the end of a line, too. */
static int line_end(struct dh_csv *csv, int c)
{
    if (c != '\r')
        return c;
    int next = getc_unlocked(csv->stream);
    if (next != '\n' && next != EOF)
        ungetc(next, csv->stream);
    csv->next_line++;
    return '\n';
}

/* The rest of a quoted field; returns what follows the closing quote, or EOF if none closes. */
static int quoted(struct dh_csv *csv, bool *closed)
{
    for (int c; (c = next_char(csv)) != EOF && csv->texts.size < DH_CSV_LONGEST;) {
        if (c == '"') {
            c = next_char(csv);
            if (c != '"') {
                *closed = true;
                return c;
            }
        }
        char byte = (char)c;
        if (byte)
            dh_buffer_append(&csv->texts, &byte, 1);
    }
    *closed = false;
    return EOF;
}

/* The first character of the file behind its byte order mark. What only begins like one goes into
 * the field. */
static int first_char(struct dh_csv *csv)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t have = 0;
    int c;
    while ((c = next_char(csv)) == (unsigned char)mark[have] && mark[have])
        have++;
    if (mark[have])
        dh_buffer_append(&csv->texts, mark, have);
    return c;
}

/* One field behind the others; returns the character that ended it: ',', '\n' or EOF. */
static int read_field(struct dh_csv *csv, dh_status *status, struct dh_error *err)
{
    *DH_PUSH(csv->starts, csv->count, csv->capacity) = csv->texts.size;
    int c = csv->begun ? next_char(csv) : first_char(csv);
    bool closed = true;
    csv->begun = true;
    if (c == '"')
        c = quoted(csv, &closed);
    while (c != EOF && c != ',' && c != '\n' && c != '\r' && csv->texts.size < DH_CSV_LONGEST) {
        char byte = (char)c;
        if (byte) /* a text with a NUL ends there for everybody else */
            dh_buffer_append(&csv->texts, &byte, 1);
        c = next_char(csv);
    }
    if (csv->texts.size >= DH_CSV_LONGEST)
        *status = dh_fail(err, DH_CORRUPT, "%s:%llu: a row of over %u bytes", csv->name,
                          (unsigned long long)csv->line, DH_CSV_LONGEST);
    else if (!closed)
        *status = dh_fail(err, DH_CORRUPT, "%s:%llu: a quotation that does not end", csv->name,
                          (unsigned long long)csv->line);
    dh_buffer_append(&csv->texts, "", 1);
    return *status == DH_OK ? line_end(csv, c) : EOF;
}

/* Spreadsheets write empty rows as separators alone. */
static bool is_blank(const struct dh_csv *csv)
{
    return csv->texts.size == csv->count; /* each field is its NUL */
}

/* Does the row begin with the byte order mark of UTF-16? No UTF-8 has these bytes. */
static bool is_wide(const struct dh_csv *csv)
{
    const char *text = dh_csv_field(csv, 0);
    return strncmp(text, "\xFF\xFE", 2) == 0 || strncmp(text, "\xFE\xFF", 2) == 0;
}

dh_status dh_csv_row(struct dh_csv *csv, struct dh_error *err)
{
    csv->next_line += csv->next_line == 0;
    for (;;) {
        dh_status status = DH_OK;
        int end;
        csv->count = 0;
        csv->line = csv->next_line;
        dh_buffer_clear(&csv->texts);
        do
            end = read_field(csv, &status, err);
        while (end == ',');
        if (status != DH_OK)
            return status;
        if (ferror(csv->stream))
            return dh_fail(err, DH_IO, "%s: cannot read: %s", csv->name, strerror(errno));
        if (is_wide(csv))
            return dh_fail(err, DH_CORRUPT, "%s: is UTF-16, expected UTF-8", csv->name);
        if (!is_blank(csv))
            return DH_OK;
        if (end == EOF)
            return DH_EMPTY;
    }
}

const char *dh_csv_field(const struct dh_csv *csv, size_t i)
{
    return i < csv->count ? csv->texts.data + csv->starts[i] : "";
}

void dh_csv_free(struct dh_csv *csv)
{
    dh_buffer_free(&csv->texts);
    free(csv->starts);
    csv->starts = NULL;
    csv->count = csv->capacity = 0;
}
