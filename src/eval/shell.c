/* The quoting of sh: see shell.h. A stack of contexts (POSIX, Shell Command Language 2.2 to 2.7),
 * each with a step that reads a letter or more; what a step cannot know ends the reading, and only
 * a hole behind that point is refused. */
#include "shell_reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

static void refuse(struct shell_reading *reading, size_t hole, size_t at, const char *why)
{
    if (!reading->problem->why)
        *reading->problem = (struct eval_shell_problem){hole, at, why};
}

static const struct shell_frame *backticks(const struct shell_reading *reading)
{
    for (size_t i = reading->count; i-- > 0;)
        if (reading->frames[i].context == BACKTICKS)
            return &reading->frames[i];
    return NULL;
}

/* Is what opens here within double quotes, or where the same rules hold? */
static bool is_quoted(const struct shell_frame *frame)
{
    return frame->context == DOUBLE || frame->context == DOCUMENT || frame->context == ARITHMETIC ||
           (frame->context == BRACES && frame->quoted);
}

static void begin_word(struct shell_reading *reading, bool plain)
{
    struct shell_frame *frame = eval_shell_top(reading);
    if (!frame->in_word) {
        frame->in_word = frame->plain_word = true;
        frame->word = reading->at;
    }
    frame->plain_word = frame->plain_word && plain;
}

static bool is_one_of(const char *word, size_t size, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == size && memcmp(word, *words, size) == 0)
            return true;
    return false;
}

/* A word has ended: `case … in` and `esac` decide on what a `)` means. */
static void end_word(struct shell_reading *reading)
{
    static const char *const leading[] = {"!",  "{",     "}",     "if", "then", "else", "elif",
                                          "fi", "while", "until", "do", "done", NULL};
    static const char *const case_word[] = {"case", NULL}, *const esac[] = {"esac", NULL},
                             *const in[] = {"in", NULL};
    struct shell_frame *frame = eval_shell_top(reading);
    if (!frame->in_word)
        return;
    const char *word = reading->text + frame->word;
    size_t size = frame->plain_word ? reading->at - frame->word : 0;
    bool command = frame->expected == EXPECT_COMMAND;
    frame->in_word = false;
    if (frame->cases && frame->expected != EXPECT_ARGUMENT && is_one_of(word, size, esac)) {
        frame->cases--;
        frame->expected = EXPECT_COMMAND;
    } else if (command && is_one_of(word, size, case_word)) {
        frame->cases++;
        frame->awaits_in = true;
        frame->expected = EXPECT_ARGUMENT;
    } else if (frame->awaits_in && is_one_of(word, size, in)) {
        frame->awaits_in = false;
        frame->expected = EXPECT_PATTERN;
    } else if (command && !is_one_of(word, size, leading)) {
        frame->expected = EXPECT_ARGUMENT;
    }
}

/* What opens in several contexts. */

static void open_braces(struct shell_reading *reading)
{
    bool quoted = is_quoted(eval_shell_top(reading));
    eval_shell_push(reading, BRACES, 2);
    const char *start = reading->text + reading->at, *c = start;
    c += strspn(c, "#!");
    while (isalnum((unsigned char)*c) || *c == '_')
        c++;
    c += c == start && *c && strchr("@*?-$", *c) ? 1 : 0;
    bool colon = *c == ':';
    bool value = c[colon] && strchr("-=?+", c[colon]);
    eval_shell_top(reading)->quoted = quoted;
    eval_shell_top(reading)->any_value = value;
    eval_shell_top(reading)->value_from = (size_t)(c - reading->text) + (value ? colon + 1U : 1U);
}

static void open_dollar(struct shell_reading *reading, bool quotes)
{
    char next = eval_shell_letter(reading, 1);
    if (next == EVAL_SHELL_HOLE && reading->hole < reading->hole_count &&
        reading->holes[reading->hole].at == reading->at + 1)
        refuse(reading, reading->hole, reading->at,
               "behind a \"$\", which the shell would take for more; write {name} alone, ${{NAME}} "
               "for a variable of the shell");
    else if (next == '(' && eval_shell_letter(reading, 2) == '(')
        eval_shell_push(reading, ARITHMETIC, 3);
    else if (next == '(')
        eval_shell_push(reading, SUBSTITUTION, 2);
    else if (next == '{')
        open_braces(reading);
    else if (next == '\'' && quotes)
        eval_shell_push(reading, DOLLAR_SINGLE, 2);
    else if (next == '[')
        eval_shell_doubt(reading, reading->at,
                         "behind \"$[\", which shells read differently; use $((…))");
    else
        reading->at += next && strchr("$#@*?!-", next) ? 2 : 1;
}

