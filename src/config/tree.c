/* libconfig text to a tree of nodes: the only file that includes libconfig.h.
 *
 * The text is read here, parsed by libconfig, copied node by node, and libconfig's own tree is
 * freed before anyone sees ours. `@include` is relative to the folder of the configuration (never
 * absolute: libconfig 1.5 puts the folder in front of every name). A text from memory, which may
 * come out of somebody else's checkpoint, includes nothing: it cannot make a file be opened.
 *
 * Texts of a file have to be UTF-8: in the JSON of results and evaluations two others could become
 * one. Comments do not matter, and what is in a checkpoint is read as it is.
 */
#include <errno.h>
#include <libconfig.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/path.h"
#include "dh_mpi/text.h"
#include "tree.h"

struct dh_node *dh_node_create(enum dh_node_kind kind, const char *name, const char *file, int line)
{
    struct dh_node *node = dh_alloc(1, sizeof *node);
    node->kind = kind;
    node->name = dh_strdup(name);
    node->file = file;
    node->line = line;
    return node;
}

void dh_node_free(struct dh_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->child_count; i++)
        dh_node_free(node->children[i]);
    free(node->children);
    free(node->name);
    free(node->text);
    free(node);
}

void dh_node_append(struct dh_node *parent, struct dh_node *child)
{
    parent->children =
        dh_realloc(parent->children, (parent->child_count + 1) * sizeof *parent->children);
    parent->children[parent->child_count++] = child;
}

const char *dh_config_file_name(struct dh_config *config, const char *name)
{
    for (size_t i = 0; i < config->file_count; i++)
        if (strcmp(config->files[i], name) == 0)
            return config->files[i];
    char *copy = dh_strdup(name);
    *DH_PUSH(config->files, config->file_count, config->file_capacity) = copy;
    return copy;
}

/* All of a file. A NUL byte would silently end the configuration there, so it is an error. */
static dh_status read_text(const char *path, struct dh_buffer *out, struct dh_error *err)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return dh_fail(err, DH_IO, "cannot open '%s': %s", path, strerror(errno));
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof chunk, file)) > 0)
        dh_buffer_append(out, chunk, size);
    int failure = ferror(file) ? errno : 0;
    fclose(file);
    if (failure)
        return dh_fail(err, DH_IO, "cannot read '%s': %s", path, strerror(failure));
    if (out->size && memchr(out->data, '\0', out->size))
        return dh_fail(err, DH_CONFIG, "%s: holds a NUL byte: it is not a text file", path);
    return DH_OK;
}

/* Included files reach libconfig unseen: an integer that it would cut is an error there. */
static dh_status check_included(const char *path, struct dh_error *err)
{
    struct dh_buffer text = {0}, widened = {0};
    int line = 0;
    dh_status status = read_text(path, &text, err);
    if (!status && text.size)
        status = dh_literals_widen(path, text.data, &widened, &line, err);
    if (!status && line)
        status = dh_fail(err, DH_CONFIG,
                         "%s:%d: in an included file an integer of more than 32 bits needs an L "
                         "behind it",
                         path, line);
    dh_buffer_free(&text);
    dh_buffer_free(&widened);
    return status;
}

/* Where an included file is, to be freed: before 1.7 libconfig names it as it is written. */
static char *included_path(const struct dh_config *config, const char *file)
{
    bool whole = LIBCONFIG_VER_MAJOR > 1 || LIBCONFIG_VER_MINOR >= 7;
    if (whole || strcmp(config->folder, ".") == 0)
        return dh_strdup(file);
    return dh_strprintf("%s/%s", config->folder, file);
}

/* Where nothing can be opened, should libconfig see an include that we do not. */
#define NOWHERE "/dev/null"

struct conversion {
    struct dh_config *config;
    const char *file; /* of the text itself */
    int depth;
};

/* The config's name for an included file, which is checked when it is met first. */
static dh_status included(struct conversion *conversion, const char *file, const char **out,
                          struct dh_error *err)
{
    size_t known = conversion->config->file_count;
    char *path = included_path(conversion->config, file);
    *out = dh_config_file_name(conversion->config, path);
    free(path);
    return conversion->config->file_count > known ? check_included(*out, err) : DH_OK;
}

