/* All files of a folder, kept in memory and put back. */
#ifndef TEST_STORE_SHELF_H
#define TEST_STORE_SHELF_H

#include "dh_mpi/buffer.h"

struct shelf {
    struct {
        char name[64];
        struct dh_buffer bytes;
    } files[16];
    size_t count;
};

void shelf_take(struct shelf *shelf, const char *folder);
/* Make the folder hold exactly these files. */
void shelf_put(const struct shelf *shelf, const char *folder);
void shelf_empty_folder(const char *folder);
/* The bytes of a file; the test fails if it is not there. */
struct dh_buffer *shelf_find(struct shelf *shelf, const char *name);
void shelf_drop(struct shelf *shelf, const char *name);
void shelf_free(struct shelf *shelf);

#endif
