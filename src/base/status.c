/* Status codes and error texts: see status.h. */
#include "dh_mpi/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const int exit_codes[] = {
#define STATUS_ROW(name, exit_code) [DH_##name] = exit_code,
    DH_STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
};

/* Mark in the last bytes that a text did not fit. */
static void mark_cut(char *text, size_t capacity)
{
    static const char ellipsis[] = "…";
    size_t end = capacity - sizeof ellipsis;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--; /* not in the middle of a UTF-8 character */
    memcpy(text + end, ellipsis, sizeof ellipsis);
}

dh_status dh_fail(struct dh_error *err, dh_status status, const char *format, ...)
{
    if (!err)
        return status;
    char text[sizeof err->text] = ""; /* the arguments may point into err->text */
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length >= (int)sizeof text)
        mark_cut(text, sizeof text);
    memcpy(err->text, text, sizeof text);
    err->status = status;
    return status;
}

dh_status dh_fail_context(struct dh_error *err, const char *format, ...)
{
    if (!err)
        return DH_INTERNAL;
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = strlen(text);
    int rest = snprintf(text + used, sizeof text - used, ": %s", err->text);
    if (rest >= (int)(sizeof text - used))
        mark_cut(text, sizeof text);
    memcpy(err->text, text, sizeof text);
    return err->status;
}

int dh_status_exit_code(dh_status status)
{
    return exit_codes[status];
}
