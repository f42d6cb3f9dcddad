/* What the tests of the searches stand on: a space from a text, a context, and asking in a row. */
#ifndef DH_TEST_SEARCH_BENCH_H
#define DH_TEST_SEARCH_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dh_mpi/search.h"

struct bench {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct dh_search_context context;
    double *points;                  /* for the method "list" */
    double *old_points, *old_values; /* of `warm_start` */
    size_t width;
};

/* `text` has parameters, constraints and what else is wanted but the evaluator. Fails the test if
 * it is no valid configuration. */
void bench_open(struct bench *bench, const char *text, uint64_t seed);
void bench_close(struct bench *bench);
struct dh_search *bench_search(struct bench *bench);
/* A log of everything to a file of its own; its text, the caller's to free, closes that. */
struct dh_log bench_log(void);
char *bench_log_text(struct dh_log *log);

/* `count` old results, as if read from a file of `warm_start`: draws from the priors with
 * bench_value, each sixth of them failed. */
void bench_give_old(struct bench *bench, size_t count);

/* What a search proposed, and how it ended. */
struct run {
    double *points;
    struct dh_proposal *proposals; /* their `point` is NULL */
    size_t count, width;
    dh_status status; /* of the ask after the last point; OK if the limit was reached */
    struct dh_error error;
};

/* Ask for trials first … first + limit - 1. */
struct run bench_run(struct bench *bench, struct dh_search *search, uint64_t first, size_t limit);
/* The same from a search made, and destroyed again, for this. */
struct run bench_run_new(struct bench *bench, size_t limit);
void run_free(struct run *run);
const double *run_point(const struct run *run, size_t index);

/* The same as a whole search would: what is asked becomes a trial of `history`, and every other
 * trial ends a little later, each sixth with a failure; the search hears of all of it. Goes on
 * where `history` ends. */
struct run bench_play(struct bench *bench, struct dh_search *search, struct dh_history *history,
                      size_t limit);
/* The value that trials at `point` end with. */
double bench_value(const struct bench *bench, const double *point);

/* The history of bench_play after the first `count` proposals of the run. */
struct dh_history *run_history(const struct bench *bench, const struct run *run, size_t count);

/* Number of feasible settled points of a finite space, by brute force over the whole product. */
size_t bench_brute_count(const struct bench *bench);

#endif
