/* Values as users give them (in the configuration, in a CSV field, in a point) to canonical ones.
 *
 * A real moves to the nearest canonical decimal, which is nearer than anybody writes; an int or a
 * stepped real has to be on its lattice; nothing moves into the bounds. Errors read "lr = 0.5 is
 * above its upper bound 0.1".
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "parts.h"

#define CHOICES_SHOWN 12

/* The content of `message`, which is freed, as a DH_CONFIG failure. */
static dh_status message_fail(struct dh_error *err, struct dh_buffer *message)
{
    dh_status status = dh_fail(err, DH_CONFIG, "%s", message->data);
    dh_buffer_free(message);
    return status;
}

/* "lr = 0.5 <problem> 0.1" */
static dh_status number_fail(struct dh_error *err, const struct dh_parameter *parameter,
                             double number, const char *problem, double limit)
{
    struct dh_buffer message = {0};
    dh_buffer_printf(&message, "%s = ", parameter->name);
    dh_text_put_number(&message, number);
    dh_buffer_printf(&message, " %s ", problem);
    dh_text_put_number(&message, limit);
    return message_fail(err, &message);
}

static dh_status lattice_fail(struct dh_error *err, const struct dh_parameter *parameter,
                              double number)
{
    if (parameter->type == DH_INTEGER && parameter->step <= 0)
        return number_fail(err, parameter, number, "is no integer; the nearest is",
                           dh_lattice_snap(parameter, number));
    struct dh_buffer message = {0};
    dh_buffer_printf(&message, "%s = ", parameter->name);
    dh_text_put_number(&message, number);
    dh_buffer_text(&message, " is not on its lattice, which starts at ");
    dh_text_put_number(&message, parameter->low);
    dh_buffer_text(&message, " with a step of ");
    dh_text_put_number(&message, parameter->step);
    dh_buffer_text(&message, "; the nearest value is ");
    dh_text_put_number(&message, dh_lattice_snap(parameter, number));
    return message_fail(err, &message);
}

/* Within the bounds, and on the lattice but for the last digits. */
static dh_status admit(const struct dh_parameter *parameter, double number, double *value,
                       struct dh_error *err)
{
    if (!isfinite(number))
        return dh_fail(err, DH_CONFIG, "%s has to be a finite number", parameter->name);
    if (number < parameter->low)
        return number_fail(err, parameter, number, "is below its lower bound", parameter->low);
    if (number > parameter->high)
        return number_fail(err, parameter, number, "is above its upper bound", parameter->high);
    *value = dh_lattice_snap(parameter, number);
    double spacing = dh_lattice_spacing(parameter);
    double tolerance = fmin(1e-2 * spacing, 1e-9 * fmax(fabs(number), spacing));
    if (spacing > 0 && fabs(number - *value) > tolerance)
        return lattice_fail(err, parameter, number);
    return DH_OK;
}

/* "act = 'relo': expected one of 'relu', 'tanh'"; `given` comes as it should be shown. */
static dh_status choice_fail(struct dh_error *err, const struct dh_parameter *parameter,
                             const char *given)
{
    struct dh_buffer message = {0};
    dh_buffer_printf(&message, "%s = %s: expected one of ", parameter->name, given);
    for (size_t i = 0; i < parameter->choice_count && i < CHOICES_SHOWN; i++) {
        const struct dh_choice *choice = &parameter->choices[i];
        bool quoted = choice->kind == DH_CHOICE_TEXT;
        dh_buffer_printf(&message, quoted ? "%s'%s'" : "%s%s", i ? ", " : "", choice->text);
    }
    if (parameter->choice_count > CHOICES_SHOWN)
        dh_buffer_printf(&message, ", … (%zu in all)", parameter->choice_count);
    return message_fail(err, &message);
}

/* The choice that is this number, or this truth value. */
static bool find_number(const struct dh_parameter *parameter, enum dh_choice_kind kind,
                        double number, double *value)
{
    for (size_t i = 0; i < parameter->choice_count; i++)
        if (parameter->choices[i].kind == kind && parameter->choices[i].number == number) {
            *value = (double)i;
            return true;
        }
    return false;
}

static bool find_label(const struct dh_parameter *parameter, const char *label, double *value)
{
    for (size_t i = 0; i < parameter->choice_count; i++)
        if (parameter->choices[i].kind == DH_CHOICE_TEXT &&
            strcmp(parameter->choices[i].text, label) == 0) {
            *value = (double)i;
            return true;
        }
    return false;
}

static dh_status from_number(const struct dh_parameter *parameter, double number, double *value,
                             struct dh_error *err)
{
    if (parameter->choice_count == 0)
        return admit(parameter, number, value, err);
    if (find_number(parameter, DH_CHOICE_NUMBER, number, value))
        return DH_OK;
    struct dh_buffer given = {0};
    dh_text_put_number(&given, number);
    dh_status status = choice_fail(err, parameter, given.data);
    dh_buffer_free(&given);
    return status;
}

