/* The buffer and its fields: truncated and hostile bytes first. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/buffer.h"

static void put_all(struct dh_buffer *out)
{
    dh_put_u8(out, 200);
    dh_put_u32(out, 0xDEADBEEF);
    dh_put_u64(out, UINT64_C(0x0123456789ABCDEF));
    dh_put_f64(out, -0.0);
    dh_put_f64s(out, (const double[]){1.5, NAN}, 2);
    dh_put_text(out, NULL);
    dh_put_text(out, "");
    dh_put_text(out, "texté");
}

/* Reads what put_all wrote; true if it was all there. */
static bool get_all(struct dh_reader *reader)
{
    double pair[2];
    dh_get_u8(reader);
    dh_get_u32(reader);
    dh_get_u64(reader);
    dh_get_f64(reader);
    dh_get_f64s(reader, pair, 2);
    for (int i = 0; i < 3; i++)
        free(dh_get_text(reader));
    return dh_reader_complete(reader);
}

static void test_truncated(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    put_all(&bytes);
    for (size_t size = 0; size <= bytes.size + 1; size++) {
        size_t used = size < bytes.size ? size : bytes.size;
        char *exact = dh_alloc(size, 1);
        memcpy(exact, bytes.data, used);
        struct dh_reader reader = dh_reader_of(exact, size);
        assert_int_equal(get_all(&reader), size == bytes.size);
        free(exact);
    }
    dh_buffer_free(&bytes);
}

static void test_failed_reader_gives_zeros(void **state)
{
    (void)state;
    struct dh_reader reader = dh_reader_of("\1\2\3", 3);
    assert_int_equal(dh_get_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(dh_get_u8(&reader), 0); /* though three bytes were there */
    assert_true(dh_get_f64(&reader) == 0);
    double values[3] = {1, 2, 3};
    dh_get_f64s(&reader, values, 3);
    assert_true(values[0] == 0 && values[2] == 0);
    assert_null(dh_get_text(&reader));
    assert_false(dh_reader_complete(&reader));
    struct dh_reader nothing = dh_reader_of(NULL, 0);
    assert_true(dh_reader_complete(&nothing));
    assert_int_equal(dh_get_u64(&nothing), 0);
    assert_true(nothing.failed);
}

static void test_text_length_that_does_not_fit(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {4, 5, INT32_MAX, UINT32_MAX - 1};
    for (size_t i = 0; i < DH_COUNT_OF(lengths); i++) {
        struct dh_buffer bytes = {0};
        dh_put_u32(&bytes, lengths[i]);
        dh_buffer_append(&bytes, "abc", 3);
        struct dh_reader reader = dh_reader_of(bytes.data, bytes.size);
        assert_null(dh_get_text(&reader));
        assert_true(reader.failed);
        dh_buffer_free(&bytes);
    }
}

static void test_fields(void **state)
{
    (void)state;
    struct dh_buffer bytes = {0};
    put_all(&bytes);
    static const uint8_t start[] = {200, 0xEF, 0xBE, 0xAD, 0xDE, 0xEF, 0xCD};
    assert_memory_equal(bytes.data, start, sizeof start); /* little-endian on every machine */
    struct dh_reader reader = dh_reader_of(bytes.data, bytes.size);
    double pair[2];
    assert_int_equal(dh_get_u8(&reader), 200);
    assert_int_equal(dh_get_u32(&reader), 0xDEADBEEF);
    assert_true(dh_get_u64(&reader) == UINT64_C(0x0123456789ABCDEF));
    assert_true(signbit(dh_get_f64(&reader)));
    dh_get_f64s(&reader, pair, 2);
    assert_true(pair[0] == 1.5 && isnan(pair[1]));
    char *null = dh_get_text(&reader), *empty = dh_get_text(&reader), *text = dh_get_text(&reader);
    assert_null(null);
    assert_string_equal(empty, "");
    assert_string_equal(text, "texté");
    assert_true(dh_reader_complete(&reader));
    free(empty);
    free(text);
    dh_buffer_free(&bytes);
}

static void test_text_buffer(void **state)
{
    (void)state;
    struct dh_buffer buffer = {0};
    dh_buffer_clear(&buffer);
    dh_buffer_consume(&buffer, 0);
    dh_buffer_append(&buffer, NULL, 0);
    char *empty = dh_buffer_take(&buffer);
    assert_string_equal(empty, "");
    free(empty);
    for (int width = 1; width < 1200; width += 97) /* around the small text's 256 bytes too */
        dh_buffer_printf(&buffer, "%*d", width, 5);
    for (int width = 254; width < 259; width++) {
        dh_buffer_clear(&buffer);
        dh_buffer_printf(&buffer, "%0*d", width, 7);
        assert_int_equal(buffer.size, width);
        assert_int_equal(strlen(buffer.data), width);
        assert_int_equal(buffer.data[width - 1], '7');
    }
    dh_buffer_clear(&buffer);
    dh_buffer_text(&buffer, "one two");
    dh_buffer_consume(&buffer, 4);
    assert_string_equal(buffer.data, "two");
    dh_buffer_consume(&buffer, 3);
    assert_string_equal(buffer.data, "");
    dh_buffer_printf(&buffer, "%s", "");
    dh_buffer_text(&buffer, "again");
    char *text = dh_buffer_take(&buffer);
    assert_string_equal(text, "again");
    assert_null(buffer.data);
    free(text);
    dh_buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_failed_reader_gives_zeros),
        cmocka_unit_test(test_text_length_that_does_not_fit),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_text_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
