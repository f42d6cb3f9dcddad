/* A tree back to libconfig text that parses to the same tree. Arrays become lists. Settings keep
 * the lines of the file that they were read from, so that whoever gets the text (a worker, a
 * launcher, a resume) names the user's lines in its messages. What came from --set or from an
 * included file stands behind what is before it. */
#include <string.h>

#include "dh_mpi/text.h"
#include "tree.h"

static void write_text(const char *text, struct dh_buffer *out)
{
    static const struct {
        char raw, letter;
    } escapes[] = {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\t', 't'}, {'\r', 'r'}, {'\f', 'f'}};
    dh_buffer_text(out, "\"");
    for (; *text; text++) {
        size_t i = 0, count = sizeof escapes / sizeof *escapes;
        while (i < count && escapes[i].raw != *text)
            i++;
        if (i < count)
            dh_buffer_printf(out, "\\%c", escapes[i].letter);
        else if ((unsigned char)*text < 0x20 || *text == 0x7F)
            dh_buffer_printf(out, "\\x%02X", (unsigned)(unsigned char)*text);
        else
            dh_buffer_append(out, text, 1);
    }
    dh_buffer_text(out, "\"");
}

struct writer {
    struct dh_buffer *out;
    const char *file; /* whose lines are kept */
    int line;         /* of what is written next */
};

/* On to the line of `node`, or a blank if that is not further down. */
static void separate(struct writer *writer, const struct dh_node *node, int depth)
{
    bool ours = node->file && writer->file && strcmp(node->file, writer->file) == 0;
    if (!ours || node->line <= writer->line) {
        dh_buffer_text(writer->out, writer->out->size ? " " : "");
        return;
    }
    for (; writer->line < node->line; writer->line++)
        dh_buffer_text(writer->out, "\n");
    for (int i = 0; i < depth; i++)
        dh_buffer_text(writer->out, "  ");
}

static void write_value(struct writer *writer, const struct dh_node *node, int depth);

static void write_children(struct writer *writer, const struct dh_node *node, int depth)
{
    bool list = node->kind == DH_NODE_LIST;
    for (size_t i = 0; i < node->child_count; i++) {
        const struct dh_node *child = node->children[i];
        separate(writer, child, depth);
        if (!list)
            dh_buffer_printf(writer->out, "%s = ", child->name);
        write_value(writer, child, depth);
        dh_buffer_text(writer->out, !list ? ";" : i + 1 < node->child_count ? "," : "");
    }
}

static void write_value(struct writer *writer, const struct dh_node *node, int depth)
{
    struct dh_buffer *out = writer->out;
    switch (node->kind) {
    case DH_NODE_GROUP:
    case DH_NODE_LIST:
        dh_buffer_text(out, node->kind == DH_NODE_GROUP ? "{" : "(");
        write_children(writer, node, depth + 1);
        dh_buffer_text(out, node->kind == DH_NODE_GROUP ? " }" : " )");
        break;
    case DH_NODE_BOOL:
        dh_buffer_text(out, node->integer ? "true" : "false");
        break;
    case DH_NODE_INT:
        dh_buffer_printf(out, "%lld%s", (long long)node->integer,
                         node->integer < INT32_MIN || node->integer > INT32_MAX ? "L" : "");
        break;
    case DH_NODE_REAL:
        dh_text_put_real(out, node->number);
        break;
    case DH_NODE_TEXT:
        write_text(node->text, out);
        break;
    }
}

void dh_tree_write(const struct dh_node *root, struct dh_buffer *out)
{
    struct writer writer = {.out = out, .file = root->file, .line = 1};
    write_children(&writer, root, 0);
    dh_buffer_text(out, root->child_count ? "\n" : "");
}
