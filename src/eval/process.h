/* Processes of the machine as /proc shows them: finding and ending trees of descendants. */
#ifndef DH_EVAL_PROCESS_H
#define DH_EVAL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct eval_process {
    pid_t pid, parent;
    char state;        /* as in /proc: R S D T Z … */
    uint64_t resident; /* bytes */
};

/* Zero-initialise; sorted by pid after a scan. */
struct eval_process_table {
    struct eval_process *rows;
    size_t count, capacity;
};

/* Does /proc show this process, by its own number? It may be missing in a container, or belong to
 * the outside of one. */
bool eval_process_visible(void);
/* Empty where they are not visible. */
void eval_process_scan(struct eval_process_table *table);
void eval_process_table_free(struct eval_process_table *table);

/* Is `row` of the table alive and below `root`? */
bool eval_process_descends(const struct eval_process_table *table, const struct eval_process *row,
                           pid_t root);

/* What the living descendants of `root` use together. Memory that they share counts for each. */
struct eval_process_use {
    uint64_t resident; /* bytes */
    size_t processes;
};
struct eval_process_use eval_process_tree_use(const struct eval_process_table *table, pid_t root);
/* Bytes of memory of theirs now, where a page that n processes share counts 1/n for each (Pss of
 * /proc/PID/smaps_rollup). Of a process that cannot be asked (another user's, Linux before 4.14),
 * what it had resident in the scan. The kernel goes through their page tables for that: some
 * milliseconds per GiB. */
uint64_t eval_process_tree_memory(const struct eval_process_table *table, pid_t root);

/* Who is spared when the descendants of a process are killed. */
struct eval_spared {
    const pid_t *pids;
    size_t count;
    bool descendants; /* theirs too */
    /* and who cleans up after processes that have ended: the trackers of Python's (and loky's)
     * multiprocessing, and torch_shm_manager, which remove what others leave in /dev/shm. They end
     * by themselves when those they serve are gone */
    bool cleaners;
};

/* SIGKILL to every descendant of `root` but the spared (may be NULL). They are all stopped before
 * the first is killed, so that not even a fork bomb at its process limit gets away. Returns how
 * many living ones there were: call again (and reap) until that is 0. With `below`, the number of
 * those below one who is spared is added to it. */
size_t eval_process_kill_descendants(pid_t root, const struct eval_spared *spared, size_t *below);

/* A moment between two looks at processes that are about to end. */
void eval_process_nap(void);

/* Close every descriptor from 3 on that is not in `keep`. */
void eval_process_close_others(const int *keep, size_t count);

#endif
