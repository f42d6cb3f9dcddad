/* Mending JSON: see mend.h. One pass over the tokens, which it need not understand beyond where
 * each ends and how deep it is. */
#include "mend.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "value.h"

#define OBJECTIVE "\"objective\""
#define DEEPEST 500 /* Python's reader ends at 1000, jansson's at 2048 */

struct mender {
    const char *at;
    struct dh_buffer out;
    size_t depth, members;
    bool result, objective; /* it is the text of a result; `at` is in the objective of one */
};

static void copy(struct mender *mender, size_t length)
{
    dh_buffer_append(&mender->out, mender->at, length);
    mender->at += length;
}

/* The four digits behind a \u at `text`; -1 if there are none. */
static long code_of(const char *text)
{
    char digits[5] = "";
    if (text[0] != '\\' || text[1] != 'u')
        return -1;
    for (size_t i = 0; i < 4; i++)
        if (!isxdigit((unsigned char)(digits[i] = text[2 + i])))
            return -1;
    return strtol(digits, NULL, 16);
}

static void put_escape(struct mender *mender, bool key)
{
    long code = code_of(mender->at);
    bool high = code >= 0xD800 && code <= 0xDBFF, low = code >= 0xDC00 && code <= 0xDFFF;
    long next = high ? code_of(mender->at + 6) : -1;
    if (next >= 0xDC00 && next <= 0xDFFF) {
        copy(mender, 12);
        return;
    }
    if (high || low || (key && code == 0))
        dh_buffer_text(&mender->out, "\\");
    copy(mender, code >= 0 ? 6 : mender->at[1] ? 2 : 1);
}

/* The closing quote of the string whose opening one is at `text`, or the end. */
static const char *string_end(const char *text)
{
    const char *c = text + 1;
    while (*c && *c != '"')
        c += *c == '\\' && c[1] ? 2 : 1;
    return c;
}

/* Keys that differ stay different, or one would take the other's value. */
static void put_key(struct mender *mender, const char *text, size_t size)
{
    while (size > 0) {
        size_t length = dh_text_utf8_length(text, size);
        if (length)
            dh_buffer_append(&mender->out, text, length);
        else
            dh_buffer_printf(&mender->out, "\\\\x%02x", (unsigned char)*text);
        length = length ? length : 1;
        text += length;
        size -= length;
    }
}

