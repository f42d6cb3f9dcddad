/* The proposer thread: see proposer.h. */
#include "proposer.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/thread.h"

enum command_kind { COMMAND_ASK, COMMAND_PROPOSE, COMMAND_TELL };

struct command {
    enum command_kind kind;
    const struct dh_trial *trial;      /* PROPOSE, TELL */
    double asked_at, budget, patience; /* ASK */
};

/* A growing array that is filled by one side and swapped out whole by the other. */
struct commands {
    struct command *items;
    size_t count, capacity;
};

struct dh_proposer {
    struct dh_proposer_parts parts;
    uint64_t next_id;
    bool threaded; /* really */
    bool ended;    /* an ask was not answered with a point: no further answers */

    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake;
    bool sleeping, quit;
    uint64_t asks; /* not yet answered */
    struct commands in;
    struct dh_proposed **out; /* FIFO: out[taken … out_count) */
    size_t taken, out_count, out_capacity;
    int fd;
};

/* Asks that queue share what is left of the time that slots wait for them: many that come at once
 * are answered quickly. Of one that is overdue the slot got another point by now; its answer is for
 * the next one, which waits anew. */
static double budget_of(struct dh_proposer *proposer, const struct command *ask, double now)
{
    double left = ask->asked_at + ask->patience - now;
    pthread_mutex_lock(&proposer->lock);
    double share = (left > 0 ? left : ask->patience) / (double)proposer->asks;
    pthread_mutex_unlock(&proposer->lock);
    return fmin(ask->budget, share);
}

static void push_answer(struct dh_proposer *proposer, struct dh_proposed *answer)
{
    pthread_mutex_lock(&proposer->lock);
    proposer->asks--;
    *DH_PUSH(proposer->out, proposer->out_count, proposer->out_capacity) = answer;
    bool first = proposer->out_count == proposer->taken + 1;
    if (first) /* within the lock: take drains it there */
        eventfd_write(proposer->fd, 1);
    pthread_mutex_unlock(&proposer->lock);
}

static void answer_ask(struct dh_proposer *proposer, const struct command *ask)
{
    if (proposer->ended)
        return;
    struct dh_proposed *answer = dh_alloc(1, sizeof *answer);
    answer->asked_at = ask->asked_at;
    answer->proposal.point = dh_alloc(proposer->parts.parameter_count, sizeof(double));
    double start = dh_clock_now(proposer->parts.clock);
    answer->proposal.budget = budget_of(proposer, ask, start);
    struct dh_error err;
    answer->status =
        dh_search_ask(proposer->parts.search, proposer->next_id, &answer->proposal, &err);
    if (answer->status != DH_OK)
        answer->error = dh_memdup(&err, sizeof err);
    answer->ready_at = dh_clock_now(proposer->parts.clock);
    answer->seconds = answer->ready_at - start;
    proposer->next_id++;
    proposer->ended = answer->status != DH_OK;
    push_answer(proposer, answer);
}

static void execute(struct dh_proposer *proposer, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_ASK:
        answer_ask(proposer, command);
        break;
    case COMMAND_PROPOSE:
        if (command->trial->id >= proposer->next_id) /* one that was not asked for here */
            proposer->next_id = command->trial->id + 1;
        dh_search_propose(proposer->parts.search, command->trial);
        break;
    case COMMAND_TELL:
        dh_search_tell(proposer->parts.search, command->trial);
        break;
    }
}

/* Wait for commands and swap them for the empty ones in `batch`; false when it is time to end. */
static bool next_batch(struct dh_proposer *proposer, struct commands *batch)
{
    pthread_mutex_lock(&proposer->lock);
    while (proposer->in.count == 0 && !proposer->quit) {
        proposer->sleeping = true;
        pthread_cond_wait(&proposer->wake, &proposer->lock);
    }
    proposer->sleeping = false;
    bool quit = proposer->quit;
    struct commands full = proposer->in;
    proposer->in = *batch;
    *batch = full;
    pthread_mutex_unlock(&proposer->lock);
    return !quit;
}

static bool quitting(struct dh_proposer *proposer)
{
    pthread_mutex_lock(&proposer->lock);
    bool quit = proposer->quit;
    pthread_mutex_unlock(&proposer->lock);
    return quit;
}

static void *serve(void *argument)
{
    struct dh_proposer *proposer = argument;
    struct commands batch = {0};
    while (next_batch(proposer, &batch)) {
        for (size_t i = 0; i < batch.count; i++) {
            if (batch.items[i].kind == COMMAND_ASK && quitting(proposer))
                break;
            execute(proposer, &batch.items[i]);
        }
        batch.count = 0;
    }
    free(batch.items);
    return NULL;
}

