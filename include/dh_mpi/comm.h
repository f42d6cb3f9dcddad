/* Transport: messages between the manager (rank 0) and its workers.
 *
 * A transport is a table of functions: `loop` joins endpoints inside one process, `mpi` is
 * MPI point-to-point. Sending never blocks and copies the bytes; receiving never blocks. Messages
 * from one peer arrive in the order in which they were sent. Only the thread that opened an
 * endpoint may use it.
 *
 * A transport may also offer a window: memory of rank 0 that every rank reads and changes by
 * itself, without rank 0 doing anything. The board (board.h) is built on it; where there is none,
 * the messages below do the same.
 */
#ifndef DH_MPI_COMM_H
#define DH_MPI_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dh_mpi/buffer.h"
#include "dh_mpi/history.h"
#include "dh_mpi/status.h"

/* What travels. Payloads are packed and unpacked in src/comm/codec.c, but for those of SETUP
 * (src/app/run.c), BOARD (board.c), PLACE and GROUP. */
enum dh_tag {
    DH_TAG_NONE,     /* nothing was there */
    DH_TAG_HELLO,    /* worker → manager: dh_hello; once, first */
    DH_TAG_CLAIM,    /* worker → manager: slot; wants a trial */
    DH_TAG_TASK,     /* manager → worker: dh_task; the answer to a claim */
    DH_TAG_RESULT,   /* worker → manager: slot, trial, dh_outcome; also claims for that slot */
    DH_TAG_REPORT,   /* worker → manager: slot, trial, step, value: an intermediate result */
    DH_TAG_CANCEL,   /* manager → worker: slot, trial: end this evaluation now */
    DH_TAG_SHUTDOWN, /* manager → worker: end */
    DH_TAG_BYE,      /* worker → manager: has ended everything; last message */
    DH_TAG_FATAL,    /* worker → manager: status, text; cannot evaluate (any more) */
    DH_TAG_SETUP, /* manager → worker: path and text of the configuration; nothing: no search */
    DH_TAG_HEARTBEAT, /* worker → manager, when nothing else was sent for a while; and the answer */
    DH_TAG_LEAVE,     /* manager → worker: u8 together; last message: see dh_comm_leave */
    DH_TAG_PLACE,     /* worker → manager: where it runs (src/app/place.h) */
    DH_TAG_GROUP,     /* manager → worker: who evaluates together with it (src/app/muster.h) */
    DH_TAG_BOARD, /* manager → worker: threads of an evaluation (u32); come to open the board, or
                     there is none (board.h) */
    DH_TAG_TURNS, /* worker → manager, with a board: dh_turn after dh_turn, instead of CLAIM and
                     RESULT */
    DH_TAG_ROLL,  /* manager → worker: answer this when you have told of all your tickets */
    DH_TAG_RETURNED, /* rank of a group → its leader, which passed the task on: slot, trial; is back
                        from the call */
    DH_TAG_COUNT,
};

struct dh_message {
    int peer;
    enum dh_tag tag;
    const void *data; /* borrowed until the next call on the same endpoint */
    size_t size;
};

struct dh_comm;

/* Memory on rank 0 as 64-bit words, zeroed when it is opened. Each access is complete on return;
 * none is atomic but `add`, and a read of several words may meet a write half-way. Not collective
 * unless it says so. */
struct dh_window;
struct dh_window_ops {
    /* Add `operand` to a word; what was there before is in `*before`. */
    dh_status (*add)(struct dh_window *window, size_t word, uint64_t operand, uint64_t *before,
                     struct dh_error *err);
    dh_status (*read)(struct dh_window *window, size_t word, size_t count, uint64_t *out,
                      struct dh_error *err);
    dh_status (*write)(struct dh_window *window, size_t word, size_t count, const uint64_t *words,
                       struct dh_error *err);
    /* Rank 0's own view, as plain memory (NULL elsewhere), between two calls of `sync`. */
    volatile uint64_t *(*memory)(struct dh_window *window);
    void (*sync)(struct dh_window *window);
};
/* Every transport's window begins with this. */
struct dh_window {
    const struct dh_window_ops *ops;
};

