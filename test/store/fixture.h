/* A search whose state is a pure function of the number of events, for the tests of this room. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/history.h"
#include "dh_mpi/random.h"
#include "dh_mpi/store.h"

struct fixture {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    char folder[64];
    char path[96]; /* of the checkpoint, in `folder` */
};

/* Parameters of every type: conditional ones, texts that are empty or quoted or not ASCII. */
extern const char fixture_config[];
extern const char fixture_reordered[]; /* the same in another order, with a larger budget */

void fixture_open_config(struct fixture *f, const char *config);
void fixture_open(struct fixture *f);
/* Also removes the folder. */
void fixture_close(struct fixture *f);
/* PATH + suffix, in a static buffer of the caller. */
const char *fixture_file(const struct fixture *f, const char *suffix, char out[160]);

/* The checkpoint file alone, of the state after `mark` events. */
dh_status fixture_checkpoint(const struct fixture *f, const char *path,
                             const struct dh_history *history, uint64_t mark, struct dh_error *err);

/* The next event of the history; returns its trial, `*ended` says which kind it was. */
struct dh_trial *fixture_step(const struct fixture *f, struct dh_history *history, bool *ended);
/* The history after so many events. */
struct dh_history *fixture_history(const struct fixture *f, uint64_t events);
/* As fixture_step, recorded. */
void fixture_record(const struct fixture *f, struct dh_history *history, struct dh_store *store);

/* Fails the test where two histories differ; a NULL text counts as an empty one. Parameters of
 * `b` are found by name. */
void fixture_same(const struct dh_space *space_a, const struct dh_history *a,
                  const struct dh_space *space_b, const struct dh_history *b);

void fixture_read_file(const char *path, struct dh_buffer *out);
void fixture_write_file(const char *path, const void *data, size_t size);
bool fixture_exists(const char *path);

#endif
