/* Integers that need more than 32 bits.
 *
 * libconfig 1.5 reads `seed = 4294967296` as 0 and `4294967296L` as what it says. A search with
 * the wrong seed or budget is worse than an error, so before libconfig sees a text this scanner
 * adds the L. It knows just enough of the syntax to tell integers from names, reals, strings and
 * comments; a text with a syntax error passes through, and libconfig then reports it. The same
 * knowledge finds an @include in a text that may not have one.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* The end of the string or comment that starts at `c`, or `c` if none does. */
static const char *skip_quoted(const char *c)
{
    if (*c == '"') {
        for (c++; *c && *c != '"'; c++)
            if (*c == '\\' && c[1])
                c++;
        return *c ? c + 1 : c;
    }
    if (*c == '#' || (*c == '/' && c[1] == '/'))
        return c + strcspn(c, "\n");
    if (*c == '/' && c[1] == '*') {
        const char *end = strstr(c + 2, "*/");
        return end ? end + 2 : c + strlen(c);
    }
    return c;
}

static const char *skip_name(const char *c)
{
    if (!isalpha((unsigned char)*c) && *c != '*' && *c != '_')
        return c;
    while (isalnum((unsigned char)*c) || (*c && strchr("-_*", *c)))
        c++;
    return c;
}

enum literal { NOT_A_NUMBER, REAL_OR_LONG, NARROW, WIDE, TOO_WIDE };

/* What starts at `c`, and where it ends. */
static enum literal scan_number(const char *c, const char **end)
{
    const char *digits = c + (*c == '+' || *c == '-');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    if (!isdigit((unsigned char)*digits) && *digits != '.')
        return NOT_A_NUMBER;
    char *stop;
    errno = 0;
    long long value = strtoll(c, &stop, hex ? 16 : 10);
    bool overflow = errno == ERANGE;
    if (stop == c || (!hex && strchr(".eE", *stop) && *stop)) {
        *end = c + strspn(c, "0123456789.eE+-");
        return REAL_OR_LONG;
    }
    *end = stop + strspn(stop, "L");
    if (overflow)
        return TOO_WIDE;
    if (*stop == 'L')
        return REAL_OR_LONG;
    return value < INT32_MIN || value > INT32_MAX ? WIDE : NARROW;
}

static int count_lines(const char *from, const char *to)
{
    int lines = 0;
    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

dh_status dh_literals_widen(const char *file, const char *text, struct dh_buffer *out,
                            int *first_line, struct dh_error *err)
{
    *first_line = 0;
    for (const char *c = text, *end; *c; c = end) {
        end = skip_quoted(c);
        if (end == c)
            end = skip_name(c);
        enum literal literal = end == c ? scan_number(c, &end) : NOT_A_NUMBER;
        if (end == c)
            end = c + 1;
        dh_buffer_append(out, c, (size_t)(end - c));
        if (literal == TOO_WIDE)
            return dh_fail(err, DH_CONFIG, "%s:%d: the integer %.*s does not fit 64 bits", file,
                           1 + count_lines(text, c), (int)(end - c < 40 ? end - c : 40), c);
        if (literal != WIDE)
            continue;
        dh_buffer_text(out, "L");
        if (!*first_line)
            *first_line = 1 + count_lines(text, c);
    }
    return DH_OK;
}

int dh_literals_include(const char *text)
{
    for (const char *c = text, *end; *c; c = end) {
        if (*c == '@')
            return 1 + count_lines(text, c);
        end = skip_quoted(c);
        if (end == c)
            end = c + 1;
    }
    return 0;
}
