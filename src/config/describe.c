/* Options in the user's words: see config.h. */
#include <math.h>

#include "dh_mpi/text.h"
#include "tree.h"

bool dh_option_ranged(const struct dh_option *option)
{
    return option->low != 0 || option->high != 0;
}

void dh_option_put_range(const struct dh_option *option, struct dh_buffer *out)
{
    bool low = !isinf(option->low), high = !isinf(option->high);
    dh_buffer_text(out, low && high ? "between " : low ? "at least " : "at most ");
    if (low)
        dh_text_put_number(out, option->low);
    dh_buffer_text(out, low && high ? " and " : "");
    if (high)
        dh_text_put_number(out, option->high);
}

static void put_words(const char *const *words, struct dh_buffer *out)
{
    for (size_t i = 0; words[i]; i++)
        dh_buffer_printf(out, "%s\"%s\"", i ? ", " : "", words[i]);
}

static void put_default(const struct dh_option *option, struct dh_buffer *out)
{
    if (option->type == DH_OPTION_TEXT || option->type == DH_OPTION_NODE ||
        isnan(option->fallback)) {
        dh_buffer_text(out, "none");
    } else if (option->type == DH_OPTION_BOOL) {
        dh_buffer_text(out, option->fallback != 0 ? "true" : "false");
    } else if (option->type == DH_OPTION_CHOICE) {
        dh_buffer_printf(out, "\"%s\"", option->choices[(size_t)option->fallback]);
    } else {
        dh_text_put_number(out, option->fallback);
    }
}

void dh_option_describe(const struct dh_option *option, struct dh_buffer *out)
{
    static const char *const types[] = {
        [DH_OPTION_BOOL] = "true or false",
        [DH_OPTION_INT] = "integer",
        [DH_OPTION_REAL] = "number",
        [DH_OPTION_TEXT] = "text",
        [DH_OPTION_CHOICE] = "",
        [DH_OPTION_DURATION] = "duration in seconds (or as \"10m\")",
        [DH_OPTION_BYTES] = "bytes (or as \"2G\")",
        [DH_OPTION_NODE] = "setting",
    };
    dh_buffer_text(out, types[option->type]);
    if (option->type == DH_OPTION_CHOICE)
        put_words(option->choices, out);
    if (dh_option_ranged(option)) {
        dh_buffer_text(out, " ");
        dh_option_put_range(option, out);
    }
    dh_buffer_text(out, option->required ? "; required" : "; default ");
    if (!option->required)
        put_default(option, out);
}
