/* bytes: views compare, buffers stay within their bounds, cursors never overrun. */
#include "crypto/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_views(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {{"", "", 0},     {"a", "a", 0},  {"a", "b", -1}, {"b", "a", 1},
                {"a", "ab", -1}, {"ab", "a", 1}, {"", "a", -1},  {"\xff", "a", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int order = bytes_compare(bytes_of_text(rows[i].a), bytes_of_text(rows[i].b));
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
        assert_int_equal(bytes_equal(bytes_of_text(rows[i].a), bytes_of_text(rows[i].b)), rows[i].order == 0);
    }
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of_text("")));
    assert_true(bytes_equal_text(bytes_of("xyz", 2), "xy"));
}

static void test_buf_writes(void **state) {
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'a', 'b', '-', '7', '!'};
    struct buf buf = {0};
    buf_put_u8(&buf, 1);
    buf_put_u16(&buf, 0x0203);
    buf_put_u32(&buf, 0x04050607);
    buf_put_u64(&buf, 0x08090a0b0c0d0e0full);
    buf_put_text(&buf, "ab");
    buf_put_format(&buf, "-%d", 7);
    buf_put(&buf, bytes_of("!", 1));
    buf_put(&buf, bytes_of(NULL, 0));
    assert_int_equal(buf_result(&buf), OK);
    assert_true(bytes_equal(bytes_of_buf(&buf), bytes_of(expected, sizeof expected)));
    buf_free(&buf);
    assert_null(buf.data);
}

/* A write past the bound changes nothing and sticks until the buffer is cleared. */
static void test_buf_bound(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_put_text(&buf, "abcd");
    assert_int_equal(buf_result(&buf), OK);
    buf_put_u8(&buf, 'e');
    assert_int_equal(buf_result(&buf), ERR_TOO_BIG);
    buf_put_text(&buf, "");
    assert_null(buf_grow(&buf, 0));
    assert_true(bytes_equal_text(bytes_of_buf(&buf), "abcd"));
    buf_clear(&buf);
    buf_put_text(&buf, "abc");
    buf_put_text(&buf, "de");
    buf_put_text(&buf, "f");
    assert_true(bytes_equal_text(bytes_of_buf(&buf), "abc"));
    buf_free(&buf);
    assert_int_equal(buf.size_max, 4);
    assert_false(buf_reserve(&buf, SIZE_MAX));
    assert_int_equal(buf_result(&buf), ERR_TOO_BIG);
    buf_free(&buf);
}

/* A sanitizer's allocator must answer like the real one when it is asked for too much. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static void test_buf_memory(void **state) {
    (void)state;
    struct buf buf = {0};
    buf_put_text(&buf, "kept");
    assert_false(buf_reserve(&buf, PTRDIFF_MAX));
    assert_int_equal(buf_result(&buf), ERR_MEMORY);
    assert_true(bytes_equal_text(bytes_of_buf(&buf), "kept"));
    buf_clear(&buf);
    assert_int_equal(buf_result(&buf), OK);
    buf_free(&buf);
}

static void test_buf_grow(void **state) {
    (void)state;
    struct buf buf = {0};
    assert_non_null(buf_grow(&buf, 0));
    for (size_t i = 0; i < 1000; i++) {
        uint8_t *at = buf_grow(&buf, 100);
        assert_non_null(at);
        memset(at, (int)(i % 251), 100);
    }
    for (size_t i = 0; i < buf.size; i++) assert_int_equal(buf.data[i], i / 100 % 251);
    buf_free(&buf);
}

static void test_buf_format_long(void **state) {
    (void)state;
    struct buf buf = {0};
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    buf_put_format(&buf, "%s%s", text, "y");
    assert_int_equal(buf.size, 1001);
    assert_int_equal(buf.data[1000], 'y');
    buf_free(&buf);
}

static void test_cursor(void **state) {
    (void)state;
    static const uint8_t raw[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    struct cursor cursor = cursor_of(bytes_of(raw, sizeof raw));
    assert_int_equal(cursor_u8(&cursor), 1);
    assert_int_equal(cursor_u16(&cursor), 0x0203);
    assert_int_equal(cursor_u32(&cursor), 0x04050607);
    assert_true(cursor_u64(&cursor) == 0x08090a0b0c0d0e0full);
    assert_false(cursor_done(&cursor));
    uint8_t two[2];
    cursor_copy(&cursor, two, 2);
    assert_int_equal(two[1], 17);
    assert_true(cursor_done(&cursor));
    cursor_copy(&cursor, two, 0);
    assert_true(cursor_done(&cursor));
}

/* One byte short: zeros, failure, and failure ever after. */
static void test_cursor_short(void **state) {
    (void)state;
    static const uint8_t raw[7] = {9, 9, 9, 9, 9, 9, 9};
    struct cursor cursor = cursor_of(bytes_of(raw, 7));
    assert_true(cursor_u64(&cursor) == 0);
    assert_true(cursor.failed);
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_int_equal(cursor_take(&cursor, 0).size, 0);
    assert_false(cursor_done(&cursor));
    uint8_t out[4] = {1, 1, 1, 1};
    cursor_copy(&cursor, out, 4);
    assert_int_equal(out[3], 0);
    for (size_t size = 0; size < 4; size++) {
        cursor = cursor_of(bytes_of(raw, size));
        cursor_u32(&cursor);
        assert_true(cursor.failed);
    }
    cursor = cursor_of(bytes_of(raw, 7));
    assert_null(cursor_take(&cursor, SIZE_MAX).data);
    cursor = cursor_of(bytes_of(NULL, 0));
    assert_true(cursor_done(&cursor));
    assert_int_equal(cursor_take(&cursor, 0).size, 0);
}

static void test_hex(void **state) {
    (void)state;
    uint8_t raw[4];
    char text[9];
    assert_true(hex_decode(raw, 4, bytes_of_text("00aBfF10")));
    hex_encode(text, bytes_of(raw, 4));
    assert_string_equal(text, "00abff10");
    static const char *const bad[] = {"",         "00aBfF1",  "00aBfF100", "00aBfF1000", "00aBfFg0",
                                      "00aBfF 0", "00aBfF1/", "00aBfF1:",  "00aBfF1@",   "00aBfF1`"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(hex_decode(raw, 4, bytes_of_text(bad[i])));
    assert_true(hex_decode(raw, 0, bytes_of_text("")));
}

static void test_numbers(void **state) {
    (void)state;
    uint8_t raw[8];
    put_be16(raw, 0xfe01);
    assert_int_equal(get_be16(raw), 0xfe01);
    put_be32(raw, 0xfedcba98);
    assert_int_equal(raw[0], 0xfe);
    assert_int_equal(get_be32(raw), 0xfedcba98);
    put_be64(raw, 0xfedcba9876543210ull);
    assert_int_equal(raw[7], 0x10);
    assert_true(get_be64(raw) == 0xfedcba9876543210ull);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),      cmocka_unit_test(test_buf_writes),   cmocka_unit_test(test_buf_bound),
        cmocka_unit_test(test_buf_memory), cmocka_unit_test(test_buf_grow),     cmocka_unit_test(test_buf_format_long),
        cmocka_unit_test(test_cursor),     cmocka_unit_test(test_cursor_short), cmocka_unit_test(test_hex),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
