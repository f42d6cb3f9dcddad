/* Durations, sizes, numbers, JSON strings, near misses: see text.h. */
#include "dh_mpi/text.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

bool dh_text_number(const char *text, double *value)
{
    if (*text == '\0' || isspace((unsigned char)*text))
        return false;
    char *end;
    *value = strtod(text, &end); /* the program never leaves the C locale */
    return *end == '\0';
}

struct unit {
    const char *name;
    double factor;
};

/* A number that is not negative followed by one of the units. */
static bool scaled(const char *text, const struct unit *units, size_t count, double *value)
{
    char *end;
    if (!isdigit((unsigned char)*text) && *text != '.')
        return false;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(end, units[i].name) == 0) {
            *value = number * units[i].factor;
            return true;
        }
    return false;
}

/* [days-]hours:minutes:seconds, or minutes:seconds. */
static bool clock_notation(const char *text, double *seconds)
{
    unsigned days = 0, fields[3] = {0};
    int used = 0;
    if (!isdigit((unsigned char)*text))
        return false; /* sscanf would take a sign or a space */
    if (sscanf(text, "%4u-%n", &days, &used) < 1 || used == 0) {
        days = 0;
        used = 0;
    }
    const char *rest = text + used;
    int count = 0;
    for (int length; count < 3 && isdigit((unsigned char)*rest); count++) {
        if (sscanf(rest, "%6u%n", &fields[count], &length) < 1)
            return false;
        rest += length;
        if (*rest != ':')
            break;
        rest++;
    }
    count++;
    if (count < 2 || count > 3 || (used && count != 3) || *rest != '\0' || rest[-1] == ':')
        return false;
    for (int i = 0; i < count; i++)
        if (i > 0 && fields[i] > 59)
            return false;
    double total = 0;
    for (int i = 0; i < count; i++)
        total = total * 60 + fields[i];
    *seconds = total + 86400.0 * days;
    return true;
}

bool dh_text_duration(const char *text, double *seconds)
{
    static const struct unit units[] = {{"", 1},     {"s", 1},     {"m", 60},   {"min", 60},
                                        {"h", 3600}, {"d", 86400}, {"ms", 1e-3}};
    return scaled(text, units, DH_COUNT_OF(units), seconds) || clock_notation(text, seconds);
}

bool dh_text_bytes(const char *text, double *bytes)
{
    static const struct unit units[] = {
        {"", 1},         {"B", 1},       {"K", 0x1p10},   {"KB", 0x1p10},  {"KiB", 0x1p10},
        {"M", 0x1p20},   {"MB", 0x1p20}, {"MiB", 0x1p20}, {"G", 0x1p30},   {"GB", 0x1p30},
        {"GiB", 0x1p30}, {"T", 0x1p40},  {"TB", 0x1p40},  {"TiB", 0x1p40},
    };
    return scaled(text, units, DH_COUNT_OF(units), bytes);
}

void dh_text_put_duration(struct dh_buffer *out, double seconds)
{
    if (!isfinite(seconds) || seconds >= 1e15) {
        dh_buffer_text(out, "?");
        return;
    }
    uint64_t total = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;
    unsigned s = (unsigned)(total % 60), m = (unsigned)(total / 60 % 60);
    unsigned h = (unsigned)(total / 3600 % 24);
    uint64_t d = total / 86400;
    if (d)
        dh_buffer_printf(out, "%llu-%02u:%02u:%02u", (unsigned long long)d, h, m, s);
    else if (h)
        dh_buffer_printf(out, "%u:%02u:%02u", h, m, s);
    else
        dh_buffer_printf(out, "%u:%02u", m, s);
}

void dh_text_put_number(struct dh_buffer *out, double value)
{
    if (!isfinite(value)) {
        dh_buffer_text(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    dh_buffer_text(out, text);
}

void dh_text_put_real(struct dh_buffer *out, double value)
{
    size_t before = out->size;
    dh_text_put_number(out, value);
    if (isfinite(value) && strcspn(out->data + before, ".e") == out->size - before)
        dh_buffer_text(out, ".0");
}

void dh_text_put_json_number(struct dh_buffer *out, double value)
{
    if (isfinite(value))
        dh_text_put_number(out, value);
    else
        dh_buffer_text(out, "null");
}

size_t dh_text_utf8_length(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    static const struct {
        unsigned char mask, lead;
        size_t length;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 1},
                 {0xE0, 0xC0, 2, 0x80},
                 {0xF0, 0xE0, 3, 0x800},
                 {0xF8, 0xF0, 4, 0x10000}};
    for (size_t f = 0; f < DH_COUNT_OF(forms); f++) {
        if ((bytes[0] & forms[f].mask) != forms[f].lead)
            continue;
        uint32_t code = bytes[0] & (unsigned char)~forms[f].mask;
        for (size_t i = 1; i < forms[f].length; i++) {
            if (i >= size || (bytes[i] & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (bytes[i] & 0x3F);
        }
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        return code < forms[f].least || code > 0x10FFFF || surrogate ? 0 : forms[f].length;
    }
    return 0;
}

bool dh_text_is_utf8(const char *text)
{
    size_t size = strlen(text), length = 1;
    for (; size > 0 && length > 0; text += length, size -= length)
        length = dh_text_utf8_length(text, size);
    return length > 0;
}

void dh_text_put_json(struct dh_buffer *out, const char *text)
{
    if (!text) {
        dh_buffer_text(out, "null");
        return;
    }
    dh_buffer_text(out, "\"");
    for (const char *c = text, *end = text + strlen(text); c < end;) {
        size_t length = dh_text_utf8_length(c, (size_t)(end - c));
        if (length == 0)
            dh_buffer_text(out, "\\ufffd");
        else if (*c == '"' || *c == '\\')
            dh_buffer_printf(out, "\\%c", *c);
        else if (*c == '\n')
            dh_buffer_text(out, "\\n");
        else if ((unsigned char)*c < 0x20)
            dh_buffer_printf(out, "\\u%04x", *c);
        else
            dh_buffer_append(out, c, length);
        c += length ? length : 1;
    }
    dh_buffer_text(out, "\"");
}

void dh_text_put_json_text_member(struct dh_buffer *out, const char *key, const char *text)
{
    dh_buffer_printf(out, ", \"%s\": ", key);
    dh_text_put_json(out, text);
}

void dh_text_put_json_number_member(struct dh_buffer *out, const char *key, double value)
{
    dh_buffer_printf(out, ", \"%s\": ", key);
    dh_text_put_json_number(out, value);
}

#define LONGEST_WORD 64

/* Optimal string alignment distance (Damerau–Levenshtein without repeated edits). */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *recycled = before;
        before = last;
        last = row;
        row = recycled;
    }
    return last[m];
}

int dh_text_nearest(const char *word, const char *const *names, size_t count)
{
    size_t length = strlen(word), best = length / 3 + 1;
    int nearest = -1;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(names[i]);
        if (length > LONGEST_WORD || other > LONGEST_WORD)
            continue;
        size_t d = distance(word, length, names[i], other);
        if (d < length && (d < best || (d == best && nearest < 0))) {
            best = d;
            nearest = (int)i;
        }
    }
    return nearest;
}

void dh_text_put_plain(struct dh_buffer *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; c && *c; c++) {
        if (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) /* the control characters above ASCII */
            c++;
        else if ((*c >= ' ' && *c != 127) || *c == '\t' || *c == '\n')
            dh_buffer_append(out, c, 1);
    }
}
