#include "node/formats/jsonwalk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char told[8192]; /* the events of the last walk, in short */

static void tell(const char *mark, struct bytes text) {
    size_t size = strlen(told);
    snprintf(told + size, sizeof told - size, "%s%.*s ", mark, (int)text.size, text.size > 0 ? (const char *)text.data : "");
}
static void on_open(void *context, bool object) { (void)context, tell(object ? "{" : "[", bytes_of(NULL, 0)); }
static void on_close(void *context, bool object) { (void)context, tell(object ? "}" : "]", bytes_of(NULL, 0)); }
static void on_key(void *context, struct bytes key) { (void)context, tell("k:", key); }
static void on_string(void *context, struct bytes value) { (void)context, tell("s:", value); }
static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    static const char *const marks[] = {"null", "false", "true", "n:"};
    (void)context, tell(marks[scalar], number);
}

static const struct jsonwalk_events events = {on_open, on_close, on_key, on_string, on_scalar};
static struct jsonwalk *walk;
static struct jsonwalk_fault fault;

static enum err run(struct bytes text) {
    told[0] = 0;
    /* A copy without anything behind it, so that a sanitizer sees every byte read beyond. */
    uint8_t *copy = malloc(text.size + (text.size == 0));
    assert_non_null(copy);
    if (text.size > 0) memcpy(copy, text.data, text.size);
    enum err error = jsonwalk_run(walk, bytes_of(copy, text.size), NULL, &fault);
    free(copy);
    return error;
}

static int setup(void **state) {
    (void)state;
    walk = jsonwalk_new(&events);
    return walk == NULL;
}
static int teardown(void **state) {
    (void)state;
    jsonwalk_free(walk);
    return 0;
}

/* Events come in document order, escapes decoded, numbers as they are written. */
static void test_events(void **state) {
    (void)state;
    assert_int_equal(
        run(bytes_of_text("{\"a\":[1,-2.50e+3,\"x\\u00e9\\ud83d\\ude00\\n\"],\"\\u0062\":{\"c\":null,\"d\":true,\"e\":false}}")),
        OK);
    assert_string_equal(told, "{ k:a [ n:1 n:-2.50e+3 s:x\xc3\xa9\xf0\x9f\x98\x80\n ] k:b { k:c null k:d true k:e false } } ");
    assert_int_equal(run(bytes_of_text("12")), OK);
    assert_string_equal(told, "n:12 ");
    assert_int_not_equal(run(bytes_of(NULL, 0)), OK);
    assert_int_equal(run(bytes_of_text("\"x\"")), OK);
    assert_int_equal(run(bytes_of_text("{}")), OK);
}

/* What is no JSON, however nearly; after each, the walk is as good as new. */
static void test_malformed(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":nul}",
        "{\"a\":True}",
        "{\"a\":undefined}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"x}",
        "{\"a\":\"x\\\"}",
        "{\"a\":1}}",
        "{\"a\":1}{\"b\":2}",
        "[1]]",
        "1 2",
        "{} x",
        "{\"a\":1/*x*/}",
        "[1}",
        "{}\"",
        "{}\x01",
        "{}\"x\"",
        "\"a\"\"",
        "12\"",
        "null\"",
        "null1",
        "{\"a\":1]",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (run(bytes_of_text(cases[i])) != ERR_SYNTAX) fail_msg("%s was read", cases[i]);
        assert_true(fault.malformed);
        assert_true(fault.offset <= strlen(cases[i]));
        assert_int_equal(run(bytes_of_text("{\"a\":1}")), OK);
        assert_string_equal(told, "{ k:a n:1 } ");
    }
    assert_int_equal(run(bytes_of("{\"a\":\"\0\"}", 9)), ERR_SYNTAX);
}

/* UTF-8 that is none, and halves of surrogate pairs, with the place. */
static void test_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } bad[] = {
        {"{\"a\":\"\xc0\xaf\"}", 6},
        {"{\"a\":\"\xed\xa0\x80\"}", 6},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", 6},
        {"{\"a\":\"ok\xe2\x82\xac\xff\"}", 11},
        {"{\"a\xe2\x82\":1}", 3},
        {"{\"a\":\"\\ud800\"}", 6},
        {"{\"a\":\"\\ud800x\"}", 6},
        {"{\"a\":\"\\ud800\\n\"}", 6},
        {"{\"a\":\"\\ud800\\ud800\"}", 6},
        {"{\"a\":\"\\udc00\"}", 6},
        {"{\"a\":\"\\\\\\uDFFF\"}", 8},
        {"{\"\\uDbff\":1}", 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(run(bytes_of_text(bad[i].text)), ERR_UTF8);
        assert_false(fault.malformed);
        if (fault.offset != bad[i].offset) fail_msg("case %zu: %zu", i, fault.offset);
    }
    assert_int_equal(run(bytes_of_text("{\"a\":\"\\\\ud800 \\ud800\\udc00 \\uffff \xed\x9f\xbf\"}")), OK);
}

/* A property twice in one object, also when escaped differently, and among many. */
static void test_duplicates(void **state) {
    (void)state;
    static const char *const bad[] = {"{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":1}", "[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]",
                                      "{\"\":1,\"\":2}"};
    static const char *const good[] = {"{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]", "{\"a\":1,\"A\":1}",
                                       "{\"a\":[{\"a\":1}],\"b\":2}"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(run(bytes_of_text(bad[i])), ERR_SYNTAX);
        assert_false(fault.malformed);
        assert_int_equal(run(bytes_of_text(good[i])), OK);
    }
    for (size_t count = 30; count < 3000; count += count / 3) {
        struct buf text = {0};
        buf_put_text(&text, "{");
        for (size_t i = 0; i < count; i++) buf_put_format(&text, "\"key%zu\":0,", i);
        size_t size = text.size;
        buf_put_text(&text, "\"last\":0}");
        assert_int_equal(run(bytes_of_buf(&text)), OK);
        text.size = size;
        buf_put_format(&text, "\"key%zu\":0}", count / 2);
        assert_int_equal(run(bytes_of_buf(&text)), ERR_SYNTAX);
        buf_free(&text);
    }
}

/* 64 levels and no more. */
static void test_depth(void **state) {
    (void)state;
    char text[200];
    for (size_t depth = 60; depth < 70; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(run(bytes_of(text, 2 * depth)), depth <= JSON_DEPTH_MAX ? OK : ERR_LIMIT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),     cmocka_unit_test(test_malformed), cmocka_unit_test(test_text),
        cmocka_unit_test(test_duplicates), cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
