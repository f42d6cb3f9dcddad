/* The rank's handle of its launcher process. */
#ifndef DH_EVAL_LAUNCHER_H
#define DH_EVAL_LAUNCHER_H

#include <stdint.h>
#include <sys/types.h>

#include "wire.h"

struct dh_launcher {
    pid_t nursery;
    int nursery_fd; /* see nursery.h */
    pid_t pid;
    int fd;         /* stream of frames (wire.h); -1: there is no launcher any more */
    uint32_t epoch; /* of the last configuration */
};

/* Send a frame. The launcher waits for the rank only where that waits for its answer, so a blocking
 * write ends soon. DH_INTERNAL if it is gone. */
dh_status eval_launcher_send(struct dh_launcher *launcher, enum eval_wire kind,
                             const struct dh_buffer *payload, struct dh_error *err);
/* eval_plugin_try (plugin_call.h), for a rank, which must not fork. No pool may be open. */
dh_status eval_launcher_try(struct dh_launcher *launcher, const char *plugin, struct dh_error *err);

/* The launcher's life, in a process freshly forked by `nursery`. */
void eval_launcher_run(int fd, pid_t nursery) __attribute__((noreturn));

#endif
