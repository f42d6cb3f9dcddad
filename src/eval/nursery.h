/* The nursery: the process that forks the rank's launchers, and outlives them.
 *
 * A rank must not fork once MPI is initialised, so what can replace a killed launcher has to be
 * there before. The nursery is a child of the rank and the parent of the launcher; it sleeps until
 * the rank asks for a launcher, or is gone. It is a subreaper: what a killed launcher leaves
 * (guards, which then end everything below them) becomes its own, and is ended before the next
 * launcher starts.
 *
 * rank → nursery: one byte, a request; any other message is ignored. nursery → rank: pid of the
 * launcher, with the rank's end of a stream to it as a passed descriptor; a pid of 0 and no
 * descriptor if there can be none. */
#ifndef DH_EVAL_NURSERY_H
#define DH_EVAL_NURSERY_H

#include <sys/types.h>

/* The nursery's life, in a freshly forked process; `fd` is its end of a socket of messages. */
void eval_nursery_run(int fd) __attribute__((noreturn));

/* The rank's side: ask for a launcher. Its pid and `*launcher_fd`, or 0 if there is none. Waits at
 * most `patience` seconds. */
pid_t eval_nursery_ask(int fd, double patience, int *launcher_fd);

#endif
