/* Values in programs for sh: what is written where, what is refused, and that real shells give
 * programs composed at random exactly the values, whatever characters those have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/eval/shell.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/random.h"

#define MOST_HOLES 64

/* `text` with @ for each hole as a program that refers to V; NULL with `*why` if it is refused. */
static char *program_of(const char *text, const char **why)
{
    char *bytes = dh_strdup(text);
    struct eval_shell_hole holes[MOST_HOLES];
    size_t count = 0;
    for (size_t i = 0; bytes[i]; i++)
        if (bytes[i] == '@') {
            assert_true(count < MOST_HOLES);
            bytes[i] = EVAL_SHELL_HOLE;
            holes[count++] = (struct eval_shell_hole){.at = i};
        }
    struct eval_shell_problem problem;
    bool good = eval_shell_places(bytes, holes, count, &problem);
    *why = good ? NULL : problem.why;
    struct dh_buffer out = {0};
    for (size_t i = 0, hole = 0; good && bytes[i]; i++)
        if (hole < count && holes[hole].at == i)
            eval_shell_reference(holes[hole++].place, "V", &out);
        else
            dh_buffer_append(&out, bytes + i, 1);
    if (!good)
        assert_true(problem.hole < count && problem.at <= strlen(text));
    free(bytes);
    if (good)
        return dh_buffer_take(&out);
    dh_buffer_free(&out);
    return NULL;
}

/* What `shell -c program` writes, with V = value; it must succeed. The caller frees it. */
static char *output_of(const char *shell, const char *program, const char *value)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        setenv("V", value, 1);
        execl(shell, "sh", "-c", program, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    struct dh_buffer out = {0};
    char data[4096];
    for (ssize_t size; (size = read(ends[0], data, sizeof data)) > 0;)
        dh_buffer_append(&out, data, (size_t)size);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        print_error("%s: status %d of: %s\n", shell, status, program);
    assert_int_equal(status, 0);
    return dh_buffer_take(&out);
}

static const char *const shells[] = {"/bin/sh", "/bin/bash"};
static const char *const values[] = {"",     "0.5",        "two words", " a  b ", "*",  "it's",
                                     "a\"b", "$HOME `id`", "a\\b\\",    "x\ny",   "-n", "~/{a,b}"};

static void assert_gives(const char *text, const char *program, const char *value,
                         const char *expected)
{
    for (size_t i = 0; i < DH_COUNT_OF(shells); i++) {
        if (access(shells[i], X_OK) != 0)
            continue;
        char *output = output_of(shells[i], program, value);
        if (strcmp(output, expected) != 0)
            print_error("%s, V=\"%s\": %s\n-> %s\n", shells[i], value, text, program);
        assert_string_equal(output, expected);
        free(output);
    }
}

/* Each prints [V]. */
static void values_arrive_as_they_are(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "printf '[%s]' @",
        "printf %s [\"@\"]",
        "printf %s \"$(printf '[%s]' @)\"",
        "x=$(printf '[%s]' @); printf %s \"$x\"",
        "printf %s \"`printf '[%s]' @`\"",
        "x=`printf '[%s]' @`; printf %s \"$x\"",
        "printf %s \"$(printf %s \"$(printf '[%s]' @)\")\"",
        "printf %s \"$(printf %s \"[$(printf %s. @)]\" | sed 's/\\.]$/]/')\"",
        "printf %s \"${U:-[@]}\"",
        "printf %s ${U:-\"[@]\"}",
        "printf %s ${U:-[@]}",
        "x=\"[@]\" && printf %s \"${x%\"\"}\"",
        "# it's 12\" (of @\nprintf '[%s]' @ # it's\n",
        "printf '[%s]' @ # 12\"",
        "printf %s \"$(: it\\'s; printf '[%s]' @)\"",
        "printf %s \"$(# it's )\nprintf '[%s]' @)\"",
        "x=\"$(cat <<EOF\n[@]\nEOF\n)\"; printf %s \"$x\"",
        "x=\"$(cat <<-EOF # it's\n[@]\n\tEOF\n)\"; printf %s \"$x\"",
        ("x=\"$(cat <<A - <<'B'\nA \"@\" '@'\nA\nit's\nB\nprintf '[%s]' @ >/dev/null\n)\"; "
         "printf '[%s]' @ 2>/dev/null"),
        "x=\"$(case @ in x) : ;; (y) : ;; *) printf '[%s]' @ ;; esac)\"; printf %s \"$x\"",
        "x=\"$(if :; then case x in x) printf '[%s]' @; esac fi)\"; printf %s \"$x\"",
        "x=\"$(for case in 1; do (printf '[%s]' @) done)\"; printf %s \"$x\"",
        "x=\"$(f() { printf '[%s]' \"$1\"; }; f @)\"; printf %s \"$x\"",
        "x=\"$( (printf '[%s]' @; echo case ) )\"; printf %s \"${x%case}\"",
        "x=$((1+(2))) y=\"$((1<<2))\"; printf '[%s]' @",
        "printf '%s' \"\\\"\" > /dev/null; printf '[%s]' @",
        "x=a#b\\ \\\"c; printf '[%s]' \\\\@ | sed 's/\\[\\\\/[/'",
        "case @ in @) printf '[%s]' @;; esac",
        "x=@; test \"${x#@}\" = '' && printf '[%s]' \"$x\"",
    };
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        const char *why;
        char *program = program_of(texts[i], &why);
        bool refused = strstr(texts[i], "${x#@}\"") != NULL;
        if (!program && !refused)
            print_error("refused (%s): %s\n", why, texts[i]);
        assert_true(program ? !refused : refused);
        for (size_t k = 0; program && k < DH_COUNT_OF(values); k++) {
            struct dh_buffer expected = {0};
            dh_buffer_printf(&expected, "[%s]", values[k]);
            assert_gives(texts[i], program, values[k], expected.data);
            dh_buffer_free(&expected);
        }
        free(program);
    }
}