static void open_backticks(struct shell_reading *reading)
{
    bool quoted = is_quoted(eval_shell_top(reading));
    eval_shell_push(reading, BACKTICKS, 1);
    eval_shell_top(reading)->quoted = quoted;
}

/* A backslash and what it takes the meaning of. A value behind one is refused. */
static void escape(struct shell_reading *reading)
{
    if (eval_shell_letter(reading, 1) == '\n' && reading->at > 0 &&
        strchr("$<(;", reading->text[reading->at - 1]))
        eval_shell_doubt(reading, reading->at, "behind a line that is broken within an operator");
    if (eval_shell_letter(reading, 1) == EVAL_SHELL_HOLE && reading->hole < reading->hole_count &&
        reading->holes[reading->hole].at == reading->at + 1)
        refuse(reading, reading->hole, reading->at,
               "behind a backslash, where the shell sees no value; double the backslash, or leave "
               "it out");
    reading->at += eval_shell_letter(reading, 1) ? 2 : 1;
}

/* Steps. What begins nothing is passed by the caller's `reading->at++`. */

static void close_root(struct shell_reading *reading)
{
    for (size_t i = 0; i < reading->document_count; i++)
        if (reading->documents[i].root == eval_shell_root(reading))
            eval_shell_doubt(reading, reading->documents[i].at,
                             "behind a here-document that has not begun where its \"$(\" ends");
}

static void close_parenthesis(struct shell_reading *reading)
{
    struct shell_frame *frame = eval_shell_top(reading);
    if (frame->cases && frame->expected == EXPECT_PATTERN) {
        frame->expected = EXPECT_COMMAND;
        reading->at++;
    } else if (frame->cases && frame->context != PROGRAM) {
        eval_shell_doubt(reading, frame->start, "behind a `case` without its `esac`");
    } else if (frame->context == SUBSTITUTION || frame->context == PARENTHESES) {
        if (frame->context == SUBSTITUTION)
            close_root(reading);
        bool pattern = frame->context == PARENTHESES; /* it may be the one before a pattern */
        eval_shell_pop(reading, 1);
        if (pattern && eval_shell_top(reading)->expected == EXPECT_PATTERN)
            eval_shell_top(reading)->expected = EXPECT_COMMAND;
    } else {
        reading->at++;
    }
}

static void open_parenthesis(struct shell_reading *reading)
{
    bool twice = eval_shell_top(reading)->context == PARENTHESES &&
                 eval_shell_top(reading)->start + 1 == reading->at;
    eval_shell_push(reading, PARENTHESES, 1);
    eval_shell_top(reading)->twice = twice;
}

/* ; & | and what consists of them. */
static void operate(struct shell_reading *reading, char c)
{
    struct shell_frame *frame = eval_shell_top(reading);
    bool branch =
        c == ';' && eval_shell_letter(reading, 1) && strchr(";&", eval_shell_letter(reading, 1));
    if (branch && frame->cases)
        frame->expected = EXPECT_PATTERN;
    else if (frame->expected != EXPECT_PATTERN)
        frame->expected = EXPECT_COMMAND;
    reading->at += branch ? 2 : 1;
}

/* What ends a word in a program. */
static void separate(struct shell_reading *reading, char c)
{
    end_word(reading);
    struct shell_frame *frame = eval_shell_top(reading);
    if (c == '(') {
        open_parenthesis(reading);
    } else if (c == ')') {
        close_parenthesis(reading);
    } else if (c == '\n') {
        if (frame->expected != EXPECT_PATTERN)
            frame->expected = frame->awaits_in ? EXPECT_ARGUMENT : EXPECT_COMMAND;
        reading->at++;
        eval_shell_begin_documents(reading);
    } else if (strchr(";&|", c)) {
        operate(reading, c);
    } else if (c == '<' && eval_shell_letter(reading, 1) == '<' &&
               eval_shell_letter(reading, 2) != '<') {
        eval_shell_announce_document(reading);
    } else {
        if (strchr("<>", c))
            frame->expected = EXPECT_ARGUMENT;
        reading->at += c == '<' && eval_shell_letter(reading, 1) == '<' ? 3 : 1;
    }
}

