/* Placeholders: see template.h. */
#include "template.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"

/* What is not a parameter, and the variable that carries it. */
static const struct {
    const char *name, *variable;
} fields[] = {
    {"id", "DH_ID"},         {"seed", "DH_SEED"},     {"retries", "DH_RETRIES"},
    {"slot", "DH_SLOT"},     {"worker", "DH_WORKER"}, {"parameters", "DH_PARAMETERS"},
    {"folder", "DH_FOLDER"},
};

/* The next piece of a template: text as it is, or a placeholder's name. */
struct piece {
    enum { PIECE_TEXT, PIECE_NAME, PIECE_UNCLOSED } kind;
    const char *start;
    size_t size;
};

static bool next_piece(const char **text, struct piece *out)
{
    const char *c = *text;
    if (!*c)
        return false;
    if ((c[0] == '{' && c[1] == '{') || (c[0] == '}' && c[1] == '}')) {
        *out = (struct piece){PIECE_TEXT, c, 1};
        *text = c + 2;
    } else if (c[0] == '{') {
        size_t size = strcspn(c + 1, "{}");
        bool closed = c[1 + size] == '}';
        *out = (struct piece){closed ? PIECE_NAME : PIECE_UNCLOSED, c + 1, size};
        *text = c + 1 + size + closed;
    } else {
        size_t size = c[0] == '}' ? 1 : strcspn(c, "{}");
        *out = (struct piece){PIECE_TEXT, c, size};
        *text = c + size;
    }
    return true;
}

static int find_field(const char *name)
{
    for (size_t i = 0; i < DH_COUNT_OF(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

static dh_status unknown_name(const struct eval_plan *plan, const struct dh_node *node,
                              const char *name, struct dh_error *err)
{
    size_t parameters = dh_space_count(plan->space), count = parameters + DH_COUNT_OF(fields);
    const char **names = dh_alloc(count, sizeof *names);
    for (size_t i = 0; i < parameters; i++)
        names[i] = dh_space_parameter(plan->space, i)->name;
    for (size_t i = 0; i < DH_COUNT_OF(fields); i++)
        names[parameters + i] = fields[i].name;
    int near = dh_text_nearest(name, names, count);
    if (near >= 0)
        dh_node_fail(err, node, "command: unknown placeholder {%s}; did you mean {%s}?", name,
                     names[near]);
    else
        dh_node_fail(err, node,
                     "command: unknown placeholder {%s}: no such parameter (write {{ for a brace)",
                     name);
    free(names);
    return DH_CONFIG;
}

dh_status eval_template_check(const struct eval_plan *plan, const struct dh_node *node,
                              const char *text, struct dh_error *err)
{
    dh_status status = DH_OK;
    struct piece piece;
    while (status == DH_OK && next_piece(&text, &piece)) {
        if (piece.kind == PIECE_TEXT)
            continue;
        char *name = dh_strndup(piece.start, piece.size);
        if (piece.kind == PIECE_UNCLOSED)
            status = dh_node_fail(err, node,
                                  "command: a brace is opened and not closed: \"{%s\" (write {{ "
                                  "for a brace)",
                                  name);
        else if (dh_space_find(plan->space, name) < 0 && find_field(name) < 0)
            status = unknown_name(plan, node, name, err);
        free(name);
    }
    return status;
}

bool eval_template_has_placeholder(const char *text)
{
    struct piece piece;
    while (next_piece(&text, &piece))
        if (piece.kind != PIECE_TEXT)
            return true;
    return false;
}

/* The variable that carries the known placeholder `name`; the caller frees it. */
static char *variable_of(const struct eval_plan *plan, const char *name)
{
    return dh_space_find(plan->space, name) >= 0 ? eval_job_variable_name(name)
                                                 : dh_strdup(fields[find_field(name)].variable);
}

bool eval_template_first(const struct eval_plan *plan, const char *text, char **name,
                         char **variable)
{
    struct piece piece;
    while (next_piece(&text, &piece)) {
        *name = piece.kind == PIECE_NAME ? dh_strndup(piece.start, piece.size) : NULL;
        if (*name && (dh_space_find(plan->space, *name) >= 0 || find_field(*name) >= 0)) {
            *variable = variable_of(plan, *name);
            return true;
        }
        free(*name);
    }
    return false;
}

struct wanted {
    const char *name;
    struct dh_buffer *out;
};

static void put_if_wanted(void *context, const char *name, const char *value)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name) == 0)
        dh_buffer_text(wanted->out, value);
}

static void put_value(const struct eval_job *job, const char *name, struct dh_buffer *out)
{
    int index = dh_space_find(job->plan->space, name);
    if (index >= 0) {
        if (!isnan(job->values[index]))
            dh_parameter_format(dh_space_parameter(job->plan->space, (size_t)index),
                                job->values[index], out);
        return;
    }
    struct wanted wanted = {fields[find_field(name)].variable, out};
    size_t before = out->size;
    eval_job_variables(job, put_if_wanted, &wanted);
    if (out->size == before)
        eval_job_slot_variables(job->plan, job->slot, put_if_wanted, &wanted);
}

char *eval_template_fill(const struct eval_job *job, const char *text)
{
    struct dh_buffer out = {0};
    struct piece piece;
    while (next_piece(&text, &piece)) {
        if (piece.kind == PIECE_TEXT) {
            dh_buffer_append(&out, piece.start, piece.size);
            continue;
        }
        char *name = dh_strndup(piece.start, piece.size);
        put_value(job, name, &out);
        free(name);
    }
    return dh_buffer_take(&out);
}

/* Where in a shell program we are. */
struct quoting {
    bool single, twice, escaped;
};

static void follow(struct quoting *state, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (state->escaped)
            state->escaped = false;
        else if (c == '\\' && !state->single)
            state->escaped = true;
        else if (c == '\'' && !state->twice)
            state->single = !state->single;
        else if (c == '"' && !state->single)
            state->twice = !state->twice;
    }
}

dh_status eval_template_shell(const struct eval_plan *plan, const struct dh_node *node,
                              const char *text, char **out, struct dh_error *err)
{
    struct dh_buffer program = {0};
    struct quoting state = {0};
    struct piece piece;
    while (next_piece(&text, &piece)) {
        if (piece.kind == PIECE_TEXT) {
            follow(&state, piece.start, piece.size);
            dh_buffer_append(&program, piece.start, piece.size);
            continue;
        }
        char *name = dh_strndup(piece.start, piece.size);
        char *variable = variable_of(plan, name);
        bool bad = state.single || state.escaped;
        if (bad)
            dh_node_fail(err, node,
                         "command: {%s} stands in single quotes or behind a backslash, where the "
                         "shell sees no value; use double quotes or none",
                         name);
        dh_buffer_printf(&program, state.twice ? "${%s}" : "\"${%s}\"", variable);
        free(variable);
        free(name);
        if (bad) {
            dh_buffer_free(&program);
            return DH_CONFIG;
        }
    }
    *out = dh_buffer_take(&program);
    return DH_OK;
}
