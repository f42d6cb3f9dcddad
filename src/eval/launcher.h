/* The rank's handle of its launcher process. */
#ifndef DH_EVAL_LAUNCHER_H
#define DH_EVAL_LAUNCHER_H

#include <stdint.h>
#include <sys/types.h>

struct dh_launcher {
    pid_t nursery;
    int nursery_fd; /* see nursery.h */
    pid_t pid;
    int fd;         /* stream of frames (wire.h); -1: there is no launcher any more */
    uint32_t epoch; /* of the last configuration */
};

/* The launcher's life, in a process freshly forked by `nursery`. */
void eval_launcher_run(int fd, pid_t nursery) __attribute__((noreturn));

#endif
