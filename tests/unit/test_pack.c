#include "gossip/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Numbers at every border of the format's forms come back, and take as many bytes as the specification says. */
static void test_numbers(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        size_t bytes;
    } cases[] = {
        {0, 1}, {127, 1}, {128, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5}, {0xffffffff, 5}, {0x100000000, 9}, {UINT64_MAX, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        pack_write_uint(&out, cases[i].value);
        assert_int_equal(out.size, cases[i].bytes);
        struct pack_reader reader = pack_reader_of(bytes_of_buf(&out));
        assert_true(pack_read_uint(&reader) == cases[i].value);
        assert_int_equal(pack_done(&reader), OK);
        buf_free(&out);
    }
}

/* Strings, byte strings and counts at their borders. */
static void test_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    uint8_t *data = malloc(70000);
    assert_non_null(data);
    memset(data, 'x', 70000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf out = {0};
        pack_write_str(&out, bytes_of(data, sizes[i]));
        pack_write_bin(&out, bytes_of(data, sizes[i]));
        pack_write_array(&out, (uint32_t)sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++) pack_write_nil(&out);
        struct pack_reader reader = pack_reader_of(bytes_of_buf(&out));
        assert_int_equal(pack_read_str(&reader).size, sizes[i]);
        assert_int_equal(pack_read_bin(&reader).size, sizes[i]);
        assert_int_equal(pack_read_array(&reader), sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++) assert_true(pack_skip_nil(&reader));
        assert_false(pack_skip_nil(&reader));
        assert_int_equal(pack_done(&reader), OK);
        buf_free(&out);
    }
    free(data);
}

static void test_mixed(void **state) {
    (void)state;
    struct buf out = {0};
    pack_write_map(&out, 2);
    pack_write_str(&out, bytes_of_text("a"));
    pack_write_bool(&out, true);
    pack_write_str(&out, bytes_of_text("b"));
    pack_write_bool(&out, false);
    pack_write_nil(&out);
    struct pack_reader reader = pack_reader_of(bytes_of_buf(&out));
    assert_int_equal(pack_read_map(&reader), 2);
    assert_true(bytes_equal_text(pack_read_str(&reader), "a"));
    assert_true(pack_read_bool(&reader));
    assert_true(bytes_equal_text(pack_read_str(&reader), "b"));
    assert_false(pack_read_bool(&reader));
    assert_int_equal(pack_done(&reader), ERR_FORMAT); /* the nil is left over */
    pack_read_nil(&reader);
    assert_int_equal(pack_done(&reader), OK);
    buf_free(&out);
}

enum what { UINT, BIN, STR, ARRAY, MAP, BOOL, NIL };

static bool reads(enum what what, const void *data, size_t size) {
    struct pack_reader reader = pack_reader_of(bytes_of(data, size));
    switch (what) {
    case UINT: (void)pack_read_uint(&reader); break;
    case BIN: (void)pack_read_bin(&reader); break;
    case STR: (void)pack_read_str(&reader); break;
    case ARRAY: (void)pack_read_array(&reader); break;
    case MAP: (void)pack_read_map(&reader); break;
    case BOOL: (void)pack_read_bool(&reader); break;
    case NIL: pack_read_nil(&reader); break;
    }
    return !pack_failed(&reader);
}

/* Longer forms than needed, other types, counts and sizes beyond the data: all refused, and at once. */
static void test_refused(void **state) {
    (void)state;
    static const struct {
        enum what what;
        const char *data;
        size_t size;
    } cases[] = {
        {UINT, "\xcc\x7f", 2},
        {UINT, "\xcd\x00\xff", 3},
        {UINT, "\xce\x00\x00\xff\xff", 5},
        {UINT, "\xcf\x00\x00\x00\x00\xff\xff\xff\xff", 9},
        {UINT, "\xff", 1},
        {UINT, "\xd0\x01", 2},
        {UINT, "\xce\x00\x01", 3},
        {UINT, "", 0},
        {BIN, "\xc5\x00\x01x", 4},
        {BIN, "\xc6\x00\x00\x00\x01x", 6},
        {BIN, "\xc4\x02x", 3},
        {BIN, "\xc6\xff\xff\xff\xff", 5},
        {BIN, "\xa1x", 2},
        {STR, "\xd9\x01x", 3},
        {STR,
         "\xda\x00\x20"
         "12345678901234567890123456789012",
         35},
        {STR, "\xa2\xc3\x28", 3},
        {STR, "\xc4\x01x", 3},
        {STR, "\xdb\x7f\xff\xff\xff", 5},
        {ARRAY, "\xdc\x00\x01\xc0", 4},
        {ARRAY, "\xdd\x0f\xff\xff\xff", 5},
        {ARRAY, "\x92\xc0", 2},
        {ARRAY, "\x81\xc0\xc0", 3},
        {MAP, "\xdf\x0f\xff\xff\xff", 5},
        {MAP, "\x81\xc0", 2},
        {MAP, "\xde\x00\x01\xc0\xc0", 5},
        {BOOL, "\xc0", 1},
        {BOOL, "\x01", 1},
        {NIL, "\xc2", 1},
        {NIL, "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (reads(cases[i].what, cases[i].data, cases[i].size)) fail_msg("case %zu was read", i);
}

/* After a failure everything fails and returns nothing. */
static void test_poisoned(void **state) {
    (void)state;
    struct pack_reader reader = pack_reader_of(bytes_of("\xc3\x05\xa1x", 4));
    (void)pack_read_uint(&reader);
    assert_true(pack_failed(&reader));
    assert_int_equal(pack_read_uint(&reader), 0);
    assert_int_equal(pack_read_str(&reader).size, 0);
    assert_int_equal(pack_read_array(&reader), 0);
    assert_false(pack_read_bool(&reader));
    assert_false(pack_skip_nil(&reader));
    assert_int_equal(pack_done(&reader), ERR_FORMAT);
}

/* Unicode 15, table 3-7, at its borders, and behind eight plain bytes too. */
static void test_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ASCII, longer than eight", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xc0\xaf", false},
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xc3(", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t before = 0; before < 41; before++) {
            char text[128];
            memset(text, 'a', before);
            strcpy(text + before, cases[i].text);
            assert_int_equal(pack_utf8_valid(bytes_of_text(text)), cases[i].valid);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_sizes),    cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_poisoned), cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
