/* A team of threads for one batch of jobs: see team.h. Whoever is free takes the next index. */
#include "team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/thread.h"

struct team {
    void (*job)(void *context, size_t index);
    void *context;
    size_t count;
    atomic_size_t next;
};

static void *work(void *argument)
{
    struct team *team = argument;
    for (size_t i; (i = atomic_fetch_add(&team->next, 1)) < team->count;)
        team->job(team->context, i);
    return NULL;
}

void dh_team_run(int threads, size_t count, void (*job)(void *context, size_t index), void *context)
{
    struct team team = {.job = job, .context = context, .count = count};
    size_t helpers = threads > 1 ? (size_t)threads - 1 : 0;
    if (helpers >= count)
        helpers = count ? count - 1 : 0;
    pthread_t *ids = dh_alloc(helpers, sizeof *ids);
    size_t started = 0;
    while (started < helpers && dh_thread_start_helper(&ids[started], work, &team) == 0)
        started++;
    work(&team);
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    free(ids);
}
