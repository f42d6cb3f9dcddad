/* In which locale a program reads and writes numbers. Where the decimal point is a comma, some take
 * no harm, and some (mawk, the printf of bash) read "0.7" as 0 without a word. */
#ifndef DH_EVAL_DECIMAL_H
#define DH_EVAL_DECIMAL_H

#include "plan.h"

/* In the evaluation's process, whose environment is set: LC_NUMERIC=C, and LC_ALL, which goes
 * before it, becomes LANG, so that the language and character set of messages stay. What the
 * settings `environment` or `resources` say of either stays as it is. */
void eval_decimal_apply(const struct eval_plan *plan);
/* Warn, at `node`, if this process's environment has another decimal point than ours and that is
 * not to reach evaluations. */
void eval_decimal_warn(struct eval_plan *plan, const struct dh_node *node);

#endif
