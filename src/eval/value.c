/* Results of evaluations: see value.h. Whatever a program may print has to end in an outcome, so
 * nothing here returns an error. */
#include "value.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "mend.h"
#include "metadata.h"

#define SHOWN 80 /* bytes of a bad value that a reason quotes */
#define MOST_VALUES 64
#define REASON_LIMIT 4096 /* bytes; what follows is left out */

static void clear_objectives(struct dh_outcome *outcome, size_t objective_count)
{
    if (!outcome->objectives)
        outcome->objectives = dh_alloc(objective_count, sizeof *outcome->objectives);
    for (size_t i = 0; i < objective_count; i++)
        outcome->objectives[i] = NAN;
}

void eval_value_fail(struct dh_outcome *outcome, size_t objective_count,
                     enum dh_trial_status status, const char *format, ...)
{
    char *reason = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&reason, format, args);
    va_end(args);
    struct dh_buffer clean = {0};
    eval_value_put_utf8(&clean, length > 0 ? reason : "failed",
                        length <= 0             ? strlen("failed")
                        : length > REASON_LIMIT ? REASON_LIMIT
                                                : (size_t)length);
    if (length > REASON_LIMIT)
        dh_buffer_text(&clean, "…");
    if (length >= 0)
        free(reason);
    free(outcome->reason);
    outcome->reason = dh_buffer_take(&clean);
    outcome->status = status;
    clear_objectives(outcome, objective_count);
}

void eval_value_numbers(struct dh_outcome *outcome, size_t objective_count, const double *values)
{
    clear_objectives(outcome, objective_count);
    for (size_t i = 0; i < objective_count; i++)
        if (!isfinite(values[i])) {
            const char *shown = isnan(values[i]) ? "nan" : values[i] > 0 ? "inf" : "-inf";
            if (objective_count == 1)
                eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED, "objective is %s",
                                shown);
            else
                eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED, "objective %zu is %s", i,
                                shown);
            return;
        }
    outcome->status = DH_TRIAL_SUCCEEDED;
    memcpy(outcome->objectives, values, objective_count * sizeof *values);
}

/* `count` values came, the first MOST_VALUES of them in `values`. */
static void take_values(struct dh_outcome *outcome, size_t objective_count, const double *values,
                        size_t count)
{
    if (count != objective_count || count > MOST_VALUES)
        eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED,
                        "%zu value%s for %zu objective%s", count, count == 1 ? "" : "s",
                        objective_count, objective_count == 1 ? "" : "s");
    else
        eval_value_numbers(outcome, objective_count, values);
}

/* A number, also with Fortran's letter for the exponent of a double: 1.0D-3. Changes `word`. */
static bool read_number(char *word, double *value)
{
    if (dh_text_number(word, value))
        return true;
    char *letter = strpbrk(word, "dD");
    if (!letter || letter == word || strpbrk(word, "xX") ||
        !(isdigit((unsigned char)letter[-1]) || letter[-1] == '.'))
        return false;
    *letter = 'e';
    return dh_text_number(word, value);
}

bool eval_value_list(const char *text, double *values, size_t most, size_t *count)
{
    static const char separators[] = " \t\r,";
    for (*count = 0; *(text += strspn(text, separators)); ++*count) {
        char word[64];
        size_t length = strcspn(text, separators);
        if (length >= sizeof word)
            return false;
        memcpy(word, text, length);
        word[length] = '\0';
        double value;
        if (!read_number(word, &value))
            return false;
        if (*count < most)
            values[*count] = value;
        text += length;
    }
    return *count > 0;
}

/* Are these twice as many values as objectives because each has a decimal comma: "0,5 1,25"? */
static bool has_decimal_commas(const char *text, size_t count, size_t objective_count)
{
    size_t commas = 0;
    for (const char *c = text; (c = strchr(c, ',')); c++, commas++)
        if (c == text || !isdigit((unsigned char)c[-1]) || !isdigit((unsigned char)c[1]))
            return false;
    return commas == objective_count && count == 2 * commas;
}

static void parse_text(struct dh_outcome *outcome, size_t objective_count, double metadata_limit,
                       const char *text)
{
    double values[MOST_VALUES];
    size_t count;
    if (strchr("{[\"", *text) && *text) {
        char *problem = NULL;
        json_t *json = eval_value_parse(text, true, &problem);
        if (json)
            eval_value_json(outcome, objective_count, metadata_limit, "DH-OUTPUT", json);
        else
            eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED,
                            "DH-OUTPUT is not valid JSON: %s", problem);
        json_decref(json);
        free(problem);
    } else if (strncmp(text, "F_", 2) == 0) {
        eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED, "%.200s", text);
    } else if (eval_value_list(text, values, MOST_VALUES, &count)) {
        if (has_decimal_commas(text, count, objective_count))
            eval_value_fail(
                outcome, objective_count, DH_TRIAL_FAILED,
                "%zu values for %zu objective%s: \"%.*s\" (decimal commas? numbers have a "
                "point)",
                count, objective_count, objective_count == 1 ? "" : "s", SHOWN, text);
        else
            take_values(outcome, objective_count, values, count);
    } else {
        eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED,
                        "DH-OUTPUT is not a number: \"%.*s\"", SHOWN, text);
    }
}

