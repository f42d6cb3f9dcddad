/* Frames between rank and launcher: see wire.h. */
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define HEADER 9

void eval_wire_put(struct dh_buffer *out, uint32_t epoch, enum eval_wire kind,
                   const struct dh_buffer *payload)
{
    dh_put_u32(out, (uint32_t)(payload ? payload->size : 0));
    dh_put_u32(out, epoch);
    dh_put_u8(out, (uint8_t)kind);
    if (payload)
        dh_buffer_append(out, payload->data, payload->size);
}

bool eval_wire_next(const struct dh_buffer *in, size_t *offset, struct eval_frame *out)
{
    size_t rest = in->size - *offset;
    if (rest < HEADER)
        return false;
    struct dh_reader reader = dh_reader_of(in->data + *offset, rest);
    out->size = dh_get_u32(&reader);
    out->epoch = dh_get_u32(&reader);
    out->kind = (enum eval_wire)dh_get_u8(&reader);
    if (rest - HEADER < out->size)
        return false;
    out->data = in->data + *offset + HEADER;
    *offset += HEADER + out->size;
    return true;
}

void eval_wire_put_fatal(struct dh_buffer *out, uint32_t epoch, dh_status status, const char *text)
{
    struct dh_buffer payload = {0};
    dh_put_u32(&payload, status);
    dh_put_text(&payload, text);
    eval_wire_put(out, epoch, EVAL_WIRE_FATAL, &payload);
    dh_buffer_free(&payload);
}

dh_status eval_wire_fatal(const struct eval_frame *frame, struct dh_error *err)
{
    struct dh_reader reader = dh_reader_of(frame->data, frame->size);
    uint32_t told = dh_get_u32(&reader);
    dh_status status = told == DH_IO || told == DH_UNABLE ? (dh_status)told : DH_CONFIG;
    char *text = dh_get_text(&reader);
    dh_fail(err, status, "%s", text ? text : "the launcher cannot evaluate");
    free(text);
    return status;
}

int eval_read_some(int fd, struct dh_buffer *in, size_t limit)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    if (poll(&readable, 1, 0) <= 0)
        return 0;
    size_t before = in->size;
    char *space = dh_buffer_extend(in, limit);
    ssize_t size = read(fd, space, limit);
    in->size = before + (size > 0 ? (size_t)size : 0);
    if (size > 0)
        return 1;
    return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

bool eval_write_some(int fd, struct dh_buffer *out)
{
    while (out->size > 0) {
        ssize_t size = write(fd, out->data, out->size);
        if (size > 0)
            dh_buffer_consume(out, (size_t)size);
        else if (errno != EINTR)
            return errno == EAGAIN;
    }
    return true;
}