struct dh_comm_ops {
    const char *name;
    int (*rank)(const struct dh_comm *comm);
    int (*size)(const struct dh_comm *comm);
    /* Not collective. */
    dh_status (*send)(struct dh_comm *comm, int peer, enum dh_tag tag, const void *data,
                      size_t size, struct dh_error *err);
    /* Not collective. DH_OK with a message, DH_EMPTY if there is none now. */
    dh_status (*receive)(struct dh_comm *comm, struct dh_message *out, struct dh_error *err);
    /* Collective: wait until all sends are done and everybody is here, then release. Frees, if it
     * succeeds: see dh_comm_close. */
    dh_status (*close)(struct dh_comm *comm, struct dh_error *err);
    /* Not collective: see dh_comm_leave. */
    void (*leave)(struct dh_comm *comm);
    /* After leave: see dh_comm_abort. NULL: there is nothing to end. */
    void (*abort)(int exit_code);
    /* Collective over `ranks`: see dh_comm_group. NULL: no groups. */
    dh_status (*group)(struct dh_comm *comm, const int32_t *ranks, int count, const void **out,
                       struct dh_error *err);
    /* Collective: see dh_comm_window_open. NULL: no windows. */
    dh_status (*window_open)(struct dh_comm *comm, size_t words, bool *alone,
                             struct dh_window **out, struct dh_error *err);
};

/* Every transport's struct begins with this. */
struct dh_comm {
    const struct dh_comm_ops *ops;
};

int dh_comm_rank(const struct dh_comm *comm);
int dh_comm_size(const struct dh_comm *comm);
dh_status dh_comm_send(struct dh_comm *comm, int peer, enum dh_tag tag,
                       const struct dh_buffer *payload, struct dh_error *err);
dh_status dh_comm_receive(struct dh_comm *comm, struct dh_message *out, struct dh_error *err);
/* Collective; `*comm` may be NULL and is NULL afterwards. DH_COMM if some rank does not come: then
 * `*comm` is still there, for dh_comm_leave or dh_comm_abort. */
dh_status dh_comm_close(struct dh_comm **comm, struct dh_error *err);

/* Leave without the others, when one of them is lost and nothing collective can work any more: give
 * the sends under way a moment to get away, and release nothing that they or MPI may still use. The
 * process must then end by _exit. Not collective; `*comm` is NULL afterwards. */
void dh_comm_leave(struct dh_comm **comm);
/* The same, and then end every process of the job, wherever it is and whatever it does; the
 * launcher returns `exit_code`. A rank that just ends without MPI_Finalize is a crash to it, and
 * its own code becomes another. */
void dh_comm_abort(struct dh_comm **comm, int exit_code);
/* Does the launcher keep the job alive when a rank dies? Open MPI tells its processes. */
bool dh_comm_recovers(void);
/* This process ends with `exit_code` when MPI_Finalize should not come back: called before close,
 * when all that matters is on disk. Uses SIGALRM. */
void dh_comm_limit_end(int exit_code);

/* A communicator of these ranks, in this order, for plugins: `*out` is the address of an MPI_Comm
 * that the transport keeps until it is closed or left; its errors are returned. Collective over
 * `ranks` alone, and once for each rank. */
dh_status dh_comm_group(struct dh_comm *comm, const int32_t *ranks, int count, const void **out,
                        struct dh_error *err);
/* A window of `words` words; one for each transport, which keeps it until it is closed or left.
 * Collective; all ranks get the same answer: DH_OK, or DH_COMM with what MPI says in `err`.
 * `*alone`, the same everywhere: do accesses get through while rank 0 does nothing? (Software
 * emulation makes them wait for it.) */
dh_status dh_comm_window_open(struct dh_comm *comm, size_t words, bool *alone,
                              struct dh_window **out, struct dh_error *err);

/* `count` endpoints joined in this process; `out` is an array of `count`. Each is closed by
 * itself. */
void dh_comm_loop_create(int count, struct dh_comm **out);
/* Call `sent` at each message that the endpoint `comm` (of that kind) sends: for a simulation,
 * which would otherwise have to look into thousands of endpoints after each step. */
void dh_comm_loop_watch(struct dh_comm *comm, void (*sent)(void *context, int peer), void *context);

