/* Reading CSV as RFC 4180 has it, and as spreadsheets write it: quotes, line ends of either kind,
 * a byte order mark, blank lines, rows of separators alone. */
#ifndef DH_STORE_CSV_H
#define DH_STORE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/status.h"

#define DH_CSV_LONGEST (64u << 20) /* bytes of a row; more is no CSV */

struct dh_csv {
    FILE *stream; /* borrowed */
    const char *name;
    uint64_t line;          /* where the row just read begins */
    uint64_t next_line;     /* zero-initialise */
    struct dh_buffer texts; /* the fields, each with a NUL behind it */
    size_t *starts;         /* of the fields in `texts` */
    size_t count, capacity;
    bool begun;
};

/* The next row that is not blank. DH_EMPTY at the end; DH_CORRUPT with file:line for a quotation
 * that does not end, or an endless row, or UTF-16; DH_IO. */
dh_status dh_csv_row(struct dh_csv *csv, struct dh_error *err);
const char *dh_csv_field(const struct dh_csv *csv, size_t i);
void dh_csv_free(struct dh_csv *csv);

#endif