static void step_program(struct shell_reading *reading, char c)
{
    if (strchr(" \t\n;&|()<>", c)) {
        separate(reading, c);
        return;
    }
    if (c == '`' && eval_shell_top(reading)->context == BACKTICKS) {
        end_word(reading);
        close_root(reading);
        eval_shell_pop(reading, 1);
        return;
    }
    if (c == '#' && !eval_shell_top(reading)->in_word) {
        eval_shell_push(reading, COMMENT, 1);
        return;
    }
    begin_word(reading, !strchr("\\'\"$`", c));
    if (c == '\\')
        escape(reading);
    else if (c == '\'')
        eval_shell_push(reading, SINGLE, 1);
    else if (c == '"')
        eval_shell_push(reading, DOUBLE, 1);
    else if (c == '`')
        open_backticks(reading);
    else if (c == '$')
        open_dollar(reading, true);
    else
        reading->at++;
}

static void step_single(struct shell_reading *reading, char c)
{
    if (c == '\'')
        eval_shell_pop(reading, 1);
    else
        reading->at++;
}

static void step_dollar_single(struct shell_reading *reading, char c)
{
    if (c == '\\' && eval_shell_letter(reading, 1) == '\'')
        eval_shell_doubt(reading, reading->at,
                         "behind a \\' within $'…', which shells read differently");
    if (c == '\\' && eval_shell_letter(reading, 1) == '\\')
        reading->at++;
    step_single(reading, c);
}

/* What the contexts in which variables are replaced have in common. */
static void step_text(struct shell_reading *reading, char c)
{
    if (c == '\\')
        escape(reading);
    else if (c == '`')
        open_backticks(reading);
    else if (c == '$')
        open_dollar(reading,
                    eval_shell_top(reading)->context == BRACES && !eval_shell_top(reading)->quoted);
    else
        reading->at++;
}

static void step_double(struct shell_reading *reading, char c)
{
    if (c == '"')
        eval_shell_pop(reading, 1);
    else
        step_text(reading, c);
}

static void step_braces(struct shell_reading *reading, char c)
{
    bool quote = c == '\'' || c == '"';
    if (c == '}')
        eval_shell_pop(reading, 1);
    else if (quote && eval_shell_top(reading)->quoted)
        eval_shell_doubt(
            reading, reading->at,
            "behind quotes in a ${…} that is itself in double quotes, which shells read "
            "differently; use a variable");
    else if (quote)
        eval_shell_push(reading, c == '"' ? DOUBLE : SINGLE, 1);
    else
        step_text(reading, c);
}

static void step_arithmetic(struct shell_reading *reading, char c)
{
    struct shell_frame *frame = eval_shell_top(reading);
    if (c == ')' && frame->depth == 0) {
        if (eval_shell_letter(reading, 1) == ')') {
            eval_shell_pop(reading, 2);
            return;
        }
        if (frame->first_hole)
            refuse(reading, frame->first_hole - 1, frame->start,
                   "in a \"$((\" that is no arithmetic; write \"$( (\"");
        eval_shell_doubt(reading, frame->start,
                         "behind a \"$((\" that is no arithmetic; write \"$( (\"");
        return;
    }
    frame->depth += c == '(';
    frame->depth -= c == ')';
    if (c == '\'' || c == '"')
        eval_shell_doubt(reading, reading->at,
                         "behind quotes in $((…)), which shells read differently");
    step_text(reading, c);
}

static void step_document(struct shell_reading *reading, char c)
{
    if (c == '\n') {
        reading->at++;
        eval_shell_pass_end(reading);
    } else if (eval_shell_top(reading)->context == LITERAL_DOCUMENT) {
        reading->at++;
    } else {
        step_text(reading, c);
    }
}

static void step_comment(struct shell_reading *reading, char c)
{
    if (c == '\n')
        eval_shell_pop(reading, 0);
    else
        reading->at++;
}

static const struct {
    void (*step)(struct shell_reading *reading, char c);
    enum eval_shell_place place;
    const char *refused; /* words behind "{name} stands " */
} contexts[] = {
    [PROGRAM] = {step_program, EVAL_SHELL_BARE, NULL},
    [PARENTHESES] = {step_program, EVAL_SHELL_BARE, NULL},
    [SUBSTITUTION] = {step_program, EVAL_SHELL_BARE, NULL},
    [BACKTICKS] = {step_program, EVAL_SHELL_BARE, NULL},
    [SINGLE] = {step_single, EVAL_SHELL_BARE,
                "in single quotes, where the shell sees no value; use double quotes or none"},
    [DOLLAR_SINGLE] =
        {step_dollar_single, EVAL_SHELL_BARE,
         "in single quotes, where the shell sees no value; use double quotes or none"},
    [DOUBLE] = {step_double, EVAL_SHELL_QUOTED, NULL},
    [BRACES] = {step_braces, EVAL_SHELL_BARE, NULL},
    [ARITHMETIC] = {step_arithmetic, EVAL_SHELL_NUMBER, NULL},
    [DOCUMENT] = {step_document, EVAL_SHELL_QUOTED, NULL},
    [LITERAL_DOCUMENT] = {step_document, EVAL_SHELL_BARE,
                          "in a here-document with quotes around its end, where the shell sees no "
                          "value; leave those out"},
    [COMMENT] = {step_comment, EVAL_SHELL_BARE, NULL},
};