/* The MPI transport on a duplicate of MPI_COMM_WORLD. Collective. Calls MPI_Init_thread
 * (FUNNELED) unless MPI is initialised. close also calls MPI_Finalize if open initialised.
 * In a library of its own (only src/comm/mpi*.c include mpi.h). */
dh_status dh_comm_mpi_open(struct dh_comm **out, struct dh_error *err);
/* Was this process started by an MPI launcher (environment of Open MPI, PMIx, PMI, Slurm's
 * pmi/pmix)? Without one, dh_mpi runs on `loop` and MPI_Init is never called. */
int dh_comm_launched(void);
/* Tasks that a launcher started together, this process being one of them; 0: it is none. Where MPI
 * does not connect them (another MPI's launcher, srun without --mpi), each believes to be alone:
 * `*launcher` is then which one it is, and `*advice` what to do. */
int dh_comm_started_tasks(const char **launcher, const char **advice);
/* What this MPI offers, a "name value" line each: library, ranks, threads (level), windows ("work"
 * or MPI's error). Collective; `out` is filled on rank 0. Initialises and finalises MPI. */
dh_status dh_comm_mpi_probe(struct dh_buffer *out, struct dh_error *err);
/* Address of an MPI_Comm that holds this rank alone, for plugins that run in it; valid while the
 * transport is open. NULL for other transports. */
const void *dh_comm_mpi_self(const struct dh_comm *comm);

/* Payloads. Every unpack returns false for bytes that are not such a payload … */
#define DH_WIRE_VERSION 6

/* … and this is the error for it: DH_COMM, naming rank and tag. */
dh_status dh_message_damaged(const struct dh_message *message, struct dh_error *err);

struct dh_hello {
    uint32_t version;
    int32_t slots;
    int32_t pid;
    bool silent; /* evaluates in the rank itself, and cannot be heard while it does */
    char host[64];
};

/* One evaluation to do. `values` has the space's count, borrowed when packing, owned (free) after
 * unpacking. */
struct dh_task {
    uint64_t trial;
    uint64_t seed;
    double proposed;  /* seconds since 1970: no other search has a trial of that id and time */
    uint32_t retries; /* attempts before this one */
    int32_t slot;
    double *values;
};

void dh_hello_pack(const struct dh_hello *hello, struct dh_buffer *out);
bool dh_hello_unpack(const struct dh_message *message, struct dh_hello *out);
void dh_task_pack(const struct dh_task *task, size_t parameter_count, struct dh_buffer *out);
bool dh_task_unpack(const struct dh_message *message, size_t parameter_count, struct dh_task *out);
void dh_result_pack(int32_t slot, uint64_t trial, const struct dh_outcome *outcome,
                    size_t objective_count, struct dh_buffer *out);
bool dh_result_unpack(const struct dh_message *message, size_t objective_count, int32_t *slot,
                      uint64_t *trial, struct dh_outcome *out);
/* What a slot with a ticket of the board has to say: the result of what it ran, if it ran anything,
 * and what is next: it `took` what was offered for its ticket, or waits for a trial. */
struct dh_turn {
    int32_t slot;
    bool took, ended; /* ended: `trial` did, with `outcome` */
    uint64_t ticket, trial;
    struct dh_outcome outcome; /* packing: borrowed; after unpacking owned */
};
void dh_turn_pack(const struct dh_turn *turn, size_t objective_count, struct dh_buffer *out);
/* The next turn of a message; false at its end, or with `reader->failed` if it is damaged. */
bool dh_turn_next(struct dh_reader *reader, size_t objective_count, struct dh_turn *out);
/* CLAIM (which has trial 0), CANCEL and RETURNED. */
void dh_slot_pack(int32_t slot, uint64_t trial, struct dh_buffer *out);
bool dh_slot_unpack(const struct dh_message *message, int32_t *slot, uint64_t *trial);
void dh_progress_pack(int32_t slot, uint64_t trial, double step, double value,
                      struct dh_buffer *out);
bool dh_progress_unpack(const struct dh_message *message, int32_t *slot, uint64_t *trial,
                        double *step, double *value);

#endif