void eval_value_text(struct dh_outcome *outcome, size_t objective_count, double metadata_limit,
                     const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    char *copy = dh_strndup(text, size);
    parse_text(outcome, objective_count, metadata_limit, copy);
    free(copy);
}

/* One value of a result. False if it ends the matter: the outcome has failed. */
static bool read_value(struct dh_outcome *outcome, size_t objective_count, const char *what,
                       const json_t *value, double *number)
{
    if (json_is_number(value)) {
        *number = json_number_value(value);
        return true;
    }
    if (json_is_null(value)) {
        *number = NAN; /* what NaN became */
        return true;
    }
    const char *text = json_string_value(value);
    if (text && strncmp(text, "F_", 2) == 0) {
        struct dh_buffer reason = {0};
        size_t length = json_string_length(value); /* NUL may be within */
        eval_value_put_utf8(&reason, text, length < 200 ? length : 200);
        eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED, "%s", reason.data);
        dh_buffer_free(&reason);
        return false;
    }
    if (text && !strpbrk(text, "0123456789") && dh_text_number(text, number))
        return true; /* "nan", "inf": how JSON can say it */
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED,
                    "%s: the objective is not a number: %.*s", what, SHOWN, dump ? dump : "?");
    free(dump);
    return false;
}

/* Everything of the object but the objective, with the members of "metadata" one level up. */
static void collect_metadata(struct dh_outcome *outcome, double limit, const json_t *object)
{
    json_t *all = json_object();
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        if (strcmp(key, "metadata") == 0 && json_is_object(member))
            json_object_update(all, member);
        else if (strcmp(key, "objective") != 0)
            json_object_set(all, key, member);
    }
    free(outcome->metadata);
    outcome->metadata = eval_metadata_text(all, limit);
    json_decref(all);
}

char *eval_value_metadata(const char *text, double limit)
{
    char *problem = NULL;
    json_t *metadata = eval_value_parse(text, false, &problem);
    char *kept = eval_metadata_text(metadata, limit);
    json_decref(metadata);
    free(problem);
    return kept;
}

void eval_value_trust(struct dh_outcome *outcome, size_t objective_count, double metadata_limit)
{
    char *reason = outcome->reason;
    outcome->reason = NULL;
    if (outcome->status == DH_TRIAL_SUCCEEDED) {
        double *values = dh_memdup(outcome->objectives, objective_count * sizeof *values);
        eval_value_numbers(outcome, objective_count, values);
        free(values);
    } else {
        eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED, "%s", reason ? reason : "");
    }
    free(reason);
    char *metadata = outcome->metadata;
    outcome->metadata = metadata ? eval_value_metadata(metadata, metadata_limit) : NULL;
    free(metadata);
    free(outcome->stderr_tail); /* the launcher has its own */
    free(outcome->reports);
    outcome->stderr_tail = outcome->reports = NULL;
}

void eval_value_json(struct dh_outcome *outcome, size_t objective_count, double metadata_limit,
                     const char *what, const json_t *value)
{
    if (json_is_object(value)) {
        collect_metadata(outcome, metadata_limit, value);
        const json_t *objective = json_object_get(value, "objective");
        if (!objective) {
            eval_value_fail(outcome, objective_count, DH_TRIAL_FAILED, "%s has no \"objective\"",
                            what);
            return;
        }
        value = objective;
    }
    double values[MOST_VALUES];
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count && i < MOST_VALUES; i++) {
        const json_t *entry = json_is_array(value) ? json_array_get(value, i) : value;
        if (!read_value(outcome, objective_count, what, entry, &values[i]))
            return;
    }
    take_values(outcome, objective_count, values, count);
}

json_t *eval_value_parse(const char *text, bool result, char **problem)
{
    size_t members;
    char *mended = eval_mend_json(text, result, &members);
    json_error_t error;
    json_t *value = json_loads(mended, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    free(mended);
    if (!value) {
        *problem = dh_strdup(error.text);
    } else if (json_is_object(value) && json_object_size(value) != members) {
        *problem = dh_strdup("duplicate object key");
        json_decref(value);
        value = NULL;
    }
    return value;
}

char *eval_value_exit_reason(int status)
{
    if (WIFSIGNALED(status)) {
        const char *name = sigdescr_np(WTERMSIG(status));
        return dh_strprintf("signal %d (%s)", WTERMSIG(status), name ? name : "?");
    }
    return WEXITSTATUS(status) ? dh_strprintf("exit code %d", WEXITSTATUS(status)) : NULL;
}

void eval_value_put_utf8(struct dh_buffer *out, const char *text, size_t size)
{
    while (size > 0) {
        size_t length = dh_text_utf8_length(text, size);
        dh_buffer_append(out, length ? text : "\xEF\xBF\xBD", length ? length : 3);
        length = length ? length : 1;
        text += length;
        size -= length;
    }
}
