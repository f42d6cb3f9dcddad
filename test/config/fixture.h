/* What the tests of this room share. */
#ifndef TEST_CONFIG_FIXTURE_H
#define TEST_CONFIG_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/config.h"

static inline struct dh_config *parsed(const char *text)
{
    struct dh_config *config;
    struct dh_error err = {0};
    if (dh_config_parse("t.cfg", text, &config, &err))
        fail_msg("%s: %s", text, err.text);
    return config;
}

static inline void check_text(const char *about, const char *found, const char *wanted)
{
    if (!strstr(found, wanted))
        fail_msg("%s: expected '%s', found '%s'", about, wanted, found);
}

/* A file of this process alone; `removed` deletes it and frees its path. */
static inline char *written(const char *suffix, const void *data, size_t size)
{
    char *path = dh_strprintf("/tmp/dh-config-%d%s", (int)getpid(), suffix);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline char *written_text(const char *suffix, const char *text)
{
    return written(suffix, text, strlen(text));
}

static inline void removed(char *path)
{
    unlink(path);
    free(path);
}

/* libconfig 1.5 forgets a buffer after a syntax error. Each test is one file, so a definition in
 * a header is one definition. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

#endif
