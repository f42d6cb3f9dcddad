/* What the tests of ambs's private parts stand on: its state without the front, trials whose points
 * follow from their ids, and models that say what a test wants. */
#ifndef DH_TEST_SEARCH_AMBS_STAGE_H
#define DH_TEST_SEARCH_AMBS_STAGE_H

#include "bench.h"

#include "../../src/search/ambs_ask.h"
#include "../../src/search/ambs_fit.h"
#include "../../src/search/ambs_model.h"

#define SQUARE                                                                                     \
    "parameters = ("                                                                               \
    "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"y\"; type = \"real\"; low = 0.0; high = 1.0; } );"                                 \
    "objectives = ( { name = \"f\"; goal = \"minimize\"; } );"
#define MIXED                                                                                      \
    "parameters = ("                                                                               \
    "{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; },"                                   \
    "{ name = \"n\"; type = \"int\"; low = 0; high = 10; },"                                       \
    "{ name = \"c\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },"                   \
    "{ name = \"z\"; type = \"real\"; low = 0.0; high = 1.0; when = \"c != 'b'\"; } );"            \
    "objectives = ( { name = \"f\"; goal = \"minimize\"; } );"
#define STAGE_WIDTH 4 /* parameters of the wider one, all of them features */

struct stage {
    struct bench bench;
    struct ambs *ambs;
    void *options;
    uint64_t next; /* trial */
};

/* `text` as for bench_open, with an optimizer; `stage` has to stay where it is. */
void stage_open(struct stage *stage, const char *text);
void stage_close(struct stage *stage);
/* The point of trial `id`, drawn from the prior; and as a row of the model. */
void stage_point(const struct stage *stage, uint64_t id, double *point);
void stage_row(const struct stage *stage, uint64_t id, double *x);
/* What it is worth. */
double stage_value(const struct stage *stage, uint64_t id);
/* The next trial is pending. Returns its id. */
uint64_t stage_propose(struct stage *stage);
/* It has ended; `source`: the last bits of its cursor. */
void stage_end(struct stage *stage, uint64_t id, enum dh_trial_status status, double y,
               unsigned source);
/* It has timed out after so many seconds. */
void stage_time_out(struct stage *stage, uint64_t id, double seconds);
/* So many trials, one after the other, that succeed with their value. */
void stage_results(struct stage *stage, size_t count);
/* The same with the value of their rows. */
void stage_results_of(struct stage *stage, size_t count, double (*value)(const double *x));
/* Values that are likeliest as they are, of rows of SQUARE; and some whose logarithms are likelier
 * by far. */
double stage_smooth(const double *x);
double stage_steep(const double *x);
/* An ask of level `level`, that takes the least mean for the best. */
struct ambs_ask stage_ask(const struct stage *stage, uint64_t id, unsigned level);
/* The method's own ask, which must not fail. */
struct dh_proposal stage_propose_by_method(struct stage *stage, uint64_t id, double budget,
                                           double *point);

/* The greatest difference between what two models say of 40 points, in any view. */
double stage_apart(const struct stage *stage, const struct ambs_live *a, const struct ambs_live *b);

/* What a model says, and what it was asked. */
struct fake {
    double (*mean)(const double *x);
    double aleatoric, epistemic; /* variances, the same everywhere */
    bool differentiable;
    size_t width;
    size_t predicted, gradients; /* rows */
    size_t added, removed;       /* observations */
    size_t destroyed;            /* models */
    double last;                 /* value added */
};
double fake_zero(const double *x);
double fake_bowl(const double *x); /* 0 at (0.3, 0.7), more elsewhere */
struct dh_model *fake_model(struct fake *fake);
/* The stage's model from now on, never due for a fit: `count` fakes, values from -1 to 1, and a
 * transform that changes nothing. */
struct ambs_live *stage_fakes(struct stage *stage, struct fake *fakes, size_t count);

#endif
