/* Which of many slots is due first: a binary heap of slots by time. Setting, clearing and asking
 * cost at most the logarithm of their number. */
#ifndef DH_EVAL_TIMERS_H
#define DH_EVAL_TIMERS_H

#include <stdint.h>

struct eval_timers {
    int32_t count;
    int32_t *heap;   /* slots; that at i is not due after those at 2i + 1 and 2i + 2 */
    int32_t *places; /* in the heap, by slot; -1: has no time */
    double *times;   /* by slot */
};

void eval_timers_open(struct eval_timers *timers, int32_t slots);
void eval_timers_close(struct eval_timers *timers);
/* `slot` has no time yet. */
void eval_timers_set(struct eval_timers *timers, int32_t slot, double time);
/* Nothing happens where it has none. */
void eval_timers_clear(struct eval_timers *timers, int32_t slot);
/* The slot that is due first, and when; -1 and INFINITY where no slot has a time. */
int32_t eval_timers_first(const struct eval_timers *timers, double *time);

#endif
