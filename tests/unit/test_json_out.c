/* What --json prints is JSON whatever strangers named themselves; documents of the engine become JSON and text. */
#include "node/formats/document.h"
#include "node/formats/json_out.h"
#include "node/formats/jsonwalk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check_text(struct buf *out, const char *expected) {
    if (!bytes_equal_text(bytes_of_buf(out), expected))
        fail_msg("\n%.*s\nexpected\n%s", (int)out->size, out->data ? (const char *)out->data : "", expected);
    buf_clear(out);
}

static void test_strings(void **state) {
    (void)state;
    static const struct {
        const char *in;
        size_t size;
        const char *out;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"line\nend\t\r", 10, "\"line\\nend\\u0009\\u000d\""},
        {"\0x", 2, "\"\\u0000x\""},
        {"\x1b[2J", 4, "\"\\u001b[2J\""},
        {"\x7f", 1, "\"\\u007f\""},
        {"\xc2\x9b", 2, "\"\\u009b\""},
        {"\xc2\xa0", 2, "\"\xc2\xa0\""},
        {"\xe8\x81\x94\xf0\x9f\x98\x80", 7, "\"\xe8\x81\x94\xf0\x9f\x98\x80\""},
        {"a\xff\xc0\x80z", 5, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"cut\xe8\x81", 5, "\"cut\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct buf out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_out json = json_out_of(&out);
        json_out_string(&json, bytes_of(cases[i].in, cases[i].size));
        check_text(&out, cases[i].out);
    }
    buf_free(&out);
}

static void test_commas(void **state) {
    (void)state;
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    json_out_object(&json);
    json_out_key(&json, "a");
    json_out_array(&json);
    json_out_uint(&json, UINT64_MAX);
    json_out_bool(&json, true);
    json_out_array(&json);
    json_out_array_end(&json);
    json_out_object(&json);
    json_out_object_end(&json);
    json_out_null(&json);
    json_out_array_end(&json);
    json_out_key(&json, "b");
    json_out_hex(&json, bytes_of("\x01\xff", 2));
    json_out_key(&json, "c");
    json_out_time(&json, 1790000000123);
    json_out_key(&json, "d");
    json_out_raw(&json, bytes_of_text("{\"x\":1}"));
    json_out_object_end(&json);
    json_out_line(&json);
    json_out_uint(&json, 7);
    check_text(
        &out,
        "{\"a\":[18446744073709551615,true,[],{},null],\"b\":\"01ff\",\"c\":\"2026-09-21T14:13:20.123Z\",\"d\":{\"x\":1}}\n7");
    buf_free(&out);
}

static void put_str(struct buf *out, const char *text) { pack_write_str(out, bytes_of_text(text)); }

/* As status answers: scalars, a map, a table. */
static void document_make(struct buf *out) {
    pack_write_map(out, 5);
    put_str(out, "id");
    pack_write_bin(out, bytes_of("\xab\xcd", 2));
    put_str(out, "links");
    pack_write_array(out, 2);
    for (uint64_t i = 0; i < 2; i++) {
        pack_write_map(out, 2);
        put_str(out, "name");
        put_str(out, i ? "B\x1b[2J" : "long name");
        put_str(out, "up");
        pack_write_bool(out, i > 0);
    }
    put_str(out, "none");
    pack_write_array(out, 0);
    put_str(out, "publishing");
    pack_write_bool(out, true);
    put_str(out, "store");
    pack_write_map(out, 5);
    put_str(out, "entries");
    pack_write_uint(out, 12);
    put_str(out, "starts_ms");
    pack_write_array(out, 2);
    pack_write_uint(out, 1);
    pack_write_uint(out, 0);
    put_str(out, "ended_ms");
    pack_write_uint(out, 0);
    put_str(out, "rtt_ms");
    pack_write_uint(out, 5);
    put_str(out, "started_ms");
    pack_write_uint(out, 1790000000123);
}

static void test_documents(void **state) {
    (void)state;
    struct buf document = {0}, out = {0};
    struct json_out json = json_out_of(&out);
    document_make(&document);
    struct pack_reader reader = pack_reader_of(bytes_of_buf(&document));
    assert_int_equal(document_json(&json, &reader), OK);
    assert_int_equal(pack_done(&reader), OK);
    check_text(
        &out,
        "{\"id\":\"abcd\",\"links\":[{\"name\":\"long name\",\"up\":false},{\"name\":\"B\\u001b[2J\",\"up\":true}],\"none\":[],"
        "\"publishing\":true,\"store\":{\"entries\":12,\"starts_times\":[\"1970-01-01T00:00:00.001Z\",null],\"ended\":null,\"rtt_"
        "ms\":5,\"started\":\"2026-09-21T14:13:20.123Z\"}}");
    assert_int_equal(document_text(&out, bytes_of_buf(&document)), OK);
    check_text(&out, "id: abcd\n"
                     "links:\n"
                     "  name       up\n"
                     "  long name  no\n"
                     "  B\\x1b[2J   yes\n"
                     "none: none\n"
                     "publishing: yes\n"
                     "store:\n"
                     "  entries: 12\n"
                     "  starts:\n"
                     "    - 1970-01-01T00:00:00.001Z\n"
                     "    - -\n"
                     "  ended: -\n"
                     "  rtt_ms: 5\n"
                     "  started: 2026-09-21T14:13:20.123Z\n");
    assert_true(document_flag(bytes_of_buf(&document), "publishing"));
    assert_false(document_flag(bytes_of_buf(&document), "none"));
    assert_false(document_flag(bytes_of_buf(&document), "missing"));
    /* Cut anywhere it is refused and says nothing good. */
    for (size_t size = 0; size < document.size; size++) {
        assert_int_not_equal(document_text(&out, bytes_of(document.data, size)), OK);
        buf_clear(&out);
        assert_false(document_flag(bytes_of(document.data, size), "publishing") && size < 40);
    }
    buf_free(&document);
    buf_free(&out);
}

static void test_depth_and_strange_kinds_are_refused(void **state) {
    (void)state;
    static const uint8_t float32[] = {0xca, 0, 0, 0, 0}, negative[] = {0xff}, map_of_uint[] = {0x81, 0x01, 0x01},
                         huge[] = {0xdf, 0xff, 0xff, 0xff, 0xff};
    struct buf out = {0};
    for (unsigned depth = 1; depth <= DOCUMENT_DEPTH_MAX + 1; depth++) {
        uint8_t nested[DOCUMENT_DEPTH_MAX + 2];
        struct json_out json = json_out_of(&out);
        memset(nested, 0x91, sizeof nested);
        nested[depth - 1] = 0x90;
        struct pack_reader reader = pack_reader_of(bytes_of(nested, depth));
        assert_int_equal(document_json(&json, &reader), depth <= DOCUMENT_DEPTH_MAX ? OK : ERR_FORMAT);
        buf_clear(&out);
    }
    struct bytes bad[] = {bytes_of(float32, sizeof float32), bytes_of(negative, 1), bytes_of(map_of_uint, 3), bytes_of(huge, 5),
                          bytes_of(NULL, 0)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct json_out json = json_out_of(&out);
        struct pack_reader reader = pack_reader_of(bad[i]);
        assert_int_equal(document_json(&json, &reader), ERR_FORMAT);
        assert_int_equal(document_text(&out, bad[i]), ERR_FORMAT);
    }
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_commas),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_depth_and_strange_kinds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
