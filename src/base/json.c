/* JSON with short numbers: see json.h. */
#include "dh_mpi/json.h"

#include <stdlib.h>

#include "dh_mpi/text.h"

static void put_array(struct dh_buffer *out, const json_t *array)
{
    dh_buffer_text(out, "[");
    for (size_t i = 0; i < json_array_size(array); i++) {
        dh_buffer_text(out, i ? "," : "");
        dh_json_put(out, json_array_get(array, i));
    }
    dh_buffer_text(out, "]");
}

static void put_object(struct dh_buffer *out, const json_t *object)
{
    const char *separator = "", *key;
    json_t *value;
    dh_buffer_text(out, "{");
    /* the loop wants no const, and only reads */
    json_object_foreach((json_t *)object, key, value)
    {
        dh_buffer_text(out, separator);
        dh_text_put_json(out, key);
        dh_buffer_text(out, ":");
        dh_json_put(out, value);
        separator = ",";
    }
    dh_buffer_text(out, "}");
}

void dh_json_put(struct dh_buffer *out, const json_t *value)
{
    if (json_is_array(value)) {
        put_array(out, value);
    } else if (json_is_object(value)) {
        put_object(out, value);
    } else if (json_is_real(value)) {
        dh_text_put_real(out, json_real_value(value));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        dh_buffer_text(out, text ? text : "null");
        free(text);
    }
}

void dh_json_put_embedded_member(struct dh_buffer *out, const char *key, const char *text)
{
    json_t *value = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
    if (value)
        dh_buffer_printf(out, ", \"%s\": %s", key, text);
    else
        dh_text_put_json_text_member(out, key, text);
    json_decref(value);
}
