/* What an evaluation's main process leaves running may still pass on what it wrote, as `tee` does
 * behind `exec > >(tee run.log)`: the last lines, which count, are then between two processes when
 * it ends. */
#ifndef DH_EVAL_PASSING_H
#define DH_EVAL_PASSING_H

#include <stdbool.h>
#include <sys/types.h>

/* The pipes that an evaluation's output goes into. */
struct eval_passing {
    dev_t devices[2];
    ino_t inodes[2];
    size_t count;
};

/* Of the write ends `output` and `errors`, while they are open. */
struct eval_passing eval_passing_into(int output, int errors);

enum eval_passing_state {
    EVAL_PASSING_NONE,  /* no process can write into the pipes, or there are too many to wait for */
    EVAL_PASSING_QUIET, /* some can; all processes sleep */
    EVAL_PASSING_BUSY,  /* some can, and a process is at work */
};

/* What the descendants of `root` are at. A process that was written to is at work from that moment
 * on, also while it waits for a core. Without /proc: NONE. */
enum eval_passing_state eval_passing_look(const struct eval_passing *pipes, pid_t root);

#endif