static dh_status from_label(const struct dh_parameter *parameter, const char *label, double *value,
                            struct dh_error *err)
{
    if (parameter->choice_count == 0)
        return dh_fail(err, DH_CONFIG, "%s = '%s': expected a number", parameter->name, label);
    if (find_label(parameter, label, value))
        return DH_OK;
    char *given = dh_strprintf("'%s'", label);
    dh_status status = choice_fail(err, parameter, given);
    free(given);
    return status;
}

static dh_status from_truth(const struct dh_parameter *parameter, bool truth, double *value,
                            struct dh_error *err)
{
    const char *given = truth ? "true" : "false";
    if (parameter->choice_count == 0)
        return dh_fail(err, DH_CONFIG, "%s = %s: expected a number", parameter->name, given);
    if (find_number(parameter, DH_CHOICE_TRUTH, truth, value))
        return DH_OK;
    return choice_fail(err, parameter, given);
}

bool dh_value_exact(const struct dh_node *node)
{
    if (node->kind != DH_NODE_INT)
        return true;
    return node->number < 0x1p63 && (int64_t)node->number == node->integer;
}

/* An integer that no value can be, although the double nearest to it may be one. */
static dh_status inexact_fail(const struct dh_parameter *parameter, const struct dh_node *node,
                              struct dh_error *err)
{
    long long given = node->integer;
    if (parameter->choice_count == 0)
        return dh_fail(err, DH_CONFIG, "%s = %lld is beyond 2^53", parameter->name, given);
    char text[32];
    snprintf(text, sizeof text, "%lld", given);
    return choice_fail(err, parameter, text);
}

static dh_status unplaced(const struct dh_parameter *parameter, const struct dh_node *node,
                          double *value, struct dh_error *err)
{
    if (node->kind == DH_NODE_BOOL)
        return from_truth(parameter, node->integer != 0, value, err);
    if (parameter->type != DH_REAL && !dh_value_exact(node))
        return inexact_fail(parameter, node, err);
    if (node->kind == DH_NODE_INT || node->kind == DH_NODE_REAL)
        return from_number(parameter, node->number, value, err);
    if (node->kind == DH_NODE_TEXT && parameter->type == DH_BOOL)
        return dh_fail(err, DH_CONFIG, "%s = \"%s\": expected true or false, without quotes",
                       parameter->name, node->text);
    if (node->kind == DH_NODE_TEXT)
        return from_label(parameter, node->text, value, err);
    return dh_fail(err, DH_CONFIG, "%s: expected a single value, found a %s", parameter->name,
                   dh_node_kind_name(node->kind));
}

dh_status dh_value_from_node(const struct dh_parameter *parameter, const struct dh_node *node,
                             double *value, struct dh_error *err)
{
    struct dh_error why = {0};
    dh_status status = unplaced(parameter, node, value, &why);
    return status == DH_OK ? DH_OK : dh_node_fail(err, node, "%s", why.text);
}

/* A text or truth value: the latter also as pandas writes it, as it writes it in a column with
 * gaps, and as spreadsheets and R do, unless a choice is that very text. */
static dh_status parse_choice(const struct dh_parameter *parameter, const char *text, double *value,
                              struct dh_error *err)
{
    static const struct {
        const char *text;
        bool truth;
    } forms[] = {{"true", true}, {"false", false}, {"True", true}, {"False", false},
                 {"TRUE", true}, {"FALSE", false}, {"1", true},    {"0", false},
                 {"1.0", true},  {"0.0", false}};
    if (find_label(parameter, text, value))
        return DH_OK;
    for (size_t i = 0; i < DH_COUNT_OF(forms); i++)
        if (strcmp(text, forms[i].text) == 0 &&
            find_number(parameter, DH_CHOICE_TRUTH, forms[i].truth, value))
            return DH_OK;
    return from_label(parameter, text, value, err);
}

dh_status dh_parameter_parse(const struct dh_parameter *parameter, const char *text, double *value,
                             struct dh_error *err)
{
    *value = NAN;
    if (*text == '\0')
        return DH_OK;
    double number;
    bool numeric = parameter->choice_count == 0 || parameter->choices[0].kind == DH_CHOICE_NUMBER;
    if (!numeric || !dh_text_number(text, &number))
        return parse_choice(parameter, text, value, err);
    if (isnan(number)) /* how some programs write a missing number */
        return DH_OK;
    return from_number(parameter, number, value, err);
}

dh_status dh_value_check(const struct dh_parameter *parameter, double value, struct dh_error *err)
{
    if (parameter->choice_count > 0) {
        if (value >= 0 && value < (double)parameter->choice_count && value == floor(value))
            return DH_OK;
        return dh_fail(err, DH_CONFIG, "%s has %zu choices, none with the number %g",
                       parameter->name, parameter->choice_count, value);
    }
    double nearest;
    dh_status status = admit(parameter, value, &nearest, err);
    if (status == DH_OK && nearest != value)
        return number_fail(err, parameter, value, "is not canonical; the nearest value is",
                           nearest);
    return status;
}
