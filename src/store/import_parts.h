/* The parts of the reader of old results: import.c has what its two sources share, import_csv.c and
 * import_image.c are those. */
#ifndef DH_STORE_IMPORT_PARTS_H
#define DH_STORE_IMPORT_PARTS_H

#include "dh_mpi/store.h"
#include "dialect.h"

#define NOWHERE SIZE_MAX

struct importer {
    const char *path;
    const struct dh_space *space;
    const struct dh_settings *settings;
    enum dh_import_rows rows;
    struct dh_import *out;
    struct dh_buffer notes, warnings, losses, moved;
    struct dh_buffer reason;        /* why the first row was skipped, a line */
    size_t valued;                  /* rows kept with a value of the first objective */
    size_t without, failed_without; /* rows with none: called ok, called nothing */
    size_t moved_count;             /* values that the space has no digits for */
    bool *blanks;                   /* of each parameter: cells without a value were noted … */
    bool unread, unknown_status;    /* … an objective that is no number, a status that is none */
    size_t capacity;                /* rows */
    size_t *parameters;             /* column of each parameter of the space, or NOWHERE */
    size_t *objectives;             /* column of each objective, or NOWHERE */
    size_t width;                   /* columns of a CSV file */
    size_t status;                  /* column of our status, or Optuna's state, or NOWHERE */
    const struct dh_dialect *dialect; /* of a CSV file; NULL: it is a checkpoint */
};

/* Where a row stands in its file, for notes: "FILE:12", "FILE: trial 12". */
struct place {
    const char *what; /* "" or " trial " */
    unsigned long long number;
};

/* Read all of the source: DH_CONFIG if it is of another search; DH_CORRUPT; DH_IO. */
dh_status import_read_csv(struct importer *importer, FILE *stream, struct dh_error *err);
dh_status import_read_image(struct importer *importer, struct dh_error *err);

/* Room for one more row; its values are NaN. */
double *import_add_row(struct importer *importer, double **objectives);
/* Is a row of that status left out? Counted if so. */
bool import_left_out(struct importer *importer, int status);
/* Keep the row just filled if `status` is DH_OK and the space takes it; otherwise it is counted. */
void import_finish_row(struct importer *importer, double *point, struct place place,
                       dh_status status, struct dh_error *err);
/* A line of the notes. */
void import_note_at(struct importer *importer, struct place place, const char *text);
void import_note_list(struct importer *importer, const struct dh_buffer *names, const char *what);
/* "a, b" */
void import_add_name(struct dh_buffer *names, const char *name);
/* Once columns are matched: DH_CONFIG if nothing is of this search; notes about what is missing. */
dh_status import_check_parameters(struct importer *importer, struct dh_error *err);
dh_status import_check_objectives(struct importer *importer, const struct dh_buffer *there,
                                  struct dh_error *err);
/* The choice of that text, or -1. */
int import_find_choice(const struct dh_parameter *parameter, const char *text);
/* A text as a value, as the space or other programs write it; "" is NaN. */
dh_status import_parse_value(const struct dh_parameter *parameter, const char *text, double *value,
                             struct dh_error *err);
/* Note parameters that are active in a row and have no value there. */
void import_note_blanks(struct importer *importer, const double *cells, struct place place);

#endif