struct dh_proposer *dh_proposer_create(const struct dh_proposer_parts *parts)
{
    struct dh_proposer *proposer = dh_alloc(1, sizeof *proposer);
    proposer->parts = *parts;
    proposer->next_id = parts->next_id;
    proposer->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&proposer->lock, NULL);
    pthread_cond_init(&proposer->wake, NULL);
    /* Where no thread can be had, asks are answered in the caller's. */
    proposer->threaded = parts->threaded && !parts->lanes &&
                         dh_thread_start(&proposer->thread, serve, proposer) == 0;
    return proposer;
}

void dh_proposer_destroy(struct dh_proposer **handle)
{
    struct dh_proposer *proposer = *handle;
    if (!proposer)
        return;
    if (proposer->threaded) {
        pthread_mutex_lock(&proposer->lock);
        proposer->quit = true;
        pthread_cond_signal(&proposer->wake);
        pthread_mutex_unlock(&proposer->lock);
        pthread_join(proposer->thread, NULL);
    }
    for (size_t i = proposer->taken; i < proposer->out_count; i++)
        dh_proposed_free(proposer->out[i]);
    free(proposer->out);
    free(proposer->in.items);
    close(proposer->fd);
    pthread_cond_destroy(&proposer->wake);
    pthread_mutex_destroy(&proposer->lock);
    free(proposer);
    *handle = NULL;
}

/* Without a thread; on the lane that stands for it, if there should be one. */
static void execute_here(struct dh_proposer *proposer, const struct command *command)
{
    const struct dh_lanes *lanes = proposer->parts.threaded ? proposer->parts.lanes : NULL;
    if (lanes)
        lanes->enter(lanes->context, command->kind == COMMAND_ASK ? DH_WORK_ASK : DH_WORK_TELL);
    execute(proposer, command);
    if (lanes)
        lanes->leave(lanes->context);
}

static void submit(struct dh_proposer *proposer, struct command command, uint64_t times)
{
    pthread_mutex_lock(&proposer->lock);
    proposer->asks += command.kind == COMMAND_ASK ? times : 0;
    if (!proposer->threaded) {
        pthread_mutex_unlock(&proposer->lock);
        for (uint64_t i = 0; i < times; i++)
            execute_here(proposer, &command);
        return;
    }
    for (uint64_t i = 0; i < times; i++)
        *DH_PUSH(proposer->in.items, proposer->in.count, proposer->in.capacity) = command;
    bool wake = proposer->sleeping;
    proposer->sleeping = false; /* one signal is enough */
    pthread_mutex_unlock(&proposer->lock);
    if (wake)
        pthread_cond_signal(&proposer->wake);
}

void dh_proposer_ask(struct dh_proposer *proposer, uint64_t count, double budget, double patience)
{
    struct command ask = {COMMAND_ASK, .asked_at = dh_clock_now(proposer->parts.clock),
                          .budget = budget, .patience = patience};
    submit(proposer, ask, count);
}

void dh_proposer_propose(struct dh_proposer *proposer, const struct dh_trial *trial)
{
    submit(proposer, (struct command){COMMAND_PROPOSE, .trial = trial}, 1);
}

void dh_proposer_tell(struct dh_proposer *proposer, const struct dh_trial *trial)
{
    submit(proposer, (struct command){COMMAND_TELL, .trial = trial}, 1);
}

bool dh_proposer_take(struct dh_proposer *proposer, struct dh_proposed **out)
{
    double now = proposer->parts.lanes ? dh_clock_now(proposer->parts.clock) : INFINITY;
    pthread_mutex_lock(&proposer->lock);
    bool found =
        proposer->taken < proposer->out_count && proposer->out[proposer->taken]->ready_at <= now;
    if (found)
        *out = proposer->out[proposer->taken++];
    if (proposer->taken == proposer->out_count && proposer->out_count > 0) {
        proposer->taken = proposer->out_count = 0;
        eventfd_t drained;
        eventfd_read(proposer->fd, &drained);
    }
    pthread_mutex_unlock(&proposer->lock);
    return found;
}

void dh_proposed_free(struct dh_proposed *proposed)
{
    free(proposed->error);
    free(proposed->proposal.point);
    free(proposed);
}

int dh_proposer_fd(const struct dh_proposer *proposer)
{
    return proposer->fd;
}

double dh_proposer_next_time(struct dh_proposer *proposer)
{
    pthread_mutex_lock(&proposer->lock);
    double next = proposer->taken < proposer->out_count ? proposer->out[proposer->taken]->ready_at
                                                        : (double)INFINITY;
    pthread_mutex_unlock(&proposer->lock);
    return next;
}
