/* Placeholders: see template.h. */
#include "template.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "shell.h"

#define POSITION_SHOWN 30 /* bytes of the command that a message quotes */

/* What is not a parameter, and the variable that carries it. */
static const struct {
    const char *name, *variable;
    bool whole;    /* a whole number */
    bool constant; /* the same for all evaluations */
} fields[] = {
    {"id", "DH_ID", true, false},           {"seed", "DH_SEED", true, false},
    {"retries", "DH_RETRIES", true, false}, {"slot", "DH_SLOT", true, false},
    {"worker", "DH_WORKER", true, false},   {"parameters", "DH_PARAMETERS", false, false},
    {"folder", "DH_FOLDER", false, true},
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

static bool is_constant(const struct dh_parameter *parameter)
{
    return !parameter->conditional && dh_parameter_levels(parameter) == 1;
}

char *eval_template_constant(const struct eval_plan *plan, const char *text)
{
    const char *rest = text;
    struct piece piece;
    bool constant = true;
    while (constant && next_piece(&rest, &piece)) {
        if (piece.kind == PIECE_TEXT)
            continue;
        char *name = dh_strndup(piece.start, piece.size);
        int index = dh_space_find(plan->space, name);
        constant = index >= 0 ? is_constant(dh_space_parameter(plan->space, (size_t)index))
                              : fields[find_field(name)].constant;
        free(name);
    }
    if (!constant)
        return NULL;
    size_t count = dh_space_count(plan->space);
    double *values = dh_alloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = dh_space_parameter(plan->space, i)->preset; /* only constants are put in */
    char *filled = eval_template_fill(&(struct eval_job){.plan = plan, .values = values}, text);
    free(values);
    return filled;
}

/* A template as a shell sees it: its text with a byte for each placeholder, and where each byte
 * stands in the template. */
struct shell_text {
    struct dh_buffer bytes;
    const char **origins; /* bytes.size, and the end */
    struct eval_shell_hole *holes;
    char **names; /* of the holes */
    size_t count, capacity, origin_count, origin_capacity, name_count, name_capacity;
};

static void add_bytes(struct shell_text *text, const char *bytes, size_t size, const char *origin)
{
    dh_buffer_append(&text->bytes, bytes, size);
    for (size_t i = 0; i < size; i++)
        *DH_PUSH(text->origins, text->origin_count, text->origin_capacity) = origin + i;
}

static struct shell_text shell_text_of(const char *template)
{
    static const char hole[] = {EVAL_SHELL_HOLE};
    struct shell_text text = {0};
    struct piece piece;
    while (next_piece(&template, &piece)) {
        if (piece.kind == PIECE_TEXT) {
            add_bytes(&text, piece.start, piece.size, piece.start);
            continue;
        }
        *DH_PUSH(text.holes, text.count, text.capacity) =
            (struct eval_shell_hole){.at = text.bytes.size};
        *DH_PUSH(text.names, text.name_count, text.name_capacity) =
            dh_strndup(piece.start, piece.size);
        add_bytes(&text, hole, 1, piece.start - 1);
    }
    *DH_PUSH(text.origins, text.origin_count, text.origin_capacity) = template;
    return text;
}

static void free_shell_text(struct shell_text *text)
{
    dh_buffer_free(&text->bytes);
    free(text->origins);
    free(text->holes);
    for (size_t i = 0; i < text->name_count; i++)
        free(text->names[i]);
    free(text->names);
}

/* Is every value of the placeholder a whole number? */
static bool is_whole(const struct eval_plan *plan, const char *name)
{
    int index = dh_space_find(plan->space, name);
    if (index < 0)
        return fields[find_field(name)].whole;
    const struct dh_parameter *parameter = dh_space_parameter(plan->space, (size_t)index);
    bool whole = parameter->type == DH_INTEGER || parameter->choice_count > 0;
    for (size_t i = 0; i < parameter->choice_count; i++) {
        const char *c = parameter->choices[i].text;
        c += *c == '-';
        whole = whole && *c && !c[strspn(c, "0123456789")] && (c[0] != '0' || !c[1]);
    }
    return whole;
}

/* Where that is: "line 2, at \"$(x\"". */
static char *position(const char *text, const char *at)
{
    size_t line = 1;
    for (const char *c = text; c < at; c++)
        line += *c == '\n';
    size_t size = strcspn(at, "\n"), shown = size < POSITION_SHOWN ? size : POSITION_SHOWN;
    while (shown > 0 && shown < size && ((unsigned char)at[shown] & 0xC0) == 0x80)
        shown--; /* no half letter */
    return dh_strprintf("line %zu, at: %.*s%s", line, (int)shown, at, shown < size ? "…" : "");
}

static dh_status check_places(const struct eval_plan *plan, const struct dh_node *node,
                              const char *text, struct shell_text *shell, struct dh_error *err)
{
    struct eval_shell_problem problem;
    bool good = eval_shell_places(shell->bytes.size ? shell->bytes.data : "", shell->holes,
                                  shell->count, &problem);
    for (size_t i = 0; good && i < shell->count; i++)
        if (shell->holes[i].place == EVAL_SHELL_NUMBER && !is_whole(plan, shell->names[i])) {
            good = false;
            problem = (struct eval_shell_problem){
                i, shell->holes[i].at, "in $((…)), which takes whole numbers only (awk, bc)"};
        }
    if (good)
        return DH_OK;
    char *where = position(text, shell->origins[problem.at]);
    dh_node_fail(err, node, "command: {%s} stands %s (%s)", shell->names[problem.hole], problem.why,
                 where);
    free(where);
    return DH_CONFIG;
}

static char *write_program(const struct eval_plan *plan, const struct shell_text *shell)
{
    struct dh_buffer program = {0};
    for (size_t at = 0, hole = 0; at < shell->bytes.size; at++) {
        if (hole == shell->count || shell->holes[hole].at != at) {
            dh_buffer_append(&program, shell->bytes.data + at, 1);
            continue;
        }
        char *variable = variable_of(plan, shell->names[hole]);
        eval_shell_reference(shell->holes[hole++].place, variable, &program);
        free(variable);
    }
    return dh_buffer_take(&program);
}

dh_status eval_template_shell(const struct eval_plan *plan, const struct dh_node *node,
                              const char *text, char **out, struct dh_error *err)
{
    struct shell_text shell = shell_text_of(text);
    dh_status status = check_places(plan, node, text, &shell, err);
    if (status == DH_OK)
        *out = write_program(plan, &shell);
    free_shell_text(&shell);
    return status;
}