static dh_status convert_group(struct conversion *conversion, const config_setting_t *from,
                               struct dh_node *to, struct dh_error *err);

static dh_status convert_value(struct conversion *conversion, const config_setting_t *from,
                               struct dh_node *to, struct dh_error *err)
{
    switch (config_setting_type(from)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        to->kind = DH_NODE_INT;
        to->integer = config_setting_get_int64(from);
        to->number = (double)to->integer;
        return DH_OK;
    case CONFIG_TYPE_FLOAT:
        to->kind = DH_NODE_REAL;
        to->number = config_setting_get_float(from);
        if (!isfinite(to->number))
            return dh_node_fail(err, to, "this number is too large");
        return DH_OK;
    case CONFIG_TYPE_BOOL:
        to->kind = DH_NODE_BOOL;
        to->integer = config_setting_get_bool(from) != 0;
        to->number = (double)to->integer;
        return DH_OK;
    case CONFIG_TYPE_STRING:
        to->kind = DH_NODE_TEXT;
        to->text = dh_strdup(config_setting_get_string(from));
        if (!conversion->config->closed && !dh_text_is_utf8(to->text))
            return dh_node_fail(err, to,
                                "this text is not UTF-8, as results have to be (iconv -f latin1 -t "
                                "utf-8 makes it of Latin-1)");
        return DH_OK;
    default:
        to->kind = config_setting_is_group(from) ? DH_NODE_GROUP : DH_NODE_LIST;
        return convert_group(conversion, from, to, err);
    }
}

static dh_status convert_group(struct conversion *conversion, const config_setting_t *from,
                               struct dh_node *to, struct dh_error *err)
{
    if (++conversion->depth > DH_CONFIG_DEPTH)
        return dh_node_fail(err, to, "settings nest deeper than %d levels", DH_CONFIG_DEPTH);
    dh_status status = DH_OK;
    for (int i = 0; !status && i < config_setting_length(from); i++) {
        const config_setting_t *child = config_setting_get_elem(from, (unsigned)i);
        const char *file = conversion->file;
        if (config_setting_source_file(child))
            status = included(conversion, config_setting_source_file(child), &file, err);
        struct dh_node *node = dh_node_create(DH_NODE_INT, config_setting_name(child), file,
                                              (int)config_setting_source_line(child));
        dh_node_append(to, node);
        if (!status)
            status = convert_value(conversion, child, node, err);
    }
    conversion->depth--;
    return status;
}

/* libconfig reads with a locale of its own, and leaves this thread to that of the process. */
static bool parse_text(config_t *parsed, const char *text)
{
    locale_t before = uselocale((locale_t)0);
    bool good = config_read_string(parsed, text) == CONFIG_TRUE;
    uselocale(before);
    return good;
}

static dh_status parse_widened(struct dh_config *config, const char *name, const char *text,
                               struct dh_node **out, struct dh_error *err)
{
    config_t parsed;
    config_init(&parsed);
    if (config->closed || strcmp(config->folder, ".") != 0)
        config_set_include_dir(&parsed, config->closed ? NOWHERE : config->folder);
    dh_status status = DH_OK;
    if (!parse_text(&parsed, text)) {
        const char *file = config_error_file(&parsed);
        char *path = file ? included_path(config, file) : dh_strdup(name);
        status = dh_fail(err, DH_CONFIG, "%s:%d: %s", path, config_error_line(&parsed),
                         config_error_text(&parsed));
        free(path);
    } else {
        struct conversion conversion = {.config = config,
                                        .file = dh_config_file_name(config, name)};
        *out = dh_node_create(DH_NODE_GROUP, NULL, conversion.file, 0);
        status = convert_group(&conversion, config_root_setting(&parsed), *out, err);
    }
    config_destroy(&parsed);
    return status;
}

