/* Texts with placeholders: "--lr={lr}" with the values of an evaluation put in.
 *
 * {name} is a parameter's value, {id} {seed} {slot} {worker} {retries} that of the evaluation,
 * {parameters} the path of its JSON file, {folder} the folder of the configuration; a parameter
 * with one of these names wins. {{ and }} are braces. An inactive parameter gives nothing.
 */
#ifndef DH_EVAL_TEMPLATE_H
#define DH_EVAL_TEMPLATE_H

#include "job.h"

/* Is every placeholder of `text` known? Otherwise DH_CONFIG at `node`, with the nearest name. */
dh_status eval_template_check(const struct eval_plan *plan, const struct dh_node *node,
                              const char *text, struct dh_error *err);
/* The checked text with its placeholders replaced; the caller frees it. */
char *eval_template_fill(const struct eval_job *job, const char *text);
/* The checked text as a shell program in which every placeholder is a reference to the variable
 * of the environment that carries the value, quoted as its place needs it (shell.h): the shell
 * never parses a value, and never splits one. The caller frees `*out`. DH_CONFIG with the position
 * if one stands where the shell would not see a reference (single quotes), or where it cannot be
 * known what it sees. */
dh_status eval_template_shell(const struct eval_plan *plan, const struct dh_node *node,
                              const char *text, char **out, struct dh_error *err);
/* The checked text as every evaluation has it: its placeholders, if any, are {folder} and
 * parameters that have one value. NULL: it depends on the evaluation. The caller frees it. */
char *eval_template_constant(const struct eval_plan *plan, const char *text);

/* The first placeholder in it that is a known one, and the variable that carries its value, both
 * freed by the caller; false: there is none. */
bool eval_template_first(const struct eval_plan *plan, const char *text, char **name,
                         char **variable);

#endif
