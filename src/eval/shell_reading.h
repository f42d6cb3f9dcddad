/* A program for sh as it is read: the stack of what is open, and here-documents. For shell.c. */
#ifndef DH_EVAL_SHELL_READING_H
#define DH_EVAL_SHELL_READING_H

#include "shell.h"

enum shell_context {
    PROGRAM,
    PARENTHESES,
    SUBSTITUTION,
    BACKTICKS,
    SINGLE,
    DOLLAR_SINGLE,
    DOUBLE,
    BRACES,
    ARITHMETIC,
    DOCUMENT,
    LITERAL_DOCUMENT,
    COMMENT
};

/* What the next word of a program may be: a command or keyword, a pattern of `case`, an argument */
enum shell_expected { EXPECT_COMMAND, EXPECT_PATTERN, EXPECT_ARGUMENT };

/* A here-document whose text has not begun. */
struct shell_document {
    size_t root, at; /* the frame whose next newline begins it; its operator */
    char *end;       /* the line that ends it, owned */
    bool literal, tabs;
};

struct shell_frame {
    enum shell_context context;
    size_t start; /* in the text */
    /* of programs and what encloses parts of them */
    enum shell_expected expected;
    size_t word, cases;             /* start of the word that is read; `case`s that are open */
    bool in_word, plain_word;       /* one is read; without quotes or anything to replace */
    bool awaits_in, twice;          /* behind case; the second of (( */
    bool quoted;                    /* of braces and backticks: within double quotes or the like */
    bool any_value;                 /* of braces: what stands in them is a value, no pattern */
    size_t value_from;              /* of braces: where the name and operator have ended */
    size_t depth;                   /* of arithmetic: open parentheses */
    size_t first_hole;              /* of arithmetic: 1 + the first in it; 0: none */
    struct shell_document document; /* of documents */
};

struct shell_reading {
    const char *text;
    size_t at;
    struct shell_frame *frames;
    size_t count, capacity;
    struct shell_document *documents;
    size_t document_count, document_capacity;
    struct eval_shell_hole *holes;
    size_t hole_count, hole; /* hole: the next one */
    const char *unsure;      /* why nothing is known from `unsure_at` on */
    size_t unsure_at;
    struct eval_shell_problem *problem; /* why: NULL as long as there is none */
};

struct shell_frame *eval_shell_top(struct shell_reading *reading);
/* So many bytes ahead; NUL behind the end. */
char eval_shell_letter(const struct shell_reading *reading, size_t ahead);
/* From `at` on nothing is known; the first such reason stays. */
void eval_shell_doubt(struct shell_reading *reading, size_t at, const char *why);
/* Open a context here, behind so many bytes, or close the last one. */
void eval_shell_push(struct shell_reading *reading, enum shell_context context, size_t opening);
void eval_shell_pop(struct shell_reading *reading, size_t closing);
bool eval_shell_is_program(enum shell_context context);
/* The frame whose newlines begin here-documents. */
size_t eval_shell_root(const struct shell_reading *reading);

/* At <<: note the document. */
void eval_shell_announce_document(struct shell_reading *reading);
/* The line has ended in a program: the documents that it announced follow, the first on top. */
void eval_shell_begin_documents(struct shell_reading *reading);
/* At the beginning of a line of the document on top: go on behind it if that is its end. */
void eval_shell_pass_end(struct shell_reading *reading);
/* Does the line at `line` end `document`? `*nearly`: it does with what some shells allow there. */
bool eval_shell_ends_document(const struct shell_document *document, const char *line,
                              bool *nearly);

#endif
