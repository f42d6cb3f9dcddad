/* `--set PATH=VALUE`: change or add one setting of a tree.
 *
 * A path steps from the root through groups by key and through lists by [index] or by the `name`
 * of an entry. In a list the longest entry name that fits counts, so that names with dots work.
 * Keys that a group lacks are created, groups on the way too; list entries are not: a path
 * through a missing one is an error that names the nearest. The value is libconfig syntax, or
 * text if it is not. New nodes carry the override itself as their "file".
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "tree.h"

/* A name that libconfig accepts for a setting? */
static bool valid_name(const char *name, size_t length)
{
    if (length == 0 || (!isalpha((unsigned char)*name) && *name != '*'))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && (!name[i] || !strchr("-_*", name[i])))
            return false;
    return true;
}

struct walk {
    struct dh_config *config;
    const char *label; /* "--set PATH=VALUE", in the config's storage */
    const char *path;
    const char *rest; /* of the path, from here on */
    struct dh_node *here;
    int depth;
};

/* The part of the path that was walked, for messages. */
static int walked(const struct walk *walk)
{
    const char *end = walk->rest;
    while (end > walk->path && end[-1] == '.')
        end--;
    return (int)(end - walk->path);
}

static const char *entry_name(const struct dh_node *entry)
{
    const struct dh_node *name = dh_node_child(entry, "name");
    return name && name->kind == DH_NODE_TEXT ? name->text : NULL;
}

static bool ends_step(char c)
{
    return c == '\0' || c == '.' || c == '[';
}

static dh_status no_entry(const struct walk *walk, struct dh_error *err)
{
    const char **names = dh_alloc(walk->here->child_count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < walk->here->child_count; i++)
        if (entry_name(walk->here->children[i]))
            names[count++] = entry_name(walk->here->children[i]);
    char *word = dh_strndup(walk->rest, strcspn(walk->rest, ".["));
    int nearest = dh_text_nearest(word, names, count);
    dh_status status =
        dh_fail(err, DH_CONFIG, "%s: '%.*s' has no entry named '%s'%s%s%s", walk->label,
                walked(walk), walk->path, word, nearest < 0 ? "" : "; did you mean '",
                nearest < 0 ? "" : names[nearest], nearest < 0 ? "" : "'?");
    free(word);
    free(names);
    return status;
}

/* Read [index] at the path's rest: the entry and the length of what was read. */
static dh_status read_index(const struct walk *walk, size_t *index, size_t *length,
                            struct dh_error *err)
{
    const struct dh_node *list = walk->here;
    size_t digits = strspn(walk->rest + 1, "0123456789");
    if (digits == 0 || walk->rest[1 + digits] != ']' || !ends_step(walk->rest[2 + digits]))
        return dh_fail(err, DH_CONFIG, "%s: expected an index such as [0] behind '%.*s'",
                       walk->label, walked(walk), walk->path);
    *index = strtoull(walk->rest + 1, NULL, 10);
    *length = digits + 2;
    if (*index >= list->child_count)
        return dh_fail(err, DH_CONFIG, "%s: '%.*s' has %zu entries, so no %.*s", walk->label,
                       walked(walk), walk->path, list->child_count, (int)*length, walk->rest);
    return DH_OK;
}

/* The slot of the list entry that the path names next. */
static dh_status step_list(struct walk *walk, struct dh_node ***slot, struct dh_error *err)
{
    struct dh_node *list = walk->here;
    size_t found = list->child_count, longest = 0;
    if (*walk->rest == '[') {
        dh_status status = read_index(walk, &found, &longest, err);
        if (status)
            return status;
    }
    for (size_t i = 0; *walk->rest != '[' && i < list->child_count; i++) {
        const char *name = entry_name(list->children[i]);
        size_t length = name ? strlen(name) : 0;
        if (length > longest && strncmp(walk->rest, name, length) == 0 &&
            ends_step(walk->rest[length])) {
            found = i;
            longest = length;
        }
    }
    if (found == list->child_count)
        return no_entry(walk, err);
    walk->rest += longest;
    *slot = &list->children[found];
    return DH_OK;
}

