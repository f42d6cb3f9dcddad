/* Memory that is there or ends the process: see alloc.h. */
#include "dh_mpi/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NO_MEMORY 70

static void *check(void *memory)
{
    if (memory)
        return memory;
    static const char message[] = "dh_mpi: out of memory; finished trials are in the journal\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    _exit(EXIT_NO_MEMORY);
}

void *dh_alloc(size_t count, size_t size)
{
    return check(calloc(count ? count : 1, size ? size : 1));
}

void *dh_realloc(void *memory, size_t size)
{
    return check(realloc(memory, size ? size : 1));
}

void *dh_memdup(const void *data, size_t size)
{
    void *copy = check(malloc(size ? size : 1));
    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *dh_strdup(const char *text)
{
    return text ? dh_memdup(text, strlen(text) + 1) : NULL;
}

char *dh_strndup(const char *text, size_t length)
{
    size_t used = length ? strnlen(text, length) : 0;
    char *copy = dh_alloc(used + 1, 1);
    if (used)
        memcpy(copy, text, used);
    return copy;
}

char *dh_strprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return check(length < 0 ? NULL : text);
}

void *dh_grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t wider = *capacity + *capacity / 2 + 8;
    if (wider > SIZE_MAX / size)
        check(NULL);
    array = dh_realloc(array, wider * size);
    memset((char *)array + *capacity * size, 0, (wider - *capacity) * size);
    *capacity = wider;
    return array;
}
