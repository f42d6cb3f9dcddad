/* The pool in the rank, as its backends see it. */
#ifndef DH_EVAL_POOL_H
#define DH_EVAL_POOL_H

#include "dh_mpi/eval.h"
#include "plan.h"

/* Where evaluations run. All but `create` and `destroy` never see a slot that is not theirs:
 * start is called for free slots only, cancel for busy ones. */
struct eval_backend {
    dh_status (*create)(struct dh_eval *pool, struct dh_error *err);
    void (*destroy)(struct dh_eval *pool); /* also after a failed create */
    dh_status (*start)(struct dh_eval *pool, const struct dh_task *task, struct dh_error *err);
    void (*cancel)(struct dh_eval *pool, int32_t slot, uint64_t trial);
    /* Push the events that there are, also before an error. It is not called again after one. */
    dh_status (*poll)(struct dh_eval *pool, struct dh_error *err);
    /* See dh_eval_fd and dh_eval_next_time; NULL: never readable, at no time by itself. */
    int (*fd)(const struct dh_eval *pool);
    double (*next_time)(const struct dh_eval *pool);
};

struct eval_slot {
    bool busy;
    uint64_t trial;
};

struct dh_eval {
    struct eval_plan *plan;
    const struct eval_backend *backend;
    void *state; /* the backend's */
    struct dh_launcher *launcher;
    const void *communicator;
    struct dh_eval_hooks hooks; /* NULL members: none */
    const struct dh_log *log;
    struct eval_slot *slots;
    struct dh_eval_event *events; /* from `first` on, not handed out yet */
    size_t first, event_count, event_capacity;
    struct dh_error failure; /* of the backend, for good; handed out after the events before it */
};

/* Queue an event; takes its outcome. One for a slot that does not run that trial is dropped. */
void eval_pool_push(struct dh_eval *pool, struct dh_eval_event *event);

extern const struct eval_backend eval_backend_remote, eval_backend_rank;

#endif
