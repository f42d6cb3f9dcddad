/* A space from the text of its `parameters` and `constraints`, for the tests of this room. */
#ifndef TEST_SPACE_FIXTURE_H
#define TEST_SPACE_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/config.h"
#include "dh_mpi/space.h"

struct fixture {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
};

static inline dh_status fixture_try(struct fixture *f, const char *text, struct dh_error *err)
{
    *f = (struct fixture){0};
    char *whole = dh_strprintf("%s\nevaluator = { type = \"builtin\"; };\n", text);
    dh_status status = dh_config_parse("t.cfg", whole, &f->config, err);
    free(whole);
    if (status == DH_OK)
        status = dh_settings_unpack(f->config, &f->settings, err);
    if (status == DH_OK)
        status = dh_space_create(&f->settings, &f->space, err);
    return status;
}

static inline void fixture_close(struct fixture *f)
{
    dh_space_destroy(&f->space);
    dh_settings_free(&f->settings);
    dh_config_destroy(&f->config);
}

/* `text` has to be a valid space. */
static inline struct fixture fixture_open(const char *text)
{
    struct fixture f;
    struct dh_error err = {0};
    if (fixture_try(&f, text, &err) != DH_OK)
        fail_msg("%s", err.text);
    return f;
}

/* A space of one parameter, declared by what is between the braces. */
static inline struct fixture fixture_one(const char *declaration)
{
    char *text = dh_strprintf("parameters = ( { name = \"x\"; %s } );", declaration);
    struct fixture f = fixture_open(text);
    free(text);
    return f;
}

/* Creating a space from `text` fails with a message that contains `part` and a place. */
static inline void fixture_refuses(const char *text, const char *part)
{
    struct fixture f;
    struct dh_error err = {0};
    if (fixture_try(&f, text, &err) != DH_CONFIG)
        fail_msg("accepted: %s", text);
    if (!strstr(err.text, part) || !strstr(err.text, "t.cfg:"))
        fail_msg("expected \"%s\" in \"%s\"", part, err.text);
    fixture_close(&f);
}

/* The same for a space of one parameter. */
static inline void fixture_refuses_one(const char *declaration, const char *part)
{
    char *text = dh_strprintf("parameters = ( { name = \"x\"; %s } );", declaration);
    fixture_refuses(text, part);
    free(text);
}

#endif