static void whole_numbers_are_calculated_with(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value, *expected;
    } cases[] = {
        {"printf %s $((2 * @))", "3", "6"},
        {"printf %s $((5-@))", "-3", "8"},
        {"printf %s \"$(( (1 + @) * $(printf %s @) ))\"", "-3", "6"},
        {"printf %s \"$((1 + ${U:-@}))\"", "-3", "-2"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        const char *why;
        char *program = program_of(cases[i].text, &why);
        assert_non_null(program);
        assert_gives(cases[i].text, program, cases[i].value, cases[i].expected);
        free(program);
    }
}

static void what_cannot_be_known_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"echo '@'", "single quotes"},
        {"echo \"$(echo '@')\"", "single quotes"},
        {"echo \"`echo '@'`\"", "single quotes"},
        {"echo $'@'", "single quotes"},
        {"echo $'it\\'s' @", "\\' within $'…'"},
        {"echo \\@", "behind a backslash"},
        {"echo \"\\@\"", "behind a backslash"},
        {"cat <<EOF\n\\@\nEOF", "behind a backslash"},
        {"echo $@", "behind a \"$\""},
        {"echo \"$@\"", "behind a \"$\""},
        {"echo ${@}", "name of a variable"},
        {"echo ${x@}", "name of a variable"},
        {"echo ${x@:-1}", "name of a variable"},
        {"cat <<'EOF'\n@\nEOF", "here-document with quotes"},
        {"cat <<E\\OF\n@\nEOF", "here-document with quotes"},
        {"cat <<A <<\"B\"\n@\nA\n@\nB", "here-document with quotes"},
        {"cat <<@\nEOF", "end is no plain word"},
        {"cat <<$x @\nEOF", "end is no plain word"},
        {"cat <<EOF\n@", "opened and not closed"},
        {"x=$(cat <<EOF)\nEOF\necho @", "has not begun"},
        {"cat <<EOF $(echo\n)\nEOF\necho @", "over several lines"},
        {"x=$(cat <<EOF\nEOF)\necho @", "more on its line"},
        {"cat <<EOF\n$(echo\nEOF\n) @\nEOF", "ends within"},
        {"echo \"`echo \\\"@\\\"`\"", "behind a backslash"},
        {"echo \"`echo \\$x`\" @", "backslash within `…`"},
        {"echo `echo \\`id\\`` @", "backslash within `…`"},
        {"echo `echo '`'` @", "in something within `…`"},
        {"echo `echo # it`s @", "in something within `…`"},
        {"echo \"${x%\"a b\"}\" @", "shells read differently"},
        {"echo \"${x#@}\"", "pattern"},
        {"echo \"${x:-it's}\" @", "shells read differently"},
        {"echo $((a); @)", "no arithmetic"},
        {"echo $((a); b) @", "no arithmetic"},
        {"echo $[1+@]", "$["},
        {"((a<<2)) @\n", "\"((\""},
        {"echo $((1 + \"@\"))", "quotes in $((…))"},
        {"echo $(case x in x) echo ) @", "without its `esac`"},
        {"echo @ \"", "opened and not closed"},
        {"echo @ '", "opened and not closed"},
        {"echo @ $(echo # )", "opened and not closed"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        const char *why;
        char *program = program_of(cases[i].text, &why);
        if (program || !strstr(why, cases[i].why))
            print_error("%s: %s\n", cases[i].text, why ? why : program);
        assert_null(program);
        assert_non_null(strstr(why, cases[i].why));
        char *alone = dh_strdup(cases[i].text), *hole; /* without values it is the shell's matter */
        while ((hole = strchr(alone, '@')))
            *hole = 'x';
        program = program_of(alone, &why);
        assert_string_equal(program, alone);
        free(program);
        free(alone);
    }
}

/* Programs at random. */

enum where { BARE, QUOTED, DOCUMENT };

struct author {
    struct dh_random random;
    const char *value;
    int holes, documents;
};

