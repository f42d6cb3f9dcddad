/* The loop transport: endpoints joined inside one process.
 *
 * All endpoints share a hub with one queue of messages for each. A lock guards the hub, so
 * endpoints may live in one thread (tests, simulation) or in several (a search without a
 * launcher). Sending moves a copy to the receiver's queue; a send to an endpoint that was closed
 * fails, as it does to a rank that has died. What an endpoint has not received when it closes is
 * dropped.
 *
 * The window is memory of the hub; accesses hold its lock. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/comm.h"

struct parcel {
    struct parcel *next;
    int peer;
    enum dh_tag tag;
    size_t size;
    char bytes[];
};

struct queue {
    struct parcel *first, *last;
};

struct mailbox {
    struct queue messages;
    bool closed;
};

struct hub {
    pthread_mutex_t lock;
    int size;
    int open;
    struct mailbox *mailboxes;
    uint64_t *window; /* the first that opens it makes it */
    size_t window_words;
};

struct loop_window {
    struct dh_window base;
    struct hub *hub;
    int rank;
};

struct loop_comm {
    struct dh_comm base;
    struct hub *hub;
    int rank;
    struct parcel *held;                   /* what the last message borrows */
    void (*sent)(void *context, int peer); /* may be NULL */
    void *sent_context;
    struct loop_window window; /* if it was opened */
};

static void push(struct queue *queue, struct parcel *parcel)
{
    if (queue->last)
        queue->last->next = parcel;
    else
        queue->first = parcel;
    queue->last = parcel;
}

static struct parcel *pop(struct queue *queue)
{
    struct parcel *parcel = queue->first;
    if (!parcel)
        return NULL;
    queue->first = parcel->next;
    if (!queue->first)
        queue->last = NULL;
    parcel->next = NULL;
    return parcel;
}

static void empty(struct queue *queue)
{
    for (struct parcel *parcel; (parcel = pop(queue));)
        free(parcel);
}

static struct parcel *parcel_create(int from, enum dh_tag tag, const void *data, size_t size)
{
    struct parcel *parcel = dh_alloc(1, sizeof *parcel + size);
    parcel->peer = from;
    parcel->tag = tag;
    parcel->size = size;
    if (size)
        memcpy(parcel->bytes, data, size);
    return parcel;
}

static void release_held(struct loop_comm *loop)
{
    free(loop->held);
    loop->held = NULL;
}

static int loop_rank(const struct dh_comm *comm)
{
    return ((const struct loop_comm *)comm)->rank;
}

static int loop_size(const struct dh_comm *comm)
{
    return ((const struct loop_comm *)comm)->hub->size;
}

static dh_status loop_send(struct dh_comm *comm, int peer, enum dh_tag tag, const void *data,
                           size_t size, struct dh_error *err)
{
    struct loop_comm *loop = (struct loop_comm *)comm;
    struct hub *hub = loop->hub;
    struct parcel *parcel = parcel_create(loop->rank, tag, data, size);
    release_held(loop); /* after the copy: a received message may be sent on */
    pthread_mutex_lock(&hub->lock);
    bool closed = hub->mailboxes[peer].closed;
    if (!closed)
        push(&hub->mailboxes[peer].messages, parcel);
    pthread_mutex_unlock(&hub->lock);
    if (!closed) {
        if (loop->sent)
            loop->sent(loop->sent_context, peer);
        return DH_OK;
    }
    free(parcel);
    return dh_fail(err, DH_COMM, "rank %d cannot send to rank %d, which has closed", loop->rank,
                   peer);
}

static dh_status loop_receive(struct dh_comm *comm, struct dh_message *out, struct dh_error *err)
{
    (void)err;
    struct loop_comm *loop = (struct loop_comm *)comm;
    release_held(loop);
    pthread_mutex_lock(&loop->hub->lock);
    struct parcel *parcel = pop(&loop->hub->mailboxes[loop->rank].messages);
    pthread_mutex_unlock(&loop->hub->lock);
    if (!parcel)
        return DH_EMPTY;
    loop->held = parcel;
    *out = (struct dh_message){.peer = parcel->peer,
                               .tag = parcel->tag,
                               .data = parcel->size ? parcel->bytes : NULL,
                               .size = parcel->size};
    return DH_OK;
}

static void hub_destroy(struct hub *hub)
{
    pthread_mutex_destroy(&hub->lock);
    free(hub->mailboxes);
    free(hub->window);
    free(hub);
}

