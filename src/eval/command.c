/* The command evaluator: any program, its result on stdout.
 *
 * `command` is a list of words, or one text that is split at blanks ('…', "…" and \ quote; there
 * is no other syntax and no shell). Placeholders are put into the words, so a value is always part
 * of one argument, whatever characters it has. With `shell = true` it is one text for /bin/sh; see
 * template.h for why a value cannot become part of the program there either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decimal.h"
#include "dh_mpi/alloc.h"
#include "program.h"
#include "run.h"
#include "template.h"
#include "threads.h"
#include "value.h"

struct command_options {
    struct eval_options shared;
    const struct dh_node *command;
    bool shell;
};

#define FIELD(name) offsetof(struct command_options, name)
static const struct dh_option options[] = {
    {"command", DH_OPTION_NODE, FIELD(command), true, 0, 0, 0, NULL,
     "the program and its arguments: a list of texts, or one text"},
    {"shell", DH_OPTION_BOOL, FIELD(shell), false, 0, 0, 0, NULL,
     "run the text by /bin/sh instead"},
};
#undef FIELD

struct command {
    char **words; /* templates; with a shell: sh, -c, program */
    size_t count, capacity;
    char *program; /* path; NULL: depends on the evaluation */
    bool shell;
};

static void add_word(struct command *command, char *word)
{
    *DH_PUSH(command->words, command->count, command->capacity) = word;
}

/* One word of `*text`, behind its leading blanks; NULL if a quote is not closed. */
static char *next_word(const char **text)
{
    struct dh_buffer word = {0};
    const char *c = *text;
    for (char quote = '\0'; *c && (quote || !strchr(" \t\n", *c)); c++) {
        if (quote != '\'' && *c == '\\' && c[1])
            dh_buffer_append(&word, ++c, 1);
        else if (*c == quote)
            quote = '\0';
        else if (!quote && (*c == '\'' || *c == '"'))
            quote = *c;
        else
            dh_buffer_append(&word, c, 1);
        if (quote && !c[1]) {
            dh_buffer_free(&word);
            return NULL;
        }
    }
    *text = c;
    return dh_buffer_take(&word);
}

/* Would a shell take that word, which stands there without quotes, for more than a word? */
static bool of_a_shell(const char *word)
{
    static const char *const operators[] = {"|", "||", "&", "&&", ";", "<"};
    for (size_t i = 0; i < DH_COUNT_OF(operators); i++)
        if (strcmp(word, operators[i]) == 0)
            return true;
    return word[strspn(word, "012&")] == '>' || (word[0] == '$' && word[1]) || word[0] == '`';
}

static dh_status split(struct eval_plan *plan, const struct dh_node *node, struct dh_error *err)
{
    struct command *command = plan->prepared;
    for (const char *text = node->text; *(text += strspn(text, " \t\n"));) {
        const char *start = text;
        char *word = next_word(&text);
        if (!word)
            return dh_node_fail(err, node, "command: a quote is not closed: %s", node->text);
        if ((size_t)(text - start) == strlen(word) && of_a_shell(word)) /* without quotes */
            eval_plan_warn(plan, node,
                           "command: %s is an argument of the program, since there is no shell; "
                           "shell = true runs the text by /bin/sh (meant so? then put it in "
                           "quotes)",
                           word);
        add_word(command, word);
    }
    return DH_OK;
}

static dh_status read_words(struct eval_plan *plan, const struct dh_node *node,
                            struct dh_error *err)
{
    struct command *command = plan->prepared;
    if (node->kind == DH_NODE_TEXT)
        return split(plan, node, err);
    if (node->kind != DH_NODE_LIST)
        return dh_node_fail(err, node, "command must be a text or a list of texts, not a %s",
                            dh_node_kind_name(node->kind));
    for (size_t i = 0; i < node->child_count; i++) {
        char *word = eval_node_text(node->children[i]);
        if (!word)
            return dh_node_fail(err, node->children[i], "command: a word must be a text");
        add_word(command, word);
    }
    return DH_OK;
}

static dh_status prepare_shell(struct eval_plan *plan, const struct dh_node *node,
                               struct dh_error *err)
{
    struct command *command = plan->prepared;
    if (node->kind != DH_NODE_TEXT)
        return dh_node_fail(err, node, "command must be one text with shell = true, not a %s",
                            dh_node_kind_name(node->kind));
    char *program;
    dh_status status = eval_template_check(plan, node, node->text, err);
    if (status == DH_OK)
        status = eval_template_shell(plan, node, node->text, &program, err);
    if (status != DH_OK)
        return status;
    command->program = dh_strdup("/bin/sh");
    add_word(command, dh_strdup("sh"));
    add_word(command, dh_strdup("-c"));
    add_word(command, program);
    return DH_OK;
}

