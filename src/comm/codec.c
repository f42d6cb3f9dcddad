/* Payloads of the messages, as fixed-width little-endian fields (buffer.h).
 *
 * An unpack accepts exactly the bytes that the pack of the same payload can have written: every
 * field there, nothing behind, counts and indices in range. Otherwise it returns false, `*out`
 * is zeroed and owns nothing. The hello carries DH_WIRE_VERSION for all of them. */
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/comm.h"

static void put_i32(struct dh_buffer *out, int32_t value)
{
    dh_put_u32(out, (uint32_t)value);
}

/* A number that cannot be negative: a slot or a count of them. */
static int32_t get_index(struct dh_reader *reader)
{
    uint32_t value = dh_get_u32(reader);
    if (value > INT32_MAX)
        reader->failed = true;
    return reader->failed ? 0 : (int32_t)value;
}

dh_status dh_message_damaged(const struct dh_message *message, struct dh_error *err)
{
    return dh_fail(err, DH_COMM, "a message from rank %d is damaged (tag %d, %zu bytes)",
                   message->peer, (int)message->tag, message->size);
}

void dh_hello_pack(const struct dh_hello *hello, struct dh_buffer *out)
{
    dh_put_u32(out, hello->version);
    put_i32(out, hello->slots);
    put_i32(out, hello->pid);
    dh_put_u8(out, hello->silent);
    dh_put_text(out, hello->host);
}

bool dh_hello_unpack(const struct dh_message *message, struct dh_hello *out)
{
    *out = (struct dh_hello){0};
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    struct dh_hello hello = {.version = dh_get_u32(&reader)};
    if (reader.failed)
        return false;
    if (hello.version != DH_WIRE_VERSION) {
        *out = hello; /* the layout of what follows is not known */
        return true;
    }
    hello.slots = get_index(&reader);
    hello.pid = get_index(&reader);
    uint8_t silent = dh_get_u8(&reader);
    hello.silent = silent == 1;
    char *host = dh_get_text(&reader);
    bool good =
        dh_reader_complete(&reader) && silent <= 1 && host && strlen(host) < sizeof hello.host;
    if (good) {
        memcpy(hello.host, host, strlen(host) + 1);
        *out = hello;
    }
    free(host);
    return good;
}

void dh_task_pack(const struct dh_task *task, size_t parameter_count, struct dh_buffer *out)
{
    dh_put_u64(out, task->trial);
    dh_put_u64(out, task->seed);
    dh_put_f64(out, task->proposed);
    dh_put_u32(out, task->retries);
    put_i32(out, task->slot);
    dh_put_f64s(out, task->values, parameter_count);
}

bool dh_task_unpack(const struct dh_message *message, size_t parameter_count, struct dh_task *out)
{
    *out = (struct dh_task){0};
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    struct dh_task task = {0};
    task.trial = dh_get_u64(&reader);
    task.seed = dh_get_u64(&reader);
    task.proposed = dh_get_f64(&reader);
    task.retries = dh_get_u32(&reader);
    task.slot = get_index(&reader);
    task.values = dh_alloc(parameter_count, sizeof *task.values);
    dh_get_f64s(&reader, task.values, parameter_count);
    if (!dh_reader_complete(&reader)) {
        free(task.values);
        return false;
    }
    *out = task;
    return true;
}

void dh_slot_pack(int32_t slot, uint64_t trial, struct dh_buffer *out)
{
    put_i32(out, slot);
    dh_put_u64(out, trial);
}

/* The two fields with which most messages begin. */
static void get_slot(struct dh_reader *reader, int32_t *slot, uint64_t *trial)
{
    *slot = get_index(reader);
    *trial = dh_get_u64(reader);
}

bool dh_slot_unpack(const struct dh_message *message, int32_t *slot, uint64_t *trial)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    get_slot(&reader, slot, trial);
    return dh_reader_complete(&reader);
}

void dh_result_pack(int32_t slot, uint64_t trial, const struct dh_outcome *outcome,
                    size_t objective_count, struct dh_buffer *out)
{
    dh_slot_pack(slot, trial, out);
    dh_outcome_pack(outcome, objective_count, out);
}

bool dh_result_unpack(const struct dh_message *message, size_t objective_count, int32_t *slot,
                      uint64_t *trial, struct dh_outcome *out)
{
    *out = (struct dh_outcome){0};
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    get_slot(&reader, slot, trial);
    if (reader.failed || !dh_outcome_unpack(&reader, objective_count, out))
        return false;
    if (dh_reader_complete(&reader))
        return true;
    dh_outcome_free(out);
    return false;
}

enum { TURN_TOOK = 1, TURN_ENDED = 2 };

void dh_turn_pack(const struct dh_turn *turn, size_t objective_count, struct dh_buffer *out)
{
    put_i32(out, turn->slot);
    dh_put_u64(out, turn->ticket);
    dh_put_u8(out, (uint8_t)((turn->took ? TURN_TOOK : 0) | (turn->ended ? TURN_ENDED : 0)));
    if (!turn->ended)
        return;
    dh_put_u64(out, turn->trial);
    dh_outcome_pack(&turn->outcome, objective_count, out);
}

bool dh_turn_next(struct dh_reader *reader, size_t objective_count, struct dh_turn *out)
{
    *out = (struct dh_turn){0};
    if (dh_reader_complete(reader) || reader->failed)
        return false;
    struct dh_turn turn = {.slot = get_index(reader), .ticket = dh_get_u64(reader)};
    uint8_t flags = dh_get_u8(reader);
    turn.took = flags & TURN_TOOK;
    turn.ended = flags & TURN_ENDED;
    if (flags > (TURN_TOOK | TURN_ENDED))
        reader->failed = true;
    if (turn.ended) {
        turn.trial = dh_get_u64(reader);
        if (reader->failed || !dh_outcome_unpack(reader, objective_count, &turn.outcome))
            reader->failed = true;
    }
    if (reader->failed)
        return false;
    *out = turn;
    return true;
}

void dh_progress_pack(int32_t slot, uint64_t trial, double step, double value,
                      struct dh_buffer *out)
{
    dh_slot_pack(slot, trial, out);
    dh_put_f64(out, step);
    dh_put_f64(out, value);
}

bool dh_progress_unpack(const struct dh_message *message, int32_t *slot, uint64_t *trial,
                        double *step, double *value)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    get_slot(&reader, slot, trial);
    *step = dh_get_f64(&reader);
    *value = dh_get_f64(&reader);
    return dh_reader_complete(&reader);
}
