/* The words of an expression: numbers, 'labels', names, symbols. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "expr_parts.h"

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool continues_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Identifiers joined by dots, with [digits] anywhere behind the first: body[1].conv.k */
static size_t name_length(const char *text)
{
    const char *c = text;
    for (;;) {
        while (continues_name(*c))
            c++;
        size_t digits = *c == '[' ? strspn(c + 1, "0123456789") : 0;
        if (digits == 0 || c[1 + digits] != ']')
            return (size_t)(c - text);
        c += digits + 2;
    }
}

static void bad(struct dh_expr_word *word, size_t length, const char *complaint)
{
    word->kind = DH_EXPR_WORD_BAD;
    word->length = length;
    word->complaint = complaint;
}

/* Decimal only: strtod would also take hexadecimal. Returns the length. */
static size_t read_number(struct dh_expr_word *word)
{
    char *end;
    bool hex = word->at[0] == '0' && (word->at[1] == 'x' || word->at[1] == 'X');
    word->kind = DH_EXPR_WORD_NUMBER;
    word->number = strtod(word->at, &end);
    word->length = (size_t)(end - word->at);
    if (hex || continues_name(*end))
        bad(word, name_length(word->at), "is not a decimal number");
    else if (!isfinite(word->number))
        bad(word, word->length, "is too large");
    return word->length;
}

static size_t read_label(struct dh_expr_word *word)
{
    const char *end = strchr(word->at + 1, *word->at);
    if (!end) {
        bad(word, 1, "has no closing quote");
        return 1;
    }
    word->kind = DH_EXPR_WORD_LABEL;
    word->start = word->at + 1;
    word->length = (size_t)(end - word->start);
    return word->length + 2;
}

/* Two-character symbols first; also those of other languages, so as to say what is meant. */
static size_t read_symbol(struct dh_expr_word *word)
{
    static const struct {
        const char *text, *complaint;
    } symbols[] = {
        {"==", NULL},
        {"!=", NULL},
        {"<=", NULL},
        {">=", NULL},
        {"**", "is no operator here; a power is written '^'"},
        {"&&", "is no operator here; write 'and'"},
        {"||", "is no operator here; write 'or'"},
        {"<>", "is no operator here; write '!='"},
        {"//", "is no operator here; write floor(a / b)"},
        {"<", NULL},
        {">", NULL},
        {"+", NULL},
        {"-", NULL},
        {"*", NULL},
        {"/", NULL},
        {"%", NULL},
        {"^", NULL},
        {"(", NULL},
        {")", NULL},
        {",", NULL},
        {"=", "is no comparison; write '=='"},
        {"!", "is no operator here; write 'not'"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(symbols); i++) {
        word->length = strlen(symbols[i].text);
        if (strncmp(word->at, symbols[i].text, word->length) != 0)
            continue;
        word->kind = DH_EXPR_WORD_SYMBOL;
        if (symbols[i].complaint)
            bad(word, word->length, symbols[i].complaint);
        return word->length;
    }
    size_t length = 1;
    while (((unsigned char)word->at[length] & 0xC0) == 0x80)
        length++; /* all of a UTF-8 character */
    bad(word, length, "means nothing here");
    return length;
}

struct dh_expr_word dh_expr_word_read(const char **next)
{
    const char *c = *next;
    while (isspace((unsigned char)*c))
        c++;
    struct dh_expr_word word = {.kind = DH_EXPR_WORD_END, .start = c, .at = c};
    size_t used = 0;
    if (starts_name(*c)) {
        word.kind = DH_EXPR_WORD_NAME;
        used = word.length = name_length(c);
    } else if (isdigit((unsigned char)*c) || (*c == '.' && isdigit((unsigned char)c[1]))) {
        used = read_number(&word);
    } else if (*c == '\'' || *c == '"') {
        used = read_label(&word);
    } else if (*c) {
        used = read_symbol(&word);
    }
    *next = c + used;
    return word;
}

bool dh_expr_word_reserved(const struct dh_expr_word *word)
{
    static const char *const reserved[] = {"and", "or", "in", "not", "true", "false"};
    for (size_t i = 0; i < DH_COUNT_OF(reserved); i++)
        if (dh_expr_word_is(word, reserved[i]))
            return true;
    return false;
}

bool dh_expr_reserved(const char *name)
{
    struct dh_expr_word word = dh_expr_word_read(&name);
    return *name == '\0' && dh_expr_word_reserved(&word);
}

bool dh_expr_word_is(const struct dh_expr_word *word, const char *text)
{
    return (word->kind == DH_EXPR_WORD_NAME || word->kind == DH_EXPR_WORD_SYMBOL) &&
           strncmp(word->start, text, word->length) == 0 && text[word->length] == '\0';
}