/* The slot of the group's key that the path names next; created (as a group) if it is not there. */
static dh_status step_group(struct walk *walk, struct dh_node ***slot, struct dh_error *err)
{
    size_t length = strcspn(walk->rest, ".[");
    if (!valid_name(walk->rest, length))
        return dh_fail(err, DH_CONFIG, "%s: '%.*s' is no name of a setting", walk->label,
                       (int)length, walk->rest);
    struct dh_node *group = walk->here;
    size_t i = 0;
    while (i < group->child_count && (strncmp(group->children[i]->name, walk->rest, length) != 0 ||
                                      group->children[i]->name[length] != '\0'))
        i++;
    if (i == group->child_count) {
        char *name = dh_strndup(walk->rest, length);
        dh_node_append(group, dh_node_create(DH_NODE_GROUP, name, walk->label, 0));
        free(name);
    }
    walk->rest += length;
    *slot = &group->children[i];
    return DH_OK;
}

/* Walk the whole path; `slot` is then the place of the node to replace. */
static dh_status find_slot(struct walk *walk, struct dh_node ***slot, struct dh_error *err)
{
    do {
        dh_status status = DH_OK;
        if (++walk->depth > DH_CONFIG_DEPTH)
            status = dh_fail(err, DH_CONFIG, "%s: the path is longer than %d steps", walk->label,
                             DH_CONFIG_DEPTH);
        else if (walk->here->kind == DH_NODE_LIST)
            status = step_list(walk, slot, err);
        else if (walk->here->kind == DH_NODE_GROUP)
            status = step_group(walk, slot, err);
        else
            status =
                dh_fail(err, DH_CONFIG, "%s: '%.*s' is neither group nor list (found %s)",
                        walk->label, walked(walk), walk->path, dh_node_kind_name(walk->here->kind));
        if (status)
            return status;
        walk->here = **slot;
        if (*walk->rest == '.' && walk->rest[1] == '\0')
            return dh_fail(err, DH_CONFIG, "%s: expected a name behind the last '.'", walk->label);
        if (*walk->rest == '.')
            walk->rest++;
    } while (*walk->rest);
    return DH_OK;
}

static void set_origin(struct dh_node *node, const char *label)
{
    node->file = label;
    node->line = 0;
    for (size_t i = 0; i < node->child_count; i++)
        set_origin(node->children[i], label);
}

/* The value as a node: libconfig syntax if it is one setting's value, otherwise text. */
static struct dh_node *parse_value(struct dh_config *config, const char *label, const char *value)
{
    struct dh_node *group, *node = NULL;
    char *text = dh_strprintf("value = %s\n;", value);
    if (*value && !dh_tree_parse(config, label, text, &group, NULL)) {
        if (group->child_count == 1) {
            node = group->children[0];
            group->child_count = 0;
        }
        dh_node_free(group);
    }
    free(text);
    if (!node) {
        node = dh_node_create(DH_NODE_TEXT, NULL, label, 0);
        node->text = dh_strdup(value);
    }
    set_origin(node, label);
    return node;
}

static char *trimmed(const char *text, size_t length)
{
    while (length && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    return dh_strndup(text, length);
}

static int height(const struct dh_node *node)
{
    int most = 0;
    for (size_t i = 0; i < node->child_count; i++) {
        int child = height(node->children[i]);
        most = child > most ? child : most;
    }
    return most + (node->kind == DH_NODE_GROUP || node->kind == DH_NODE_LIST);
}

dh_status dh_override_apply(struct dh_config *config, const char *override, struct dh_error *err)
{
    const char *equals = strchr(override, '=');
    if (!equals)
        return dh_fail(err, DH_CONFIG, "--set %s: expected PATH=VALUE", override);
    char *path = trimmed(override, (size_t)(equals - override));
    char *value = trimmed(equals + 1, strlen(equals + 1));
    char *text = dh_strprintf("--set %s=%s", path, value);
    const char *label = dh_config_file_name(config, text);
    struct walk walk = {config, label, path, path, config->root, 0};
    struct dh_node **slot = NULL;
    dh_status status = dh_text_is_utf8(value)
                           ? find_slot(&walk, &slot, err)
                           : dh_fail(err, DH_CONFIG, "--set %s: the value is not UTF-8", path);
    if (!status) {
        struct dh_node *node = parse_value(config, label, value);
        if (walk.depth + height(node) > DH_CONFIG_DEPTH) {
            status = dh_fail(err, DH_CONFIG, "%s: settings nest deeper than %d levels", label,
                             DH_CONFIG_DEPTH);
            dh_node_free(node);
        } else {
            free(node->name);
            node->name = dh_strdup((*slot)->name);
            dh_node_free(*slot);
            *slot = node;
        }
    }
    free(text);
    free(path);
    free(value);
    return status;
}