static size_t choose(struct author *author, size_t count)
{
    return (size_t)dh_random_below(&author->random, count);
}

static void put_word(struct author *author, enum where where, int depth, bool ticks,
                     struct dh_buffer *text, struct dh_buffer *expected);

static void put_hole(struct author *author, struct dh_buffer *text, struct dh_buffer *expected)
{
    author->holes++;
    dh_buffer_text(text, "@");
    dh_buffer_text(expected, author->value);
}

/* Commands that print a word and a full stop, for $(…), which drops newlines at the end. */
static void put_commands(struct author *author, int depth, bool ticks, struct dh_buffer *text,
                         struct dh_buffer *expected)
{
    static const struct {
        const char *before, *after;
        bool document;
    } forms[] = {
        {"printf '%s.' ", "", false},
        {"x=", "; printf '%s.' \"$x\"", false},
        {" (: 'a)'; printf '%s.' ", ")", false},
        {"case x in y) echo no;; x) printf '%s.' ", ";; esac", false},
        {": # it's \"that ) \nprintf '%s.' ", "", false},
        {": \"\\\")\" ')'; printf '%s.' ", " # '", false},
        {"cat <<E%d\n", "\nE%d\nprintf .\n", true},
    };
    size_t form = choose(author, DH_COUNT_OF(forms) - (ticks ? 3 : 0)); /* without # \ << */
    int number = ++author->documents;
    if (forms[form].document)
        dh_buffer_printf(text, "cat <<E%d\n", number);
    else
        dh_buffer_text(text, forms[form].before);
    put_word(author, forms[form].document ? DOCUMENT : BARE, depth - 1, ticks, text, expected);
    if (forms[form].document)
        dh_buffer_printf(text, "\nE%d\nprintf .\n", number);
    else
        dh_buffer_text(text, forms[form].after);
    if (strchr(forms[form].after, '#'))
        dh_buffer_text(text, "\n");
    dh_buffer_text(expected, forms[form].document ? "\n." : ".");
}

/* One part of a word, for `where`. In backticks (`ticks`) are no others, and no backslashes. */
static void put_part(struct author *author, enum where where, int depth, bool ticks,
                     struct dh_buffer *text, struct dh_buffer *expected)
{
    size_t kind = depth > 0 ? choose(author, 6) : 0;
    bool quote = where == BARE && kind > 1;
    dh_buffer_text(text, quote ? "\"" : "");
    where = quote ? QUOTED : where;
    if (kind == 0) {
        put_hole(author, text, expected);
    } else if (kind == 1 && where == BARE) {
        dh_buffer_text(text, ticks ? "'a\"b)'" : "'a\"b'\\'\\\"\\)");
        dh_buffer_text(expected, ticks ? "a\"b)" : "a\"b'\")");
    } else if (kind == 1) {
        dh_buffer_text(text, "it's)");
        dh_buffer_text(expected, "it's)");
    } else if (kind == 2 && !ticks) {
        dh_buffer_text(text, "`");
        put_commands(author, depth, true, text, expected);
        dh_buffer_text(text, "`");
    } else if (kind == 3) {
        dh_buffer_text(text, "${U:-x");
        dh_buffer_text(expected, "x");
        put_hole(author, text, expected);
        dh_buffer_text(text, "}");
    } else {
        dh_buffer_text(text, "$(");
        put_commands(author, depth, ticks, text, expected);
        dh_buffer_text(text, ")");
    }
    dh_buffer_text(text, quote ? "\"" : "");
}

static void put_word(struct author *author, enum where where, int depth, bool ticks,
                     struct dh_buffer *text, struct dh_buffer *expected)
{
    for (size_t parts = 1 + choose(author, 3); parts > 0; parts--)
        put_part(author, where, depth, ticks, text, expected);
}

static void programs_at_random_get_their_values(void **state)
{
    (void)state;
    struct author author = {.random = dh_random_at(7, DH_STREAM_SAMPLE, 0)};
    for (int round = 0; round < 300; round++) {
        struct dh_buffer text = {0}, expected = {0};
        author.value = values[choose(&author, DH_COUNT_OF(values))];
        author.holes = 0;
        dh_buffer_text(&text, "printf '%s' ");
        put_word(&author, BARE, 4, false, &text, &expected);
        if (author.holes < MOST_HOLES) {
            const char *why;
            char *program = program_of(text.data, &why);
            if (!program)
                print_error("refused (%s): %s\n", why, text.data);
            assert_non_null(program);
            assert_gives(text.data, program, author.value, expected.data ? expected.data : "");
            free(program);
        }
        dh_buffer_free(&text);
        dh_buffer_free(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive_as_they_are),
        cmocka_unit_test(whole_numbers_are_calculated_with),
        cmocka_unit_test(what_cannot_be_known_is_refused),
        cmocka_unit_test(programs_at_random_get_their_values),
    };
    return cmocka_run_group_tests_name("shell", tests, NULL, NULL);
}
