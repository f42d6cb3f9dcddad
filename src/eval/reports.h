/* Intermediate results of an evaluation, whoever runs it: a bounded number, as JSON. */
#ifndef DH_EVAL_REPORTS_H
#define DH_EVAL_REPORTS_H

#include <stdbool.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/history.h"

#define EVAL_REPORT_LIMIT 10000 /* of one evaluation */

/* Zero-initialise. */
struct eval_reports {
    struct dh_buffer text; /* [[step, value], …, without the last bracket */
    size_t count, dropped, unread;
    char *first_unread;
};
/* False if it is dropped: there are too many already. */
bool eval_reports_add(struct eval_reports *reports, double step, double value);
/* `line` should have been one, and cannot be read. */
void eval_reports_miss(struct eval_reports *reports, const char *line);
/* The evaluation is over: what came is the outcome's, what is missing is noted at the end of its
 * stderr_tail; then there are none. */
void eval_reports_hand_over(struct eval_reports *reports, struct dh_outcome *outcome);
void eval_reports_clear(struct eval_reports *reports);

#endif