/* Braces in quotes, documents or arithmetic follow their rules. */
static void take_hole(struct shell_reading *reading)
{
    struct shell_frame *frame = eval_shell_top(reading);
    size_t i = reading->count - 1;
    for (; reading->frames[i].context == BRACES && reading->frames[i].quoted; i--)
        if (!reading->frames[i].any_value)
            refuse(reading, reading->hole, reading->frames[i].start,
                   "in a ${…} that is in double quotes, where it would be a pattern; use a "
                   "variable");
    const char *refused = contexts[frame->context].refused;
    if (refused)
        refuse(reading, reading->hole, frame->start, refused);
    if (frame->context == BRACES && reading->at < frame->value_from)
        refuse(reading, reading->hole, frame->start, "in the name of a variable");
    reading->holes[reading->hole].place = contexts[reading->frames[i].context].place;
    if (reading->frames[i].context == ARITHMETIC && !reading->frames[i].first_hole)
        reading->frames[i].first_hole = reading->hole + 1;
    if (eval_shell_is_program(frame->context))
        begin_word(reading, false);
    reading->hole++;
    reading->at++;
}

/* What is open further down and still looks at each letter: backticks take a backslash and their
 * end whatever quotes are open, a here-document its end in some shells. */
static void watch(struct shell_reading *reading, char c)
{
    const struct shell_frame *tick = backticks(reading), *frame = eval_shell_top(reading);
    char next = eval_shell_letter(reading, 1);
    if (tick && c == '`' && frame != tick)
        eval_shell_doubt(reading, tick->start, "behind ` in something within `…`; use $(…)");
    if (tick && c == '\\' && next && strchr(tick->quoted ? "$`\\\"" : "$`\\", next))
        eval_shell_doubt(reading, tick->start, "behind a backslash within `…`; use $(…)");
    for (size_t i = 0; c == '\n' && i + 1 < reading->count; i++) {
        bool nearly;
        if (reading->frames[i].context == DOCUMENT &&
            eval_shell_ends_document(&reading->frames[i].document, reading->text + reading->at + 1,
                                     &nearly))
            eval_shell_doubt(reading, reading->frames[i].start,
                             "behind a here-document that ends within a \"$(\" or the like");
    }
}

static void read_all(struct shell_reading *reading)
{
    eval_shell_push(reading, PROGRAM, 0);
    while (reading->text[reading->at] && !reading->unsure && !reading->problem->why) {
        if (reading->hole < reading->hole_count &&
            reading->holes[reading->hole].at == reading->at) {
            take_hole(reading);
            continue;
        }
        char c = eval_shell_letter(reading, 0);
        watch(reading, c);
        if (!reading->unsure)
            contexts[eval_shell_top(reading)->context].step(reading, c);
    }
    if (reading->unsure && reading->hole < reading->hole_count)
        refuse(reading, reading->hole, reading->unsure_at, reading->unsure);
    while (eval_shell_top(reading)->context == COMMENT)
        eval_shell_pop(reading, 0);
    if (!reading->unsure && reading->hole_count && reading->count > 1)
        refuse(reading, 0, eval_shell_top(reading)->start,
               "in a program in which something is opened and not closed");
}

bool eval_shell_places(const char *text, struct eval_shell_hole *holes, size_t count,
                       struct eval_shell_problem *problem)
{
    *problem = (struct eval_shell_problem){0};
    struct shell_reading reading = {
        .text = text, .holes = holes, .hole_count = count, .problem = problem};
    read_all(&reading);
    while (reading.count)
        eval_shell_pop(&reading, 0);
    for (size_t i = 0; i < reading.document_count; i++)
        free(reading.documents[i].end);
    free(reading.documents);
    free(reading.frames);
    return !problem->why;
}

void eval_shell_reference(enum eval_shell_place place, const char *variable, struct dh_buffer *out)
{
    static const char *const forms[] = {
        [EVAL_SHELL_BARE] = "\"${%s}\"",
        [EVAL_SHELL_QUOTED] = "${%s}",
        [EVAL_SHELL_NUMBER] = "(${%s})",
    };
    const char *form = forms[place], *name = strchr(form, '%');
    dh_buffer_append(out, form, (size_t)(name - form));
    dh_buffer_text(out, variable);
    dh_buffer_text(out, name + 2);
}
