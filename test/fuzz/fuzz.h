/* What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput, which libFuzzer
 * (-Dfuzz=true) or replay.c calls. A target checks what the parser promises by aborting, and lets
 * the sanitizers see the rest. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/config.h"
#include "dh_mpi/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the code under test. */
static inline void promise(bool kept, const char *what)
{
    if (kept)
        return;
    fprintf(stderr, "a promise is broken: %s\n", what);
    abort();
}

/* The space that foreign data is read into: every type, conditions, several objectives. */
struct fuzz_space {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
};

static inline void fuzz_space_open(struct fuzz_space *f)
{
    static const char text[] =
        "search = { name = \"fuzz\"; };"
        "parameters = ({ name = \"lr\"; type = \"real\"; low = 1e-5; high = 0.1; scale = \"log\"; "
        "},"
        "{ name = \"units\"; type = \"int\"; low = 8; high = 512; },"
        "{ name = \"depth\"; type = \"ordinal\"; values = (1, 2, 4.5); },"
        "{ name = \"act\"; type = \"categorical\"; values = (\"relu\", \"tanh, x\", \"\"); },"
        "{ name = \"norm\"; type = \"bool\"; },"
        "{ name = \"v\"; type = \"constant\"; value = \"v1\"; },"
        "{ name = \"m\"; type = \"real\"; low = 0.0; high = 0.99; when = \"act == 'relu'\"; });"
        "objectives = ({ name = \"accuracy\"; }, { name = \"size\"; goal = \"minimize\"; });"
        "evaluator = { type = \"builtin\"; };";
    struct dh_error err = {0};
    *f = (struct fuzz_space){0};
    promise(dh_config_parse("fuzz.cfg", text, &f->config, &err) == DH_OK &&
                dh_settings_unpack(f->config, &f->settings, &err) == DH_OK &&
                dh_space_create(&f->settings, &f->space, &err) == DH_OK,
            "the space of the fuzz targets can be made");
}

static inline void fuzz_space_close(struct fuzz_space *f)
{
    dh_space_destroy(&f->space);
    dh_settings_free(&f->settings);
    dh_config_destroy(&f->config);
}

/* One for all inputs, made at the first: what is read into it never changes it. */
static inline const struct fuzz_space *fuzz_space_shared(void)
{
    static struct fuzz_space shared;
    if (!shared.space)
        fuzz_space_open(&shared);
    return &shared;
}

/* A file in memory, for functions that take a path. */
static inline int fuzz_file(const void *data, size_t size, char path[32])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    promise(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file in memory can be made");
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* libconfig 1.5 forgets a buffer after a syntax error. Each target is one file, so a definition in
 * a header is one definition. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

#endif
