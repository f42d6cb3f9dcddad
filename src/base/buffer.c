/* A growing byte buffer and the little-endian fields written with it: see buffer.h. */
#include "dh_mpi/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/bits.h"

/* A text's length field for NULL. */
#define NO_TEXT UINT32_MAX

void dh_buffer_free(struct dh_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct dh_buffer){0};
}

void dh_buffer_clear(struct dh_buffer *buffer)
{
    buffer->size = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void *dh_buffer_extend(struct dh_buffer *buffer, size_t size)
{
    size_t need = buffer->size + size + 1;
    if (need > buffer->capacity) {
        size_t wider = buffer->capacity * 2;
        buffer->capacity = wider > need ? wider : need + 63;
        buffer->data = dh_realloc(buffer->data, buffer->capacity);
    }
    char *start = buffer->data + buffer->size;
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return start;
}

void dh_buffer_append(struct dh_buffer *buffer, const void *data, size_t size)
{
    if (size)
        memcpy(dh_buffer_extend(buffer, size), data, size);
}

void dh_buffer_consume(struct dh_buffer *buffer, size_t size)
{
    if (size == 0)
        return;
    buffer->size -= size;
    memmove(buffer->data, buffer->data + size, buffer->size + 1);
}

void dh_buffer_text(struct dh_buffer *buffer, const char *text)
{
    dh_buffer_append(buffer, text, strlen(text));
}

void dh_buffer_printf(struct dh_buffer *buffer, const char *format, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(small, sizeof small, format, args);
    if (length > 0 && (size_t)length < sizeof small)
        dh_buffer_append(buffer, small, (size_t)length);
    else if (length > 0)
        vsnprintf(dh_buffer_extend(buffer, (size_t)length), (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
}

char *dh_buffer_take(struct dh_buffer *buffer)
{
    char *text = buffer->data ? buffer->data : dh_alloc(1, 1);
    *buffer = (struct dh_buffer){0};
    return text;
}

static void put_bytes(struct dh_buffer *buffer, uint64_t value, size_t size)
{
    uint8_t *bytes = dh_buffer_extend(buffer, size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

void dh_put_u8(struct dh_buffer *buffer, uint8_t value)
{
    put_bytes(buffer, value, 1);
}

void dh_put_u32(struct dh_buffer *buffer, uint32_t value)
{
    put_bytes(buffer, value, 4);
}

void dh_put_u64(struct dh_buffer *buffer, uint64_t value)
{
    put_bytes(buffer, value, 8);
}

void dh_put_f64(struct dh_buffer *buffer, double value)
{
    put_bytes(buffer, dh_bits_of(value), 8);
}

void dh_put_f64s(struct dh_buffer *buffer, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dh_put_f64(buffer, values[i]);
}

void dh_put_text(struct dh_buffer *buffer, const char *text)
{
    if (!text) {
        dh_put_u32(buffer, NO_TEXT);
        return;
    }
    size_t length = strlen(text);
    if (length >= NO_TEXT)
        length = NO_TEXT - 1;
    dh_put_u32(buffer, (uint32_t)length);
    dh_buffer_append(buffer, text, length);
}

struct dh_reader dh_reader_of(const void *data, size_t size)
{
    const uint8_t *start = data;
    return (struct dh_reader){.next = start, .end = size ? start + size : start};
}

/* The next `size` bytes, or NULL: then the reader has failed and stands at its end. */
static const uint8_t *take(struct dh_reader *reader, size_t size)
{
    if (reader->failed || (size_t)(reader->end - reader->next) < size) {
        reader->failed = true;
        reader->next = reader->end;
        return NULL;
    }
    const uint8_t *bytes = reader->next;
    reader->next += size;
    return bytes;
}

static uint64_t get_bytes(struct dh_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t dh_get_u8(struct dh_reader *reader)
{
    return (uint8_t)get_bytes(reader, 1);
}

uint32_t dh_get_u32(struct dh_reader *reader)
{
    return (uint32_t)get_bytes(reader, 4);
}

uint64_t dh_get_u64(struct dh_reader *reader)
{
    return get_bytes(reader, 8);
}

double dh_get_f64(struct dh_reader *reader)
{
    return dh_bits_number(get_bytes(reader, 8));
}

void dh_get_f64s(struct dh_reader *reader, double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = dh_get_f64(reader);
}

char *dh_get_text(struct dh_reader *reader)
{
    uint32_t length = dh_get_u32(reader);
    if (reader->failed || length == NO_TEXT)
        return NULL;
    const uint8_t *bytes = take(reader, length);
    return bytes ? dh_strndup((const char *)bytes, length) : NULL;
}

bool dh_reader_complete(const struct dh_reader *reader)
{
    return !reader->failed && reader->next == reader->end;
}
