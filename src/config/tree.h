/* Inside src/config: how a configuration is built. See config.h for what others see. */
#ifndef DH_MPI_CONFIG_TREE_H
#define DH_MPI_CONFIG_TREE_H

#include "dh_mpi/config.h"

/* Groups and lists nest at most this deep: whoever walks a tree may recurse. */
#define DH_CONFIG_DEPTH 64

struct dh_config {
    struct dh_node *root;
    char *path;
    char *folder;
    char *text;
    bool closed;  /* its text may not include files */
    char **files; /* names that nodes refer to */
    size_t file_count, file_capacity;
};

struct dh_node *dh_node_create(enum dh_node_kind kind, const char *name, const char *file,
                               int line);
void dh_node_free(struct dh_node *node); /* with its children; NULL is fine */
void dh_node_append(struct dh_node *parent, struct dh_node *child);

/* The config's own copy of a file name. */
const char *dh_config_file_name(struct dh_config *config, const char *name);

/* Parse libconfig text into a group that the caller owns. */
dh_status dh_tree_parse(struct dh_config *config, const char *name, const char *text,
                        struct dh_node **out, struct dh_error *err);

/* libconfig 1.5 silently takes integers modulo 2^32 unless an L follows. Copy `text` to `out`
 * with an L behind each integer that needs one; `first_line` receives the line of the first (0:
 * none did). Fails where an integer does not fit 64 bits. */
dh_status dh_literals_widen(const char *file, const char *text, struct dh_buffer *out,
                            int *first_line, struct dh_error *err);

/* The line of the first @include of a text, 0 if it has none. Outside of strings and comments an @
 * can begin nothing else. */
int dh_literals_include(const char *text);

/* Apply one PATH=VALUE. */
dh_status dh_override_apply(struct dh_config *config, const char *override, struct dh_error *err);

/* The tree as libconfig text. */
void dh_tree_write(const struct dh_node *root, struct dh_buffer *out);

/* Has an option a range, and in words: "between 1 and 64", "at least 1", "at most 64". */
bool dh_option_ranged(const struct dh_option *option);
void dh_option_put_range(const struct dh_option *option, struct dh_buffer *out);

/* Problems collected one a line. */
struct dh_problems {
    struct dh_buffer lines;
};
void dh_problems_add(struct dh_problems *problems, const struct dh_error *err);
/* DH_OK if there are none, otherwise DH_CONFIG with all of them in err. Frees. */
dh_status dh_problems_end(struct dh_problems *problems, struct dh_error *err);

#endif
