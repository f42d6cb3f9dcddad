/* Values and points as texts: for people, as JSON, and as configuration. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/history.h"
#include "dh_mpi/text.h"
#include "parts.h"

/* A whole number never with an exponent, since that makes it a float where it is read. */
static void put_whole(double value, struct dh_buffer *out)
{
    if (value == floor(value) && fabs(value) < 0x1p63)
        dh_buffer_printf(out, "%.0f", value);
    else
        dh_text_put_number(out, value);
}

/* 1.0 stays 1.0: a share of all, say, where 1 would be one of them. */
static void put_choice_number(const struct dh_choice *choice, struct dh_buffer *out)
{
    if (choice->real)
        dh_text_put_real(out, choice->number);
    else
        put_whole(choice->number, out);
}

void dh_parameter_format(const struct dh_parameter *parameter, double value, struct dh_buffer *out)
{
    if (isnan(value))
        return;
    const struct dh_choice *choice =
        parameter->choice_count > 0 ? &parameter->choices[(size_t)value] : NULL;
    if (choice && choice->kind == DH_CHOICE_NUMBER)
        put_choice_number(choice, out);
    else if (choice)
        dh_buffer_text(out, choice->text);
    else if (parameter->type == DH_INTEGER)
        put_whole(value, out);
    else
        dh_text_put_number(out, value);
}

/* Numbers and truth values stand without quotes. */
static bool quoted(const struct dh_parameter *parameter, double value)
{
    return parameter->choice_count > 0 && parameter->choices[(size_t)value].kind == DH_CHOICE_TEXT;
}

/* 0.001, 1.0 of a real, 64, "relu", true: so that readers know a real from an integer */
static void put_json(const struct dh_parameter *parameter, double value, struct dh_buffer *out)
{
    if (quoted(parameter, value))
        dh_text_put_json(out, parameter->choices[(size_t)value].text);
    else if (parameter->type == DH_REAL)
        dh_text_put_real(out, value);
    else
        dh_parameter_format(parameter, value, out);
}

void dh_space_format_json(const struct dh_space *space, const double *point, struct dh_buffer *out)
{
    const char *separator = "";
    dh_buffer_text(out, "{");
    for (size_t i = 0; i < space->count; i++) {
        if (isnan(point[i]))
            continue;
        dh_buffer_text(out, separator);
        dh_text_put_json(out, space->parameters[i].name);
        dh_buffer_text(out, ": ");
        put_json(&space->parameters[i], point[i], out);
        separator = ", ";
    }
    dh_buffer_text(out, "}");
}

static void put_config_text(struct dh_buffer *out, const char *text)
{
    dh_buffer_text(out, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            dh_buffer_printf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            dh_buffer_printf(out, "\\x%02x", (unsigned)*c);
        else
            dh_buffer_append(out, c, 1);
    }
    dh_buffer_text(out, "\"");
}

/* libconfig wants an L behind integers of more than 32 bits. */
static void put_config_number(struct dh_buffer *out, const char *text)
{
    double number;
    dh_buffer_text(out, text);
    bool integer = text[strspn(text, "-0123456789")] == '\0';
    if (integer && dh_text_number(text, &number) && fabs(number) > INT32_MAX)
        dh_buffer_text(out, "L");
}

static void put_config_value(const struct dh_parameter *parameter, double value,
                             struct dh_buffer *out)
{
    struct dh_buffer text = {0};
    dh_parameter_format(parameter, value, &text);
    if (quoted(parameter, value))
        put_config_text(out, text.data ? text.data : "");
    else
        put_config_number(out, text.data);
    dh_buffer_free(&text);
}

/* Does libconfig take it as the name of a setting? */
static bool is_key(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t more = 0;
    while (name[more] && (strchr(letters, name[more]) || strchr("0123456789-_", name[more])))
        more++;
    return *name && strchr(letters, *name) && name[more] == '\0';
}

void dh_space_format_config(const struct dh_space *space, const double *point,
                            struct dh_buffer *out)
{
    bool keys = true, first = true;
    for (size_t i = 0; i < space->count; i++)
        keys = keys && (isnan(point[i]) || is_key(space->parameters[i].name));
    dh_buffer_text(out, keys ? "{ " : "( ");
    for (size_t i = 0; i < space->count; i++) {
        const struct dh_parameter *parameter = &space->parameters[i];
        if (isnan(point[i]))
            continue;
        dh_buffer_printf(out, keys ? "%s%s = " : "%s(\"%s\", ",
                         first  ? ""
                         : keys ? " "
                                : ", ",
                         parameter->name);
        put_config_value(parameter, point[i], out);
        dh_buffer_text(out, keys ? ";" : ")");
        first = false;
    }
    dh_buffer_text(out, keys ? " }" : " )");
}

void dh_outcome_put_json_run(const struct dh_outcome *outcome, struct dh_buffer *out)
{
    const struct {
        const char *key;
        bool known;
        double value;
    } members[] = {{"started", true, outcome->started}, /* NaN is null, too */
                   {"ended", true, outcome->ended},
                   {"cpu_seconds", true, outcome->cpu_seconds},
                   {"peak_bytes", outcome->peak_bytes > 0, (double)outcome->peak_bytes},
                   {"worker", outcome->worker >= 0, outcome->worker},
                   {"slot", outcome->slot >= 0, outcome->slot},
                   {"retries", true, outcome->retries}};
    for (size_t i = 0; i < DH_COUNT_OF(members); i++)
        dh_text_put_json_number_member(out, members[i].key,
                                       members[i].known ? members[i].value : (double)NAN);
}
