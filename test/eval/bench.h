/* What the tests of the evaluators share: a pool on a configuration in a folder of its own, and
 * the search for processes that should be gone. */
#ifndef DH_TEST_EVAL_BENCH_H
#define DH_TEST_EVAL_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dh_mpi/eval.h"

struct bench {
    char folder[64];
    char mark[64]; /* DH_TEST_MARK=… in the environment of all that it starts */
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
    struct dh_launcher *launcher;
    struct dh_eval *eval;
    struct dh_error err;
    size_t reports; /* REPORT events so far, and the last one */
    double step, value;
};

/* The parameters of the test space, in their order. `momentum` is active with act = relu. */
enum { BENCH_LR, BENCH_UNITS, BENCH_ACT, BENCH_MOMENTUM, BENCH_DEBUG, BENCH_PARAMETERS };
/* Indices of act: relu, then values that a shell would take amiss. */
enum { ACT_RELU, ACT_HOSTILE, ACT_DASH };
#define HOSTILE "a b';touch hacked;$(touch hacked)`touch hacked`\" *"

/* Of each test: a bench with nothing but its folder; closed and freed. */
int bench_setup(void **state);
int bench_teardown(void **state);
void bench_write(const struct bench *bench, const char *name, const char *text);
char *bench_read(const struct bench *bench, const char *name); /* NULL: not there */
/* Configure for `objectives` objectives, with the launcher if there is one; does not assert. */
dh_status bench_load(struct bench *bench, int objectives, const char *evaluator);
/* Load, start a launcher (unless there is one), make the pool; asserts. */
void bench_open(struct bench *bench, int objectives, const char *evaluator);
/* The same with a pool that runs `script` by sh, with further settings: {lr}, {act} and {momentum}
 * are its arguments. */
void bench_open_script(struct bench *bench, const char *script, const char *settings);
void bench_close(struct bench *bench); /* asserts that no process is left */

void bench_start(struct bench *bench, uint64_t trial, int32_t slot, int act);
/* The next DONE event within 30 s, counting reports; asserts. */
struct dh_eval_event bench_wait(struct bench *bench);
/* start and wait, in slot 0 with act = relu. */
struct dh_outcome bench_run(struct bench *bench, uint64_t trial);
/* One evaluation, trial 7, by `script`. */
struct dh_outcome bench_run_script(struct bench *bench, const char *script, const char *settings);

void assert_failed(const struct dh_outcome *outcome, const char *reason);
void assert_value(const struct dh_outcome *outcome, double value);

/* Processes with `mark` in their environment: now, and once they are `expected` (or will not be).
 */
int bench_marked(const char *mark);
int bench_marked_settles(const char *mark, int expected);

#endif
