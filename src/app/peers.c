/* The ranks that the manager knows: see peers.h. */
#include "peers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define SCAN_GAP 1.0
/* A step longer than this share of lost_after counts as so long. */
#define LONGEST_STEP 0.125
#define MOST_NAMES 16
/* A chance that is none, for all ranks together. */
#define NO_CHANCE 1e-6

static double log_gamma(double x)
{
    int sign; /* lgamma has it in a global variable */
    return lgamma_r(x, &sign);
}

double dh_awake_at(struct dh_awake *awake, double now)
{
    awake->time += fmin(fmax(now - awake->last, 0), awake->longest);
    awake->last = now;
    return awake->time;
}

void dh_peers_open(struct dh_peers *peers, int count, double lost_after, double now)
{
    *peers = (struct dh_peers){
        .all = dh_alloc((size_t)count, sizeof *peers->all),
        .count = count,
        .lost_after = lost_after,
        .awake = {.last = now, .longest = LONGEST_STEP * lost_after},
    };
}

void dh_peers_close(struct dh_peers *peers)
{
    free(peers->all);
    *peers = (struct dh_peers){0};
}

void dh_peers_wake(struct dh_peers *peers, double now)
{
    dh_awake_at(&peers->awake, now);
}

void dh_peers_hello(struct dh_peers *peers, int rank, const struct dh_hello *hello)
{
    struct dh_peer *peer = &peers->all[rank];
    peer->silent = hello->silent;
    peer->pid = hello->pid;
    memcpy(peer->host, hello->host, sizeof peer->host);
}

bool dh_peers_scan_due(struct dh_peers *peers)
{
    if (peers->awake.time < peers->next_scan)
        return false;
    peers->next_scan = peers->awake.time + fmin(SCAN_GAP, LONGEST_STEP * peers->lost_after);
    return true;
}

double dh_peers_silence(const struct dh_peers *peers, int rank)
{
    const struct dh_peer *peer = &peers->all[rank];
    return rank == 0 || peer->lost || peer->bye ? -1 : peers->awake.time - peer->heard;
}

bool dh_peers_gone(const struct dh_peers *peers)
{
    return peers->lost + peers->byes >= peers->count - 1;
}

bool dh_peers_result(struct dh_peers *peers, int rank, bool good)
{
    struct dh_peer *peer = &peers->all[rank];
    peers->results[good]++;
    if (good)
        peer->streak = 0;
    if (good || peer->suspect)
        return false;
    if (peer->streak++ == 0)
        memcpy(peer->since, peers->results, sizeof peer->since);
    /* what others had meanwhile */
    double failed = (double)(peers->results[0] - peer->since[0] - (peer->streak - 1));
    double fine = (double)(peers->results[1] - peer->since[1]);
    /* of so many failures in a row at their rate, over all rates that what they had leaves open */
    double k = (double)peer->streak;
    double chance = log_gamma(failed + 1 + k) - log_gamma(failed + 1) -
                    log_gamma(failed + fine + 2 + k) + log_gamma(failed + fine + 2);
    peer->suspect = fine > 0 && chance + log(peers->count) < log(NO_CHANCE);
    return peer->suspect;
}

void dh_peers_name(const struct dh_peers *peers, int rank, struct dh_buffer *out)
{
    const struct dh_peer *peer = &peers->all[rank];
    if (peer->host[0])
        dh_buffer_printf(out, "rank %d (%s, process %d)", rank, peer->host, (int)peer->pid);
    else
        dh_buffer_printf(out, "rank %d (which never said hello)", rank);
}

static bool is_lost(const struct dh_peer *peer)
{
    return peer->lost;
}

static bool is_aside(const struct dh_peer *peer)
{
    return peer->aside;
}

static void list(const struct dh_peers *peers, bool (*belongs)(const struct dh_peer *), int count,
                 struct dh_buffer *out)
{
    int named = 0;
    dh_buffer_printf(out, "%d of %d: ", count, peers->count - 1);
    for (int rank = 1; rank < peers->count && named < MOST_NAMES; rank++)
        if (belongs(&peers->all[rank])) {
            dh_buffer_text(out, named++ ? ", " : "");
            dh_peers_name(peers, rank, out);
        }
    if (named < count)
        dh_buffer_text(out, ", …");
}

void dh_peers_list_lost(const struct dh_peers *peers, struct dh_buffer *out)
{
    list(peers, is_lost, peers->lost, out);
}

void dh_peers_list_aside(const struct dh_peers *peers, struct dh_buffer *out)
{
    list(peers, is_aside, peers->aside, out);
}
