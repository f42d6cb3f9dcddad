/* Metadata within its limit: see metadata.h. driver_values.py does the same before it sends. */
#include "metadata.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/json.h"
#include "value.h"

#define NOTE "metadata_dropped"
#define FRAME (sizeof "\"" NOTE "\":\"\"," - 1) /* bytes of the note beside its text */
#define NAMES 20                                /* that the note has, the largest */
#define NAME_SIZE 80                            /* bytes of each */

struct member {
    const char *name; /* its owner is the object */
    size_t size;
};

static size_t size_of(const char *name, const json_t *value)
{
    struct dh_buffer text = {0};
    json_t *alone = json_object();
    json_object_set(alone, name, (json_t *)value);
    dh_json_put(&text, alone);
    size_t size = text.size - 1; /* one brace is a comma's */
    dh_buffer_free(&text);
    json_decref(alone);
    return size;
}

static int by_size(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* The members, the largest first, but for a note; the caller frees them. */
static struct member *members_of(const json_t *metadata, size_t *count)
{
    struct member *members = dh_alloc(json_object_size(metadata), sizeof *members);
    const char *name;
    json_t *value;
    *count = 0;
    json_object_foreach((json_t *)metadata, name, value)
    {
        if (strcmp(name, NOTE) != 0)
            members[(*count)++] = (struct member){name, size_of(name, value)};
    }
    qsort(members, *count, sizeof *members, by_size);
    return members;
}

static void put_name(struct dh_buffer *note, const struct member *member, size_t dropped)
{
    size_t length = strlen(member->name), cut = length > NAME_SIZE ? NAME_SIZE : length;
    dh_buffer_text(note, dropped ? ", " : "over metadata_limit: ");
    eval_value_put_utf8(note, member->name, cut);
    dh_buffer_printf(note, "%s (%zu bytes)", cut < length ? "..." : "", member->size);
}

static void drop_largest(json_t *metadata, size_t size, double limit)
{
    size_t count, dropped = 0;
    struct member *members = members_of(metadata, &count);
    struct dh_buffer note = {0};
    for (; dropped < count && (double)(size + note.size + FRAME) > limit; dropped++) {
        if (dropped < NAMES)
            put_name(&note, &members[dropped], dropped);
        size -= members[dropped].size;
        json_object_del(metadata, members[dropped].name);
    }
    if (dropped > NAMES)
        dh_buffer_printf(&note, ", and %zu more", dropped - NAMES);
    if (dropped)
        json_object_set_new(metadata, NOTE, json_string(note.data));
    dh_buffer_free(&note);
    free(members);
}

char *eval_metadata_text(json_t *metadata, double limit)
{
    struct dh_buffer text = {0};
    if (!json_is_object(metadata))
        return dh_strdup("{\"" NOTE "\":\"it is not a JSON object\"}");
    if (json_object_size(metadata) == 0)
        return NULL;
    dh_json_put(&text, metadata);
    if ((double)text.size > limit) {
        drop_largest(metadata, text.size, limit);
        dh_buffer_clear(&text);
        dh_json_put(&text, metadata);
    }
    if ((double)text.size > limit) { /* there is no room for names either */
        json_object_clear(metadata);
        json_object_set_new(metadata, NOTE, json_string("over metadata_limit"));
        dh_buffer_clear(&text);
        dh_json_put(&text, metadata);
    }
    return dh_buffer_take(&text);
}