dh_status dh_tree_parse(struct dh_config *config, const char *name, const char *text,
                        struct dh_node **out, struct dh_error *err)
{
    struct dh_buffer widened = {0};
    int line;
    *out = NULL;
    if (config->closed && (line = dh_literals_include(text)) > 0)
        return dh_fail(err, DH_CONFIG, "%s:%d: an @include counts in a file only", name, line);
    dh_buffer_text(&widened, "");
    dh_status status = dh_literals_widen(name, text, &widened, &line, err);
    if (!status)
        status = parse_widened(config, name, widened.size ? widened.data : "", out, err);
    dh_buffer_free(&widened);
    if (status) {
        dh_node_free(*out);
        *out = NULL;
    }
    return status;
}

static dh_status build(const char *path, const char *text, bool closed,
                       const char *const *overrides, size_t override_count, struct dh_config **out,
                       struct dh_error *err)
{
    struct dh_config *config = dh_alloc(1, sizeof *config);
    config->closed = closed;
    config->path = dh_strdup(path);
    config->folder = dh_path_folder(path);
    dh_status status = dh_tree_parse(config, path, text, &config->root, err);
    for (size_t i = 0; !status && i < override_count; i++)
        status = dh_override_apply(config, overrides[i], err);
    if (status) {
        dh_config_destroy(&config);
    } else {
        struct dh_buffer written = {0};
        dh_tree_write(config->root, &written);
        config->text = dh_buffer_take(&written);
    }
    *out = config;
    return status;
}

dh_status dh_config_read(const char *path, const char *const *overrides, size_t override_count,
                         struct dh_config **out, struct dh_error *err)
{
    struct dh_buffer text = {0};
    *out = NULL;
    dh_status status = read_text(path, &text, err);
    if (text.size >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        dh_buffer_consume(&text, 3); /* an editor's byte order mark */
    if (!status)
        status =
            build(path, text.size ? text.data : "", false, overrides, override_count, out, err);
    dh_buffer_free(&text);
    return status;
}

dh_status dh_config_parse(const char *name, const char *text, struct dh_config **out,
                          struct dh_error *err)
{
    return build(name, text, true, NULL, 0, out, err);
}

void dh_config_destroy(struct dh_config **config)
{
    struct dh_config *c = *config;
    *config = NULL;
    if (!c)
        return;
    dh_node_free(c->root);
    for (size_t i = 0; i < c->file_count; i++)
        free(c->files[i]);
    free(c->files);
    free(c->path);
    free(c->folder);
    free(c->text);
    free(c);
}

const struct dh_node *dh_config_root(const struct dh_config *config)
{
    return config->root;
}

const char *dh_config_text(const struct dh_config *config)
{
    return config->text;
}

const char *dh_config_path(const struct dh_config *config)
{
    return config->path;
}

const char *dh_config_folder(const struct dh_config *config)
{
    return config->folder;
}

const struct dh_node *dh_node_child(const struct dh_node *group, const char *name)
{
    for (size_t i = 0; group && i < group->child_count; i++)
        if (group->children[i]->name && strcmp(group->children[i]->name, name) == 0)
            return group->children[i];
    return NULL;
}

dh_status dh_node_misspelled(const struct dh_node *group, const char *what, const char *name,
                             struct dh_error *err)
{
    for (size_t i = 0; group && i < group->child_count; i++) {
        const struct dh_node *child = group->children[i];
        if (child->name && dh_text_nearest(child->name, &name, 1) == 0)
            return dh_node_fail(err, child, "%s: unknown setting '%s'; did you mean '%s'?", what,
                                child->name, name);
    }
    return DH_OK;
}

const char *dh_node_kind_name(enum dh_node_kind kind)
{
    static const char *const names[] = {
        [DH_NODE_GROUP] = "group", [DH_NODE_LIST] = "list",   [DH_NODE_BOOL] = "boolean",
        [DH_NODE_INT] = "integer", [DH_NODE_REAL] = "number", [DH_NODE_TEXT] = "text"};
    return names[kind];
}

dh_status dh_node_fail(struct dh_error *err, const struct dh_node *node, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!node || !node->file)
        return dh_fail(err, DH_CONFIG, "%s", text);
    if (node->line <= 0)
        return dh_fail(err, DH_CONFIG, "%s: %s", node->file, text);
    return dh_fail(err, DH_CONFIG, "%s:%d: %s", node->file, node->line, text);
}
