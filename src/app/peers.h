/* What the manager knows of the other ranks: when each was last heard of, and which are lost.
 *
 * Time here counts only while the manager is awake: a step that took long (a hung disk, a stopped
 * process, a plugin that runs in this very process) counts as at most a fraction of the limit,
 * since what the ranks sent meanwhile has not been read. So nobody is declared lost because the
 * manager was away.
 */
#ifndef DH_MPI_APP_PEERS_H
#define DH_MPI_APP_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/comm.h"

/* Heartbeats are sent when nothing else was for this share of lost_after. */
#define DH_HEARTBEAT_SHARE 0.25
/* A worker that cannot hear the manager has nobody to hand its results to; but it gives up much
 * later than the other way round, since it takes the whole search with it. */
#define DH_MANAGER_PATIENCE 10.0

/* A clock that counts at most `longest` seconds between two readings. */
struct dh_awake {
    double time, last, longest;
};
double dh_awake_at(struct dh_awake *awake, double now);

struct dh_peer {
    bool lost;   /* for good */
    bool aside;  /* it cannot evaluate, and stays to the end */
    bool silent; /* its evaluations run in the rank: see dh_hello */
    bool told;   /* lost, came back, and was told to end */
    bool bye;
    double heard;              /* awake time */
    bool suspect;              /* its failures were told of */
    uint64_t streak, since[2]; /* failures in a row, and `results` at the first of them */
    int32_t pid;
    char host[64];
};

struct dh_peers {
    struct dh_peer *all; /* by rank; [0] is the manager itself */
    int count;
    int lost, aside, byes;
    uint64_t results[2]; /* of all ranks: failed, good */
    double lost_after;
    double next_scan;
    struct dh_awake awake;
};

void dh_peers_open(struct dh_peers *peers, int count, double lost_after, double now);
void dh_peers_close(struct dh_peers *peers);
/* At the beginning of each step. */
void dh_peers_wake(struct dh_peers *peers, double now);
static inline void dh_peers_heard(struct dh_peers *peers, int rank)
{
    peers->all[rank].heard = peers->awake.time;
}
void dh_peers_hello(struct dh_peers *peers, int rank, const struct dh_hello *hello);
/* Is it time to look for silent ranks? Once a second, or as lost_after wants it. */
bool dh_peers_scan_due(struct dh_peers *peers);
/* Seconds since `rank` was heard of; negative for those that need not be. */
double dh_peers_silence(const struct dh_peers *peers, int rank);
/* Have all ranks that are not lost said goodbye? */
bool dh_peers_gone(const struct dh_peers *peers);
/* An evaluation of `rank` has ended. True once: it has failed so often in a row, while those of
 * others have not, that this is no chance; its machine will be unsound. */
bool dh_peers_result(struct dh_peers *peers, int rank, bool good);
/* "rank 3 (node7, process 123)" */
void dh_peers_name(const struct dh_peers *peers, int rank, struct dh_buffer *out);
/* "2 of 7: rank 3 (…), rank 5 (…)", at most so many by name as a line holds. */
void dh_peers_list_lost(const struct dh_peers *peers, struct dh_buffer *out);
void dh_peers_list_aside(const struct dh_peers *peers, struct dh_buffer *out);

#endif