static dh_status find_program(const struct eval_plan *plan, struct command *command,
                              const struct dh_node *node, struct dh_error *err)
{
    char *name = plan->probe ? eval_template_constant(plan, command->words[0]) : NULL;
    if (!name)
        return DH_OK;
    command->program = eval_plan_program(plan, name);
    if (!command->program) {
        char *why = eval_plan_no_program(plan, name);
        dh_node_fail(err, node, "command: %s", why);
        free(why);
        free(name);
        return DH_CONFIG;
    }
    free(name);
    char *problem = eval_program_problem(command->program);
    if (problem)
        dh_node_fail(err, node, "command: %s cannot be run: %s", command->program, problem);
    dh_status status = problem ? DH_CONFIG : DH_OK;
    free(problem);
    return status;
}

static dh_status prepare(struct eval_plan *plan, struct dh_error *err)
{
    const struct command_options *own = (const struct command_options *)plan->options;
    struct command *command = plan->prepared = dh_alloc(1, sizeof *command);
    command->shell = own->shell;
    eval_decimal_warn(plan, own->command);
    plan->starts_ranks = own->shell && own->command->kind == DH_NODE_TEXT &&
                         eval_threads_launcher(own->command->text);
    if (own->shell)
        return prepare_shell(plan, own->command, err);
    dh_status status = read_words(plan, own->command, err);
    if (status == DH_OK && (command->count == 0 || !*command->words[0]))
        return dh_node_fail(err, own->command, "command: there is no program");
    plan->starts_ranks = status == DH_OK && eval_threads_launcher(command->words[0]);
    for (size_t i = 0; status == DH_OK && i < command->count; i++)
        status = eval_template_check(plan, own->command, command->words[i], err);
    return status == DH_OK ? find_program(plan, command, own->command, err) : status;
}

static void release(struct eval_plan *plan)
{
    struct command *command = plan->prepared;
    if (!command)
        return;
    for (size_t i = 0; i < command->count; i++)
        free(command->words[i]);
    free(command->words);
    free(command->program);
    free(command);
}

/* In the evaluation's process. Variables of an outer search must not shine through. */
static void run_command(const struct eval_child *child)
{
    const struct command *command = child->job->plan->prepared;
    for (size_t i = 0; i < dh_space_count(child->job->plan->space); i++) {
        char *name = eval_job_variable_name(dh_space_parameter(child->job->plan->space, i)->name);
        unsetenv(name);
        free(name);
    }
    eval_job_variables(child->job, eval_job_set_variable, NULL);
    eval_decimal_apply(child->job->plan);
    char **words = dh_alloc(command->count + 1, sizeof *words);
    for (size_t i = 0; i < command->count; i++)
        words[i] =
            command->shell ? command->words[i] : eval_template_fill(child->job, command->words[i]);
    const char *program =
        command->program ? command->program : eval_plan_program(child->job->plan, words[0]);
    if (!program)
        eval_guard_refuse(child, EVAL_GUARD_REFUSED, "there is no executable \"%s\"", words[0]);
    execv(program, words);
    int problem = errno;
    char *why = eval_program_failure(program, problem);
    if (!command->program || problem == E2BIG) /* that is this evaluation's alone */
        eval_guard_refuse(child, EVAL_GUARD_REFUSED, "cannot run %s: %s", program, why);
    struct dh_error err;
    dh_node_fail(&err, eval_plan_node(child->job->plan, "command"), "evaluator: cannot run %s: %s",
                 program, why);
    eval_guard_refuse(child, EVAL_GUARD_MISSING, "%s", err.text);
}

/* There is no result: what came near to one, and what to do. */
static void fail_without_result(struct eval_run *run, struct dh_outcome *outcome)
{
    static const char *const hints[] = {
        [EVAL_NEAR_NOTHING] = "",
        [EVAL_NEAR_WITHIN] = ": it has to begin its line, and stands behind \"",
        [EVAL_NEAR_NO_COLON] = ": there is DH-OUTPUT without its colon",
        [EVAL_NEAR_UTF16] = ": that is UTF-16, and should be UTF-8 (or ASCII)",
    };
    bool within = run->lines.near == EVAL_NEAR_WITHIN;
    eval_value_fail(outcome, run->host->plan->objective_count, DH_TRIAL_FAILED,
                    "no DH-OUTPUT line on stdout%s%s%s", hints[run->lines.near],
                    within ? run->lines.before : "", within ? "\"" : "");
}

/* The result is the last marked line. */
static void silent(struct eval_run *run, struct dh_outcome *outcome)
{
    const struct eval_plan *plan = run->host->plan;
    if (run->lines.marked_skipped)
        eval_value_fail(outcome, plan->objective_count, DH_TRIAL_FAILED,
                        "a marked line on stdout is longer than %d MiB", EVAL_MARKED_LIMIT >> 20);
    else if (run->has_marked)
        eval_value_text(outcome, plan->objective_count, plan->options->metadata_limit,
                        run->marked.data, run->marked.size);
    else
        fail_without_result(run, outcome);
}

static const struct eval_runner runner = {
    .marked_output = true,
    .parameter_file = true,
    .main = run_command,
    .silent = silent,
};

const struct eval_kind eval_kind_command = {
    .name = "command",
    .options_size = sizeof(struct command_options),
    .options = options,
    .option_count = DH_COUNT_OF(options),
    .process = true,
    .prepare = prepare,
    .release = release,
    .runner = &runner,
};