static dh_status loop_close(struct dh_comm *comm, struct dh_error *err)
{
    (void)err;
    struct loop_comm *loop = (struct loop_comm *)comm;
    struct hub *hub = loop->hub;
    release_held(loop);
    pthread_mutex_lock(&hub->lock);
    struct mailbox *mailbox = &hub->mailboxes[loop->rank];
    mailbox->closed = true;
    empty(&mailbox->messages);
    bool last = --hub->open == 0;
    pthread_mutex_unlock(&hub->lock);
    if (last)
        hub_destroy(hub);
    free(loop);
    return DH_OK;
}

/* Here nothing waits for the others in any case. */
static void loop_leave(struct dh_comm *comm)
{
    loop_close(comm, NULL);
}

/* ---- the window: memory of the hub ---- */

static dh_status window_add(struct dh_window *base, size_t word, uint64_t operand, uint64_t *before,
                            struct dh_error *err)
{
    (void)err;
    struct hub *hub = ((struct loop_window *)base)->hub;
    pthread_mutex_lock(&hub->lock);
    *before = hub->window[word];
    hub->window[word] += operand;
    pthread_mutex_unlock(&hub->lock);
    return DH_OK;
}

static dh_status window_read(struct dh_window *base, size_t word, size_t count, uint64_t *out,
                             struct dh_error *err)
{
    (void)err;
    struct hub *hub = ((struct loop_window *)base)->hub;
    pthread_mutex_lock(&hub->lock);
    memcpy(out, hub->window + word, count * sizeof *out);
    pthread_mutex_unlock(&hub->lock);
    return DH_OK;
}

static dh_status window_write(struct dh_window *base, size_t word, size_t count,
                              const uint64_t *words, struct dh_error *err)
{
    (void)err;
    struct hub *hub = ((struct loop_window *)base)->hub;
    pthread_mutex_lock(&hub->lock);
    memcpy(hub->window + word, words, count * sizeof *words);
    pthread_mutex_unlock(&hub->lock);
    return DH_OK;
}

static volatile uint64_t *window_memory(struct dh_window *base)
{
    const struct loop_window *window = (const struct loop_window *)base;
    return window->rank == 0 ? window->hub->window : NULL;
}

static void window_sync(struct dh_window *base)
{
    struct hub *hub = ((struct loop_window *)base)->hub;
    pthread_mutex_lock(&hub->lock);
    pthread_mutex_unlock(&hub->lock);
}

static const struct dh_window_ops window_ops = {
    .add = window_add,
    .read = window_read,
    .write = window_write,
    .memory = window_memory,
    .sync = window_sync,
};

/* The hub is there for everybody, so nobody has to wait for the others. */
static dh_status loop_window_open(struct dh_comm *comm, size_t words, bool *alone,
                                  struct dh_window **out, struct dh_error *err)
{
    struct loop_comm *loop = (struct loop_comm *)comm;
    struct hub *hub = loop->hub;
    pthread_mutex_lock(&hub->lock);
    if (!hub->window) {
        hub->window = dh_alloc(words, sizeof *hub->window);
        hub->window_words = words;
    }
    bool same = hub->window_words == words;
    pthread_mutex_unlock(&hub->lock);
    if (!same)
        return dh_fail(err, DH_INTERNAL, "rank %d opens a window of %zu words, others of %zu",
                       loop->rank, words, hub->window_words);
    loop->window = (struct loop_window){.base = {.ops = &window_ops}, hub, loop->rank};
    *out = &loop->window.base;
    *alone = true;
    return DH_OK;
}

static const struct dh_comm_ops loop_ops = {
    .name = "loop",
    .rank = loop_rank,
    .size = loop_size,
    .send = loop_send,
    .receive = loop_receive,
    .close = loop_close,
    .leave = loop_leave,
    .window_open = loop_window_open,
};

void dh_comm_loop_create(int count, struct dh_comm **out)
{
    struct hub *hub = dh_alloc(1, sizeof *hub);
    pthread_mutex_init(&hub->lock, NULL);
    hub->size = count;
    hub->open = count;
    hub->mailboxes = dh_alloc((size_t)count, sizeof *hub->mailboxes);
    for (int rank = 0; rank < count; rank++) {
        struct loop_comm *loop = dh_alloc(1, sizeof *loop);
        *loop = (struct loop_comm){.base = {.ops = &loop_ops}, .hub = hub, .rank = rank};
        out[rank] = &loop->base;
    }
}

void dh_comm_loop_watch(struct dh_comm *comm, void (*sent)(void *context, int peer), void *context)
{
    struct loop_comm *loop = (struct loop_comm *)comm;
    loop->sent = sent;
    loop->sent_context = context;
}
