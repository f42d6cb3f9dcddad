/* The stack and here-documents of a program for sh: see shell_reading.h. */
#include "shell_reading.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

struct shell_frame *eval_shell_top(struct shell_reading *reading)
{
    return &reading->frames[reading->count - 1];
}

char eval_shell_letter(const struct shell_reading *reading, size_t ahead)
{
    const char *c = reading->text + reading->at;
    return strnlen(c, ahead) == ahead ? c[ahead] : '\0';
}

void eval_shell_doubt(struct shell_reading *reading, size_t at, const char *why)
{
    if (!reading->unsure) {
        reading->unsure = why;
        reading->unsure_at = at;
    }
}

void eval_shell_push(struct shell_reading *reading, enum shell_context context, size_t opening)
{
    struct shell_frame frame = {.context = context, .start = reading->at};
    *DH_PUSH(reading->frames, reading->count, reading->capacity) = frame;
    reading->at += opening;
}

void eval_shell_pop(struct shell_reading *reading, size_t closing)
{
    free(eval_shell_top(reading)->document.end);
    reading->count--;
    reading->at += closing;
}

bool eval_shell_is_program(enum shell_context context)
{
    return context == PROGRAM || context == PARENTHESES || context == SUBSTITUTION ||
           context == BACKTICKS;
}

size_t eval_shell_root(const struct shell_reading *reading)
{
    size_t i = reading->count - 1;
    while (!eval_shell_is_program(reading->frames[i].context) ||
           reading->frames[i].context == PARENTHESES)
        i--;
    return i;
}

/* Here-documents. */

static const char *line_end(const char *line)
{
    return line + strcspn(line, "\n");
}

bool eval_shell_ends_document(const struct shell_document *document, const char *line, bool *nearly)
{
    line += document->tabs ? strspn(line, "\t") : 0;
    size_t size = strlen(document->end);
    bool same = strncmp(line, document->end, size) == 0;
    *nearly = same && (line[size] == ')' || line[size] == '`');
    return same && (line[size] == '\n' || line[size] == '\0');
}

void eval_shell_pass_end(struct shell_reading *reading)
{
    bool nearly;
    const char *line = reading->text + reading->at;
    while (eval_shell_top(reading)->context == DOCUMENT ||
           eval_shell_top(reading)->context == LITERAL_DOCUMENT) {
        if (!eval_shell_ends_document(&eval_shell_top(reading)->document, line, &nearly)) {
            if (nearly)
                eval_shell_doubt(reading, reading->at,
                                 "behind the end of a here-document that has more on its line");
            return;
        }
        line = line_end(line);
        line += *line == '\n';
        eval_shell_pop(reading, 0);
        reading->at = (size_t)(line - reading->text);
    }
}

void eval_shell_begin_documents(struct shell_reading *reading)
{
    size_t here = eval_shell_root(reading);
    for (size_t i = 0; i < reading->document_count; i++)
        if (reading->documents[i].root != here)
            eval_shell_doubt(reading, reading->documents[i].at,
                             "behind a here-document whose line has a \"$(\" over several lines");
    if (reading->unsure || reading->document_count == 0)
        return;
    for (size_t i = reading->document_count; i-- > 0;) {
        eval_shell_push(reading, reading->documents[i].literal ? LITERAL_DOCUMENT : DOCUMENT, 0);
        eval_shell_top(reading)->document = reading->documents[i];
    }
    reading->document_count = 0;
    eval_shell_pass_end(reading);
}

void eval_shell_announce_document(struct shell_reading *reading)
{
    struct shell_document document = {.root = eval_shell_root(reading), .at = reading->at};
    for (size_t i = 0; i < reading->count; i++)
        if (reading->frames[i].twice)
            eval_shell_doubt(reading, reading->at,
                             "behind \"((\" with \"<<\", which shells read differently");
    reading->at += 2;
    document.tabs = eval_shell_letter(reading, 0) == '-';
    reading->at += document.tabs;
    reading->at += strspn(reading->text + reading->at, " \t");
    struct dh_buffer end = {0};
    char quote = '\0', c;
    while ((c = eval_shell_letter(reading, 0)) && (quote || !strchr(" \t\n;&|<>()", c))) {
        if (c == EVAL_SHELL_HOLE || (c == '\n' && quote) || (strchr("$`", c) && quote != '\''))
            break;
        bool escape = c == '\\' && quote != '\'' && eval_shell_letter(reading, 1);
        document.literal = document.literal || escape || strchr("'\"", c);
        if (escape) {
            dh_buffer_append(&end, reading->text + ++reading->at, 1);
        } else if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? '\0' : c;
        } else {
            dh_buffer_append(&end, &c, 1);
        }
        reading->at++;
    }
    if (quote || (c && strchr("$`\1", c)) || (!end.size && !document.literal))
        eval_shell_doubt(reading, document.at, "behind a here-document whose end is no plain word");
    document.end = dh_buffer_take(&end);
    *DH_PUSH(reading->documents, reading->document_count, reading->document_capacity) = document;
}