static void put_string(struct mender *mender)
{
    const char *end = string_end(mender->at);
    const char *next = *end ? end + 1 : end;
    bool key = next[strspn(next, " \t\r\n")] == ':';
    if (key && mender->depth == 1)
        mender->objective =
            mender->result && strncmp(mender->at, OBJECTIVE, strlen(OBJECTIVE)) == 0;
    copy(mender, 1);
    while (mender->at < end) {
        const char *plain = mender->at;
        while (mender->at < end && *mender->at != '\\' && (unsigned char)*mender->at >= 0x20)
            mender->at++;
        size_t size = (size_t)(mender->at - plain);
        if (key)
            put_key(mender, plain, size);
        else
            eval_value_put_utf8(&mender->out, plain, size);
        if (mender->at < end && *mender->at == '\\')
            put_escape(mender, key);
        else if (mender->at < end)
            dh_buffer_printf(&mender->out, "\\u%04x", *mender->at++);
    }
    copy(mender, (size_t)(next - end));
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

static bool is_exponent(char c)
{
    return c != '\0' && strchr("eEdD", c); /* D: as Fortran writes it */
}

/* A number as programs write it: which parts of it there are. */
struct number {
    size_t sign, before, point, after, exponent; /* lengths, in their order; exponent with letter */
};

static size_t length_of(const struct number *number)
{
    return number->sign + number->before + number->point + number->after + number->exponent;
}

/* The number at the start of `text`, JSON's or Fortran's; false if there is none. */
static bool find_number(const char *text, struct number *number)
{
    const char *c = text;
    *number = (struct number){.sign = *c == '-' || *c == '+'};
    c += number->sign;
    c += number->before = digits(c);
    c += number->point = *c == '.';
    c += number->after = number->point ? digits(c) : 0;
    if (number->before + number->after == 0 || (number->before > 1 && text[number->sign] == '0'))
        return false;
    if (is_exponent(*c)) {
        size_t letters = c[1] == '+' || c[1] == '-' ? 2 : 1, length = digits(c + letters);
        if (length == 0)
            return false;
        number->exponent = letters + length;
    }
    return true;
}

/* The number at `text` as JSON has it; the caller frees it. */
static char *json_number(const char *text, const struct number *number)
{
    struct dh_buffer out = {0};
    dh_buffer_append(&out, text, *text == '-');
    text += number->sign;
    dh_buffer_text(&out, number->before ? "" : "0");
    dh_buffer_append(&out, text, number->before + number->point + number->after);
    dh_buffer_text(&out, number->point && !number->after ? "0" : "");
    text += number->before + number->point + number->after;
    if (number->exponent) {
        dh_buffer_text(&out, strchr("dD", *text) ? "e" : (char[]){*text, '\0'});
        dh_buffer_append(&out, text + 1, number->exponent - 1);
    }
    return dh_buffer_take(&out);
}

/* What follows other characters than these is no number of its own: 1+2, 1.5-101. */
static bool stands_alone(const struct mender *mender)
{
    size_t size = mender->out.size;
    return size == 0 || strchr("[{:, \t\r\n", mender->out.data[size - 1]);
}

static void put_number(struct mender *mender)
{
    struct number parts;
    if (!stands_alone(mender) || !find_number(mender->at, &parts)) {
        copy(mender, 1);
        return;
    }
    char *number = json_number(mender->at, &parts);
    mender->at += length_of(&parts);
    bool finite = isfinite(strtod(number, NULL)); /* the program never leaves the C locale */
    errno = 0;
    if (!parts.point && !parts.exponent)
        strtoll(number, NULL, 10);
    if (finite && errno != ERANGE)
        dh_buffer_text(&mender->out, number);
    else if (!mender->objective)
        dh_buffer_printf(&mender->out, "\"%s\"", number);
    else if (finite)
        dh_buffer_printf(&mender->out, "%s.0", number); /* for jansson, no integer */
    else
        dh_buffer_text(&mender->out, *number == '-' ? "\"-inf\"" : "\"inf\"");
    free(number);
}

/* Pass over what opens here, to its end. */
static void skip(struct mender *mender)
{
    size_t open = 0;
    for (; *mender->at; mender->at++) {
        if (*mender->at == '"' && !*(mender->at = string_end(mender->at)))
            return;
        if (*mender->at == '[' || *mender->at == '{')
            open++;
        else if ((*mender->at == ']' || *mender->at == '}') && --open == 0)
            break;
    }
    if (!*mender->at)
        return;
    mender->at++;
    dh_buffer_printf(&mender->out, "\"dropped: nested deeper than %d levels\"", DEEPEST);
}

static void put_other(struct mender *mender)
{
    char c = *mender->at;
    bool opens = c == '[' || c == '{', closes = c == ']' || c == '}';
    if (opens && mender->depth == DEEPEST) {
        skip(mender);
        return;
    }
    mender->depth += opens;
    mender->depth -= closes && mender->depth > 0;
    mender->members += c == ':' && mender->depth == 1;
    copy(mender, 1);
}

/* Length of what Python, C or awk writes for a number that is none or not finite; 0 if there is
 * nothing like that. */
static size_t non_finite(const char *text)
{
    static const char *const words[] = {"infinity", "inf", "nan"};
    size_t sign = *text == '-' || *text == '+';
    for (size_t i = 0; i < DH_COUNT_OF(words); i++) {
        size_t length = sign + strlen(words[i]);
        if (strncasecmp(text + sign, words[i], length - sign) == 0 &&
            !isalnum((unsigned char)text[length]))
            return length;
    }
    return 0;
}

static void put_non_finite(struct mender *mender, size_t length)
{
    bool negative = *mender->at == '-';
    char first = (char)tolower((unsigned char)mender->at[strspn(mender->at, "+-")]);
    if (mender->objective && first == 'i')
        dh_buffer_text(&mender->out, negative ? "\"-inf\"" : "\"inf\"");
    else
        dh_buffer_text(&mender->out, "null");
    mender->at += length;
}

char *eval_mend_json(const char *text, bool result, size_t *members)
{
    struct mender mender = {.at = text, .result = result, .objective = result};
    while (*mender.at) {
        size_t word = non_finite(mender.at);
        if (word) {
            put_non_finite(&mender, word);
        } else if (*mender.at == '"') {
            put_string(&mender);
        } else if (strchr("+-.0123456789", *mender.at)) {
            put_number(&mender);
        } else {
            put_other(&mender);
        }
    }
    *members = mender.members;
    return dh_buffer_take(&mender.out);
}
