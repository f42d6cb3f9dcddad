/* A tree back to libconfig text that parses to the same tree. Arrays become lists. */
#include <string.h>

#include "dh_mpi/text.h"
#include "tree.h"

static void indent(struct dh_buffer *out, int depth)
{
    for (int i = 0; i < depth; i++)
        dh_buffer_text(out, "  ");
}

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

/* With a point or an exponent, so that it stays a real. */
static void write_real(double number, struct dh_buffer *out)
{
    size_t start = out->size;
    dh_text_put_number(out, number);
    if (!strpbrk(out->data + start, ".e"))
        dh_buffer_text(out, ".0");
}

static void write_value(const struct dh_node *node, int depth, struct dh_buffer *out);

static void write_children(const struct dh_node *node, int depth, struct dh_buffer *out)
{
    for (size_t i = 0; i < node->child_count; i++) {
        const struct dh_node *child = node->children[i];
        bool inside_list = node->kind == DH_NODE_LIST;
        indent(out, depth);
        if (!inside_list)
            dh_buffer_printf(out, "%s = ", child->name);
        write_value(child, depth, out);
        dh_buffer_text(out, !inside_list ? ";\n" : i + 1 < node->child_count ? ",\n" : "\n");
    }
}

static void write_value(const struct dh_node *node, int depth, struct dh_buffer *out)
{
    switch (node->kind) {
    case DH_NODE_GROUP:
    case DH_NODE_LIST:
        dh_buffer_text(out, node->kind == DH_NODE_GROUP ? "{\n" : "(\n");
        write_children(node, depth + 1, out);
        indent(out, depth);
        dh_buffer_text(out, node->kind == DH_NODE_GROUP ? "}" : ")");
        break;
    case DH_NODE_BOOL:
        dh_buffer_text(out, node->integer ? "true" : "false");
        break;
    case DH_NODE_INT:
        dh_buffer_printf(out, "%lld%s", (long long)node->integer,
                         node->integer < INT32_MIN || node->integer > INT32_MAX ? "L" : "");
        break;
    case DH_NODE_REAL:
        write_real(node->number, out);
        break;
    case DH_NODE_TEXT:
        write_text(node->text, out);
        break;
    }
}

void dh_tree_write(const struct dh_node *root, struct dh_buffer *out)
{
    write_children(root, 0, out);
}
