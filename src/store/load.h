/* The parts of a checkpoint's reader: load.c says what is read, load_rows.c reads the rows of one
 * dataset, load_parameters.c turns those of a parameter into its values. */
#ifndef DH_STORE_LOAD_H
#define DH_STORE_LOAD_H

#include "checkpoint.h"

struct dh_checkpoint {
    char *path;
    struct dh_image image;
    hid_t file;
    uint64_t event;
    char *config_text;
    struct dh_usage usage;
    /* while loading */
    const struct dh_space *space;
    struct dh_history *history;
    uint64_t count;
};

/* How a column's cells are taken: false if the cell cannot be believed. */
struct dh_load_column {
    const char *name; /* below /trials */
    hid_t memory_type;
    size_t size;
    bool text;                      /* cells are char *, which `take` takes */
    H5T_class_t class, other_class; /* of what is in the file */
    bool (*take)(struct dh_checkpoint *checkpoint, const void *target, uint64_t id, void *cell);
    const void *target;
};

/* DH_CORRUPT, naming `what`. */
dh_status dh_load_damaged(const struct dh_checkpoint *checkpoint, const char *what,
                          struct dh_error *err);
/* Transfer properties with which texts come from malloc. */
hid_t dh_load_transfer(struct dh_checkpoint *checkpoint);
/* Can a cell of that type in the file be one of ours, by its size? */
bool dh_load_small(hid_t type);
/* Give every cell to the column's `take`. `checkpoint->count` has to be the number of rows;
 * UINT64_MAX: it becomes that. */
dh_status dh_load_rows(struct dh_checkpoint *checkpoint, const struct dh_load_column *column,
                       struct dh_error *err);
/* The values of parameter `index` of checkpoint->space. */
dh_status dh_load_parameter(struct dh_checkpoint *checkpoint, size_t index, struct dh_error *err);

#endif
